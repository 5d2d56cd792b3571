"""A whole layer through the RTL of an array: every fold, ragged tiles, and partial sums that re-enter at the top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.array import Dataflow, Machine
from hwsim.errors import unknown_name
from hwsim.rtl.drive import Codes, Drive, Fold, LayerCodes, drive_layer
from hwsim.rtl.errors import RtlError, ToolError
from hwsim.rtl.icarus import CompiledTestbench, icarus_model
from hwsim.rtl.parameters import CoreParameters
from hwsim.rtl.sources import array_sources, testbench
from hwsim.rtl.verilator import verilator_model

Compiler = Callable[[Sequence[Path], str, Mapping[str, int]], AbstractContextManager[CompiledTestbench]]

ENGINES: Mapping[str, Compiler] = {"icarus": icarus_model, "verilator": verilator_model}


@dataclass(frozen=True)
class RtlResult:
    """What a layer gave on the RTL.

    Attributes:
        outputs: codes of the accumulator [groups, M, N]; -1 where no sum arrived.
        cycles: from the first word in to the last sum at the array's edge, idle rows and columns included.
        folds: tiles that were on the array.
    """

    outputs: Codes
    cycles: int
    folds: int


class Cosimulator:
    """Arrays compiled by one engine, each once; close it, or use it as a context, to remove the compiled programs.

    Args:
        engine: "icarus" or "verilator".
        sources: SystemVerilog files of the arrays; the package's own if None.
        testbenches: folder of tb_held.sv and tb_os.sv; the package's own if None.

    Raises:
        RtlError: no such engine.
    """

    def __init__(
        self, engine: str = "icarus", sources: Sequence[Path] | None = None, testbenches: Path | None = None
    ) -> None:
        if engine not in ENGINES:
            raise RtlError(unknown_name("engine", engine, ENGINES))
        self.engine, self._compile, self._stack = engine, ENGINES[engine], ExitStack()
        self._sources = array_sources() if sources is None else tuple(sources)
        self._testbenches = testbench("tb_os").parent if testbenches is None else testbenches
        self._models: dict[tuple[str, tuple[tuple[str, int], ...]], CompiledTestbench] = {}

    def __enter__(self) -> Cosimulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the compiled programs."""
        self._stack.close()
        self._models.clear()

    def run(
        self,
        machine: Machine,
        core: CoreParameters,
        codes: LayerCodes,
        *,
        interval: int | None = None,
        gate_zero: bool = False,
        timeout_s: float = 3600.0,
    ) -> RtlResult:
        """Run a layer.

        Args:
            machine: the array, its dataflow and registers.
            core: of the processing elements.
            codes: the operands.
            interval: cycles from one fold's start to the next's, the machine's own if None.
            gate_zero: elements hold still where an operand is zero; with finite operands the sums are the same.
            timeout_s: seconds after which the simulation is stopped.

        Raises:
            ToolError: the engine is not installed or fails, or a bit of a sum is undefined.
        """
        widths = (core.act_bits, core.weight_bits, core.acc_bits)
        drive = drive_layer(machine, codes, widths, interval)
        model = self._model(machine, core, drive.stream, gate_zero)
        done = model.run({"drive.txt": drive.text}, ["sums.txt"], [f"+stream={drive.stream}"], timeout_s)
        return _collected(machine, codes, drive, done.files["sums.txt"], core.acc_bits)

    def _model(self, machine: Machine, core: CoreParameters, stream: int, gate_zero: bool) -> CompiledTestbench:
        top = "tb_os" if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY else "tb_held"
        parameters = core.as_dict() | array_parameters(machine) | {"GATE_ZERO": int(gate_zero)}
        if top == "tb_held":
            parameters["DEPTH"] = max(1024, 1 << (stream - 1).bit_length())
        key = top, tuple(parameters.items())
        if key not in self._models:
            sources = (*self._sources, self._testbenches / f"{top}.sv")
            self._models[key] = self._stack.enter_context(self._compile(sources, top, parameters))
        return self._models[key]


def array_parameters(machine: Machine) -> dict[str, int]:
    """Return the parameters of ``sa_held`` or ``sa_os`` beside those of the core.

    >>> from hwsim.array import parse_machine
    >>> array_parameters(parse_machine("3x5-os,overlap,nogating"))
    {'ROWS': 3, 'COLUMNS': 5, 'OUTREG': 0, 'GATE_ZERO': 0, 'OVERLAP': 1, 'DIRECT': 0}
    """
    array = machine.array
    common = {"ROWS": array.rows, "COLUMNS": array.columns, "OUTREG": int(machine.output_register), "GATE_ZERO": 0}
    if array.dataflow is Dataflow.OUTPUT_STATIONARY:
        return common | {"OVERLAP": int(machine.drain_registers), "DIRECT": int(machine.direct_outputs)}
    held_act = int(array.dataflow is Dataflow.INPUT_STATIONARY)
    return common | {"HELD_ACT": held_act, "SHADOW": int(machine.shadow_registers)}


def _collected(machine: Machine, codes: LayerCodes, drive: Drive, text: str, acc_bits: int) -> RtlResult:
    """Sort what came out of each port into the layer's outputs: ports deliver in the order of the folds.

    A port that delivered more sums than it should has none that can be told.
    """
    ports: dict[int, list[int]] = {}
    last, mask = -1, (1 << acc_bits) - 1
    for line in text.splitlines():
        cycle, valid, sums = line.split()
        try:
            flags, words = int(valid, 16), int(sums, 16)
        except ValueError:
            raise ToolError(f"undefined bits at the array's edge after cycle {cycle}: {valid} {sums}") from None
        last = int(cycle)
        while flags:
            port = (flags & -flags).bit_length() - 1
            ports.setdefault(port, []).append((words >> (port * acc_bits)) & mask)
            flags &= flags - 1
    most = len(drive.folds) * _words_of_a_fold(machine, drive.stream)
    ports = {port: words for port, words in ports.items() if len(words) <= most}
    groups, m, _ = codes.acts.shape
    outputs = np.full((groups, m, codes.weights.shape[2]), -1, dtype=np.int64)
    for index, fold in enumerate(drive.folds):
        _place(machine, codes, drive, outputs, index, fold, ports)
    return RtlResult(outputs, last + 1, len(drive.folds))


def _place(
    machine: Machine,
    codes: LayerCodes,
    drive: Drive,
    outputs: Codes,
    index: int,
    fold: Fold,
    ports: Mapping[int, list[int]],
) -> None:
    """Put the sums of one fold where they belong; partial sums are left out."""
    tile, flow, rows, columns = fold.tile, machine.array.dataflow, machine.array.rows, machine.array.columns
    own = outputs[fold.group]
    for column in range(tile.columns):
        at = tile.column_start + column
        if flow is Dataflow.OUTPUT_STATIONARY:
            if machine.direct_outputs:
                found = [_word(ports, row * columns + column, index) for row in range(tile.rows)]
            else:
                found = [_word(ports, column, index * rows + rows - 1 - row) for row in range(tile.rows)]
            own[tile.row_start : tile.row_start + tile.rows, at] = found
        elif tile.row_start + tile.rows == codes.acts.shape[2]:
            found = [_word(ports, column, index * drive.stream + time) for time in range(drive.stream)]
            if flow is Dataflow.WEIGHT_STATIONARY:
                own[:, at] = found
            else:
                own[at, :] = found


def _words_of_a_fold(machine: Machine, stream: int) -> int:
    """Return how many sums a port delivers in each fold, idle rows included."""
    if machine.array.dataflow is not Dataflow.OUTPUT_STATIONARY:
        return stream
    return 1 if machine.direct_outputs else machine.array.rows


def _word(ports: Mapping[int, list[int]], port: int, order: int) -> int:
    words = ports.get(port, [])
    return words[order] if order < len(words) else -1
