"""The options of a machine as text, one by one: what each stands for among the arguments of ``Machine``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hwsim.array.memory_text import DOUBLE, parse_dram, parse_memory
from hwsim.array.parts import Compression, Dataflow, Objective
from hwsim.errors import MachineError, unknown_name

GRAMMAR = (
    "ROWSxCOLUMNS-DATAFLOW[@CLOCK][,OPTION...] with DATAFLOW ws, os or is; CLOCK such as 800MHz or 1.2GHz; "
    "OPTION ifmap=MEMORY, filter=MEMORY, ofmap=MEMORY with MEMORY such as 64KiB, 2MiB or 4096b, then as needed "
    "/128b (width), /x2 (banks), /1r1w, /double; double (all three); dram=KIND@BANDWIDTH such as lpddr4@12.8GB/s; "
    "tiling=fixed, time or energy; compress=bitmap, entropy, 3.2b (bits a weight) or layers (bits of each layer), "
    "@dram after it where weights are unpacked at the chip's edge; lanes=N, nogating, noclockgate, outreg, "
    "shadow (ws, is), overlap or direct (os). "
    "Example: 16x16-ws@800MHz,filter=32KiB. Or the name of a preset (hwsim machines), then @CLOCK and OPTIONs as needed"
)
AT_EDGE = "dram"  #: after a packing: weights are packed in DRAM alone
_CLOCK = re.compile(r"(?P<value>\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?P<unit>MHz|GHz)", re.I)
_BITS = re.compile(r"(?P<value>\d{1,9}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)b")
FLAGS: Mapping[str, Mapping[str, bool]] = {
    "nogating": {"zero_gating": False},
    "outreg": {"output_register": True},
    "shadow": {"shadow_registers": True},
    "overlap": {"drain_registers": True},
    "direct": {"direct_outputs": True},
    "noclockgate": {"clock_gating": False},
}
WORDS: Mapping[str, tuple[str, type[Objective] | type[Compression]]] = {
    "tiling": ("tiling", Objective),
    "compress": ("compression", Compression),
}
_OPTIONS = (*(f"{name}=MEMORY" for name in ("ifmap", "filter", "ofmap")), "dram=KIND@BANDWIDTH", "tiling=WHAT",
            "compress=HOW", "lanes=N")  # fmt: skip
_T = TypeVar("_T")


def attempt(faults: list[str], read: Callable[[str], _T], text: str) -> _T | None:
    """Return what ``read`` makes of ``text``; None if it cannot, and then why is appended to ``faults``."""
    try:
        return read(text)
    except MachineError as error:
        faults.append(str(error))
        return None


def read_options(faults: list[str], items: list[str]) -> dict[str, Any]:
    """Return the keyword arguments of Machine that the options stand for; append what cannot be read."""
    changes: dict[str, Any] = {}
    for item in items:
        change = attempt(faults, _option, item.strip())
        if change and not changes.keys().isdisjoint(change):
            faults.append(f"option {item!r} is given twice: keep one")
        changes.update(change or {})
    return changes


def _option(item: str) -> dict[str, Any]:
    key, equals, value = item.partition("=")
    if equals and key in _READERS:
        return _READERS[key](value)
    if not equals and key == DOUBLE:
        return {DOUBLE: True}
    if not equals and key in FLAGS:
        return dict(FLAGS[key])
    raise MachineError(unknown_name("option", item, [*_OPTIONS, DOUBLE, *FLAGS]))


def _lanes(value: str) -> int:
    if not value.isdecimal():
        raise MachineError(f"lanes={value}: give a whole number of operations per cycle, such as lanes=16")
    return int(value)


def _packing(value: str) -> dict[str, Any]:
    how, at, place = value.partition("@")
    if at and place != AT_EDGE:
        raise MachineError(
            f"compress={value}: weights are unpacked at the chip's edge, such as compress={how}@{AT_EDGE}, "
            f"or where they enter the array, compress={how}"
        )
    edge = {"unpack_at_edge": bool(at)}
    bits = _BITS.fullmatch(how)
    if bits is None:
        return {"compression": _word("compress", how), "packed_weight_bits": None, **edge}
    return {"compression": Compression.STATED, "packed_weight_bits": float(bits["value"]), **edge}


def _word(key: str, value: str) -> Objective | Compression:
    known = {member.value: member for member in WORDS[key][1] if member is not Compression.STATED}
    if value not in known:
        bits = "; or bits a weight, such as compress=3.2b" if key == "compress" else ""
        raise MachineError(unknown_name(key, value, known) + bits)
    return known[value]


def read_dataflow(text: str) -> Dataflow:
    """Return the dataflow of that name. Raises MachineError."""
    try:
        return Dataflow(text)
    except ValueError:
        raise MachineError(unknown_name("dataflow", text, [flow.value for flow in Dataflow])) from None


def read_clock_mhz(text: str) -> float:
    """Return the MHz of a text such as 800MHz. Raises MachineError.

    >>> read_clock_mhz("1.2GHz")
    1200.0
    """
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise MachineError(f"clock {text!r} cannot be read: write a number and MHz or GHz, such as 800MHz")
    return float(match["value"]) * (1000.0 if match["unit"].lower() == "ghz" else 1.0)


_READERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "ifmap": lambda value: {"ifmap_sram": parse_memory("ifmap_sram", value)},
    "filter": lambda value: {"filter_sram": parse_memory("filter_sram", value)},
    "ofmap": lambda value: {"ofmap_sram": parse_memory("ofmap_sram", value)},
    "dram": lambda value: {"dram": parse_dram(value)},
    "tiling": lambda value: {"tiling": _word("tiling", value)},
    "compress": _packing,
    "lanes": lambda value: {"vector_lanes": _lanes(value)},
}
