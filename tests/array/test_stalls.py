"""Waits for memories: the closed form against a replay that moves bits cycle by cycle, and what must hold of it."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hwsim.array import loops, ports, stalls, tiling
from hwsim.array.counts import Action
from hwsim.array.cycles import fold_cycles, fold_interval
from hwsim.array.dram import crossings
from hwsim.array.edge import word_accesses
from hwsim.array.machine import Machine, parse_machine
from hwsim.array.replay import _Replay, replay_layer
from hwsim.array.shortfall import InfeasibleError, Shortfall
from hwsim.array.stalls import layer_waits
from hwsim.array.tiling import FIXED, Tiling, legal_tilings
from hwsim.array.timing import layer_time
from hwsim.array.workload import Workload

SHAPES = [(1, 1, 1), (2, 3, 4), (5, 4, 3), (3, 7, 5), (6, 2, 9), (7, 5, 2), (4, 9, 6), (1, 8, 7), (9, 1, 1)]
MEMORIES = [
    "dram=0.7GB/s",
    "double,dram=1.3GB/s",
    "ifmap=64KiB/8b,filter=64KiB/8b/1r1w,ofmap=64KiB/24b",
    "ifmap=512b/8b,filter=512b/16b,ofmap=2048b/32b/1r1w,double,dram=0.9GB/s",
    "ifmap=96b/16b,filter=400b,ofmap=600b/24b/double,dram=0.3GB/s",
    "ifmap=200b/16b/double,filter=300b/x2/double,ofmap=500b/16b/x2/double,dram=2GB/s",
]
ARRAYS = ["3x2", "2x3", "1x1", "2x2"]
BITS = (7, 5, 19, 11)  # all different, so that a wrong width shows


def layer(shape: tuple[int, int, int], turn: int) -> Workload:
    """A layer that has biases, groups, overlapping windows and maps on the chip, in turn."""
    work = Workload.gemm(*shape, groups=(1, 2, 1, 5, 1, 3)[turn % 6], bits=BITS)
    fewer = max(1, work.ifmap_elements * 3 // 5) if turn % 2 else work.ifmap_elements
    return dataclasses.replace(work, has_bias=turn % 3 > 0, ifmap_elements=fewer)


def check(machine: Machine, work: Workload, tiles: Tiling) -> None:
    """Raise AssertionError where closed form and replay differ in cycles, waits, crossings or accesses."""
    replayed, waits = replay_layer(machine, work, tiles), vars(layer_waits(machine, work, tiles))
    assert {name: n for name, n in waits.items() if n} == {name: n for name, n in replayed.waits.items() if n}, "waits"
    assert layer_time(machine, work, tiles).total == replayed.cycles, "cycles"
    crossed: Counter[tuple[str, str]] = Counter()
    for crossing in crossings(machine, work, tiles):
        way = "in" if crossing.action is Action.READ else "out"
        crossed[crossing.memory.name, way] += crossing.words * crossing.word_bits  # type: ignore[assignment]
    assert {k: v for k, v in crossed.items() if v} == {k: v for k, v in replayed.dram_bits.items() if v}, "crossings"
    words = {(c.unit, c.action.value): c.count for c in word_accesses(machine, work, tiles) if c.count}
    assert words == {k: v for k, v in replayed.accesses.items() if v}, "accesses"


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
@pytest.mark.parametrize("memory", MEMORIES)
def test_closed_form_is_the_replay(flow: str, memory: str) -> None:
    for turn, shape in enumerate(SHAPES):
        machine = parse_machine(f"{ARRAYS[turn % 4]}-{flow},{memory}" + ",outreg" * (turn % 5 == 1))
        work = layer(shape, turn)
        tilings = list(legal_tilings(machine, work))
        for tiles in dict.fromkeys([FIXED, *tilings[turn :: max(1, len(tilings) // 3)]]):
            check(machine, work, tiles)


def test_every_tiling_of_one_layer_is_the_replay() -> None:
    for flow in ("ws", "os", "is"):
        machine, work = parse_machine(f"2x2-{flow},{MEMORIES[3]}"), layer((4, 5, 4), 3)
        for tiles in legal_tilings(machine, work):
            check(machine, work, tiles)


def test_groups_that_share_weights_are_the_replay() -> None:
    work = dataclasses.replace(Workload.gemm(4, 4, 4, groups=4, bits=BITS), weights_shared=True, weight_elements=16)
    for filters in ("60b", "200b/double"):
        check(parse_machine(f"2x2-ws,filter={filters},dram=1GB/s"), work, FIXED)


def test_weights_unpacked_at_the_edge_are_the_replay() -> None:
    """Few bits cross the bus and many pass the port: either of them may be the slower."""
    for turn, memory in enumerate(MEMORIES):
        for flow, outside in itertools.product(("ws", "os", "is"), (Fraction(0), Fraction(7, 5), Fraction(4))):
            work = dataclasses.replace(layer((5, 4, 6), turn), weight_dram_bits=outside)
            check(parse_machine(f"2x3-{flow},{memory}"), work, FIXED)
    shared = dataclasses.replace(
        Workload.gemm(4, 4, 4, groups=4, bits=BITS),
        weights_shared=True, weight_elements=16, weight_dram_bits=Fraction(3, 2),
    )  # fmt: skip
    for filters in ("60b", "200b/8b/double"):
        check(parse_machine(f"2x2-ws,filter={filters},dram=1GB/s"), shared, FIXED)


def test_weights_that_take_nothing_are_the_replay() -> None:
    """A layer of zeros may be packed into nothing: tiles, transfers and ports are those of the other tensors."""
    for turn, memory in enumerate(MEMORIES):
        for flow in ("ws", "os", "is"):
            work = dataclasses.replace(layer((5, 4, 6), turn), weight_storage_bits=Fraction(0))
            machine = parse_machine(f"2x3-{flow},{memory}")
            for tiles in list(legal_tilings(machine, work))[:: 9 + turn]:
                check(machine, work, tiles)


def test_maps_on_the_chip_are_the_replay() -> None:
    work = dataclasses.replace(layer((5, 4, 6), 2), ifmap_in_dram=False, ofmap_in_dram=False)
    for flow in ("ws", "os", "is"):
        check(parse_machine(f"2x3-{flow},double,dram=0.5GB/s"), work, FIXED)


FAULTS: list[tuple[Any, str, Callable[[Any], Any]]] = [
    (stalls, "transfer_cycles", lambda old: lambda bits, *others: old(bits, *others) + (bits > 0)),
    (loops, "_turn_kinds", lambda old: lambda n: ((0, n),)),
    (loops, "_turn_kinds", lambda old: lambda n: ((0, 1), (1, n - 1)) if n > 1 else ((0, 1),)),
    (stalls, "neighbour", lambda old: lambda place, turns, way: old(place, turns, -way)),
    (ports, "memory_cycles", lambda old: lambda memory, read, write: max(old(memory, read, 0), old(memory, 0, write))),
    (ports, "vector_cycles", lambda old: lambda memory, bits: old(memory, bits) + 1),
    (tiling.Nest, "kept", lambda old: lambda self, tensor, outer: Fraction(1)),
    (tiling.Nest, "inner", lambda old: lambda self, loop: ""),
    (stalls, "_overlaps", lambda old: lambda nest, tensor: True),
]


@pytest.mark.parametrize(("place", "name", "fault"), FAULTS)
def test_planted_faults_are_noticed(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, fault: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr(place, name, fault(getattr(place, name)))
    with pytest.raises(AssertionError):
        for memory, flow in itertools.product(MEMORIES[2:5], ("ws", "is", "os")):
            check(parse_machine(f"3x2-{flow},{memory}"), layer((7, 9, 10), 1), FIXED)


def test_lenet_ip1_does_not_wait_where_its_transfers_fit() -> None:
    """400,000 weights at 10 words a cycle are 40,000 cycles of transfers under 75,200 of computation: only the first
    fill and the last write-back show. SCALE-Sim 3.0.0 fetches each weight 15 times and stalls for 531,246 cycles."""
    machine = parse_machine("16x16-ws@1000MHz,double,dram=10GB/s")
    work = dataclasses.replace(Workload.gemm(1, 500, 800), has_bias=False)
    cycles, fetched = layer_time(machine, work), crossings(machine, work)[1].words
    assert (fetched, cycles.total - cycles.stall) == (400_000, 75_200)
    assert dict(cycles.waits) == {"first fill": 26 + 2, "last write-back": 1}


def test_what_the_bus_cannot_bring_in_time_is_waited_for() -> None:
    """32x32: a fold takes 95 cycles. At 64 words a cycle its 1024 weights come in 16, at 8 words in 128."""
    work = dataclasses.replace(Workload.gemm(1, 500, 800), has_bias=False)
    assert layer_waits(parse_machine("32x32-ws@1000MHz,double,dram=64GB/s"), work, FIXED).dram_in == 0
    late = layer_waits(parse_machine("32x32-ws@1000MHz,double,dram=8GB/s"), work, FIXED).dram_in
    first_column = 24 * (128 + 4 - 95)  # with 32 activations each; the first fold of all is the first fill
    full_columns = 14 * 25 * (128 - 95)
    outputs = 14 * 4  # 32 of the column before, before the second weights of the next; the last column's 80 are in time
    assert late == first_column + full_columns + outputs


def scale_sim_rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "data" / "scalesim.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["mode"] == "USER"]


@pytest.mark.parametrize(
    "row", scale_sim_rows(), ids=lambda r: "-".join(r[k] for k in ("layer", "rows", "dataflow", "bandwidth"))
)
def test_where_scale_sim_is_limited_ours_lies_between_what_must_be(row: dict[str, str]) -> None:
    """Its bandwidth-limited runs: words are bytes, 64 KiB for each operand. It fetches weights up to 15 times, stalls
    14 times as long as all transfers would take, or not at all where they take four times the computation."""
    direct = ",direct" if row["dataflow"] == "os" else ""
    size, bandwidth = f"{row['rows']}x{row['columns']}-{row['dataflow']}", float(row["bandwidth"])
    machine = parse_machine(f"{size}@1000MHz{direct},double,dram={bandwidth}GB/s")
    work = dataclasses.replace(Workload.gemm(int(row["m"]), int(row["n"]), int(row["k"])), has_bias=False)
    cycles, moved = layer_time(machine, work), crossings(machine, work)
    compute = cycles.total - cycles.stall
    transfers = sum(part.words * part.word_bits for part in moved) / (8 * Fraction(bandwidth))
    assert compute == int(row["cycles"]) - int(row["stalls"]) + 1, "it counts one cycle less"
    assert max(compute, transfers) <= cycles.total <= compute + transfers + 3 * cycles.folds
    assert moved[1].words == work.weight_elements <= int(row["dram_filter_reads"])


def test_two_ports_are_never_slower_than_one() -> None:
    for shape in SHAPES:
        one, two = (parse_machine(f"3x2-ws,ofmap=64KiB/19b{ports}") for ports in ("", "/1r1w"))
        assert layer_time(one, layer(shape, 0)).total >= layer_time(two, layer(shape, 0)).total


def test_a_scratchpad_without_room_for_one_vector_says_what_would_fit() -> None:
    machine = parse_machine("8x8-ws,ifmap=96b,ofmap=64KiB/32b,double,dram=1GB/s")
    with pytest.raises(InfeasibleError, match="one vector of activations in 'ifmap_sram'") as caught:
        layer_time(machine, Workload.gemm(9, 9, 9))
    (shortfall,) = caught.value.shortfalls
    assert (shortfall.demand, shortfall.bound, shortfall.gap, shortfall.unit) == (64, 48, 16, "bits")
    assert "give it 128 bits" in str(caught.value)
    layer_time(parse_machine("8x8-ws,ifmap=128b,ofmap=64KiB/32b,double,dram=1GB/s"), Workload.gemm(9, 9, 9))


def test_a_large_demand_and_a_bound_just_below_it_do_not_read_alike() -> None:
    text = str(Shortfall("a map", 1_048_577, 1_048_576, "bits", "enlarge it"))
    assert text == "a map needs 1048577 bits and has 1048576 bits, 1 bits short: enlarge it"
    assert "1.25 mm2" in str(Shortfall("a chip", Fraction(5, 4), 0.5, "mm2", "enlarge it"))


def test_infeasible_errors_travel_between_processes() -> None:
    import pickle

    with pytest.raises(InfeasibleError) as caught:
        layer_time(parse_machine("8x8-ws,ifmap=8b,dram=1GB/s"), Workload.gemm(9, 9, 9))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.shortfalls) == (str(caught.value), caught.value.shortfalls)


def slow_phases(machine: Machine, work: Workload, tiles: Tiling) -> int:
    """Add up all phases of a machine whose folds overlap, one by one; only what moves is taken from the replay."""
    replay = _Replay(machine, work, tiles)
    folds = list(replay._folds())
    bursts = [replay._bursts(fold) for fold in folds]

    def cycles(place: int, way: str, beside: bool) -> int:
        all_of_fold = bursts[place] if 0 <= place < len(folds) else []
        own = [b for b in all_of_fold if b.way == way and replay._is_beside(b) is beside]
        ways = [((b.bits, machine.dram_bits_per_cycle), (b.held, b.memory.bits_per_cycle)) for b in own]
        return sum(max(math.ceil(Fraction(bits) / pace) for bits, pace in both if pace) for both in ways)

    total = cycles(0, "in", True) + cycles(len(folds) - 1, "out", True)
    for place, fold in enumerate(folds):
        stream, last = len(fold.ranges["t"]), place == len(folds) - 1
        own = fold_cycles(machine, stream).total if last else fold_interval(machine, stream)
        beside = cycles(place - 1, "out", True) + cycles(place + 1, "in", True)
        total += cycles(place, "in", False) + max(own, beside) + cycles(place, "out", False)
    return total


@pytest.mark.parametrize(
    "text", ["3x2-ws,shadow", "2x3-is,shadow,outreg", "3x3-os,overlap", "2x2-os,overlap", "3x2-os,direct"]
)
@pytest.mark.parametrize("memory", ["double,dram=1.3GB/s", "ifmap=400b,ofmap=700b,double,dram=0.7GB/s", "dram=0.5GB/s"])
def test_folds_that_overlap_wait_as_all_their_phases_one_by_one(text: str, memory: str) -> None:
    machine = parse_machine(f"{text},{memory}")
    for turn, shape in enumerate(SHAPES):
        work = layer(shape, turn)
        tilings = list(legal_tilings(machine, work))
        for tiles in dict.fromkeys([FIXED, *tilings[turn :: max(1, len(tilings) // 4)]]):
            assert layer_time(machine, work, tiles).total == slow_phases(machine, work, tiles), (shape, tiles)
