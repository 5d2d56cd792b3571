"""The range coder against its interval as one big number, and the tables and slots that it is driven by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from container_decoder import RangeDecoder, RangeEncoder, Slot, squash, stretch
from hypothesis import given
from hypothesis import strategies as st

from models.compression.container.arithmetic import ArithmeticReader, ArithmeticWriter
from models.compression.container.coder_kernels import WAITING, code_bit
from models.compression.container.tables import tables
from models.compression.errors import CompressionError

BITS = st.lists(st.tuples(st.integers(1, 65535), st.integers(0, 1)), max_size=300)


def coded(bits: list[tuple[int, int]]) -> bytes:
    writer = ArithmeticWriter()
    for share, bit in bits:
        writer._room(1)
        writer.coded(code_bit, share, bit)
    return writer.finish()


def decoded(data: bytes, shares: list[int]) -> list[int]:
    reader = ArithmeticReader(data)
    return [int(reader.coded(code_bit, share, 0)) for share in shares]


@given(BITS)
def test_bytes_are_those_of_the_twin_and_both_read_them_back(bits: list[tuple[int, int]]) -> None:
    twin = RangeEncoder()
    for share, bit in bits:
        twin.bit(share, bit)
    data = coded(bits)
    assert data == twin.finish()
    shares, expected = [share for share, _ in bits], [bit for _, bit in bits]
    assert decoded(data, shares) == expected
    slow = RangeDecoder(data)
    assert [slow.bit(share) for share in shares] == expected


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 100, 1000, 5000])
def test_a_carry_runs_through_all_bytes_that_wait(length: int, last: int) -> None:
    # Zeros that are nearly sure move low up by nothing; shares of 1/65536 for a zero move it up by nearly all.
    runs = [
        [(65535, 0)] * length + [(1, last)] * 3 + [(32768, 1)],
        [(1, 0)] * length + [(65535, last)] * 3,
        [(32768, 0)] * length + [(40000, last)],
        [(32768, 0), (65535, 1)] * length + [(1, last)],
        [(21845, 0), (43690, 0), (65535, 0)] * length,
    ]
    for bits in runs:
        twin = RangeEncoder()
        for share, bit in bits:
            twin.bit(share, bit)
        data = coded(bits)
        assert data == twin.finish()
        assert decoded(data, [share for share, _ in bits]) == [bit for _, bit in bits]


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("length", [100, 400, 2000])
def test_a_long_carry_is_really_met(length: int, last: int) -> None:
    """The interval closes in on one half: 7f ff ff ... waits until a bit says on which side of it the number is."""
    twin, bits = RangeEncoder(), []
    while len(bits) < length:
        share = 32768 + (len(bits) % 7 - 3) * 4000
        half, bound = 1 << (31 + 8 * twin.shifts), twin.low + (twin.range * share >> 16)
        bits.append((share, int(bound > half)))
        twin.bit(*bits[-1])
        assert twin.low < 1 << (31 + 8 * twin.shifts) < twin.low + twin.range
    writer, waiting = ArithmeticWriter(), 0
    for share, bit in bits:
        writer._room(1)
        writer.coded(code_bit, share, bit)
        waiting = max(waiting, int(writer.state[WAITING]))
    assert waiting > length / 20
    bits += [(65535 if last else 1, 1 - last)] * 3 + [(32768, last)]
    assert decoded(coded(bits), [share for share, _ in bits]) == [bit for _, bit in bits]


def test_a_code_is_as_long_as_its_model_says() -> None:
    rng = np.random.default_rng(1)
    shares = rng.integers(200, 65336, 20000)
    bits = (rng.integers(0, 65536, 20000) < shares).astype(int)
    ideal = -np.log2(np.where(bits == 1, shares, 65536 - shares) / 65536).sum()
    writer = ArithmeticWriter()
    for share, bit in zip(shares, bits, strict=True):
        writer._room(1)
        writer.coded(code_bit, int(share), int(bit))
    assert writer.position_bits == pytest.approx(ideal, rel=1e-5)
    assert ideal <= 8 * len(writer.finish()) <= ideal + 16


def test_the_tables_are_the_two_functions() -> None:
    found = tables()
    logits = np.arange(-3072, 3073)
    exact = 65536 / (1 + np.exp(-logits / 256))
    assert np.abs(found.squash - exact).max() <= 1
    assert (found.squash + found.squash[::-1] == 65536).all()
    assert (np.diff(found.squash) >= 0).all()
    for logit in range(-3072, 3073, 37):
        assert found.squash[logit + 3072] == squash(logit)
    for share in (*range(1, 65536, 613), 1, 2, 65535):
        assert found.stretch[share] == stretch(share)


def test_a_slot_guesses_as_krichevsky_and_trofimov() -> None:
    slot, rng = Slot(), np.random.default_rng(2)
    bits = (rng.random(400) < 0.1).astype(int)
    for place, bit in enumerate(bits):
        assert slot.chance / 2**22 == pytest.approx((bits[:place].sum() + 0.5) / (place + 1), abs=1e-4)
        slot.learn(int(bit))


INTEGERS = st.lists(st.tuples(st.integers(0, 5), st.one_of(st.integers(0, 40), st.integers(0, 2**31 - 2))), max_size=60)


@given(INTEGERS)
def test_integers_come_back(values: list[tuple[int, int]]) -> None:
    writer = ArithmeticWriter()
    for context, value in values:
        writer.integer(value, context)
        writer.even(value & 31, 5)
    reader = ArithmeticReader(writer.finish())
    assert [(context, reader.integer(context), reader.even(5)) for context, _ in values] == [
        (context, value, value & 31) for context, value in values
    ]


@given(st.binary(max_size=200))
def test_text_comes_back(text: bytes) -> None:
    writer = ArithmeticWriter()
    writer.text(text)
    assert ArithmeticReader(writer.finish()).text(len(text)) == text


def test_reading_behind_the_end_is_refused() -> None:
    reader = ArithmeticReader(b"")
    with pytest.raises(CompressionError, match="too short, at byte"):
        for _ in range(100):
            reader.even(8)


def test_positions_add_up_to_the_length() -> None:
    writer = ArithmeticWriter()
    for value in range(500):
        writer.integer(value % 17)
    end = writer.position_bits
    data = writer.finish()
    assert math.floor(end / 8) <= len(data) <= end / 8 + 2
    reader = ArithmeticReader(data)
    assert [reader.integer() for _ in range(500)] == [value % 17 for value in range(500)]
    assert reader.position_bits == end
