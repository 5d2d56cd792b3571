"""Fixed point and shifts at and just outside the edge of every condition."""

from __future__ import annotations

import numpy as np
import pytest
from dot_samples import check, formats, steps

from hwsim.arith import conditions
from hwsim.arith.bounds import operand
from hwsim.arith.problem import Problem
from hwsim.formats import parse

ROW = np.zeros(1, dtype=np.int64)


def test_the_magic_sum_in_float32() -> None:
    """Room is 2^22 last places. K + |bias| + K of rounding: 2^22 - 3 by data is inside, one more is not."""
    spelled = formats("fixed<12,12>", "fixed<12,12>", None, "fixed<40,36>")
    # By data: (|w| |x| + |bias|) * 16 + 1, with the slack of 2^-20 four places more.
    for bias, path in ((2.0**18 - 32768 - 2, "fixed_even/float32"), (2.0**18 - 32768, "fixed_even/float64")):
        assert steps([128.0], [256.0], bias, spelled, path) == bias + 32768
        assert steps([-128.0], [256.0], -bias, spelled, path) == -bias - 32768


@pytest.mark.parametrize(("width", "path"), [(22, "fixed_even/float32"), (23, "fixed_even/float64")])
def test_the_range_of_the_accumulator_bounds_the_sum(width: int, path: str) -> None:
    """2^21 - 1 plus the addend is inside for 22 bits; 2^22 is outside for 23. Ties, ends and rounded sums at both."""
    spelled = formats("fixed<8,4>", "fixed<8,4>", None, f"fixed<{width},{width - 4}>")
    top = (2.0 ** (width - 1) - 1) / 16
    w = np.array([[7.9375, 7.9375, -8.0, 0.5, -0.5]] * 4)
    x = np.array([[7.9375, -8, 7.9375, 0.0625, 0.0625], [0.0625, 0.1875, -0.0625, 0.1875, -0.3125]]).T
    check(spelled, (w, x, ROW, np.arange(5), np.array([top, -top - 1 / 16, top - 1, 0.0])), path)


@pytest.mark.parametrize(("width", "path"), [(48, "fixed_even/float64")])
def test_wide_sums(width: int, path: str) -> None:
    spelled = formats("fixed<24,24>", "fixed<24,24>", None, f"fixed<{width},{width}>")
    top = 2.0 ** (width - 1) - 1
    w = np.array([[2.0**23 - 1, -(2.0**23), 3.0]] * 3)
    x = np.array([[2.0**23 - 1, -(2.0**23), -(2.0**23)], [1.0, -1, -1], [-(2.0**23), 5, 7]]).T
    check(spelled, (w, x, ROW, np.arange(3), np.array([top, -top - 1, 0.0])), path)


def test_ties_of_sums_and_products_on_even_and_odd_places() -> None:
    codes = np.arange(-64, 64)
    for rounded, path in ((None, "fixed_even/float32"), ("fixed<10,6>", "fixed_even/float32")):
        spelled = formats("fixed<4,2>", "fixed<8,4>", rounded, "fixed<12,8>")
        w = np.array([[0.25, 0.5], [0.75, -0.25], [-0.5, -0.75]])
        x = np.stack([codes, codes[::-1]]) / 16
        check(spelled, (w, x, ROW, np.arange(2), np.array([0.0625, -0.0625, 0.0])), path)
        half_up = formats("fixed<4,2>", "fixed<8,4>", rounded and "fixed<10,6,rhu>", "fixed<12,8,rhu>")
        check(half_up, (w, x, ROW, np.arange(2), np.array([0.0625, -0.0625, 0.0])), "fixed_any/int64")


def test_an_accumulator_coarser_than_the_product_is_rounded_again() -> None:
    """The float kernel adds exactly only where the accumulator is at least as fine as the product."""
    w, x = (
        np.array([[1.0, 1.0, -1.0]]),
        np.array([[0.25, 0.75, 1.25, -0.25], [0.5, 0.5, 0.25, 0.25], [0.25, 1.0, 0.75, 1.5]]).T[:3],
    )
    for acc, path in (("fixed<9,7>", "fixed_even/float32"), ("fixed<9,8>", "fixed_any/int64")):
        check(formats("fixed<8,4>", "fixed<8,4>", "fixed<8,6>", acc), (w, x, ROW, np.arange(3), np.zeros(1)), path)


@pytest.mark.parametrize(("integer", "path"), [(111, "fixed_even/float32"), (112, "fixed_even/float64")])
def test_the_magic_constant_at_the_top_of_float32(integer: int, path: str) -> None:
    """2^24 last places must stay below 2^128: last places up to 2^103."""
    shift = integer - 64
    spelled = formats("fixed<8,8>", f"fixed<8,64>@2^{shift}", None, f"fixed<8,64>@2^{shift}")
    unit = 2.0 ** (integer - 8)
    x = np.array([[3 * unit, 127 * unit, -unit], [unit, unit, -128 * unit]])
    check(spelled, (np.array([[1.0, -1.0], [2.0, 1.0]]), x, ROW, np.arange(2), np.array([unit, 0.0])), path)


@pytest.mark.parametrize(("low", "path"), [(-100, "fixed_even/float32"), (-101, "fixed_any/int64")])
def test_the_last_place_at_the_bottom(low: int, path: str) -> None:
    width = low + 64
    spelled = formats("fixed<8,8>", f"fixed<8,{8 - 64}>@2^{low + 64}", None, f"fixed<8,{8 - 64}>@2^{low + 64}")
    assert width < 0
    unit = 2.0**low
    assert parse(f"fixed<8,-56>@2^{low + 64}").grid().lsb == low
    assert steps([1.0, -3.0], [5 * unit, unit], unit, spelled, path) == 3 * unit


def test_integer_lanes_of_62_bits() -> None:
    """24 + 24 bits of product moved left by 15 stays below 2^62, by 16 it does not."""
    for shift, inside in ((15, True), (16, False)):
        spelled = formats("fixed<24,24>", "fixed<24,24>", f"fixed<48,{48 - shift},rtz>", "fixed<48,48,rtz>")
        w, x = np.array([[-(2.0**23)]]), np.array([[-(2.0**23), 2.0**23 - 1, -1.0]])
        problem = Problem(
            operand(w, spelled.weights.grid()), operand(x, spelled.acts.grid()), spelled.product.grid(),
            spelled.acc.grid(), w, np.zeros(1),
        )  # fmt: skip
        assert conditions.integer_applies(problem, 64) == inside
        check(
            spelled, (w, x, ROW, np.arange(1), np.array([-5.0])), "fixed_any/int64" if inside else "float_any/float64"
        )


def test_shift_distances_up_to_38() -> None:
    for low, path in ((-38, "fixed_any/int64"), (-39, "float_any/float64")):
        acc = f"fixed<40,{40 + low},rtn>"
        spelled = formats("fixed<4,4>", "fixed<4,4>", None, acc)
        top = (2.0**39 - 1) * 2.0**low
        w, x = np.array([[1.0, -3.0]]), np.array([[1.0, -1, 0], [0.0, 1.0, -1]])
        arguments = w, x, ROW, np.arange(2), np.array([top])
        check(spelled, arguments, path, stepwise_paths=("fixed_any", "float_any"))


@pytest.mark.parametrize("signed", ["", "u"])
def test_wrapping_products_of_either_sign(signed: str) -> None:
    """-1 wraps to the top of an unsigned product: the sum of several needs the room of the format, not of the data."""
    rounded = f"{signed}fixed<32,32,wrap>"
    w, x = np.array([[-1.0, -1.0, 1.0, -1.0]]), np.array([[1.0, 2, 3], [1.0, 1, 1], [1.0, 0, 2], [1.0, 5, 6]]).T[:3].T
    for acc, path in (("fixed<48,40>", "fixed_any/int64"), ("fixed<48,48,wrap>", "fixed_any/int64")):
        check(formats("fixed<4,4>", "fixed<8,8>", rounded, acc), (w, x, ROW, np.arange(4), np.zeros(1)), path)


def test_shift_add_lanes() -> None:
    """2^30 is where 32-bit lanes end: by data here, as the accumulator has 48 bits."""
    spelled = formats("pow2<3>@2^0", "fixed<30,30>", None, "fixed<48,47>")
    # In units of 1/2: 2 |w x| + 2 |bias| + 1 < 2^30.
    for bias, lane in ((2.0**28 - 2**9, "shift_add/int32"), (2.0**28, "shift_add/int64")):
        assert steps([1.0], [2.0**28 - 1], bias, spelled, lane) == bias + 2.0**28 - 1
        assert steps([-1.0], [2.0**28 - 1], -bias, spelled, lane) == -bias - 2.0**28 + 1


def test_shift_add_takes_the_exact_kernel_only_for_exact_saturating_sums() -> None:
    x = [1.25, -2.5, 3.75]
    for acc, rounded, path in (
        ("fixed<12,6>", None, "shift_add/int32"),
        ("fixed<12,8>", None, "shift_add_any/int64"),
        ("fixed<12,6,wrap>", None, "shift_add_any/int64"),
        ("fixed<12,6,rtp>", None, "shift_add/int32"),
        ("fixed<12,6>", "fixed<12,6>", "shift_add_any/int64"),
    ):
        steps([1.0, 0.25, -0.5], x, 0.5, formats("pow2<4>@2^1", "fixed<8,5>", rounded, acc), path)


def test_all_zero_operands_are_shifted_by_nothing_undefined() -> None:
    """Zeros bound every sum by zero, but the distances and the other operand still have to fit their lanes."""
    spelled = formats("pow2<6>@2^20", "fixed<40,40>", None, "fixed<48,40>")
    w = np.array([[2.0**20, -(2.0**5), 0.0]])
    zeros, full = np.zeros((3, 4)), np.full((3, 4), 2.0**39 - 1)
    with np.errstate(all="raise"):
        assert not check(spelled, (w, zeros, ROW, np.arange(3), np.zeros(1))).any()
        assert not check(spelled, (0 * w, full, ROW, np.arange(3), np.zeros(1))).any()
        check(
            formats("fixed<8,8>", "fixed<40,40>", None, "fixed<8,8,rhu>"), (0 * w, full, ROW, np.arange(3), np.zeros(1))
        )


def test_signed_zero_terms_and_zero_weights_leave_the_sum_alone() -> None:
    spelled = formats("shiftcnn<2,3>@2^0", "fixed<8,4>", None, "fixed<16,4>")
    assert steps([0.0, 0.0], [7.0, -8.0], -1.5, spelled, "shift_add/int32") == -1.5


def test_stochastic_sums_in_float_lanes_need_24_bits_below_the_last_place() -> None:
    for width, path in ((28, "float_any/float64"), (29, None)):
        spelled = formats("float<8,3>", "float<8,3>", None, f"fixed<{width},{width},sr>")
        arguments = (
            np.ones((1, 2)),
            np.array([[2.0**-50], [0.75]]),
            ROW,
            np.arange(2),
            np.array([2.0 ** (width - 2) + 1]),
        )
        if path is None:
            with pytest.raises(ValueError, match="stochastic rounding to more than 28 bits"):
                check(spelled, arguments)
        else:
            check(spelled, arguments, path)


@pytest.mark.parametrize("rounding", ["rtz", "rtp", "rtn", "rhu", "sr"])
def test_products_beyond_64_bits_saturate_at_their_own_end(rounding: str) -> None:
    """2^80 last places: an integer conversion on the way would turn them into the smallest number."""
    spelled = formats("float<8,3>", "float<8,3>", None, f"fixed<8,4,{rounding}>")
    top, bottom = 127 / 16, -8.0
    for sign, end in ((1.0, top), (-1.0, bottom)):
        assert steps([2.0**40], [sign * 2.0**40], 0.0, spelled, "float_any/float64") == end
    rounded = formats("float<8,3>", "float<8,3>", f"fixed<8,4,{rounding}>", "float<8,12>")
    assert steps([2.0**40, 2.0**-80], [2.0**40, 2.0**-40], 1.0, rounded, "float_any/float64") in (top + 1, top + 1.0625)


def test_a_long_product_just_below_a_tie_is_rounded_once() -> None:
    """2^12 - 2^-14 has 26 bits: rounded to 24 first it is 2^12, a tie that goes to the even, wrong neighbour."""
    spelled = formats("fixed<16,8>", "fixed<16,8>", None, "fixed<8,21>")
    assert steps([64 + 2.0**-7], [64 - 2.0**-7], 2.0**13, spelled, "fixed_even/float32") == 2.0**13
    assert steps([64.0], [64.0], 2.0**13, spelled, "fixed_even/float32") == 2.0**14
