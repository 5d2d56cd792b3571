"""Which elements a table holds: named grids of formats, spelled as ``weights,acts,acc``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import product, zip_longest

from hwsim.errors import all_faults, unknown_name
from hwsim.formats.base import PeKind
from hwsim.synth.errors import SynthError
from hwsim.synth.point import Point, make_point

Spelled = tuple[str, str, str]

#: The key elements: every comparison of docs/synthesis.md is made of them.
_SMALL: tuple[Spelled, ...] = (
    ("shiftcnn<1,4>", "int8", "int24"),
    ("pow2<4>", "int8", "int24"),
    ("int8", "int8", "int24"),
    ("int4", "int8", "int24"),
    ("int4", "int4", "int16"),
    ("apot<4>", "int8", "int24"),
    ("e4m3", "e4m3", "fp16"),
    ("fp16", "fp16", "fp16"),
    ("bf16", "bf16", "fp32"),
)


#: Distances of the shifter -> the weight format that has them.
_SHIFTERS = {1: "pow2<2>", 2: "pow2<3>", 4: "pow2<4>", 7: "shiftcnn<1,4>", 8: "pow2<5>", 16: "pow2<6>"}

#: (distances, activation bits, accumulator bits): the corners first, then what lies between them.
_SHIFTS = (
    (8, 8, 24), (1, 8, 24), (4, 4, 24), (8, 4, 24), (4, 12, 24), (4, 8, 20), (4, 8, 32), (1, 4, 24), (16, 4, 24),
    (8, 12, 24), (2, 8, 24), (8, 16, 32), (16, 8, 32), (1, 16, 24), (4, 16, 24), (4, 8, 16), (4, 4, 16), (8, 8, 32),
    (8, 6, 24), (4, 6, 24), (8, 8, 20), (2, 12, 24), (2, 4, 24), (1, 12, 24),
)  # fmt: skip

#: (weight bits, activation bits, accumulator bits).
_INTEGERS = (
    (6, 6, 24), (8, 8, 32), (16, 16, 40), (4, 4, 24), (2, 8, 24), (6, 8, 24), (4, 12, 24), (12, 12, 32), (8, 8, 20),
    (8, 12, 24), (4, 6, 24), (10, 10, 32), (8, 16, 32), (3, 8, 24), (5, 8, 24), (5, 5, 24), (2, 4, 24), (8, 4, 24),
)  # fmt: skip

#: Weight, activation bits, accumulator bits.
_SUMS_OF_SHIFTS = (
    ("apot<6>", 8, 24), ("apot<3>", 8, 24), ("shiftcnn<2,4>", 8, 24), ("apot<4>", 4, 24), ("apot<4>", 12, 24),
    ("apot<5>", 8, 24), ("shiftcnn<3,3>", 8, 24), ("apot<4>", 8, 32), ("shiftcnn<2,3>", 8, 24), ("apot<6>", 4, 24),
    ("shiftcnn<2,4>", 12, 24), ("apot<4>", 8, 20), ("shiftcnn<2,4>", 4, 24), ("shiftcnn<3,3>", 12, 24),
    ("shiftcnn<2,4>", 8, 32), ("apot<4>", 6, 24), ("apot<5>", 12, 24), ("shiftcnn<3,4>", 8, 24),
)  # fmt: skip

#: Exponent and mantissa bits of one format for operands, products and sums.
_SAME_FLOATS = ((4, 3), (5, 5), (6, 7), (3, 2), (8, 7), (2, 4), (5, 2), (8, 3), (4, 7), (6, 10))

#: Operands and sums of different formats, and subnormals flushed.
_MIXED_FLOATS = (
    ("e5m2", "fp16"), ("e4m3", "fp32"), ("fp16", "fp32"), ("float<5,5>", "fp16"), ("float<3,2>", "fp16"),
    ("e4m3", "bf16"), ("e5m2", "fp32"), ("float<4,7>", "fp16"), ("float<5,5>", "fp32"), ("fp32", "fp32"),
)  # fmt: skip
_FLUSHED = (
    ("float<5,10,ieee,ftz>", "float<5,10,ieee,ftz>"), ("float<4,3,ieee,ftz>", "float<5,10,ieee,ftz>"),
    ("float<8,7,ieee,ftz>", "float<8,7,ieee,ftz>"), ("float<4,3,ieee,ftz>", "float<4,3,ieee,ftz>"),
    ("float<8,7,ieee,ftz>", "float<8,23,ieee,ftz>"),
)  # fmt: skip

#: Sums that wrap: weight, activation bits, accumulator.
_WRAPPED = (
    ("shiftcnn<1,4>", 8, "int24<wrap>"), ("int8", 8, "int24<wrap>"), ("int4", 8, "int24<wrap>"),
    ("pow2<4>", 8, "int16<wrap>"), ("pow2<5>", 12, "int24<wrap>"), ("pow2<3>", 4, "int24<wrap>"),
    ("shiftcnn<2,4>", 8, "int24<wrap>"),
)  # fmt: skip


def _default() -> Iterator[Spelled]:
    """The formats of the default search and the corners around them, the kinds in turn: a part of it is of use too."""
    families = (
        [(_SHIFTERS[positions], f"int{act}", f"int{acc}") for positions, act, acc in _SHIFTS],
        [(f"int{weight}", f"int{act}", f"int{acc}") for weight, act, acc in _INTEGERS],
        [(weight, f"int{act}", f"int{acc}") for weight, act, acc in _SUMS_OF_SHIFTS],
        [(f"float<{exponent},{mantissa}>",) * 3 for exponent, mantissa in _SAME_FLOATS],
        [(operand, operand, acc) for operand, acc in _MIXED_FLOATS],
    )
    yield from _SMALL
    for several in zip_longest(*families):
        yield from (spelled for spelled in several if spelled is not None)
    yield from ((weight, f"int{act}", acc) for weight, act, acc in _WRAPPED)
    yield from ((operand, operand, acc) for operand, acc in _FLUSHED)


def _wide() -> Iterator[Spelled]:
    """Every combination in steps, and the largest floats: as long again as ``default``, and half as long for fp32."""
    yield from _default()
    for positions, act, acc in product(_SHIFTERS, (4, 5, 6, 8, 12, 16), (16, 20, 24, 32)):
        if act + positions + 1 <= acc:
            yield _SHIFTERS[positions], f"int{act}", f"int{acc}"
    for bits, act in product((2, 3, 4, 5, 6, 8), (4, 5, 6, 8, 12)):
        yield f"int{bits}", f"int{act}", "int24"
    for weight, act in product(("apot<3>", "apot<4>", "apot<5>", "apot<6>", "shiftcnn<2,4>"), (4, 5, 6, 8, 12)):
        yield weight, f"int{act}", "int24"
    for exponent, mantissa in product((2, 4, 6, 8), (2, 4, 6, 8, 10, 14, 18)):
        yield (f"float<{exponent},{mantissa}>",) * 3
    yield ("fp32",) * 3


_GRIDS: dict[str, Callable[[], Iterator[Spelled]]] = {
    "small": lambda: iter(_SMALL),
    "default": _default,
    "wide": _wide,
}


def grid(name: str, kinds: Collection[str] = ()) -> tuple[Point, ...]:
    """Return the elements of a named grid, each once, the key ones first.

    Args:
        name: ``small`` (the key elements), ``default`` (the formats of the default search and their corners), or
            ``wide`` (every combination in steps, up to fp32).
        kinds: only elements of these kinds; all if empty.

    Raises:
        SynthError: no such grid or kind.

    >>> len(grid("small")), len(grid("small", ["int_mac"]))
    (9, 3)
    """
    known = [kind.value for kind in PeKind if kind is not PeKind.CODEBOOK_MAC]
    faults = [unknown_name("kind of element", kind, known) for kind in kinds if kind not in known]
    if name not in _GRIDS:
        faults.append(unknown_name("grid", name, _GRIDS))
    if faults:
        raise SynthError(all_faults("the choice of elements", faults))
    points = (make_point(*texts) for texts in dict.fromkeys(_GRIDS[name]()))
    return tuple(point for point in points if not kinds or point.kind.value in kinds)
