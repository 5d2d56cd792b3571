"""The RTL against the kernels, and three counts of cycles against each other, layer by layer."""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hwsim.array import Machine, layer_cycles
from hwsim.array.stepper import step_groups
from hwsim.rtl.cases import LayerCase
from hwsim.rtl.cosim import Cosimulator
from hwsim.rtl.drive import LayerCodes
from hwsim.rtl.emit import core_parameters
from hwsim.rtl.export import gates_zero

#: Layers of more multiply-accumulates are not stepped unless asked for: about a minute.
STEPPED_MACS = 2_000_000


@dataclass(frozen=True)
class LayerCheck:
    """One layer on one machine.

    Attributes:
        layer: its name.
        machine: canonical spelling.
        engine: that simulated the RTL.
        shape: M, N, K and groups that were driven.
        whole: nothing of the layer was left out.
        folds: tiles on the array.
        cycles_rtl: measured at the array's edge.
        cycles_formula: by ``hwsim.array.cycles``, in the fixed order of folds and without waits for memories.
        cycles_stepper: by ``hwsim.array.stepper``; None for a layer too large to step.
        outputs: sums compared, all bits of each.
        mismatches: of them that differ in any bit, or never came.
        seconds: wall time of the simulation, compiling included.
    """

    layer: str
    machine: str
    engine: str
    shape: tuple[int, int, int, int]
    whole: bool
    folds: int
    cycles_rtl: int
    cycles_formula: int
    cycles_stepper: int | None
    outputs: int
    mismatches: int
    seconds: float

    @property
    def passed(self) -> bool:
        """True where every bit and every count of cycles agrees."""
        counts = {self.cycles_rtl, self.cycles_formula, self.cycles_stepper} - {None}
        return self.mismatches == 0 and len(counts) == 1

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able, and whether the check passed."""
        return {**asdict(self), "passed": self.passed}


def verify(cases: Iterable[LayerCase], machines: Sequence[Machine], simulator: Cosimulator) -> Iterator[LayerCheck]:
    """Drive each layer through the RTL of each machine and yield what was found.

    Args:
        cases: from ``layer_cases``.
        machines: the arrays.
        simulator: an engine with its compiled arrays.

    Raises:
        RtlError: formats that the RTL does not do.
        ToolError: the engine is not installed or fails.
    """
    for case in cases:
        for machine in machines:
            yield check_layer(case, machine, simulator)


def check_layer(case: LayerCase, machine: Machine, simulator: Cosimulator) -> LayerCheck:
    """Drive one layer through the RTL of one machine, with its zero gating; see ``verify``."""
    formats = case.formats
    core = core_parameters(formats.weights, formats.acts, formats.acc, formats.product)
    started = time.perf_counter()
    result = simulator.run(machine, core, case.codes, gate_zero=gates_zero(machine, case))
    seconds = time.perf_counter() - started
    workload = case.codes.workload
    return LayerCheck(
        layer=case.name,
        machine=str(machine),
        engine=simulator.engine,
        shape=(workload.m, workload.n, workload.k, workload.groups),
        whole=case.is_whole,
        folds=result.folds,
        cycles_rtl=result.cycles,
        cycles_formula=layer_cycles(machine, workload).total,
        cycles_stepper=stepped_cycles(machine, case.codes) if workload.macs <= STEPPED_MACS else None,
        outputs=case.expected.size,
        mismatches=int((result.outputs != case.expected).sum()),
        seconds=seconds,
    )


def stepped_cycles(machine: Machine, codes: LayerCodes) -> int:
    """Return the cycles that the register-by-register array takes; its numbers are not looked at here."""
    groups = [
        (acts.tolist(), weights.tolist(), starts.tolist())
        for acts, weights, starts in zip(codes.acts, codes.weights, codes.starts, strict=True)
    ]
    return step_groups(machine, groups, multiply=operator.mul, add=operator.add)[0].cycles
