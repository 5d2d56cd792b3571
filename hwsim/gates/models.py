"""The logic of one cell as truth tables: what the simulators look up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwsim.gates.boolean import Bits, Boolean, states
from hwsim.gates.cells import Cell, Register
from hwsim.gates.faults import LibertyError

FREE, CLEARED, SET = 0, 1, 2
"""What the asynchronous pins of a flip-flop do to its state."""


@dataclass(frozen=True, eq=False)
class CellModel:
    """Truth tables of a cell over its states.

    Bit k of a state is input pin k (clock pins included); the bit above the inputs is what a flip-flop stores.

    Attributes:
        cell: The cell.
        inputs: Input pins; the order of the bits.
        outputs: Output pins.
        truth: Value of each output. Shape [outputs, states].
        clock: Index of the clock pin, or -1 for a combinational cell.
        rising: Whether the rising edge clocks it.
        next_state: What the stored bit becomes at a clock edge. Shape [states], empty for a combinational cell.
        forced: FREE, CLEARED or SET. Shape [states], empty for a combinational cell.
    """

    cell: Cell
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    truth: NDArray[np.uint8]
    clock: int
    rising: bool
    next_state: NDArray[np.uint8]
    forced: NDArray[np.uint8]

    @property
    def is_register(self) -> bool:
        """Whether the cell is a flip-flop."""
        return self.clock >= 0

    @property
    def bits(self) -> int:
        """Bits of a state: the inputs and, of a flip-flop, the stored bit."""
        return len(self.inputs) + self.is_register

    def pin_values(self) -> dict[str, Bits]:
        """Return the value of every pin and state variable in each state, for ``when`` conditions."""
        register = self.cell.register
        stored = [register.state] if register is not None and self.is_register else []
        values = states([*self.inputs, *stored])
        if stored and register is not None:
            values[register.inverse] = ~values[register.state]
        outputs = {name: self.truth[place].astype(bool) for place, name in enumerate(self.outputs)}
        return values | outputs

    def holds(self, when: Boolean | None) -> Bits:
        """Return in which states ``when`` is true, shape [states]; None is true in all."""
        if when is None:
            return np.ones(1 << self.bits, dtype=bool)
        return np.broadcast_to(when.evaluate(self.pin_values()), (1 << self.bits,))


@lru_cache(maxsize=4096)
def cell_model(cell: Cell) -> CellModel:
    """Return the truth tables of ``cell``.

    Raises:
        LibertyError: it is a latch, a clock gate, a three-state driver or a memory, an output has no function, or its
            clock is no plain pin.
    """
    faults = _faults(cell)
    if faults:
        raise LibertyError(f"cell {cell.name}: {'; '.join(faults)}")
    register = cell.register
    values = states([*cell.inputs, *([register.state] if register else [])])
    if register is not None:
        values[register.inverse] = ~values[register.state]
    functions = [function for name in cell.outputs if (function := cell.pins[name].function) is not None]
    size = 1 << (len(cell.inputs) + (register is not None))
    truth = [np.broadcast_to(function.evaluate(values), (size,)) for function in functions]
    table = np.array(truth, dtype=np.uint8).reshape(len(functions), size)
    if register is None:
        none = np.zeros(0, dtype=np.uint8)
        return CellModel(cell, cell.inputs, cell.outputs, table, -1, True, none, none)
    clock = register.clock.names[0]
    rising = bool(register.clock.table([clock])[1])
    following = np.broadcast_to(register.next_state.evaluate(values), (size,)).astype(np.uint8)
    place = cell.inputs.index(clock)
    return CellModel(cell, cell.inputs, cell.outputs, table, place, rising, following, _forced(register, values, size))


def _faults(cell: Cell) -> list[str]:
    faults = []
    register = cell.register
    if cell.statetable:
        faults.append("it is described by a statetable (a clock gate?), which is not simulated")
    if register is not None and register.kind == "latch":
        faults.append("it is a latch; only flip-flops are simulated: write edge-triggered registers")
    if register is not None and register.kind == "ff" and len(register.clock.names) != 1:
        faults.append(f"its clock is {register.clock.text!r}; only one pin, or its inverse, is simulated")
    for name, pin in cell.pins.items():
        if pin.direction == "inout" or pin.three_state:
            faults.append(f"pin {name} is three-state or bidirectional, which is not simulated")
        elif pin.direction == "output" and pin.function is None and not cell.statetable:
            faults.append(f"output {name} has no function")
    return faults


def _forced(register: Register, values: dict[str, Bits], size: int) -> NDArray[np.uint8]:
    """Return what the asynchronous pins do in each state."""
    never = np.zeros(size, dtype=bool)
    clear = never if register.clear is None else np.broadcast_to(register.clear.evaluate(values), (size,))
    preset = never if register.preset is None else np.broadcast_to(register.preset.evaluate(values), (size,))
    forced = np.full(size, FREE, dtype=np.uint8)
    forced[clear] = CLEARED
    # Both at once: liberty says what the state becomes; what it leaves open is taken as cleared, the safer reset.
    forced[preset & (~clear | (register.both == "H"))] = SET
    return forced
