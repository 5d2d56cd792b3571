"""Tables at other nodes: the published law, against numbers that another tool computed from the same law."""

from __future__ import annotations

import itertools

import pytest
from cost_element_samples import element

from hwsim.cost import Kind, Operation, PriceTable, find_table, load_table, scale_table
from hwsim.cost.scaling import LOW_POWER, NODES, scaling_factors
from hwsim.errors import CostError

# An 8-bit adder, pJ, as hwcomponents 1.0.114 with hwcomponents-library 1.0.58 prints it: polynomials at 0.8 V, the
# low-power ones at 45 and 32 nm.
HWCOMPONENTS = {65: 0.07496, 45: 0.06042, 32: 0.03983, 16: 0.01049, 7: 0.005698}
# Area ratios as the paper's table prints them, to two digits.
PAPER_AREA = {(130, 45): 0.16, (65, 45): 0.66, (45, 7): 0.059, (32, 16): 0.41, (14, 10): 0.59, (180, 130): 0.34}


def other_tool(node: float) -> float:
    a, b, c = LOW_POWER[node] if node in (45, 32) else NODES[node].energy
    return a * 0.8 * 0.8 + b * 0.8 + c


@pytest.mark.parametrize(("one", "two"), list(itertools.pairwise(HWCOMPONENTS)))
def test_the_coefficients_give_the_energies_of_another_tool(one: float, two: float) -> None:
    assert other_tool(two) / other_tool(one) == pytest.approx(HWCOMPONENTS[two] / HWCOMPONENTS[one], rel=6e-4)


@pytest.mark.parametrize(("nodes", "ratio"), PAPER_AREA.items())
def test_areas_are_those_of_the_papers_table(nodes: tuple[int, int], ratio: float) -> None:
    assert scaling_factors(nodes[0], None, nodes[1]).area == pytest.approx(ratio, rel=0.05)


def test_smaller_is_less_and_there_and_back_is_the_same() -> None:
    for big, small in itertools.pairwise(sorted(NODES, reverse=True)):
        factors = scaling_factors(big, None, small)
        back = scaling_factors(small, None, big)
        assert max(factors.energy, factors.area) < 1
        assert factors.energy * back.energy == pytest.approx(1)
        assert factors.delay * back.delay == pytest.approx(1)
    between = scaling_factors(45, None, 28)
    assert scaling_factors(45, None, 20).energy < between.energy < scaling_factors(45, None, 32).energy


def test_above_the_nominal_voltage_energy_goes_as_its_square() -> None:
    assert scaling_factors(130, 1.3, 130, 1.8).energy == pytest.approx((1.8 / 1.3) ** 2)
    assert scaling_factors(130, 1.8, 130, 1.8).delay == 1


def test_every_price_is_scaled_and_says_so() -> None:
    table = load_table("published45")
    scaled = find_table("published45@7nm")
    factors = {row.place: scaling_factors(45, row.voltage_v, 7) for row in table.rows}
    for old, new in zip(table.rows, scaled.rows, strict=True):
        if old.operation in (Operation.DRAM_READ, Operation.DRAM_WRITE):
            assert new.energy_pj == old.energy_pj
            continue
        assert new.kind is Kind.DERIVED
        assert "Stillmaker" in new.note
        assert new.leakage_w is None
        if old.energy_pj is not None:
            assert new.energy_pj == pytest.approx(old.energy_pj * factors[old.place].energy)
        if old.area_um2 is not None:
            assert new.area_um2 == pytest.approx(old.area_um2 * factors[old.place].area)
    assert scaled.sha256 != table.sha256 != find_table("published45@16nm").sha256
    assert find_table("published45@7nm,0.6V").name == "published45@7nm,0.6V"


def test_elements_are_scaled_by_their_units() -> None:
    row = element()
    scaled = scale_table(PriceTable("t", (), "0", (row,)), 45).elements[0]
    factors = scaling_factors(130, 1.8, 45)
    for name in ("core_pj", "clock_pj", "base_pj", "act_toggle_pj"):
        assert getattr(scaled, name) == pytest.approx(getattr(row, name) * factors.energy)
    for name in ("area_um2", "core_area_um2"):
        assert getattr(scaled, name) == pytest.approx(getattr(row, name) * factors.area)
    assert scaled.delay_ns == pytest.approx(row.delay_ns * factors.delay)
    assert (scaled.act_toggles, scaled.register_bits, scaled.node_nm) == (row.act_toggles, row.register_bits, 45)
    assert scaled.leakage_w is None
    assert scaled.derived
    assert "scaled" in scaled.source
    assert scaled.key == row.key


@pytest.mark.parametrize("name", ["published45@3nm", "published45@250nm", "published45@45nm,0.01V", "nothing@45nm"])
def test_what_the_law_does_not_reach_is_refused(name: str) -> None:
    with pytest.raises(CostError):
        find_table(name)
