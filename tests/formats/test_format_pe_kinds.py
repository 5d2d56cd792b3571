"""Which processing element a set of formats needs, as widths."""

from __future__ import annotations

import pytest

from hwsim.formats import PeKind, parse
from hwsim.formats.pe import Operand
from hwsim.formats.pe_kinds import activation_of, element_of, operand_of, pe_for

FIXED, SUM = parse("fixed<8,4>"), parse("fixed<24,12>")
FLOAT = parse("fp16")


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        ("pow2<4>", PeKind.SHIFT_ADD),
        ("shiftcnn<1,4>", PeKind.SHIFT_ADD),
        ("apot<3>", PeKind.SHIFT_ADD),
        ("apot<5>", PeKind.MULTI_SHIFT_ADD),
        ("shiftcnn<2,4>@2^-3", PeKind.MULTI_SHIFT_ADD),
        ("int8", PeKind.INT_MAC),
        ("ufixed<8,4>", PeKind.INT_MAC),
        ("e4m3", PeKind.FLOAT_MAC),
        ("mxfp4", PeKind.FLOAT_MAC),
        ("mxint8", PeKind.INT_MAC),
        ("codebook<16>", PeKind.CODEBOOK_MAC),
    ],
)
def test_kind_beside_fixed_point(weights: str, kind: PeKind) -> None:
    assert pe_for(parse(weights), FIXED, SUM).kind is kind
    beside_float = PeKind.CODEBOOK_MAC if kind is PeKind.CODEBOOK_MAC else PeKind.FLOAT_MAC
    assert pe_for(parse(weights), FLOAT, SUM).kind is beside_float
    assert pe_for(parse(weights), FIXED, FLOAT).kind is beside_float


def test_shifters() -> None:
    pe = pe_for(parse("pow2<4>"), FIXED, SUM)
    assert (pe.terms, pe.shift_positions) == (1, 4)
    assert pe.product == Operand(12, 12)  # 8 bits and up to 3 shifts: 8 + bits of 2^3
    several = pe_for(parse("shiftcnn<2,4>"), FIXED, SUM)
    assert (several.terms, several.shift_positions) == (2, 7)
    assert (several.weight, several.factor) == (Operand(8, 8), Operand(8, 8))
    multiplier = pe_for(parse("int8"), FIXED, SUM)
    assert (multiplier.terms, multiplier.shift_positions) == (0, 0)


def test_operands() -> None:
    assert operand_of(parse("int8@2^-3")) == Operand(8, 8)
    assert operand_of(parse("mxfp8e4m3")) == Operand(8, 4, 4)
    assert operand_of(FLOAT) == Operand(16, 11, 5)
    assert operand_of(FLOAT).is_float
    assert not operand_of(FIXED).is_float
    assert element_of(parse("mxfp4")) == parse("e2m1")
    assert element_of(parse("e4m3@2^2")) == parse("e4m3")
    assert element_of(FIXED) is FIXED


def test_products() -> None:
    assert pe_for(parse("int4"), FIXED, SUM).product == Operand(12, 12)
    assert pe_for(parse("e4m3"), parse("e5m2"), FLOAT).product == Operand(13, 7, 6)
    assert pe_for(parse("int4"), FIXED, SUM, parse("fixed<10,4>")).product == Operand(10, 10)


def test_a_codebook_multiplies_by_its_entry() -> None:
    pe = pe_for(parse("codebook<16,int8>"), FIXED, SUM)
    assert (pe.weight, pe.factor, pe.product) == (Operand(4, 4), Operand(8, 8), Operand(16, 16))
    of_floats = pe_for(parse("codebook<16,e4m3>"), FLOAT, FLOAT)
    assert of_floats.factor == Operand(8, 4, 4)


@pytest.mark.parametrize(
    ("weights", "significand", "exponent"), [("pow2<4>", 1, 2), ("pow2<5>", 1, 3), ("apot<5>", 6, 3)]
)
def test_power_sums_beside_floats_are_short_floats(weights: str, significand: int, exponent: int) -> None:
    """A power of two has one significant bit; the widest of apot<5>, 1 + 1/32, has six."""
    factor = pe_for(parse(weights), FLOAT, FLOAT).factor
    assert (factor.significand_bits, factor.exponent_bits) == (significand, exponent)


def test_activations_arrive_decoded() -> None:
    """A code of 4 bits that stands for 0, ±1 .. ±8, or for a 16-bit entry, is no 4-bit integer."""
    assert activation_of(parse("pow2<4>")) == Operand(4, 5)
    assert activation_of(parse("codebook<16,int8>")) == Operand(4, 8)
    assert activation_of(parse("codebook<16,e4m3>")) == Operand(4, 4, 4)
    assert activation_of(FIXED) == operand_of(FIXED)
    both = pe_for(parse("pow2<4>"), parse("pow2<4>"), SUM)
    assert (both.kind, both.product) == (PeKind.SHIFT_ADD, Operand(9, 9))
    multiplied = pe_for(parse("int8"), parse("pow2<4>"), SUM)
    assert (multiplied.kind, multiplied.act, multiplied.product) == (PeKind.INT_MAC, Operand(4, 5), Operand(13, 13))
    assert pe_for(parse("int8"), parse("codebook<16,e4m3>"), SUM).kind is PeKind.FLOAT_MAC
