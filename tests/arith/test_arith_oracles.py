"""The reference (and the kernels) against arithmetic that somebody else, or plain Python, does."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from dot_samples import assert_same, check, formats, random_codes
from dot_steps import Fixed, fixed_dot, shift_dot, typed_dot

from hwsim.arith import reference
from hwsim.formats import parse


def _columns(spelled, w, x, bias):
    base, tap = np.zeros(1, dtype=np.int64), np.arange(w.shape[1])
    return check(spelled, (w, x, base, tap, bias))[:, 0, :]


TYPES = [
    ("bf16", ml_dtypes.bfloat16),
    ("fp16", np.float16),
    ("e5m2", ml_dtypes.float8_e5m2),
    ("float<4,3,fn,inf>", ml_dtypes.float8_e4m3fn),
    ("float<4,3,ieee>", ml_dtypes.float8_e4m3),
    ("float<3,4,ieee>", ml_dtypes.float8_e3m4),
    ("fp32", np.float32),
]


@pytest.mark.parametrize(("spelling", "dtype"), TYPES)
@pytest.mark.parametrize("scale", ["all", "near", "large", "small"])
def test_scalar_types(spelling: str, dtype: type, scale: str) -> None:
    rng, fmt = np.random.default_rng(4), parse(spelling)
    k, b = 24, 24
    largest = {"large": float(fmt.grid().max_abs) ** 0.5, "small": 2.0 ** (fmt.grid().emin / 2), "near": 1.0}.get(scale)
    shapes = (3, k), (k, b), (3,)
    if largest is None:
        w, x, bias = (random_codes(fmt, shape, rng, specials=True) for shape in shapes)
    else:
        w, x = (reference.quantize(rng.normal(size=s) * largest, fmt) for s in shapes[:2])
        bias = reference.quantize(rng.normal(size=3), fmt)
    if spelling == "bf16":
        # ml_dtypes multiplies bfloat16 in float32, whose subnormals would round a first time.
        x = np.where(np.abs(x) < 2.0**-60, 0.0, x)
        w = np.where(np.abs(w) < 2.0**-60, 0.0, w)
    want = typed_dot(w, x, bias, dtype) + 0.0
    assert_same(_columns(formats(spelling, spelling, spelling, spelling), w, x, bias), want)


@pytest.mark.parametrize(("spelling", "dtype"), TYPES[2:6])
def test_every_pair_of_eight_bit_numbers(spelling: str, dtype: type) -> None:
    """All 2^16 products and, through a weight of one, all 2^16 sums."""
    fmt = parse(spelling)
    codes = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float64)
    values = np.unique(codes[np.isfinite(codes)]) + 0.0
    spelled = formats(spelling, spelling, spelling, spelling)
    products = reference_free(spelled, values[:, None], values[None, :], np.zeros(values.size))
    assert_same(products, typed_dot(values[:, None], values[None, :], np.zeros(values.size), dtype) + 0.0)
    ones = np.ones((values.size, 1))
    sums = reference_free(spelled, ones, values[None, :], values)
    assert_same(sums, typed_dot(ones, values[None, :], values, dtype) + 0.0)
    exact = reference.quantize(np.add.outer(values, values)[::7], fmt)
    assert_same(sums[::7], exact)


def reference_free(spelled, w, x, bias):
    from hwsim.arith.kernels import dot_products

    out = dot_products(w, x, np.zeros(1, dtype=np.int64), np.arange(1), bias, spelled)
    return np.asarray(out[:, 0, :], dtype=np.float64)


MODES = ("rne", "rtz", "rtp", "rtn", "rhu")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("overflow", ["sat", "wrap"])
@pytest.mark.parametrize("product", [None, Fixed(-3, 7), Fixed(-9, 12, False), Fixed(-2, 5, True)])
def test_fixed_point_in_plain_integers(mode: str, overflow: str, product: Fixed | None) -> None:
    rng = np.random.default_rng(6)
    rounded = None if product is None else product._replace(mode=mode, overflow=overflow)
    for acc in (Fixed(-4, 9), Fixed(-8, 14), Fixed(-2, 6, False), Fixed(0, 4), Fixed(-20, 40)):
        target = acc._replace(mode=mode, overflow=overflow)
        names = [
            f and f"{'' if f.signed else 'u'}fixed<{f.width},{f.width + f.lsb},{mode},{overflow}>"
            for f in (rounded, target)
        ]
        spelled = formats("fixed<6,3>", "fixed<6,2>", names[0], names[1])
        w, x = rng.integers(-32, 32, (3, 12)), rng.integers(-32, 32, (12, 6))
        bias = rng.integers(target.ends[0], target.ends[1] + 1, 3)
        out = _columns(spelled, w * 0.125, x * 0.0625, bias * 2.0**acc.lsb)
        want = [
            [fixed_dot(r.tolist(), c.tolist(), -7, int(v), rounded, target) for c in x.T]
            for r, v in zip(w, bias, strict=True)
        ]
        assert_same(out, np.array(want, dtype=np.float64) * 2.0**acc.lsb)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["pow2<4>", "apot<6>", "shiftcnn<2,3>"])
def test_shift_add_in_plain_integers(mode: str, name: str) -> None:
    """Shift lists come from the format's table of codes, the sums from Python's integers."""
    rng, element = np.random.default_rng(9), parse(name).element
    codes = list(element.codes())
    for acc in (Fixed(-6, 12), Fixed(-12, 20), Fixed(-12, 9, True), Fixed(-14, 30, False)):
        for overflow in ("sat", "wrap"):
            target = acc._replace(mode=mode, overflow=overflow)
            label = f"{'' if acc.signed else 'u'}fixed<{acc.width},{acc.width + acc.lsb},{mode},{overflow}>"
            picked = rng.choice(codes, (3, 10))
            w = np.array([[float(element.decode(int(c))) for c in row] for row in picked])
            x = rng.integers(-32, 32, (10, 5))
            bias = rng.integers(max(target.ends[0], -900), 200, 3)
            bias = np.maximum(bias, target.ends[0])
            out = _columns(formats(f"{name}@2^0", "fixed<6,4>", None, label), w, x * 0.25, bias * 2.0**acc.lsb)
            lists = [[[(s, e + 16) for s, e in element.term_list(int(c))] for c in row] for row in picked]
            want = [
                [shift_dot(t, c.tolist(), -18, int(v), target) for c in x.T] for t, v in zip(lists, bias, strict=True)
            ]
            assert_same(out, np.array(want, dtype=np.float64) * 2.0**acc.lsb)


@pytest.mark.parametrize(("e", "m"), [(3, 2), (5, 10), (8, 7), (6, 15), (8, 23)])
def test_mpfr(e: int, m: int) -> None:
    """GNU MPFR with the precision and the exponent range of the format, where gmpy2 is installed."""
    gmpy2 = pytest.importorskip("gmpy2")
    rng, spelling = np.random.default_rng(1), f"float<{e},{m},ieee>"
    bias = 2 ** (e - 1) - 1
    fmt = parse(spelling)
    w, x, start = (random_codes(fmt, s, rng) for s in ((3, 9), (9, 20), (3,)))
    out = _columns(formats(spelling, spelling, spelling, spelling), w, x, start)
    with gmpy2.context(precision=m + 1, emax=bias + 1, emin=2 - bias - m, subnormalize=True):
        for n, b in np.ndindex(*out.shape):
            total = gmpy2.mpfr(float(start[n]))
            for k in range(9):
                total = total + gmpy2.mpfr(float(w[n, k])) * gmpy2.mpfr(float(x[k, b]))
            np.testing.assert_equal(out[n, b], float(total) + 0.0)
