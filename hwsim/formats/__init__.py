"""Number formats: frozen, hashable values with an exact meaning for every code."""

from hwsim.formats.base import NumberFormat, Overflow, PeKind, Rounding, Special
from hwsim.formats.block import BlockFormat
from hwsim.formats.codebook import CodebookFormat
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.minifloat import FloatFormat, Specials
from hwsim.formats.powtwo import ApotFormat, PowerOfTwoFormat, PowerSumFormat, ShiftCnnFormat
from hwsim.formats.scaled import ScaledFormat
from hwsim.formats.spec import parse

__all__ = [
    "ApotFormat",
    "BlockFormat",
    "CodebookFormat",
    "FixedFormat",
    "FloatFormat",
    "NumberFormat",
    "Overflow",
    "PeKind",
    "PowerOfTwoFormat",
    "PowerSumFormat",
    "Rounding",
    "ScaledFormat",
    "ShiftCnnFormat",
    "Special",
    "Specials",
    "parse",
]
