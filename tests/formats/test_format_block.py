"""Microscaling blocks against OCP MX v1.0 and gfloat."""

from __future__ import annotations

from fractions import Fraction

import gfloat
import gfloat.formats as known
import numpy as np
import pytest
from format_rounding import mx_block
from format_values import fixed_value, float_value

from hwsim.errors import FormatError
from hwsim.formats import BlockFormat, FixedFormat, FloatFormat, Overflow, Special, Specials, parse
from hwsim.formats.block import STANDARD_BLOCKS
from hwsim.formats.grid import BlockGrid

GFLOAT = {
    "mxfp8e5m2": known.format_info_mxfp8_e5m2,
    "mxfp8e4m3": known.format_info_mxfp8_e4m3,
    "mxfp6e3m2": known.format_info_mxfp6_e3m2,
    "mxfp6e2m3": known.format_info_mxfp6_e2m3,
    "mxfp4": known.format_info_mxfp4_e2m1,
    "mxint8": known.format_info_mxint8,
}
#: name: emax of the element (OCP MX v1.0, §5.3), its largest number
EMAX = {"mxfp8e5m2": (15, 57344), "mxfp8e4m3": (8, 448), "mxfp6e3m2": (4, 28), "mxfp6e2m3": (2, Fraction(15, 2)),
        "mxfp4": (2, 6), "mxint8": (0, Fraction(127, 64))}  # fmt: skip


def magnitudes(name: str) -> tuple[list[Fraction], Fraction | None]:
    """Non-negative element values, ascending, and the lowest value of two's complement."""
    element = STANDARD_BLOCKS[name].element
    if isinstance(element, FixedFormat):
        return [fixed_value(c, 8, 2, True) for c in range(128)], Fraction(-2)
    top = {"ieee": (2**element.exponent_bits - 1) << element.mantissa_bits, "fn": 127}
    count = top.get(element.specials.value, 2 ** (element.exponent_bits + element.mantissa_bits))
    assert element.bias is not None
    values = [
        float_value(c, element.exponent_bits, element.mantissa_bits, element.bias, "finite") for c in range(count)
    ]
    return [v for v in values if isinstance(v, Fraction)], None


def blocks(count: int) -> list[np.ndarray]:
    """Random blocks of 32 over the whole range of E8M0, with zeros, equal values, powers of two and near-overflows."""
    rng = np.random.default_rng(3)
    drawn = [
        np.ldexp(rng.standard_normal(32), int(rng.integers(-160, 140))) * (rng.random(32) > 0.1) for _ in range(count)
    ]
    edges = np.array([1.75, 1.76, 1.9375, 1.99, 1.9999, 2.0, -1.9999, -2.0, 1.0, 0.0625, 7.5, -7.75] + [0.3] * 20)
    return [*drawn, np.zeros(32), np.full(32, 2.0**-140), edges, -edges, edges * 2.0**127, np.full(32, 3.0e38)]


@pytest.mark.parametrize("name", STANDARD_BLOCKS)
def test_blocks_follow_the_specification(name: str) -> None:
    grid = STANDARD_BLOCKS[name].grid()
    values, lowest = magnitudes(name)
    for block in blocks(40):
        exact = [Fraction(float(v)) for v in block]
        assert grid.round_block(exact) == mx_block(exact, values, EMAX[name][0], lowest)


@pytest.mark.parametrize("name", STANDARD_BLOCKS)
def test_gfloat_quantizes_alike(name: str) -> None:
    grid = STANDARD_BLOCKS[name].grid()
    for block in blocks(25):
        ours = [float(v) for v in grid.round_block([Fraction(float(v)) for v in block])]
        theirs = gfloat.quantize_block(GFLOAT[name], block, gfloat.compute_scale_amax)
        assert ours == (theirs + 0.0).tolist()


@pytest.mark.parametrize("name", STANDARD_BLOCKS)
def test_table_of_the_standard(name: str) -> None:
    fmt = STANDARD_BLOCKS[name]
    grid = fmt.grid()
    assert (fmt.size, grid.scale_min, grid.scale_max) == (32, -127, 127)
    assert grid.element_emax == EMAX[name][0]
    assert max(v for v in map(fmt.decode, fmt.codes()) if isinstance(v, Fraction)) == EMAX[name][1]
    assert fmt.storage_bits == fmt.bits + Fraction(1, 4)
    assert grid.max_abs == grid.element.max_abs * 2**127
    assert grid.quantum == grid.element.quantum - 127
    assert set(STANDARD_BLOCKS) == set(EMAX)


def test_scale_of_a_block() -> None:
    grid = parse("mxfp4").grid()
    assert isinstance(grid, BlockGrid)
    assert [grid.scale_exponent(Fraction(v)) for v in (1, 4, 7, 8)] == [-2, 0, 0, 1]
    assert grid.scale_exponent(Fraction(0)) == -127
    assert grid.scale_exponent(Fraction(1, 2**140)) == -127
    assert grid.scale_exponent(Fraction(2**140)) == 127
    assert grid.round_block([Fraction(7), Fraction(1, 5)]) == [6, 0]


def test_unsigned_elements_use_their_top_bit() -> None:
    """The largest exponent of ufixed<4,2> is 1, so 3.75 of a block of at most 3.9 is reached."""
    assert parse("mx<ufixed<4,2>,8>").grid().round_block([Fraction(39, 10), Fraction(1)]) == [Fraction(15, 4), 1]  # type: ignore[union-attr]


def test_element_codes_at_scale_one() -> None:
    fmt = parse("mxfp6e3m2")
    for code in fmt.codes():
        value = fmt.decode(code)
        assert fmt.decode(fmt.encode(value)) == value
        assert fmt.code_of(value) == code or value == 0
    assert fmt.decode(fmt.encode(float("inf"))) == 28
    assert parse("mxfp8e4m3").encode(Special.NAN) == 0x7F


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockFormat(FloatFormat(4, 3), 0), "block of 0 elements: must be 1 to 1024"),
        (lambda: BlockFormat(FloatFormat(4, 3), 1025), "block of 1025 elements"),
        (lambda: parse("mx<e5m2,32>"), "block elements must saturate: write e5m2 with the option 'sat'"),
        (lambda: BlockFormat(FixedFormat(8, 2, overflow=Overflow.WRAP)), "must saturate: write fixed<8,2,wrap>"),
        (lambda: parse("mx<int8,32>"), "block elements must be float<E,M> or fixed<W,I>, not int8"),
        (lambda: parse("mx<pow2<4>,32>"), "not pow2<4>"),
        (lambda: parse("mx<mxfp4,32>"), "not mxfp4"),
    ],
)
def test_impossible_blocks_are_refused(make: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        make()  # type: ignore[operator]


def test_standard_names_are_canonical() -> None:
    spelled = BlockFormat(FloatFormat(5, 2, specials=Specials.IEEE, overflow=Overflow.SATURATE))
    assert str(spelled) == "mxfp8e5m2"
    assert parse("mx<e5m2<sat>>") == spelled
    assert hash(parse("mx<e2m1,32>")) == hash(parse("mxfp4"))
    assert str(parse("mx<e2m1,16>")) == "mx<e2m1,16>"
