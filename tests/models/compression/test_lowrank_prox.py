"""Proximal operators against their definition: no other point is better, and distances never grow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.compression.lowrank.prox import (
    group_shrink,
    nuclear_norm,
    nuclear_prox,
    soft_threshold,
    sparse_group_norm,
    sparse_group_prox,
)

VALUES = st.floats(-10, 10, allow_nan=False, width=32)
MATRICES = arrays(np.float64, (4, 5), elements=VALUES)
THRESHOLDS = st.floats(0, 5)


def one_norm(matrix):
    return float(np.abs(matrix).sum())


def row_norm(matrix):
    return float(sum(math.sqrt(sum(x * x for x in row)) for row in matrix))


OPERATORS = {
    "soft": (soft_threshold, one_norm),
    "group": (group_shrink, row_norm),
    "nuclear": (nuclear_prox, nuclear_norm),
    "sparse group": (lambda x, t: sparse_group_prox(x, t, 0.3), lambda x: sparse_group_norm(x, 0.3)),
}


@pytest.fixture(params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


def objective(norm, threshold, x, y):
    return threshold * norm(x) + 0.5 * float(((x - y) ** 2).sum())


@settings(max_examples=30, deadline=None)
@given(y=MATRICES, threshold=THRESHOLDS, seed=st.integers(0, 1000))
@pytest.mark.parametrize("name", OPERATORS)
def test_no_point_nearby_or_far_is_better(name, y, threshold, seed):
    prox, norm = OPERATORS[name]
    found = prox(y, threshold)
    best = objective(norm, threshold, found, y)
    generator = np.random.default_rng(seed)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(8):
            other = objective(norm, threshold, found + size * generator.standard_normal(y.shape), y)
            assert other >= best - 1e-9
    assert objective(norm, threshold, y, y) >= best - 1e-9
    assert objective(norm, threshold, np.zeros_like(y), y) >= best - 1e-9


@settings(max_examples=30, deadline=None)
@given(x=MATRICES, y=MATRICES, threshold=THRESHOLDS)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_firmly_non_expansive(name, x, y, threshold):
    prox, _ = OPERATORS[name]
    moved = prox(x, threshold) - prox(y, threshold)
    assert float((moved**2).sum()) <= float((moved * (x - y)).sum()) + 1e-8


def test_threshold_of_zero_changes_nothing_and_a_large_one_leaves_nothing(operator):
    prox, _ = operator
    y = np.random.default_rng(1).standard_normal((4, 6))
    np.testing.assert_allclose(prox(y, 0.0), y, atol=1e-12)
    assert not prox(y, 1e3).any()


def test_direct_minimisation_finds_the_same_point(operator):
    """Subgradient descent with a decreasing step knows nothing of closed forms, but for the norm itself."""
    prox, norm = operator
    y = np.random.default_rng(3).standard_normal((3, 4)) * 2
    x, threshold = np.zeros_like(y), 0.7
    best, best_x = math.inf, x
    step = 1e-5
    for index in range(400):
        gradient = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            up, down = x.copy(), x.copy()
            up[place] += step
            down[place] -= step
            gradient[place] = (objective(norm, threshold, up, y) - objective(norm, threshold, down, y)) / (2 * step)
        x = x - gradient / (1 + 0.05 * index)
        value = objective(norm, threshold, x, y)
        if value < best:
            best, best_x = value, x
    exact = prox(y, threshold)
    assert objective(norm, threshold, exact, y) <= best + 1e-9
    np.testing.assert_allclose(best_x, exact, atol=0.05)


def test_nuclear_prox_keeps_singular_vectors():
    generator = np.random.default_rng(5)
    left, _ = np.linalg.qr(generator.standard_normal((5, 3)))
    right, _ = np.linalg.qr(generator.standard_normal((7, 3)))
    y = left @ np.diag([3.0, 1.5, 0.4]) @ right.T
    np.testing.assert_allclose(nuclear_prox(y, 0.5), left @ np.diag([2.5, 1.0, 0.0]) @ right.T, atol=1e-12)
    assert np.linalg.matrix_rank(nuclear_prox(y, 0.5), tol=1e-9) == 2


def test_nuclear_prox_of_a_stack_is_that_of_each():
    y = np.random.default_rng(6).standard_normal((3, 4, 5))
    np.testing.assert_allclose(nuclear_prox(y, 0.3), [nuclear_prox(part, 0.3) for part in y])


def test_sparse_group_ends_are_lasso_and_group_lasso_with_the_root_of_the_size():
    y = np.random.default_rng(7).standard_normal((4, 9))
    np.testing.assert_allclose(sparse_group_prox(y, 0.2, 1.0), soft_threshold(y, 0.2))
    np.testing.assert_allclose(sparse_group_prox(y, 0.2, 0.0), group_shrink(y, 0.6))


def test_shrinking_before_thresholding_is_not_the_operator():
    """The order matters; the other one is worse by the objective it should minimise."""
    y, threshold, alpha = np.array([[2.0, 0.3, -0.1]]), 0.5, 0.5
    right = sparse_group_prox(y, threshold, alpha)
    wrong = soft_threshold(group_shrink(y, threshold * (1 - alpha) * math.sqrt(3)), threshold * alpha)

    def norm(x):
        return sparse_group_norm(x, alpha)

    assert objective(norm, threshold, right, y) < objective(norm, threshold, wrong, y) - 1e-6
