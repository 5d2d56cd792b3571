"""Where the bytes of a compressed file are, how many there could be at least, and what the paper's formula says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.compression.container.pack import DEFAULT_LIMIT_BYTES, HEADER_BYTES, walk

PARTS = ("mask", "codes", "table", "raw")


@dataclass(frozen=True)
class TensorSizes:
    """Bytes of one tensor in a file, and what codes without context could reach.

    Attributes:
        axes: Of the tensor; two and more make weights.
        parameters: Numbers in the tensor.
        nonzeros: Of them, those that are not +0.
        mask: Which values are not zero, bytes.
        codes: Which value each of the others is, bytes.
        table: What the codes stand for, bytes.
        raw: Values that are stored as they are, bytes.
        mask_bound: N H(p) / 8, N the parameters, p the share of nonzeros, H the binary entropy; bytes.
        codes_bound: Entropy of the values of the nonzeros, all together, bytes.
    """

    axes: int
    parameters: int
    nonzeros: int
    mask: int
    codes: int
    table: int
    raw: int
    mask_bound: float
    codes_bound: float

    @property
    def file_bytes(self) -> int:
        """All parts."""
        return self.mask + self.codes + self.table + self.raw


@dataclass(frozen=True)
class FileSizes:
    """Bytes of a compressed file by part; the parts sum to ``file_bytes``, the length of the file, exactly.

    A part of an arithmetic code ends within a byte: the ends are rounded to whole bytes.

    Attributes:
        header: Magic, version, coder and checksum.
        graph: Layers, input shape, name and data set.
        shared_table: Values that several tensors share.
        tensors: By name.
    """

    header: int
    graph: int
    shared_table: int
    tensors: Mapping[str, TensorSizes]

    @property
    def file_bytes(self) -> int:
        """Length of the file."""
        return self.header + self.graph + self.shared_table + sum(part.file_bytes for part in self.tensors.values())

    @property
    def parameters(self) -> int:
        """Numbers in all tensors, biases included."""
        return sum(part.parameters for part in self.tensors.values())

    @property
    def original_bytes(self) -> int:
        """Four bytes for every parameter, biases included."""
        return 4 * self.parameters

    @property
    def ratio(self) -> float:
        """Original bytes over the bytes of this file."""
        return self.original_bytes / self.file_bytes

    @property
    def bound_bytes(self) -> float:
        """Both entropy bounds of all tensors: no header, no graph, no table, no context."""
        return sum(part.mask_bound + part.codes_bound for part in self.tensors.values())

    @property
    def weight_bits(self) -> Mapping[str, float]:
        """Bits of the file that a weight of each tensor takes on average, zeros included, by the tensor's name.

        Weights are tensors with two axes or more. Masks, codes, tables and raw values count, and of the file's table
        as much for every weight; biases, graph and header do not.
        """
        weights = {name: part for name, part in self.tensors.items() if part.axes > 1}
        parameters = sum(part.parameters for part in weights.values())
        return {
            name: 8 * (part.file_bytes / part.parameters + self.shared_table / parameters)
            for name, part in weights.items()
        }

    @property
    def weight_bits_per_parameter(self) -> float:
        """The same over all weights; 0 where there are none."""
        weights = [part for part in self.tensors.values() if part.axes > 1]
        spent = sum(part.file_bytes for part in weights) + self.shared_table
        return 8 * spent / max(1, sum(part.parameters for part in weights))


def sizes(data: bytes, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> FileSizes:
    """Return where the bytes of a compressed file are.

    >>> from models import load_network
    >>> from models.compression.container import pack
    >>> data = pack(load_network("digits-cnn"))
    >>> found = sizes(data)
    >>> found.file_bytes == len(data), found.header, found.parameters
    (True, 8, 6090)

    Raises:
        CompressionError: when ``data`` does not decode.
    """
    ends: list[tuple[str, str, float]] = []
    network = walk(data, limit_bytes, lambda owner, part, bits: ends.append((owner, part, bits)))
    spent: dict[tuple[str, str], int] = {}
    before, stream_bytes = 0, len(data) - HEADER_BYTES
    for place, (owner, part, bits) in enumerate(ends):
        last = place == len(ends) - 1
        end = stream_bytes if last else min(stream_bytes, max(before, round(bits / 8)))
        spent[owner, part] = end - before
        before = end
    tensors = {
        name: _tensor_sizes(tensor, {part: spent.get((name, part), 0) for part in PARTS})
        for name, tensor in network.tensors.items()
    }
    return FileSizes(HEADER_BYTES, spent["", "graph"], spent["", "table"], tensors)


def _tensor_sizes(tensor: np.ndarray[tuple[int, ...], np.dtype[np.float32]], parts: Mapping[str, int]) -> TensorSizes:
    bits = tensor.view(np.uint32)
    nonzeros = bits[bits != 0]
    counts = np.unique(nonzeros, return_counts=True)[1]
    ones = np.array([nonzeros.size, bits.size - nonzeros.size])
    return TensorSizes(
        axes=tensor.ndim,
        parameters=bits.size,
        nonzeros=nonzeros.size,
        mask_bound=ideal_bits(ones) / 8,
        codes_bound=ideal_bits(counts) / 8,
        **parts,
    )


def ideal_bits(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    """Return the bits of an ideal code without context for symbols that occur ``counts`` times.

    >>> ideal_bits(np.array([2, 1, 1]))
    6.0
    """
    own = counts[counts > 0].astype(np.float64)
    return float((own * np.log2(own.sum() / own)).sum()) if own.size else 0.0


def weight_bits(data: bytes) -> Mapping[str, float]:
    """Return the bits that a weight of each tensor takes in a file: ``sizes(data).weight_bits``.

    >>> from models import load_network
    >>> from models.compression.container import pack
    >>> {name: round(bits, 1) for name, bits in weight_bits(pack(load_network("digits-cnn"), "fixed")).items()}
    {'classify.weight': 32.0, 'conv1.weight': 32.1, 'conv2.weight': 32.0}

    Raises:
        CompressionError: when ``data`` does not decode.
    """
    return sizes(data).weight_bits


def weight_bits_per_parameter(data: bytes) -> float:
    """Return the bits that a weight takes in a file on average, for the option ``compress=...b`` of a machine.

    Raises:
        CompressionError: when ``data`` does not decode.
    """
    return sizes(data).weight_bits_per_parameter
