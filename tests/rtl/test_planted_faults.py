"""The checks of the cores must bite: faults planted in the SystemVerilog text, each caught by exhaustive vectors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from core_cases import Case, exhaustive, mismatches

from hwsim.rtl import element_sources

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

ROUNDED = Case("fixed<3,1>", "fixed<3,1>", "fixed<5,3>")
TRUNCATED = Case("fixed<3,1>", "fixed<3,1>", "fixed<5,3,rtz>")
SATURATED = Case("fixed<3,3>", "fixed<3,3>", "fixed<5,5>")
SHIFTED = Case("pow2<4>@2^0", "fixed<3,3>", "fixed<5,5>")
LIFTED = Case("pow2<4>@2^5", "fixed<3,3>", "fixed<6,6>")
SEVEN = Case("shiftcnn<1,4>@2^0", "fixed<3,3>", "fixed<6,4>")
APOT = Case("apot<4>@2^0", "fixed<3,3>", "fixed<6,4>")
SHIFTCNN = Case("shiftcnn<2,3>@2^0", "fixed<2,2>", "fixed<5,4>")
FLOAT = Case("float<2,1>", "float<2,1>", "float<2,1>")
FLUSHED = Case("float<2,1,ftz>", "float<2,1,ftz>", "float<2,1,ftz>")
FLOOR = Case("float<2,1>", "float<3,1>", "float<4,0,rtn>")
HALF_UP = Case("float<2,1>", "float<2,1>", "float<2,1,rhu>")
IEEE = Case("float<2,1,ieee>", "float<2,1,ieee>", "float<2,1,ieee>")
WITH_INFINITY = Case("float<2,1,ieee>", "float<2,1,ieee>", "float<2,2,ieee>")
INWARD = Case("float<2,1>", "float<2,1>", "float<2,1,ieee,rtz>")
WIDE = Case("float<2,1>", "float<3,1>", "float<4,0>")
ROUNDED_PRODUCT = Case("float<3,1>", "float<3,1>", "float<2,1>", "float<2,1>")
POWER = Case("pow2<4>@2^1", "float<2,1>", "float<2,2>")


@dataclass(frozen=True)
class Fault:
    """One edit of one file, the formats that show it, and the STYLE that is run."""

    what: str
    file: str
    old: str
    new: str
    case: Case
    style: int = 0

    def __str__(self) -> str:
        return self.what


FAULTS = [
    Fault("ties away from even", "fixed_round.sv", "guard & (sticky | padded[DROP])", "guard & sticky", ROUNDED),
    Fault("ties up", "fixed_round.sv", "guard & (sticky | padded[DROP])", "guard", ROUNDED),
    Fault("sticky lost", "fixed_round.sv", "|padded[DROP-2:0]", "1'b0", Case("fixed<4,1>", "fixed<3,1>", "fixed<4,3>")),
    Fault("truncation is a floor", "fixed_round.sv", "padded[PADDED-1] & (guard | sticky)", "1'b0", TRUNCATED),
    Fault(
        "lowest code off", "fixed_round.sv", "{(OUT_BITS - 1) {~wide[WIDE-1]}}", "{(OUT_BITS - 1) {1'b1}}", SATURATED
    ),
    Fault(
        "highest code one less",
        "fixed_round.sv",
        "{wide[WIDE-1], {(OUT_BITS - 1) {~wide[WIDE-1]}}}",
        "{wide[WIDE-1], {(OUT_BITS - 2) {~wide[WIDE-1]}}, 1'b0}",
        SATURATED,
    ),
    Fault(
        "sign not checked",
        "fixed_round.sv",
        "(&wide[WIDE-1:OUT_BITS-1]) | ~(|wide[WIDE-1:OUT_BITS-1])",
        "(&wide[WIDE-1:OUT_BITS]) | ~(|wide[WIDE-1:OUT_BITS])",
        SATURATED,
    ),
    Fault(
        "unsigned below zero",
        "fixed_round.sv",
        "{OUT_BITS{~wide[WIDE-1]}}",
        "{OUT_BITS{1'b1}}",
        Case("fixed<3,3>", "fixed<3,3>", "ufixed<5,5>"),
    ),
    Fault(
        "carry lost", "fixed_accumulate.sv", "product_full[WIDE-1:0], carry}", "product_full[WIDE-1:0], 1'b0}", SHIFTED
    ),
    Fault("no ones below", "fixed_accumulate.sv", "{LIFT{carry}}", "{LIFT{1'b0}}", LIFTED),
    Fault("sum not extended", "fixed_accumulate.sv", "(ACC_SIGNED != 0) & sum_in[ACC_BITS-1]", "1'b0", SHIFTED),
    Fault(
        "sum loses a place",
        "fixed_accumulate.sv",
        "sum_in, {DROP{1'b0}}",
        "sum_in, {DROP{1'b1}}",
        Case("pow2<4>@2^0", "fixed<3,3>", "fixed<5,4>"),
    ),
    Fault("shift one too far", "mac_shift_add.sv", " - {{(AMOUNT - 1) {1'b0}}, 1'b1}", "", SHIFTED),
    Fault("shift fills with zero", "mac_shift_add.sv", "moved = top >>> field", "moved = top >> field", SEVEN),
    Fault("fill has no sign", "mac_shift_add.sv", "{(SHIFTS - 1) {negative}}", "{(SHIFTS - 1) {1'b0}}", SHIFTED),
    Fault("zero weight is one", "mac_shift_add.sv", "& {OPERAND{nonzero}}", "& {OPERAND{1'b1}}", SHIFTED),
    Fault(
        "sign of the shift", "mac_shift_add.sv", "weight[WEIGHT_BITS-1] & nonzero", "act[ACT_BITS-1] & nonzero", SHIFTED
    ),
    Fault("third distance", "mac_multi_shift_add.sv", "i + 2 * PAIRS + ODD", "i + 2 * PAIRS", APOT),
    Fault("odd term", "mac_multi_shift_add.sv", ".FIRST(2 * PAIRS))", ".FIRST(2 * PAIRS - 1))", APOT),
    Fault("+1 lost", "mac_multi_shift_add.sv", "{{(PRODUCT - 1) {1'b0}}, negative[i]}", "{PRODUCT{1'b0}}", SHIFTCNN),
    Fault("terms too close", "shift_term.sv", ".LOW(LOW - PLACES + 1)", ".LOW(LOW)", SHIFTCNN),
    Fault("no constant", "int_rows.sv", "start + CONSTANT[WIDTH-1:0]", "start", SATURATED, 1),
    Fault("constant one place up", "int_rows.sv", "(ONE << (ROWS - 1))", "(ONE << ROWS)", SATURATED, 1),
    Fault("last row as the others", "int_rows.sv", "(ROW_SIGNED != 0 && i == ROWS - 1)", "(1'b0)", SATURATED, 1),
    Fault(
        "sign column as the others",
        "int_rows.sv",
        "LAST ^ ((LONG_SIGNED != 0) ? TOP",
        "LAST ^ (1'b0 ? TOP",
        SATURATED,
        1,
    ),
    Fault(
        "float ties away from even", "float_round.sv", "guard & (sticky | placed[WIDE-1-M])", "guard & sticky", FLOAT
    ),
    Fault("float ties up", "float_round.sv", "guard & (sticky | placed[WIDE-1-M])", "guard", FLOAT),
    Fault("rounding ignores the sign", "float_round.sv", "guard & (sticky | ~sign)", "guard", HALF_UP),
    Fault("saturates too early", "float_round.sv", "over = packed_code >", "over = packed_code >=", IEEE),
    Fault("saturates too late", "float_round.sv", "{(BITS - 1) {1'b1}};", "{(BITS - 1) {1'b1}} << 1;", FLOAT),
    Fault(
        "inward overflow",
        "float_round.sv",
        "assign inward = (ROUND == 1)",
        "assign inward = 1'b0 & (ROUND == 1)",
        INWARD,
    ),
    Fault("never flushed", "float_round.sv", "flushed = (SUBNORMALS == 0) &", "flushed = 1'b0 &", FLUSHED),
    Fault(
        "flushed before rounding", "float_round.sv", "~(|magnitude[BITS-2:M])", "~(|field) & ~placed[WIDE-1]", FLUSHED
    ),
    Fault("subnormal moved too far", "float_round.sv", "limited ? limit_wide[COUNT-1:0] : zeros", "zeros", FLOAT),
    Fault("sticky of a subnormal product", "float_round.sv", "moved[0] | lost", "moved[0]", ROUNDED_PRODUCT),
    Fault("negative zero", "float_round.sv", "(flushed | ~(|magnitude)) ?", "flushed ?", FLOAT),
    Fault("sign of NaN", "float_round.sv", "no_sign = nan |", "no_sign = 1'b0 &", WITH_INFINITY),
    Fault("float sticky lost", "float_align.sv", "(distance[k] & (|stage[k][STEP-1:0]))", "1'b0", FLOOR),
    Fault(
        "far sticky lost",
        "float_align.sv",
        "(far & (|value))",
        "1'b0",
        Case("float<2,1>", "float<3,1>", "float<5,0,rtn>"),
    ),
    Fault(
        "far addend stays",
        "float_align.sv",
        "{BITS{~far}}",
        "{BITS{1'b1}}",
        Case("float<2,1>", "float<2,1>", "float<6,0>"),
    ),
    Fault(
        "window too narrow",
        "mac_float.sv",
        "((Y > SUM) ? Y : SUM) + 3",
        "((Y > SUM) ? Y : SUM) + 1",
        Case("float<2,0,ftz>", "float<3,0,ftz>", "float<3,3>"),
    ),
    Fault("borrow", "mac_float.sv", "subtract & at_least}", "subtract}", FLOAT),
    Fault(
        "zero outweighs",
        "mac_float.sv",
        "(y_exp > x_exp) & ~y_zero",
        "(y_exp > x_exp)",
        Case("float<4,0>", "float<2,1>", "float<4,0>"),
    ),
    Fault("sign of the larger", "mac_float.sv", "(y_stays ^ (subtract & ~at_least)) ?", "y_stays ?", FLOAT),
    Fault("inf - inf", "mac_float.sv", "(x_infinite & y_infinite & subtract)", "1'b0", WITH_INFINITY),
    Fault("0 * inf", "mac_float.sv", "((act_infinite | weight_infinite) & exact_zero)", "1'b0", WITH_INFINITY),
    Fault("not normalised", "mac_float.sv", "y_sig = y_loose << zeros", "y_sig = y_loose", WIDE),
    Fault("exponent off by one", "mac_float.sv", "WEIGHT_OFFSET + EXACT - 1;", "WEIGHT_OFFSET + EXACT;", FLOAT),
    Fault("hidden bit of a subnormal", "float_operand.sv", "significand = {normal,", "significand = {1'b1,", FLOAT),
    Fault("exponent of a subnormal", "float_operand.sv", "normal ? field : ONE", "field", FLOAT),
    Fault("subnormals are read", "float_operand.sv", "normal | (SUBNORMALS != 0)", "1'b1", FLUSHED),
    Fault("power of two", "float_operand.sv", "SHIFTS[EXP-1:0] - field", "field", POWER),
    Fault("a NaN is an infinity", "float_operand.sv", "(&field) & (|code[M-1:0])", "1'b0", WITH_INFINITY),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_caught(fault: Fault, tmp_path: Path) -> None:
    sources = []
    for source in element_sources():
        text = source.read_text()
        if source.name == fault.file:
            assert text.count(fault.old) == 1, f"{fault.old!r} occurs {text.count(fault.old)} times in {source.name}"
            text = text.replace(fault.old, fault.new)
        sources.append(tmp_path / source.name)
        sources[-1].write_text(text)
    assert mismatches(fault.case, exhaustive(fault.case), fault.style, sources)


def test_every_file_of_a_core_has_a_fault_planted() -> None:
    plain = {
        "fixed_product.sv",
        "mac_int.sv",
        "mac_core.sv",
        "shift_place.sv",
        "float_lead.sv",
        "pe_held.sv",
        "pe_os.sv",
    }
    assert {fault.file for fault in FAULTS} == {path.name for path in element_sources()} - plain
