"""Files that mean harm: little memory and few steps, however large the tensors that a few bytes declare."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest

from hwsim.network import Layer, Linear, Network
from models.compression.container import CODERS, unpack
from models.compression.container.arithmetic import ArithmeticReader, ArithmeticWriter
from models.compression.container.graph import write_graph
from models.compression.container.mask_kernels import code_live, code_mask
from models.compression.container.matrix import Matrix
from models.compression.container.plain_kernels import code_floats
from models.compression.container.rank_kernels import code_ranks
from models.compression.container.sign_kernels import code_signs
from models.compression.container.stream import COUNT, DENSE, EMPTY, FORM, JOINT, KIND, LENGTH, OTHERS, Writer
from models.compression.container.tensor import FLOATS, GRID, working_bytes
from models.compression.errors import CompressionError

ROWS, COLUMNS = 512, 1024
LIMIT = 4 * ROWS * COLUMNS + working_bytes(Matrix(ROWS, COLUMNS))
TABLES = 1 << 20  #: bytes that any file may take
SENTINEL = 77  #: what no reader writes


def forged(coder: str, write: Callable[[Writer], None], rows: int = ROWS, columns: int = COLUMNS) -> bytes:
    """A file of one linear layer whose tensor is written by hand."""
    graph = write_graph(Network("n", (columns,), (Layer("l", Linear(rows, bias=False), ("input",)),), {}, {}))
    writer = CODERS[coder].writer()
    writer.integer(len(graph))
    writer.text(graph)
    writer.even(0, 1)
    write(writer)
    head = b"HWZ" + bytes([16 + list(CODERS).index(coder)])
    stream = writer.finish()
    return head + zlib.crc32(head + stream).to_bytes(4, "little") + stream


def empty(writer: Writer) -> None:
    writer.integer(EMPTY, KIND)


def one_value(kind: int) -> Callable[[Writer], None]:
    """Ones everywhere, one multiple of a step: codes of one length and Huffman codes take no bits at all."""

    def write(writer: Writer) -> None:
        writer.integer(kind, KIND)
        writer.integer(GRID, FORM)
        writer.even(1, 1)
        writer.even(120, 8)
        writer.integer(0, COUNT)
        writer.integer(int(kind != JOINT), COUNT)
        writer.integer(0, LENGTH)  # of the only Huffman code

    return write


def gaps_of_nothing(writer: Writer) -> None:
    """As many gaps as there are values, by a Huffman code of a single symbol."""
    writer.integer(OTHERS, KIND)
    writer.integer(ROWS * COLUMNS)
    for _ in range(4):
        writer.integer(0, LENGTH)
    writer.integer(0)
    one_value(DENSE)(writer)


def peak_of(data: bytes, limit: int) -> int:
    """The most bytes that numpy and Python hold at once; what a first call makes for ever is no part of them."""
    for trace in (False, True):
        if trace:
            tracemalloc.start()
        with suppress(CompressionError):  # an arithmetic code may be too short for so many values
            unpack(data, limit)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


CASES = [
    *((coder, empty) for coder in CODERS),
    *((coder, one_value(DENSE)) for coder in CODERS),
    ("huffman", one_value(JOINT)),
    ("huffman", gaps_of_nothing),
]


@pytest.mark.parametrize(("coder", "write"), CASES)
def test_a_few_bytes_take_no_more_memory_than_the_limit(coder: str, write: Callable[[Writer], None]) -> None:
    data = forged(coder, write)
    assert len(data) < 100
    with pytest.raises(CompressionError, match=f"limit_bytes={LIMIT}"):
        unpack(data, LIMIT - 1)
    peak = peak_of(data, LIMIT)
    assert peak > 4 * ROWS * COLUMNS
    assert peak < LIMIT + TABLES


def test_plain_floats_take_no_more_memory_than_the_limit() -> None:
    values = np.full((ROWS, COLUMNS), np.float32(1.5)).view(np.uint32).astype(np.int64)

    def write(writer: Writer) -> None:
        writer.integer(DENSE, KIND)
        writer.integer(FLOATS, FORM)
        writer.even(0, 5)
        writer.floats(values, np.ones(values.shape, np.uint8), 23)

    for coder in ("arithmetic", "fixed"):
        data = forged(coder, write)
        assert peak_of(data, LIMIT) < LIMIT + 2 * len(data) + (1 << 18)


@pytest.mark.parametrize("coder", CODERS)
def test_values_that_are_not_finite_are_named_by_their_tensor(coder: str) -> None:
    values = np.full((2, 3), 0x7F800000, np.int64)

    def write(writer: Writer) -> None:
        writer.integer(DENSE, KIND)
        writer.integer(FLOATS, FORM)
        writer.even(0, 5)
        writer.floats(values, np.ones(values.shape, np.uint8), 23)

    with pytest.raises(CompressionError, match=r"tensor 'l.weight': .*not finite"):
        unpack(forged(coder, write, 2, 3))


def half_ones(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, (rows, columns)).astype(np.uint8)


def kernels(
    shape: tuple[int, int],
) -> dict[str, tuple[object, bool, np.ndarray, tuple[object, ...], tuple[object, ...]]]:
    """Kernel by name: whether it mixes, what it codes, and the arguments before and behind."""
    ones, mask = np.ones(shape, np.uint8), half_ones(*shape)
    signs = (2 * mask.astype(np.int8) - 1).astype(np.int8)
    ranks = np.random.default_rng(2).integers(1, 30, shape).astype(np.int32)
    bits = np.random.default_rng(3).normal(size=shape).astype(np.float32).view(np.uint32)
    live = [np.ones(size, np.uint8) for size in shape]
    return {
        "mask": (code_mask, True, mask, (), (1, 1, *live, 0)),
        "lines": (code_live, False, mask.reshape(-1), (), ()),
        "signs": (code_signs, True, signs, (ones,), (1, 1)),
        "ranks": (code_ranks, True, ranks, (signs,), (1, 1, 24)),
        "floats": (code_floats, False, bits, (ones,), (23,)),
    }


@pytest.mark.parametrize("name", ["mask", "lines", "signs", "ranks", "floats"])
def test_kernels_stop_behind_the_end_of_the_data(name: str) -> None:
    """Counted are the values that a reader of a quarter of the bytes fills in."""
    kernel, mixes, values, before, behind = kernels((40, 50))[name]
    writer = ArithmeticWriter()
    writer._room(64 * values.size)
    (writer.mixed if mixes else writer.coded)(kernel, *before, values, *behind)
    data = writer.finish()
    counts = []
    for share in (1, 4):
        reader = ArithmeticReader(data[: len(data) // share])
        found = np.full_like(values, SENTINEL)
        (reader.mixed if mixes else reader.coded)(kernel, *before, found, *behind)
        counts.append(np.count_nonzero(found != SENTINEL))
    assert counts[0] > values.size - 100  # 77 itself can be a value
    assert counts[1] < values.size // 2
