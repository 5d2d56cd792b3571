"""Weights without their zeros: sizes by counting bits of a packed list, and what moves then."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from hwsim.array.compress import packed_bits
from hwsim.array.counts import Action
from hwsim.array.machine import parse_machine
from hwsim.array.parts import Compression
from hwsim.array.traffic import layer_traffic
from hwsim.array.workload import Workload
from hwsim.errors import MachineError


def packed(weights: list[int], bits: int) -> int:
    """Write the bitmap and the codes; return how many bits that took."""
    stream = ["1" if weight else "0" for weight in weights]
    stream += [f"{weight:0{bits}b}" for weight in weights if weight]
    return len("".join(stream))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_bitmap_is_as_long_as_a_packed_list(share: float) -> None:
    rng = np.random.default_rng(8)
    weights = [0 if rng.random() < share else int(rng.integers(1, 256)) for _ in range(400)]
    zeros = weights.count(0)
    each = packed_bits(Fraction(8), 400, zeros, Compression.BITMAP)
    assert each * 400 == min(packed(weights, 8), 400 * 8)


def test_entropy_is_the_least_that_a_code_of_the_places_takes() -> None:
    for zeros in (0, 1, 60, 200, 399, 400):
        bitmap, least = (packed_bits(Fraction(8), 400, zeros, how) for how in (Compression.BITMAP, Compression.ENTROPY))
        choices = math.log2(math.comb(400, zeros))
        assert choices + (400 - zeros) * 8 <= least * 400 + 1 or least == 8
        assert least <= bitmap <= 8
    assert packed_bits(Fraction(8), 400, 400, Compression.ENTROPY) == 0


def test_weights_that_would_grow_stay_as_they_are() -> None:
    assert packed_bits(Fraction(17, 4), 100, 3, Compression.BITMAP) == Fraction(17, 4)
    assert packed_bits(Fraction(8), 0, 0, Compression.BITMAP) == 8
    assert packed_bits(Fraction(8), 100, 90, Compression.NONE) == 8


def test_stated_bits_count_whatever_is_zero() -> None:
    for zeros in (0, 40, 100):
        assert packed_bits(Fraction(8), 100, zeros, Compression.STATED, 3.2) == Fraction(16, 5)
    assert packed_bits(Fraction(2), 100, 40, Compression.STATED, 3.2) == 2
    for how in (Compression.STATED, Compression.LAYERS):
        with pytest.raises(MachineError, match="give the bits of a weight"):
            packed_bits(Fraction(8), 100, 40, how)


def test_packed_weights_move_fewer_bits_in_every_memory_and_take_less_room() -> None:
    """A column tile of 80 weights takes 640 bits plain and 240 packed: in 500 bits only the packed ones stay."""
    machine = parse_machine("4x4-os,filter=500b")
    plain = dataclasses.replace(Workload.gemm(16, 8, 20), has_bias=False)
    small = dataclasses.replace(plain, weight_storage_bits=Fraction(3))
    read, filled = [], []
    for work in (plain, small):
        counts = [count for count in layer_traffic(machine, work) if count.unit == "filter_sram"]
        read.append(sum(count.total_bits for count in counts if count.action is Action.READ))
        filled.append(sum(count.total_bits for count in counts if count.action is Action.WRITE))
    assert read == [160 * 4 * 8, 160 * 4 * 3]
    assert filled == [160 * 4 * 8, 160 * 3]


def test_weights_that_are_unpacked_at_the_edge_move_fewer_bits_of_dram_alone() -> None:
    """The scratchpad then holds 80 weights of 8 bits a column tile, 640 bits: in 500 they do not stay."""
    plain = dataclasses.replace(Workload.gemm(16, 8, 20), has_bias=False)
    small = dataclasses.replace(plain, weight_dram_bits=Fraction(3))
    for filters, uses in (("500b", 4), ("640b", 1)):
        machine = parse_machine(f"4x4-os,filter={filters}")
        moved = []
        for work in (plain, small):
            bits = Counter[tuple[str, Action]]()
            for count in layer_traffic(machine, work):
                bits[count.unit, count.action] += count.total_bits  # type: ignore[assignment]
            moved.append(bits)
        for bits in moved:
            assert bits["filter_sram", Action.WRITE] == 160 * uses * 8
            assert bits["filter_sram", Action.READ] == 160 * 4 * 8
        assert moved[0]["dram", Action.READ] - moved[1]["dram", Action.READ] == 160 * uses * (8 - 3)
