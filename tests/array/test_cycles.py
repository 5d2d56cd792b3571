"""Closed-form cycles against numbers that others measured; the stepper compares every small shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.cycles import Cycles, fold_cycles, layer_cycles, utilisation
from hwsim.array.machine import parse_machine
from hwsim.array.workload import Workload

SHAPES = st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200))
MACHINES = st.builds("{}x{}-{}".format, st.integers(1, 20), st.integers(1, 20), st.sampled_from(["ws", "os", "is"]))

#: (array, M, N, K, cycles) of SCALE-Sim 3.0.0 without stalls, layers of LeNet-5 and AlexNet.
SCALE_SIM = [
    ("16x16-ws", 576, 20, 25, 2487),
    ("16x16-ws", 64, 50, 500, 14079),
    ("16x16-ws", 1, 500, 800, 75199),
    ("16x16-is", 576, 20, 25, 4751),
    ("16x16-is", 64, 50, 500, 12287),
    ("128x128-ws", 3025, 64, 363, 10220),
    ("128x128-is", 729, 192, 1600, 44771),
    ("16x16-os", 576, 20, 25, 3959),
    ("32x32-os", 1, 500, 800, 13791),
    ("128x128-os", 729, 192, 1600, 22247),
]


@pytest.mark.parametrize(("text", "expected"), [("8x8-ws", 1290), ("8x8-os", 1464)])
def test_tiled_product_takes_what_rtl_took(text: str, expected: int) -> None:
    """64 x 40 x 24 on 8 x 8, measured on register-transfer-level arrays of both kinds."""
    assert layer_cycles(parse_machine(text), Workload.gemm(64, 24, 40)).total == expected


@given(MACHINES, SHAPES)
def test_totals_are_the_documented_formulas(text: str, shape: tuple[int, int, int]) -> None:
    (m, n, k), (rows, columns, flow) = shape, (*map(int, text[:-3].split("x")), text[-2:])
    folds, per_fold = {
        "ws": (-(-k // rows) * -(-n // columns), 2 * rows + columns + m - 2),
        "is": (-(-k // rows) * -(-m // columns), 2 * rows + columns + n - 2),
        "os": (-(-m // rows) * -(-n // columns), 2 * rows + columns + k - 3),
    }[flow]
    cycles = layer_cycles(parse_machine(text), Workload.gemm(m, n, k))
    assert (cycles.folds, cycles.total, cycles.stall) == (folds, folds * per_fold, 0)
    assert layer_cycles(parse_machine(f"{text},outreg"), Workload.gemm(m, n, k)).total == folds * (per_fold + 1)


@pytest.mark.parametrize(("text", "m", "n", "k", "expected"), SCALE_SIM)
def test_scale_sim_counts_one_less_and_no_drain_of_stationary_outputs(
    text: str, m: int, n: int, k: int, expected: int
) -> None:
    """It prints the index of the last cycle, hence one less; its output-stationary sums vanish from the array."""
    cycles = layer_cycles(parse_machine(text), Workload.gemm(m, n, k))
    drained = 0 if text.endswith("os") else cycles.drain
    assert cycles.fill + cycles.steady + drained - 1 == expected


@given(MACHINES, SHAPES, st.integers(1, 5))
def test_groups_repeat_the_layer(text: str, shape: tuple[int, int, int], groups: int) -> None:
    machine = parse_machine(text)
    one, all_groups = (layer_cycles(machine, Workload.gemm(*shape, groups=g)) for g in (1, groups))
    assert all_groups.total == groups * one.total
    assert all_groups.folds == groups * one.folds


@given(MACHINES, SHAPES)
def test_utilisation_is_a_share(text: str, shape: tuple[int, int, int]) -> None:
    machine, layer = parse_machine(text), Workload.gemm(*shape)
    assert 0 < utilisation(machine, layer, layer_cycles(machine, layer)) <= 1


@given(MACHINES, SHAPES)
def test_parts_of_a_fold_add_up(text: str, shape: tuple[int, int, int]) -> None:
    fold = fold_cycles(parse_machine(text), shape[0])
    assert fold.fill + fold.steady + fold.drain == fold.total
    assert min(fold.fill, fold.drain) >= 0
    assert fold.steady == shape[0]


OVERLAPPING = st.builds(
    "{}x{}-{}".format,
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(["ws,shadow", "is,shadow", "os,overlap", "ws,shadow,outreg", "os,overlap,outreg"]),
)


@given(OVERLAPPING, SHAPES, st.integers(1, 5))
def test_overlap_saves_time_and_does_the_same(text: str, shape: tuple[int, int, int], groups: int) -> None:
    plain = parse_machine(text.replace(",shadow", "").replace(",overlap", ""))
    layer = Workload.gemm(*shape, groups=groups)
    with_, without = layer_cycles(parse_machine(text), layer), layer_cycles(plain, layer)
    assert (with_.folds, with_.steady) == (without.folds, without.steady)
    assert with_.steady <= with_.total <= without.total


@given(MACHINES, SHAPES)
def test_one_fold_takes_the_same_with_overlap(text: str, shape: tuple[int, int, int]) -> None:
    option = "overlap" if text.endswith("os") else "shadow"
    assert fold_cycles(parse_machine(f"{text},{option}"), shape[0]) == fold_cycles(parse_machine(text), shape[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8x8-ws,shadow", 8 + 14 * 64 + 64 + 8 + 8 - 2),  # 982, as measured in RTL: 15 folds of 64 vectors
        ("8x8-os,overlap", 23 * 40 + 40 + 2 * 8 + 8 - 3),  # 24 folds of 40 terms
        ("8x8-os,direct", 24 * (8 + 8 + 40 - 2)),
    ],
)
def test_tiled_product_with_overlap(text: str, expected: int) -> None:
    assert layer_cycles(parse_machine(text), Workload.gemm(64, 24, 40)).total == expected


def test_stalls_are_part_of_the_time() -> None:
    assert Cycles(folds=1, fill=2, steady=30, drain=400, stall=5000).total == 5432
