"""Floating point at and just outside the edge of every condition, with operands built to be rounded twice."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from dot_samples import STEPWISE, check, formats, steps

from hwsim.arith import float_kernels, reference
from hwsim.arith.dot import DotProduct
from hwsim.arith.params import FLOAT32, even_params
from hwsim.formats import parse


def adversaries(p: int, emin: int, largest: float) -> tuple[list[float], list[float]]:
    """Return accumulators and addends: half a last place, more and less, at both ends of the range and in between."""
    ulp = 2.0 ** (1 - p)
    starts = [1.0, 1.0 + ulp, 2.0 - ulp, 1.5, -1.0, -(2.0 - ulp), largest, -largest, 2.0**emin, 2.0**emin * (1 + ulp)]
    starts += [0.0, 2.0 ** (emin - p + 1), 3 * 2.0 ** (emin - p + 1), 2.0**emin * (1 - ulp), 2.0**emin * (2 - ulp)]
    tinies = [1.0, 1 + ulp, 1 - ulp, 1 - ulp / 2, 1.5, 2 - ulp, 3 * ulp]
    addends = [s * t * 2.0**e for s in (1, -1) for t in tinies for e in (-p - 1, -p, 1 - p, -2 * p, -2 * p - 1, 0)]
    addends += [s * t * largest * ulp / 2 for s in (1, -1) for t in tinies]
    addends += [s * t * 2.0 ** (emin - p) for s in (1, -1) for t in (0.5, 1.0, 1.5, 2.0, 3.0, 1 + ulp, 1 - ulp / 2)]
    return starts, addends


def _every_sum(spelled, starts, addends, path=None):
    """Every start plus every addend that is a member, through weights of one; then again, for a second step."""
    members = np.unique(np.asarray(reference.quantize(np.array(addends), spelled.acts))) + 0.0
    bias = np.unique(np.asarray(reference.quantize(np.array(starts), spelled.acc))) + 0.0
    x = np.stack([members, np.roll(members, 1)])
    arguments = np.ones((bias.size, 2)), x, np.zeros(1, dtype=np.int64), np.arange(2), bias
    return check(spelled, arguments, path)


@pytest.mark.parametrize("m", [1, 3, 7, 9, 10, 11, 12, 22, 23])
@pytest.mark.parametrize("overflow", ["", ",ieee"])
def test_sums_at_half_a_place(m: int, overflow: str) -> None:
    """2p + 1 <= 24 holds up to M = 10: float32 lanes to there, float64 lanes from M = 11."""
    spelling = f"float<5,{m}{overflow}>"
    grid = parse(spelling).grid()
    starts, addends = adversaries(m + 1, grid.emin, float(grid.maximum))
    spelled = formats("float<2,0>", spelling, spelling, spelling)
    inside = "float_even/float32" if m <= 10 else "float_even/float64"
    _every_sum(spelled, starts, addends, "float_any/float64" if overflow else inside)
    if overflow:
        small = [v for v in starts if abs(v) < 4], [v for v in addends if abs(v) < 4]
        _every_sum(spelled, *small, inside)


def test_the_edge_is_where_the_float32_lane_goes_wrong() -> None:
    """Forced onto M = 11, the float32 kernel is wrong; on M = 10 it is right."""
    for m, wrong in ((10, False), (11, True)):
        fmt = parse(f"float<5,{m}>")
        q = even_params(fmt.grid(), FLOAT32)
        # 1 ulp + half an ulp - a tiny: 24 bits see a tie at M = 11.
        half, tiny = 2.0 ** -(m + 1), 2.0 ** -(2 * m + 2)
        start, addend = 1.0 + 2.0**-m, half - tiny
        out, one = np.empty((1, 1, 1), np.float32), np.ones((1, 1), np.float32)
        rows = np.zeros(1, dtype=np.int64), np.arange(1)
        float_kernels.float_even(
            one, np.array([[addend]], np.float32), *rows, np.array([start], np.float32), out, True, q, q
        )
        exact = float(fmt.grid().round(Fraction(start) + Fraction(addend)))
        assert (out[0, 0, 0] != exact) == wrong


@pytest.mark.parametrize(
    ("m", "path"), [(6, "float_any/float64"), (7, "float_even/float32"), (8, "float_even/float32")]
)
def test_exact_products_as_wide_as_the_accumulator(m: int, path: str) -> None:
    """p1 = p_a + p_b = 8 bits: innocuous from p = 8 up; at p = 7 an addend can be a midpoint."""
    spelled = formats("float<5,3>", "float<5,3>", None, f"float<7,{m}>")
    w = np.array([[15 / 8, 1.0, 9 / 8]])
    values = [15 / 8, -15 / 8, 9 / 8, 2.0**-9, -(2.0**-9), 2.0**-14, 1.0, -1.0]
    x = np.array(list(product(values, repeat=3))).T
    for bias in (2.0**-60, -(2.0**-60), 0.0, 1.0):
        check(spelled, (w, x, np.zeros(1, dtype=np.int64), np.arange(3), np.array([bias])), path)


@pytest.mark.parametrize(("m", "path"), [(6, "float_any/float64"), (7, "float_even/float32")])
def test_a_product_format_wider_than_the_accumulator(m: int, path: str) -> None:
    acc = f"float<7,{m}>"
    spelled = formats("float<2,0>", "float<6,7>", "float<6,7>", acc)
    grid = parse(acc).grid()
    _every_sum(spelled, *adversaries(8, grid.emin, 8.0), path)
    assert steps([1.0], [1 + 3 * 2.0**-7], 2.0**-60, spelled, path) == (1 + 2.0**-6 * (2 if m == 6 else 1.5))


@pytest.mark.parametrize(("bits", "path"), [(12, "float_even/float32"), (13, "float_even/float64")])
def test_products_at_the_width_of_the_lane(bits: int, path: str) -> None:
    """12 + 12 bits fill float32's 24; 13 + 12 do not."""
    spelled = formats(f"fixed<{bits},4>", "fixed<12,4>", "float<5,10>", "float<5,10>")
    step_w, step_x = 2.0 ** (4 - bits), 2.0**-8
    w = np.array([[(2 ** (bits - 1) - 1) * step_w, 3 * step_w, -(2 ** (bits - 1) - 3) * step_w]])
    x = np.array([[2047.0, 2045, 1365, -2047], [1.0, -1, 3, 2047], [2047.0, 1023, -2043, 1]]) * step_x
    check(spelled, (w, x, np.zeros(1, dtype=np.int64), np.arange(3), np.zeros(1)), path)


@pytest.mark.parametrize(("low", "path"), [(-149, "float_even/float32"), (-150, "float_even/float64")])
def test_products_at_the_smallest_step_of_the_lane(low: int, path: str) -> None:
    """One-bit operands: the product 2^low is float32's smallest number, or half of it, which float32 would round."""
    spelled = formats("float<5,0,bias=100>", "float<5,0,bias=100>", "float<6,3,bias=120>", "float<6,3,bias=120>")
    smallest = -75
    x = np.array([[2.0 ** (low - smallest), -(2.0 ** (low - smallest)), 2.0**-71]])
    check(spelled, (np.array([[2.0**smallest]]), x, np.zeros(1, dtype=np.int64), np.arange(1), np.zeros(1)), path)
    arguments = np.array([[2.0**smallest, 2.0**-70]]), np.vstack([x, x]), np.zeros(1, dtype=np.int64), np.arange(2)
    check(spelled, (*arguments, np.array([2.0**-122])), path)


def test_operands_outside_the_lane_though_products_are_inside() -> None:
    """2^-160 times 2^100: float32 holds the product, but would turn the first factor into zero."""
    spelled = formats("float<5,2,bias=160>", "float<5,2,bias=-90>", "float<6,3,bias=65>", "float<6,3,bias=65>")
    assert steps([2.0**-159], [1.5 * 2.0**100], 0.0, spelled, "float_even/float64") == 1.5 * 2.0**-59
    huge = formats("float<5,2,bias=-110>", "float<5,2,bias=130>", "float<6,3>", "float<6,3>")
    assert steps([1.25 * 2.0**130], [2.0**-128], 0.0, huge, "float_even/float64") == 5.0
    tiny = formats("fixed<24,-64>@2^-64", "fixed<8,4>@2^64", None, "fixed<16,-6>@2^-64")
    assert steps([5 * 2.0**-151], [2.0**64], 2.0**-85, tiny, "fixed_even/float64") == 2.0**-84


def test_the_magic_constant_at_the_top_of_float32() -> None:
    for bias, path in ((-95, "float_even/float32"), (-96, "float_even/float64")):
        spelling = f"float<4,7,bias={bias}>"
        spelled, grid = formats("float<2,0>", spelling, spelling, spelling), parse(spelling).grid()
        top, ulp = float(grid.maximum), 2.0 ** (grid.emax - 7)
        starts = [top, -top, top - ulp, top / 2]
        _every_sum(spelled, starts, [ulp, -ulp, top, -top, 1.5 * ulp, top / 2, 3 * ulp], path)


def test_the_smallest_normal_number_of_float32() -> None:
    for bias, path in ((127, "float_even/float32"), (128, "float_even/float64")):
        spelling = f"float<4,7,bias={bias}>"
        spelled, emin = formats("float<2,0>", spelling, spelling, spelling), 1 - bias
        _every_sum(
            spelled, [0.0, 2.0**emin, 2.0 ** (emin - 7), 1.5 * 2.0**emin], [2.0 ** (emin - 7), -(2.0**emin)], path
        )


def test_overflow_to_infinity_is_free_only_where_it_cannot_happen() -> None:
    """fp16 sums to 65504: the bound has 11 bits of slack a step, so it is passed by 2^15 and stopped near the top."""
    spelled = formats("e5m2", "e5m2", "fp16", "fp16")
    assert steps([16384.0], [1.0], 16384.0, spelled, "float_even/float32") == 32768.0
    assert steps([57344.0], [1.0], 8160.0, spelled, "float_any/float64") == 65504.0
    assert steps([57344.0], [1.0], 8176.0, spelled, "float_any/float64") == np.inf
    assert (
        steps([57344.0], [1.0], 8172.0, formats("e5m2", "e5m2", "fp16<sat>", "fp16<sat>"), "float_even/float32")
        == 65504.0
    )
    # The product alone overflows a narrow product format.
    narrow = formats("fp16", "fp16", "e5m2", "fp32")
    assert steps([256.0], [128.0], 0.0, narrow, "float_even/float64") == 32768.0
    assert steps([256.0], [256.0], 0.0, narrow, "float_any/float64") == np.inf


def test_overflow_at_the_bound() -> None:
    """Both sides of never_overflows, one weight step apart, at the same accumulator."""
    spelled, taken = formats("float<3,3>", "float<3,3>", "float<4,3,ieee>", "float<4,3,ieee>"), set()
    for bias in np.arange(150.0, 241.0, 1.0):
        member = float(reference.quantize(np.array([bias]), spelled.acc)[0])
        for weight in (1.0, 8.0, 15.0):
            arguments = np.array([[weight, 1.0]]), np.array([[1.0], [1.0]]), np.zeros(1, dtype=np.int64), np.arange(2)
            check(spelled, (*arguments, np.array([member])))
            run = DotProduct(arguments[0], np.array([member]), spelled, STEPWISE)
            run.run(*arguments[1:])
            taken |= set(run.paths)
    assert taken == {"float_even/float32", "float_any/float64"}


@pytest.mark.parametrize("overflow", ["sat", "inf"])
@pytest.mark.parametrize("rounding", ["rne", "rtz", "rtp", "rtn", "rhu"])
@pytest.mark.parametrize("m", [2, 10, 23])
def test_half_a_place_in_every_rounding(m: int, rounding: str, overflow: str) -> None:
    """float_any: the round-to-odd sum carries a sticky bit for operands 2^-60 apart; flush included."""
    for flush in ("", ",ftz"):
        spelling = f"float<7,{m},ieee,{rounding},{overflow}{flush}>"
        grid = parse(spelling).grid()
        starts, addends = adversaries(m + 1, -20, float(grid.maximum))
        low = adversaries(m + 1, grid.emin, 1.0)
        acts = f"float<7,{m},ieee>"
        spelled = formats("float<2,0>", acts, None, spelling)
        _every_sum(spelled, starts[:8] + low[0][8:], addends[::5] + low[1][-14::3] + [2.0**-60, -(2.0**-60)])
