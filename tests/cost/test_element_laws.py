"""The laws between rows: none of their terms falls with a width, and a left-out row is unknown to its price."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.cost import load_table
from hwsim.cost.element_book import ElementBook
from hwsim.cost.element_fit import BOTH, LAWS, MOVING, QuantityFit
from hwsim.cost.element_laws import law_terms
from hwsim.cost.element_shape import Widths, distances, effectual_terms, product_bits, reach, shifters, window
from hwsim.formats import ScaledFormat
from hwsim.formats.base import PeKind
from hwsim.formats.pe_kinds import pe_for
from hwsim.formats.powtwo import PowerSumFormat
from hwsim.formats.spec import parse

SHIFTS = (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD)
QUANTITIES = ("area_um2", "core_pj", "register_pj", "delay_ns")
SKY = load_table("sky130").book
WIDTHS = {
    PeKind.SHIFT_ADD: st.builds(
        lambda act, bits, acc, positions, extra: Widths(act, act, 0, bits, bits, 0, acc, acc, 0, 1, positions, extra),
        st.integers(1, 32), st.integers(2, 9), st.integers(4, 64), st.integers(1, 32), st.integers(0, 1),
    ),
    PeKind.MULTI_SHIFT_ADD: st.builds(
        lambda act, bits, acc, terms, positions, extra: Widths(
            act, act, 0, bits, bits, 0, acc, acc, 0, terms, positions, extra
        ),
        st.integers(1, 32), st.integers(3, 12), st.integers(4, 64), st.integers(2, 4), st.integers(1, 16),
        st.integers(0, 1),
    ),
    PeKind.INT_MAC: st.builds(
        lambda act, bits, acc, extra: Widths(act, act, 0, bits, bits, 0, acc, acc, 0, 0, 0, extra),
        st.integers(1, 32), st.integers(1, 32), st.integers(4, 64), st.integers(0, 1),
    ),
    PeKind.FLOAT_MAC: st.builds(
        lambda p, e, q, f, n, g, extra: Widths(p + e, p, e, q + f, q, f, n + g, n, g, 0, 0, extra),
        st.integers(1, 24), st.integers(1, 8), st.integers(1, 24), st.integers(1, 8), st.integers(2, 30),
        st.integers(1, 11), st.integers(0, 1),
    ),
}  # fmt: skip
NAMES = {
    PeKind.SHIFT_ADD: ("act", "weight_bits", "acc", "positions", "extra"),
    PeKind.MULTI_SHIFT_ADD: ("act", "acc", "terms", "positions", "extra"),  # weight bits say which code it is
    PeKind.INT_MAC: ("act", "factor", "acc", "extra"),
    PeKind.FLOAT_MAC: ("act", "factor", "acc", "act_exponent", "factor_exponent", "acc_exponent", "extra"),
}


def wider(widths: Widths, name: str, more: int) -> Widths:
    """``widths`` with one of them larger, and the bits of the code that it belongs to."""
    if name == "extra":
        return replace(widths, extra=1)
    grown = replace(widths, **{name: getattr(widths, name) + more})
    if name == "weight_bits":
        return replace(grown, factor=grown.factor + more)
    if name in ("terms", "positions"):
        return grown
    bits = {"factor": "weight_bits"}.get(name.removesuffix("_exponent"), f"{name.removesuffix('_exponent')}_bits")
    return replace(grown, **{bits: getattr(grown, bits) + more})


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(list(WIDTHS)), st.integers(1, 8))
def test_no_term_falls_as_a_width_grows(data: st.DataObject, kind: PeKind, more: int) -> None:
    start = data.draw(WIDTHS[kind])
    grown = wider(start, data.draw(st.sampled_from(NAMES[kind])), more)
    toggles = data.draw(st.tuples(*[st.floats(0, 16)] * 3))
    for quantity in QUANTITIES:
        for law in (*LAWS, *MOVING, "glitch"):
            low, high = (law_terms(kind, quantity, law, own, toggles) for own in (start, grown))
            assert (low is None) == (high is None)
            for small, large in zip(low or (), high or (), strict=True):
                assert large >= small - 1e-12, (law, quantity, start, grown)


@pytest.mark.parametrize("text", [f"apot<{bits}>" for bits in range(4, 10)] + [
    f"shiftcnn<{n},{b}>" for n in (2, 3) for b in (3, 4)
])  # fmt: skip
def test_what_the_shape_says_of_a_code_is_what_its_levels_show(text: str) -> None:
    """The product's width from every level of the format itself: largest power of two over the smallest."""
    weights = parse(text)
    assert isinstance(weights, ScaledFormat)
    element = weights.element
    assert isinstance(element, PowerSumFormat)
    widths = Widths.of_pe(pe_for(weights, parse("int8"), parse("int24")))
    powers = {exponent for code in element.codes() for _, exponent in element.term_list(code) or ()}
    assert distances(widths) == max(powers) - min(powers)
    assert product_bits(widths) == 8 + distances(widths)


@pytest.mark.parametrize(("kind", "flow"), list(SKY.groups))
def test_a_left_out_row_is_unknown_to_what_predicts_it(kind: PeKind, flow: object) -> None:
    """Whatever the row's own price is, the prediction from the others stays: planted prices three times as high."""
    group = SKY.groups[kind, flow]  # type: ignore[index]
    planted = len(group.rows) // 2
    changed = [
        replace(row, core_pj=row.core_pj * 3, core_zero_delay_pj=row.core_zero_delay_pj * 2, area_um2=row.area_um2 * 3)
        if index == planted
        else row
        for index, row in enumerate(group.rows)
    ]
    other = ElementBook(changed).groups[kind, flow]  # type: ignore[index]
    for quantity in ("core_pj", "area_um2"):
        fit, again = group.fit(quantity), other.fit(quantity)
        assert fit is not None
        assert again is not None
        for law in fit.laws:
            was, now = (own.leave_one_out(law).errors[planted] for own in (fit, again))
            assert (1 + now) * 3 == pytest.approx(1 + was, rel=1e-4), (quantity, law)


@pytest.mark.parametrize("law", ["staged", "active"])
def test_the_error_of_floats_is_that_of_tables_without_the_row(law: str) -> None:
    group = SKY.groups[PeKind.FLOAT_MAC, next(flow for kind, flow in SKY.groups if kind is PeKind.FLOAT_MAC)]
    fit = group.fit("core_pj")
    assert fit is not None
    for index in range(0, len(group.rows), 4):
        row = group.rows[index]
        others = ElementBook([own for own in group.rows if own is not row]).groups[group.kind, group.dataflow]
        without = others.fit("core_pj")
        assert without is not None
        without.__dict__["error"] = fit.leave_one_out(law)
        toggles = (row.act_toggles or 0.0, row.weight_toggles or 0.0, row.sum_toggles or 0.0)
        predicted = without.at(Widths.of_row(row), toggles)
        assert predicted / row.core_pj - 1 == pytest.approx(fit.leave_one_out(law).errors[index], abs=1e-4)


def test_both_is_the_geometric_mean_and_staged_the_product() -> None:
    whole = next(group for (kind, _), group in SKY.groups.items() if kind is PeKind.INT_MAC).fit("core_pj")
    assert whole is not None
    errors = [[1 + error for error in whole.leave_one_out(law).errors] for law in (*BOTH, "both")]
    for one, other, mean in zip(*errors, strict=True):
        assert mean == pytest.approx(math.sqrt(one * other))


def test_a_term_that_all_other_rows_have_alike_says_nothing_of_the_one_without() -> None:
    """One row flushes subnormals: left out, it is priced by its shape, not by half of an unknown coefficient."""
    rows = [Widths(p + 5, p, 5, p + 5, p, 5, p + 5, p, 5, 0, 0, 1) for p in range(3, 12)]
    rows.append(replace(rows[-1], extra=0))
    values = [3.0 * law_terms(PeKind.FLOAT_MAC, "area_um2", "power", own)[0] for own in rows]  # type: ignore[index]
    fit = QuantityFit(PeKind.FLOAT_MAC, "area_um2", rows, [math.exp(value / 6) for value in values])
    assert abs(fit.leave_one_out("power").errors[-1]) < 1e-6


def test_parts_of_the_shape() -> None:
    flushed = Widths(16, 11, 5, 12, 4, 8, 24, 15, 9, 0, 0, 0)
    assert (window(flushed), reach(flushed), shifters(flushed)) == (15, 8, 2.0)
    assert window(replace(flushed, acc=16)) == 16
    assert shifters(replace(flushed, extra=1)) == 4.0
    single = Widths(8, 8, 0, 4, 4, 0, 24, 24, 0, 1, 7, 1)
    assert (effectual_terms(single), distances(single), len(astuple(single))) == (1.0, 6, 12)
