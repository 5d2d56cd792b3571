"""Which weights are quantised when: exact counts, the largest first, random ones reproducibly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.inq import PORTIONS
from models.compression.inq.partition import grown, portion_count, portion_faults, ranks

VALUES = np.random.default_rng(3).normal(size=(7, 5, 3)).astype(np.float32)
ALL = np.ones(VALUES.shape, bool)
NONE = np.zeros(VALUES.shape, bool)


@pytest.mark.parametrize("bits", PORTIONS)
@given(size=st.integers(0, 5000))
def test_published_portions_are_whole_counts(bits: int, size: int) -> None:
    assert portion_faults(PORTIONS[bits]) == []
    counts = [portion_count(portion, size) for portion in PORTIONS[bits]]
    exact = [Fraction(str(portion)) * size for portion in PORTIONS[bits]]
    assert all(abs(count - wish) <= Fraction(1, 2) for count, wish in zip(counts, exact, strict=True))
    assert counts[-1] == size and counts == sorted(counts)


def test_the_published_schedules() -> None:
    assert PORTIONS[5] == (0.5, 0.75, 0.875, 1.0)
    assert PORTIONS[4] == (0.3, 0.5, 0.8, 0.9, 0.95, 1.0)
    assert PORTIONS[3] == (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    assert PORTIONS[2] == (0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 1.0)


@pytest.mark.parametrize("portions", [(), (0.5,), (0.5, 0.4, 1.0), (0.0, 1.0), (0.5, 1.5), (0.5, 1.0, 1.0)])
def test_portions_must_rise_to_one(portions: tuple[float, ...]) -> None:
    assert len(portion_faults(portions)) == 1


@pytest.mark.parametrize("order", ["magnitude", "random"])
def test_partitions_grow_by_exact_counts(order: str) -> None:
    taken = NONE
    for portion in PORTIONS[2]:
        after = grown(taken, ALL, ranks(VALUES, order, "w", 1), portion)  # type: ignore[arg-type]
        assert bool((after | ~taken).all()) and int(after.sum()) == portion_count(portion, VALUES.size)
        taken = after
    assert bool(taken.all())


def test_pruning_inspired_takes_the_largest() -> None:
    taken = grown(NONE, ALL, ranks(VALUES, "magnitude", "w", 1), 0.4)
    assert np.abs(VALUES[taken]).min() > np.abs(VALUES[~taken]).max()
    assert taken.sum() == 42


def test_later_steps_look_at_the_weights_that_are_left_as_they_are_now() -> None:
    taken = np.array([True, False, False, False])
    moved = np.array([0.01, 0.2, 0.9, 0.3])
    after = grown(taken, np.ones(4, bool), ranks(moved, "magnitude", "w", 1), 0.5)
    assert after.tolist() == [True, False, True, False]


def test_equal_magnitudes_are_taken_in_the_order_of_the_tensor() -> None:
    values = np.array([0.5, -0.5, 0.5, 0.5])
    after = grown(np.zeros(4, bool), np.ones(4, bool), ranks(values, "magnitude", "w", 1), 0.5)
    assert after.tolist() == [True, True, False, False]


def test_portions_count_members_alone() -> None:
    members = np.arange(VALUES.size).reshape(VALUES.shape) % 3 == 0
    after = grown(NONE, members, ranks(VALUES, "magnitude", "w", 1), 0.5)
    assert int(after.sum()) == portion_count(0.5, int(members.sum())) and not (after & ~members).any()


def test_random_ranks_depend_on_seed_and_name_alone() -> None:
    first = ranks(VALUES, "random", "conv1.weight", 1)
    np.testing.assert_array_equal(first, ranks(VALUES * 2 + 1, "random", "conv1.weight", 1))
    assert sorted(first.ravel().tolist()) == list(range(VALUES.size))
    assert (first != ranks(VALUES, "random", "conv1.weight", 2)).any()
    assert (first != ranks(VALUES, "random", "conv2.weight", 1)).any()


def test_random_partitions_do_not_prefer_large_weights() -> None:
    values = np.random.default_rng(1).normal(size=4000)
    taken = grown(np.zeros(4000, bool), np.ones(4000, bool), ranks(values, "random", "w", 1), 0.5)
    means = np.abs(values[taken]).mean(), np.abs(values[~taken]).mean()
    # Standard error of the difference: sqrt(2 (1 - 2/pi) / 2000) = 0.019; four of them.
    assert abs(means[0] - means[1]) < 0.08


def test_nothing_is_taken_back() -> None:
    taken = grown(NONE, ALL, ranks(VALUES, "magnitude", "w", 1), 0.8)
    np.testing.assert_array_equal(grown(taken, ALL, ranks(VALUES, "random", "w", 1), 0.3), taken)


def test_taken_weights_that_are_no_members_are_a_fault() -> None:
    with pytest.raises(CompressionError, match="105 quantised weights"):
        grown(ALL, NONE, ranks(VALUES, "magnitude", "w", 1), 1.0)
