"""What sharing is worth: 4 formats for each of 5 layers, 1,024 configurations, together and one by one.

python tests/benchmarks/bench_sharing.py [--lenet] [--images N] [--batch N] [--threads N]

One by one is timed on a sample of configurations spread over the space, and scaled up; the sample's results are
compared with the shared ones bit for bit. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import dataclass

import process  # noqa: F401  isort: skip  before numpy

import numpy as np

from hwsim.network import Activation, Conv2d, Flatten, GlobalAvgPool, Layer, Linear, MaxPool2d, Network, fold
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.groups import SharedWork
from hwsim.network.numerics import NumericsResult
from hwsim.network.resolve import Resolver
from hwsim.network.run import run_numerics
from hwsim.network.shared_run import BATCH, run_many

GOAL = 50
SAMPLE = 24
BUNDLE = 64  # what a worker of a sweep is given
SPACES = {
    "one format everywhere": [
        LayerFormats.of(f, f, f, f) for f in ("fixed<8,4>", "fixed<10,5>", "float<4,3>", "float<5,4>")
    ],
    "scales fitted to the data": [
        LayerFormats.of(weights, acts, "int24")
        for weights, acts in (("int4", "int6"), ("int6", "int8"), ("int8", "int10"), ("pow2<4>", "int7"))
    ],
}


@dataclass(frozen=True)
class Case:
    """A network, its images, and the places that choose."""

    name: str
    network: Network
    images: np.ndarray
    labels: np.ndarray
    calibration: np.ndarray
    places: tuple[str, ...]


def small_network(bottleneck: bool) -> Network:
    """Return a small network of five layers for 8x8 images, with random weights.

    With a bottleneck, a 1x1 convolution and an average leave the later layers, which fork most, little to do.
    """
    relu = Activation.RELU
    stem = Layer("conv1", Conv2d(16, (3, 3), padding=(1, 1), activation=relu), ("input",))
    narrow = (
        stem,
        Layer("conv2", Conv2d(32, (3, 3), padding=(1, 1), activation=relu), ("conv1",)),
        Layer("pool2", MaxPool2d((2, 2), (2, 2)), ("conv2",)),
        Layer("conv3", Conv2d(16, (1, 1), activation=relu), ("pool2",)),
        Layer("mean", GlobalAvgPool(), ("conv3",)),
        Layer("flat", Flatten(), ("mean",)),
        Layer("fc1", Linear(32, activation=relu), ("flat",)),
        Layer("fc2", Linear(10), ("fc1",)),
    )
    plain = (
        stem,
        Layer("conv2", Conv2d(16, (3, 3), padding=(1, 1), activation=relu), ("conv1",)),
        Layer("pool2", MaxPool2d((2, 2), (2, 2)), ("conv2",)),
        Layer("conv3", Conv2d(32, (3, 3), padding=(1, 1), activation=relu), ("pool2",)),
        Layer("pool3", MaxPool2d((2, 2), (2, 2)), ("conv3",)),
        Layer("flat", Flatten(), ("pool3",)),
        Layer("fc1", Linear(32, activation=relu), ("flat",)),
        Layer("fc2", Linear(10), ("fc1",)),
    )
    layers = narrow if bottleneck else plain
    random = np.random.default_rng(3)
    bare = Network("small", (1, 8, 8), layers, {})
    tensors = {}
    for layer in layers:
        for part, shape in layer.op.tensor_shapes(tuple(bare.shapes[name] for name in layer.inputs)).items():
            scale = 1 / np.sqrt(max(np.prod(shape[1:]), 1))
            tensors[f"{layer.name}.{part}"] = (random.standard_normal(shape) * scale).astype(np.float32)
    return Network("small", (1, 8, 8), layers, tensors)


def cases(images: int, lenet: bool) -> list[Case]:
    """Return what is timed."""
    from models import load_data, load_network

    digits, calibration = load_data("digits", "test"), load_data("digits", "calibration")
    count = min(images, len(digits))
    small = ("conv1", "conv2", "conv3", "fc1", "fc2")
    pixels = (digits.images[:count], digits.labels[:count], calibration.images)
    found = [
        Case("small", small_network(False), *pixels, small),
        Case("bottleneck", small_network(True), *pixels, small),
    ]
    if lenet:
        data, fitting = load_data("mnist", "test"), load_data("mnist", "calibration")
        network = fold(load_network("lenet5"))
        places = ("input", *(layer.name for layer in network.mac_layers))
        found.append(Case("lenet5", network, data.images[:images], data.labels[:images], fitting.images, places))
    return found


def assignments(choices: list[LayerFormats], places: tuple[str, ...]) -> list[Assignment]:
    """Return every combination."""
    combinations = itertools.product(choices, repeat=len(places))
    return [Assignment(choices[0], tuple(zip(places, combination, strict=True))) for combination in combinations]


def measure(case: Case, kind: str, threads: int, batch: int) -> None:
    """Time one space and print what came out."""
    every = assignments(SPACES[kind], case.places)
    data = (case.images, case.labels, case.calibration)
    sample = every[:: len(every) // SAMPLE]
    for assignment in sample:
        run_numerics(case.network, assignment, case.images[:2], case.labels[:2], case.calibration)  # compiles
    announced: list[SharedWork] = []
    start = time.perf_counter()
    together = run_many(case.network, every, *data, threads=threads, batch=batch, announce=announced.append)
    shared_s = time.perf_counter() - start
    start = time.perf_counter()
    # A worker of a sweep keeps the scales that it has chosen.
    resolver = Resolver(fold(case.network), case.calibration)
    for first in range(0, len(every), BUNDLE):
        run_many(
            resolver.network, every[first : first + BUNDLE], *data, threads=threads, batch=batch, resolver=resolver
        )
    bundled_s = time.perf_counter() - start
    start = time.perf_counter()
    alone = [run_numerics(case.network, assignment, *data, threads=threads, batch=batch) for assignment in sample]
    alone_s = (time.perf_counter() - start) / len(sample) * len(every)
    shown = together[:: len(every) // SAMPLE]
    same = all(
        isinstance(one, NumericsResult) and one.layers == other.layers and np.array_equal(one.logits, other.logits)
        for one, other in zip(shown, alone, strict=True)
    )
    report(case, kind, announced[0], (shared_s, bundled_s, alone_s), same)


def report(case: Case, kind: str, work: SharedWork, seconds: tuple[float, float, float], same: bool) -> None:
    """Print one space."""
    shared_s, bundled_s, alone_s = seconds
    print(f"{case.name}, {kind}: {work.configurations} configurations, {len(case.images)} images")
    print(f"  distinct {work.distinct}, groups {work.groups}, memory at most {work.peak_bytes / 2**20:.0f} MiB "
          f"(prepared {work.prepared_bytes / 2**20:.0f}, maps {work.maps_bytes / 2**20:.0f}, "
          f"results {work.results_bytes / 2**20:.0f})")  # fmt: skip
    print(f"  MACs asked / computed: {work.macs_asked / work.macs_computed:.1f}")
    print(f"  one by one {alone_s:.1f} s (from {SAMPLE} configurations), together {shared_s:.2f} s, "
          f"in bundles of {BUNDLE} {bundled_s:.2f} s")  # fmt: skip
    print(f"  ratio {alone_s / shared_s:.1f} together, {alone_s / bundled_s:.1f} in bundles; goal {GOAL}")
    rates = (work.configurations, work.configurations * len(case.images), work.macs_computed, work.macs_asked)
    print("  {:.1f} configurations/s, {:,.0f} images/s, {:,.0f} MAC/s computed, {:,.0f} MAC/s asked for".format(
        *(rate / shared_s for rate in rates)))  # fmt: skip
    print(f"  bit-identical to one by one: {'yes' if same else 'NO'}", flush=True)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lenet", action="store_true", help="LeNet-5 on MNIST too")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=BATCH, help="images per pass, alone and together")
    options = parser.parse_args()
    for case in cases(options.images, options.lenet):
        for kind in SPACES:
            measure(case, kind, options.threads, options.batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
