"""Ranks by energy against the definition; Gavish and Donoho against their published coefficients and on noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.lowrank.ranks import (
    energy_rank,
    gavish_donoho_rank,
    marchenko_pastur_median,
    median_coefficient,
    numerical_rank,
    optimal_threshold,
)

#: omega(beta) of table IV of arXiv:1305.5870.
PUBLISHED = {
    0.05: 1.5194,
    0.10: 1.6089,
    0.15: 1.6896,
    0.20: 1.7650,
    0.25: 1.8371,
    0.30: 1.9061,
    0.35: 1.9741,
    0.40: 2.0403,
    0.45: 2.106,
    0.50: 2.1711,
    0.55: 2.2365,
    0.60: 2.3021,
    0.65: 2.3679,
    0.70: 2.4339,
    0.75: 2.5011,
    0.80: 2.5697,
    0.85: 2.6399,
    0.90: 2.7099,
    0.95: 2.7832,
    1.00: 2.8582,
}


@pytest.mark.parametrize("aspect", PUBLISHED)
def test_coefficients_of_the_median_are_the_published_ones(aspect):
    assert median_coefficient(aspect) == pytest.approx(PUBLISHED[aspect], abs=2e-3)


def test_the_published_cubic_is_near_everywhere():
    """omega(beta) is about 0.56 b^3 - 0.95 b^2 + 1.82 b + 1.43, within 0.02 (section III-D)."""
    for aspect in np.linspace(0.001, 1, 25):
        cubic = 0.56 * aspect**3 - 0.95 * aspect**2 + 1.82 * aspect + 1.43
        assert median_coefficient(float(aspect)) == pytest.approx(cubic, abs=0.021)


def test_square_matrices_have_four_over_root_three():
    assert optimal_threshold(1.0) == pytest.approx(4 / math.sqrt(3), abs=1e-12)
    assert median_coefficient(1.0) == pytest.approx(2.858, abs=5e-4)


@pytest.mark.parametrize("shape", [(300, 300), (100, 400)])
def test_median_of_noise_alone(shape):
    sigma = np.linalg.svd(np.random.default_rng(1).standard_normal(shape), compute_uv=False)
    expected = marchenko_pastur_median(min(shape) / max(shape))
    assert float(np.median(sigma**2)) / max(shape) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("shape", [(120, 120), (60, 200), (200, 60)])
@pytest.mark.parametrize("known", [True, False])
def test_the_rank_of_a_signal_in_noise_is_found(shape, known):
    generator = np.random.default_rng(2)
    noise, rank = 0.1, 6
    left, _ = np.linalg.qr(generator.standard_normal((shape[0], rank)))
    right, _ = np.linalg.qr(generator.standard_normal((shape[1], rank)))
    signal = left @ np.diag(np.linspace(5, 10, rank)) @ right.T
    sigma = np.linalg.svd(signal + noise * generator.standard_normal(shape), compute_uv=False)
    assert gavish_donoho_rank(sigma, shape, noise if known else None) == rank


def test_noise_alone_has_no_rank():
    sigma = np.linalg.svd(np.random.default_rng(3).standard_normal((150, 150)), compute_uv=False)
    assert gavish_donoho_rank(sigma, (150, 150)) == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.05, 1.0))
def test_energy_rank_is_the_smallest_that_keeps_the_share(energies, kept):
    energies = np.sort(np.array(energies))[::-1]
    rank = energy_rank(energies, kept)
    total = math.fsum(energies)
    assert math.fsum(energies[:rank]) >= kept * total * (1 - 1e-12) - 1e-300
    if rank:
        assert math.fsum(energies[: rank - 1]) < kept * total * (1 + 1e-12)


def test_full_energy_keeps_every_singular_value_that_is_not_zero():
    assert energy_rank(np.array([4.0, 1.0, 1e-12, 0.0, 0.0]), 1.0) == 3


def test_numerical_rank_sees_through_rounding_to_float32():
    generator = np.random.default_rng(4)
    exact = generator.standard_normal((50, 7)) @ generator.standard_normal((7, 80))
    sigma = np.linalg.svd(exact.astype(np.float32).astype(np.float64), compute_uv=False)
    assert numerical_rank(sigma, 80) == 7 < int((sigma > 0).sum())
