"""What streams cost on a netlist: energies per multiply-accumulate, each stream by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.gates import Library, Netlist, simulate
from hwsim.synth.bench import Bench, Session
from hwsim.synth.check import compare
from hwsim.synth.technology import Technology

#: Columns of ``SimulationResult.per_cycle_pj``: gates, their nets, registers, their nets, clock pins, input nets.
_CORE, _REGISTERS, _CLOCK = [0, 1], [2, 3, 5], [4]


@dataclass(frozen=True)
class Energies:
    """The dynamic energy of one stream, per cycle of a multiply-accumulate.

    Attributes:
        core_pj: of all combinational cells.
        register_pj: of the flip-flops' data: inside them, and on the nets that they and their like in the neighbouring
            elements drive.
        clock_pj: of the flip-flops' clock pins.
    """

    core_pj: float
    register_pj: float
    clock_pj: float


def run_session(
    name: str, netlist: Netlist, library: Library, tech: Technology, session: Session, glitches: bool
) -> dict[str, Energies]:
    """Simulate the benches of ``session``, compare every output with the reference, and return what each cost.

    Args:
        name: of the netlist, for messages.
        netlist: what is simulated.
        library: its cells.
        tech: wires and slews.
        session: the benches; each begins by bringing the netlist into a known state.
        glitches: whether gates have delays.

    Raises:
        NetlistMismatchError: an output differs from the reference.
    """
    # A register of an array drives the inputs of its neighbour: so the nets of the inputs count, and outputs are bare.
    result = simulate(netlist, library, session.inputs, glitches=glitches, wire=tech.wire, input_slew_ns=tech.slew_ns)
    outputs: Mapping[str, NDArray[np.uint64]] = result.outputs
    compare(name, session, outputs[next(iter(session.benches.values())).output])
    return {
        stream: _energies(session.benches[stream], result.per_cycle_pj[cycles])
        for stream, cycles in session.slices().items()
    }


def _energies(bench: Bench, per_cycle_pj: NDArray[np.float64]) -> Energies:
    first, end = bench.priced
    mean = per_cycle_pj[first:end].mean(axis=0)
    return Energies(*(float(mean[columns].sum()) for columns in (_CORE, _REGISTERS, _CLOCK)))
