"""Many machines at once give what one at a time gives, to the last bit; what cannot be done at once is done alone."""

from __future__ import annotations

import csv
import random
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.array import Machine, parse_machine
from hwsim.cli import main
from hwsim.cost import PriceTable, load_table, table_names
from hwsim.costing import cost
from hwsim.errors import HwsimError
from hwsim.network import Conv2d, Flatten, Layer, Linear, MatMul, MaxPool2d, Network, Recurrent, Softmax, fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.sweep import Outcome, QuickCost, SweepError, run_sweep
from hwsim.sweep.closed_forms import Side
from hwsim.sweep.evaluate import evaluate, vectorisable
from hwsim.sweep.layers import layer_columns
from hwsim.sweep.points import Point
from hwsim.sweep.prices import PriceBook, sizeless
from hwsim.sweep.run import outcome_of
from models import SHAPES

PUBLISHED, UNIT = load_table("published45"), load_table("unit")
FORMATS = (
    LayerFormats.of("pow2<4>", "int8", "int24"),
    LayerFormats.of("apot<5>", "fixed<9,4>", "fixed<20,12>", bias="fixed<8,4>"),
    LayerFormats.of("int4", "int12", "int32"),
    LayerFormats.of("float<5,4>", "float<5,4>", "float<5,10>", product="float<5,6>"),
    LayerFormats.of("codebook<8>", "int8", "int16"),
    LayerFormats.of("mxfp4", "mxfp8e4m3", "fp32"),
    LayerFormats.of("int8", "int8", "int8"),
)
OPTIONS = {
    "ws": ("", ",shadow", ",shadow,outreg", ",outreg", ",nogating"),
    "is": ("", ",shadow", ",shadow,outreg", ",outreg", ",nogating"),
    "os": ("", ",overlap", ",overlap,outreg", ",direct", ",outreg,nogating"),
}


def some_machine(dice: random.Random, clocked: bool) -> Machine:
    flow = dice.choice(["ws", "os", "is"])
    rows, columns = (dice.choice([1, 2, 3, 5, 8, 13, 16, 31, 64, 200, 1000]) for _ in range(2))
    options = dice.choice(OPTIONS[flow])
    for memory in ("ifmap", "filter", "ofmap"):
        if dice.random() < 0.6:
            size = dice.choice(["100b", "1KiB", "7KiB", "64KiB", "1MiB", "64MiB"])
            word = "" if size == "100b" else dice.choice(["", "", "/64b", "/24b", "/128b/x2", "/32b/1r1w"])
            options += f",{memory}={size}{word}" + dice.choice(["", "", "/double"])
    if dice.random() < 0.5:
        options += f",dram={dice.choice(['0.1', '1', '3.3', '12.8', '200'])}GB/s"
    options += dice.choice(["", ",lanes=1", ",lanes=7"]) + (dice.choice(["", ",noclockgate"]) if clocked else "")
    return parse_machine(f"{rows}x{columns}-{flow}@{dice.choice([100, 333, 1250])}MHz{options}")


def same(found: Outcome, expected: Outcome) -> None:
    """Equal, and not nearly: whole numbers and binary64 alike."""
    assert found == expected


def check(
    network: Network, machines: list[Machine], formats: LayerFormats, table: PriceTable, batch: int, zeros: float | None
) -> None:
    found = run_sweep(network, [formats], machines, [table], batch, zeros)
    for row, machine in zip(found.rows, machines, strict=True):
        if row.outcome is None:
            with pytest.raises(HwsimError, match=re.escape(row.error)):
                cost(network, Assignment(formats), machine, table, batch, zeros)
            continue
        assert not row.one_by_one, row
        expected = cost(network, Assignment(formats), machine, table, batch, zeros)
        same(row.outcome, outcome_of(expected.hardware))


@pytest.mark.parametrize("name", SHAPES)
def test_a_random_grid_is_what_one_at_a_time_gives(name: str) -> None:
    dice = random.Random(f"grid of {name}")
    network = SHAPES[name]()
    for formats in dice.sample(FORMATS, 3):
        machines = [some_machine(dice, clocked=False) for _ in range(6)]
        check(network, machines, formats, PUBLISHED, dice.choice([1, 2, 5]), dice.choice([None, 0.0, 0.3]))


@pytest.mark.parametrize("table", ["unit", "aladdin45"])
def test_other_tables_and_ungated_clocks_too(table: str) -> None:
    dice = random.Random(f"grid of {table}")
    for name in ("lenet5", "mobilenetv2", "bert-layer", "lstm"):
        machines = [some_machine(dice, clocked=table == "unit") for _ in range(8)]
        check(SHAPES[name](), machines, dice.choice(FORMATS), load_table(table), 1, 0.4)


@pytest.mark.parametrize("table", sorted({*table_names()} - {"unit", "aladdin45", "published45"}))
def test_tables_of_synthesised_elements_too(table: str) -> None:
    dice = random.Random(f"grid of {table}")
    machines = [some_machine(dice, clocked=False) for _ in range(6)]
    check(SHAPES["alexnet"](), machines, FORMATS[0], load_table(table), 2, 0.4)
    check(SHAPES["bert-layer"](), machines, FORMATS[2], load_table(table), 1, None)


def test_small_networks_in_every_corner() -> None:
    dice = random.Random(8)
    layers = (
        Layer("conv", Conv2d(6, (3, 3), groups=2), ("input",)),
        Layer("scores", MatMul(2, transposed=True), ("conv", "conv")),
        Layer("h", Recurrent(4), ("scores",)),
        Layer("flat", Flatten(), ("h",)),
        Layer("fc", Linear(3), ("flat",)),
        Layer("answer", Softmax(), ("fc",)),
    )
    network = Network("corners", (4, 6, 3), layers, {})
    for formats in FORMATS:
        machines = [some_machine(dice, clocked=True) for _ in range(25)]
        check(network, machines, formats, UNIT, dice.choice([1, 3]), None)


def test_a_network_without_a_product_is_priced_too() -> None:
    network = Network("pools", (3, 8, 8), (Layer("pool", MaxPool2d((2, 2), (2, 2)), ("input",)),), {})
    check(network, [parse_machine(text) for text in ("8x8-ws", "8x8-os,dram=1GB/s")], FORMATS[0], UNIT, 2, None)


def test_one_at_a_time_and_quick_is_the_same_too() -> None:
    dice, network = random.Random(4), SHAPES["resnet50"]()
    quick = QuickCost(network, PUBLISHED, batch=2, sparsity=0.1)
    for _ in range(8):
        machine, formats = some_machine(dice, clocked=False), dice.choice(FORMATS)
        try:
            expected = outcome_of(cost(network, Assignment(formats), machine, PUBLISHED, 2, 0.1).hardware)
        except HwsimError as error:
            with pytest.raises(HwsimError, match=re.escape(str(error))):
                quick(machine, formats)
            continue
        same(quick(machine, formats), expected)


FAULTS = [
    ("hwsim.sweep.closed_forms", "cycles", lambda whole: lambda placed: whole(placed) + (placed.folds > 40)),
    ("hwsim.sweep.evaluate", "edge_counts", lambda whole: lambda placed: list(whole(placed))[1:]),
    ("hwsim.sweep.evaluate", "crossing_counts", lambda whole: lambda *given: list(whole(*given))[:-1]),
    ("hwsim.sweep.evaluate", "register_counts", lambda whole: lambda placed: list(whole(placed))[:-1]),
    ("hwsim.sweep.evaluate", "requantise_counts", lambda whole: lambda placed, rounded: whole(placed, ~rounded)),
    ("hwsim.sweep.evaluate", "residence", lambda whole: lambda source, own, room: whole(source, 0 * own, room)),
    ("hwsim.sweep.ports", "_times", lambda whole: lambda word, count: whole(word, count + 1)),
    ("hwsim.sweep.ports", "UNITS", lambda whole: (whole[1], whole[0], whole[2])),
    ("hwsim.sweep.evaluate", "in_words", lambda whole: lambda counts, pads, widths: list(counts)),
    ("hwsim.sweep.waits", "_turn_kinds", lambda whole: lambda turns: whole(turns)[:-1]),
    ("hwsim.sweep.waits", "fold_lengths", lambda whole: lambda placed: whole(placed)[::-1]),
    ("hwsim.sweep.waits", "own_weights", lambda whole: lambda placed: whole(placed) + 8),
    ("hwsim.sweep.movement", "_spilled", lambda whole: lambda placed, room: 0 * whole(placed, room)),
    ("hwsim.sweep.movement", "_not_kept", lambda whole: lambda placed, room: 0 * whole(placed, room)),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(FAULTS)))
def test_planted_faults_are_noticed(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    home, name, wrong = FAULTS[place]
    module = sys.modules[home]
    faulty = wrong(getattr(module, name))
    monkeypatch.setattr(module, name, faulty)
    if name == "cycles":
        monkeypatch.setattr(sys.modules["hwsim.sweep.evaluate"], name, faulty)
    pad = "filter=1KiB,ofmap=4KiB"
    flows = ("ws", "os", "is", "ws,shadow,dram=1GB/s,double", "os,overlap,dram=1GB/s,double", "is,dram=1GB/s",
             "ws,ifmap=8KiB/24b", "os,ifmap=8KiB/24b,dram=1GB/s")  # fmt: skip
    machines = [parse_machine(f"16x12-{flow},{pad}") for flow in flows]
    with pytest.raises(AssertionError):
        check(SHAPES["lenet5"](), machines, FORMATS[0], UNIT, 1, None)


def test_a_price_that_is_remembered_for_the_wrong_machine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[Machine] = []

    def forgetful(self: PriceBook, machine: Machine) -> int:
        first.append(sizeless(machine))
        return self.number(first[0])

    machines = [parse_machine(text) for text in ("8x8-ws", "8x8-ws,ifmap=1MiB")]
    check(SHAPES["lenet5"](), machines, FORMATS[0], PUBLISHED, 1, None)
    monkeypatch.setattr(PriceBook, "machine", forgetful)
    with pytest.raises(AssertionError, match="energy_pj"):
        check(SHAPES["lenet5"](), machines, FORMATS[0], PUBLISHED, 1, None)


def test_sides_are_cut_like_axes() -> None:
    from hwsim.array.mapping import Axis

    extents, sides = np.meshgrid(np.arange(1, 40), np.arange(1, 45))
    side = Side(extents, sides)
    for index in np.ndindex(extents.shape):
        axis = Axis(int(extents[index]), int(sides[index]))
        assert (axis.folds, axis.triangle) == (side.folds[index], side.triangle[index])
        assert [(int(s[index]), int(n[index])) for s, n in side.sizes if n[index]] == list(axis.sizes)


def test_what_waits_or_chooses_is_priced_alone() -> None:
    machines = [f"8x8-ws{option}" for option in (",tiling=energy", ",compress=bitmap", ",ifmap=64KiB/64b", "")]
    found = run_sweep(SHAPES["lenet5"](), [FORMATS[0]], machines)
    assert [row.one_by_one for row in found.rows] == [True, True, False, False]
    assert not vectorisable(parse_machine(machines[0]))
    for row, machine in zip(found.rows, machines, strict=True):
        assert row.outcome is not None, row.error
        same(row.outcome, outcome_of(cost(SHAPES["lenet5"](), Assignment(FORMATS[0]), machine).hardware))


def test_waits_for_memories_are_in_the_rows() -> None:
    machines = [f"8x8-ws,double,dram={pace}GB/s" for pace in (100, 10, 1, 0.1)] + ["8x8-ws,double"]
    found = run_sweep(SHAPES["alexnet"](), [FORMATS[0]], machines)
    stalls = [row.outcome.stall for row in found.rows if row.outcome]
    assert stalls[-1] == 0
    assert 0 < stalls[0] < stalls[1] < stalls[2] < stalls[3]
    assert not any(row.one_by_one for row in found.rows)


def test_scratchpads_that_hold_no_vector_are_told_as_the_scalar_path_does() -> None:
    machine = "64x64-ws,ifmap=100b,dram=1GB/s"
    (row,) = run_sweep(SHAPES["lenet5"](), [FORMATS[0]], [machine]).rows
    with pytest.raises(HwsimError) as caught:
        cost(SHAPES["lenet5"](), Assignment(FORMATS[0]), machine)
    assert row.outcome is None
    assert row.error == str(caught.value)


def test_counts_too_large_for_64_bits_are_priced_alone() -> None:
    columns = layer_columns(fold_shapes(SHAPES["vgg16"]()), batch=10**7)
    assert evaluate(columns, [Point(parse_machine("1x1-ws"), FORMATS[0])], PriceBook(PUBLISHED)) == [None]
    found = run_sweep(SHAPES["vgg16"](), [FORMATS[0]], ["1x1-ws"], batch=10**7)
    expected = cost(SHAPES["vgg16"](), Assignment(FORMATS[0]), "1x1-ws", batch=10**7)
    assert found.rows[0].one_by_one
    assert found.rows[0].outcome == outcome_of(expected.hardware)


def test_areas_are_built_for_each_format() -> None:
    found = run_sweep(SHAPES["resnet18"](), FORMATS[:3], ["1mm2-ws@<=400MHz", "0.01mm2-ws", "8x8-os"], ["aladdin45"])
    assert [row.machine for row in found.rows[:3]] == ["1mm2-ws@<=400MHz", "0.01mm2-ws@<=500MHz", "8x8-os"]
    built = [row.built for row in found.rows[::3]]
    assert len(set(built)) == 3
    for row in found.rows:
        if row.machine.startswith("0.01"):
            assert row.outcome is None
            assert "give at least" in row.error
            assert row.to_dict()["energy_pj"] is None
            continue
        assert row.outcome is not None
        expected = cost(SHAPES["resnet18"](), Assignment(row.formats), row.machine, row.table)
        assert row.built == expected.hardware.machine
        same(row.outcome, outcome_of(expected.hardware))


def test_a_price_that_is_missing_is_the_row_s_own_trouble() -> None:
    found = run_sweep(SHAPES["lenet5"](), FORMATS[:1], ["8x8-ws,noclockgate", "8x8-ws"])
    assert [row.outcome is None for row in found.rows] == [True, False]
    assert "register_clock" in found.rows[0].error


def test_the_front_is_what_nothing_beats() -> None:
    machines = [f"{side}x{side}-{flow}" for side in (4, 8, 16, 32, 64) for flow in ("ws", "os", "is")]
    found = run_sweep(SHAPES["alexnet"](), FORMATS[:4], machines)
    objectives = ("runtime_s", "energy_pj", "area_um2")
    numbers = [tuple(row.to_dict()[name] for name in objectives) for row in found.rows]
    beaten = [
        any(other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in numbers)
        for own in numbers
    ]
    front = found.front(objectives)
    assert {id(row) for row in front} == {id(row) for row, lost in zip(found.rows, beaten, strict=True) if not lost}
    assert 1 < len(front) < len(found.rows)
    with pytest.raises(SweepError, match="speed"):
        found.front(("speed",))


def test_tables_do_not_beat_each_other() -> None:
    machines = [f"{side}x{side}-{flow}" for side in (8, 16, 32) for flow in ("ws", "os")]
    found = run_sweep(SHAPES["lenet5"](), FORMATS[:3], machines, ["published45", "published45@7nm"])
    front = found.front()
    alone = [
        run_sweep(SHAPES["lenet5"](), FORMATS[:3], machines, [row]).front()
        for row in dict.fromkeys(r.table for r in found.rows)
    ]
    assert list(front) == [row for own in alone for row in own]
    assert {row.table for row in front} == {"published45", "published45@7nm"}


def test_the_frame_has_a_row_for_each_combination() -> None:
    found = run_sweep(SHAPES["lenet5"](), FORMATS[:2], ["4x4-ws", "4x4-os"], [PUBLISHED, UNIT])
    frame = found.frame()
    assert len(frame) == 8
    assert frame["cycles"].nunique() == 2
    parts = frame[[name for name in frame if name.startswith("energy_") and name not in ("energy_pj", "energy_low_pj")]]
    assert parts.sum(axis=1).to_numpy() == pytest.approx(frame["energy_pj"].to_numpy())
    assert (frame["energy_pj"] * 1e-12 / frame["runtime_s"]).to_numpy() == pytest.approx(frame["power_w"].to_numpy())


def test_more_work_is_never_less() -> None:
    roomy = "16x16-os,ifmap=64MiB,filter=64MiB,ofmap=64MiB"
    found = [run_sweep(SHAPES["alexnet"](), FORMATS[:1], [roomy], batch=batch).rows[0] for batch in (1, 2, 4, 8)]
    cycles = [row.outcome.cycles for row in found if row.outcome]
    energy = [row.outcome.energy_total_pj for row in found if row.outcome]
    assert cycles == sorted(cycles)
    assert energy == sorted(energy)
    each = [total / batch for total, batch in zip(energy, (1, 2, 4, 8), strict=True)]
    assert each == sorted(each, reverse=True), "weights are fetched once for all images"


@pytest.mark.parametrize("batch", [0, -3, True])
def test_a_batch_of_no_image_is_told_as_the_scalar_path_does(batch: int) -> None:
    for call in (
        lambda: run_sweep(SHAPES["lenet5"](), FORMATS[:1], ["8x8-ws"], batch=batch),
        lambda: QuickCost(SHAPES["lenet5"](), PUBLISHED, batch=batch),
    ):
        with pytest.raises(HwsimError, match=f"batch is {batch!r}; a whole number"):
            call()


@pytest.mark.parametrize("options", ["", ",aspect=3:2", ",tight,shadow"])
def test_areas_by_synthesised_elements_are_those_of_one_at_a_time(options: str) -> None:
    pads = ",ifmap=4KiB,filter=4KiB,ofmap=4KiB"
    areas = [f"{area}mm2-ws@<=150MHz{pads}{options}" for area in (2, 3.7)]
    network = SHAPES["bert-layer"]()
    found = run_sweep(network, [*FORMATS[:1], FORMATS[6]], areas, ["sky130"], batch=2)
    for row in found.rows:
        expected = cost(network, Assignment(row.formats), row.machine, row.table, batch=2)
        assert row.outcome is not None, row.error
        assert row.built == expected.hardware.machine
        same(row.outcome, outcome_of(expected.hardware))


@pytest.mark.parametrize("machines", [[], ["8by8"]])
def test_a_sweep_of_nothing_or_of_no_machine_is_refused(machines: list[str]) -> None:
    with pytest.raises(HwsimError):
        run_sweep(SHAPES["lenet5"](), FORMATS[:1], machines)


def test_the_command_writes_every_combination_and_prints_the_front(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "all.csv"
    words = ["sweep", "resnet18", "--machine", "{8,16}x8-{ws,os}", "--weights", "pow2<{3..4}>", "--acts", "int8"]
    assert main([*words, "--acc", "int24", "--all", "fp16", "--csv", str(path)]) == 0
    out = capsys.readouterr().out
    rows = list(csv.DictReader(path.open()))
    assert len(rows) == 4 * 3
    assert "12 combinations" in out
    assert "not beaten in runtime_s and energy_pj" in out
    row = rows[5]
    formats = LayerFormats.of(row["weights"], row["acts"], row["acc"], row["product"] or None)
    expected = cost(SHAPES["resnet18"](), Assignment(formats), row["machine"]).hardware
    assert (int(row["cycles"]), float(row["energy_pj"])) == (expected.cycles, expected.energy_total_pj)
    slow = ["sweep", "lenet5", "--machine", "8x8-ws@{50,5000}MHz", "--weights", "pow2<4>", "--acts", "int8"]
    assert main([*slow, "--acc", "int24", "--table", "sky130"]) == 0
    remarks = [line for line in capsys.readouterr().out.splitlines() if "is faster than this element" in line]
    assert [line.partition(",")[0] for line in remarks] == ["8x8-ws@5000MHz"]
    assert main(["sweep", "resnet18", "--machine", "8x8-ws"]) == 2
    assert "no formats" in capsys.readouterr().err
    assert main(["sweep", "resnet18", "--all", "fp16", "--csv", str(tmp_path / "no" / "where.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_points_are_equal_whatever_stands_beside_them() -> None:
    network, dice = SHAPES["googlenet"](), random.Random(2)
    machines = [some_machine(dice, clocked=False) for _ in range(12)]
    together = run_sweep(network, FORMATS[:2], machines).rows
    alone = [run_sweep(network, [formats], [machine]).rows[0] for formats in FORMATS[:2] for machine in machines]
    assert [replace(row, machine="") for row in together] == [replace(row, machine="") for row in alone]
