"""The grammar, both ways, and what happens to everything outside it."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from format_strategies import FORMATS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hwsim.errors import FormatError
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
    Specials,
    parse,
)
from hwsim.formats.block import STANDARD_BLOCKS
from hwsim.formats.minifloat import STANDARD_FLOATS
from hwsim.formats.spec import FAMILY_EXAMPLES

IEEE, FN = Specials.IEEE, Specials.FN


@given(FORMATS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_parse_undoes_str(fmt: NumberFormat) -> None:
    text = str(fmt)
    assert parse(text) == fmt
    assert hash(parse(text)) == hash(fmt)
    assert str(parse(text)) == text
    assert parse(text.upper().replace(",", " , ").replace("<", "< ")) == fmt


@pytest.mark.parametrize("text", [*STANDARD_FLOATS, *STANDARD_BLOCKS, *FAMILY_EXAMPLES.values()])
def test_names_and_examples_are_canonical(text: str) -> None:
    assert str(parse(text)).startswith(text.removesuffix(">").removesuffix(",32")) or text == "mx<e4m3,32>"
    assert parse(str(parse(text))) == parse(text)
    assert parse(text).description


SPELLINGS = {
    "fixed<8,4>": FixedFormat(8, 4),
    " Fixed < 8 , 4 > ": FixedFormat(8, 4),
    "fixed<8,+4,rne,sat>": FixedFormat(8, 4),
    "fixed<8,-4>": FixedFormat(8, -4),
    "ufixed<8,0,wrap,rtn>": FixedFormat(8, 0, False, Rounding.TOWARD_NEGATIVE, Overflow.WRAP),
    "fixed<8,4,sr,seed=7>": FixedFormat(8, 4, rounding=Rounding.STOCHASTIC, seed=7),
    "fixed<8,4,rtz>": FixedFormat(8, 4, rounding=Rounding.TOWARD_ZERO),
    "fixed<8,4,rtp>": FixedFormat(8, 4, rounding=Rounding.TOWARD_POSITIVE),
    "fixed<8,4,rhu>": FixedFormat(8, 4, rounding=Rounding.HALF_UP),
    "int8": ScaledFormat(FixedFormat(8, 8)),
    "int<8>": ScaledFormat(FixedFormat(8, 8)),
    "int8@auto": ScaledFormat(FixedFormat(8, 8)),
    "fixed<8,8>@auto": ScaledFormat(FixedFormat(8, 8)),
    "int8<wrap>": ScaledFormat(FixedFormat(8, 8, overflow=Overflow.WRAP)),
    "uint4@2^-3": ScaledFormat(FixedFormat(4, 4, False), -3),
    "uint4@2^+3": ScaledFormat(FixedFormat(4, 4, False), 3),
    "float<4,3>": FloatFormat(4, 3),
    "float<e=4,m=3>": FloatFormat(4, 3),
    "float<m=3,e=4>": FloatFormat(4, 3),
    "e5m4": FloatFormat(5, 4),
    "m4e5": FloatFormat(5, 4),
    "e4m3": FloatFormat(4, 3, specials=FN),
    "m3e4": FloatFormat(4, 3, specials=FN),
    "float<4,3,fn>": FloatFormat(4, 3, specials=FN),
    "e4m3<inf>": FloatFormat(4, 3, specials=FN, overflow=Overflow.INFINITY),
    "e4m3<ieee>": FloatFormat(4, 3, specials=IEEE),
    "e4m3<finite>": FloatFormat(4, 3),
    "e4m3<ftz,rtz>": FloatFormat(4, 3, specials=FN, subnormals=False, rounding=Rounding.TOWARD_ZERO),
    "float<4,3,ieee,sub>": FloatFormat(4, 3, specials=IEEE),
    "float<5,2,ieee>": STANDARD_FLOATS["e5m2"],
    "float<5,2,bias=16>": FloatFormat(5, 2, bias=16),
    "float<5,2,bias=15>": FloatFormat(5, 2),
    "float<5,2,bias=-3,sr,seed=4294967295>": FloatFormat(5, 2, bias=-3, rounding=Rounding.STOCHASTIC, seed=2**32 - 1),
    "fp32": FloatFormat(8, 23, specials=IEEE),
    "fp16<sat>": FloatFormat(5, 10, specials=IEEE, overflow=Overflow.SATURATE),
    "bf16": FloatFormat(8, 7, specials=IEEE),
    "tf32": FloatFormat(8, 10, specials=IEEE),
    "e4m3@auto": ScaledFormat(FloatFormat(4, 3, specials=FN)),
    "fixed<8,4>@2^3": ScaledFormat(FixedFormat(8, 4), 3),
    "pow2<4>": ScaledFormat(PowerOfTwoFormat(4)),
    "pow2<4>@auto": ScaledFormat(PowerOfTwoFormat(4)),
    "pow2<4>@2^-1": ScaledFormat(PowerOfTwoFormat(4), -1),
    "apot<5>": ScaledFormat(ApotFormat(5)),
    "shiftcnn<2,4>": ScaledFormat(ShiftCnnFormat(2, 4)),
    "codebook<16>": CodebookFormat(16, ScaledFormat(FixedFormat(16, 16))),
    "codebook<16,fixed<6,2>>": CodebookFormat(16, FixedFormat(6, 2)),
    "codebook<4,int8@2^-7>{-1;0;0.25;1/2}": CodebookFormat(
        4, ScaledFormat(FixedFormat(8, 8), -7), (Fraction(-1), Fraction(0), Fraction(1, 4), Fraction(1, 2))
    ),
    "mx<e4m3>": STANDARD_BLOCKS["mxfp8e4m3"],
    "mx<float<2,1>,16>": BlockFormat(FloatFormat(2, 1), 16),
    "mxint8": BlockFormat(FixedFormat(8, 2)),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings(text: str) -> None:
    assert parse(text) == SPELLINGS[text]
    assert parse(str(parse(text))) == SPELLINGS[text]


CANONICAL = {
    "float<8,23,ieee>": "fp32",
    "float<4,3,fn>": "e4m3",
    "e4m3<ieee>": "float<4,3,ieee>",
    "m4e5": "float<5,4>",
    "fixed<8,8>@auto": "int8",
    "fixed<8,8,rtz>@2^2": "int<8,rtz>@2^2",
    "ufixed<8,8>@auto": "uint8",
    "pow2<4>@auto": "pow2<4>",
    "fixed<8,4>@auto": "fixed<8,4>@auto",
    "codebook<16>": "codebook<16,int16>",
    "float<6,7,ftz,bias=3,seed=5,sr,sat,ieee>": "float<6,7,ieee,bias=3,ftz,sr,sat,seed=5>",
    "fixed<8,4,seed=5,wrap,sr>": "fixed<8,4,sr,wrap,seed=5>",
    "mx<e5m2<sat>,32>": "mxfp8e5m2",
    "codebook<4,fixed<6,2>>{0.25;5/4}": "codebook<4,fixed<6,2>>{1/4;5/4}",
}


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_spelling(text: str) -> None:
    assert str(parse(text)) == CANONICAL[text]


#: text -> every piece that the message must hold
REFUSED = {
    "": ["cannot read ''", "write name<arguments>"],
    "<8,4>": ["cannot read"],
    "fixed": ["'fixed' needs a total width W and integer bits I as its first arguments"],
    "fixed<8>": ["needs a total width W and integer bits I"],
    "fixed<a,b>": ["needs a total width W"],
    "fixed<8,4,rnd>": ["in 'fixed<8,4,rnd>': unknown option 'rnd'", "rne", "wrap"],
    "fixed<8,4,ftz>": ["unknown option 'ftz'"],
    "fixed<8,4,bias=3>": ["unknown option 'bias=3'", "seed=N"],
    "fixed<8,4,rne,rtz>": ["says twice what its rounding is: 'rtz' is the second"],
    "fixed<8,4,sat,sat>": ["says twice what its overflow is"],
    "int": ["'int' needs a width W as its first argument"],
    "int0": ["fixed point width 0 bits: must be 1 to 48 bits"],
    "int99999": ["needs a width W"],
    "float<4>": ["needs exponent bits E and mantissa bits M"],
    "float<e=4,e=3>": ["needs exponent bits E and mantissa bits M"],
    "float<4,3,finite,inf>": ["overflow 'inf' needs a code for it"],
    "float<9,9>": ["9 exponent bits: must be 1 to 8 bits"],
    "e9m2": ["9 exponent bits"],
    "float<4,3,sub,ftz>": ["says twice what its subnormals is"],
    "float<4,3,ieee,fn>": ["says twice what its specials is"],
    "pow2": ["needs a width B"],
    "pow2<4,rtz>": ["'rtz' is more than this format takes"],
    "shiftcnn<2>": ["needs a number of terms N and bits per term B"],
    "codebook": ["needs a table size K"],
    "codebook<4,int8,3>": ["'3' is more than this format takes"],
    "codebook<4,int8@2^0>{}": ["'' in the table of codebook<4,int8@2^0> is not a number like -3, 1/8 or 0.25"],
    "codebook<4,int8@2^0>{0;x}": ["'x' in the table"],
    "codebook<4,int8@2^0>{1/0}": ["'1/0' in the table"],
    "codebook<4,int8@2^0>{1e3}": ["'1e3' in the table"],
    "fp32{1;2}": ["fp32 has no table: only codebook<K> takes values in braces"],
    "mxfp4{1}": ["mxfp4 has no table"],
    "int8{1}": ["int8 has no table"],
    "mx": ["needs the format of its elements: mx<e4m3> or mx<e2m1,16>"],
    "mx<e4m3,x>": ["needs an element format and a block size"],
    "mx<e4m3,32,1>": ["'1' is more than this format takes"],
    "mxfp4<16>": ["'16' is more than this format takes"],
    "int8@2^9999": ["scale 2^9999: the exponent must be -64 to 64"],
    "int8@3": ["cannot read"],
    "int8@2^1@2^2": ["cannot read"],
    "fixd<8,4>": ["unknown number format 'fixd<8,4>'", "'fixed<W,I>'"],
    "fp61": ["unknown number format", "fp16"],
    "e4m3fnuz": ["NaN in place of the negative zero are not emulated"],
    "int٨": ["cannot read"],
    "fixed<٨,4>": ["needs a total width W"],
    "codebook<4,codebook<4,codebook<4,codebook<4,codebook<4,int8>>>>>": ["too long or too deeply nested"],
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_a_format_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    for piece in REFUSED[text]:
        assert piece in str(caught.value)
    assert "Traceback" not in str(caught.value)


PIECES = [
    *FAMILY_EXAMPLES.values(), *STANDARD_FLOATS, *STANDARD_BLOCKS, "<", ">", ",", "@", "2^", "auto", "{", "}", ";",
    "/", "=", "e=", "m=", "bias=", "seed=", "ftz", "sat", "inf", "sr", "-", "+", "0", "9", "99999999999", "1e9",
    "q", "u", "(", ")", " ",
    "²", "٣", "İ", "\x00", "\n", "codebook<4,", "mx<", "float<", "fixed<8,", "int", "e", "m",
]  # fmt: skip


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
@example("int8@2^" + "9" * 5000)
@example("e" + "9" * 5000 + "m3")
@example("q" + "1" * 5000 + ".4")
@example("float<" + "1" * 5000 + ",3>")
@example("codebook<4,int8@2^0>{" + "9" * 5000 + "}")
@example("codebook<4,int8@2^0>{1e999999999}")
@example("codebook<4,fp32>{1/" + "0" * 50 + "}")
@example("codebook<4," * 4000)
@example("mx<" * 4000 + ">" * 4000)
@example("codebook<4,fp32>{" + "0;" * 100000 + "0}")
@example("fixed<" + "8," * 20000 + "4>")
@example("<" * 4)
@settings(max_examples=600, deadline=None)
def test_garbage_is_a_format_or_a_format_error(text: str) -> None:
    """Long numbers, deep nesting and huge exponents included: they would hang or overflow a naive parser."""
    try:
        fmt = parse(text)
    except FormatError as error:
        assert str(error)
    else:
        assert parse(str(fmt)) == fmt


@given(FORMATS.map(str), st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_one_wrong_character_is_a_format_or_a_format_error(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    mutated = text[:at] + data.draw(st.sampled_from(["", *",<>@^{}=;/.-9 xq("])) + text[at + 1 :]
    try:
        fmt = parse(mutated)
    except FormatError as error:
        assert str(error)
    else:
        assert parse(str(fmt)) == fmt


def test_the_examples_of_the_families_parse_into_their_family() -> None:
    for family, text in FAMILY_EXAMPLES.items():
        assert re.match(r"[a-z0-9]+", family)[0].rstrip("2") in text  # type: ignore[index]
        assert isinstance(parse(text), NumberFormat)
