"""A layer on the array, register by register: the slow and obvious twin of ``cycles`` and ``traffic``.

It computes the numbers with any arithmetic, counts cycles by clocking and accesses by watching registers and
scratchpad ports. It shares no code with the closed forms and cuts the layer into tiles by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hwsim.array.machine import Machine
from hwsim.array.step_ports import Matrix, Ports
from hwsim.array.systolic import Access, AccessLog, Arithmetic, Number
from hwsim.errors import MachineError


@dataclass(frozen=True)
class StepResult:
    """What came out of the array and what it took.

    Attributes:
        outputs: out[m][n].
        folds: tiles that were on the array.
        fill: cycles, as in ``hwsim.array.cycles.FoldCycles``, summed over folds.
        steady: the same.
        drain: the same.
        gap: between folds that overlap, as in ``hwsim.array.cycles.Cycles``.
        accesses: words by (unit, action, whose width: act, weight, acc or output).
        macs: multiply-accumulates done.
        effectual_macs: those without a zero operand.
    """

    outputs: list[list[Number]]
    folds: int
    fill: int
    steady: int
    drain: int
    gap: int
    accesses: Mapping[Access, int]
    macs: int
    effectual_macs: int

    @property
    def cycles(self) -> int:
        """Cycles from the first operand in to the last output at the bottom edge."""
        return self.fill + self.steady + self.drain + self.gap


def step_layer(
    machine: Machine,
    a: Matrix,
    w: Matrix,
    bias: Sequence[Number] | None,
    *,
    multiply: Callable[[Number, Number], Number],
    add: Callable[[Number, Number], Number],
    zero: Number = 0,
) -> StepResult:
    """Run out[m][n] = bias[n] + sum over k of a[m][k] w[k][n] on the array of ``machine``.

    Args:
        machine: only its array and its registers matter.
        a: activations, M x K.
        w: weights, K x N.
        bias: N starting values, or None to start at ``zero``.
        multiply: product of an activation and a weight, rounded or not.
        add: sum of an accumulator and a product, rounded or not; called with k ascending for each output.
        zero: start of a sum without a bias.

    Raises:
        MachineError: the shapes do not fit each other.

    >>> from operator import add, mul
    >>> from hwsim.array.machine import parse_machine
    >>> result = step_layer(parse_machine("2x2-ws"), [[1, 2, 3]], [[4], [5], [6]], [7], multiply=mul, add=add)
    >>> result.outputs, result.folds, result.cycles
    ([[39]], 2, 10)
    """
    ports = Ports(machine, a, w, bias, Arithmetic(multiply, add, zero), AccessLog())
    return _result([ports])[0]


def step_groups(
    machine: Machine,
    groups: Sequence[tuple[Matrix, Matrix, Sequence[Number] | None]],
    *,
    multiply: Callable[[Number, Number], Number],
    add: Callable[[Number, Number], Number],
    zero: Number = 0,
) -> tuple[StepResult, ...]:
    """Run the groups of a layer, (a, w, bias) each, one after another without a pause; see ``step_layer``.

    Returns:
        One result a group; cycles, accesses and MACs of each are those of all groups together.

    Raises:
        MachineError: the shapes of a group do not fit each other, or groups differ in shape.

    >>> from operator import add, mul
    >>> from hwsim.array.machine import parse_machine
    >>> group = ([[1, 2]], [[3], [4]], None)
    >>> [r.cycles for r in step_groups(parse_machine("2x2-ws,shadow"), [group, group], multiply=mul, add=add)]
    [9, 9]
    """
    log = AccessLog()
    ports = [Ports(machine, a, w, bias, Arithmetic(multiply, add, zero), log) for a, w, bias in groups]
    sizes = sorted({(port.m, port.n, port.k) for port in ports})
    if len(sizes) != 1:
        raise MachineError(f"groups have the shapes (M, N, K) {sizes}: give at least one group, all of one shape")
    return _result(ports)


def _result(ports: Sequence[Ports]) -> tuple[StepResult, ...]:
    tiles = [tile for port in ports for tile in port.tiles()]
    times, log = ports[0].run(tiles), ports[0].log
    return tuple(
        StepResult(
            port.outputs(),
            len(tiles),
            sum(time.fill for time in times),
            sum(time.steady for time in times),
            sum(time.drain for time in times),
            sum(time.gap for time in times),
            log.accesses(),
            log.macs,
            log.effectual_macs,
        )
        for port in ports
    )
