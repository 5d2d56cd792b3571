"""The shift-add, multi-shift-add and integer cores against exact rationals."""

from __future__ import annotations

import shutil

import pytest
from core_cases import Case, assert_equal, exhaustive, random_vectors, simulated

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

ROUNDINGS = ["rne", "rtz", "rtn", "rhu", "rtp"]

EXHAUSTIVE = [
    Case("pow2<2>@2^0", "fixed<3,3>", "fixed<5,5>"),
    Case("pow2<3>@2^1", "fixed<4,2>", "fixed<6,3>"),
    Case("pow2<4>@2^0", "ufixed<4,4>", "fixed<7,4,wrap>"),
    Case("pow2<4>@2^2", "fixed<4,4>", "ufixed<6,6>"),
    Case("pow2<5>@2^7", "fixed<3,3>", "fixed<7,10>"),
    *(Case("pow2<4>@2^0", "fixed<4,4>", f"fixed<6,5,{mode}>") for mode in ROUNDINGS),
    *(Case("pow2<3>@2^0", "fixed<4,4>", f"fixed<6,6,{mode},wrap>") for mode in ROUNDINGS),
    *(Case("pow2<4>@2^0", "fixed<4,4>", "fixed<5,4>", f"fixed<4,3,{mode}>") for mode in ROUNDINGS),
    Case("pow2<3>@2^0", "fixed<4,4>", "fixed<6,4>", "ufixed<3,2,wrap>"),
    Case("pow2<3>@2^0", "fixed<4,4>", "fixed<6,4,rtz>", "fixed<8,4>"),
    *(Case(f"apot<{bits}>@2^0", "fixed<3,3>", "fixed<6,4>") for bits in range(3, 8)),
    *(Case(f"shiftcnn<{n},{b}>@2^0", "fixed<3,3>", "fixed<5,4>") for n, b in [(1, 3), (2, 2), (2, 3), (3, 2), (2, 4)]),
    Case("apot<4>@2^0", "ufixed<3,3>", "fixed<7,4,rhu>"),
    Case("apot<5>@2^1", "fixed<3,3>", "fixed<6,4,wrap>"),
    Case("apot<5>@2^8", "fixed<3,3>", "fixed<7,14>"),
    Case("shiftcnn<2,3>@2^0", "ufixed<3,3>", "ufixed<6,4,rtz,wrap>"),
    Case("shiftcnn<2,3>@2^0", "fixed<3,3>", "fixed<6,4>", "fixed<4,3>"),
    Case("apot<4>@2^0", "fixed<3,3>", "fixed<6,4>", "fixed<4,3,rhu>"),
    Case("fixed<4,4>", "fixed<4,4>", "fixed<7,7>"),
    Case("fixed<3,3>", "fixed<5,5>", "fixed<6,6,wrap>"),
    Case("ufixed<4,4>", "fixed<3,3>", "fixed<6,6>"),
    Case("fixed<4,4>", "ufixed<3,3>", "fixed<6,6>"),
    Case("ufixed<3,3>", "ufixed<4,4>", "ufixed<6,6>"),
    Case("ufixed<3,3>", "ufixed<3,3>", "fixed<7,8,rtz>"),
    Case("fixed<1,1>", "fixed<4,4>", "fixed<5,5>"),
    Case("ufixed<1,1>", "fixed<4,4>", "fixed<5,5>"),
    Case("fixed<4,4>", "fixed<3,-3>", "fixed<7,-2>"),
    Case("fixed<3,3>", "fixed<3,3>", "fixed<5,12>"),
    Case("fixed<3,3>", "fixed<3,3>", "fixed<6,1>"),
    *(Case("fixed<3,1>", "fixed<3,1>", f"fixed<5,3,{mode}>") for mode in ROUNDINGS),
    *(Case("fixed<3,1>", "fixed<3,1>", f"fixed<5,3,{mode},wrap>") for mode in ROUNDINGS),
    *(Case("fixed<4,2>", "fixed<4,2>", "fixed<5,3>", f"fixed<5,3,{mode}>") for mode in ROUNDINGS),
    Case("fixed<4,2>", "fixed<4,2>", "fixed<5,4>", "ufixed<4,2,rtz>"),
    Case("fixed<4,2>", "ufixed<4,2>", "fixed<6,2>", "fixed<4,3,wrap>"),
]

REAL = [
    Case("pow2<4>@2^-2", "fixed<8,4>", "fixed<24,12>"),
    Case("pow2<4>@2^-2", "fixed<8,4>", "fixed<24,16,wrap>"),
    Case("pow2<5>@2^3", "fixed<16,8>", "fixed<32,16,rhu>"),
    Case("pow2<6>@2^0", "ufixed<8,8>", "fixed<48,20>"),
    Case("apot<5>@2^-1", "fixed<8,4>", "fixed<24,12>"),
    Case("apot<9>@2^0", "fixed<8,4>", "fixed<24,12,rtz>"),
    Case("shiftcnn<2,4>@2^-1", "fixed<8,4>", "fixed<24,12>"),
    Case("shiftcnn<4,3>@2^-1", "ufixed<8,4>", "fixed<20,12>"),
    Case("shiftcnn<3,4>@2^0", "fixed<12,4>", "fixed<24,12>", "fixed<16,8>"),
    Case("int8@2^-4", "fixed<8,4>", "fixed<24,12>"),
    Case("int8@2^-4", "fixed<8,4>", "fixed<16,12,rtz>", "fixed<12,8,rhu>"),
    Case("int4@2^-2", "uint8@2^-3", "fixed<20,12,wrap>"),
    Case("int16@2^-8", "int16@2^-8", "fixed<40,24>"),
    Case("ufixed<24,12>", "fixed<24,12>", "fixed<48,30,rne>"),
]


@pytest.mark.parametrize("case", EXHAUSTIVE, ids=str)
def test_every_code_at_small_widths(case: Case) -> None:
    vectors = exhaustive(case)
    for style in styles(case):
        assert_equal(case, vectors, style)


@pytest.mark.parametrize("case", REAL, ids=str)
def test_random_codes_at_real_widths(case: Case) -> None:
    vectors = random_vectors(case, 800)
    for style in styles(case):
        assert_equal(case, vectors, style)


def styles(case: Case) -> tuple[int, ...]:
    return (0, 1) if case.parameters.core == "mac_int" else (0,)


@pytest.mark.parametrize("weights", ["int8@2^0", "int4@2^0", "pow2<4>@2^3", "apot<5>@2^5", "shiftcnn<2,4>@2^7"])
def test_every_product_at_the_width_that_is_synthesised(weights: str) -> None:
    """All pairs of 8-bit activations and weights against plain integers, the sums spread over the range of 24 bits."""
    case = Case(weights, "int8@2^0", "fixed<24,24,wrap>")
    scaled, _, acc, _ = case.formats
    pairs = [(a, w) for a in range(256) for w in scaled.codes()]
    sums = [(a * 0x9E3779 + w * 0x51ED27) % (1 << 24) for a, w in pairs]
    vectors = [(a, w, s) for (a, w), s in zip(pairs, sums, strict=True)]
    values = {w: int(scaled.decode(w)) for w in scaled.codes()}
    wanted = [(s + (a - 256 * (a > 127)) * values[w]) % (1 << 24) for a, w, s in vectors]
    assert acc.bits == 24
    assert simulated(case, vectors, style=1) == wanted
