"""In which order a layer's tiles pass over the array, and what of each tensor stays on the chip between two uses.

A layer is three loops around a fold: column tiles ``c``, row tiles ``r`` and blocks ``t`` of the stream. Each tensor is
cut by two of them and used again in every turn of the third. Row tiles always pass in ascending order, so k ascends for
every output in each of the orders: they change what moves, never a bit of a result.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwsim.array.machine import Machine
from hwsim.array.mapping import Axis, map_layer
from hwsim.array.parts import Dataflow, Memory
from hwsim.array.workload import Workload
from hwsim.errors import MachineError

LOOPS = "crt"
EVERY_BLOCK_UP_TO = 16


@dataclass(frozen=True)
class Tiling:
    """How the tiles of a layer follow each other.

    Attributes:
        order: loops, outermost first: c column tiles, r row tiles, t blocks of the stream.
        blocks: into how many pieces the stream is cut; each is a fold of its own.
        partial: of a tensor that does not fit, keep as much as does. If not, it is fetched anew at every use.

    Raises:
        MachineError: no such order, or no block.

    >>> str(Tiling("tcr", 4, partial=True))
    't4-c-r, partly kept'
    """

    order: str = LOOPS
    blocks: int = 1
    partial: bool = False

    def __post_init__(self) -> None:
        if sorted(self.order) != sorted(LOOPS) or self.blocks < 1:
            raise MachineError(
                f"tiling {self.order!r} in {self.blocks} blocks: give each of c, r and t once, and at least 1 block"
            )

    def __str__(self) -> str:
        loops = (f"t{self.blocks}" if loop == "t" else loop for loop in self.order if loop != "t" or self.blocks > 1)
        return "-".join(loops) + (", partly kept" if self.partial else "")


FIXED = Tiling()


@dataclass(frozen=True)
class Tensor:
    """One operand, or the sums, of one group.

    Attributes:
        role: "act", "weight" or "sum".
        memory: the scratchpad that it passes.
        loops: the two loops that cut it.
        bits: its size.
        words: its elements.
    """

    role: str
    memory: Memory
    loops: str
    bits: Fraction
    words: Fraction

    @property
    def reuse(self) -> str:
        """The loop in whose every turn it is used again."""
        return next(loop for loop in LOOPS if loop not in self.loops)


@dataclass(frozen=True)
class Nest:
    """One group of a layer under a tiling: the three axes and the three tensors."""

    tiling: Tiling
    axes: dict[str, Axis]
    tensors: tuple[Tensor, Tensor, Tensor]

    def inner(self, loop: str) -> str:
        """Return the loops inside ``loop``."""
        return self.tiling.order.partition(loop)[2]

    def largest_tile(self, tensor: Tensor) -> Fraction:
        """Return the bits of the largest tile of ``tensor``: what one fold works on."""
        share = Fraction(1)
        for loop in tensor.loops:
            share *= Fraction(min(self.axes[loop].side, self.axes[loop].extent), self.axes[loop].extent)
        return tensor.bits * share

    def kept(self, tensor: Tensor, outer: Fraction) -> Fraction:
        """Return the share of a set that stays in its scratchpad until it is used again.

        The set is what is used between two uses of the same word: the whole tensor along loops inside the loop of
        reuse, one tile along those outside, which is the share ``outer`` of the tensor.
        """
        size, room = tensor.bits * outer, tensor.memory.usable_bits
        if size <= room:
            return Fraction(1)
        if not self.tiling.partial:
            return Fraction(0)
        return max(Fraction(0), room - self.largest_tile(tensor)) / size

    def sets(self, tensor: Tensor) -> Iterator[tuple[Fraction, int]]:
        """Yield (share of the tensor, how many such sets) for the sets of ``tensor``."""
        inside = self.inner(tensor.reuse)
        outside = [loop for loop in tensor.loops if loop not in inside]
        pieces = [
            [(Fraction(size, self.axes[loop].extent), n) for size, n in self.axes[loop].sizes] for loop in outside
        ]
        for combination in itertools.product(*pieces):
            share, count = Fraction(1), 1
            for part, times in combination:
                share, count = share * part, count * times
            yield share, count

    def refetched(self, tensor: Tensor) -> Fraction:
        """Return the share of ``tensor`` that moves again, summed over all uses but the first."""
        turns = self.axes[tensor.reuse].folds - 1
        room = tensor.memory.usable_bits
        if turns == 0 or tensor.bits <= room:
            return Fraction(0)
        if not self.tiling.partial:
            return turns * sum((share * n for share, n in self.sets(tensor) if tensor.bits * share > room), Fraction(0))
        return turns * sum((share * n * (1 - self.kept(tensor, share)) for share, n in self.sets(tensor)), Fraction(0))


def nest_of(machine: Machine, workload: Workload, tiling: Tiling) -> Nest:
    """Return the loops and tensors of one group of ``workload``.

    Raises:
        MachineError: output stationary sums stay in the elements, so their stream can be neither cut nor moved outward.
    """
    mapping, flow = map_layer(machine.array, workload), machine.array.dataflow
    if flow is Dataflow.OUTPUT_STATIONARY and (tiling.blocks > 1 or tiling.order[-1] != "t"):
        raise MachineError(f"tiling {tiling}: in os the sums stay while the whole stream passes; give order crt or rct")
    block = -(-mapping.stream // min(tiling.blocks, mapping.stream))
    axes = {"r": mapping.rows, "c": mapping.columns, "t": Axis(mapping.stream, block)}
    act_loops, weight_loops, sum_loops = {"ws": ("rt", "rc", "ct"), "os": ("rt", "ct", "rc"), "is": ("rc", "rt", "ct")}[
        flow.value
    ]
    groups = workload.groups
    acts = Fraction(workload.ifmap_elements, groups)
    weights = Fraction(workload.weight_elements, 1 if workload.weights_shared else groups)
    sums = Fraction(workload.m * workload.n)
    width = workload.output_memory_bits if flow is Dataflow.OUTPUT_STATIONARY else Fraction(workload.acc_bits)
    tensors = (
        Tensor("act", machine.ifmap_sram, act_loops, acts * workload.act_memory_bits, acts),
        Tensor("weight", machine.filter_sram, weight_loops, weights * workload.weight_memory_bits, weights),
        Tensor("sum", machine.ofmap_sram, sum_loops, sums * width, sums),
    )
    return Nest(tiling, axes, tensors)


def legal_tilings(machine: Machine, workload: Workload) -> Iterator[Tiling]:
    """Yield every tiling worth trying, each once, today's fixed one first.

    All orders, with the stream whole, halved again and again, and cut so that one more tensor just fits; a stream of at
    most 16 words in every number of blocks. Of several numbers of blocks of the same length only the least.

    >>> from hwsim.array.machine import parse_machine
    >>> len(list(legal_tilings(parse_machine("4x4-os"), Workload.gemm(8, 8, 8))))
    4
    """
    mapping = map_layer(machine.array, workload)
    stationary = machine.array.dataflow is Dataflow.OUTPUT_STATIONARY
    orders = ("crt", "rct") if stationary else tuple("".join(order) for order in itertools.permutations(LOOPS))
    lengths = {mapping.stream}
    if not stationary:
        counts = (
            range(2, EVERY_BLOCK_UP_TO + 1) if mapping.stream <= EVERY_BLOCK_UP_TO else (2**n for n in range(1, 13))
        )
        lengths |= {-(-mapping.stream // min(count, mapping.stream)) for count in counts}
        lengths |= set(_fitting_lengths(nest_of(machine, workload, FIXED)))
    for partial in (False, True):
        for order in orders:
            for length in sorted(lengths, reverse=True):
                blocks = -(-mapping.stream // length)
                if blocks > 1 or order in ("crt", "rct"):  # one block: t may stand anywhere, so it stands inside
                    yield Tiling(order, blocks, partial)


def _fitting_lengths(nest: Nest) -> Iterator[int]:
    """Yield the longest blocks with which a tile, or a strip of tiles, of a tensor fits its scratchpad."""
    for tensor in nest.tensors:
        if "t" not in tensor.loops or not tensor.bits:
            continue
        other = nest.axes[tensor.loops.replace("t", "")]
        for share in (Fraction(1), Fraction(min(other.side, other.extent), other.extent)):
            length = int(tensor.memory.usable_bits / (tensor.bits * share / nest.axes["t"].extent))
            if 1 <= length < nest.axes["t"].extent:
                yield length
