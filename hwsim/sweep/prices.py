"""What one of each thing costs in one format on one kind of machine: looked up in the scalar model, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from hwsim.array import Action, ActionCount, Component, Machine, PeArray
from hwsim.cost import PriceTable, Usage, mac_range_pj
from hwsim.formats import NumberFormat
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.hardware import dynamic_energy_pj
from hwsim.network.assignment import LayerFormats
from hwsim.sweep.silicon import Silicon, silicon_of

TWO_MAPS, FINAL = 1, 2  #: bits of a layer's kind, see ``Products.kinds``
KINDS = 4


@dataclass(frozen=True)
class Words:
    """Widths of the words of one format in layers of one kind.

    Attributes:
        pe: the processing element.
        widths: bits of each kind of word; "wire ..." on the array, the others in memory.
    """

    pe: PeSpec
    widths: dict[str, Fraction]


def words_of(formats: LayerFormats, kind: int) -> Words:
    """Return element and widths for layers of ``kind``."""
    weights = formats.acts if kind & TWO_MAPS else formats.weights
    output = formats.acc if kind & FINAL else formats.acts
    return Words(_element(weights, formats), {
        "wire act": Fraction(formats.acts.bits),
        "wire weight": Fraction(weights.bits),
        "wire acc": Fraction(formats.acc.bits),
        "act": formats.acts.storage_bits,
        "weight": weights.storage_bits,
        "acc": Fraction(formats.acc.bits),
        "bias": (formats.bias or formats.acc).storage_bits,
        "output": output.storage_bits,
    })  # fmt: skip


def _element(weights: NumberFormat, formats: LayerFormats) -> PeSpec:
    return pe_for(weights, formats.acts, formats.acc, formats.product)


@lru_cache(maxsize=4096)
def sum_element(acc: NumberFormat) -> PeSpec:
    """Return the element in whose format a vector layer adds."""
    return pe_for(acc, acc, acc)


@lru_cache(maxsize=4096)
def elements_of(formats: LayerFormats, kinds: tuple[int, ...]) -> tuple[Words, ...]:
    """Return ``words_of`` for every kind that a network has; the others are those of kind 0."""
    return tuple(words_of(formats, kind if kind in kinds else 0) for kind in range(KINDS))


What = tuple[Component, Action, str]  #: what is done, and by which unit


class PriceBook:
    """Prices by format and kind of machine; each is asked of the scalar model once.

    Machines, elements and deeds get numbers here, since hashing them anew for every price would take most of the time.
    """

    def __init__(self, table: PriceTable) -> None:
        self.table = table
        self._numbers: dict[object, int] = {}
        self._objects: list[object] = []
        self._machines: dict[tuple[object, ...], int] = {}
        self._known: dict[tuple[int, int, int, int], float] = {}
        self._glitches: dict[tuple[int, int], float | None] = {}
        self._silicon: dict[tuple[int, frozenset[PeSpec]], Silicon] = {}

    def number(self, thing: object) -> int:
        """Return the number of a machine, an element or a deed."""
        found = self._numbers.get(thing)
        if found is None:
            found = self._numbers[thing] = len(self._objects)
            self._objects.append(thing)
        return found

    def machine(self, machine: Machine) -> int:
        """Return the number of ``machine`` as far as prices can tell: its size and clock they cannot."""
        sized = ("name", "array", "clock_mhz", "vector_lanes")
        key = (machine.array.dataflow, *(value for name, value in vars(machine).items() if name not in sized))
        found = self._machines.get(key)
        if found is None:
            found = self._machines[key] = self.number(sizeless(machine))
        return found

    def machine_of(self, number: int) -> Machine:
        """Return the machine that has ``number``."""
        machine = self._objects[number]
        assert isinstance(machine, Machine)
        return machine

    def without_element(self, component: Component) -> int | None:
        """Return the number of no element where prices of ``component`` are the same for all, else None."""
        of_element = component in (Component.PE, Component.VECTOR)
        if of_element or (component is Component.REGISTER and self.table.elements):
            return None
        return self.number(None)

    def word_pj(self, machine: int, pe: int, what: int, bits: Fraction) -> float:
        """Return the price of one word, or of one bit where a word is no whole number of bits.

        Args:
            machine: number of a machine as ``sizeless`` gives it.
            pe: number of the processing element, or of None.
            what: number of component, action and unit.
            bits: of the word.
        """
        whole = bits.numerator if bits.denominator == 1 else 1
        key = (machine, pe, what, whole)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._ask(machine, pe, what, whole)
        return found

    def glitch_pj(self, machine: int, pe: int) -> float | None:
        """Return what glitches take of a multiply-accumulate; None where the table does not say."""
        if not self.table.elements:
            return None
        if (machine, pe) not in self._glitches:
            own, element = self._objects[machine], self._objects[pe]
            assert isinstance(own, Machine)
            assert isinstance(element, PeSpec)
            ends = mac_range_pj(element, self.table, _usage(own))
            self._glitches[machine, pe] = None if ends is None else ends[1] - ends[0]
        return self._glitches[machine, pe]

    def silicon(self, machine: int, elements: frozenset[PeSpec]) -> Silicon:
        """Return the silicon of a machine of any size whose layers need ``elements``."""
        if (machine, elements) not in self._silicon:
            own = self._objects[machine]
            assert isinstance(own, Machine)
            self._silicon[machine, elements] = silicon_of(elements, own, self.table)
        return self._silicon[machine, elements]

    def _ask(self, machine: int, pe: int, what: int, bits: int) -> float:
        own, element, deed = self._objects[machine], self._objects[pe], self._objects[what]
        assert isinstance(own, Machine)
        assert element is None or isinstance(element, PeSpec)
        assert isinstance(deed, tuple)
        component, action, unit = deed
        count = ActionCount(component, action, unit, bits, 1)
        return dynamic_energy_pj((count,), element, own, self.table, _usage(own))[count.component.value]


def _usage(machine: Machine) -> Usage:
    return Usage.of(machine.array.dataflow, machine.zero_gating, None)


def sizeless(machine: Machine) -> Machine:
    """Return ``machine`` as one element at the default clock: prices depend on nothing else of its size."""
    plain = replace(machine, array=PeArray(1, 1, machine.array.dataflow), clock_mhz=500.0, vector_lanes=1)
    return replace(plain, name="")


def storage_bits(fmt: NumberFormat, count: int) -> int:
    """Return the bits that ``count`` numbers take in memory, rounded up."""
    return -int(-fmt.storage_bits * count // 1)
