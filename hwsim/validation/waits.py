"""Waits for memories: the closed forms beside a replay of DRAM, scratchpads and array, cycle by cycle."""

from __future__ import annotations

from hwsim.array import Component, Machine, Workload, layer_traffic, parse_machine
from hwsim.array.replay import replay_layer
from hwsim.array.timing import layer_time
from hwsim.validation.findings import Finding, errors_of
from hwsim.validation.page import Section, Table

MEMORIES = (
    "dram=0.5GB/s",
    "double,dram=2GB/s",
    "ifmap=256b,filter=512b,ofmap=512b,dram=1GB/s",
    "ifmap=512b/16b,filter=512b/8b/x2/double,ofmap=1KiB/32b/1r1w,dram=1GB/s",
)
SHAPES = ((7, 9, 10), (4, 6, 5), (9, 3, 8))


def waits_section() -> Section:
    """Compare cycles, waits and DRAM traffic with the replay, over dataflows, memories and shapes."""
    rows: list[tuple[str | int, ...]] = []
    cycles: list[float] = []
    crossed: list[float] = []
    for memory in MEMORIES:
        for flow in ("ws", "os", "is"):
            machine = parse_machine(f"3x2-{flow},{memory}")
            loads = [Workload.gemm(*shape, bits=(8, 8, 24, 8)) for shape in SHAPES]
            predicted = [layer_time(machine, load) for load in loads]
            replayed = [replay_layer(machine, load) for load in loads]
            errors = errors_of([time.total for time in predicted], [result.cycles for result in replayed])
            passed = [float(sum(result.dram_bits.values())) for result in replayed]
            moved = errors_of([_dram_bits(machine, load) for load in loads], passed)
            cycles += errors
            crossed += moved
            waited = sum(sum(result.waits.values()) for result in replayed)
            same = (f"{errors.count(0.0)} of {len(errors)}", f"{moved.count(0.0)} of {len(moved)}")
            rows.append((f"3x2-{flow}", memory, sum(r.cycles for r in replayed), waited, *same))
    header = ("array", "memories", "cycles replayed", "of them waits", "cycles equal", "DRAM bits equal")
    remark = "first fill, DRAM in and out, ports and last write-back in closed form equal a replay, cycle by cycle"
    findings = (
        Finding("cycles with waits for memories", "replay", tuple(cycles), 0, remark),
        Finding("DRAM traffic", "replay", tuple(crossed), 0, "what crosses the chip's edge equals the replay's"),
    )
    return Section("Waits for memories, against a replay", (_TEXT, Table(header, tuple(rows))), findings)


def _dram_bits(machine: Machine, load: Workload) -> float:
    counts = layer_traffic(machine, load)
    return sum(float(count.total_bits) for count in counts if count.component is Component.DRAM)


_TEXT = (
    "The replay keeps a list of what lies in each scratchpad, moves bits over one bus and through the ports in each "
    "cycle, and lets the array take a step only when all that the step asks for is there. It knows no formula. Each "
    f"row runs layers of M, N, K = {', '.join('x'.join(map(str, shape)) for shape in SHAPES)}; the tests run every "
    "loop order as well. The replay is a model too: DRAM has no rows, banks or refresh in either."
)
