"""Huffman codes against a heap, prefix by prefix; gaps against loops."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.compression.container.bit_coder import FixedReader, FixedWriter, HuffmanReader, HuffmanWriter
from models.compression.container.gaps import gap_symbols, mask_of_gaps
from models.compression.container.huffman import canonical_codes, check_lengths, huffman_lengths
from models.compression.errors import CompressionError

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=60)


def least_bits(counts: list[int]) -> int:
    """The total length of a Huffman code is the sum of the counts of all merged nodes."""
    heap = [count for count in counts if count]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


@given(COUNTS)
def test_no_code_is_shorter(counts: list[int]) -> None:
    lengths = huffman_lengths(np.array(counts))
    assert int((lengths * counts).sum()) == least_bits(counts)
    assert all((length == 0) == (count == 0) for length, count in zip(lengths, counts, strict=True)) or (
        np.count_nonzero(counts) == 1 and not lengths.any()
    )


def test_every_small_case_is_the_best_of_all_prefix_codes() -> None:
    for counts in itertools.product(range(1, 6), repeat=4):
        possible = [p for p in itertools.product(range(1, 4), repeat=4) if sum(2.0**-n for n in p) <= 1]
        best = min(sum(n * c for n, c in zip(p, counts, strict=True)) for p in possible)
        assert int((huffman_lengths(np.array(counts)) * counts).sum()) == best


@given(COUNTS)
def test_canonical_codes_are_complete_and_no_code_begins_another(counts: list[int]) -> None:
    lengths = huffman_lengths(np.array(counts))
    check_lengths(lengths)
    codes = [f"{code:0{n}b}" for code, n in zip(canonical_codes(lengths), lengths, strict=True) if n]
    assert codes == [] or sum(2.0 ** -len(code) for code in codes) == 1
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    assert len(set(codes)) == len(codes)


def test_fibonacci_counts_give_the_longest_codes() -> None:
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    assert huffman_lengths(np.array(counts)).max() == 39


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [2, 2, 2], [1, 2], [63, 63], [1, 2, 3, 3, 3]])
def test_lengths_of_no_code_are_refused(lengths: list[int]) -> None:
    with pytest.raises(CompressionError, match="Kraft"):
        check_lengths(np.array(lengths))


@pytest.mark.parametrize(("writer", "reader"), [(HuffmanWriter, HuffmanReader), (FixedWriter, FixedReader)])
@given(data=st.data())
def test_symbols_come_back(writer, reader, data) -> None:
    size = data.draw(st.integers(1, 300))
    symbols = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=80)), np.int64)
    own = writer()
    own._symbols(symbols, size)
    own.even(5, 3)
    other = reader(own.finish())
    assert other._symbols(symbols.size, size).tolist() == symbols.tolist()
    assert other.even(3) == 5


@given(st.lists(st.integers(0, 2**31 - 2), max_size=50))
def test_gamma_codes_come_back(values: list[int]) -> None:
    own = FixedWriter()
    for value in values:
        own.integer(value)
    other = FixedReader(own.finish())
    assert [other.integer() for _ in values] == values


@given(st.lists(st.integers(0, 1), max_size=200), st.sampled_from([1, 3, 7, 15, 255]))
def test_gaps_come_back(bits: list[int], limit: int) -> None:
    mask = np.array(bits, np.uint8)
    symbols = gap_symbols(mask, limit)
    expected, zeros = [], 0
    for bit in bits:
        if bit:
            expected += [limit] * (zeros // limit) + [zeros % limit]
        zeros = 0 if bit else zeros + 1
    assert symbols.tolist() == expected
    assert mask_of_gaps(symbols, limit, mask.size).tolist() == bits


def test_gaps_that_lead_beyond_the_end_give_nothing() -> None:
    assert mask_of_gaps(np.array([3]), 7, 3) is None
    assert mask_of_gaps(np.array([7]), 7, 6) is None


def test_a_code_that_ends_too_soon_is_refused() -> None:
    own = HuffmanWriter()
    own._symbols(np.array([0, 1, 2, 3] * 50), 4)
    with pytest.raises(CompressionError, match="too short"):
        HuffmanReader(own.finish()[:-20])._symbols(200, 4)
    with pytest.raises(CompressionError, match="bits wanted at bit"):
        FixedReader(b"")._symbols(3, 4)
