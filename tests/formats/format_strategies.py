"""Hypothesis strategies for every format of the grammar."""

from __future__ import annotations

from format_samples import float_modes, special_kinds
from hypothesis import strategies as st

from hwsim.formats import (
    ApotFormat,
    BlockFormat,
    CodebookFormat,
    FixedFormat,
    FloatFormat,
    NumberFormat,
    Overflow,
    PowerOfTwoFormat,
    Rounding,
    ScaledFormat,
    ShiftCnnFormat,
    Special,
)
from hwsim.formats.minifloat import STANDARD_FLOATS

SEEDS = st.one_of(st.just(0), st.integers(0, 2**32 - 1))
ROUNDINGS = st.sampled_from(Rounding)
SCALES = st.one_of(st.none(), st.integers(-64, 64))


@st.composite
def fixed(draw: st.DrawFn, wraps: bool = True) -> FixedFormat:
    overflows = [Overflow.SATURATE, Overflow.WRAP] if wraps else [Overflow.SATURATE]
    width = draw(st.integers(1, 48))
    integer_bits = draw(st.one_of(st.integers(-64, 64), st.just(width)))
    return FixedFormat(
        width, integer_bits, draw(st.booleans()), draw(ROUNDINGS), draw(st.sampled_from(overflows)), draw(SEEDS)
    )


@st.composite
def floats(draw: st.DrawFn, saturates: bool = False) -> FloatFormat:
    e, m = draw(st.integers(1, 8)), draw(st.integers(0, 23))
    plain = FloatFormat(
        e,
        m,
        draw(st.one_of(st.none(), st.integers(-160, 160))),
        draw(st.sampled_from(special_kinds(e, m))),
        draw(st.booleans()),
    )
    overflow = Overflow.SATURATE if saturates else draw(st.sampled_from(float_modes(plain)))
    return FloatFormat(e, m, plain.bias, plain.specials, plain.subnormals, draw(ROUNDINGS), overflow, draw(SEEDS))


POWERS = st.one_of(
    st.builds(PowerOfTwoFormat, st.integers(2, 6)),
    st.builds(ApotFormat, st.integers(3, 9)),
    st.sampled_from([ShiftCnnFormat(n, b) for n in range(1, 5) for b in range(2, 6) if n * b <= 12]),
)
ELEMENTS = st.one_of(fixed(), floats(), st.sampled_from(list(STANDARD_FLOATS.values())))
SCALED = st.builds(ScaledFormat, st.one_of(ELEMENTS, POWERS), SCALES)
BLOCKS = st.builds(BlockFormat, st.one_of(fixed(wraps=False), floats(saturates=True)), st.integers(1, 1024))


@st.composite
def codebooks(draw: st.DrawFn) -> CodebookFormat:
    entry: NumberFormat = draw(st.one_of(ELEMENTS, SCALED))
    size = draw(st.integers(2, 256))
    if not entry.is_fitted or draw(st.booleans()):
        return CodebookFormat(size, entry)
    codes = draw(st.lists(st.integers(0, 2**entry.bits - 1), max_size=min(size, 8)))
    known = set(codes) & set(entry.codes()) if entry.bits <= 12 else set(codes)
    values = {value for value in map(entry.decode, known) if not isinstance(value, Special)}
    return CodebookFormat(size, entry, tuple(sorted(values)))


FORMATS = st.one_of(ELEMENTS, SCALED, BLOCKS, codebooks())
