"""Every picojoule leads to lines of a file."""

from __future__ import annotations

import math
from importlib import resources

import pytest

from hwsim.cost import explain, load_table, price_pe, table_names
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec

A, W, P, ACC, FP = Operand(8, 8), Operand(4, 4), Operand(15, 15), Operand(24, 24), Operand(8, 4, 4)
ELEMENTS = [
    PeSpec(PeKind.SHIFT_ADD, A, W, W, P, ACC, 1, 7),
    PeSpec(PeKind.MULTI_SHIFT_ADD, A, W, W, P, ACC, 3, 7),
    PeSpec(PeKind.INT_MAC, A, W, W, P, ACC),
    PeSpec(PeKind.FLOAT_MAC, FP, FP, FP, FP, FP),
    PeSpec(PeKind.CODEBOOK_MAC, A, W, A, P, ACC),
    PeSpec(PeKind.SHIFT_ADD, FP, W, W, FP, ACC, 1, 7),
]


@pytest.mark.parametrize("name", table_names())
@pytest.mark.parametrize("pe", ELEMENTS, ids=lambda pe: pe.kind.value)
def test_parts_sum_to_the_price_and_lead_to_lines(pe: PeSpec, name: str) -> None:
    table = load_table(name)
    rows, price = explain(pe, table), price_pe(pe, table)
    sums = {role: math.fsum(row.energy_pj or 0 for row in rows if row.role == role) for role in ("mac", "gated")}
    assert sums == pytest.approx({"mac": price.energy_mac_pj, "gated": price.energy_gated_pj})
    areas = [row.area_um2 for row in rows if row.role != "gated"]
    assert table.elements or (price.area_um2 is None) == (None in areas)
    assert price.area_um2 is None or price.area_um2 == pytest.approx(sum(area or 0 for area in areas))
    for row in rows:
        assert row.places
        assert row.sources
        assert row.kinds
        for place in row.places:
            file, _, number = place.partition(":")
            assert file in (f"{name}.csv", f"{name}.pe.csv")
            lines = resources.files("hwsim.cost").joinpath("data", file).read_text().splitlines()
            wanted = pe.kind.value + " int_mac float_mac" if ".pe." in file else row.term.operation.value + " int_add"
            assert lines[int(number) - 1].split(",")[0] in wanted
