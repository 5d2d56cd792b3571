"""Area and delay of a processing element, as far as a price table knows them."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.cost import PriceTable, price_pe
from hwsim.cost.usage import Usage
from hwsim.errors import CostError
from hwsim.floorplan.budget import AreaBudget
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class ElementSize:
    """One processing element on silicon.

    Attributes:
        pe: the element.
        area_um2: datapath and registers.
        delay_ns: slowest path between registers; None where the table knows no delays at all.
    """

    pe: PeSpec
    area_um2: float
    delay_ns: float | None


def element_size(pe: PeSpec, table: PriceTable, budget: AreaBudget) -> ElementSize:
    """Return area and delay of ``pe`` under the budget's dataflow and gating.

    Synthesised tables hold one area for an element, that of the relaxed netlist, and two delays; with ``tight`` the
    clock is therefore optimistic, as the faster netlist is larger by an amount that the table does not say. Synthesis
    for speed is a heuristic: where it came out slower, the relaxed netlist is the fast one.

    Raises:
        CostError: the table does not know the area; or the delay, though it knows those of other elements: at an
            assumed clock this one would be ahead of all that are held to theirs.
    """
    template = budget.template
    usage = Usage.of(template.array.dataflow, template.zero_gating, None, template.second_register)
    price = price_pe(pe, table, usage)
    if price.area_um2 is None:
        raise CostError(
            f"price table {table.name!r} knows no area of a {pe.kind.value}, so no floorplan can be made: "
            "choose another table, or name rows and columns (16x16-ws)"
        )
    delays = [price.delay_ns, price.delay_tight_ns] if budget.tight else [price.delay_ns]
    known = [delay for delay in delays if delay is not None]
    if table.elements and not known:
        raise CostError(
            f"price table {table.name!r} knows delays, and none of a {pe.kind.value} with weights of {pe.weight.bits}, "
            f"activations of {pe.act.bits} and sums of {pe.accumulator.bits} bits: no clock can be chosen beside "
            "theirs; choose other formats, a table without delays (published45), or name rows, columns and clock "
            "(16x16-ws@100MHz)"
        )
    return ElementSize(pe, price.area_um2, min(known, default=None))
