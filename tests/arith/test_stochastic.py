"""Stochastic rounding: the same bits in any order and any batching, and no bias."""

from __future__ import annotations

import numpy as np
import pytest
from dot_samples import assert_same, check, formats, near_one, problem

from hwsim.arith import kernels, reference
from hwsim.arith.random24 import mix, mix_lane, random24, row_hash
from hwsim.formats import parse

SPELLED = [
    ("float<4,3>", "float<4,3>", "float<4,3,sr>", "float<5,4,sr,seed=7>"),
    ("fixed<6,3>", "fixed<6,3>", None, "fixed<8,5,sr>"),
    ("fixed<6,3>", "fixed<6,3>", "fixed<8,5,sr,seed=4294967295>", "fixed<12,7,rtz>"),
    ("pow2<4>@2^0", "fixed<6,3>", None, "fixed<8,5,sr,wrap>"),
]


@pytest.mark.parametrize("spelling", SPELLED)
def test_batches_do_not_matter(spelling) -> None:
    spelled, rng = formats(*spelling), np.random.default_rng(0)
    w, x, base, tap, bias = problem(spelled, rng, near_one, (3, 7, 2, 12))
    whole = check(spelled, (w, x, base, tap, bias), first_image=100)
    for size in (1, 5, 7):
        parts = [
            kernels.dot_products(
                w, np.ascontiguousarray(x[:, i : i + size]), base, tap, bias, spelled, first_image=100 + i
            )
            for i in range(0, 12, size)
        ]
        assert_same(np.concatenate(parts, axis=2), whole)
    elsewhere = kernels.dot_products(w, x, base, tap, bias, spelled, first_image=101)
    assert not np.array_equal(elsewhere, whole)


def test_quantizer_batches_do_not_matter() -> None:
    fmt, values = parse("fixed<6,3,sr,seed=3>"), np.random.default_rng(1).normal(size=(4, 3, 10))
    whole = kernels.quantize(values, fmt, images_last=True, first_image=50)
    assert_same(whole, reference.quantize(values, fmt, images_last=True, first_image=50))
    for i in range(10):
        one = kernels.quantize(np.ascontiguousarray(values[:, :, i : i + 1]), fmt, images_last=True, first_image=50 + i)
        assert_same(one, np.asarray(whole[:, :, i : i + 1], dtype=np.float64))


def test_position_and_seed_matter() -> None:
    values = np.full(200, 0.3)
    a, b = (kernels.quantize(values, parse(f"fixed<8,6,sr,seed={seed}>")) for seed in (0, 1))
    assert not np.array_equal(a, b)
    assert 0 < np.count_nonzero(a == 0.25) < 200
    assert random24(1, 2, 3, 4) != random24(1, 2, 4, 3)
    assert len({random24(0, s, r, i) for s in range(8) for r in range(8) for i in range(8)}) == 512


def test_the_hash_is_lowbias32() -> None:
    """Against the C source's arithmetic in unsigned 32-bit numpy; and the compiled form against the plain one."""
    values = np.array([0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x12345678], dtype=np.uint32)
    x = values.copy()
    with np.errstate(over="ignore"):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    assert [mix(int(v)) for v in values] == x.tolist() == [int(mix_lane(int(v))) for v in values]
    assert int(mix_lane(9 ^ int(row_hash(5, 6, 7)))) >> 8 == random24(5, 6, 7, 9)


@pytest.mark.parametrize("fraction", [2.0**-10, 0.1, 0.5, 0.75, 1 - 2.0**-10])
def test_unbiased(fraction: float) -> None:
    """The share rounded up is the fraction: within five standard deviations of the binomial."""
    n = 200_000
    for sign in (1.0, -1.0):
        up = kernels.quantize(np.full((40, n // 40), sign * (3 + fraction)), parse("fixed<8,8,sr>"), images_last=True)
        share = np.abs(up.astype(np.float64)).mean() - 3
        assert abs(share - fraction) < 5 * np.sqrt(fraction * (1 - fraction) / n)


def test_unbiased_in_sums_and_products_and_independent() -> None:
    n = 20_000
    x, base, tap = np.full((2, n), 0.25), np.zeros(1, dtype=np.int64), np.arange(2)
    spelled = formats("fixed<4,3>", "fixed<4,2>", "fixed<8,8,sr>", "fixed<16,16>")
    out = kernels.dot_products(np.ones((2, 2)), x, base, tap, np.zeros(2), spelled)
    assert abs(out.mean() - 0.5) < 5 * np.sqrt(2 * 3 / 16 / (2 * n))
    assert abs(out.var() - 2 * 3 / 16) < 0.02, "the two products must be rounded independently"
    assert abs(np.corrcoef(out[0, 0], out[1, 0])[0, 1]) < 0.04, "and the two outputs too"


def test_members_are_never_moved() -> None:
    for spelling in ("fixed<8,4,sr>", "float<4,3,sr>", "fp16<sr>"):
        fmt = parse(spelling)
        members = np.array([float(v) for c in list(fmt.codes())[::5] if hasattr(v := fmt.decode(c), "numerator")])
        for image in range(8):
            assert_same(kernels.quantize(members, fmt, first_image=image), members + 0.0)


def test_every_random_value_decides_as_defined() -> None:
    """Fractions at and beside the threshold of their own position's random number."""
    fmt = parse("fixed<10,6,sr>")
    thresholds = np.array([(2**24 - random24(0, 0, 0, i)) / 2**24 for i in range(400)])
    for nudge in (0.0, 2.0**-40, -(2.0**-40)):
        values = (5 + thresholds + nudge) / 16
        got = np.asarray(kernels.quantize(values, fmt), dtype=np.float64) * 16
        assert np.all(got == 5.0 + (nudge >= 0))
        assert_same(got / 16, reference.quantize(values, fmt))


def test_just_below_zero() -> None:
    """t in (-1, 0): t + 1 has fewer bits than t, and must not be what the random bits are compared with."""
    fmt = parse("fixed<10,10,sr>")
    edges = np.array([-random24(0, 0, 0, i) / 2**24 for i in range(400)])
    assert not np.any(np.asarray(kernels.quantize(edges, fmt)))
    below = np.nextafter(edges, -1)
    assert np.all(np.asarray(kernels.quantize(below, fmt)) == -1)
    assert_same(kernels.quantize(below, fmt), reference.quantize(below, fmt))
