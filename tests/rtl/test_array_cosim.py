"""Systolic arrays in RTL: every output bit, and the cycles by RTL, closed form and stepped array."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from array_cases import KINDS, Case, cached_case, needs_icarus, needs_verilator

from hwsim.array import Machine, fold_interval, layer_cycles, map_layer, parse_machine
from hwsim.rtl.cosim import Cosimulator
from hwsim.rtl.errors import RtlError, ToolError
from hwsim.rtl.verify import stepped_cycles

ARRAYS = ("3x5", "5x3", "2x7")
FLOWS = (
    *("ws", "ws,outreg", "ws,shadow", "ws,outreg,shadow"),
    *("is", "is,outreg", "is,shadow", "is,outreg,shadow"),
    *("os", "os,outreg", "os,overlap", "os,outreg,overlap", "os,direct"),
)
#: (M, N, K): streams of 1 and 7 in each dataflow, whole and ragged tiles, one fold and many.
SHAPES = ((7, 6, 8), (1, 7, 9), (7, 1, 4), (8, 9, 1), (3, 3, 3))


@pytest.fixture(scope="module")
def icarus() -> Iterator[Cosimulator]:
    with Cosimulator("icarus") as simulator:
        yield simulator


def check(simulator: Cosimulator, text: str, kind: str, *args: object) -> None:
    machine, layer = parse_machine(text), cached_case(kind, *args)
    result = simulator.run(machine, layer.core, layer.codes)
    assert np.array_equal(result.outputs, layer.expected), "outputs"
    closed = layer_cycles(machine, layer.codes.workload)
    assert (result.cycles, result.folds) == (closed.total, closed.folds), "cycles"
    assert stepped_cycles(machine, layer.codes) == closed.total, "stepped cycles"


def equals(simulator: Cosimulator, machine: Machine, layer: Case, interval: int) -> bool:
    """Whether all sums are right where folds follow each other after ``interval`` cycles; undefined bits are wrong."""
    try:
        result = simulator.run(machine, layer.core, layer.codes, interval=interval)
    except ToolError as error:
        assert "undefined bits" in str(error)
        return False
    return bool(np.array_equal(result.outputs, layer.expected))


@needs_icarus
@pytest.mark.parametrize(
    ("array", "flow"),
    [(a, f) for a, f in itertools.product(ARRAYS, FLOWS) if a in ("3x5", "5x3") or "outreg" not in f],
)
def test_every_bit_and_every_cycle(icarus: Cosimulator, array: str, flow: str) -> None:
    for shape in SHAPES:
        check(icarus, f"{array}-{flow}", "shift_add", *shape)


@needs_icarus
@pytest.mark.parametrize("flow", ["ws", "ws,outreg,shadow", "is,shadow", "os", "os,outreg,overlap"])
@pytest.mark.parametrize("array", ["1x4", "4x1", "1x1"])
def test_arrays_of_one_row_or_column(icarus: Cosimulator, array: str, flow: str) -> None:
    for shape in ((7, 6, 8), (1, 2, 3)):
        check(icarus, f"{array}-{flow}", "int", *shape)


@needs_icarus
@pytest.mark.parametrize("flow", ["ws", "is,shadow", "os,overlap"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_element(icarus: Cosimulator, kind: str, flow: str) -> None:
    check(icarus, f"3x2-{flow}", kind, 5, 3, 7)


@needs_icarus
@pytest.mark.parametrize("flow", ["ws,shadow", "is", "os,overlap"])
@pytest.mark.parametrize("kind", ["shift_add", "int", "float"])
def test_elements_that_hold_still_at_zeros_give_the_same(icarus: Cosimulator, kind: str, flow: str) -> None:
    layer, machine = cached_case(kind, 7, 6, 8, 1, True, True), parse_machine(f"3x5-{flow}")
    result = icarus.run(machine, layer.core, layer.codes, gate_zero=True)
    assert np.array_equal(result.outputs, layer.expected)
    assert result.cycles == layer_cycles(machine, layer.codes.workload).total


@needs_icarus
@pytest.mark.parametrize("flow", ["ws", "ws,shadow", "is", "os", "os,overlap,outreg", "os,direct"])
def test_groups_follow_one_another(icarus: Cosimulator, flow: str) -> None:
    check(icarus, f"3x5-{flow}", "int", 4, 6, 7, 3)


@needs_icarus
@pytest.mark.parametrize("flow", ["ws", "is", "os", "ws,shadow", "os,overlap"])
def test_sums_start_at_zero_without_a_bias(icarus: Cosimulator, flow: str) -> None:
    check(icarus, f"3x5-{flow}", "shift_add", 7, 6, 8, 1, False)


@needs_icarus
@pytest.mark.parametrize("flow", ["ws,shadow", "is,shadow", "ws,shadow,outreg", "os,overlap", "os,overlap,outreg"])
@pytest.mark.parametrize("array", ["3x5", "1x4", "4x1"])
def test_the_interval_between_folds_is_the_smallest(icarus: Cosimulator, array: str, flow: str) -> None:
    """One cycle less gives wrong sums, with streams shorter and longer than the array."""
    machine = parse_machine(f"{array}-{flow}")
    rows, columns = machine.array.rows, machine.array.columns
    for stream in (1, 3, 2 * rows + columns + 2):
        m, n, k = {"ws": (stream, 2 * columns, 2 * rows), "is": (2 * columns, stream, 2 * rows)}.get(
            flow[:2], (2 * rows, 2 * columns, stream)
        )
        layer = cached_case("int", m, n, k)
        smallest = fold_interval(machine, map_layer(machine.array, layer.codes.workload).stream)
        assert equals(icarus, machine, layer, smallest), stream
        assert smallest == 1 or not equals(icarus, machine, layer, smallest - 1), stream


@needs_icarus
def test_the_order_of_addition_shows(icarus: Cosimulator) -> None:
    """The same products in descending order of k saturate elsewhere: this layer can tell."""
    layer = cached_case("shift_add", 7, 6, 8)
    turned = type(layer.codes)(layer.codes.acts[:, :, ::-1], layer.codes.weights[:, ::-1], layer.codes.starts)
    for flow in ("ws", "os", "is"):
        result = icarus.run(parse_machine(f"3x5-{flow}"), layer.core, turned)
        assert not np.array_equal(result.outputs, layer.expected)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("flow", ["ws,shadow", "os,overlap,outreg"])
def test_verilator_agrees(flow: str) -> None:
    with Cosimulator("verilator") as simulator:
        check(simulator, f"3x5-{flow}", "int", 7, 6, 8)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(RtlError, match="'icarus'"):
        Cosimulator("ikarus")
