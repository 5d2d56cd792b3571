"""Laws of the waits for memories, on random layers: more bandwidth, room or width never costs time."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.array.dram import crossings
from hwsim.array.machine import parse_machine
from hwsim.array.stalls import layer_waits
from hwsim.array.tiling import FIXED, Tiling
from hwsim.array.timing import layer_time
from hwsim.array.workload import Workload

LAYERS = st.builds(
    lambda m, n, k, groups, bias: dataclasses.replace(Workload.gemm(m, n, k, groups=groups), has_bias=bias),
    *[st.integers(1, 40)] * 3,
    st.integers(1, 3),
    st.booleans(),
)
FLOWS = st.sampled_from(["4x3-ws", "3x4-os", "4x4-is", "4x4-ws,shadow", "3x3-os,overlap"])
SPEEDS = st.floats(0.01, 50)
MARGIN = settings(max_examples=60)


@MARGIN
@given(FLOWS, LAYERS, st.tuples(SPEEDS, SPEEDS), st.sampled_from(["", ",double", ",ifmap=1KiB,ofmap=2KiB,double"]))
def test_more_bandwidth_is_never_slower_and_no_wait_is_negative(
    flow: str, work: Workload, speeds: tuple[float, float], memory: str
) -> None:
    slow, fast = (parse_machine(f"{flow}{memory},dram={speed:.6f}GB/s") for speed in sorted(speeds))
    for one in (slow, fast):
        assert all(cycles >= 0 for cycles in vars(layer_waits(one, work, FIXED)).values())
    assert layer_time(slow, work).total >= layer_time(fast, work).total


@MARGIN
@given(FLOWS, LAYERS, SPEEDS, st.booleans())
def test_a_layer_takes_at_least_its_computation_and_at_least_its_transfers(
    flow: str, work: Workload, speed: float, double: bool
) -> None:
    machine = parse_machine(f"{flow},ifmap=1KiB,filter=1KiB,ofmap=2KiB{',double' * double},dram={speed:.6f}GB/s")
    cycles = layer_time(machine, work)
    bits = sum(crossing.words * crossing.word_bits for crossing in crossings(machine, work))
    pace = machine.dram_bits_per_cycle
    assert pace is not None
    assert cycles.total >= cycles.total - cycles.stall > 0
    assert cycles.total >= bits / pace


@MARGIN
@given(FLOWS, LAYERS, SPEEDS, st.tuples(*[st.integers(4, 64)] * 2), st.sampled_from(["", ",double"]))
def test_larger_scratchpads_never_move_more_nor_take_longer(
    flow: str, work: Workload, speed: float, sizes: tuple[int, int], double: str
) -> None:
    machines = [
        parse_machine(f"{flow},ifmap={n * 128}b,filter={n * 128}b,ofmap={n * 512}b{double},dram={speed:.6f}GB/s")
        for n in sorted(sizes)
    ]
    for partial in (False, True):
        tiles = Tiling(partial=partial)
        small, large = (sum(c.words * c.word_bits for c in crossings(machine, work, tiles)) for machine in machines)
        assert small >= large
        assert layer_time(machines[0], work, tiles).total >= layer_time(machines[1], work, tiles).total


@MARGIN
@given(FLOWS, LAYERS, st.tuples(*[st.sampled_from([8, 16, 24, 32, 64, 128])] * 2))
def test_wider_words_never_wait_longer(flow: str, work: Workload, widths: tuple[int, int]) -> None:
    narrow, wide = (
        parse_machine(f"{flow},ifmap=64KiB/{width}b,filter=64KiB/{width}b,ofmap=64KiB/{width}b")
        for width in sorted(widths)
    )
    assert layer_time(narrow, work).total >= layer_time(wide, work).total >= layer_time(parse_machine(flow), work).total


def test_nothing_waits_where_nothing_is_limited() -> None:
    for text in ("4x4-ws", "4x4-os,double", "4x4-is,ifmap=64b,tiling=fixed"):
        cycles = layer_time(parse_machine(text), Workload.gemm(9, 9, 9))
        assert (cycles.stall, cycles.waits) == (0, ())
