"""The vector unit does what pooling and additions need, a lane an operation a cycle."""

from __future__ import annotations

from collections import Counter

import pytest

from hwsim.array.counts import Action, Component
from hwsim.array.machine import parse_machine
from hwsim.array.vector import (
    Residence,
    VectorWork,
    average_pool,
    elementwise_add,
    elementwise_clip,
    elementwise_relu,
    max_pool,
    requantise_counts,
    vector_cycles,
    vector_time,
    vector_traffic,
)
from hwsim.array.workload import Workload
from hwsim.errors import MachineError

MACHINE = parse_machine("4x4-ws,lanes=10")


def totals(work: VectorWork) -> dict[tuple[Component, Action], int]:
    found: Counter[tuple[Component, Action]] = Counter()
    for count in vector_traffic(MACHINE, work):
        found[count.component, count.action] += count.count  # type: ignore[assignment]
    return found


def test_max_pool_counts_a_loop_over_its_windows() -> None:
    side, compares, reads = 8, 0, 0
    for _ in range((side // 2) ** 2):
        for tap in range(4):
            reads += 1
            compares += tap > 0
    work = max_pool("pool", input_elements=side**2, output_elements=16, window=4, bits=6)
    assert (work.compares, work.operands) == (compares, reads) == (48, 64)
    assert vector_cycles(MACHINE, work) == 5
    assert totals(work) == {
        (Component.VECTOR, Action.COMPARE): 48,
        (Component.SRAM, Action.READ): 64 + 16,  # operands, and what then leaves for DRAM
        (Component.SRAM, Action.WRITE): 16 + 64,  # results, and what came from DRAM
        (Component.DRAM, Action.READ): 64,
        (Component.DRAM, Action.WRITE): 16,
    }


def test_average_pool_adds_and_scales() -> None:
    work = average_pool("pool", input_elements=98, output_elements=2, window=49, bits=(8, 14, 8))
    assert (work.operands, work.adds, work.multiplies, work.compares) == (98, 96, 2, 0)
    assert vector_cycles(MACHINE, work) == 10
    assert {c.bits for c in vector_traffic(MACHINE, work) if c.component is Component.VECTOR} == {14}


def test_additions_read_every_addend() -> None:
    work = elementwise_add("skip", elements=100, addends=3, bits=(8, 10, 8))
    assert (work.adds, work.operands, work.output_elements) == (200, 300, 100)
    assert (work.compares, work.multiplies) == (0, 0)


def test_rectifier_compares_once() -> None:
    work = elementwise_relu("relu", elements=20, bits=8)
    assert (work.compares, work.adds, work.multiplies) == (20, 0, 0)
    assert [vector_cycles(MACHINE, elementwise_relu("relu", elements=n, bits=8)) for n in (20, 21)] == [2, 3]


def test_operations_of_all_kinds_take_a_lane() -> None:
    assert VectorWork("all", 1, 1, 1, 300, 20, 1, 8, 8, 8).operations == 321


@pytest.mark.parametrize("fetched", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_what_stays_on_the_chip_does_not_touch_dram(fetched: bool, stored: bool) -> None:
    where = Residence(ifmap_in_dram=fetched, ofmap_in_dram=stored)
    for work in (
        max_pool("pool", input_elements=64, output_elements=16, window=4, bits=8, **where),
        average_pool("pool", input_elements=64, output_elements=16, window=4, bits=(8, 10, 8), **where),
        elementwise_add("skip", elements=16, addends=4, bits=(8, 10, 8), **where),
        elementwise_relu("relu", elements=16, bits=8, **where),
    ):
        counts = totals(work)
        assert counts.get((Component.DRAM, Action.READ), 0) == fetched * work.input_elements
        assert counts.get((Component.DRAM, Action.WRITE), 0) == stored * 16


def test_every_fault_is_listed() -> None:
    with pytest.raises(MachineError, match="has 2 faults") as caught:
        VectorWork("pool", 0, 1, 1, -1, 0, 0, 8, 8, 8)
    for part in ("input_elements is 0", "compares is -1"):
        assert part in str(caught.value)


def test_a_rectifier_with_an_upper_end_compares_twice() -> None:
    assert elementwise_clip("relu6", elements=20, bits=8).compares == 40


def test_requantisation_rounds_once_and_clamps_at_both_ends() -> None:
    rounded, clamped = requantise_counts(Workload.gemm(3, 4, 5, groups=2, bits=(8, 8, 24, 8)))
    assert (rounded.action, rounded.count, rounded.bits) == (Action.ADD, 24, 24)
    assert (clamped.action, clamped.count, clamped.bits) == (Action.COMPARE, 48, 24)
    assert requantise_counts(Workload.gemm(3, 4, 5, bits=(8, 8, 24, 24))) == ()


POOL = max_pool("pool", input_elements=64, output_elements=16, window=4, bits=8)


@pytest.mark.parametrize(
    ("memory", "waits"),
    [
        ("", {}),
        (",dram=1GB/s", {"dram in": 32, "dram out": 8}),  # 16 bits a cycle, 512 bits in and 128 out
        # 64 operands on 10 lanes are 7 pieces: first in, last out, the other 27 + 6 cycles beside 5 of work
        (",dram=1GB/s,double", {"first fill": 5, "dram in": 28, "last write-back": 2}),
        (",dram=1GB/s,ifmap=256b,ofmap=256b,double", {"first fill": 5, "dram in": 28, "last write-back": 2}),
        (
            ",ifmap=64KiB/32b",
            {"ifmap_sram port": 11, "dram in": 16},
        ),  # 64 operands of 8 bits are 16 words, 5 cycles of work
        (",ofmap=64KiB/8b", {"ofmap_sram port": 11, "dram out": 16}),
    ],
)
def test_the_vector_unit_waits_for_memories(memory: str, waits: dict[str, int]) -> None:
    cycles = vector_time(parse_machine(f"4x4-ws,lanes=10{memory}"), POOL)
    assert dict(cycles.waits) == waits
    assert cycles.total == 5 + sum(waits.values())


def test_more_bandwidth_never_makes_the_vector_unit_slower() -> None:
    for memory in ("", ",double", ",ifmap=256b,ofmap=256b,double"):
        times = [vector_time(parse_machine(f"4x4-ws{memory},dram={n}GB/s"), POOL).total for n in (1, 2, 3, 8, 64)]
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("lanes", [1, 8, 64])
def test_larger_scratchpads_never_make_the_vector_unit_slower(lanes: int) -> None:
    """A large half must not be waited for until it is full: work starts with the first operand of each lane."""
    work = elementwise_add("skip", elements=200_704, addends=2, bits=(8, 9, 8))
    for memory in ("", ",double"):
        texts = [f"16x16-ws@1000MHz,ifmap={n}KiB,ofmap={n}KiB{memory},dram=12.8GB/s" for n in (1, 16, 64, 256, 1024)]
        times = [vector_time(parse_machine(f"{text},lanes={lanes}"), work).total for text in texts]
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("lanes", [3, 10, 64])
@pytest.mark.parametrize("speed", ["0.3", "1", "40"])
def test_double_buffers_of_the_vector_unit_are_as_fast_as_its_pieces_one_by_one(lanes: int, speed: str) -> None:
    """Piece by piece: one is worked on while the next one comes and the one before goes, over one bus."""
    work = elementwise_add("skip", elements=3000, addends=2, bits=(8, 9, 8))
    machine = parse_machine(f"4x4-ws@1000MHz,double,dram={speed}GB/s,lanes={lanes}")
    pace, pieces = float(speed) * 8, -(-work.operands // lanes)
    busy, coming, going = (n / pieces for n in (3000 / lanes, 48_000 / pace, 24_000 / pace))
    clock = coming
    for place in range(pieces):
        clock += max(busy, coming * (place < pieces - 1) + going * (place > 0))
    assert vector_time(machine, work).total == pytest.approx(clock + going, abs=coming + going + 4)


def test_words_of_the_vector_unit_are_whole() -> None:
    machine = parse_machine("4x4-ws,ifmap=64KiB/48b")
    read = next(c for c in vector_traffic(machine, POOL) if c.unit == "ifmap_sram" and c.action is Action.READ)
    assert (read.bits, read.count) == (48, 11), "64 operands of 8 bits in words of 48"
