"""The exact test of two networks on the same images, against its definition and SciPy's."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.errors import CompressionError
from models.compression.paired import Paired, paired


@given(lost=st.integers(0, 60), won=st.integers(0, 60))
def test_the_paired_test_is_the_exact_binomial(lost: int, won: int) -> None:
    chances = [comb(lost + won, count) / 2 ** (lost + won) for count in range(lost + won + 1)]
    slow = sum(chance for chance in chances if chance <= chances[lost] * (1 + 1e-12))
    assert Paired(lost, won).p_value == pytest.approx(min(1.0, slow))


def test_the_paired_test_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    for lost, won in ((0, 7), (3, 12), (40, 41)):
        assert Paired(lost, won).p_value == pytest.approx(stats.binomtest(lost, lost + won).pvalue)


def test_different_images_are_not_paired() -> None:
    with pytest.raises(CompressionError, match="3 and 4 images cannot be paired"):
        paired(np.ones(3, bool), np.ones(4, bool))
