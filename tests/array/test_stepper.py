"""The register-by-register array against the contract's sums and against the closed forms, on every small shape.

``check`` is the referee. The second half plants faults on both sides and demands that it notices each.
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hwsim.array import capturing, cycles, folds, shadowed, step_ports, systolic, traffic
from hwsim.array.counts import Action, Component
from hwsim.array.machine import Machine, parse_machine
from hwsim.array.mapping import Axis
from hwsim.array.stepper import StepResult, step_groups, step_layer
from hwsim.array.workload import Workload
from hwsim.errors import MachineError

SIDE = 12
Shape = tuple[int, int, int]
SHAPES: list[Shape] = list(itertools.product(range(1, SIDE + 1), range(1, SIDE + 1), range(1, SIDE + 1)))
EDGES = [shape for shape in SHAPES if {1, 2, 3, 5, 6, 12}.issuperset(shape)]
FEW = [shape for shape in SHAPES if {1, 2, 3, 4, 7}.issuperset(shape)]
FLOWS = ("ws", "os", "is")
OVERLAPPING = ("ws,shadow", "is,shadow", "os,overlap", "os,direct")
BITS = {"act": 7, "weight": 5, "acc": 19, "output": 11}  # all different, so that a wrong width shows

RNG = np.random.default_rng(2014)
A = RNG.choice([-3, -2, -1, 0, 1, 2, 3], size=(SIDE, SIDE)).tolist()
W = RNG.choice([-3, -2, -1, 0, 1, 2, 3], size=(SIDE, SIDE)).tolist()
BIAS = RNG.integers(-5, 6, size=SIDE).tolist()


def saturating_add(x: int, y: int) -> int:
    """Clamp to [-6, 6]: with these operands the order of addition shows in most sums."""
    return max(-6, min(6, x + y))


def sums_by_depth(bias: list[int]) -> list[list[list[int]]]:
    """Return sums[k][m][n] after k terms, k ascending: the expected output of every shape at once."""
    sums = [[list(bias) for _ in range(SIDE)]]
    for k in range(SIDE):
        before = sums[-1]
        sums.append([[saturating_add(before[m][n], A[m][k] * W[k][n]) for n in range(SIDE)] for m in range(SIDE)])
    return sums


SUMS = sums_by_depth(BIAS)
SUMS_FROM_ZERO = sums_by_depth([0] * SIDE)


def check(machine: Machine, shape: Shape, has_bias: bool = True) -> None:
    """Raise AssertionError where the stepped array, the contract and the closed forms are not all equal."""
    m, n, k = shape
    a, w = [row[:k] for row in A[:m]], [row[:n] for row in W[:k]]
    result = step_layer(machine, a, w, BIAS[:n] if has_bias else None, multiply=operator.mul, add=saturating_add)
    expected = (SUMS if has_bias else SUMS_FROM_ZERO)[k]
    assert result.outputs == [row[:n] for row in expected[:m]], "outputs"
    bits = (BITS["act"], BITS["weight"], BITS["acc"], BITS["output"])
    work = replace(Workload.gemm(m, n, k, bits=bits), has_bias=has_bias)
    timed = cycles.layer_cycles(machine, work)
    assert (timed.folds, timed.fill, timed.steady, timed.drain, timed.gap) == (
        result.folds,
        result.fill,
        result.steady,
        result.drain,
        result.gap,
    ), "cycles"
    assert stepped_words(result) == formula_words(machine, work), "traffic"
    assert result.macs == work.macs
    assert result.effectual_macs == sum(a[i][p] != 0 != w[p][j] for i in range(m) for j in range(n) for p in range(k))


def stepped_words(result: StepResult) -> Counter[tuple[str, Action, int]]:
    words: Counter[tuple[str, Action, int]] = Counter()
    for (unit, action, role), count in result.accesses.items():
        words[unit, action, BITS[role]] += count
    return words


def formula_words(machine: Machine, work: Workload) -> Counter[tuple[str, Action, int]]:
    words: Counter[tuple[str, Action, int]] = Counter()
    for count in (*traffic.register_traffic(machine, work), *traffic.sram_traffic(machine, work)):
        if count.component in (Component.SRAM, Component.REGISTER):
            words[count.unit, count.action, count.bits] += int(count.count)
    return words


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("array", ["3x5", "4x4", "2x7"])
def test_every_small_shape(array: str, flow: str) -> None:
    machine = parse_machine(f"{array}-{flow}")
    for shape in SHAPES:
        check(machine, shape)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("array", ["1x1", "1x4", "5x1", "13x13"])
def test_degenerate_and_oversized_arrays(array: str, flow: str) -> None:
    machine = parse_machine(f"{array}-{flow}")
    for shape in EDGES:
        check(machine, shape)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("options", [",outreg", ""])
@pytest.mark.parametrize("has_bias", [True, False])
def test_output_register_and_missing_bias(flow: str, options: str, has_bias: bool) -> None:
    for array in ("3x5", "1x1", "2x3"):
        for shape in EDGES:
            check(parse_machine(f"{array}-{flow}{options}"), shape, has_bias)


@pytest.mark.parametrize("options", OVERLAPPING)
@pytest.mark.parametrize("array", ["3x5", "2x7", "4x4"])
def test_few_shapes_where_folds_overlap(array: str, options: str) -> None:
    machine = parse_machine(f"{array}-{options}")
    for shape in FEW:
        check(machine, shape)


@pytest.mark.parametrize("options", [*OVERLAPPING, *(f"{text},outreg" for text in OVERLAPPING if "direct" not in text)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_overlap_in_degenerate_arrays_with_and_without_bias_and_output_register(options: str, has_bias: bool) -> None:
    for array in ("1x1", "1x4", "5x1", "2x3"):
        for shape in FEW[::2]:
            check(parse_machine(f"{array}-{options}"), shape, has_bias)


@pytest.mark.parametrize("options", [*FLOWS, *OVERLAPPING])
def test_groups_run_without_a_pause(options: str) -> None:
    machine, sides = parse_machine(f"3x5-{options}"), (4, 7, 6)
    m, n, k = sides
    a, w = [row[:k] for row in A[:m]], [row[:n] for row in W[:k]]
    groups = [(a, w, BIAS[:n]), (a[::-1], w, None), (a, w[::-1], BIAS[1 : n + 1])]
    stepped = step_groups(machine, groups, multiply=operator.mul, add=saturating_add)
    for (x, y, bias), result in zip(groups, stepped, strict=True):
        alone = step_layer(machine, x, y, bias, multiply=operator.mul, add=saturating_add)
        assert result.outputs == alone.outputs
    timed = cycles.layer_cycles(machine, Workload.gemm(*sides, groups=3))
    assert {(result.cycles, result.gap, result.folds) for result in stepped} == {(timed.total, timed.gap, timed.folds)}


def test_groups_of_different_shapes_are_refused() -> None:
    groups = [([[1]], [[1]], None), ([[1], [2]], [[1]], None)]
    for wrong in (groups, []):
        with pytest.raises(MachineError, match="all of one shape"):
            step_groups(parse_machine("2x2-ws"), wrong, multiply=operator.mul, add=operator.add)


@pytest.mark.parametrize("flow", [*FLOWS, *OVERLAPPING])
@pytest.mark.parametrize("array", ["3x5", "4x4", "1x1"])
def test_terms_are_added_one_by_one_k_ascending_from_the_bias(array: str, flow: str) -> None:
    """Symbols in place of numbers: the sum is the list of everything that was added to it, in order."""
    for m, n, k in [(1, 1, 1), (7, 6, 11), (12, 12, 12), (4, 5, 8)]:
        a = [[("a", i, p) for p in range(k)] for i in range(m)]
        w = [[("w", p, j) for j in range(n)] for p in range(k)]
        bias = [(("bias", j),) for j in range(n)]
        result = step_layer(
            parse_machine(f"{array}-{flow}"),
            a,
            w,
            bias,
            multiply=lambda x, y: (x, y),
            add=lambda total, term: (*total, term),
        )
        for i, j in itertools.product(range(m), range(n)):
            assert result.outputs[i][j] == (("bias", j), *((a[i][p], w[p][j]) for p in range(k)))


@pytest.mark.parametrize("flow", FLOWS)
def test_fractions_rounded_after_every_operation(flow: str) -> None:
    def rounded(value: Fraction) -> Fraction:
        return Fraction(round(value * 16), 16)

    a = [[Fraction(x, 5) for x in row] for row in A]
    w = [[Fraction(x, 3) for x in row] for row in W]
    result = step_layer(
        parse_machine(f"4x3-{flow}"),
        a,
        w,
        None,
        multiply=lambda x, y: rounded(x * y),
        add=lambda x, y: rounded(x + y),
        zero=Fraction(),
    )
    for m, n in itertools.product(range(SIDE), repeat=2):
        total = Fraction(0)
        for k in range(SIDE):
            total = rounded(total + rounded(a[m][k] * w[k][n]))
        assert result.outputs[m][n] == total


@pytest.mark.parametrize("flow", FLOWS)
def test_time_does_not_depend_on_values(flow: str) -> None:
    machine = parse_machine(f"3x5-{flow}")
    zeros = [[0] * SIDE for _ in range(SIDE)]
    silent = step_layer(machine, zeros, zeros, None, multiply=operator.mul, add=operator.add)
    loud = step_layer(machine, A, W, None, multiply=operator.mul, add=operator.add)
    assert (silent.cycles, silent.accesses) == (loud.cycles, loud.accesses)
    assert silent.effectual_macs == 0


@pytest.mark.parametrize(
    ("a", "w", "bias"),
    [
        ([], [], None),
        ([[1, 2]], [[1]], None),
        ([[1], [1, 2]], [[1]], None),
        ([[1]], [[1, 2]], [1]),
        ([[1]], [[]], None),
    ],
)
def test_shapes_that_do_not_fit_are_refused(a: list[Any], w: list[Any], bias: list[int] | None) -> None:
    with pytest.raises(MachineError, match="M x K"):
        step_layer(parse_machine("2x2-ws"), a, w, bias, multiply=operator.mul, add=operator.add)


# Planted faults. Each one names the flows in which it must be caught.


def noticed(flow: str, options: str = "") -> bool:
    """Return whether some small shape makes the referee, or the array's own checks, object."""
    machine = parse_machine(f"3x5-{flow}{options}")
    try:
        for shape in FEW:
            check(machine, shape)
    except AssertionError:
        return True
    return False


def test_the_referee_is_content_without_faults() -> None:
    assert not any(noticed(flow, options) for flow in FLOWS for options in ("", ",outreg"))
    assert not any(noticed(text) for text in OVERLAPPING)


_ORIGINAL_SKEW = systolic.Skew.__init__
_ORIGINAL_STARTS = step_ports.StepTile.starts_in_columns
_ORIGINAL_SPAN = systolic.TokenLane.span
_ORIGINAL_PASS = systolic.pass_right
_ORIGINAL_HELD = step_ports.StepTile.held_row
_ORIGINAL_FOLD = cycles.fold_cycles
_ORIGINAL_EDGE = traffic._edge_reads
_ORIGINAL_HOLD = traffic._stationary_registers
_ORIGINAL_STAY = traffic._output_stationary_registers
_ORIGINAL_PORTS = step_ports.Ports.__init__
_ORIGINAL_LANE = systolic.TokenLane.__init__
_ORIGINAL_COLLECT = step_ports.StepTile.collect
_ORIGINAL_DRAIN = folds.OutputStationaryFold._drain


def _slow_skew(self: systolic.Skew, lanes: int, *rest: Any) -> None:
    _ORIGINAL_SKEW(self, lanes, *rest)
    self._lanes = [[None, *lane] if index == 1 else lane for index, lane in enumerate(self._lanes)]


def _forgetful(self: Any) -> bool:
    """Let the sums of every fold start at the bias."""
    return bool(_ORIGINAL_STARTS(self)) or self.rows.start > 0


def _upside_down(self: Any, row: int) -> Any:
    return _ORIGINAL_HELD(self, len(self.rows) - 1 - row) if row < len(self.rows) else None


def _descending(self: Any, machine: Machine, a: Any, w: Any, *rest: Any) -> None:
    """Add the right products in the wrong order: only a sum that saturates can tell."""
    _ORIGINAL_PORTS(self, machine, [row[::-1] for row in a], w[::-1], *rest)


def _early_token(self: systolic.TokenLane, length: int) -> None:
    _ORIGINAL_LANE(self, length - 1)


def _first_in_first(self: Any, bottom: Any) -> None:
    self.rows = self.rows[::-1]
    _ORIGINAL_COLLECT(self, bottom)
    self.rows = self.rows[::-1]


def _lazy_drain(self: Any, edge: Any) -> int:
    return _ORIGINAL_DRAIN(self, edge) - 1


def _shifted_span(self: systolic.TokenLane) -> tuple[int, int]:
    before, steady = _ORIGINAL_SPAN(self)
    return before + 1, steady - 1


def _undelayed(registers: Any, word: Any, *rest: Any) -> tuple[Any, Any]:
    seen, captured = _ORIGINAL_PASS(registers, word, *rest)
    return [word] * len(seen), captured


def _folds_of_whole_tiles_only(self: Axis) -> int:
    return max(1, self.extent // self.side)


def _traded(machine: Machine, stream: int) -> cycles.FoldCycles:
    fold = _ORIGINAL_FOLD(machine, stream)
    return cycles.FoldCycles(fold.fill + 1, fold.steady, fold.drain - 1)


def _transposed(machine: Machine, stream: int) -> cycles.FoldCycles:
    rows, columns = machine.array.rows, machine.array.columns
    return _ORIGINAL_FOLD(parse_machine(f"{columns}x{rows}-{machine.array.dataflow.value}"), stream)


def _one_bias_less(*args: Any) -> tuple[int, int, int]:
    acts, weights, biases = _ORIGINAL_EDGE(*args)
    return acts, weights, biases - 1


def _one_more(original: Callable[..., Any]) -> Callable[..., Iterator[tuple[str, int, int]]]:
    def changed(*args: Any) -> Iterator[tuple[str, int, int]]:
        for unit, writes, reads in original(*args):
            yield unit, writes + (unit == "psum_register"), reads

    return changed


FAULTS: Iterable[tuple[str, Any, str, Any, tuple[str, ...]]] = [
    ("skew one register too long", systolic.Skew, "__init__", _slow_skew, FLOWS),
    ("operand seen by all columns at once", folds, "pass_right", _undelayed, FLOWS),
    ("first token reported a cycle late", systolic.TokenLane, "span", _shifted_span, FLOWS),
    ("weights loaded upside down", step_ports.StepTile, "held_row", _upside_down, ("ws", "is")),
    ("k descending", step_ports.Ports, "__init__", _descending, FLOWS),
    ("partial sums do not come back", step_ports.StepTile, "starts_in_columns", _forgetful, ("ws",)),
    ("outputs transposed", step_ports, "_place", lambda flow, row, column: (column, row), ("ws", "os")),
    ("outputs not transposed", step_ports, "_place", lambda flow, row, column: (row, column), ("is",)),
    ("ready one cycle too early", systolic.TokenLane, "__init__", _early_token, FLOWS),
    ("outputs in the order of arrival", step_ports.StepTile, "collect", _first_in_first, ("os",)),
    ("a cycle of drain not counted", folds.OutputStationaryFold, "_drain", _lazy_drain, ("os",)),
    ("ragged tiles forgotten", Axis, "folds", property(_folds_of_whole_tiles_only), FLOWS),
    ("a cycle of drain counted as fill", cycles, "fold_cycles", _traded, FLOWS),
    ("rows and columns exchanged", cycles, "fold_cycles", _transposed, FLOWS),
    ("triangle one row too large", Axis, "triangle", property(lambda self: self.extent * self.side // 2), FLOWS),
    ("partial sums not counted", traffic, "_k_folds", lambda *_: 1, ("ws", "is")),
    ("a bias not read", traffic, "_edge_reads", _one_bias_less, FLOWS),
    ("a psum write too many", traffic, "_stationary_registers", _one_more(_ORIGINAL_HOLD), ("ws", "is")),
    ("an accumulator write too many", traffic, "_output_stationary_registers", _one_more(_ORIGINAL_STAY), ("os",)),
]


@pytest.mark.parametrize(
    ("where", "name", "fault", "flows"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_planted_fault_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, fault: Any, flows: tuple[str, ...]
) -> None:
    monkeypatch.setattr(where, name, fault)
    assert [flow for flow in flows if not noticed(flow)] == []


def test_forgotten_output_register_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(machine: Machine, stream: int) -> cycles.FoldCycles:
        return _ORIGINAL_FOLD(parse_machine(str(machine).removesuffix(",outreg")), stream)

    monkeypatch.setattr(cycles, "fold_cycles", without)
    assert all(noticed(flow, ",outreg") for flow in FLOWS)
    assert not any(noticed(flow) for flow in FLOWS)


def _without_gap(machine: Machine, stream: int) -> int:
    return stream


def _swap_early(self: shadowed.ShadowedArray) -> None:
    """Let each PE swap one cycle before its turn."""
    wave, self._wave = self._wave, [*self._wave[1:], False]
    _ORIGINAL_SWAP(self)
    self._wave = wave


def _load_at_once(self: shadowed.ShadowedArray, tile: Any) -> None:
    wave, self._wave = self._wave, [False] * len(self._wave)
    _ORIGINAL_LOAD(self, tile)
    self._wave = wave


def _takes_longer(self: capturing.CapturingArray, row: int, column: int) -> bool:
    bottom = self._shape.rows + column
    return row > 0 and row < self._shape.rows and any(self._wave[bottom : bottom + row + 1])


def _drains_early(self: capturing.CapturingArray, row: int, column: int) -> bool:
    bottom = self._shape.rows + column - 1
    return row < self._shape.rows and any(self._wave[bottom : bottom + row])


def _short_lane(self: systolic.TokenLane, length: int) -> None:
    _ORIGINAL_LANE(self, length - (length == 3))  # the lane that says when a column of three rows is free


def _shadow_for_free(*args: Any) -> Iterator[tuple[str, int, int]]:
    return (row for row in _ORIGINAL_HOLD(*args) if "shadow" not in row[0])


def _all_passes(registers: Any, word: Any, side: str, log: Any, unit: str, role: str) -> tuple[Any, Any]:
    """Let a ragged tile's words run on to the array's edge."""
    return systolic.pass_right(registers, word, log, unit, role)


_ORIGINAL_SWAP = shadowed.ShadowedArray._swap
_ORIGINAL_LOAD = shadowed.ShadowedArray._load
OVERLAP_FAULTS: Iterable[tuple[str, Any, str, Any, tuple[str, ...]]] = [
    ("the gap forgotten", cycles, "fold_interval", _without_gap, ("ws,shadow", "is,shadow", "os,overlap")),
    ("operands swapped a cycle early", shadowed.ShadowedArray, "_swap", _swap_early, ("ws,shadow", "is,shadow")),
    ("loaded before the wave is through", shadowed.ShadowedArray, "_load", _load_at_once, ("ws,shadow", "is,shadow")),
    ("rows move down once too often", capturing.CapturingArray, "_takes", _takes_longer, ("os,overlap",)),
    ("drain a cycle early", capturing.CapturingArray, "_takes", _drains_early, ("os,overlap",)),
    ("next fold before the column is free", systolic.TokenLane, "__init__", _short_lane, ("os,overlap",)),
    ("shadow registers not counted", traffic, "_stationary_registers", _shadow_for_free, ("ws,shadow", "is,shadow")),
    ("idle columns not gated", shadowed, "pass_in_tile", _all_passes, ("ws,shadow", "is,shadow")),
    ("idle rows and columns not gated", capturing, "pass_in_tile", _all_passes, ("os,overlap",)),
    ("a drain where sums leave directly", folds.OutputStationaryFold, "_leave", _ORIGINAL_DRAIN, ("os,direct",)),
]


@pytest.mark.parametrize(
    ("where", "name", "fault", "machines"), [fault[1:] for fault in OVERLAP_FAULTS], ids=[f[0] for f in OVERLAP_FAULTS]
)
def test_planted_fault_in_overlapping_folds_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, fault: Any, machines: tuple[str, ...]
) -> None:
    monkeypatch.setattr(where, name, fault)
    assert [text for text in machines if not noticed(text)] == []
