"""Workloads refuse what no layer can be."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest

from hwsim.array.workload import Workload
from hwsim.errors import MachineError

PLAIN = Workload.gemm(4, 3, 5, groups=2)


def test_gemm_counts_its_matrices() -> None:
    assert (PLAIN.ifmap_elements, PLAIN.weight_elements, PLAIN.ofmap_elements) == (40, 30, 24)
    assert PLAIN.macs == 120


def test_storage_defaults_to_the_wire_width() -> None:
    assert (PLAIN.act_memory_bits, PLAIN.weight_memory_bits) == (Fraction(8), Fraction(8))
    blocked = dataclasses.replace(PLAIN, act_storage_bits=Fraction(17, 4), weight_storage_bits=Fraction(9, 2))
    assert (blocked.act_memory_bits, blocked.weight_memory_bits) == (Fraction(17, 4), Fraction(9, 2))


def test_packed_weights_may_take_nothing() -> None:
    for dram, packing in ((None, 0), (Fraction(0), 0)):
        empty = dataclasses.replace(PLAIN, weight_storage_bits=Fraction(0), weight_dram_bits=dram)
        assert (empty.weight_memory_bits, empty.weight_outside_bits, empty.weight_packing) == (0, 0, packing)
    assert dataclasses.replace(PLAIN, weight_dram_bits=Fraction(2)).weight_packing == Fraction(2, 8)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"m": 0}, "m is 0"),
        ({"n": 2.5}, "n is 2.5"),
        ({"groups": True}, "groups is True"),
        ({"acc_bits": -1}, "acc_bits is -1"),
        ({"ifmap_elements": 0}, "ifmap_elements is 0"),
        ({"weight_elements": 31}, "only 30 elements"),
        ({"ofmap_elements": 25}, "only 24 elements"),
        ({"effectual_macs": 121}, "120 MACs"),
        ({"effectual_macs": Fraction(-1, 2)}, "120 MACs"),
        ({"act_storage_bits": Fraction(0)}, "more than 0 bits"),
        ({"output_storage_bits": Fraction(-1, 2)}, "output_storage_bits is -1/2"),
        ({"weight_storage_bits": Fraction(-1, 2)}, "weight_storage_bits is -1/2: give at least 0 bits"),
        ({"weight_storage_bits": Fraction(0), "weight_dram_bits": Fraction(2)}, "give 0 for both, or more for both"),
    ],
)
def test_faults_name_value_and_bound(change: dict[str, Any], part: str) -> None:
    with pytest.raises(MachineError, match="layer 'gemm'") as caught:
        dataclasses.replace(PLAIN, **change)
    assert part in str(caught.value)


def test_every_fault_is_listed() -> None:
    with pytest.raises(MachineError, match="has 3 faults"):
        dataclasses.replace(PLAIN, m=0, act_bits=0, weight_storage_bits=Fraction(-1))


def test_unused_pixels_and_skipped_padding_are_allowed() -> None:
    for elements in (1, 1000):
        assert dataclasses.replace(PLAIN, ifmap_elements=elements).ifmap_elements == elements
