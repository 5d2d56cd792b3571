"""Weight sharing and scales: formats that are fitted to a tensor."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest
from format_rounding import nearest_level
from format_samples import between

from hwsim.errors import FormatError
from hwsim.formats import CodebookFormat, FixedFormat, NumberFormat, ScaledFormat, Special, parse

TABLE = "codebook<5,fixed<6,2>>{-3/2;-1/4;0;1/4;7/4}"


def test_a_code_is_an_index() -> None:
    fmt = parse(TABLE)
    assert [fmt.decode(code) for code in fmt.codes()] == [Fraction(n, 4) for n in (-6, -1, 0, 1, 7)]
    assert all(fmt.code_of(fmt.decode(code)) == code for code in fmt.codes())
    assert (fmt.bits, fmt.storage_bits) == (3, 3)
    for code in (5, 7):
        with pytest.raises(FormatError, match=rf"code {code} of codebook<5> is not in its table of 5 entries"):
            fmt.decode(code)
    with pytest.raises(FormatError, match="code 8 is outside"):
        fmt.decode(8)
    with pytest.raises(FormatError, match="1/2 is not a number of"):
        fmt.code_of(Fraction(1, 2))
    with pytest.raises(FormatError, match="nan is not a number of|Special.NAN is not"):
        fmt.code_of(Special.NAN)


@pytest.mark.parametrize(("size", "bits"), [(2, 1), (3, 2), (4, 2), (5, 3), (16, 4), (17, 5), (256, 8)])
def test_index_bits(size: int, bits: int) -> None:
    assert parse(f"codebook<{size}>").bits == bits


@pytest.mark.parametrize("table", ["-1;1", "-1;0;1", "-3/2;-1/4;0;1/4;7/4", "1/4;1/2", "-1;1/2;3/4"])
def test_rounding_is_nearest_then_outwards_then_positive(table: str) -> None:
    fmt = parse(f"codebook<8,fixed<6,2>>{{{table}}}")
    levels = list(fmt.grid().levels)  # type: ignore[union-attr]
    for value in [*between([levels[0] - 1, *levels, levels[-1] + 1]), Fraction(0)]:
        assert fmt.decode(fmt.encode(value)) == nearest_level(value, levels)
    assert fmt.decode(fmt.encode(float("-inf"))) == levels[0]


def test_without_a_table_there_is_no_number() -> None:
    fmt = parse("codebook<16>")
    assert not fmt.is_fitted
    assert list(fmt.codes()) == []
    with pytest.raises(FormatError, match=r"codebook<16,int16> has no table yet: fit it to a tensor"):
        fmt.encode(1.0)
    with pytest.raises(FormatError, match="not in its table of 0 entries"):
        fmt.decode(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("codebook<1>", "codebook of 1 entries: must be 2 to 256"),
        ("codebook<257>", "codebook of 257 entries"),
        ("codebook<4,codebook<4>>", "cannot be a codebook themselves"),
        ("codebook<4,mxfp4>", "cannot be blocks, as mxfp4 is"),
        ("codebook<2,fixed<6,2>>{0;1/4;1/2}", "codebook<2> with 3 values: at most 2"),
        ("codebook<4,fixed<6,2>>{1/4;0}", "must ascend and differ"),
        ("codebook<4,fixed<6,2>>{0;0}", "must ascend and differ"),
        ("codebook<4,fixed<6,2>>{0;1/3}", "1/3 is not a number of fixed<6,2>"),
        ("codebook<4,fixed<6,2>>{0;2}", "2 is not a number of fixed<6,2>"),
        ("codebook<4>{0;1}", r"a table of int16 has no scale: name it, as in codebook<4,int16@2\^-7>\{0;1\}"),
    ],
)
def test_impossible_codebooks_are_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(text)


@pytest.mark.parametrize("exponent", [-64, -7, 0, 3, 64])
@pytest.mark.parametrize(
    "text", ["int8", "uint4", "fixed<6,2>", "e4m3", "float<3,2,ftz>", "pow2<4>", "apot<5>", "shiftcnn<2,3>"]
)
def test_a_scale_multiplies_every_value(text: str, exponent: int) -> None:
    element = parse(text)
    element = element.element if isinstance(element, ScaledFormat) else element
    fmt = ScaledFormat(element, exponent)  # type: ignore[arg-type]
    factor = Fraction(2) ** exponent
    for code in fmt.codes():
        value = element.decode(code)
        if isinstance(value, Special):
            assert fmt.decode(code) is value
            continue
        assert fmt.decode(code) == value * factor
        assert fmt.decode(fmt.encode(value * factor)) == value * factor
        nudged = value * Fraction(101, 100)
        assert fmt.encode(nudged * factor) == element.encode(nudged)
    assert (fmt.bits, fmt.storage_bits) == (element.bits, element.storage_bits)
    assert fmt.grid().max_abs == element.grid().max_abs * factor
    assert fmt.grid().quantum == element.grid().quantum + exponent


@pytest.mark.parametrize("text", ["int8", "pow2<4>", "e4m3@auto"])
def test_without_a_scale_there_is_no_number(text: str) -> None:
    fmt: NumberFormat = parse(text)
    assert not fmt.is_fitted
    for use in (lambda: fmt.decode(1), lambda: fmt.encode(1.0), fmt.grid, lambda: fmt.code_of(Fraction(1))):
        with pytest.raises(FormatError, match=r"has no scale yet: name one as @2\^k, or fit it"):
            use()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int8@2^65", r"scale 2\^65: the exponent must be -64 to 64"),
        ("int8@2^-65", r"scale 2\^-65"),
        ("mxfp4@2^3", "mxfp4 cannot be scaled: fixed, float and power-of-two formats can"),
        ("codebook<4>@auto", "codebook<4,int16> cannot be scaled"),
    ],
)
def test_impossible_scales_are_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(text)


def test_frozen_and_hashable() -> None:
    assert len({parse(TABLE), parse(TABLE), CodebookFormat(5, FixedFormat(6, 2))}) == 2
    assert ScaledFormat(FixedFormat(8, 8), 1) in {parse("int8@2^1")}
    with pytest.raises(FrozenInstanceError):
        ScaledFormat(FixedFormat(8, 8)).exponent = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        parse(TABLE).size = 9  # type: ignore[misc, attr-defined]
