"""Spaces that have a name."""

from __future__ import annotations

from hwsim.errors import unknown_name
from precision_search.errors import SpaceError
from precision_search.space import Grid, Same

_HILL_FLOATS = Same(("float<{1..8},{1..23}>",))
_HILL_FIXED = Same(
    tuple(f"fixed<{integer + fraction},{integer}>" for integer in range(2, 14) for fraction in range(13))
)

_ACTS = ("int{4..6}", "int8", "int12")
_POW2 = Grid(weights=("pow2<{2..5}>",), acts=_ACTS, acc=("int24",))
_APOT = Grid(weights=("apot<{3..6}>",), acts=_ACTS, acc=("int24",))
_INT = Grid(weights=("int{2..6}", "int8"), acts=_ACTS, acc=("int24",))
_CODEBOOK = Grid(weights=("codebook<{4,8,16}>",), acts=("int8",), acc=("int32",))
_MX = Grid(
    weights=("mxfp4", "mxfp6{e2m3,e3m2}", "mxfp8{e4m3,e5m2}", "mxint8"), acts=("mxfp8e4m3", "mxint8"), acc=("fp32",)
)


def preset(name: str) -> tuple[Grid | Same, ...]:
    """Return the grids of a named space.

    ``hill340``: 340 designs, one format everywhere, products and partial sums included, after Hill et al.,
    "Rethinking Numerical Representations for Deep Neural Networks" (2016, arXiv 1808.02513): 184 floats with
    1..23 mantissa bits x 1..8 exponent bits, and 156 fixed-point formats with 2..13 integer bits (sign included)
    x 0..12 fraction bits. The study gives the number of designs and not their ranges: this split of the 340 is
    ours. The study truncates; these formats round to nearest even.

    ``pow2``: power-of-two weights of 2 to 5 bits (the INQ codebook) with integer activations of 4 to 12 bits and a
    24-bit accumulator, scales by powers of two fitted to the calibration images; products are exact shifts.
    ``apot``: sums of powers of two, likewise. ``int``: integers of 2 to 8 bits, likewise: what a multiplier does with
    as few bits. ``codebook``: tables of 4, 8 and 16 entries. ``mx``: OCP microscaling formats with fp32 sums.
    ``default``: all of these.

    Raises:
        SpaceError: no preset has this name; the message lists the nearest.

    >>> sum(len(list(grid.choices())) for grid in preset("hill340"))
    340
    """
    spaces: dict[str, tuple[Grid | Same, ...]] = {
        "hill340": (_HILL_FLOATS, _HILL_FIXED),
        "pow2": (_POW2,),
        "apot": (_APOT,),
        "int": (_INT,),
        "codebook": (_CODEBOOK,),
        "mx": (_MX,),
        "default": (_HILL_FLOATS, _HILL_FIXED, _POW2, _APOT, _INT, _CODEBOOK, _MX),
    }
    if name not in spaces:
        raise SpaceError(unknown_name("preset", name, spaces))
    return spaces[name]


def preset_names() -> tuple[str, ...]:
    """Return the names that ``preset`` knows."""
    return ("default", "hill340", "pow2", "apot", "int", "codebook", "mx")
