"""Vector layers on many machines: cycles, waits and energies, each worked out once for what is alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hwsim.array import Component
from hwsim.array.ports import vector_cycles
from hwsim.array.stalls import transfer_cycles
from hwsim.array.vector import vector_pieces
from hwsim.sweep.layers import Deed, VectorLayer
from hwsim.sweep.points import Chosen, word_bits
from hwsim.sweep.prices import sum_element


class VectorCosts:
    """One kind of vector layer on all points: cycles and energies."""

    def __init__(self, chosen: Chosen, layer: VectorLayer) -> None:
        self._chosen, self._layer = chosen, layer
        self._deeds = {where: self._numbered(deeds) for where, deeds in layer.deeds}
        self._known: dict[tuple[int, bool, bool], dict[Component, float]] = {}
        lanes = [point.machine.vector_lanes for point in chosen.points]
        work = [-(-layer.operations // each) for each in lanes]
        choices = chosen.choice.tolist()
        self._places = [self._place(index, choice) for index, choice in enumerate(choices)]
        self.waits = np.array([self._wait(*given) for given in zip(range(len(work)), choices, work, strict=True)])
        self.cycles = np.array(work, dtype=np.int64) + self.waits
        self._found = [self._energy(*given) for given in zip(choices, self._places, strict=True)]

    def energies(self, component: Component) -> list[float]:
        """Return the energy of one component at every point."""
        return [found.get(component, 0.0) for found in self._found]

    def _numbered(self, deeds: Sequence[Deed]) -> list[tuple[Deed, int]]:
        return [(deed, self._chosen.book.number((deed.component, deed.action, deed.unit))) for deed in deeds]

    def _place(self, index: int, choice: int) -> tuple[bool, bool]:
        """Return whether the input comes from DRAM and the output goes there."""
        ifmap, _, ofmap = self._chosen.points[index].machine.srams
        smaller, layer = min(ifmap.usable_bits, ofmap.usable_bits), self._layer
        taken, given = self._stored(choice)
        source = not 0 < layer.source * taken.numerator <= smaller * taken.denominator
        return source, not 0 < layer.own * given.numerator <= smaller * given.denominator

    def _wait(self, index: int, choice: int, busy: int) -> int:
        """Return the cycles that the unit waits for memories: those of ``hwsim.array.vector.vector_time``."""
        machine = self._chosen.points[index].machine
        if machine.unlimited:
            return 0
        bus, (ifmap, _, ofmap) = machine.dram_bits_per_cycle, machine.srams
        (taken, given), (source, own) = self._stored(choice), self._places[index]
        bits = self._layer.inputs * taken, self._layer.outputs * given
        work = busy
        busy = max(work, vector_cycles(ifmap, self._layer.operands * taken), vector_cycles(ofmap, bits[1]))
        coming, going = transfer_cycles(bits[0] * source, bus, ifmap), transfer_cycles(bits[1] * own, bus, ofmap)
        ports = busy - work
        if not (ifmap.double_buffered and ofmap.double_buffered):
            return ports + coming + going
        pieces = vector_pieces(self._layer.operands, machine.vector_lanes)
        first, last = -(-coming // pieces), -(-going // pieces)
        return ports + first + last + max(0, coming - first + going - last - busy)

    def _energy(self, choice: int, place: tuple[bool, bool]) -> dict[Component, float]:
        key = (choice, *place)
        if key not in self._known:
            self._known[key] = self._priced(choice, place)
        return self._known[key]

    def _stored(self, choice: int) -> tuple[Fraction, Fraction]:
        """Return the bits in memory of an element that is read and of one that is written."""
        acts, acc = self._chosen.stored[choice]
        return acts, acc if self._layer.final else acts

    def _priced(self, choice: int, where: tuple[bool, bool]) -> dict[Component, float]:
        book, formats = self._chosen.book, self._chosen.formats[choice]
        pe = book.number(sum_element(formats.acc) if self._layer.has_sums else None)
        parts: dict[Component, list[float]] = {}
        stored, codes, wide = self._stored(choice), self._chosen.codes[choice], word_bits(self._chosen.plain[choice])
        for deed, what in self._deeds[where]:
            widths = codes if deed.component is Component.VECTOR else stored  # operations work on codes
            bits, alike = widths[deed.word != "act"], book.without_element(deed.component)
            word = wide[deed.unit] if deed.component is Component.SRAM else None
            words: int | Fraction = deed.words if bits.denominator == 1 else deed.words * bits
            if word is not None:
                bits, words = Fraction(word), -int(-bits * deed.words // word)
            price = book.word_pj(self._chosen.machines[choice], pe if alike is None else alike, what, bits)
            parts.setdefault(deed.component, []).append(price * float(words))
        return {component: math.fsum(values) for component, values in parts.items()}
