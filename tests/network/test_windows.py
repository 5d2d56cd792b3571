"""Windows against loops over every index."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.network import AvgPool2d, Conv2d
from hwsim.network.windows import average_divisors, col2im, im2col, window_count, window_counts, windows

SMALL = st.integers(1, 4)


@st.composite
def windowed(draw: st.DrawFn) -> tuple[AvgPool2d, tuple[int, int, int]]:
    """Return a pooling that fits, and the shape of its input."""
    kernel = (draw(SMALL), draw(SMALL))
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    op = AvgPool2d(kernel, (draw(SMALL), draw(SMALL)), padding, draw(st.booleans()), draw(st.booleans()))
    shape = (draw(SMALL), draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    axes = zip(shape[1:], op.kernel, op.stride, op.padding, strict=True)
    assume(all(window_count(*axis, op.ceil_mode) > 0 for axis in axes))
    return op, shape


@given(windowed())
@settings(max_examples=200)
def test_windows_and_divisors_equal_loops(case: tuple[AvgPool2d, tuple[int, int, int]]) -> None:
    op, shape = case
    images = np.arange(2 * np.prod(shape), dtype=np.int64).reshape(2, *shape)
    counts = window_counts(op.kind, op, shape, op.ceil_mode)
    view = windows(images, op, counts, fill=-1)
    divisors = average_divisors(shape[1:], op, counts, op.count_include_pad)
    assert view.shape == (2, shape[0], *counts, *op.kernel)
    for i, j in np.ndindex(*counts):
        inside = 0
        for y, x in np.ndindex(*op.kernel):
            row, column = i * op.stride[0] + y - op.padding[0], j * op.stride[1] + x - op.padding[1]
            real = 0 <= row < shape[1] and 0 <= column < shape[2]
            expected = images[:, :, row, column] if real else -1
            assert np.array_equal(view[:, :, i, j, y, x], np.broadcast_to(expected, (2, shape[0])))
            declared = row < shape[1] + op.padding[0] and column < shape[2] + op.padding[1]
            inside += declared if op.count_include_pad else real
        assert divisors[i, j] == inside > 0


@given(SMALL, SMALL, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1))
@settings(max_examples=100)
def test_im2col_orders_rows_and_sums_as_the_contract_says(
    batch: int, per_group: int, groups: int, kernel: int, stride: int, padding: int
) -> None:
    op = Conv2d(2 * groups, (kernel, 2), (stride, 1), (padding, 0), groups)
    images = np.random.default_rng(0).integers(-9, 9, (batch, groups * per_group, 5, 4))
    counts = window_counts(op.kind, op, images.shape[1:])
    rows = im2col(images, op, groups, counts)
    assert rows.shape == (groups, batch * counts[0] * counts[1], per_group * kernel * 2)
    assert rows.flags.c_contiguous
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (0, 0)))
    for g, (b, i, j), (c, y, x) in (
        (g, out, term)
        for g in range(groups)
        for out in np.ndindex(batch, *counts)
        for term in np.ndindex(per_group, kernel, 2)
    ):
        m, k = (b * counts[0] + i) * counts[1] + j, (c * kernel + y) * 2 + x
        assert rows[g, m, k] == padded[b, g * per_group + c, i * stride + y, j + x]


def test_col2im_puts_every_sum_at_its_pixel() -> None:
    groups, batch, counts, filters = 2, 3, (4, 5), 6
    sums = np.arange(groups * batch * 20 * filters).reshape(groups, batch * 20, filters)
    maps = col2im(sums, batch, counts)
    assert maps.shape == (batch, groups * filters, *counts)
    for g, b, f, i, j in np.ndindex(groups, batch, filters, *counts):
        assert maps[b, g * filters + f, i, j] == sums[g, (b * 4 + i) * 5 + j, f]


def test_windows_share_memory_without_padding() -> None:
    images = np.zeros((1, 1, 4, 4))
    assert np.shares_memory(windows(images, Conv2d(1, (2, 2)), (3, 3)), images)
