"""Every kernel against the reference, bit for bit, over formats, roundings, overflows and scales."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from dot_samples import check, formats, near_one, problem, random_codes
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arith.dot import DotProduct
from hwsim.errors import FormatError

ROUNDINGS = ("rne", "rtz", "rtp", "rtn", "rhu", "sr")
FLOATS = ("float<4,3{}>", "float<5,2,ieee{}>", "float<4,3,fn{}>", "float<3,0{}>", "float<6,7{}>", "float<8,12,ieee{}>")


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("spelling", FLOATS)
def test_float_modes(spelling: str, rounding: str) -> None:
    rng = np.random.default_rng(len(spelling) * 7 + len(rounding))
    overflows = ("sat",) if "ieee" not in spelling and "fn" not in spelling else ("sat", "inf")
    for overflow, flush, rounds in product(overflows, ("", ",ftz"), (True, False)):
        acc = spelling.format(f",{rounding},{overflow}{flush}")
        operand = spelling.format("")
        spelled = formats(operand, operand, acc if rounds else None, acc)
        for maker in (random_codes, near_one):
            check(spelled, problem(spelled, rng, maker), first_image=3)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("overflow", ["sat", "wrap"])
def test_fixed_modes(rounding: str, overflow: str) -> None:
    rng = np.random.default_rng(len(rounding + overflow))
    accs = ("fixed<8,4{}>", "fixed<12,9{}>", "fixed<20,8{}>", "ufixed<7,5{}>", "fixed<1,1{}>", "fixed<48,20{}>")
    products = (None, "fixed<9,5{}>", "ufixed<8,6,wrap>", "fixed<12,2,rtz>", "fixed<6,9{}>")
    for acc, rounded, weights in product(
        accs, products, ("fixed<5,3>", "pow2<4>@2^1", "apot<5>@2^0", "shiftcnn<2,3>@2^0")
    ):
        modes = f",{rounding},{overflow}"
        spelled = formats(weights, "fixed<6,3>", rounded and rounded.format(modes), acc.format(modes))
        check(spelled, problem(spelled, rng), first_image=7)


@pytest.mark.parametrize(
    ("weights", "acts", "rounded", "acc", "path"),
    [
        ("float<6,7>", "float<6,7>", "float<6,7>", "float<6,7>", "float_even/float32"),
        ("float<4,3>", "float<4,3>", None, "float<6,10>", "float_even/float32"),
        ("mxfp4", "float<4,3>", None, "float<7,10>", "float_even/float32"),
        ("float<5,15>", "float<5,15>", "float<5,15>", "float<5,15>", "float_even/float64"),
        ("codebook<4,fp16>{-1/2;0;3/8;2}", "float<4,3>", None, "float<5,9>", "float_even/float32"),
        ("float<4,3>", "float<4,3>", None, "float<4,3>", "float_any/float64"),
        ("float<4,3>", "float<4,3>", "fixed<8,5,rtn>", "float<4,3,rtp>", "float_any/float64"),
        ("float<8,3>", "float<8,3>", None, "fixed<20,10,rhu>", "float_any/float64"),
        ("float<8,3>", "float<8,3>", None, "fixed<24,10,sr>", "float_any/float64"),
        ("fixed<8,4>", "fixed<8,4>", None, "fixed<16,8>", "fixed_even/float32"),
        ("fixed<8,4>", "fixed<8,4>", "fixed<8,4>", "fixed<8,4>", "fixed_even/float32"),
        ("fixed<16,4>", "fixed<16,4>", "fixed<20,8>", "fixed<32,16>", "fixed_even/float64"),
        ("fixed<16,4>", "fixed<16,4>", None, "fixed<40,8>", "fixed_even/float64"),
        ("fixed<16,4>", "fixed<16,4>", None, "fixed<40,20,rhu>", "fixed_any/int64"),
        ("fixed<31,4>", "fixed<30,4>", None, "fixed<40,4,rhu>", "fixed_any/int64"),
        ("float<3,2>", "fixed<8,4>", None, "fixed<16,12,rtz>", "fixed_any/int64"),
        ("pow2<4>@2^0", "fixed<8,4>", None, "fixed<24,12>", "shift_add/int32"),
        ("apot<6>@2^1", "ufixed<8,4>", None, "fixed<24,12>", "shift_add/int32"),
        ("pow2<4>@2^0", "fixed<28,4>", None, "fixed<48,12>", "shift_add/int64"),
        ("shiftcnn<3,3>@2^-2", "fixed<28,4>", None, "fixed<48,12,rtz>", "shift_add/int64"),
        ("pow2<4>@2^0", "fixed<8,4>", None, "fixed<16,10>", "shift_add_any/int64"),
        ("apot<5>@2^0", "fixed<8,4>", "fixed<9,4,sr>", "fixed<16,10,wrap>", "shift_add_any/int64"),
    ],
)
def test_each_kernel(weights: str, acts: str, rounded: str | None, acc: str, path: str) -> None:
    spelled, rng = formats(weights, acts, rounded, acc), np.random.default_rng(5)
    arguments = list(problem(spelled, rng, near_one, (4, 9, 2, 11)))
    # All of the range is in the data, so that the path does not depend on chance.
    big = float(spelled.acts.grid().max_abs) if "float<8" not in acts else 2.0**40
    arguments[1][0, 0] = big if acts.startswith("u") else -big
    arguments[1][0, 1] = 2.0**-60 if "float<8" in acts else 0.0
    check(spelled, tuple(arguments), path)


def _with_specials(fmt, shape, rng):
    return random_codes(fmt, shape, rng, specials=True)


@pytest.mark.parametrize("acc", ["fp16", "bf16", "e5m2", "float<4,3,fn,inf>", "fp32", "fp16<rtz>", "fp16<ftz,rtp>"])
def test_infinities_and_nans_run_through(acc: str) -> None:
    rng = np.random.default_rng(3)
    for rounded in (None, acc):
        spelled = formats("e5m2", "e5m2", rounded, acc)
        w, x, base, tap, bias = problem(spelled, rng, _with_specials, (4, 8, 2, 12))
        out = check(spelled, (w, x, base, tap, bias), "float_any/float64")
        assert np.isnan(out).any()
        finite = np.where(np.isfinite(w), w, 1.0), x, base, tap, np.where(np.isfinite(bias), bias, 0.0)
        check(spelled, finite, "float_any/float64")


@pytest.mark.parametrize("where", ["w", "x", "bias"])
@pytest.mark.parametrize("acc", ["fp16<sat>", "fp16", "fixed<16,8>"])
def test_one_infinity_anywhere(where: str, acc: str) -> None:
    spelled, rng = formats("e5m2", "e5m2", None, acc), np.random.default_rng(8)
    if where == "bias" and acc.startswith("fixed"):
        return
    for sign, others in product((1.0, -1.0), (1.0, -2.0)):
        w, x, base, tap, bias = problem(spelled, rng, near_one, (2, 4, 1, 3))
        w[:], x[:] = others, np.where(x == 0, 1.0, x)
        {"w": w, "x": x, "bias": bias}[where].flat[0] = sign * np.inf
        x = np.ascontiguousarray(x)
        tap = np.arange(4)
        check(spelled, (w, x, np.zeros(1, dtype=np.int64), tap, bias))


def test_zero_weights_do_not_hide_infinities() -> None:
    spelled = formats("e5m2", "e5m2", None, "fp16")
    w, x, bias = np.zeros((1, 2)), np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([1.5])
    base, tap = np.zeros(1, dtype=np.int64), np.arange(2)
    out = check(spelled, (w, x, base, tap, bias))
    assert np.isnan(out[0, 0, 0])
    assert out[0, 0, 1] == 1.5
    # A bias beyond the range of a saturating accumulator comes back into it with the first sum, of a zero product too.
    saturating = formats("e5m2", "e5m2", None, "fp16<sat>")
    assert check(saturating, (w, x[:, 1:], base, tap, np.array([np.inf]))).item() == 65504


@pytest.mark.parametrize("acc", ["float<5,10>", "float<5,10,rtp>", "fixed<24,12>", "fixed<24,12,wrap>"])
@pytest.mark.parametrize("weights", ["float<4,3>", "pow2<3>@2^0"])
def test_a_bias_of_minus_zero(weights: str, acc: str) -> None:
    spelled = formats(weights, "fixed<8,4>", None, acc)
    base, tap = np.zeros(1, dtype=np.int64), np.arange(1)
    for w, x in product((0.0, 1.0, -1.0), (0.0, -0.0)):
        check(spelled, (np.array([[w]]), np.array([[x]]), base, tap, np.array([-0.0])))


@pytest.mark.parametrize(
    ("weights", "acts", "rounded", "acc"),
    [
        ("e5m2", "e5m2", None, "fixed<8,4>"),
        ("e5m2", "e5m2", "float<4,3>", "fp16"),
        ("e5m2", "e5m2", None, "float<4,3>"),
    ],
)
def test_nan_in_a_format_without_one(weights: str, acts: str, rounded: str | None, acc: str) -> None:
    spelled = formats(weights, acts, rounded, acc)
    base, tap = np.zeros(1, dtype=np.int64), np.arange(2)
    for w, x in ([0.0, 1.0], [np.inf, 1.0]), ([1.0, 1.0], [np.nan, 1.0]), ([np.inf, 1.0], [0.0, 1.0]):
        arguments = np.array([w]), np.array(x)[:, None], base, tap, np.zeros(1)
        for kernel in (True, False):
            with pytest.raises(FormatError, match="NaN reached"):
                _run(spelled, arguments, kernel)
    check(spelled, (np.array([[1.0, 1.0]]), np.array([[np.inf], [1.0]]), base, tap, np.zeros(1)))


def _run(spelled, arguments, kernel: bool) -> None:
    from hwsim.arith import reference

    w, x, base, tap, bias = arguments
    (DotProduct if kernel else reference.DotProduct)(w, bias, spelled).run(x, base, tap)


def test_too_wide_is_said() -> None:
    base, tap = np.zeros(1, dtype=np.int64), np.arange(1)
    w, x = np.ones((1, 1)), np.ones((1, 1))
    with pytest.raises(FormatError, match=r"56 significant bits and at most 53"):
        DotProduct(w, np.zeros(1), formats("fixed<32,2>", "fp32", None, "fp32")).run(x, base, tap)
    with pytest.raises(FormatError, match="wrapping"):
        infinite = np.array([[np.inf]])
        DotProduct(w, np.zeros(1), formats("fp16", "fp16", None, "fixed<8,4,wrap>")).run(infinite, base, tap)


MODES = st.sampled_from(ROUNDINGS)
FLOAT = st.builds(
    lambda e, m, r, f, k: f"float<{e},{m},{r}{f}{k if e > 1 and m else ''}>",
    st.integers(1, 8), st.integers(0, 23), MODES, st.sampled_from(["", ",ftz"]),
    st.sampled_from(["", ",ieee", ",ieee,sat"]),
)  # fmt: skip
FIXED = st.builds(
    lambda w, i, r, o, u: f"{u}fixed<{w},{i},{r},{o}>",
    st.integers(1, 40), st.integers(-8, 16), MODES, st.sampled_from(["sat", "wrap"]), st.sampled_from(["", "u"]),
)  # fmt: skip
NARROW = st.one_of(
    st.builds(lambda w, i: f"fixed<{w},{i}>", st.integers(1, 16), st.integers(-4, 8)),
    st.builds(lambda e, m: f"float<{e},{m}>", st.integers(1, 6), st.integers(0, 12)),
    st.sampled_from(["pow2<4>@2^1", "apot<5>@2^0", "codebook<4,fp16>{-1/2;0;3/8;2}", "int4@2^-3"]),
)


@settings(max_examples=800, deadline=None, derandomize=True)
@given(NARROW, NARROW, st.one_of(st.none(), FLOAT, FIXED), st.one_of(FLOAT, FIXED), st.integers(0, 2**16), st.data())
def test_any_formats(weights: str, acts: str, rounded: str | None, acc: str, seed: int, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(1, 2), st.integers(1, 9)))
    spelled, rng = formats(weights, acts, rounded, acc), np.random.default_rng(seed)
    maker = data.draw(st.sampled_from([random_codes, near_one]))
    try:
        check(spelled, problem(spelled, rng, maker, shape), first_image=seed)
    except FormatError as error:
        assert "cannot be emulated exactly" in str(error)
