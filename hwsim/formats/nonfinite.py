"""What a grid makes of the inputs that are not numbers: an infinity overflows, a NaN needs a code of its own."""

from __future__ import annotations

import math
from fractions import Fraction

from hwsim.errors import FormatError, NotANumberError
from hwsim.formats.base import Overflow, Special
from hwsim.formats.grid import FixedGrid, FloatGrid, Grid, LevelGrid, power_of_two


def special_of(value: Fraction | float | int | Special) -> Special | None:
    """Return the Special that ``value`` is; None for a number.

    >>> special_of(float("-inf")), special_of(2.5)
    (<Special.NEGATIVE_INFINITY: '-inf'>, None)
    """
    if isinstance(value, Special):
        return value
    if not isinstance(value, float) or math.isfinite(value):
        return None
    if math.isnan(value):
        return Special.NAN
    return Special.POSITIVE_INFINITY if value > 0 else Special.NEGATIVE_INFINITY


def round_special(value: Special, grid: Grid, owner: object) -> Fraction | Special:
    """Return what ``value`` becomes on ``grid``.

    An infinity is exact, so a directed rounding does not bring it back into the range: it saturates, or it is the
    infinity (the NaN) of a format that overflows to it.

    Raises:
        FormatError: NaN without a code for it, or an infinity in a format that wraps; ``owner`` names the format.
    """
    if value is Special.NAN:
        if isinstance(grid, FloatGrid) and grid.has_nan:
            return value
        raise NotANumberError(f"NaN reached {owner}, which has no code for it")
    positive = value is Special.POSITIVE_INFINITY
    if isinstance(grid, FloatGrid) and grid.overflow is Overflow.INFINITY:
        return value if grid.has_infinity else Special.NAN
    if isinstance(grid, FixedGrid):
        if grid.overflow is Overflow.WRAP:
            raise FormatError(f"an infinity reached {owner}, which wraps")
        return (grid.maximum if positive else grid.minimum) * power_of_two(grid.lsb)
    if isinstance(grid, LevelGrid):
        return grid.levels[-1 if positive else 0]
    return grid.max_abs if positive else -grid.max_abs
