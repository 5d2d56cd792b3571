"""The claims behind the fast kernels, tried on every case of lanes and formats that are small enough for that."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from dot_steps import Fixed, keep_bits, rounded_quotient, to_fixed

from hwsim.arith import conditions
from hwsim.arith.bounds import exponent_of, operand, partial_sum_bound, significand_bits
from hwsim.arith.params import FLOAT32, Lane
from hwsim.arith.problem import Problem
from hwsim.arith.quantize import quantize
from hwsim.formats import FixedFormat, FloatFormat, Overflow, Rounding, parse
from hwsim.formats.grid import FloatGrid, LevelGrid


def make_problem(weights, acts, acc, rounded=None, w=((1.0,),), x=((1.0,),), bias=(0.0,)) -> Problem:
    grids = [
        None if f is None else (parse(f) if isinstance(f, str) else f).grid() for f in (weights, acts, rounded, acc)
    ]
    w, x = np.array(w, dtype=np.float64), np.array(x, dtype=np.float64)
    return Problem(operand(w, grids[0]), operand(x, grids[1]), grids[2], grids[3], w, np.array(bias, dtype=np.float64))


def lane(precision: int) -> Lane:
    return Lane(np.float64, precision, 1023, -1074, 0, 0)


def _double_rounding_errors(p: int, addend_bits: int, lane_bits: int, quantum: int) -> int:
    """Count sums of an accumulator (p bits, multiples of 2^quantum) and an addend that two roundings get wrong."""
    places = range(lane_bits + 3)
    accumulators = {m << e for m in range(2 ** (p - 1), 2**p) for e in places if e >= quantum} | {0}
    accumulators |= {m << quantum for m in range(2 ** (p - 1))}
    addends = {sign * m << e for m in range(2**addend_bits) for e in places for sign in (1, -1)}
    return sum(
        _to_grid(a + b, p, quantum) != _to_grid(keep_bits(a + b, lane_bits), p, quantum)
        for a in accumulators for b in addends
    )  # fmt: skip


def _to_grid(value: int, p: int, quantum: int) -> int:
    place = max(abs(value).bit_length() - p, quantum)
    return rounded_quotient(value, 1 << place, "rne") << place


@pytest.mark.parametrize("p", [1, 2, 3])
def test_sums_are_innocuous_exactly_where_claimed(p: int) -> None:
    acc = FloatFormat(4, p - 1)
    for addend, lane_bits, quantum in product(range(1, p + 2), range(2 * p, 2 * p + 3), (0, p, 2 * p)):
        rounded = FloatFormat(4, addend - 1)
        claimed = conditions.sum_is_innocuous(make_problem("float<4,1>", "float<4,1>", acc, rounded), lane(lane_bits))
        errors = _double_rounding_errors(p, addend, lane_bits, quantum)
        assert not (claimed and errors)
        if quantum == 0 and (lane_bits == 2 * p) and addend == p and p > 1:
            assert errors and not claimed, "one bit fewer must fail, or the condition is too strict"


def test_a_wider_addend_is_not_innocuous() -> None:
    """p1 > p: an addend that is a midpoint itself absorbs a tiny accumulator, whatever the lane."""
    assert _double_rounding_errors(2, 3, 7, 0) > 0
    assert not conditions.sum_is_innocuous(make_problem("float<4,1>", "float<4,1>", "float<4,2>"), lane(24))
    assert conditions.sum_is_innocuous(make_problem("float<4,1>", "float<4,1>", "float<4,3>"), lane(24))


def _unbounded(fmt: FloatFormat) -> FloatGrid:
    return replace(fmt.grid(), maximum=Fraction(2) ** 60)


class _Wide(FloatFormat):
    def grid(self) -> FloatGrid:
        return _unbounded(FloatFormat(self.exponent_bits, self.mantissa_bits, self.bias))


@pytest.mark.parametrize("acc", [(2, 0, 1), (2, 1, 1), (3, 1, 2), (2, 2, 0), (2, 4, -4)])
@pytest.mark.parametrize("rounded", [None, (2, 0, 1), (2, 1, 0)])
def test_no_partial_sum_exceeds_its_bound(acc: tuple[int, ...], rounded: tuple[int, ...] | None) -> None:
    """Every weight pair, activation pair and bias of float<2,1>; accumulators without a maximum, to see the sums."""
    fmt, free = FloatFormat(2, 1), _Wide(*acc)
    free_product = None if rounded is None else _Wide(*rounded)
    values = np.unique([float(fmt.decode(c)) for c in fmt.codes()])
    starts = np.unique([float(v) for c in FloatFormat(*acc).codes() if (v := FloatFormat(*acc).decode(c)) is not None])
    for w0, w1, x0 in product(values[::2], values, values[values >= 0]):
        xs = values[np.abs(values) <= x0]
        total, worst = starts[:, None] + 0 * xs, np.abs(starts)
        for weight in (w0, w1):
            term = weight * xs
            if free_product is not None:
                term = quantize(term, free_product).astype(np.float64)
            total = quantize(total + term, free).astype(np.float64)
            worst = np.maximum(worst, np.maximum(np.abs(term).max(), np.abs(total).max(axis=1)))
        known = operand(xs, fmt.grid())
        grids = free.grid(), None if free_product is None else free_product.grid()
        for start, reached in ((0.0, worst[starts == 0].max()), (starts[-1], worst.max())):
            assert reached <= partial_sum_bound(np.array([[w0, w1]]), np.array([start]), known, *grids)


def test_never_overflows_means_never() -> None:
    """At and above the limit the rule must say no; well below it yes; and where it says yes nothing overflows."""
    acc = "float<3,2,ieee>"  # the largest number is 14
    said = []
    for weight, bias in product((1.0, 2.0, 3.0, 3.5), (0.0, 1.0, 8.0, 14.0)):
        problem = make_problem("float<3,2>", "float<3,2>", acc, acc, [[weight, weight]], [[1.0], [-1.0]], [bias])
        if conditions.never_overflows(problem):
            said.append((weight, bias))
            assert 2 * weight + bias <= 14
    assert (1.0, 0.0) in said
    assert not any(bias == 14.0 for _, bias in said)


FIXED_MODES = [(mode, overflow) for mode in ("rne", "rtz", "rtp", "rtn", "rhu") for overflow in ("sat", "wrap")]


def _moved(code: int, lsb: int, fmt: Fixed) -> int:
    return to_fixed(code, lsb, fmt._replace(width=60, signed=True, overflow="sat"))


@pytest.mark.parametrize(("mode", "overflow"), FIXED_MODES)
@pytest.mark.parametrize("rounded", [None, Fixed(-1, 3), Fixed(-1, 3, False), Fixed(-4, 4, False), Fixed(1, 2)])
@pytest.mark.parametrize("acc", [Fixed(-1, 4), Fixed(-3, 4), Fixed(0, 3, False), Fixed(2, 3)])
def test_integer_kernels_stay_in_their_lanes(mode: str, overflow: str, rounded: Fixed | None, acc: Fixed) -> None:
    """Every number that an integer kernel forms, for pairs of 3-bit operands, from both ends of the range."""
    acc = acc._replace(mode=mode, overflow=overflow)
    rounded = rounded and rounded._replace(mode=mode, overflow=overflow)
    names = [
        f and f"{'' if f.signed else 'u'}fixed<{f.width},{f.width + f.lsb},{mode},{overflow}>" for f in (rounded, acc)
    ]
    for w, x in product([(-4, 3), (3, 3), (-1, 1), (2, -4), (0, 1)], [(-4, -4), (3, -4), (1, 1), (-1, 0)]):
        biases = acc.ends[0], 0, acc.ends[1]
        problem = make_problem(
            "fixed<3,2>", "fixed<3,2>", names[1], names[0], [np.array(w) / 2] * 3, np.array(x)[:, None] / 2,
            [b * 2.0**acc.lsb for b in biases],
        )  # fmt: skip
        worst, unclamped = 0, Fraction(0)
        for a, signs in product(biases, product((1, -1), repeat=2)):
            total = a
            for wk, xk, sign in zip(w, x, signs, strict=True):
                term, place = wk * xk * sign, -2
                if rounded is not None:
                    worst = max(worst, abs(term << max(place - rounded.lsb, 0)))
                    term, place = to_fixed(term, place, rounded), rounded.lsb
                finer = min(place, acc.lsb)
                exact = (total << (acc.lsb - finer)) + (term << (place - finer))
                worst = max(worst, abs(exact), abs(term))
                unclamped = max(unclamped, abs(exact) * Fraction(2) ** (finer - acc.lsb), abs(Fraction(total)))
                total = to_fixed(exact, finer, acc)
        # The signs make more sums than the data have, of the same magnitudes: the bound covers those too.
        assert unclamped <= problem.largest_fixed_sum
        for bits in range(3, 16):
            assert not conditions.integer_applies(problem, bits) or worst < 2 ** (bits - 2)


def test_a_wrapped_unsigned_product_is_larger_than_its_operands() -> None:
    """-1 in ufixed<32,32,wrap> is 2^32 - 1: shifted left by 38 places it does not fit 62 bits, though -1 does."""
    problem = make_problem("fixed<2,2>", "fixed<2,2>", "fixed<40,2>", "ufixed<32,32,wrap>", [[-1.0]], [[1.0]])
    assert problem.largest_fixed_sum >= 2.0**70
    assert not conditions.integer_applies(problem, 64)
    saturating = make_problem("fixed<2,2>", "fixed<2,2>", "fixed<40,2>", "ufixed<32,32>", [[-1.0]], [[1.0]])
    assert conditions.integer_applies(saturating, 64)


def test_significant_bits() -> None:
    assert significand_bits(parse("pow2<5>@2^3").grid()) == 1
    assert significand_bits(LevelGrid((Fraction(-3, 8), Fraction(0), Fraction(20)))) == 3
    assert significand_bits(parse("fixed<8,4>").grid()) == 8
    assert significand_bits(parse("mxfp8e4m3").grid()) == 4
    assert significand_bits(FixedFormat(8, 8, signed=False).grid()) == 8


@pytest.mark.parametrize(
    "spelling", ["float<3,2>", "e5m2", "float<4,0>", "fixed<5,2>", "apot<4>@2^1", "mxfp4", "mxint8"]
)
def test_the_quantum_divides_every_element(spelling: str) -> None:
    fmt, rng = parse(spelling), np.random.default_rng(2)
    for scale in (2.0**-6, 1.0, 30.0):
        values = np.asarray(quantize(rng.normal(size=64) * scale, fmt), dtype=np.float64)
        known = operand(values, fmt.grid())
        codes = np.ldexp(values, -known.quantum)
        assert np.array_equal(codes, np.round(codes))
        assert np.abs(values).max() == known.largest


def test_exponents_of_what_is_not_a_number_fit_no_lane() -> None:
    assert exponent_of(float("inf")) > 1024
    assert exponent_of(float("nan")) > 1024
    assert exponent_of(0.0) < -1000
    assert [exponent_of(v) for v in (1.0, -1.5, 2.0, 0.5)] == [1, 1, 2, 0]


def test_the_range_of_the_magic_constant() -> None:
    for bias, fits in ((-95, True), (-96, False)):
        grid = FloatFormat(4, 7, bias).grid()
        assert conditions.even_rounding_applies(grid, FLOAT32, False) == fits
    for bias, fits in ((127, True), (128, False)):
        assert conditions.even_rounding_applies(FloatFormat(4, 7, bias).grid(), FLOAT32, False) == fits
    assert not conditions.even_rounding_applies(FloatFormat(4, 3, rounding=Rounding.HALF_UP).grid(), FLOAT32, True)
    assert not conditions.even_rounding_applies(FloatFormat(4, 3, subnormals=False).grid(), FLOAT32, True)
    ieee = parse("fp16").grid()
    assert ieee.overflow is Overflow.INFINITY
    assert not conditions.even_rounding_applies(ieee, FLOAT32, False)
    assert conditions.even_rounding_applies(ieee, FLOAT32, True)
