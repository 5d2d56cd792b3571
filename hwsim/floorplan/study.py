"""What a format gains on the same silicon, arithmetic units alone: the law of a published study.

Source: Hill et al., "Rethinking Numerical Representations for Deep Neural Networks" (2016, arXiv 1808.02513), figure 5:
speedup = delay(baseline) / delay(format) x area(baseline) / area(format), the gain of the clock times that of the
copies that fit. Memories and wires are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwsim.cost import PriceTable, Quantity, price_pe
from hwsim.cost.datapath import Term, lookup_terms, mac_terms
from hwsim.cost.element_price import element_of
from hwsim.cost.model import price_term
from hwsim.cost.usage import PLAIN, Usage
from hwsim.errors import CostError
from hwsim.formats.pe import PeSpec


@dataclass(frozen=True)
class FixedArea:
    """A format's unit beside a baseline's.

    Attributes:
        delay_ratio: delay of the baseline over that of the format; 1 where both are assumed to share a clock.
        area_ratio: the same of the arithmetic's area, registers left out.
        energy_ratio: the same of the energy of a multiply-accumulate.
        energy_ratio_low: the same without glitches; None where the table does not say.
    """

    delay_ratio: float
    area_ratio: float
    energy_ratio: float
    energy_ratio_low: float | None = None

    @property
    def speedup(self) -> float:
        """Multiply-accumulates per second on the same area, over the baseline's."""
        return self.delay_ratio * self.area_ratio


def fixed_area(
    pe: PeSpec, baseline: PeSpec, table: PriceTable, usage: Usage = PLAIN, same_clock: bool = False
) -> FixedArea:
    """Return what ``pe`` gains over ``baseline`` in a fixed area.

    Args:
        pe: the unit of a format.
        baseline: the unit that it is compared with, such as that of fp32.
        table: the prices.
        usage: how the elements are used, for tables with synthesised ones.
        same_clock: leave delays out and let the copies alone count; needed where the table knows no delay.

    Raises:
        CostError: the table does not know an area, or a delay that is asked for.

    >>> from hwsim.cost import load_table
    >>> from hwsim.formats import parse
    >>> from hwsim.formats.pe_kinds import pe_for
    >>> half, single = (pe_for(*[parse(name)] * 3) for name in ("fp16", "fp32"))
    >>> gain = fixed_area(half, single, load_table("published45"), same_clock=True)
    >>> round(gain.speedup, 2), round(gain.energy_ratio, 2)
    (3.96, 3.07)
    """
    own, other = price_pe(pe, table, usage), price_pe(baseline, table, usage)
    delays = 1.0 if same_clock else _delay_ns(other.delay_ns, table) / _delay_ns(own.delay_ns, table)
    low = None
    if own.energy_mac_low_pj is not None and other.energy_mac_low_pj is not None:
        low = other.energy_mac_low_pj / own.energy_mac_low_pj
    areas = mac_area_um2(baseline, table, usage) / mac_area_um2(pe, table, usage)
    return FixedArea(delays, areas, other.energy_mac_pj / own.energy_mac_pj, low)


def fixed_area_speedup(
    pe: PeSpec, baseline: PeSpec, table: PriceTable, usage: Usage = PLAIN, same_clock: bool = False
) -> float:
    """Return delay ratio x area ratio; see ``fixed_area``. Raises CostError."""
    return fixed_area(pe, baseline, table, usage, same_clock).speedup


def mac_area_um2(pe: PeSpec, table: PriceTable, usage: Usage = PLAIN) -> float:
    """Return the area of the arithmetic of one element in um2, registers left out.

    Raises:
        CostError: the table does not know it.
    """
    whole = element_of(pe, table, usage)
    if whole is None:
        return _terms_um2(mac_terms(pe), pe, table)
    core = whole.find("core_area_um2")
    if core is None:
        raise _unknown("area of the arithmetic", table)
    return core.value + _terms_um2(lookup_terms(pe), pe, table)


def _terms_um2(terms: Sequence[Term], pe: PeSpec, table: PriceTable) -> float:
    prices = [price_term(term, Quantity.AREA, table) for term in terms]
    if any(price is None for price in prices):
        raise _unknown(f"area of a part of {pe.kind.value}", table)
    return sum(price.value for price in prices if price)


def _delay_ns(delay_ns: float | None, table: PriceTable) -> float:
    if delay_ns is None:
        raise _unknown("delay", table, "; or compare at one clock with same_clock=True")
    return delay_ns


def _unknown(what: str, table: PriceTable, otherwise: str = "") -> CostError:
    return CostError(f"price table {table.name!r} does not know the {what}: choose a synthesised table{otherwise}")
