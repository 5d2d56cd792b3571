"""Operands that provoke everything, and the comparison of a kernel with the reference, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import kernels, reference
from hwsim.arith.dot import PATHS
from hwsim.arith.dot_formats import DotFormats
from hwsim.errors import FormatError
from hwsim.formats import NumberFormat, Special, parse

Values = NDArray[np.float64]


def formats(weights: str, acts: str, product: str | None, acc: str) -> DotFormats:
    """Formats from their spellings."""
    return DotFormats(parse(weights), parse(acts), parse(acc), None if product is None else parse(product))


def assert_same(got: NDArray[Any], want: NDArray[Any]) -> None:
    """Equal values, NaN where NaN is, and no negative zero on either side."""
    np.testing.assert_array_equal(np.asarray(got, dtype=np.float64), want)
    for values in (got, want):
        assert not np.any(np.signbit(values) & (values == 0)), "a negative zero"


def random_codes(fmt: NumberFormat, shape: tuple[int, ...], rng: np.random.Generator, specials: bool = False) -> Values:
    """Members by random code: all exponents, all signs, the ends of the range, zeros."""
    codes = list(fmt.codes()) if fmt.bits <= 12 else [int(c) for c in rng.integers(0, 1 << fmt.bits, 64)]
    pool = [fmt.decode(code) for code in codes]
    numbers = [float(v.value) if isinstance(v, Special) else float(v) for v in pool]
    numbers = [v + 0.0 for v in numbers if specials or np.isfinite(v)]
    values = rng.choice(np.array(numbers), size=shape)
    values[rng.random(shape) < 0.1] = 0.0
    return values


def near_one(fmt: NumberFormat, shape: tuple[int, ...], rng: np.random.Generator, scale: float = 1.0) -> Values:
    """Members around ``scale``: sums that cancel and tie."""
    return np.asarray(reference.quantize(rng.normal(size=shape) * scale, fmt))


Maker = Callable[[NumberFormat, tuple[int, ...], np.random.Generator], Values]


def problem(
    spelled: DotFormats, rng: np.random.Generator, maker: Maker = random_codes,
    shape: tuple[int, int, int, int] = (2, 6, 2, 5),
) -> tuple[Any, ...]:  # fmt: skip
    """Return (w, x, base, tap, bias) of N outputs, K taps, P positions and B images, taps out of order."""
    n, k, p, b = shape
    rows = k + p + 3
    w, bias = maker(spelled.weights, (n, k), rng), maker(spelled.acc, (n,), rng)
    x = maker(spelled.acts, (rows, b), rng)
    return w, x, np.arange(p, dtype=np.int64) + 1, rng.permutation(k + 2)[:k].astype(np.int64), bias


#: The paths that round step by step; the shortcuts before them are tested by name.
STEPWISE = (
    "shift_add", "fixed_even/float32", "fixed_even/float64", "float_even", "shift_add_any", "fixed_any", "float_any",
)  # fmt: skip


def check(
    spelled: DotFormats, arguments: tuple[Any, ...], path: str | None = None, first_image: int = 0,
    stepwise_paths: tuple[str, ...] = STEPWISE,
) -> Values:  # fmt: skip
    """Compare every path that applies with the reference; name the stepwise path that must have been taken."""
    w, x, base, tap, bias = arguments
    got = kernels.DotProduct(w, bias, spelled).run(x, base, tap, first_image)
    want = reference.dot_products(w, x, base, tap, bias, spelled, first_image=first_image)
    assert_same(got, want)
    if path is not None:
        stepwise = kernels.DotProduct(w, bias, spelled, stepwise_paths)
        assert_same(stepwise.run(x, base, tap, first_image), want)
        assert stepwise.paths == [path]
    for name in PATHS:
        one = kernels.DotProduct(w, bias, spelled, [name])
        try:
            alone = one.run(x, base, tap, first_image)
        except FormatError as error:
            assert "emulated" in str(error), error
        else:
            assert_same(alone, want)
    return np.asarray(got, dtype=np.float64)


def steps(
    weights: list[float], acts: list[float], bias: float, spelled: DotFormats, path: str | None = None
) -> float:  # fmt: skip
    """One dot product of given numbers, checked, on the given path."""
    w, x = np.array([weights], dtype=np.float64), np.array(acts, dtype=np.float64)[:, None]
    base, tap = np.zeros(1, dtype=np.int64), np.arange(len(weights), dtype=np.int64)
    return float(check(spelled, (w, x, base, tap, np.array([bias])), path)[0, 0, 0])
