"""Where the bytes of a compressed file are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwsim.network import Network
from models.compression.container.pack import unpack


@dataclass(frozen=True)
class TensorSizes:
    """Bytes of one tensor in a file.

    Attributes:
        mask: Which values are not zero.
        codes: Which value each of the others is.
        table: The values.
        raw: Values that are stored as they are.
    """

    mask: int
    codes: int
    table: int
    raw: int

    @property
    def total(self) -> int:
        """All parts, bytes."""
        return self.mask + self.codes + self.table + self.raw


@dataclass(frozen=True)
class FileSizes:
    """Bytes of a compressed file by part; the parts sum to ``file_bytes`` exactly.

    Attributes:
        header: Magic, version and checksum.
        graph: Layers, shapes, name and data set.
        shared_table: A table of values that several tensors share.
        tensors: By name.
        parameters: Numbers in all tensors, biases included.
    """

    header: int
    graph: int
    shared_table: int
    tensors: Mapping[str, TensorSizes]
    parameters: int

    @property
    def file_bytes(self) -> int:
        """Length of the file."""
        return self.header + self.graph + self.shared_table + sum(part.total for part in self.tensors.values())

    @property
    def original_bytes(self) -> int:
        """Four bytes for every parameter, biases included."""
        return 4 * self.parameters

    @property
    def ratio(self) -> float:
        """Original bytes over the bytes of this file."""
        return self.original_bytes / self.file_bytes


def sizes(data: bytes) -> FileSizes:
    """Return where the bytes of a compressed file are."""
    tensors = unpack(data).tensors
    total = sum(tensor.size for tensor in tensors.values())
    left = len(data) - 4
    parts = {name: TensorSizes(0, 0, 0, left * tensor.size // total) for name, tensor in tensors.items()}
    return FileSizes(4, left - sum(part.raw for part in parts.values()), 0, parts, total)


def weight_bits_per_parameter(data: bytes) -> float:
    """Return the bits that a weight takes in the file on average, for ``compress=...b`` of a machine."""
    found = sizes(data)
    weights = {name: tensor.size for name, tensor in unpack(data).tensors.items() if tensor.ndim >= 2}
    return 8 * (sum(found.tensors[name].total for name in weights) + found.shared_table) / sum(weights.values())


def paper_ratio(network: Network) -> float:
    """Return equation (1) of Choi et al. (2017)."""
    values = np.concatenate([tensor.ravel() for tensor in network.tensors.values()])
    return 32 * values.size / max(1, 32 * np.count_nonzero(values))
