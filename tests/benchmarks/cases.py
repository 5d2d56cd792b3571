"""The dot products that are measured: one for each row of the goals, and one for each further kernel path."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import process  # noqa: F401  isort: skip  before numpy

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.dot import DotProduct
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.formats import parse

Shape = tuple[int, int, int, int]  #: N, K, positions, images
SQUARE: Shape = (256, 256, 1, 256)
CONVOLUTION: Shape = (50, 500, 25, 256)
FLOOR = 0.002  #: of sgemm: what no format may fall below


@dataclass(frozen=True)
class Case:
    """One kind of dot product, and the shares of sgemm to require and to hope for on a machine with AVX-512.

    Attributes:
        name: what it is.
        weights: format of the weights, fitted to the data where something is left open.
        acts: of the activations.
        acc: of the accumulator; an integer without a scale takes the unit of the products.
        product: that products are rounded to, or None.
        weight_scale: standard deviation of the weights before rounding.
        act_scale: of the activations.
        zeros: share of weights that are zero.
        require: share of sgemm.
        stretch: share of sgemm; infinite where no goal is set beyond the floor.
    """

    name: str
    weights: str
    acts: str
    acc: str
    product: str | None = None
    weight_scale: float = 1.0
    act_scale: float = 1.0
    zeros: float = 0.0
    require: float = FLOOR
    stretch: float = inf


def _same(name: str, fmt: str, scale: float, require: float = FLOOR, stretch: float = inf) -> Case:
    """Return a case with one format for everything, products included."""
    return Case(name, fmt, fmt, fmt, fmt, scale, scale, require=require, stretch=stretch)


def _shift(name: str, weights: str, acc: str, require: float = FLOOR, stretch: float = inf, zeros: float = 0.0) -> Case:
    return Case(name, weights, "fixed<8,8>", acc, None, 1.0, 12.0, zeros, require, stretch)


def _fixed16(
    name: str, fmt: str, weight_scale: float, act_scale: float, require: float = FLOOR, stretch: float = inf
) -> Case:
    return Case(name, fmt, fmt, fmt, fmt, weight_scale, act_scale, 0.0, require, stretch)


GOALS = (
    _same("float, saturating each step", "float<6,7>", 2.0**14, 0.06, 0.09),
    _same("float, certified without clamp", "float<6,7>", 1.0, 0.09, 0.13),
    _same("float, IEEE infinity", "float<6,7,ieee>", 2.0**14, 0.04, 0.06),
    _same("float, flushed subnormals", "float<6,7,ftz>", 2.0**-13, 0.04, 0.06),
    _same("float, 64-bit lanes", "float<8,15>", 2.0**60, 0.03, 0.045),
    _same("fp32 at each step", "fp32", 1.0, 0.03, 0.045),
    _same("fixed 16, nearest even", "fixed<16,8>", 8.0, 0.08, 0.12),
    _fixed16("fixed 16, truncating", "fixed<16,8,rtn>", 0.5, 2.0, 0.25, 0.39),
    _fixed16("fixed 16, half up", "fixed<16,8,rhu>", 0.5, 2.0, 0.10, 0.16),
    _shift("powers of two, 16-bit sums", "pow2<4>@2^0", "fixed<16,13>", 0.2, 0.3),
    _shift("same, half the weights zero", "pow2<4>@2^0", "fixed<16,13>", 0.26, 0.46, 0.5),
    _shift("powers of two, 32-bit sums", "pow2<4>@2^0", "fixed<24,18>", 0.09, 0.13),
    Case("int8, exact", "int8", "int8", "int32", require=0.45, stretch=0.45),
)
OTHERS = (
    _same("fp16, IEEE infinity", "fp16", 1.0),
    _same("bf16 at each step", "bf16", 1.0),
    _same("e4m3 sums and products", "e4m3", 4.0),
    _same("e5m2, saturating", "e5m2<sat>", 64.0),
    _same("float 10 bits of fraction", "float<6,10>", 2.0**14),
    _same("float 11 bits of fraction", "float<6,11>", 2.0**14),
    _same("float, toward zero", "float<6,7,rtz>", 1.0),
    _same("float, half up", "float<6,7,rhu>", 1.0),
    _same("float, stochastic", "float<6,7,sr>", 1.0),
    Case("fp16 into exact sums in fp32", "fp16", "fp16", "fp32"),
    Case("e4m3 into exact sums in fp32", "e4m3", "e4m3", "fp32"),
    Case("e5m2 into sums in fp16", "e5m2", "e5m2", "fp16"),
    _same("fixed 8, nearest even", "fixed<8,4>", 2.0),
    _same("fixed 12, toward zero", "fixed<12,6,rtz>", 2.0),
    _fixed16("fixed 16, truncating, products clamped", "fixed<16,8,rtn>", 8.0, 8.0),
    _fixed16("fixed 16, half up, products clamped", "fixed<16,8,rhu>", 8.0, 8.0),
    _same("fixed 16, toward +infinity", "fixed<16,8,rtp>", 8.0),
    _same("fixed 16, stochastic", "fixed<16,8,sr>", 8.0),
    _same("fixed 16, wrapping", "fixed<16,8,rtn,wrap>", 8.0),
    _same("fixed 24, nearest even", "fixed<24,12>", 8.0),
    _same("fixed 32, nearest even", "fixed<32,12>", 8.0),
    _same("fixed 32, half up", "fixed<32,12,rhu>", 8.0),
    Case("fixed 8 into 20 bits, saturating", "fixed<8,4>", "fixed<8,4>", "fixed<20,12>", None, 4.0, 4.0),
    Case("fixed 16 into 40 bits, exact", "fixed<16,8>", "fixed<16,8>", "fixed<40,24>", None, 8.0, 8.0),
    _shift("powers of two, 48-bit sums", "pow2<6>@2^0", "fixed<48,16>"),
    Case("powers of two, rounded products", "pow2<4>@2^0", "fixed<8,8>", "fixed<16,10>", "fixed<16,10>", 1.0, 12.0),
    _shift("two powers of two", "apot<5>@2^0", "fixed<24,18>"),
    Case("three powers of two", "shiftcnn<3,4>", "fixed<8,8>", "fixed<28,14>", None, 1.0, 12.0),
    Case("codebook of 16", "codebook<16>", "int8", "int32"),
    Case("int4 x int8, exact", "int4", "int8", "int32"),
    Case("MXFP4 x MXFP8 into fp32", "mxfp4", "mxfp8e4m3", "fp32"),
)


def prepared(case: Case, shape: Shape) -> tuple[DotProduct, tuple[NDArray[Any], ...]]:
    """Return the dot product and its inputs; positions share rows, as in a convolution."""
    n, k, positions, images = shape
    rng = np.random.default_rng(7)
    w = rng.standard_normal((n, k)) * case.weight_scale
    w[rng.random(w.shape) < case.zeros] = 0.0
    x = rng.standard_normal((k + positions - 1, images)) * case.act_scale
    formats = fitted(case, w, x)
    w = quantize(w, formats.weights, block_axis=1)
    dot = DotProduct(w, np.zeros(n), formats)
    base, tap = np.arange(positions, dtype=np.int64), np.arange(k, dtype=np.int64)
    return dot, (quantize(x, formats.acts), base, tap)


def fitted(case: Case, w: NDArray[Any], x: NDArray[Any]) -> DotFormats:
    """Return the formats of a case with their scales chosen for the data."""
    weights, acts, acc = fit(parse(case.weights), w), fit(parse(case.acts), x), parse(case.acc)
    if not acc.is_fitted:
        acc = parse(f"{case.acc}@2^{weights.grid().quantum + acts.grid().quantum}")
    return DotFormats(weights, acts, acc, None if case.product is None else parse(case.product))
