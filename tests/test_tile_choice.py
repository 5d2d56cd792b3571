"""The chosen tiles against a search through every order and every number of blocks, and what they must not change."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache

import pytest

from hwsim.array import Machine, Workload, layer_time, layer_traffic, legal_tilings, parse_machine
from hwsim.array.dram import crossings
from hwsim.array.replay import _Replay
from hwsim.array.tiling import FIXED, Tiling, nest_of
from hwsim.cost import load_table, price_counts
from hwsim.errors import MachineError
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec
from hwsim.tile_choice import choose_tiling

TABLE = load_table("published45")
EIGHT = Operand(8, 8)
PE = PeSpec(PeKind.INT_MAC, EIGHT, EIGHT, EIGHT, Operand(16, 16), Operand(32, 32))
LAYERS = [(16, 9, 20), (13, 4, 30), (40, 12, 8), (7, 30, 13), (1, 40, 40), (33, 5, 5)]
MACHINES = ["4x4-{},ifmap=1000b,filter=1000b,ofmap=2000b,double,dram=2GB/s", "3x5-{},ofmap=600b,dram=0.5GB/s", "4x4-{}"]


def energy(machine: Machine, work: Workload, tiling: Tiling) -> float:
    return sum(price_counts(layer_traffic(machine, work, tiling), PE, machine.memories, TABLE).values())


def every(flow: str, work: Workload) -> list[Tiling]:
    """Every order, every number of blocks, kept or not: far more than are tried."""
    if flow == "os":
        return [Tiling(order, 1, partial) for order in ("crt", "rct") for partial in (False, True)]
    stream = work.m if flow == "ws" else work.n
    orders = ["".join(order) for order in itertools.permutations("crt")]
    return [Tiling(order, n, partial) for order in orders for n in range(1, stream + 1) for partial in (False, True)]


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
@pytest.mark.parametrize("text", MACHINES)
def test_no_tiling_of_the_space_is_better_and_none_at_all_much(flow: str, text: str) -> None:
    for shape, objective in zip(LAYERS[:2], ("time", "energy"), strict=True):
        work, machine = Workload.gemm(*shape), parse_machine(f"{text.format(flow)},tiling={objective}")
        own = choose_tiling(machine, work, PE, TABLE)

        def cost(tiling: Tiling) -> float:
            return layer_time(machine, work, tiling).total if objective == "time" else energy(machine, work, tiling)

        assert cost(own) == pytest.approx(min(map(cost, legal_tilings(machine, work))), rel=1e-12)
        assert cost(own) <= min(map(cost, every(flow, work))) * 1.03, (shape, own)


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
def test_a_choice_is_never_worse_than_the_fixed_tiling(flow: str) -> None:
    for shape, text in itertools.product(LAYERS, MACHINES):
        work = Workload.gemm(*shape)
        fixed, fast, lean = (parse_machine(f"{text.format(flow)},tiling={t}") for t in ("fixed", "time", "energy"))
        assert choose_tiling(fixed, work, PE, TABLE) is FIXED
        own = [choose_tiling(machine, work, PE, TABLE) for machine in (fast, lean)]
        assert layer_time(fast, work, own[0]).total <= layer_time(fast, work).total
        assert energy(lean, work, own[1]) <= energy(lean, work, FIXED)


def test_sums_that_would_spill_stay_when_the_stream_is_cut() -> None:
    """1024 pixels, 16 filters, 256 inputs: 1024 x 16 sums of 32 bits are 64 KiB, the scratchpad holds 8."""
    work, machine = Workload.gemm(1024, 16, 256), parse_machine("16x16-ws,ofmap=8KiB,tiling=energy")
    spilled, kept = (
        crossings(machine, work, tiling)[3].words for tiling in (FIXED, choose_tiling(machine, work, PE, TABLE))
    )
    assert (spilled, kept) == (1024 * 16 * 15, 0)


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
def test_k_ascends_for_every_output_in_every_tiling(flow: str) -> None:
    """Row tiles of ws and is are pieces of k: along each output they pass in order, each once."""
    machine, work = parse_machine(f"3x2-{flow}"), Workload.gemm(5, 7, 10)
    for tiling in legal_tilings(machine, work):
        passed: dict[tuple[int, int], list[int]] = {}
        for fold in _Replay(machine, work, tiling)._folds():
            passed.setdefault((fold.turns["c"], fold.turns["t"]), []).append(fold.turns["r"])
        rows = nest_of(machine, work, tiling).axes["r"].folds
        assert all(turns == list(range(rows)) for turns in passed.values()), tiling


def test_sums_that_stay_cannot_be_cut() -> None:
    for tiling in (Tiling("tcr"), Tiling("crt", 2)):
        with pytest.raises(MachineError, match="in os the sums stay"):
            nest_of(parse_machine("4x4-os"), Workload.gemm(9, 9, 9), tiling)


def test_the_work_does_not_depend_on_the_tiling() -> None:
    for flow in ("ws", "is"):
        machine, work = parse_machine(f"4x4-{flow}"), dataclasses.replace(Workload.gemm(9, 10, 11), effectual_macs=500)

        @cache
        def macs(tiling: Tiling) -> list[object]:
            return [c for c in layer_traffic(machine, work, tiling) if c.component.value == "pe"]

        for tiling in legal_tilings(machine, work):
            assert macs(tiling) == macs(FIXED)


@pytest.mark.parametrize(("order", "blocks"), [("crr", 1), ("cr", 1), ("crt", 0)])
def test_what_is_no_tiling(order: str, blocks: int) -> None:
    with pytest.raises(MachineError, match="give each of c, r and t once"):
        Tiling(order, blocks)
