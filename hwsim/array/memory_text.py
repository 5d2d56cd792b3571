"""Memories as text and back: ``64KiB/128b/x2/1r1w/double`` for a scratchpad, ``lpddr4@12.8GB/s`` for DRAM."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hwsim.array.parts import KIBIBYTE_BITS, Dram, DramKind, Memory, Ports
from hwsim.errors import MachineError, unknown_name

_SIZE = re.compile(r"(?P<value>\d{1,18})(?P<unit>[A-Za-z]+)")
_UNITS: Mapping[str, int] = {"b": 1, "KiB": KIBIBYTE_BITS, "MiB": 1024 * KIBIBYTE_BITS}
_BANDWIDTH = re.compile(r"(?P<value>\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)GB/s")
DOUBLE = "double"


def parse_memory(name: str, text: str) -> Memory:
    """Return the scratchpad ``name`` that ``text`` describes: SIZE[/WIDTHb][/xBANKS][/1rw or 1r1w][/double].

    Raises:
        MachineError: naming the part that cannot be read.

    >>> parse_memory("ifmap_sram", "64KiB/128b/x2").bits_per_cycle
    256
    """
    size, *parts = text.split("/")
    word_bits, banks, ports, double = None, 1, Ports.ONE_RW, False
    kinds = [_kind_of(part) for part in parts]
    if twice := sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        raise MachineError(f"memory {text!r} gives its {' and its '.join(twice)} twice: keep one")
    for part, kind in zip(parts, kinds, strict=True):
        if kind == "width":
            word_bits = size_bits(part)
        elif kind == "banks":
            banks = int(part[1:])
        elif kind == "ports":
            ports = Ports(part)
        else:
            double = True
    return Memory(name, size_bits(size), word_bits, banks, ports, double)


def _kind_of(part: str) -> str:
    if part == DOUBLE:
        return "double buffer"
    if part in {ports.value for ports in Ports}:
        return "ports"
    if re.fullmatch(r"x\d{1,6}", part):
        return "banks"
    if re.fullmatch(r"\d{1,9}b", part):
        return "width"
    raise MachineError(
        unknown_name("part of a memory", part, ["128b (width)", "x2 (banks)", *(p.value for p in Ports), DOUBLE])
    )


def memory_text(memory: Memory) -> str:
    """Return the shortest text that ``parse_memory`` reads back.

    >>> memory_text(parse_memory("ofmap_sram", "65536b/32b/1r1w"))
    '8KiB/32b/1r1w'
    """
    width = [] if memory.word_bits is None else [f"{memory.word_bits}b"]
    banks = [] if memory.banks == 1 else [f"x{memory.banks}"]
    ports = [] if memory.ports is Ports.ONE_RW else [memory.ports.value]
    return "/".join([size_text(memory.capacity_bits), *width, *banks, *ports, *[DOUBLE] * memory.double_buffered])


def parse_dram(text: str) -> Dram:
    """Return the DRAM that ``text`` describes: KIND, BANDWIDTH, or KIND@BANDWIDTH.

    Raises:
        MachineError: naming the part that cannot be read.

    >>> parse_dram("lpddr4@12.8GB/s").bandwidth_gb_s
    12.8
    """
    kind, at, bandwidth = text.partition("@")
    if not at and text[:1].isdigit():
        kind, bandwidth = "", text
    return Dram(kind=_dram_kind(kind) if kind else None, bandwidth_gb_s=_gb_s(bandwidth) if bandwidth or at else None)


def dram_text(dram: Dram) -> str:
    """Return the shortest text that ``parse_dram`` reads back; empty for a DRAM of no kind and no limit."""
    kind = dram.kind.value if dram.kind else ""
    bandwidth = "" if dram.bandwidth_gb_s is None else f"{number_text(dram.bandwidth_gb_s)}GB/s"
    return "@".join(part for part in (kind, bandwidth) if part)


def _dram_kind(text: str) -> DramKind:
    known = {kind.value: kind for kind in DramKind}
    if text not in known:
        raise MachineError(unknown_name("kind of DRAM", text, known))
    return known[text]


def _gb_s(text: str) -> float:
    match = _BANDWIDTH.fullmatch(text)
    if match is None:
        raise MachineError(
            f"bandwidth {text!r} cannot be read: write a number and GB/s (10^9 bytes a second), such as 12.8GB/s"
        )
    return float(match["value"])


def size_bits(text: str) -> int:
    """Return the bits of a size such as 64KiB. Raises MachineError."""
    match = _SIZE.fullmatch(text)
    if match is None or match["unit"] not in _UNITS:
        raise MachineError(
            f"size {text!r} cannot be read: write a whole number and b (bits), KiB or MiB, such as 64KiB"
        )
    return int(match["value"]) * _UNITS[match["unit"]]


def size_text(bits: int) -> str:
    """Return ``bits`` in the largest unit that divides them."""
    unit = next(unit for unit in ("MiB", "KiB", "b") if bits % _UNITS[unit] == 0)
    return f"{bits // _UNITS[unit]}{unit}"


def number_text(value: float) -> str:
    """Return the shortest decimal that reads back as ``value``.

    >>> number_text(500.0), number_text(0.1)
    ('500', '0.1')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
