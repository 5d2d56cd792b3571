"""Refetching against a least-recently-used buffer that replays the layer access by access."""

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from hwsim.array.counts import Action
from hwsim.array.dram import dram_traffic, fits_on_chip
from hwsim.array.machine import Machine, Memory, parse_machine
from hwsim.array.workload import Workload
from hwsim.errors import MachineError

SHAPES = [(1, 1, 1), (5, 7, 6), (4, 4, 8), (9, 2, 3), (2, 9, 7), (6, 5, 1)]
Access = tuple[str, Hashable, str]


class Buffer:
    """Fully associative, least recently used, one word a line, written back when it must leave."""

    def __init__(self, words: int) -> None:
        self._words, self._lines = words, OrderedDict[Hashable, bool]()
        self.fetched = self.written_back = 0

    def touch(self, key: Hashable, kind: str) -> None:
        """Read (fetching on a miss), write, or read for the last time, after which the word need not be kept."""
        held = key in self._lines
        dirty = self._lines.pop(key, False)
        self.fetched += not held and kind != "write"
        self._lines[key] = kind == "write" or (dirty and kind == "read")
        while len(self._lines) > self._words:
            self.written_back += self._lines.popitem(last=False)[1]


def replay(flow: str, rows: int, columns: int, shape: tuple[int, int, int]) -> Iterator[Access]:
    """Yield every access at the array's edge: column tiles outer, row tiles inner, then the stream."""
    m, n, k = shape
    row_extent, column_extent, stream = {"ws": (k, n, m), "os": (m, n, k), "is": (k, m, n)}[flow]
    for c, r in itertools.product(range(0, column_extent, columns), range(0, row_extent, rows)):
        row_tile = range(r, min(r + rows, row_extent))
        column_tile = range(c, min(c + columns, column_extent))
        if flow == "os":
            for t in range(stream):
                yield from (("ifmap", (i, t), "read") for i in row_tile)
                yield from (("filter", (t, j), "read") for j in column_tile)
            continue
        held, moving = ("filter", "ifmap") if flow == "ws" else ("ifmap", "filter")
        yield from ((held, cell, "read") for cell in itertools.product(row_tile, column_tile))
        for t in range(stream):
            yield from ((moving, (i, t), "read") for i in row_tile)
            if r:
                last = row_tile.stop == row_extent
                yield from (("ofmap", (t, j), "last read" if last else "read") for j in column_tile)
            if row_tile.stop < row_extent:
                yield from (("ofmap", (t, j), "write") for j in column_tile)


def sized(machine: Machine, words: dict[str, int], bits: int) -> Machine:
    changes: dict[str, Any] = {f"{n}_sram": Memory(f"{n}_sram", size * bits) for n, size in words.items()}
    return dataclasses.replace(machine, **changes)


@pytest.mark.parametrize("flow", ["ws", "os", "is"])
@pytest.mark.parametrize("shape", SHAPES)
def test_traffic_is_that_of_a_least_recently_used_buffer(flow: str, shape: tuple[int, int, int]) -> None:
    """Every size of every scratchpad, from one word to more than the whole tensor."""
    rows, columns, (m, n, k), bits = 3, 2, shape, 8
    work = dataclasses.replace(Workload.gemm(m, n, k, bits=(bits,) * 4), has_bias=False)
    accesses = list(replay(flow, rows, columns, shape))
    for words in range(1, max(m * k, n * k, m * n) + 2):
        buffers = {name: Buffer(words) for name in ("ifmap", "filter", "ofmap")}
        for name, key, kind in accesses:
            buffers[name].touch(key, kind)
        machine = sized(parse_machine(f"{rows}x{columns}-{flow}"), dict.fromkeys(buffers, words), bits)
        counts = list(dram_traffic(machine, work))
        read = sum(c.count for c in counts if c.action is Action.READ)
        written = sum(c.count for c in counts if c.action is Action.WRITE)
        assert read == sum(buffer.fetched for buffer in buffers.values()), words
        assert written == m * n + buffers["ofmap"].written_back, words


def test_everything_is_moved_once_where_everything_fits() -> None:
    work = Workload.gemm(10, 20, 30, groups=2)
    moved = [(c.action, c.total_bits) for c in dram_traffic(parse_machine("4x4-ws"), work) if c.count]
    expected = [work.ifmap_elements * 8, work.weight_elements * 8, 40 * 32]
    assert moved == [*((Action.READ, bits) for bits in expected), (Action.WRITE, work.ofmap_elements * 8)]


@pytest.mark.parametrize(("flow", "memory"), [("ws", "ifmap"), ("os", "ifmap"), ("is", "filter")])
def test_groups_are_swept_one_at_a_time(flow: str, memory: str) -> None:
    """Two groups that fit singly are not refetched, though together they would not fit."""
    work = Workload.gemm(16, 16, 16, groups=2)
    machines = [sized(parse_machine(f"4x4-{flow}"), {memory: words}, 8) for words in (256, 255)]
    reads = [sum(c.total_bits for c in dram_traffic(machine, work) if c.action is Action.READ) for machine in machines]
    assert reads[1] - reads[0] == 3 * 512 * 8


def test_larger_memories_never_move_more() -> None:
    work = Workload.gemm(20, 30, 40)
    for flow in ("ws", "os", "is"):
        machine = parse_machine(f"4x6-{flow}")
        totals = [
            sum(
                c.total_bits
                for c in dram_traffic(sized(machine, dict.fromkeys(("ifmap", "filter", "ofmap"), w), 8), work)
            )
            for w in range(1, 5000, 61)
        ]
        assert totals == sorted(totals, reverse=True)
        assert totals[0] > totals[-1]


def test_feature_maps_that_stay_on_the_chip_do_not_touch_dram() -> None:
    work = dataclasses.replace(Workload.gemm(10, 20, 30), ifmap_in_dram=False, ofmap_in_dram=False, has_bias=False)
    (count,) = (c for c in dram_traffic(parse_machine("4x4-ws"), work) if c.count)
    assert (count.action, count.total_bits) == (Action.READ, 600 * 8)


def test_a_map_that_cannot_stay_is_refused_with_both_sizes() -> None:
    machine = parse_machine("4x4-ws,ifmap=100b,ofmap=50b")
    work = dataclasses.replace(Workload.gemm(10, 20, 30), ifmap_in_dram=False, ofmap_in_dram=False)
    with pytest.raises(MachineError, match="has 2 faults") as caught:
        list(dram_traffic(machine, work))
    for part in ("2400 bits", "100 bits", "1600 bits", "50 bits", "enlarge"):
        assert part in str(caught.value)


def test_a_map_that_just_fits_may_stay() -> None:
    machine = parse_machine("4x4-ws,ifmap=2400b,ofmap=1600b")
    work = dataclasses.replace(Workload.gemm(10, 20, 30), ifmap_in_dram=False, ofmap_in_dram=False)
    assert sum(c.count for c in dram_traffic(machine, work)) == 600 + 20


def test_a_map_fits_only_where_both_scratchpads_hold_it() -> None:
    machine = parse_machine("4x4-ws,ifmap=100b,ofmap=50b")
    assert fits_on_chip(machine, 50)
    assert not fits_on_chip(machine, Fraction(101, 2))
