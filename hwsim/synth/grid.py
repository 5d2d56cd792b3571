"""Which elements a table holds: named grids of formats, spelled as ``weights,acts,acc``."""

from __future__ import annotations

from collections.abc import Collection, Iterator

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


def _shifts() -> Iterator[Spelled]:
    weights = {"pow2<2>": 1, "pow2<3>": 2, "pow2<4>": 4, "shiftcnn<1,4>": 7, "pow2<5>": 8, "pow2<6>": 16}
    for weight, positions in weights.items():
        for act in (4, 6, 8, 12, 16):
            for acc in (16, 20, 24, 32):
                usual = acc == 24 or (act in (4, 8, 16) and positions in (1, 4, 8))
                if usual and act + positions + 1 <= acc:
                    yield weight, f"int{act}", f"int{acc}"
    yield "shiftcnn<1,4>", "int8", "int24<wrap>"
    yield "pow2<4>", "int8", "int24<wrap>"


def _sums_of_shifts() -> Iterator[Spelled]:
    for weight in ("apot<3>", "apot<4>", "apot<5>", "apot<6>", "shiftcnn<2,3>", "shiftcnn<2,4>", "shiftcnn<3,3>"):
        for act in (4, 8, 12):
            yield weight, f"int{act}", "int24"
    yield "apot<4>", "int8", "int20"
    yield "apot<4>", "int8", "int32"


def _integers() -> Iterator[Spelled]:
    for weight in (2, 3, 4, 5, 6, 8):
        for act in (4, 5, 6, 8, 12):
            if weight in (2, 4, 8) or act in (weight, 8):
                yield f"int{weight}", f"int{act}", "int24"
    for bits, accs in ((4, (16,)), (8, (20, 24, 32)), (10, (32,)), (12, (32,)), (16, (40,))):
        for acc in accs:
            yield f"int{bits}", f"int{bits}", f"int{acc}"
    yield "int8", "int16", "int32"
    yield "int8", "int8", "int24<wrap>"
    yield "int4", "int8", "int24<wrap>"


def _floats() -> Iterator[Spelled]:
    same = ((2, 2), (2, 5), (3, 3), (4, 2), (4, 5), (5, 3), (5, 7), (5, 10), (6, 5), (6, 7), (8, 2), (8, 7), (8, 10))
    for exponent, mantissa in same:
        yield (f"float<{exponent},{mantissa}>",) * 3
    for name in ("e4m3", "e5m2", "fp16"):
        yield name, name, "fp16"
    for name in ("e4m3", "e5m2", "bf16", "fp16"):
        yield name, name, "fp32"
    for flushed in ("float<5,10,ieee,ftz>", "float<6,7,ftz>"):
        yield (flushed,) * 3
    yield "bf16", "bf16", "float<8,23,ieee,ftz>"


def _default() -> tuple[Spelled, ...]:
    return (*_SMALL, *_shifts(), *_sums_of_shifts(), *_integers(), *_floats())


GRIDS = ("small", "default", "wide")


def grid(name: str, kinds: Collection[str] = ()) -> tuple[Point, ...]:
    """Return the elements of a named grid, each once, the key ones first.

    Args:
        name: ``small`` (the key elements), ``default`` (the formats of the default search), or ``wide`` (with fp32
            multipliers and longer mantissas, which take as long as all the rest).
        kinds: only elements of these kinds; all if empty.

    Raises:
        SynthError: no such grid or kind.

    >>> len(grid("small")), len(grid("small", ["int_mac"]))
    (9, 3)
    """
    known = [kind.value for kind in PeKind if kind is not PeKind.CODEBOOK_MAC]
    faults = [unknown_name("kind of element", kind, known) for kind in kinds if kind not in known]
    if name not in GRIDS:
        faults.append(unknown_name("grid", name, GRIDS))
    if faults:
        raise SynthError(all_faults("the choice of elements", faults))
    spelled = _SMALL if name == "small" else _default()
    if name == "wide":
        spelled += (("fp32",) * 3, ("float<6,14>",) * 3, ("float<8,18>",) * 3)
    points = (make_point(*texts) for texts in dict.fromkeys(spelled))
    return tuple(point for point in points if not kinds or point.kind.value in kinds)
