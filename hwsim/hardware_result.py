"""What a layer and an inference cost on a machine, as records."""

from __future__ import annotations

from dataclasses import dataclass, field

from hwsim.array import FIXED, Cycles
from hwsim.floorplan import Floorplan
from hwsim.formats.pe import PeSpec
from hwsim.network import Gemm


@dataclass(frozen=True)
class LayerHardware:
    """One layer on the machine, for one batch of images.

    Attributes:
        name: of the layer.
        op: kind of operation.
        unit: "array", "vector" or "-" for layers that move nothing.
        gemm: the matrix products of one image; None off the array.
        cycles: by part of the time; None where the layer takes none.
        utilisation: share of PE-cycles that do a multiply-accumulate, 0 to 1.
        macs: multiply-accumulates, padding included.
        effectual_macs: those with both operands nonzero, an average over images.
        energy_pj: by component.
        pe: the processing element.
        memory_pj: by memory, scratchpads and DRAM.
        memory_bits: read and written, by memory; an average over images.
        weight_bits: that a weight, or what stands in its place, takes in DRAM and in the filter scratchpad.
        tiling: loop order and blocks, as text.
        glitch_pj: what of the processing elements' energy glitches take; None where the table does not say.
        notes: where the prices of a synthesised element come from, and how wrong they may be.
    """

    name: str
    op: str
    unit: str
    gemm: Gemm | None
    cycles: Cycles
    utilisation: float
    macs: int
    effectual_macs: float
    energy_pj: dict[str, float]
    pe: PeSpec | None = None
    memory_pj: dict[str, float] = field(default_factory=dict)
    tiling: str = str(FIXED)
    glitch_pj: float | None = None
    notes: tuple[str, ...] = ()
    memory_bits: dict[str, float] = field(default_factory=dict)
    weight_bits: tuple[float, float] | None = None


@dataclass(frozen=True)
class HardwareResult:
    """One inference on a machine, priced by one table.

    Attributes:
        machine: canonical spelling of the machine.
        table: name of the price table.
        cycles: of all layers, one after another.
        runtime_s: cycles at the machine's clock.
        energy_pj: by component.
        energy_total_pj: their sum.
        power_w: average, energy over runtime.
        area_um2: of the array and of the scratchpads whose price is known.
        weight_bits: that all weights take in DRAM.
        unpriced: names of parts whose price the table does not know; they are missing from the sums.
        layers: one by one.
        floorplan: how the machine came from an area; None where rows and columns were given.
        memory_pj: energy by memory, scratchpads and DRAM.
        memory_bits: bits read and written, by memory.
        waits: cycles that the array or the vector unit waited, by what for.
        memories: what each memory is taken to be made of, and how sure its price is, in words.
        energy_low_pj: the total without glitches in the processing elements, the lower end where their share decides
            (floating point); None where the table does not say.
    """

    machine: str
    table: str
    cycles: int
    runtime_s: float
    energy_pj: dict[str, float]
    energy_total_pj: float
    power_w: float
    area_um2: float
    weight_bits: int
    unpriced: tuple[str, ...]
    layers: tuple[LayerHardware, ...] = field(repr=False)
    floorplan: Floorplan | None = None
    energy_low_pj: float | None = None
    memory_pj: dict[str, float] = field(default_factory=dict)
    waits: dict[str, int] = field(default_factory=dict)
    memories: tuple[str, ...] = ()
    memory_bits: dict[str, float] = field(default_factory=dict)
