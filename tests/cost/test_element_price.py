"""Prices from synthesised elements: rows exactly, laws between them with an error that anyone can recompute."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from cost_element_samples import element
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.array import Action, ActionCount, Component, Dataflow
from hwsim.cost import (
    PriceTable,
    Usage,
    explain,
    load_table,
    mac_range_pj,
    parse_table,
    price_counts,
    price_pe,
    table_names,
)
from hwsim.cost.element_book import ElementBook
from hwsim.cost.element_file import write_elements
from hwsim.cost.element_fit import LAWS, MOVING, QuantityFit
from hwsim.cost.element_shape import Widths
from hwsim.cost.elements import ElementRow
from hwsim.cost.interpolate import Basis
from hwsim.cost.least_squares import nonnegative
from hwsim.cost.rows import COLUMNS, Operation
from hwsim.formats.activity import BusToggles, FlowActivity
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec

WS, OS, IS = Dataflow.WEIGHT_STATIONARY, Dataflow.OUTPUT_STATIONARY, Dataflow.INPUT_STATIONARY
OPERATIONS = "".join(f"{op.value},1,,,1,1,1,0,130,1.8,synthesised,me,\n" for op in Operation)


def whole(bits: int) -> Operand:
    return Operand(bits, bits)


def shift_add(act: int = 8, positions: int = 7, acc: int = 24, **own: object) -> PeSpec:
    pe = PeSpec(PeKind.SHIFT_ADD, whole(act), whole(4), whole(4), whole(act + positions), whole(acc), 1, positions)
    return replace(pe, **own)  # type: ignore[arg-type]


def size(act: int, positions: int, acc: int) -> float:
    """What the synthetic elements cost: a law of the kind that is fitted."""
    return 10 + 2.5 * act * math.log2(positions + 1) + 6.0 * acc


def grid(noise: float = 0.0, dataflow: Dataflow = WS, seed: int = 0) -> list[ElementRow]:
    random = np.random.default_rng(seed)
    rows = []
    for act, positions, acc in itertools.product((4, 8, 16), (3, 7, 15), (16, 24, 32)):
        own = size(act, positions, acc) * (1 + noise * random.uniform(-1, 1))
        rows.append(
            element(
                act_bits=act, act_significand=act, positions=positions, acc_bits=acc, acc_significand=acc,
                dataflow=dataflow, area_um2=own + 5.0 * (act + 4 + acc), core_area_um2=own, core_pj=own / 1000,
                core_zero_delay_pj=own / 1250, core_gated_pj=own / 10_000, register_bits=act + 4 + acc,
                register_pj=0.002 * (act + acc), clock_pj=0.008 * (act + 4 + acc), act_toggles=act / 4,
                sum_toggles=acc / 2, weight_toggles=0.1,
            )
        )  # fmt: skip
    return rows


def table(rows: list[ElementRow]) -> PriceTable:
    return parse_table("mine", ",".join(COLUMNS) + "\n" + OPERATIONS, write_elements(rows))


TABLE = table([*grid(), *grid(dataflow=OS)])


def test_a_row_is_its_own_price() -> None:
    for row in TABLE.elements[:27]:
        price = price_pe(shift_add(row.act_bits, row.positions, row.acc_bits), TABLE)
        assert (price.energy_mac_pj, price.energy_mac_low_pj) == (row.core_pj, row.core_zero_delay_pj)
        assert (price.area_um2, price.leakage_w, price.energy_gated_pj) == (
            row.area_um2, row.leakage_w, row.core_gated_pj,
        )  # fmt: skip
        assert (price.register_pj, price.clock_pj, price.delay_ns) == (row.register_pj, row.clock_pj, row.delay_ns)
        assert any(row.place in note and "row" in note for note in price.notes)


def test_between_rows_the_law_that_made_them_is_found() -> None:
    for act, positions, acc in itertools.product((6, 12), (5, 11), (20, 28)):
        price = price_pe(shift_add(act, positions, acc), TABLE)
        assert price.energy_mac_pj == pytest.approx(size(act, positions, acc) / 1000, rel=1e-6)
        assert price.clock_pj == pytest.approx(0.008 * (act + 4 + acc))
        assert any("law between the rows" in note for note in price.notes)
        assert any("left out and predicted" in note for note in price.notes)


def test_beyond_the_rows_is_said_with_its_distance() -> None:
    notes = price_pe(shift_add(8, 7, 48), TABLE).notes
    assert any("BEYOND" in note for note in notes)
    assert any("acc 48 beyond 16 to 32 (x1.50)" in note for note in notes)


def independent_loo(rows: list[ElementRow], law: str) -> list[float]:
    """Each row left out, the rest fitted by trying every set of coefficients that are not zero."""
    errors = []
    for left in rows:
        others = [row for row in rows if row is not left]

        def terms(row: ElementRow) -> list[float]:
            stages = row.act_bits * math.log2(row.positions + 1)
            if law == "size":
                return [stages + row.act_bits + row.positions + 2.0 * row.acc_bits]
            return [stages, float(row.acc_bits), 1.0, -1.0]

        matrix = np.array([np.array(terms(row)) / row.core_pj for row in others])
        best, least = np.zeros(matrix.shape[1]), float("inf")
        for chosen in itertools.chain.from_iterable(
            itertools.combinations(range(matrix.shape[1]), n) for n in range(1, matrix.shape[1] + 1)
        ):
            part = np.linalg.lstsq(matrix[:, chosen], np.ones(len(others)), rcond=None)[0]
            loss = float(((matrix[:, chosen] @ part - 1) ** 2).sum())
            if (part >= 0).all() and loss < least - 1e-12:
                best, least = np.zeros(matrix.shape[1]), loss
                best[list(chosen)] = part
        guess = float(np.array(terms(left)) @ best)
        key = (left.act_bits, left.positions, left.acc_bits)
        corners = [((row.act_bits, row.positions, row.acc_bits), row.core_pj) for row in others]
        above = [pj for corner, pj in corners if all(c >= k for c, k in zip(corner, key, strict=True))]
        below = [pj for corner, pj in corners if all(c <= k for c, k in zip(corner, key, strict=True))]
        held = max([min([guess, *above]), *below])
        errors.append(held / left.core_pj - 1)
    return errors


@pytest.mark.parametrize("law", ["lean", "size"])
def test_the_stated_error_is_that_of_a_few_independent_lines(law: str) -> None:
    rows = grid(noise=0.08)
    errors = independent_loo(rows, law)
    found = QuantityFit(
        PeKind.SHIFT_ADD, "core_pj", [Widths.of_row(row) for row in rows], [row.core_pj for row in rows]
    )
    stated = found.leave_one_out(law)
    assert stated.rms == pytest.approx(math.sqrt(sum(e * e for e in errors) / len(errors)), rel=1e-6)
    assert stated.worst == pytest.approx(max(map(abs, errors)), rel=1e-6)
    assert stated.rows == 27
    assert found.error is not None
    assert found.error.rms == min(found.leave_one_out(own).rms for own in LAWS)


def test_leaving_a_row_out_of_the_table_gives_the_stated_error() -> None:
    """The same through the front door: the table without the row, asked for the row."""
    rows = grid(noise=0.08)
    book = ElementBook(rows).groups[PeKind.SHIFT_ADD, WS].fit("core_area_um2")
    assert book is not None
    assert book.error is not None
    errors = []
    for left in rows:
        others = [row for row in rows if row is not left]
        fit = QuantityFit(
            PeKind.SHIFT_ADD, "core_area_um2", [Widths.of_row(r) for r in others], [r.core_area_um2 for r in others]
        )
        fit.__dict__["error"] = book.error  # the law is that of the whole table
        errors.append(fit.at(Widths.of_row(left)) / left.core_area_um2 - 1)
    assert math.sqrt(sum(e * e for e in errors) / len(errors)) == pytest.approx(book.error.rms, rel=1e-6)
    assert book.error.errors == pytest.approx(errors)


def test_energies_that_follow_toggles_are_found_by_a_law_with_toggles() -> None:
    """Finer weights that toggle less: without the toggles the energies would look like noise."""
    random = np.random.default_rng(3)
    rows = [
        replace(row, sum_toggles=toggles, core_pj=1e-3 * row.acc_bits * toggles)
        for row in grid()
        if (toggles := float(random.uniform(1, 12)))
    ]
    book = ElementBook(rows).groups[PeKind.SHIFT_ADD, WS]
    fit = book.fit("core_pj")
    assert fit is not None
    assert fit.error is not None
    assert fit.error.law in MOVING
    assert fit.error.rms < 1e-6
    assert fit.leave_one_out("active").rms < 1e-6
    assert fit.leave_one_out("full").rms > 0.3
    assert fit.error.blind_rms is not None
    assert fit.error.blind_rms > 0.1
    at = Widths.of_pe(shift_add(12, 5, 20))
    assert fit.at(at, (1.0, 0.1, 8.0)) == pytest.approx(1e-3 * 20 * 8)
    assert any("has to be predicted too" in note for note in price_pe(shift_add(12, 5, 20), table(rows)).notes)


BOOKS = {"clean": ElementBook(grid()), "noisy": ElementBook(grid(noise=0.3))}
WIDTHS = st.tuples(st.integers(2, 24), st.integers(2, 20), st.integers(10, 48))


@settings(deadline=None)  # the laws of a table are fitted once, by the first example
@given(WIDTHS, st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 8)), st.sampled_from(["clean", "noisy"]))
def test_prices_never_fall_as_a_width_grows(start: tuple[int, ...], more: tuple[int, ...], which: str) -> None:
    """Only where the table's own rows fall does a price, and only at those rows."""
    group = BOOKS[which].groups[PeKind.SHIFT_ADD, WS]
    small = Widths.of_pe(shift_add(*start))
    large = Widths.of_pe(shift_add(*(a + b for a, b in zip(start, more, strict=True))))
    for quantity in ("area_um2", "clock_pj"):
        one, other = group.find(small, quantity), group.find(large, quantity)
        assert one is not None
        assert other is not None
        if which == "clean" or Basis.TABLE not in (one.basis, other.basis):
            assert one.value <= other.value * (1 + 1e-9)
    energy = group.fit("core_pj")
    assert energy is not None
    assert energy.at(small, (2.0, 0.1, 8.0)) <= energy.at(large, (2.0, 0.1, 8.0)) * (1 + 1e-9), "at equal toggles"
    assert energy.at(small, (2.0, 0.1, 8.0)) <= energy.at(small, (3.0, 0.2, 9.0)) * (1 + 1e-9), "more toggles"


def test_each_cycle_of_an_ungated_element_costs_core_registers_and_clock() -> None:
    """No double counting: the array's counts of one element for one cycle add up to the netlist's energy."""
    row = TABLE.elements[0]
    pe = shift_add(row.act_bits, row.positions, row.acc_bits)
    counts = [
        ActionCount(Component.PE, Action.MAC, "pe", 0, 1),
        ActionCount(Component.REGISTER, Action.WRITE, "act_register", row.act_bits, 1),
        ActionCount(Component.REGISTER, Action.READ, "act_register", row.act_bits, 1),
        ActionCount(Component.REGISTER, Action.READ, "weight_register", row.weight_bits, 1),
        ActionCount(Component.REGISTER, Action.WRITE, "psum_register", row.acc_bits, 1),
        ActionCount(Component.REGISTER, Action.READ, "psum_register", row.acc_bits, 1),
        ActionCount(Component.REGISTER, Action.CLOCK, "weight_register", 1, row.weight_bits),
    ]
    priced = price_counts(counts, pe, {}, TABLE)
    assert sum(priced.values()) == pytest.approx(row.core_pj + row.register_pj + row.clock_pj)
    gated = price_counts(counts[:-1], pe, {}, TABLE)
    held = row.clock_pj * row.weight_bits / row.register_bits
    assert sum(priced.values()) - sum(gated.values()) == pytest.approx(held)


@pytest.mark.parametrize(("flow", "moving"), [(WS, "act"), (OS, "both"), (IS, "weight")])
def test_registers_of_every_dataflow_sum_to_the_rows(flow: Dataflow, moving: str) -> None:
    rows = [replace(row, dataflow=flow) for row in grid()[:1]]
    row, own = rows[0], table(rows)
    pe = shift_add(row.act_bits, row.positions, row.acc_bits)
    bits = {"act": row.act_bits, "weight": row.weight_bits, "psum": row.acc_bits}
    at_work = {"act": ("act", "psum"), "both": ("act", "weight", "psum"), "weight": ("weight", "psum")}[moving]
    counts = [ActionCount(Component.REGISTER, Action.WRITE, f"{name}_register", bits[name], 1) for name in at_work]
    counts += [
        ActionCount(Component.REGISTER, Action.CLOCK, f"{name}_register", 1, width)
        for name, width in bits.items()
        if name not in at_work
    ]
    priced = price_counts(counts, pe, {}, own, Usage(flow))
    assert priced[Component.REGISTER] == pytest.approx(row.register_pj + row.clock_pj)


def busy(act: float, weight: float, total: float) -> Usage:
    toggles = BusToggles(act, weight, total)
    return Usage(WS, FlowActivity(toggles, toggles))


def test_energy_follows_the_activity_of_the_data() -> None:
    row = TABLE.elements[0]
    pe = shift_add(row.act_bits, row.positions, row.acc_bits)
    assert row.act_toggles is not None
    assert row.weight_toggles is not None
    assert row.sum_toggles is not None
    same = busy(row.act_toggles, row.weight_toggles, row.sum_toggles)
    assert price_pe(pe, TABLE, same).energy_mac_pj == pytest.approx(row.core_pj)
    # core = 0.05 + 0.02 act + 0.03 weight + 0.01 sum at the toggles of the data, anchored at the row's own energy.
    line = [0.05 + 0.02 * a + 0.03 * w + 0.01 * s for a, w, s in ((row.act_toggles, 0.1, row.sum_toggles), (2, 1, 3))]
    assert price_pe(pe, TABLE, busy(2, 1, 3)).energy_mac_pj == pytest.approx(row.core_pj * line[1] / line[0])
    quiet, loud = (price_pe(pe, TABLE, busy(*toggles)).energy_mac_pj for toggles in ((0.1, 0, 1), (4, 4, 16)))
    assert quiet < row.core_pj < loud
    assert any("activity of the data" in note for note in price_pe(pe, TABLE, same).notes)
    assert any("table's own stream" in note for note in price_pe(pe, TABLE).notes)


def test_the_core_of_a_machine_without_zero_gating_sees_the_wires() -> None:
    wires, core = BusToggles(4, 1, 8), BusToggles(1, 1, 2)
    pe, activity = shift_add(), FlowActivity(wires, core)
    gated, open_ = (price_pe(pe, TABLE, Usage(WS, activity, gating)).energy_mac_pj for gating in (True, False))
    assert gated < open_


def test_a_word_of_a_quiet_register_costs_less() -> None:
    counts = [ActionCount(Component.REGISTER, Action.WRITE, "psum_register", 24, 1)]
    quiet, loud = (
        price_counts(counts, shift_add(), {}, TABLE, busy(2, 0, total))[Component.REGISTER] for total in (1, 12)
    )
    clock = 24 * 0.008
    assert clock < quiet < loud


def test_a_range_from_no_glitches_to_all() -> None:
    low, high = mac_range_pj(shift_add(), TABLE) or (0.0, 0.0)
    assert high / low == pytest.approx(1.25)


def test_a_codebook_is_a_look_up_and_the_element_behind_it() -> None:
    row = element(PeKind.INT_MAC, factor_significand=8, weight_bits=8, acc_bits=32, acc_significand=32)
    own = table([row])
    pe = PeSpec(PeKind.CODEBOOK_MAC, whole(8), whole(4), whole(8), whole(16), whole(32))
    price = price_pe(pe, own)
    assert price.energy_mac_pj == pytest.approx(1.0 + row.core_pj)
    assert price.area_um2 == pytest.approx(1.0 + row.area_um2)
    assert any("look-up" in note for note in price.notes)


def test_kinds_without_rows_are_priced_from_their_parts() -> None:
    pe = PeSpec(PeKind.INT_MAC, whole(8), whole(8), whole(8), whole(16), whole(32))
    assert price_pe(pe, TABLE).energy_mac_pj == 2
    mixed = PeSpec(PeKind.FLOAT_MAC, whole(8), whole(8), whole(8), whole(16), Operand(16, 11, 5))
    assert price_pe(mixed, TABLE).energy_mac_pj == 2


def test_input_stationary_takes_weight_stationary_rows_and_says_so() -> None:
    price = price_pe(shift_add(), TABLE, Usage(IS))
    assert price.energy_mac_pj == price_pe(shift_add(), TABLE).energy_mac_pj
    assert any("no rows of is" in note for note in price.notes)


def test_wrapping_is_cheaper_where_the_table_has_both() -> None:
    both = [*grid(), *(replace(row, saturating=False, core_pj=row.core_pj * 0.9) for row in grid())]
    own = table(both)
    assert price_pe(shift_add(saturating=False), own).energy_mac_pj < price_pe(shift_add(), own).energy_mac_pj


def test_explain_names_the_rows_and_adds_up() -> None:
    rows = explain(shift_add(), TABLE)
    price = price_pe(shift_add(), TABLE)
    assert sum(row.energy_pj or 0.0 for row in rows if row.role == "mac") == price.energy_mac_pj
    assert sum(row.energy_pj or 0.0 for row in rows if row.role == "gated") == price.energy_gated_pj
    assert sum(row.energy_pj or 0.0 for row in rows if row.role == "cycle") == pytest.approx(
        (price.register_pj or 0.0) + (price.clock_pj or 0.0)
    )
    assert sum(row.area_um2 or 0.0 for row in rows) == pytest.approx(price.area_um2)
    assert {kind for row in rows for kind in row.kinds} == {"synthesised"}
    assert all("mine.pe.csv" in place for row in rows for place in row.places)
    assert all("tt_025C_1v80" in source for row in rows for source in row.sources)


def test_coefficients_are_the_least_squares_that_are_not_negative() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        matrix, target = random.standard_normal((12, 5)), random.standard_normal(12)
        x, free = nonnegative(matrix.T @ matrix, matrix.T @ target)
        gradient = matrix.T @ (target - matrix @ x)
        assert (x >= 0).all()
        assert ((x > 0) <= free).all()
        assert np.abs(gradient[free]).max(initial=0) < 1e-8
        assert gradient[~free].max(initial=-1.0) < 1e-8


def test_where_the_rows_themselves_fall_is_said() -> None:
    rows = grid()
    clean = ElementBook(rows).groups[PeKind.SHIFT_ADD, WS]
    assert clean.falls("core_pj") == ()
    dearest = max(rows, key=lambda row: row.core_pj)
    planted = [replace(row, core_pj=row.core_pj * 0.8) if row is dearest else row for row in rows]
    falls = ElementBook(planted).groups[PeKind.SHIFT_ADD, WS].falls("core_pj")
    assert falls
    assert {(fall.large.act_bits, fall.large.positions, fall.large.acc_bits) for fall in falls} == {(16, 15, 32)}
    below = sorted(row.core_pj for row in rows)[-2]
    assert falls[0].share == pytest.approx(1 - 0.8 * dearest.core_pj / below)


def test_shipped_rows_are_their_own_prices_and_state_their_errors() -> None:
    for name in table_names():
        shipped = load_table(name)
        for (kind, flow), group in shipped.book.groups.items():
            for row in group.rows:
                found = group.find(Widths.of_row(row), "core_pj")
                assert found is not None
                assert (found.value, found.rows) == (row.core_pj, (row,))
            fit = group.fit("area_um2")
            assert fit is not None, (kind, flow)
            assert (fit.error is not None) == (len(group.rows) >= 3)
