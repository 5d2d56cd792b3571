"""Machines by their area: all of it used and no more, the clock from the delay, and what happens where nothing fits."""

from __future__ import annotations

import json
import pickle
import random
import sys
from dataclasses import replace

import pytest

import models
from hwsim.array import Dataflow, parse_machine
from hwsim.array.parts import MAX_SIDE
from hwsim.array.shortfall import InfeasibleError
from hwsim.cli import main
from hwsim.cost import PriceTable, find_table, load_table, price_pe
from hwsim.cost.elements import ElementRow
from hwsim.costing import cost, parse_layers
from hwsim.errors import CostError, MachineError
from hwsim.floorplan import (
    fixed_area,
    fixed_area_speedup,
    is_budget,
    mac_area_um2,
    parse_budget,
    plan,
    read_machine,
    sides,
)
from hwsim.formats import parse
from hwsim.formats.base import PeKind
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.simulation import simulate
from models import SHAPES

ALADDIN, PUBLISHED = load_table("aladdin45"), load_table("published45")
FORMATS = [("pow2<4>", "int8", "int24"), ("int8", "int8", "int24"), ("fp16", "fp16", "fp16"), ("fp32", "fp32", "fp32")]
RANDOM = random.Random(5)


def element(formats: tuple[str, str, str]) -> PeSpec:
    return pe_for(*map(parse, formats))


def synthesised(delay_ns: float, area_um2: float = 400.0, leakage_w: float = 1e-8, tight: float = 0.5) -> PriceTable:
    """A table with one synthesised shift-add element for each dataflow."""
    rows = tuple(
        ElementRow(
            kind=PeKind.SHIFT_ADD, act_bits=8, act_significand=8, act_exponent=0, weight_bits=4, factor_significand=4,
            factor_exponent=0, acc_bits=24, acc_significand=24, acc_exponent=0, terms=1, positions=4, saturating=True,
            subnormals=True, dataflow=flow, area_um2=area_um2, core_area_um2=area_um2 / 2, delay_ns=delay_ns,
            delay_tight_ns=delay_ns * tight, leakage_w=leakage_w, register_bits=36, core_pj=0.26,
            core_zero_delay_pj=0.2, core_gated_pj=0.02, register_pj=0.1, clock_pj=0.3, base_pj=None, act_toggle_pj=None,
            weight_toggle_pj=None, sum_toggle_pj=None, model_error=None, act_toggles=None, weight_toggles=None,
            sum_toggles=None, node_nm=130, voltage_v=1.8, temperature_c=25, corner="tt", liberty_sha256="00",
            tools="none", recipe="none", rtl_sha256="00", wire_model="none", stream="none", vectors=1, seed=1,
        )
        for flow in Dataflow
    )  # fmt: skip
    return replace(PUBLISHED, name="synthesised", sha256=f"{delay_ns} {area_um2} {tight}", elements=rows)


def check_full(text: str, pe: PeSpec, table: PriceTable) -> None:
    """All that fits is built: within the budget, and with one more row or column beyond it."""
    found = plan(parse_budget(text), [pe], table)
    rows, columns = found.machine.array.rows, found.machine.array.columns
    each, budget = price_pe(pe, table).area_um2, found.budget.area_um2
    assert each is not None
    assert found.array_um2 == pytest.approx(rows * columns * each)
    assert found.used_um2 <= budget
    assert found.used_um2 + found.spare_um2 == pytest.approx(budget)
    assert found.memory_um2 + (rows + 1) * columns * each > budget or rows == MAX_SIDE
    if found.budget.aspect == (1, 1):
        assert found.memory_um2 + rows * (columns + 1) * each > budget
        assert columns <= rows <= columns + 2


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("table", ["aladdin45", "published45"])
def test_the_area_is_used_and_one_more_row_would_not_fit(formats: tuple[str, str, str], table: str) -> None:
    for _ in range(40):
        area = round(10 ** RANDOM.uniform(-0.1, 2), 4)
        flow, aspect = RANDOM.choice(["ws", "os", "is"]), RANDOM.choice(["", ",aspect=2:1", ",aspect=1:3"])
        check_full(f"{area}mm2-{flow}{aspect}", element(formats), load_table(table))


def test_a_plan_that_builds_too_much_or_too_little_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_many(count: int, aspect: tuple[int, int]) -> tuple[int, int]:
        rows, columns = sides(count, aspect)
        return rows + 1, columns

    def too_few(count: int, aspect: tuple[int, int]) -> tuple[int, int]:
        rows, columns = sides(count, aspect)
        return max(rows - 1, 1), columns

    for wrong in (too_many, too_few):
        monkeypatch.setattr(sys.modules["hwsim.floorplan.plan"], "sides", wrong)
        with pytest.raises(AssertionError):
            check_full("3mm2-ws", element(FORMATS[0]), ALADDIN)


def test_sides_of_any_number_of_elements() -> None:
    for count in range(1, 2000):
        rows, columns = sides(count)
        assert rows * columns <= count < min((rows + 1) * columns, rows * (columns + 1))
        for aspect in ((2, 1), (1, 2), (64, 1), (1, 64)):
            rows, columns = sides(count, aspect)
            assert 1 <= rows * columns <= count < (rows + 1) * columns
    assert sides(200, (2, 1)) == (20, 10)


def test_more_area_never_means_fewer_elements_or_a_slower_network() -> None:
    assignment, before = Assignment(LayerFormats.of(*FORMATS[0])), (0, float("inf"))
    for area in (0.7, 0.8, 1, 1.5, 2, 3, 5, 8, 13, 40):
        report = cost(SHAPES["vgg16"](), assignment, f"{area}mm2-os", "aladdin45").hardware
        assert report.floorplan is not None
        now = report.floorplan.machine.array.pes, report.runtime_s
        assert now[0] >= before[0]
        assert now[1] <= before[1] * 1.02, "folds round up, so a larger array may lose a little"
        before = now


def test_narrow_formats_get_more_elements() -> None:
    built = [plan(parse_budget("2mm2-ws"), [element(formats)], ALADDIN).machine.array.pes for formats in FORMATS]
    assert built == sorted(built, reverse=True)


def test_the_area_of_the_result_is_that_of_the_plan() -> None:
    for formats in FORMATS:
        for table in (ALADDIN, PUBLISHED, *([synthesised(2.0)] if formats == FORMATS[0] else [])):
            result = cost(SHAPES["lenet5"](), Assignment(LayerFormats.of(*formats)), "2mm2-is", table).hardware
            assert result.floorplan is not None
            assert result.area_um2 == pytest.approx(result.floorplan.used_um2)
            assert result.machine == str(result.floorplan.machine)
            named = cost(SHAPES["lenet5"](), Assignment(LayerFormats.of(*formats)), result.machine, table).hardware
            assert replace(result, floorplan=None) == named


def test_elements_that_differ_take_the_area_of_the_largest() -> None:
    assignment = Assignment(LayerFormats.of(*FORMATS[0]), (("ip1", LayerFormats.of(*FORMATS[3])),))
    mixed = cost(SHAPES["lenet5"](), assignment, "2mm2-ws", ALADDIN).hardware
    # ip1 reads what the layer before it wrote, in int8.
    single = plan(parse_budget("2mm2-ws"), [element(("fp32", "int8", "fp32"))], ALADDIN)
    assert mixed.machine == str(single.machine)


def test_the_clock_follows_the_delay_up_to_the_ceiling() -> None:
    pe = element(FORMATS[0])
    for text, delay_ns, clock_mhz, limit in (
        ("1mm2-ws@<=500MHz", 1.0, 500.0, "ceiling"),
        ("1mm2-ws@<=500MHz", 2.0, 500.0, "ceiling"),
        ("1mm2-ws@<=500MHz", 3.0, 333.3, "delay"),
        ("1mm2-ws@<=500MHz,tight", 3.0, 500.0, "ceiling"),
        ("1mm2-os@<=2GHz,tight", 3.0, 666.6, "delay"),
    ):
        found = plan(parse_budget(text), [pe], synthesised(delay_ns))
        assert (found.machine.clock_mhz, found.clock_limit) == (clock_mhz, limit)
        assert found.machine.clock_mhz <= 1e3 / (delay_ns / (2 if "tight" in text else 1)) * (1 + 1e-12)
        assert f"{clock_mhz:g}" in found.text()
    found = plan(parse_budget("1mm2-ws,tight"), [pe], synthesised(4.0, tight=1.1))
    assert found.machine.clock_mhz == 250.0, "synthesis for speed came out slower"
    unknown = plan(parse_budget("1mm2-ws@<=700MHz"), [pe], PUBLISHED)
    assert (unknown.machine.clock_mhz, unknown.clock_limit) == (700.0, "assumed")
    assert "assumed" in unknown.text()


def test_a_format_of_unknown_delay_does_not_run_ahead_of_those_held_to_theirs() -> None:
    table, budget = synthesised(8.0), parse_budget("2mm2-ws@<=500MHz")
    assert plan(budget, [element(FORMATS[0])], table).machine.clock_mhz == 125.0
    for elements in ([element(FORMATS[3])], [element(FORMATS[0]), element(FORMATS[3])]):
        with pytest.raises(CostError, match="weights of 32, .* no clock can be chosen .* name rows, columns and clock"):
            plan(budget, elements, table)


def test_a_clock_that_no_element_reaches_is_told_and_a_plan_has_none() -> None:
    for machine, told in (("16x16-ws@500MHz", True), ("16x16-ws@120MHz", False), ("2mm2-ws@<=500MHz", False)):
        result = cost(SHAPES["lenet5"](), Assignment(LayerFormats.of(*FORMATS[0])), machine, synthesised(8.0)).hardware
        assert ("what shift_add would take to reach 500 MHz" in result.unpriced) == told
        assert any("reach" in part for part in result.unpriced) == told


def test_where_nothing_fits_the_message_says_by_how_much_and_what_would() -> None:
    pe = element(FORMATS[3])
    with pytest.raises(InfeasibleError, match="short: give at least") as caught:
        plan(parse_budget("0.63mm2-ws"), [pe], ALADDIN)
    (shortfall,) = caught.value.shortfalls
    needed = float(shortfall.demand)
    assert (shortfall.bound, shortfall.unit) == (0.63, "mm2")
    assert shortfall.gap == pytest.approx(needed - 0.63)
    said = float(shortfall.remedy.split()[3])
    assert needed <= said < 1.001 * needed
    for area in (said, needed * 1.000001):
        assert plan(parse_budget(f"{area}mm2-ws"), [pe], ALADDIN).machine.array.pes == 1
    with pytest.raises(InfeasibleError):
        plan(parse_budget(f"{needed * 0.999}mm2-ws"), [pe], ALADDIN)
    with pytest.raises(InfeasibleError, match="smaller scratchpads"):
        plan(parse_budget("0.1mm2-ws"), [pe], ALADDIN)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.shortfalls) == (str(caught.value), caught.value.shortfalls)


def test_a_table_without_areas_and_a_network_without_products_are_refused() -> None:
    unpriced = replace(PUBLISHED, rows=tuple(replace(row, area_um2=None) for row in PUBLISHED.rows), sha256="none")
    with pytest.raises(CostError, match="knows no area"):
        plan(parse_budget("1mm2-ws"), [element(FORMATS[0])], unpriced)
    with pytest.raises(CostError, match="no matrix product"):
        plan(parse_budget("1mm2-ws"), [], ALADDIN)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2mm2-ws@<=500MHz", "2mm2-ws@<=500MHz"),
        (" 2.50MM2-OS@<=1.2GHz,lanes=16", "2.5mm2-os@<=1200MHz"),
        ("1e-1mm2-is,tight,ifmap=8192b,aspect=3:2", "0.1mm2-is@<=500MHz,aspect=3:2,tight,ifmap=1KiB"),
        ("1mm2-os,nogating,outreg", "1mm2-os@<=500MHz,nogating,outreg"),
        ("1.2345678 mm2-ws,aspect=4:4", "1.2345678mm2-ws@<=500MHz"),
        ("0.00001mm2-ws,aspect=6:4", "1e-05mm2-ws@<=500MHz,aspect=3:2"),
    ],
)
def test_budgets_are_text_both_ways(text: str, canonical: str) -> None:
    budget = parse_budget(text)
    assert str(budget) == canonical
    assert parse_budget(canonical) == budget
    assert read_machine(text) == budget
    assert is_budget(text)
    assert read_machine("16x16-ws") == parse_machine("16x16-ws")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2mm2", "write AREAmm2"),
        ("0mm2-ws", "more than 0"),
        ("99999mm2-ws", "at most 10000"),
        ("2mm2-xs", "dataflow"),
        ("2mm2-ws@500MHz", "cannot be read"),
        ("2mm2-ws@<=fast", "clock 'fast'"),
        ("2mm2-ws,aspect=0:1", "aspect=0:1"),
        ("2mm2-ws,aspect=1:1,aspect=2:1", "twice"),
        ("2mm2-ws,sideways", "sideways.*of an area also aspect=ROWS:COLUMNS, tight"),
        ("2 mm2", "write AREAmm2"),
        ("mm2-ws", "write AREAmm2"),
        ("2mm2-os,shadow", "shadow"),
    ],
)
def test_faults_of_a_budget_are_told(text: str, told: str) -> None:
    with pytest.raises(MachineError, match=told):
        read_machine(text)


def test_run_and_cost_take_an_area(capsys: pytest.CaptureFixture[str]) -> None:
    formats = ["--weights", "pow2<4>", "--acts", "int8", "--acc", "int24", "--table", "aladdin45"]
    for words in (["run", "digits-cnn", "--images", "4"], ["cost", "lenet5"]):
        assert main([*words, *formats, "--machine", "1mm2-ws@<=400MHz", "--json"]) == 0
        values = json.loads(capsys.readouterr().out)
        assert values["floorplan"]["budget"] == "1mm2-ws@<=400MHz"
        assert values["machine"] == values["floorplan"]["machine"]
        assert values["area_um2"] <= 1e6
    assert main(["cost", "lenet5", *formats, "--machine", "0.01mm2-ws"]) == 2
    assert "give at least" in capsys.readouterr().err


def test_simulate_takes_an_area_and_a_list_does() -> None:
    network, data = models.load_network("digits-cnn"), models.load_data("digits", "test").subset(4)
    calibration = models.load_data("digits", "calibration").images
    assignment = Assignment(LayerFormats.of(*FORMATS[0]))
    report = simulate(network, assignment, "1mm2-os", data.images, data.labels, calibration, "aladdin45")
    assert report.hardware.floorplan is not None
    listed = cost(parse_layers("one", "name,m,n,k\na,9,9,9\n"), assignment, "1mm2-os", "aladdin45")
    assert listed.hardware.machine == report.hardware.machine


def test_the_law_of_the_published_study() -> None:
    # Horowitz energies, ShiftAddLLM areas: (7700 + 4184) / (1640 + 1360) and (3.7 + 0.9) / (1.1 + 0.4).
    half, single = element(FORMATS[2]), element(FORMATS[3])
    gain = fixed_area(half, single, PUBLISHED, same_clock=True)
    assert gain.speedup == pytest.approx(11884 / 3000)
    assert gain.energy_ratio == pytest.approx(4.6 / 1.5)
    with pytest.raises(CostError, match="delay"):
        fixed_area_speedup(half, single, PUBLISHED)


def test_delays_count_where_they_are_known() -> None:
    pe, wide = element(FORMATS[0]), element(("pow2<4>", "int8", "int32"))
    table = synthesised(2.0)
    assert mac_area_um2(pe, table) == pytest.approx(200.0)
    own, other = price_pe(pe, table), price_pe(wide, table)
    assert own.delay_ns is not None
    assert other.delay_ns is not None
    gain = fixed_area(pe, wide, table)
    assert gain.speedup == pytest.approx(
        other.delay_ns / own.delay_ns * mac_area_um2(wide, table) / mac_area_um2(pe, table)
    )
    assert fixed_area(pe, pe, table).speedup == 1
    assert gain.speedup * fixed_area(wide, pe, table).speedup == pytest.approx(1)
    assert fixed_area(pe, pe, table).energy_ratio_low == 1


def test_a_path_names_a_table_too() -> None:
    assert find_table("aladdin45") == ALADDIN
