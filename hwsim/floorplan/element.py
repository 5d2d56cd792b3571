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
        delay_ns: slowest path between registers; None where the table does not know it.
    """

    pe: PeSpec
    area_um2: float
    delay_ns: float | None


def element_size(pe: PeSpec, table: PriceTable, budget: AreaBudget) -> ElementSize:
    """Return area and delay of ``pe`` under the budget's dataflow and gating.

    Synthesised tables hold one area for an element, that of the relaxed netlist, and two delays; with ``tight`` the
    clock is therefore optimistic, as the faster netlist is larger by an amount that the table does not say.

    Raises:
        CostError: the table does not know the area.
    """
    template = budget.template
    usage = Usage.of(template.array.dataflow, template.zero_gating, None, template.second_register)
    price = price_pe(pe, table, usage)
    if price.area_um2 is None:
        raise CostError(
            f"price table {table.name!r} knows no area of a {pe.kind.value}, so no floorplan can be made: "
            "choose another table, or name rows and columns (16x16-ws)"
        )
    tight = price.delay_tight_ns if budget.tight else None
    return ElementSize(pe, price.area_um2, price.delay_ns if tight is None else tight)
