"""Small netlists for the tests, written as the JSON of yosys, and random ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.gates import Library, Netlist, SimulationResult, read_liberty, read_netlist

TINY = Path(__file__).with_name("tiny.lib")

PINS = {
    "INV": ("A",), "BUF": ("A",), "NAND2": ("A", "B"), "NOR2": ("A", "B"), "AND2": ("A", "B"), "OR2": ("A", "B"),
    "AOI21": ("A", "B", "C"), "XOR2": ("A", "B"), "MUX2": ("A", "B", "S"), "HA": ("A", "B"), "FA": ("A", "B", "CI"),
}  # fmt: skip
OUTS = {"HA": ("CO", "S"), "FA": ("CO", "S")}

Cell = tuple[str, str, Mapping[str, str]]
"""(name, type, {pin: net}); a net is a name, "0", "1" or "x"."""


def tiny() -> Library:
    return read_liberty(TINY)


def write_netlist(
    folder: Path,
    cells: Iterable[Cell],
    inputs: Mapping[str, list[str]],
    outputs: Mapping[str, list[str]],
    name: str = "top",
) -> Path:
    """Write a netlist of yosys; the nets of a port are given least significant first."""
    numbers: dict[str, int] = {}

    def bit(net: str) -> int | str:
        return net if net in {"0", "1", "x", "z"} else numbers.setdefault(net, len(numbers) + 2)

    ports = {n: {"direction": "input", "bits": [bit(b) for b in nets]} for n, nets in inputs.items()}
    ports |= {n: {"direction": "output", "bits": [bit(b) for b in nets]} for n, nets in outputs.items()}
    body = {n: {"type": kind, "connections": {p: [bit(b)] for p, b in pins.items()}} for n, kind, pins in cells}
    names = {net: {"hide_name": 0, "bits": [number]} for net, number in numbers.items()}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"modules": {name: {"ports": ports, "cells": body, "netnames": names}}}))
    return path


def build(
    folder: Path,
    library: Library,
    cells: Iterable[Cell],
    inputs: Mapping[str, list[str]],
    outputs: Mapping[str, list[str]],
) -> Netlist:
    return read_netlist(write_netlist(folder, cells, inputs, outputs), library)


def random_cells(rng: np.random.Generator, gates: int, inputs: list[str], registers: int) -> list[Cell]:
    """A random netlist: gates read earlier nets; flip-flops feed back."""
    nets = [*inputs, *(f"q{k}" for k in range(registers))]
    cells: list[Cell] = []
    kinds = list(PINS)
    for k in range(gates):
        kind = kinds[rng.integers(len(kinds))]
        outs = OUTS.get(kind, ("Y",))
        recent = nets[-12:] if rng.random() < 0.7 else nets
        chosen = rng.choice(recent, len(PINS[kind]))
        pins = {pin: str(net) for pin, net in zip(PINS[kind], chosen, strict=True)}
        if rng.random() < 0.05:
            pins[PINS[kind][0]] = str(rng.integers(2))
        pins |= {out: f"n{k}{out}" for out in outs if rng.random() > 0.1 or len(outs) == 1}
        cells.append((f"g{k}", kind, pins))
        nets += [pins[out] for out in outs if out in pins]
    gate_nets = [net for net in nets if net.startswith("n")]
    for k in range(registers):
        pins = {"D": str(rng.choice(gate_nets)), "CK": "clk", "Q": f"q{k}"}
        if k % 3 == 2:
            pins |= {"RN": "reset_n"}
        cells.append((f"r{k}", "DFFR" if "RN" in pins else "DFF", pins))
    return cells


def random_netlist(folder: Path, seed: int, gates: int = 60, registers: int = 6) -> tuple[Netlist, Library]:
    library = tiny()
    rng = np.random.default_rng(seed)
    names = [f"a{k}" for k in range(8)]
    cells = random_cells(rng, gates, names, registers)
    driven = [
        net for _, _, pins in cells for pin, net in pins.items() if pin in {"Y", "S", "CO", "Q"} and net[0] == "n"
    ]
    ports = {"a": names, "reset_n": ["reset_n"], "clk": ["clk"]} if registers else {"a": names}
    return build(folder, library, cells, ports, {"y": driven[-10:]}), library


def random_inputs(netlist: Netlist, seed: int, cycles: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for name, nets in netlist.inputs.items():
        if name == netlist.clock_port:
            continue
        found[name] = rng.integers(0, 1 << len(nets), cycles)
        if name == "reset_n":
            found[name] = (rng.random(cycles) > 0.1).astype(np.int64)
    return found


def output_bits(netlist: Netlist, result: SimulationResult) -> np.ndarray:
    parts = [result.outputs[name][:, None] >> np.arange(len(nets), dtype=np.uint64) & np.uint64(1)
             for name, nets in netlist.outputs.items()]  # fmt: skip
    return np.concatenate(parts, axis=1)


def edited(folder: Path, *replacements: tuple[str, str]) -> Library:
    """Return the tiny library with its text changed."""
    text = TINY.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = folder / "edited.lib"
    path.write_text(text)
    return read_liberty(path)
