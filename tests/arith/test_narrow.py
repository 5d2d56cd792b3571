"""The shortcuts (exact BLAS, narrow lanes, certified, infinite and flushing floats) at the edge of each condition.

``check`` runs every path that applies and compares it with the reference; ``takes`` says which one is first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dot_samples import check, formats, near_one, problem, random_codes

from hwsim.arith import narrow, reference
from hwsim.arith.batch import Batch, PreparedWeights
from hwsim.arith.bounds import operand
from hwsim.arith.dot import PATHS, DotProduct
from hwsim.arith.exact import exact_products
from hwsim.arith.params import narrow_params
from hwsim.arith.problem import Problem
from hwsim.arith.quantize import quantize
from hwsim.errors import FormatError
from hwsim.formats import parse
from hwsim.formats.base import Rounding
from hwsim.formats.grid import FixedGrid, round_integer

ROW = np.zeros(1, dtype=np.int64)
RNG = np.random.default_rng(99)


def takes(path: str, spelled: Any, w: list[float], x: list[float], bias: float = 0.0) -> bool:
    """Check the dot product of w and x on every path, and say whether ``path`` is one that applies."""
    weights, acts = np.array([w]), np.array(x)[:, None]
    arguments = weights, acts, ROW, np.arange(len(w)), np.array([bias])
    check(spelled, arguments)
    try:
        DotProduct(weights, arguments[4], spelled, [path]).run(*arguments[1:4])
    except FormatError:
        return False
    return True


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (-1, -1)])
def test_exact_ends_where_24_bits_end(signs: tuple[int, int]) -> None:
    spelled = formats("fixed<13,13>", "fixed<13,13>", None, "fixed<40,40>")
    a, b = 4095.0 * signs[0], 4095.0 * signs[1]
    # 4095^2 = 2^24 - 8191, and 16 of 2^24 are the slack of the bound: from there on the next lane takes over.
    dot = DotProduct(np.array([[a]]), np.array([8170.0]), spelled, ["exact"])
    dot.run(np.array([[b]]), ROW, np.arange(1))
    assert dot.paths == ["exact/float32"]
    dot = DotProduct(np.array([[a, 1.0]]), np.array([8192.0]), spelled, ["exact"])
    dot.run(np.array([[b], [1.0]]), ROW, np.arange(2))
    assert dot.paths == ["exact/float64"]
    assert takes("exact", spelled, [a, 1.0], [b, 1.0], 8192.0)


@pytest.mark.parametrize(
    ("acc", "inside"),
    [("fixed<8,8>", True), ("fixed<7,7>", False), ("fixed<8,8,wrap>", True), ("fixed<9,8,rtz>", True),
     ("fixed<9,10>", False),
     ("ufixed<8,8>", False), ("float<5,6>", True), ("float<5,5>", False), ("float<5,6,ftz>", True), ("e5m2", False)],
)  # fmt: skip
def test_exact_needs_an_accumulator_with_every_sum(acc: str, inside: bool) -> None:
    # |sums| reach 3 * 7 * 4 = 84 < 2^7, in units of 1.
    assert takes("exact", formats("fixed<4,4>", "fixed<4,4>", None, acc), [7.0, -7.0, 7.0], [4.0, 4.0, 4.0]) == inside


@pytest.mark.parametrize(
    ("product", "inside"), [("fixed<7,7>", True), ("fixed<6,6>", False), ("fixed<8,9,rtn>", False),
                            ("float<4,4>", False),
                            ("float<5,7>", True), ("float<3,7>", False)],
)  # fmt: skip
def test_exact_needs_a_product_format_with_every_product(product: str, inside: bool) -> None:
    acc = "fixed<12,12>" if product.startswith("fixed") else "float<6,12>"
    assert takes("exact", formats("fixed<4,4>", "fixed<4,4>", product, acc), [7.0, 3.0], [7.0, 5.0]) == inside


def test_exact_looks_at_the_places_of_the_bias_too() -> None:
    spelled = formats("fixed<13,13>", "fixed<13,13>", None, "fixed<44,22>")
    assert takes("exact", spelled, [1023.0, 1.0], [1023.0, 1.0], 2.0**-10)
    dot = DotProduct(np.array([[1023.0]]), np.array([2.0**-10]), spelled, ["exact"])
    assert dot.run(np.array([[1023.0]]), ROW, np.arange(1))[0, 0, 0] == 1023.0**2 + 2.0**-10
    assert dot.paths == ["exact/float64"]


def test_exact_minds_what_is_flushed() -> None:
    assert not takes("exact", formats("fixed<8,2>", "fixed<4,4>", None, "float<3,6,ftz>"), [0.125], [1.0])
    assert not takes("exact", formats("fixed<8,2>", "fixed<4,4>", "float<3,12,ftz>", "float<6,12>"), [0.125], [1.0])


def test_exact_products_are_gathered_in_panels() -> None:
    w, x = RNG.integers(-8, 8, (3, 40)).astype(np.float32), RNG.integers(-8, 8, (90, 2000)).astype(np.float32)
    base, tap = np.arange(30), np.arange(40) + 7
    out = exact_products(w, x, base, tap, np.array([1.0, 2, 3], np.float32))
    want = np.array([[w[n] @ x[p + tap] + n + 1 for p in base] for n in range(3)])
    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("acc", ["fixed<16,8>", "fixed<12,4>", "fixed<16,16>"])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_shift16_saturates_like_the_contract(acc: str, scale: float) -> None:
    spelled = formats("pow2<4>@2^1", "fixed<8,6>", None, acc.replace("16,16", "16,11"))
    arguments = problem(spelled, RNG, lambda f, s, r: near_one(f, s, r, scale * 8), (3, 30, 2, 40))
    check(spelled, arguments)
    dot = DotProduct(arguments[0], arguments[4], spelled, ["shift16"])
    dot.run(*arguments[1:4])
    assert dot.paths == ["shift16/int16"]


def test_shift16_ends_where_16_bits_end() -> None:
    spelled = formats("pow2<4>@2^0", "fixed<16,16>", None, "fixed<16,13>")
    # The largest weight moves an activation 3 places left: 4095 * 8 fits, 4096 * 8 does not.
    assert takes("shift16", spelled, [1.0, -0.125], [4095.0, 1.0])
    assert not takes("shift16", spelled, [1.0, -0.125], [4096.0, 1.0])
    assert not takes("shift16", formats("pow2<4>@2^0", "fixed<8,8>", None, "fixed<17,14>"), [1.0], [3.0])
    assert not takes("shift16", formats("pow2<4>@2^0", "fixed<8,8>", None, "fixed<16,13,wrap>"), [1.0], [3.0])
    assert not takes("shift16", formats("apot<5>@2^0", "fixed<8,8>", None, "fixed<16,11>"), [1.0], [3.0])
    assert not takes("shift16", formats("pow2<4>@2^0", "fixed<8,8>", None, "fixed<16,14>"), [1.0], [3.0])


@pytest.mark.parametrize("mode", ["rtn", "rhu"])
@pytest.mark.parametrize("acc", ["fixed<16,8>", "fixed<11,3>"])
def test_fixed16_rounds_and_saturates_like_the_contract(mode: str, acc: str) -> None:
    spelled = formats("fixed<16,8>", "fixed<16,8>", f"fixed<16,8,{mode}>", acc)
    arguments = problem(spelled, RNG, lambda f, s, r: near_one(f, s, r, 0.4), (3, 60, 2, 40))
    arguments[1][:] = np.clip(arguments[1] * 8, -7.9, 7.9).round(4)
    arguments = (arguments[0], np.floor(arguments[1] * 256) / 256, *arguments[2:])
    check(spelled, arguments)
    dot = DotProduct(arguments[0], arguments[4], spelled, ["fixed16"])
    dot.run(*arguments[1:4])
    assert dot.paths == ["fixed16/int16"]


def test_fixed16_ends_where_the_operands_leave_no_room() -> None:
    spelled = formats("fixed<16,8>", "fixed<16,8>", "fixed<16,8,rtn>", "fixed<16,8>")
    unit = 2.0**-8
    # 8 places are needed: 8-bit weights leave 7, 14-bit activations 1.
    assert takes("fixed16", spelled, [255 * unit, -unit], [16383 * unit, -unit])
    assert not takes("fixed16", spelled, [256 * unit, -unit], [16383 * unit, -unit])
    assert not takes("fixed16", spelled, [255 * unit, -unit], [16384 * unit, -unit])
    narrow_product = formats("fixed<16,8>", "fixed<16,8>", "fixed<8,0,rtn>", "fixed<16,8>")
    assert takes("fixed16", narrow_product, [126 * unit], [1.0])
    assert not takes("fixed16", narrow_product, [127 * unit], [1.0])
    for other in ("rne", "rtz", "rtp"):
        spelled = formats("fixed<16,8>", "fixed<16,8>", f"fixed<16,8,{other}>", "fixed<16,8>")
        assert not takes("fixed16", spelled, [unit], [unit])


@pytest.mark.parametrize("mode", ["rne", "rtz", "rtp", "rtn", "rhu"])
@pytest.mark.parametrize("overflow", ["sat", "wrap"])
@pytest.mark.parametrize("acc", ["fixed<16,8>", "fixed<10,2>", "fixed<16,8,wrap>", "fixed<9,1,wrap>"])
def test_fixed32_in_every_mode(mode: str, overflow: str, acc: str) -> None:
    spelled = formats("fixed<16,8>", "fixed<14,6>", f"fixed<14,6,{mode},{overflow}>", acc)
    arguments = problem(spelled, RNG, random_codes, (2, 12, 2, 16))
    check(spelled, arguments)
    dot = DotProduct(arguments[0], arguments[4], spelled, ["fixed32"])
    dot.run(*arguments[1:4])
    assert dot.paths == ["fixed32/int32"]


def test_fixed32_ends_where_32_bits_end() -> None:
    spelled = formats("fixed<17,9>", "fixed<17,9>", "fixed<17,9,rtp>", "fixed<17,9>")
    unit = 2.0**-8
    # raw + 2^8 < 2^31
    assert takes("fixed32", spelled, [32767 * unit], [65532 * unit])
    assert not takes("fixed32", spelled, [32769 * unit], [65535 * unit])
    assert not takes("fixed32", formats("fixed<9,8>", "fixed<9,8>", "ufixed<9,8,wrap>", "fixed<9,8>"), [1.0], [1.5])
    assert not takes("fixed32", formats("fixed<9,8>", "fixed<9,8>", "fixed<9,8,sr>", "fixed<9,8>"), [1.0], [1.5])


@pytest.mark.parametrize("mode", [m for m in Rounding if m is not Rounding.STOCHASTIC])
@pytest.mark.parametrize("shift", [0, 1, 2, 5])
def test_narrow_rounding_is_the_definition(mode: Rounding, shift: int) -> None:
    grid = parse(f"fixed<12,12,{mode.value}>").grid()
    assert isinstance(grid, FixedGrid)
    q = narrow_params(grid, shift)
    from fractions import Fraction

    for v in range(-70, 71):
        moved = v + (int(q.toward_zero) if v < 0 else 0)
        got = (moved + int(q.offset) + ((moved >> shift) & int(q.even))) >> shift
        assert got == round_integer(Fraction(v, 1 << shift), mode), (v, shift)


@pytest.mark.parametrize(
    ("name", "product"),
    [("fp16", True), ("fp16", False), ("bf16", True), ("bf16", False), ("e5m2", True), ("e5m2", False),
     ("float<3,4,ieee>", True), ("float<3,4,ieee>", False), ("fp32", True)],
)  # fmt: skip
def test_infinities_in_float_lanes(name: str, product: bool) -> None:
    fmt = parse(name)
    wide = "fp32" if not product else name
    spelled = formats(name, name, name if product else None, wide)
    arguments = problem(spelled, RNG, lambda f, s, r: random_codes(f, s, r, specials=True), (2, 8, 2, 24))
    arguments[1][2:5, :4], arguments[1][5:8, :4] = np.inf, -np.inf
    check(spelled, arguments)
    dot = DotProduct(arguments[0], arguments[4], spelled, ["float_infinite"])
    with np.errstate(all="ignore"):
        out = dot.run(*arguments[1:4])
    assert dot.paths[0].startswith("float_infinite/")
    assert np.isnan(out).any()
    top = float(fmt.grid().max_abs)
    finite = formats(name, name, name, name)
    assert takes("float_infinite", finite, [top, 1.0], [1.0, top])
    assert takes(
        "float_infinite", finite, [top, -1.0], [1.0, float(2.0 ** np.floor(np.log2(top) - fmt.grid().precision))]
    )


def test_infinite_lanes_are_for_whole_binades_with_subnormals() -> None:
    for acc in ("e4m3<inf>", "fp16<ftz>", "fp16<sat>", "fp16<rtz>", "float<5,0,fn,inf>"):
        assert not takes("float_infinite", formats("e4m3", "e4m3", None, acc), [1.0], [1.0])


@pytest.mark.parametrize("name", ["float<4,3,ftz>", "float<6,7,ftz>", "float<8,15,ftz>", "float<3,2,ftz>"])
def test_flushing_in_float_lanes(name: str) -> None:
    spelled = formats(name, name, name, name)
    fmt = parse(name)
    tiny = float(2.0 ** fmt.grid().emin)
    arguments = problem(spelled, RNG, random_codes, (2, 10, 2, 24))
    check(spelled, arguments)
    dot = DotProduct(arguments[0], arguments[4], spelled, ["float_flush"])
    dot.run(*arguments[1:4])
    assert dot.paths[0].startswith("float_flush/")
    # A difference below the smallest normal number is flushed; one that rounds up to it is kept.
    assert takes("float_flush", spelled, [1.5, -1.0], [tiny, tiny])
    for factor in (1.5, 1.75, 1.0 + 2.0**-2):
        assert takes("float_flush", spelled, [0.5, 0.5], [tiny * factor, 0.0])


def test_certified_floats_end_where_a_clamp_could_fire() -> None:
    spelled = formats("float<4,3>", "float<4,3>", "float<5,10>", "float<5,10>")
    top = float(parse("float<5,10>").grid().max_abs)
    assert takes("float_free", spelled, [1.0, 1.0], [1.0, 2.0], top / 4)
    assert not takes("float_free", spelled, [1.0, 1.0], [1.0, 2.0], top)
    finer = formats("float<4,3>", "float<4,3>", "float<6,10>", "float<3,10>")
    assert not takes("float_free", finer, [0.25], [0.25]), "products finer than the sums' smallest step"


def test_every_path_is_reached_by_some_formats() -> None:
    assert set(PATHS) == {
        "exact", "shift16", "fixed16", "shift_add", "float_free", "fixed_even/float32", "fixed32", "fixed_even/float64",
        "float_even", "float_flush", "float_infinite", "shift_add_any", "fixed_any", "float_any",
    }  # fmt: skip


def test_room_for_left_shifts() -> None:
    spelled = formats("fixed<16,8>", "fixed<16,8>", "fixed<16,8,rtn>", "fixed<16,8>")
    w, x = np.array([[1.0]]), np.array([[2.0]])
    weights = PreparedWeights(w, np.zeros(1), spelled)
    known = Problem(weights.operand, operand(x, spelled.acts.grid()), weights.product, weights.acc, w, np.zeros(1))
    lefts = narrow.fixed16_lefts(Batch(weights, known, x, ROW, np.arange(1), 0))
    assert lefts is not None
    assert sum(lefts) == 8
    assert 256 << lefts[0] < 1 << 15
    assert 512 << lefts[1] < 1 << 15


@pytest.mark.parametrize(("scale", "applies"), [(-7, True), (-8, False)])
def test_infinite_lanes_need_an_emax_of_zero(scale: int, applies: bool) -> None:
    """float<4,3,ieee> has emax 7: scaled by 2^-8, the factor that makes an infinity would not be a number itself."""
    fmt = f"float<4,3,ieee>@2^{scale}"
    top = float(parse(fmt).grid().max_abs)
    spelled = formats("float<4,3>", "float<4,3>@2^-8", fmt, fmt)
    assert takes("float_infinite", spelled, [1.0, 1.0], [top / 2, 0.0]) == applies
    values = np.array([0.0, top / 3, top, top * 1.04, top * 2, -np.inf, 1e-9])
    for dtype in (np.float32, np.float64):
        narrow_values = values.astype(dtype)
        got = quantize(narrow_values, parse(fmt))
        np.testing.assert_array_equal(got.astype(np.float64), reference.quantize(narrow_values, parse(fmt)))


@pytest.mark.parametrize("acc", ["fixed<16,8,wrap>", "fixed<40,20,sr>"])
def test_what_is_possible_does_not_depend_on_the_batch(acc: str) -> None:
    spelled = formats("fixed<8,1>", "float<8,7>", None, acc)
    x = np.array([[2.0**30, 2.0**-30], [3 * 2.0**28, 3 * 2.0**-30]])
    arguments = np.array([[0.5, 0.25]]), x, ROW, np.arange(2), np.zeros(1)
    check(spelled, arguments, first_image=5)


def test_quantize_refuses_an_out_that_cannot_take_the_result() -> None:
    values = np.zeros(4, np.float32)
    with pytest.raises(FormatError, match="contiguous float32 array of shape"):
        quantize(values, parse("fixed<8,4>"), out=np.zeros(3, np.float32))
    with pytest.raises(FormatError, match="block formats return a new array"):
        quantize(values, parse("mxfp4"), out=values)


def test_quantize_takes_every_float_type() -> None:
    for dtype in (np.float16, np.longdouble, np.int32):
        assert quantize(np.array([1, 2, 3], dtype=dtype), parse("fixed<8,4>")).tolist() == [1.0, 2.0, 3.0]
