"""Netlists from the JSON that yosys writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import all_faults, unknown_name
from hwsim.gates.circuit import starts
from hwsim.gates.faults import LibertyError, NetlistError
from hwsim.gates.levels import topological_order
from hwsim.gates.library import Library
from hwsim.gates.models import CellModel, cell_model
from hwsim.gates.netlist import ONE, ZERO, Ints, Netlist

_MOST_FAULTS = 20
"""More than these are only counted in a message."""

Found = tuple[str, str, list[int], list[int]]
"""(name, type, input nets, output nets) of a cell."""


def read_netlist(path: str | Path, library: Library, top: str | None = None) -> Netlist:
    """Return the netlist in a JSON file of yosys (``write_json``), flattened and mapped to ``library``.

    Run ``splitnets; opt_clean -purge; rename -enumerate`` before ``write_json``.

    Args:
        path: The file.
        library: The cells it is mapped to.
        top: The module; None takes the only one.

    Raises:
        NetlistError: what cannot be simulated, every fault listed: unmapped or unknown cells, missing pins, nets with
            no driver or several, unknown values, loops, several clocks.
    """
    path = Path(path)
    try:
        modules = json.loads(path.read_text())["modules"]
    except (OSError, ValueError, KeyError) as error:
        raise NetlistError(f"{path}: cannot be read as a netlist of yosys (write_json): {error}") from error
    mapped = {name: module for name, module in modules.items() if not _is_model(module)}
    if top is None and len(mapped) == 1:
        top = next(iter(mapped))
    if top is None:
        raise NetlistError(f"{path}: has the modules {', '.join(mapped)}; name the top one, and flatten it")
    if top not in modules:
        raise NetlistError(f"{path}: {unknown_name('module', top, mapped)}")
    return _Builder(top, modules[top], library).netlist()


def _is_model(module: Mapping[str, Any]) -> bool:
    """Whether a module is only the outline of a library cell."""
    return any(int(str(module.get("attributes", {}).get(key, "0")), 2) for key in ("blackbox", "whitebox"))


class _Builder:
    """Reads one module, collecting faults."""

    def __init__(self, top: str, module: Mapping[str, Any], library: Library) -> None:
        self.top, self.module, self.library = top, module, library
        self.faults: list[str] = []
        self.names: list[str] = ["0", "1"]
        self.numbers: dict[object, int] = {"0": ZERO, "1": ONE}
        self.models: dict[str, CellModel] = {}
        self.unfit: set[str] = set()
        self.drivers: dict[int, str] = {ZERO: "constant", ONE: "constant"}

    def netlist(self) -> Netlist:
        labels = self._labels()
        ports: dict[str, dict[str, Ints]] = {"input": {}, "output": {}}
        for name, port in self.module["ports"].items():
            if port["direction"] not in ports:
                self.faults.append(f"port {name} is {port['direction']}; only inputs and outputs are simulated")
                continue
            nets = [self._net(bit, labels, f"port {name}") for bit in port["bits"]]
            ports[port["direction"]][name] = np.array(nets, dtype=np.int32)
            if port["direction"] == "input":
                for net in nets:
                    self._drive(net, f"port {name}")
        cells = self._cells(labels)
        self._check_driven(ports["output"], cells)
        self._stop_at_faults()
        return self._assemble(ports, cells)

    def _labels(self) -> dict[object, str]:
        """Return a name per yosys bit; of several, a public one."""
        labels: dict[object, str] = {}
        for name, net in self.module.get("netnames", {}).items():
            for place, bit in enumerate(net["bits"]):
                label = name if len(net["bits"]) == 1 else f"{name}[{place + net.get('offset', 0)}]"
                if bit not in labels or not net.get("hide_name", 0):
                    labels[bit] = label
        return labels

    def _net(self, bit: object, labels: Mapping[object, str], where: str) -> int:
        if bit in {"x", "z"}:
            self.faults.append(f"{where} is tied to {bit!r}: give it a value (yosys: setundef -zero)")
            return ZERO
        if bit not in self.numbers:
            self.numbers[bit] = len(self.names)
            self.names.append(labels.get(bit, str(bit)))
        return self.numbers[bit]

    def _drive(self, net: int, driver: str) -> None:
        if net in self.drivers:
            self.faults.append(f"net {self.names[net]} is driven by {self.drivers[net]} and by {driver}")
        self.drivers[net] = driver

    def _cells(self, labels: Mapping[object, str]) -> list[Found]:
        """Return (name, type, input nets, output nets) of every cell."""
        found = []
        unmapped: dict[str, int] = {}
        for name, cell in self.module["cells"].items():
            kind = cell["type"]
            if kind == "$scopeinfo":
                continue
            model = self._model(kind, unmapped)
            if model is None:
                continue
            where = f"cell {name} ({kind})"
            wires = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
            strange = [pin for pin in wires if pin not in model.inputs and pin not in model.outputs]
            missing = [pin for pin in model.inputs if pin not in wires]
            self.faults += [f"{where}: the library's cell has no pin {pin}" for pin in strange]
            self.faults += [f"{where}: input {pin} is not connected" for pin in missing]
            ins = [self._net(wires.get(pin, "0"), labels, f"{where}: input {pin}") for pin in model.inputs]
            # An open output moves too: it costs what is inside the cell.
            outs = [self._net(wires.get(pin, f"{name}.{pin}"), labels, where) for pin in model.outputs]
            for net in outs:
                self._drive(net, f"cell {name}")
            found.append((name, kind, ins, outs))
        self.faults += [
            f"{number} cells of type {kind}, which the library {self.library.name} does not have: "
            "map the netlist to it (yosys: dfflibmap -liberty, abc -liberty)"
            for kind, number in unmapped.items()
        ]
        return found

    def _model(self, kind: str, unmapped: dict[str, int]) -> CellModel | None:
        if kind not in self.library.cells:
            unmapped[kind] = unmapped.get(kind, 0) + 1
            return None
        if kind not in self.models and kind not in self.unfit:
            try:
                self.models[kind] = cell_model(self.library.cell(kind))
            except LibertyError as error:
                self.faults.append(str(error))
                self.unfit.add(kind)
        return self.models.get(kind)

    def _check_driven(self, outputs: Mapping[str, Ints], cells: list[Found]) -> None:
        readers = [(int(net), f"output {name}") for name, nets in outputs.items() for net in nets]
        readers += [(net, f"cell {name}") for name, _, ins, _ in cells for net in ins]
        undriven = dict.fromkeys(
            f"net {self.names[net]} is read by {reader} and driven by nothing"
            for net, reader in readers
            if net not in self.drivers
        )
        self.faults += undriven

    def _stop_at_faults(self) -> None:
        if self.faults:
            shown, rest = self.faults[:_MOST_FAULTS], len(self.faults) - _MOST_FAULTS
            shown += [f"and {rest} more"] if rest > 0 else []
            raise NetlistError(all_faults(f"netlist {self.top!r}", shown))

    def _assemble(self, ports: Mapping[str, Mapping[str, Ints]], cells: list[Found]) -> Netlist:
        names = sorted({kind for _, kind, _, _ in cells})
        models = tuple(self.models[name] for name in names)
        kinds = np.array([names.index(kind) for _, kind, _, _ in cells], dtype=np.int32)
        input_start, input_nets = _flat([ins for _, _, ins, _ in cells])
        output_start, output_nets = _flat([outs for _, _, _, outs in cells])
        registers = np.array([i for i, kind in enumerate(kinds) if models[kind].is_register], dtype=np.int32)
        labels = tuple(name for name, _, _, _ in cells)
        order = topological_order(labels, [(ins, outs) for _, _, ins, outs in cells], set(registers.tolist()))
        clock = self._clock(ports["input"], [(cells[i][0], models[kinds[i]], cells[i][2]) for i in registers])
        return Netlist(
            self.top, tuple(self.names), ports["input"], ports["output"], labels, models, kinds,
            input_start, input_nets, output_start, output_nets, order, registers, clock,
        )  # fmt: skip

    def _clock(self, inputs: Mapping[str, Ints], registers: list[tuple[str, CellModel, list[int]]]) -> int:
        nets = {ins[model.clock]: name for name, model, ins in registers}
        sources = {int(net) for nets in inputs.values() for net in nets}
        self.faults += [
            f"the clock of {name} is net {self.names[net]}, which is no input port: gated clocks are not simulated"
            for net, name in nets.items()
            if net not in sources
        ]
        self.faults += [
            f"the clock is a bit of port {name}, which has {len(port)} bits: give the clock a port of its own"
            for name, port in inputs.items()
            if len(port) > 1 and any(int(net) in nets for net in port)
        ]
        if len(nets) > 1:
            listed = ", ".join(self.names[net] for net in nets)
            self.faults.append(f"its flip-flops have the clocks {listed}; one clock is simulated")
        edges = {model.rising for _, model, _ in registers}
        if len(edges) > 1:
            self.faults.append("some flip-flops take the rising and some the falling edge; one edge is simulated")
        self._stop_at_faults()
        return next(iter(nets), -1)


def _flat(lists: list[list[int]]) -> tuple[Ints, Ints]:
    return starts([len(part) for part in lists]), np.array([net for part in lists for net in part], dtype=np.int32)
