"""Convolutions through the windows of hwsim.network against the same kernel on a plain matrix product of equal size.

    python tests/benchmarks/bench_conv.py

Prints tables and judges nothing. "convolution" pads the maps and runs the dot products on the windows, as a layer does.
"plain" is the faster of two plain products with as many multiply-accumulates: all columns in one matrix, and column
tiles of 256 one after another; what it takes to make an im2col matrix for them is not counted.

The second table is the peak of memory allocated by one convolution for batches of growing size, as a multiple of the
padded input and the output in lanes of 8 bytes, and beside it what an im2col matrix alone would take. The third is
the peak of a whole inference: it must not grow with the number of images, as they pass in batches.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import process  # noqa: F401  isort: skip  before numpy

import numpy as np
from numpy.typing import NDArray
from rates import cpu_seconds, heading, least, options

from hwsim.arith.dot import DotProduct
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.geometry import Windows, as_rows, windows
from hwsim.network.run import run_numerics
from hwsim.network.windows import window_count
from hwsim.text import text_table
from models import load_network

GOAL = 0.8
TILE = 256  #: columns of a tile of the plain matrix product
BOUND = 2.0  #: peak memory of a convolution: times (padded input + output) x 8 bytes
PANEL_MIB = 8.0  #: and this much more, whatever the batch
#: weights, activations, accumulator, product
FORMATS = {
    "float<6,7>": ("float<6,7>", "float<6,7>", "float<6,7>", "float<6,7>"),
    "fixed<16,8,rtn>": ("fixed<16,8,rtn>", "fixed<16,8,rtn>", "fixed<16,8,rtn>", "fixed<16,8,rtn>"),
    "int8": ("int8", "int8", "int32", None),
}


@dataclass(frozen=True)
class Convolution:
    """One convolution: its input map, filters, and how they move."""

    name: str
    source: tuple[int, int, int]
    filters: int
    size: int
    stride: int = 1
    padding: int = 0

    def windows(self) -> Windows:
        """Return where its inputs lie."""
        side = window_count(self.source[1], self.size, self.stride, self.padding)
        twice = [(value, value) for value in (self.size, self.stride, self.padding, side)]
        return windows(self.source, self.source[0], *twice)


LENET = (Convolution("LeNet-5 conv1", (1, 28, 28), 20, 5), Convolution("LeNet-5 conv2", (20, 12, 12), 50, 5))
#: He et al. 2016, section 4.2, n = 3: three stages of 16, 32 and 64 filters; each shape once. Last, a projection
#: shortcut (their option B), which that network does without.
RESNET = (
    Convolution("ResNet-20 first", (3, 32, 32), 16, 3, padding=1),
    Convolution("ResNet-20 stage 1", (16, 32, 32), 16, 3, padding=1),
    Convolution("ResNet-20 to stage 2", (16, 32, 32), 32, 3, 2, 1),
    Convolution("ResNet-20 stage 2", (32, 16, 16), 32, 3, padding=1),
    Convolution("ResNet-20 to stage 3", (32, 16, 16), 64, 3, 2, 1),
    Convolution("ResNet-20 stage 3", (64, 8, 8), 64, 3, padding=1),
    Convolution("1x1 shortcut, stride 2", (16, 32, 32), 32, 1, 2),
)


@dataclass(frozen=True)
class Prepared:
    """A convolution in some formats, and a batch of its input [C, H, W, images]."""

    dot: DotProduct
    where: Windows
    maps: NDArray[Any]
    filters: int

    @property
    def macs(self) -> float:
        """Multiply-accumulates of the batch."""
        return float(self.filters) * self.where.tap.size * self.where.base.size * self.maps.shape[-1]

    def run(self) -> NDArray[Any]:
        """Pad and compute, as a layer does."""
        rows = as_rows(self.where.pad(self.maps))
        return self.dot.run(rows, self.where.base, self.where.tap)


def prepared(what: Convolution, name: str, batch: int) -> Prepared:
    """Return a convolution with random weights and inputs in the formats of ``name``."""
    rng = np.random.default_rng(6)
    where = what.windows()
    w = rng.standard_normal((what.filters, where.tap.size)) / np.sqrt(where.tap.size)
    maps = rng.standard_normal((*what.source, batch), dtype=np.float32)
    weights, acts, acc, product = FORMATS[name]
    fitted = fit(parse(weights), w), fit(parse(acts), maps[..., :1])
    sums = parse(acc)
    if not sums.is_fitted:
        sums = parse(f"{acc}@2^{fitted[0].grid().quantum + fitted[1].grid().quantum}")
    formats = DotFormats(*fitted, sums, None if product is None else parse(product))
    dot = DotProduct(quantize(w, formats.weights), np.zeros(what.filters), formats)
    return Prepared(dot, where, quantize(maps, formats.acts), what.filters)


def plain_seconds(given: Prepared, budget_s: float) -> float:
    """Return CPU seconds of the faster plain matrix product with as many columns as there are windows."""
    k, batch = given.where.tap.size, given.maps.shape[-1]
    columns = given.where.base.size * batch
    zero, tap = np.zeros(1, dtype=np.int64), np.arange(k, dtype=np.int64)
    wide = np.random.default_rng(8).standard_normal((k, columns), dtype=np.float32)
    wide = quantize(wide, given.dot.formats.acts)
    tiles = [np.ascontiguousarray(wide[:, start : start + TILE]) for start in range(0, columns, TILE)]
    whole = least(lambda: given.dot.run(wide, zero, tap), budget_s)
    return min(whole, least(lambda: [given.dot.run(tile, zero, tap) for tile in tiles], budget_s))


def rate_row(what: Convolution, name: str, batch: int, budget_s: float) -> list[object]:
    """Measure one convolution in one format."""
    given = prepared(what, name, batch)
    windowed = given.macs / least(given.run, budget_s)
    path = ", ".join(given.dot.paths)
    plain = given.macs / plain_seconds(given, budget_s)
    share = windowed / plain
    rates = [f"{value / 1e9:.2f}" for value in (plain, windowed)]
    return [what.name, name, path, *rates, f"{share:.2f}", "met" if share >= GOAL else "BELOW"]


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the most memory that was allocated at one time during a call, above what was there before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    call()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


def memory_rows(what: Convolution, name: str, batches: tuple[int, ...]) -> Iterator[list[object]]:
    """Yield the peak of one convolution for each size of batch."""
    prepared(what, name, 1).run()
    for batch in batches:
        given = prepared(what, name, batch)
        height, width = given.where.padded
        held = (what.source[0] * height * width + what.filters * given.where.base.size) * batch * 8
        peak = peak_bytes(given.run)
        matrix = given.where.tap.size * given.where.base.size * batch * 4
        allowed = BOUND * held + PANEL_MIB * 2**20
        shown = [f"{value / 2**20:.1f}" for value in (peak, held, allowed, matrix)]
        yield [what.name, name, batch, *shown, "met" if peak <= allowed else "BELOW"]


def inference_rows(counts: tuple[int, ...]) -> Iterator[list[object]]:
    """Yield the peak and the rate of LeNet-5 on growing numbers of images."""
    network = load_network("lenet5")
    rng = np.random.default_rng(9)
    images = rng.random((max(counts), *network.input_shape), dtype=np.float32)
    labels = np.zeros(max(counts), dtype=np.int64)
    for name, spelled in FORMATS.items():
        assignment = Assignment(LayerFormats.of(*spelled))
        rows: list[list[object]] = []
        for count in (counts[0], *counts):  # the first compiles, and is left out
            given = network, assignment, images[:count], labels[:count], images[:8]
            seconds = cpu_seconds(lambda given=given: run_numerics(*given))
            peak = peak_bytes(lambda given=given: run_numerics(*given))
            rows.append([name, count, f"{peak / 2**20:.1f}", f"{count / seconds:.0f}"])
        yield from rows[1:]


def main() -> None:
    """Print the tables."""
    quick = options(__doc__).quick
    layers = LENET[:1] if quick else LENET + RESNET
    names = ["float<6,7>"] if quick else list(FORMATS)
    batch = 4 if quick else 256
    rates = [rate_row(what, name, batch, 0.0 if quick else 0.2) for what in layers for name in names]
    batches = (1, 2) if quick else (1, 16, 256, 1024, 4096)
    memory = [row for name in names for row in memory_rows(LENET[1] if not quick else LENET[0], name, batches)]
    print(heading())
    header = ["layer", "format", "computed by", "plain GMAC/s", "convolution", "convolution / plain", f"goal {GOAL:g}"]
    print(f"batch {batch}")
    print(text_table(header, rates))
    header = ["layer", "format", "batch", "peak MiB", "input + output", "bound", "im2col alone", "verdict"]
    print(f"\nbound: {BOUND:g} x (padded input + output) x 8 bytes + {PANEL_MIB:g} MiB")
    print(text_table(header, memory))
    if not quick:
        print("\nLeNet-5, whole inference")
        print(
            text_table(
                ["formats", "images", "peak MiB", "images per CPU s"], list(inference_rows((1, 256, 1024, 4096)))
            )
        )


if __name__ == "__main__":
    main()
