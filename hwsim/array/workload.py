"""One layer as the array sees it: a matrix product with operand widths, repeated for each group."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache

from hwsim.array.parts import is_count
from hwsim.errors import MachineError, all_faults


@dataclass(frozen=True)
class Workload:
    """``groups`` products out[m,n] = bias[n] + sum over k of a[m,k] w[k,n], one after another.

    Padding counts as work: ``m * k`` includes the zeros around a feature map, the element counts do not.

    Attributes:
        layer: name for reports.
        m: output pixels times images.
        n: filters per group.
        k: input channels per group times kernel height times kernel width.
        groups: independent products.
        act_bits: bits of an activation on a wire.
        weight_bits: bits of a weight on a wire.
        acc_bits: bits of a partial sum, and of a bias unless ``bias_storage_bits`` says otherwise.
        output_bits: bits of a finished output.
        ifmap_elements: activations stored in memory, all groups, without padding.
        weight_elements: weights stored in memory, all groups.
        ofmap_elements: outputs stored in memory, all groups.
        effectual_macs: multiply-accumulates with no zero operand, all groups; a Fraction where it is an average over
            images; None where it is not known (then no MAC is gated).
        has_bias: sums start at a stored bias and not at zero.
        act_storage_bits: bits of an activation in memory where it differs from ``act_bits`` (a share of a block scale).
        weight_storage_bits: the same for a weight; 0 where a packed layer takes nothing, which no other may be.
        weight_dram_bits: bits of a weight in DRAM where they differ from those in the scratchpad (packed there alone).
        output_storage_bits: the same for a finished output.
        bias_storage_bits: bits of a bias in memory where they differ from ``acc_bits``.
        ifmap_in_dram: activations come from DRAM; False where the layer before left them on the chip.
        ofmap_in_dram: outputs go to DRAM; False where the next layer finds them on the chip.
        weights_shared: every group multiplies by the same weights, ``weight_elements`` of them (a recurrent layer).

    Raises:
        MachineError: lists every fault at once.
    """

    layer: str
    m: int
    n: int
    k: int
    groups: int
    act_bits: int
    weight_bits: int
    acc_bits: int
    output_bits: int
    ifmap_elements: int
    weight_elements: int
    ofmap_elements: int
    effectual_macs: int | Fraction | None = None
    has_bias: bool = True
    act_storage_bits: Fraction | None = None
    weight_storage_bits: Fraction | None = None
    output_storage_bits: Fraction | None = None
    bias_storage_bits: Fraction | None = None
    ifmap_in_dram: bool = True
    ofmap_in_dram: bool = True
    weights_shared: bool = False
    weight_dram_bits: Fraction | None = None

    def __post_init__(self) -> None:
        faults = [*self._size_faults(), *self._storage_faults()]
        faults = faults or self._product_faults()
        if faults:
            raise MachineError(all_faults(f"workload of layer {self.layer!r}", faults))

    @classmethod
    def gemm(
        cls, m: int, n: int, k: int, *, groups: int = 1, bits: tuple[int, int, int, int] = (8, 8, 32, 8)
    ) -> Workload:
        """Return a plain matrix product; ``bits`` are those of activation, weight, accumulator and output.

        >>> Workload.gemm(2, 3, 4).macs
        24
        """
        return cls("gemm", m, n, k, groups, *bits, m * k * groups, n * k * groups, m * n * groups)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all groups, those on padding included."""
        return self.m * self.n * self.k * self.groups

    @property
    def act_memory_bits(self) -> Fraction:
        """Bits that an activation takes in a memory."""
        return Fraction(self.act_bits) if self.act_storage_bits is None else self.act_storage_bits

    @property
    def weight_memory_bits(self) -> Fraction:
        """Bits that a weight takes in a memory."""
        return Fraction(self.weight_bits) if self.weight_storage_bits is None else self.weight_storage_bits

    @property
    def weight_outside_bits(self) -> Fraction:
        """Bits that a weight takes in DRAM."""
        return self.weight_memory_bits if self.weight_dram_bits is None else self.weight_dram_bits

    @property
    def weight_packing(self) -> Fraction:
        """Bits of a weight in DRAM for every bit of it in the filter scratchpad; 0 where it takes none there."""
        return self.weight_outside_bits / self.weight_memory_bits if self.weight_memory_bits else Fraction(0)

    @property
    def output_memory_bits(self) -> Fraction:
        """Bits that a finished output takes in a memory."""
        return Fraction(self.output_bits) if self.output_storage_bits is None else self.output_storage_bits

    @property
    def bias_memory_bits(self) -> Fraction:
        """Bits that a bias takes in a memory."""
        return Fraction(self.acc_bits) if self.bias_storage_bits is None else self.bias_storage_bits

    def _size_faults(self) -> list[str]:
        return [
            f"{name} is {getattr(self, name)!r}: give a whole number of at least 1"
            for name in _whole_fields()
            if not is_count(getattr(self, name))
        ]

    def _storage_faults(self) -> list[str]:
        inside, outside = self.weight_storage_bits, self.weight_dram_bits
        names = ("act_storage_bits", "output_storage_bits", "bias_storage_bits")
        sizes = ((name, getattr(self, name)) for name in names)
        faults = [f"{name} is {size}: give more than 0 bits" for name, size in sizes if size is not None and size <= 0]
        packed = (("weight_storage_bits", inside), ("weight_dram_bits", outside))
        faults += [f"{name} is {size}: give at least 0 bits" for name, size in packed if size is not None and size < 0]
        if inside == 0 and outside:
            faults.append(f"weight_dram_bits is {outside} and weight_storage_bits 0: give 0 for both, or more for both")
        return faults

    def _product_faults(self) -> list[str]:
        faults = []
        limits = (("weight_elements", self.n * self.k * self.groups), ("ofmap_elements", self.m * self.n * self.groups))
        for name, limit in limits:
            if getattr(self, name) > limit:
                faults.append(f"{name} is {getattr(self, name)}: its matrices have only {limit} elements")
        if self.effectual_macs is not None and not 0 <= self.effectual_macs <= self.macs:
            faults.append(f"effectual_macs is {self.effectual_macs}: the layer has {self.macs} MACs, so give 0 to that")
        return faults


@cache
def _whole_fields() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Workload) if field.type == "int")
