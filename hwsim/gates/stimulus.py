"""Inputs of a simulation, from numbers per port to one bit per net and cycle, and outputs back to numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import all_faults, unknown_name
from hwsim.gates.faults import StimulusError
from hwsim.gates.netlist import Netlist

Bits = NDArray[np.uint8]
Ports = Mapping[str, NDArray[Any]]
_WIDEST = 64
"""Ports up to this width travel as numbers, wider ones as one bit per column."""


def to_bits(netlist: Netlist, inputs: Ports) -> tuple[NDArray[np.int32], Bits]:
    """Return (nets, bits): the nets that the inputs drive, and their values, shape [cycles, nets].

    Args:
        netlist: The netlist.
        inputs: For every input port but the clock, one number per cycle (two's complement or unsigned), or bits of
            shape [cycles, width], least significant first.

    Raises:
        StimulusError: a port is missing, unknown or the clock, numbers do not fit, or lengths differ.
    """
    wanted = {name: nets for name, nets in netlist.inputs.items() if name != netlist.clock_port}
    faults = [unknown_name("input port", name, wanted) for name in inputs if name not in wanted]
    faults += [f"input port {name} ({len(wanted[name])} bits) has no values" for name in wanted if name not in inputs]
    if netlist.clock_port in inputs:
        faults[0:0] = [f"{netlist.clock_port} is the clock: it is driven by the simulation, one edge per cycle"]
    parts: list[Bits] = []
    for name, nets in wanted.items():
        if name in inputs:
            try:
                parts.append(_port_bits(name, np.asarray(inputs[name]), len(nets)))
            except StimulusError as error:
                faults.append(str(error))
    lengths = {len(part) for part in parts}
    if len(lengths) > 1:
        listed = ", ".join(f"{name} {len(values)}" for name, values in inputs.items())
        faults.append(f"ports have different numbers of cycles: {listed}")
    if faults:
        raise StimulusError(all_faults(f"stimulus of {netlist.top!r}", faults))
    nets = np.concatenate([np.zeros(0, dtype=np.int32), *wanted.values()]).astype(np.int32)
    return nets, np.ascontiguousarray(np.concatenate(parts, axis=1) if parts else np.zeros((0, 0), dtype=np.uint8))


def _port_bits(name: str, values: NDArray[Any], width: int) -> Bits:
    if values.ndim == 2:
        if values.shape[1] != width:
            raise StimulusError(f"input port {name} has {width} bits; the values have {values.shape[1]} columns")
        return values.astype(bool).astype(np.uint8)
    if values.ndim != 1 or values.dtype.kind not in "iub":
        raise StimulusError(f"input port {name}: give one integer per cycle, or bits of shape [cycles, {width}]")
    if width > _WIDEST:
        raise StimulusError(f"input port {name} has {width} bits: give bits of shape [cycles, {width}]")
    low, high = -(1 << (width - 1)), (1 << width) - 1
    if values.size and (int(values.min()) < low or int(values.max()) > high):
        raise StimulusError(
            f"input port {name} has {width} bits, {low} to {high}; values reach {values.min()} to {values.max()}"
        )
    codes = values.astype(np.int64).view(np.uint64) if values.dtype.kind != "u" else values.astype(np.uint64)
    places = np.arange(width, dtype=np.uint64)
    return (codes[:, None] >> places & np.uint64(1)).astype(np.uint8)


def to_codes(netlist: Netlist, bits: Bits) -> dict[str, NDArray[Any]]:
    """Return the outputs per port: unsigned numbers, shape [cycles], or for ports above 64 bits [cycles, width].

    Args:
        netlist: The netlist.
        bits: Output bits in the order of its output ports. Shape [cycles, bits].
    """
    found: dict[str, NDArray[Any]] = {}
    place = 0
    for name, nets in netlist.outputs.items():
        part = bits[:, place : place + len(nets)]
        place += len(nets)
        weights = np.uint64(1) << np.arange(len(nets), dtype=np.uint64)
        wide = len(nets) > _WIDEST
        found[name] = part.astype(bool) if wide else (part * weights).sum(axis=1, dtype=np.uint64)
    return found
