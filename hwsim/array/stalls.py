"""How long the array waits for DRAM, in closed form: transfers of one fold beside the computation of another.

A layer is a row of phases, one a fold. In the phase of fold s the array works on it; meanwhile, in scratchpads that are
double buffered, what fold s + 1 needs comes in and what fold s - 1 has left goes out, over one bus. The halves change
places when all three are done. A scratchpad that is not double buffered, or whose half cannot hold a tile, is filled
before and emptied after the computation, while the array stands still:

    layer = first fill + sum over s of [serial(s) + max(compute(s), out(s - 1) + in(s + 1))] + last write-back

Folds of one kind are counted, not walked through: along a loop of n turns only the first, the last two and one that
stands for all others can differ, since a phase looks one fold ahead and one back.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hwsim.array.cycles import fold_cycles, fold_interval
from hwsim.array.edge import Fold
from hwsim.array.loops import Place, kinds, neighbour
from hwsim.array.machine import Machine
from hwsim.array.mapping import Axis
from hwsim.array.parts import Dataflow, Memory
from hwsim.array.ports import fold_waits
from hwsim.array.room import check_room
from hwsim.array.tiling import Nest, Tensor, Tiling, nest_of
from hwsim.array.waits import Waits
from hwsim.array.workload import Workload


@dataclass(frozen=True)
class Transfers:
    """Bits that cross the chip's edge for one fold, by scratchpad: in before it, out after it.

    Of weights that are unpacked at the edge, ``filters`` are the bits outside and ``unpacked`` those inside.
    """

    ifmap: Fraction
    filters: Fraction
    unpacked: Fraction
    sums_in: Fraction
    sums_out: Fraction


def transfer_cycles(
    bits: int | Fraction, bus: Fraction | None, memory: Memory, held: int | Fraction | None = None
) -> int:
    """Return the cycles in which ``bits`` cross the edge: the slower of bus and scratchpad port sets the pace.

    Args:
        bits: that the bus moves.
        bus: bits a cycle; None: no limit.
        memory: the scratchpad.
        held: bits that its port moves, where these are others.

    >>> transfer_cycles(Fraction(100), Fraction(16), Memory("ifmap_sram", 8192, word_bits=64))
    7
    >>> transfer_cycles(Fraction(100), Fraction(16), Memory("filter_sram", 8192, word_bits=64), held=800)
    13
    """
    ways = ((bits, bus), (bits if held is None else held, memory.bits_per_cycle))
    return max((-int(-moving // pace) for moving, pace in ways if pace is not None), default=0)


def layer_waits(machine: Machine, workload: Workload, tiling: Tiling) -> Waits:
    """Return what the array waits for in a layer, all groups.

    Raises:
        InfeasibleError: a scratchpad cannot hold the one vector that a step of the array needs.

    >>> from hwsim.array.machine import parse_machine
    >>> from hwsim.array.tiling import FIXED
    >>> layer_waits(parse_machine("16x16-ws,double,dram=5GB/s"), Workload.gemm(1, 500, 800), FIXED).dram_in
    0
    """
    if machine.unlimited:
        return Waits()
    return _Phases(machine, workload, tiling).waits()


@dataclass(frozen=True)
class _Turn:
    """One turn of a loop as far as it matters: how long its piece is, and whether it is the first or the last."""

    piece: int
    first: bool
    last: bool


_Kind = tuple[_Turn, ...]  #: of the groups, then of the loops r, c and t


class _Phases:
    """One layer as phases. Folds of one kind move the same bits and take the same time, so each is worked out once."""

    def __init__(self, machine: Machine, workload: Workload, tiling: Tiling) -> None:
        self._machine, self._workload = machine, workload
        self._nest = nest = nest_of(machine, workload, tiling)
        check_room(machine, workload, nest)
        self._turns = (workload.groups, *(nest.axes[loop].folds for loop in tiling.order))
        self._places = tuple((loop, f"g{tiling.order}".index(loop)) for loop in "grct")
        self._seen: dict[tuple[str, int], _Turn] = {}
        self._bus = machine.dram_bits_per_cycle
        self._stays = machine.array.dataflow is Dataflow.OUTPUT_STATIONARY
        self._beside = tuple(_overlaps(nest, tensor) for tensor in nest.tensors)
        _, weights, _ = nest.tensors
        self._weights_stay = workload.weights_shared and weights.bits <= weights.memory.usable_bits
        self._moves: dict[_Kind, _Cycles] = {}
        self._work: dict[_Kind, tuple[int, tuple[int, int, int]]] = {}

    def waits(self) -> Waits:
        """Sum the waits of all phases."""
        dram_in = dram_out = ifmap = filters = ofmap = 0
        for place, weight in kinds(self._turns):
            late_in, late_out, ports = self._phase(place)
            dram_in += weight * late_in
            dram_out += weight * late_out
            ifmap += weight * ports[0]
            filters += weight * ports[1]
            ofmap += weight * ports[2]
        first, last = tuple(0 for _ in self._turns), tuple(turns - 1 for turns in self._turns)
        fill, back = self._moved(first).in_beside, self._moved(last).out_beside
        return Waits(fill, dram_in, dram_out, back, ifmap, filters, ofmap)

    def _phase(self, place: Place) -> tuple[int, int, tuple[int, int, int]]:
        """Return the cycles that one phase waits for what comes, for what goes, and for each port."""
        following, before, own = neighbour(place, self._turns, 1), neighbour(place, self._turns, -1), self._moved(place)
        compute, ports = self._worked(place, following is None)
        coming = self._moved(following).in_beside if following else 0
        going = self._moved(before).out_beside if before else 0
        late = max(0, going + coming - compute)
        late_out = min(late, max(0, going - compute))
        return own.in_alone + late - late_out, own.out_alone + late_out, ports

    def _kind(self, place: Place) -> _Kind:
        return tuple(self._turn(loop, place[index]) for loop, index in self._places)

    def _turn(self, loop: str, turn: int) -> _Turn:
        if (loop, turn) not in self._seen:
            axis = self._nest.axes[loop] if loop != "g" else Axis(self._workload.groups, 1)
            piece = min(axis.side, axis.extent - turn * axis.side)
            self._seen[loop, turn] = _Turn(piece, turn == 0, turn == axis.folds - 1)
        return self._seen[loop, turn]

    def _moved(self, place: Place) -> _Cycles:
        kind = self._kind(place)
        if kind not in self._moves:
            self._moves[kind] = self._transfer_cycles(self._transfers(kind))
        return self._moves[kind]

    def _worked(self, place: Place, last: bool) -> tuple[int, tuple[int, int, int]]:
        """Return the cycles of the array with those of its ports, and the latter by scratchpad."""
        kind = self._kind(place)
        if kind not in self._work:
            _, row, column, stream = kind
            first_k, last_k = self._stays or row.first, self._stays or row.last
            fold = Fold(row.piece, column.piece, stream.piece, first_k, last_k)
            ports = fold_waits(self._machine, self._workload, fold)
            length = (
                fold_cycles(self._machine, fold.stream).total if last else fold_interval(self._machine, fold.stream)
            )
            self._work[kind] = (length + sum(ports), ports)
        return self._work[kind]

    def _transfer_cycles(self, moves: Transfers) -> _Cycles:
        arriving = ((moves.ifmap, moves.ifmap), (moves.filters, moves.unpacked), (moves.sums_in, moves.sums_in))
        coming = [
            transfer_cycles(bits, self._bus, memory, held)
            for (bits, held), memory in zip(arriving, self._machine.srams, strict=True)
        ]
        beside = sum(cycles for cycles, own in zip(coming, self._beside, strict=True) if own)
        going = transfer_cycles(moves.sums_out, self._bus, self._machine.ofmap_sram)
        out_beside = going if self._beside[2] else 0
        return _Cycles(sum(coming) - beside, beside, going - out_beside, out_beside)

    def _transfers(self, kind: _Kind) -> Transfers:
        work, (acts, weights, sums), (group, row, _, _) = self._workload, self._nest.tensors, kind
        spilled = Fraction(0) if self._stays else self._tile(kind, sums) * (1 - self._share_kept(kind, sums))
        outputs = self._tile(kind, sums) / sums.bits * work.output_memory_bits * work.ofmap_elements / work.groups
        held = self._weights_stay and not group.first
        fetched, biases = self._fetched(kind, weights), self._biases(kind)
        outside = fetched * work.weight_packing
        return Transfers(
            ifmap=self._fetched(kind, acts) if work.ifmap_in_dram else Fraction(0),
            filters=Fraction(0) if held else outside + biases,
            unpacked=Fraction(0) if held else fetched + biases,
            sums_in=Fraction(0) if row.first else spilled,
            sums_out=outputs * work.ofmap_in_dram if self._stays or row.last else spilled,
        )

    def _fetched(self, kind: _Kind, tensor: Tensor) -> Fraction:
        tile, again = self._tile(kind, tensor), not _of(kind, tensor.reuse).first
        return tile * (1 - self._share_kept(kind, tensor)) if again else tile

    def _biases(self, kind: _Kind) -> Fraction:
        """Biases come with the first fold that needs them: one per output channel."""
        channels = "t" if self._machine.array.dataflow is Dataflow.INPUT_STATIONARY else "c"
        others = "crt".replace(channels, "")
        if not self._workload.has_bias or not all(_of(kind, loop).first for loop in others):
            return Fraction(0)
        return _of(kind, channels).piece * self._workload.bias_memory_bits

    def _share_kept(self, kind: _Kind, tensor: Tensor) -> Fraction:
        inside, share = self._nest.inner(tensor.reuse), Fraction(1)
        for loop in tensor.loops:
            if loop not in inside:
                share *= Fraction(_of(kind, loop).piece, self._nest.axes[loop].extent)
        return self._nest.kept(tensor, share)

    def _tile(self, kind: _Kind, tensor: Tensor) -> Fraction:
        share = Fraction(1)
        for loop in tensor.loops:
            share *= Fraction(_of(kind, loop).piece, self._nest.axes[loop].extent)
        return tensor.bits * share


@dataclass(frozen=True)
class _Cycles:
    """Cycles of the bus for one fold: with the array standing still (alone), and beside its computation."""

    in_alone: int
    in_beside: int
    out_alone: int
    out_beside: int


def _of(kind: _Kind, loop: str) -> _Turn:
    return kind["grct".index(loop)]


def _overlaps(nest: Nest, tensor: Tensor) -> bool:
    return tensor.memory.double_buffered and nest.largest_tile(tensor) <= tensor.memory.usable_bits
