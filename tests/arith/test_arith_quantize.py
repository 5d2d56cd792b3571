"""The fast quantizers against the reference: every mode, huge and tiny numbers, infinities, NaN, tables and blocks."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from dot_samples import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arith import kernels, reference
from hwsim.arith.quantize import fits_float32
from hwsim.errors import FormatError
from hwsim.formats import parse
from hwsim.formats.grid import FixedGrid, FloatGrid

ROUNDINGS = ("rne", "rtz", "rtp", "rtn", "rhu", "sr")
INF = float("inf")


def both(values, spelling: str, **options):
    values = np.asarray(values)
    fmt = parse(spelling)
    got, want = kernels.quantize(values, fmt, **options), reference.quantize(values, fmt, **options)
    assert got.shape == want.shape == values.shape
    assert_same(got, want)
    assert got.dtype == (np.float32 if fits_float32(fmt.grid()) else np.float64)
    return got


def awkward(spelling: str) -> np.ndarray:
    """Members, middles of neighbours, one float64 to either side, ends of the range, powers of two of every size."""
    grid = parse(spelling).grid()
    assert isinstance(grid, FixedGrid | FloatGrid)
    unit, top = 2.0**grid.quantum, float(grid.max_abs)
    codes = np.concatenate([np.arange(0, 70), [127, 128, 255, 256, 1023.5]]) / 2
    sizes = [unit, top / 32, top / 64, 2.0 ** (getattr(grid, "emin", grid.quantum) - 2)]
    values = np.concatenate(
        [codes * size for size in sizes] + [[top, top * (1 + 2.0**-9), top * (1 - 2.0**-5), top + unit / 2]]
    )
    values = np.concatenate([values, np.nextafter(values, INF), np.nextafter(values, 0)])
    edges = [
        5e-324,
        1e-300,
        2.0**51 * unit,
        2.0**52 * unit,
        (2.0**52 + 1) * unit,
        2.0**53 * unit,
        1e300,
        2.0**1023,
        1.7e308,
    ]
    values = np.concatenate([values, edges])
    return np.concatenate([values, -values])


FLOATS = ["float<4,3{}>", "float<3,0{}>", "e5m2<{}>", "e4m3<{}>", "fp16<{}>", "bf16<{}>", "fp32<{}>", "float<2,23{}>",
          "float<5,2,bias=-150{}>", "float<5,0,bias=-150{}>", "float<5,2,bias=160{}>", "float<1,2{}>"]  # fmt: skip
FIXED = [
    "fixed<8,4{}>",
    "ufixed<8,3{}>",
    "fixed<1,1{}>",
    "fixed<31,20{}>",
    "fixed<48,24{}>",
    "fixed<8,64{}>",
    "fixed<8,-40{}>",
]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("spelling", FLOATS)
def test_floats(spelling: str, rounding: str) -> None:
    overflows = ("sat", "inf") if "<{}>" in spelling else ("sat",)
    for overflow, flush in product(overflows, ("", ",ftz")):
        options = f"{rounding},{overflow}{flush}"
        name = spelling.format(options if "<{}>" in spelling else "," + options)
        values = np.concatenate([awkward(name), [INF, -INF, 0.0, -0.0]])
        both(values, name, first_image=2)
        if parse(name).grid().has_nan:
            assert np.isnan(both([np.nan, 1.0], name)[0])
        with np.errstate(over="ignore"):
            both(values.astype(np.float32), name)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("spelling", FIXED)
def test_fixed(spelling: str, rounding: str) -> None:
    for overflow in ("sat", "wrap"):
        name = spelling.format(f",{rounding},{overflow}")
        values = awkward(name)
        both(values, name, first_image=5)
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float32)
        both(narrow[np.isfinite(narrow)], name)
        if overflow == "sat":
            grid = parse(name).grid()
            ends = both([INF, -INF], name) / 2.0**grid.lsb
            assert ends.tolist() == [grid.maximum, grid.minimum]
        else:
            for run in (kernels.quantize, reference.quantize):
                with pytest.raises(FormatError, match="wraps"):
                    run(np.array([INF]), parse(name))


def test_stochastic_rounding_of_wide_numbers() -> None:
    """2^44 last places and a fraction: the 24 random bits lie below what a float64 sum of both could hold."""
    rng = np.random.default_rng(0)
    for width in (29, 32, 40, 46):
        values = np.floor(rng.random(3000) * 2.0 ** (width - 1)) + np.round(rng.random(3000) * 64) / 64
        both(np.concatenate([values, -values]), f"fixed<{width},{width},sr>")


@pytest.mark.parametrize("spelling", ["fixed<8,4>", "fixed<8,4,wrap>", "float<4,3>", "pow2<4>@2^0", "mxfp4", "mxint8"])
def test_nan_where_there_is_none(spelling: str) -> None:
    for run in (kernels.quantize, reference.quantize):
        with pytest.raises(FormatError):
            run(np.array([1.0, np.nan]), parse(spelling))


@pytest.mark.parametrize(
    "spelling", ["pow2<4>@2^0", "apot<6>@2^3", "shiftcnn<2,3>@2^-2", "codebook<5,fp16>{-2;-1/4;0;3/8;2}",
                 "codebook<2,fp16>{-1;1}",
                 "codebook<4,fp16>{-1;1/2;3/4;8}"])  # fmt: skip
def test_levels_and_their_middles(spelling: str) -> None:
    levels = [float(v) for v in parse(spelling).grid().levels]
    middles = [(a + b) / 2 for a, b in pairwise(levels)]
    values = np.array(levels + middles + [INF, -INF, 1e300, -1e300, 5e-324, 0.0, -0.0])
    both(np.concatenate([values, np.nextafter(values, INF), np.nextafter(values, -INF)]), spelling)


def test_a_middle_that_float64_does_not_hold() -> None:
    """Halfway between 1 and 2^-60 is above 0.5: one half itself belongs to the lower level."""
    spelling = f"codebook<3,float<8,2>>{{{-(Fraction(2) ** -60)};{Fraction(1, 2**60)};1}}"
    assert both([0.5, np.nextafter(0.5, 1), -0.5], spelling).tolist() == [2.0**-60, 1.0, -(2.0**-60)]
    negative = f"codebook<3,float<8,2>>{{-1;{-Fraction(1, 2**60)};1}}"
    both([-0.5, np.nextafter(-0.5, -1), np.nextafter(-0.5, 0), 0.5], negative)


BLOCKS = ["mxfp8e5m2", "mxfp8e4m3", "mxfp6e3m2", "mxfp4", "mxint8"]
BLOCKS += ["mx<fixed<6,2,rtp>,5>", "mx<float<3,2,rtn>,7>", "mx<ufixed<4,1,rhu>,4>", "mx<float<5,0,ftz>,3>"]


@pytest.mark.parametrize("spelling", BLOCKS)
def test_blocks(spelling: str) -> None:
    rng = np.random.default_rng(1)
    for scale in (1.0, 2.0**-140, 2.0**140, 1e-300, 1e300):
        values = rng.normal(size=(2, 37)) * scale * 2.0 ** rng.integers(-6, 7, (2, 37))
        for axis in (0, 1):
            both(values, spelling, block_axis=axis)
    both(np.zeros((3, 5)), spelling)
    both(np.array([1e300, 5e-324, -5e-324, 0.0]), spelling)
    both(np.array([1.0, 0.5, -1.0, 1 - 2.0**-30, 2 - 2.0**-20]).astype(np.float32), spelling)
    for run in (kernels.quantize, reference.quantize):
        with pytest.raises(FormatError, match="finite"):
            run(np.array([1.0, INF]), parse(spelling))


def test_shapes_and_kinds_of_input() -> None:
    for shape in ((0,), (3, 0), (2, 3, 4), (1,)):
        both(np.arange(np.prod(shape, dtype=int)).reshape(shape) * 0.3, "fixed<8,4>")
        both(np.arange(np.prod(shape, dtype=int)).reshape(shape) * 0.3, "fp16<sr>", images_last=True, first_image=4)
    both(np.array([3, -200, 7]), "fixed<8,8>")
    both(np.ones((4, 6))[:, ::2] * 0.3, "fixed<8,4,sr>", images_last=True)


def test_what_fits_float32() -> None:
    for spelling, fits in (
        ("fixed<25,25>", True), ("fixed<26,26>", False), ("ufixed<24,24>", True), ("ufixed<25,25>", False),
        ("fp32", True), ("fp32<bias=128>", False), ("float<8,22>", False), ("float<7,23>", True), ("mxint8", False),
        ("codebook<2,fixed<30,2>>{0;1}", True), ("codebook<2,fixed<30,2>>{0;16777217/134217728}", False),
        (f"codebook<2,float<8,2,bias=-60>>{{0;{2**150}}}", False),
        ("fixed<8,-64>@2^-64", True), ("fixed<24,-64>@2^-64", False),
    ):  # fmt: skip
        assert fits_float32(parse(spelling).grid()) == fits, spelling


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.builds(lambda e, m, b, o: f"float<{e},{m},bias={b},{o}>", st.integers(1, 8), st.integers(0, 23),
                  st.integers(-160, 160),
                  st.sampled_from(ROUNDINGS)),
        st.builds(lambda w, i, o, f: f"fixed<{w},{i},{o},{f}>", st.integers(1, 48), st.integers(-64, 64),
                  st.sampled_from(ROUNDINGS),
                  st.sampled_from(["sat", "wrap"])),
    ),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=12),
    st.integers(-70, 70),
)  # fmt: skip
def test_any_number_in_any_format(spelling: str, values: list[float], exponent: int) -> None:
    grid = parse(spelling).grid()
    near = [np.ldexp(np.frexp(v)[0], grid.quantum + exponent % 52) for v in values]
    both(np.array(values + near, dtype=np.float64), spelling, first_image=abs(exponent))
