"""A technology for a library that is not known by name: its adder and buffer found by what their pins compute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwsim.gates import LibertyError, Library, WireModel
from hwsim.gates.cells import Cell
from hwsim.synth.errors import SynthError
from hwsim.synth.technology import AdderCell, Technology

_ONES = np.array([bin(state).count("1") for state in range(8)])
_SUM, _CARRY = _ONES % 2 == 1, _ONES >= 2
_LOAD_BUFFERS = 4  #: input pins of the smallest buffer that an output is taken to drive


def detect(library: Library, name: str, node_nm: float, dont_use: tuple[str, ...] = ()) -> Technology:
    """Return a technology read from the functions of a library's cells.

    The smallest full adder (outputs straight, or both inverted) and the smallest buffer are used, outputs drive four
    such buffers, and wires have the library's default table or no capacitance.

    Args:
        library: the cells.
        name: of the technology.
        node_nm: which no liberty file states.
        dont_use: patterns of cells to leave alone.

    Raises:
        SynthError: there is no buffer.
    """
    cells = list(_readable(library))
    buffers = [cell for cell in cells if is_buffer(cell)]
    if not buffers:
        raise SynthError(
            f"library {library.name} has no buffer among its {len(cells)} cells: give a Technology by hand"
        )
    adders = [(cell.area_um2, adder) for cell in cells if (adder := as_adder(cell)) is not None]
    buffer = min(buffers, key=lambda cell: cell.area_um2)
    return Technology(
        name=name,
        node_nm=node_nm,
        full_adder=min(adders, key=lambda pair: pair[0])[1] if adders else None,
        driver=buffer.name,
        load_ff=_LOAD_BUFFERS * buffer.pins[buffer.inputs[0]].capacitance_ff,
        slew_ns=0.05,
        dont_use=dont_use,
        wire=WireModel("default" if library.default_wire_load else None),
        clue=buffer.name,
    )


def _readable(library: Library) -> Iterator[Cell]:
    for name in library.cells:
        try:
            yield library.cell(name)
        except LibertyError:
            continue  # a cell that the gate simulator cannot read is of no use here


def is_buffer(cell: Cell) -> bool:
    """Return whether a cell hands its one input on."""
    if len(cell.inputs) != 1 or len(cell.outputs) != 1 or cell.register is not None:
        return False
    pin = cell.pins[cell.outputs[0]]
    if pin.function is None or pin.three_state or set(pin.function.names) != set(cell.inputs):
        return False
    return bool(pin.function.table(cell.inputs).tolist() == [False, True])


def as_adder(cell: Cell) -> AdderCell | None:
    """Return which pins of a cell are those of a full adder; None if it is none."""
    if len(cell.inputs) != 3 or len(cell.outputs) != 2 or cell.register is not None:
        return None
    tables = {}
    for name in cell.outputs:
        function = cell.pins[name].function
        if function is None or set(function.names) != set(cell.inputs):
            return None
        tables[name] = function.table(cell.inputs)
    for inverted in (False, True):
        sums = [name for name, table in tables.items() if bool((table == (_SUM ^ inverted)).all())]
        carries = [name for name, table in tables.items() if bool((table == (_CARRY ^ inverted)).all())]
        if len(sums) == 1 and len(carries) == 1:
            a, b, c = cell.inputs
            return AdderCell(cell.name, (a, b, c), sums[0], carries[0], inverted)
    return None
