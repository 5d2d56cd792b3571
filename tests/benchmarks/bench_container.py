"""Compressed files: how many bytes LeNet-5 takes by coder, what each guess of the mask is worth, and how fast it is.

    python tests/benchmarks/bench_container.py

Prints tables and judges nothing. The networks are no results of compression: weights below a quantile of each layer are
set to zero and the others are put in cells of one width for all layers, each represented by its mean (Choi et al.),
without any retraining, so accuracy is not looked at. Biases are in 8 bits. A goal of 51 and 150 times is that of whole
files of LeNet-5 at about these sparsities.
"""

from __future__ import annotations

import process  # noqa: F401  isort: skip  before numpy

import bz2
import lzma
import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from rates import cpu_seconds, heading, options

from hwsim.network import Network, fold
from hwsim.text import text_table
from models import load_network
from models.compression.container import CODERS, FileSizes, pack, paper_ratio, quantized_bias, sizes, unpack
from models.compression.container.arithmetic import ArithmeticWriter
from models.compression.container.mask_kernels import GIVEN, SLOTTED, code_mask
from models.compression.container.matrix import matrices

KEPT: Mapping[str, Mapping[str, float]] = {
    "8.5 %": {"conv1": 0.66, "conv2": 0.12, "ip1": 0.08, "ip2": 0.19},  # Deep Compression's, about
    "2 %": {"conv1": 0.4, "conv2": 0.06, "ip1": 0.0165, "ip2": 0.08},
}
CELLS = (0.05, 0.08)
GUESSES = (
    "overall", "row", "column", "position in the row", "positions around", "columns around", "neighbours",
    "group and row before",
)  # fmt: skip
GOALS = {"8.5 %": 51.0, "2 %": 150.0}
PACKERS = {
    "zlib": lambda data: len(zlib.compress(data, 9)),
    "bz2": lambda data: len(bz2.compress(data, 9)),
    "lzma": lambda data: len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
}


def compressed(network: Network, kept: Mapping[str, float], cell: float) -> Network:
    """Return ``network`` pruned by magnitude layer by layer, in cells of width ``cell``, with biases in 8 bits."""
    weights = {}
    for name, tensor in network.tensors.items():
        if tensor.ndim > 1:
            least = np.quantile(np.abs(tensor), 1 - kept.get(name.split(".")[0], 0.1))
            weights[name] = np.where(np.abs(tensor) > least, tensor, 0).astype(np.float64)
    every = np.concatenate([tensor.ravel() for tensor in weights.values()])
    every = every[every != 0]
    cells = _cells(every, cell)
    means = {int(number): np.float32(every[cells == number].mean()) for number in np.unique(cells)}
    changed = {}
    for name, tensor in network.tensors.items():
        changed[name] = quantized_bias(tensor, 8)[0]
        if name in weights:
            changed[name] = np.zeros(tensor.shape, np.float32)
            where = weights[name] != 0
            changed[name][where] = [means[int(number)] for number in _cells(weights[name][where], cell)]
    return replace(network, tensors=changed)


def _cells(values: np.ndarray, cell: float) -> np.ndarray:
    return np.where(np.abs(values) < cell, np.sign(values), np.rint(values / cell)).astype(np.int64)


def size_row(name: str, network: Network, coder: str) -> list[object]:
    """Return one row of the first table."""
    data = pack(network, coder)
    assert unpack(data).content_hash == network.content_hash
    found = sizes(data)
    parts = found.tensors.values()
    masks, codes = sum(part.mask for part in parts), sum(part.codes for part in parts)
    tables = found.shared_table + sum(part.table for part in parts)
    rest = found.header + found.graph + sum(part.raw for part in parts)
    goal = f"{GOALS[name]:g}" if name in GOALS else "-"
    return [coder, found.file_bytes, f"{found.ratio:.1f}", goal, masks, codes, tables, rest]


def bounds_of(network: Network) -> list[list[object]]:
    """Return the rows that are no coder of ours: bounds, the paper's formula, and general compressors."""
    found: FileSizes = sizes(pack(network))
    parts = found.tensors.values()
    masks, codes = (sum(getattr(part, name) for part in parts) for name in ("mask_bound", "codes_bound"))
    bound = found.original_bytes / found.bound_bytes
    rows: list[list[object]] = [
        ["entropy bound", round(found.bound_bytes), f"{bound:.1f}", "-", round(masks), round(codes), "-", "-"],
        ["paper's eq. 1", "no file", f"{paper_ratio(network):.1f}", "-", "-", "-", "-", "-"],
    ]
    floats = b"".join(tensor.tobytes() for tensor in network.tensors.values())
    values = np.unique(np.frombuffer(floats, np.uint32))
    indices = np.searchsorted(values, np.frombuffer(floats, np.uint32)).astype(np.uint8 if values.size < 257 else "<u2")
    for what, data, extra in (("floats", floats, 0), ("indices", indices.tobytes(), 4 * values.size)):
        for name, packer in PACKERS.items():
            size = packer(data) + extra
            rows.append([f"{name} of {what}", size, f"{found.original_bytes / size:.1f}", *["-"] * 5])
    return rows


def mask_bytes(network: Network, left_out: int) -> float:
    """Return the bytes of all masks when some guesses are not made."""
    total = 0.0
    for name, matrix in matrices(network).items():
        mask = (network.tensors[name] != 0).astype(np.uint8).reshape(matrix.shape)
        if network.tensors[name].ndim > 1:
            writer = ArithmeticWriter()
            writer._room(mask.size)
            live = [np.ones(size, np.uint8) for size in matrix.shape]
            writer.mixed(code_mask, mask, matrix.area, matrix.width, *live, left_out)
            total += writer.position_bits / 8
    return total


def guess_rows(network: Network) -> list[list[object]]:
    """Return the masks' bytes with guesses added one by one, and with each one left out."""
    count = GIVEN + SLOTTED
    every = mask_bytes(network, 0)
    rows = []
    for guess, name in enumerate(GUESSES):
        added = mask_bytes(network, (1 << count) - (1 << (guess + 1)))
        without = mask_bytes(network, 1 << guess)
        rows.append([name, f"{added:.0f}", f"{100 * (without / every - 1):+.2f} %"])
    return rows


def main() -> None:
    """Print the tables."""
    quick = options(__doc__).quick
    network = fold(load_network("digits-cnn" if quick else "lenet5"))
    print(heading())
    for name, kept in list(KEPT.items())[: 1 if quick else None]:
        for cell in CELLS[: 1 if quick else None]:
            small = compressed(network, kept, cell)
            print(f"{small.name}, {name} of each layer's weights about, cells of {cell:g}\n")
            header = ["coder", "bytes", "ratio", "goal", "masks", "codes", "tables", "rest"]
            print(text_table(header, [*(size_row(name, small, coder) for coder in CODERS), *bounds_of(small)]), "\n")
        print("masks in bytes, guess by guess\n")
        print(text_table(["guess", "with it and those above", "all without it"], guess_rows(small)), "\n")
        data = pack(small)
        rows = [[step, f"{cpu_seconds(call):.2f}"] for step, call in (
            ("pack", lambda: pack(small)), ("unpack", lambda: unpack(data)))]  # fmt: skip
        print(text_table(["arithmetic coder", "CPU seconds"], rows), "\n")


if __name__ == "__main__":
    main()
