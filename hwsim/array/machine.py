"""The machine: a grid of processing elements, a scratchpad per operand, a DRAM and a clock, also as text.

A machine is an immutable value. Its prices live elsewhere (``hwsim.cost``); here is only what can be counted.
``parse_machine(str(machine)) == machine`` for every machine whose memories keep their default names.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from hwsim.array.memory_text import DOUBLE, dram_text, memory_text, number_text
from hwsim.array.options import AT_EDGE, FLAGS, GRAMMAR, WORDS, attempt, read_clock_mhz, read_dataflow, read_options
from hwsim.array.parts import KIBIBYTE_BITS, Compression, Dataflow, Dram, Memory, Objective, PeArray, is_count
from hwsim.array.presets import PRESETS
from hwsim.errors import MachineError, all_faults, unknown_name

__all__ = ["Dataflow", "Dram", "Machine", "Memory", "PeArray", "parse_machine"]

MAX_CLOCK_MHZ = 100_000.0
_BASE = re.compile(
    r"(?P<rows>\d{1,9})x(?P<columns>\d{1,9})-(?P<dataflow>[a-z]+)(?:@(?P<clock>[^,]+))?(?P<options>(?:,[^,]+)*)", re.I
)


def _scratchpad(name: str) -> Memory:
    return Memory(name, 64 * KIBIBYTE_BITS)


@dataclass(frozen=True)
class Machine:
    """Everything about the hardware that decides cycles and traffic.

    Attributes:
        name: a label for reports; two machines that differ only in it are equal.
        array: the processing elements and their dataflow.
        clock_mhz: clock frequency in MHz.
        ifmap_sram: scratchpad of activations.
        filter_sram: scratchpad of weights and biases.
        ofmap_sram: scratchpad of partial sums and outputs.
        dram: memory outside the chip.
        zero_gating: a processing element holds still where an operand is zero.
        output_register: one more register between the bottom row and the ofmap scratchpad (one cycle a fold).
        vector_lanes: operations per cycle of the unit that does pooling and additions.
        shadow_registers: weight and input stationary: the next tile is loaded while the last one is in use.
        drain_registers: output stationary: finished sums move out while the next tile is accumulated.
        direct_outputs: output stationary: sums leave through a port of each element, without a drain.
        clock_gating: a register's clock stands still in cycles in which it captures nothing; without, every flip-flop
            of the array is clocked in every cycle.
        tiling: what tiles and loop order are chosen for.
        compression: how weights lie in DRAM and in the filter scratchpad.
        packed_weight_bits: bits of a packed weight on average, where ``compression`` is STATED; None otherwise.
        unpack_at_edge: weights are unpacked once, as they come from DRAM, and the filter scratchpad holds them in their
            formats; without, they stay packed there and are unpacked where they enter the array.

    Raises:
        MachineError: lists every fault at once.

    >>> machine = Machine("edge", PeArray(16, 16, Dataflow.WEIGHT_STATIONARY))
    >>> machine.runtime_s(500_000_000)
    1.0
    """

    name: str = field(compare=False)
    array: PeArray
    clock_mhz: float = 500.0
    ifmap_sram: Memory = field(default_factory=lambda: _scratchpad("ifmap_sram"))
    filter_sram: Memory = field(default_factory=lambda: _scratchpad("filter_sram"))
    ofmap_sram: Memory = field(default_factory=lambda: _scratchpad("ofmap_sram"))
    dram: Dram = field(default_factory=Dram)
    zero_gating: bool = True
    output_register: bool = False
    vector_lanes: int = 16
    shadow_registers: bool = False
    drain_registers: bool = False
    direct_outputs: bool = False
    clock_gating: bool = True
    tiling: Objective = Objective.FIXED
    compression: Compression = Compression.NONE
    packed_weight_bits: float | None = None
    unpack_at_edge: bool = False

    def __post_init__(self) -> None:
        faults = [*self.array.faults(), *self._memory_faults(), *self._scalar_faults(), *self._flow_faults()]
        if faults:
            raise MachineError(all_faults(f"machine {self.name!r}", faults))

    @property
    def second_register(self) -> bool:
        """True where each element has a second register of what stays in it: the shadow or drain register."""
        return self.shadow_registers or self.drain_registers

    @property
    def srams(self) -> tuple[Memory, Memory, Memory]:
        """The scratchpads of activations, weights and outputs."""
        return self.ifmap_sram, self.filter_sram, self.ofmap_sram

    @property
    def capacities(self) -> dict[str, int]:
        """Capacity in bits of each scratchpad, by the name that counts carry as ``unit``."""
        return {memory.name: memory.capacity_bits for memory in self.srams}

    @property
    def memories(self) -> dict[str, Memory | Dram]:
        """The scratchpads and the DRAM by the name that counts carry as ``unit``."""
        return {**{memory.name: memory for memory in self.srams}, self.dram.name: self.dram}

    @property
    def dram_bits_per_cycle(self) -> Fraction | None:
        """Bits that cross the chip's edge in a cycle; None: no limit."""
        return self.dram.bits_per_cycle(self.clock_mhz)

    @property
    def unlimited(self) -> bool:
        """True where no memory can keep the array waiting: no bandwidth and no word width is stated."""
        return self.dram.bandwidth_gb_s is None and all(memory.word_bits is None for memory in self.srams)

    def __str__(self) -> str:
        """Return the shortest text that describes the machine; its label takes no part.

        >>> str(parse_machine("16x16-WS@0.8GHz,lanes=16,ofmap=65536b"))
        '16x16-ws@800MHz,ofmap=8KiB'
        """
        array, plain = self.array, Machine("", self.array)
        base = f"{array.rows}x{array.columns}-{array.dataflow.value}"
        clock = "" if self.clock_mhz == plain.clock_mhz else f"@{number_text(self.clock_mhz)}MHz"
        lanes = [] if self.vector_lanes == plain.vector_lanes else [f"lanes={self.vector_lanes}"]
        flags = [
            flag
            for flag, change in FLAGS.items()
            if all(getattr(self, name) == value for name, value in change.items())
        ]
        return ",".join([base + clock, *self._memory_options(plain), *lanes, *flags])

    def _memory_options(self, plain: Machine) -> list[str]:
        every = all(memory.double_buffered for memory in self.srams)
        own = [replace(memory, double_buffered=False) for memory in self.srams] if every else self.srams
        sizes = [
            f"{memory.name.removesuffix('_sram')}={memory_text(memory)}"
            for memory, default in zip(own, plain.srams, strict=True)
            if memory != default
        ]
        outside = dram_text(self.dram)
        chosen = (("tiling", self.tiling), ("compress", self.compression))
        words = [f"{name}={value.value}" for name, value in chosen if value is not getattr(plain, WORDS[name][0])]
        if self.packed_weight_bits is not None:
            words[-1] = f"compress={number_text(self.packed_weight_bits)}b"
        if self.unpack_at_edge:
            words[-1] += f"@{AT_EDGE}"
        return [*sizes, *[DOUBLE] * every, *([f"dram={outside}"] if outside else []), *words]

    def runtime_s(self, cycles: int) -> float:
        """Return the seconds that ``cycles`` take at the machine's clock."""
        return cycles / (self.clock_mhz * 1e6)

    def _memory_faults(self) -> list[str]:
        faults = [fault for memory in (*self.srams, self.dram) for fault in memory.faults()]
        names = [*(memory.name for memory in self.srams), self.dram.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        return faults + [f"{names.count(name)} memories are called {name!r}: give each its own name" for name in twice]

    def _flow_faults(self) -> list[str]:
        """Return the options that mean nothing under this dataflow, or beside each other."""
        flow = self.array.dataflow
        faults = []
        if self.shadow_registers and flow is Dataflow.OUTPUT_STATIONARY:
            faults.append("shadow: os holds no operand in its elements; take ws or is, or overlap to hide its drain")
        for option, chosen in (("overlap", self.drain_registers), ("direct", self.direct_outputs)):
            if chosen and flow is not Dataflow.OUTPUT_STATIONARY:
                faults.append(
                    f"{option}: in {flow.value} the sums leave as they are finished, there is no drain; take os, "
                    f"or shadow to hide the loading of {flow.value}"
                )
        if self.direct_outputs and self.drain_registers:
            faults.append("direct, overlap: sums leave through ports of their own or through drain registers; keep one")
        if self.direct_outputs and self.output_register:
            faults.append("direct, outreg: with direct outputs nothing passes the bottom edge; leave outreg out")
        return faults

    def _scalar_faults(self) -> list[str]:
        faults = []
        if not (math.isfinite(self.clock_mhz) and 0 < self.clock_mhz <= MAX_CLOCK_MHZ):
            faults.append(f"clock is {self.clock_mhz!r} MHz: give more than 0 and at most {MAX_CLOCK_MHZ:g} MHz")
        bits, stated = self.packed_weight_bits, self.compression is Compression.STATED
        if stated is (bits is None):
            faults.append(f"packed weights of {bits!r} bits with compress={self.compression.value}: give both or none")
        elif bits is not None and not (math.isfinite(bits) and bits > 0):
            faults.append(f"packed weights are {bits!r} bits: give more than 0 bits a weight")
        if self.unpack_at_edge and self.compression is Compression.NONE:
            faults.append("weights unpacked at the chip's edge with compress=none: give a packing, or leave it out")
        if not is_count(self.vector_lanes):
            faults.append(
                f"vector lanes are {self.vector_lanes!r}: give a whole number of at least 1 operation per cycle"
            )
        return faults


def parse_machine(text: str) -> Machine:
    """Return the machine that ``text`` describes.

    Raises:
        MachineError: lists every part of ``text`` that cannot be read, with the nearest known names.

    >>> parse_machine("16x8-os@1GHz,nogating").array.columns
    8
    """
    head, comma, extra = text.strip().partition(",")
    preset = head.partition("@")[0]
    if preset in PRESETS:
        return _from_preset(text, head, extra.split(",") if comma else [])
    match = _BASE.fullmatch(text.strip())
    if match is None and preset[:1].isalpha():
        raise MachineError(f"{unknown_name('machine', preset, PRESETS)}. Or write {GRAMMAR}")
    if match is None:
        raise MachineError(f"machine {text!r} cannot be read: write {GRAMMAR}")
    faults: list[str] = []
    flow = attempt(faults, read_dataflow, match["dataflow"].lower())
    clock = attempt(faults, read_clock_mhz, match["clock"] or "500MHz")
    options = read_options(faults, match["options"].split(",")[1:])
    if faults or flow is None or clock is None:
        raise MachineError(all_faults(f"machine {text!r}", faults))
    machine = Machine(text, PeArray(int(match["rows"]), int(match["columns"]), flow), clock_mhz=clock)
    machine = _with_options(machine, options)
    return replace(machine, name=str(machine))


def _from_preset(text: str, head: str, items: list[str]) -> Machine:
    """Return the preset that ``head`` names, with a clock if it gives one and ``items`` in place of its own options."""
    faults: list[str] = []
    name, at, clock = head.partition("@")
    options = read_options(faults, items)
    if at:
        options["clock_mhz"] = attempt(faults, read_clock_mhz, clock)
    if faults:
        raise MachineError(all_faults(f"machine {text!r}", faults))
    machine = _with_options(parse_machine(PRESETS[name].text), options)
    return replace(machine, name=",".join([head, *(item.strip() for item in items)]))


def _with_options(machine: Machine, options: dict[str, Any]) -> Machine:
    """Return ``machine`` with the keyword arguments ``options``; ``double`` then applies to all its scratchpads."""
    double = options.pop(DOUBLE, False)
    machine = replace(machine, **options)
    if not double:
        return machine
    ifmap, filters, ofmap = (replace(memory, double_buffered=True) for memory in machine.srams)
    return replace(machine, ifmap_sram=ifmap, filter_sram=filters, ofmap_sram=ofmap)
