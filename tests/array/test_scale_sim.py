"""All rows of SCALE-Sim 3.0.0: cycles, utilisation and scratchpad accesses as it prints them."""

from __future__ import annotations

import pytest
from scale_sim import expected, rows

CALC, USER = rows("CALC"), rows("USER")


def test_the_record_is_whole() -> None:
    assert (len(CALC), len(USER)) == (277, 36)
    assert {row.machine.array.dataflow.value for row in CALC} == {"ws", "os", "is"}
    assert {row.name.split()[0] for row in CALC} == {"lenet5", "alexnet", "resnet18", "resnet50"}


@pytest.mark.parametrize("quantity", ["cycles", "ifmap_reads", "filter_reads", "ofmap_writes"])
def test_every_count_is_the_same(quantity: str) -> None:
    different = {
        row.name: (row.printed[quantity], found)
        for row in CALC
        if row.printed[quantity] != (found := expected(row.machine, row.workload)[quantity])
    }
    assert different == {}


@pytest.mark.parametrize("quantity", ["mapping_pct", "overall_pct", "compute_pct"])
def test_every_share_is_the_same_to_the_last_digits_of_a_double(quantity: str) -> None:
    for row in CALC:
        assert row.printed[quantity] == pytest.approx(
            float(expected(row.machine, row.workload)[quantity]), rel=1e-12
        ), row.name


def test_with_bandwidth_limits_its_cycles_are_the_same_plus_its_stalls() -> None:
    for row in USER:
        assert row.printed["cycles"] - row.printed["stalls"] == expected(row.machine, row.workload)["cycles"], row.name


def test_with_bandwidth_limits_it_fetches_weights_up_to_fifteen_times() -> None:
    """400,000 weights, each needed once in ws, in a 64 kB scratchpad."""
    fetched = {
        row.machine.array.rows: row.printed["dram_filter_reads"]
        for row in USER
        if "ip1" in row.name and "-ws" in str(row.machine) and row.name.endswith(" 10")
    }
    assert fetched == {16: 5_996_910, 32: 5_996_910}
