"""Other libraries behind one face: what each can round and multiply, and why it is left out where it cannot be used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import process  # noqa: F401  isort: skip  before numpy

import numpy as np

Array = np.ndarray
Rounder = Callable[[Array], Array]
Product = Callable[[Array, Array], Array]
EXTENSIONS = Path.home() / ".cache" / "torch_extensions"


@dataclass(frozen=True)
class PeerQuantizer:
    """A library's rounding to a format.

    Attributes:
        library: its name.
        fmt: our spelling of the format that it rounds to.
        run: the call.
        elements: how many numbers to measure it on.
        goal: how many times as fast we want to be.
        known: what it is known to do differently from round to nearest even with subnormals; empty for nothing.
    """

    library: str
    fmt: str
    run: Rounder
    elements: int
    goal: float
    known: str = ""


@dataclass(frozen=True)
class PeerProduct:
    """A library's matrix product with rounding at each step; ``size`` is N = K = columns that it is measured on."""

    library: str
    fmt: str
    run: Product
    size: int
    goal: float
    known: str = ""
    scale: float = 1.0


def ours_sequence(a: Array, b: Array, rounded: Rounder) -> Array:
    """Return a @ b as updates of rank one, product and sum rounded by ``rounded``, k ascending."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.float32)
    for k in range(a.shape[1]):
        total = rounded(total + rounded(a[:, k : k + 1] * b[k : k + 1]))
    return total


def numpy_magic() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    """Updates of rank one in numpy with the constant that rounds: what one can do without a compiler."""

    def rounded(v: Array) -> Array:
        step = np.maximum(v.view(np.int32) & 0x7F800000, (127 - 30) << 23).view(np.float32) * np.float32(1.5 * 2**16)
        return (np.clip(v, -limit, limit) + step) - step

    limit = np.float32((2 - 2.0**-7) * 2.0**31)
    return [], [PeerProduct("numpy, rank 1", "float<6,7>", lambda a, b: ours_sequence(a, b, rounded), 256, 20)]


def ml_dtypes() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    ml = importlib.import_module("ml_dtypes")

    def there_and_back(kind: Any) -> Rounder:
        return lambda v: v.astype(kind).astype(np.float32)

    def rank_one(kind: Any) -> Product:
        def run(a: Array, b: Array) -> Array:
            narrow_a, narrow_b = a.astype(kind), b.astype(kind)
            total = np.zeros((a.shape[0], b.shape[1]), dtype=kind)
            for k in range(a.shape[1]):
                total = total + narrow_a[:, k : k + 1] * narrow_b[k : k + 1]
            return total.astype(np.float32)

        return run

    kinds = {"bf16": ml.bfloat16, "e4m3<inf>": ml.float8_e4m3fn, "e5m2": ml.float8_e5m2}
    quantizers = [PeerQuantizer("ml_dtypes", fmt, there_and_back(kind), 1_000_000, 1) for fmt, kind in kinds.items()]
    products = [PeerProduct("ml_dtypes, rank 1", fmt, rank_one(kind), 128, 1) for fmt, kind in kinds.items()]
    return quantizers, products


def gfloat() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    g, formats = importlib.import_module("gfloat"), importlib.import_module("gfloat.formats")

    def rounder(info: Any, sat: bool) -> Rounder:
        return lambda v: g.round_ndarray(info, v.astype(np.float64), sat=sat).astype(np.float32)

    e5m2, e4m3 = rounder(formats.format_info_ocp_e5m2, False), rounder(formats.format_info_ocp_e4m3, False)
    sat = rounder(formats.format_info_ocp_e5m2, True)
    quantizers = [
        PeerQuantizer("gfloat", name, run, 200_000, 60)
        for name, run in (("e5m2", e5m2), ("e5m2<sat>", sat), ("e4m3<inf>", e4m3))
    ]
    return quantizers, [PeerProduct("gfloat, rank 1", "e5m2", lambda a, b: ours_sequence(a, b, e5m2), 64, 1)]


def apytypes() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    apy = importlib.import_module("apytypes")
    even, saturate = apy.QuantizationMode.RND_CONV, apy.OverflowMode.SAT

    def float_product(a: Array, b: Array) -> Array:
        wide = [apy.APyFloatArray.from_array(v.astype(np.float64), exp_bits=6, man_bits=7) for v in (a, b)]
        with np.errstate(invalid="ignore"):
            return (wide[0] @ wide[1]).to_numpy().astype(np.float32)

    def fixed_product(a: Array, b: Array) -> Array:
        wide = [apy.APyFixedArray.from_array(v.astype(np.float64), int_bits=8, frac_bits=8) for v in (a, b)]
        with apy.APyFixedAccumulatorContext(int_bits=8, frac_bits=8, quantization=even, overflow=saturate):
            return (wide[0] @ wide[1]).to_numpy().astype(np.float32)

    def to_float(v: Array) -> Array:
        return apy.APyFloatArray.from_array(v.astype(np.float64), exp_bits=6, man_bits=7).to_numpy().astype(np.float32)

    def to_fixed(v: Array) -> Array:
        near = np.clip(v.astype(np.float64), -1000.0, 1000.0)
        wide = apy.APyFixedArray.from_array(near, int_bits=12, frac_bits=44)
        return wide.cast(int_bits=8, frac_bits=8, quantization=even, overflow=saturate).to_numpy().astype(np.float32)

    quantizers = [
        PeerQuantizer("apytypes", "float<6,7,ieee>", to_float, 1_000_000, 1),
        PeerQuantizer("apytypes", "fixed<16,8>", to_fixed, 1_000_000, 1),
    ]
    never = "the accumulator context saturates each product but never the running sum"
    return quantizers, [
        PeerProduct("apytypes A @ B", "float<6,7,ieee>", float_product, 256, 80),
        PeerProduct("apytypes A @ B", "float<6,7,ieee>", float_product, 256, 50, scale=2.0**15),
        PeerProduct("apytypes accumulator", "fixed<16,8>", fixed_product, 256, 150, scale=0.5),
        PeerProduct("apytypes accumulator", "fixed<16,8>", fixed_product, 256, 150, never, scale=2.0),
    ]


def qtorch(package: str) -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    """QPyTorch or qtorch-plus; both name their extension quant_cpu, so each is built in a folder of its own."""
    os.environ["TORCH_EXTENSIONS_DIR"] = str(EXTENSIONS / package)
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    quant = importlib.import_module(f"{package}.quant")

    def to_float(v: Array) -> Array:
        return quant.float_quantize(torch.from_numpy(v), exp=6, man=7, rounding="nearest").numpy()

    def to_fixed(v: Array) -> Array:
        return quant.fixed_point_quantize(torch.from_numpy(v), wl=16, fl=8, rounding="nearest").numpy()

    away = "ties go away from zero"
    quantizers = [
        PeerQuantizer(package, "float<6,7>", to_float, 1_000_000, 8, f"{away}; wrong near the smallest subnormal"),
        PeerQuantizer(package, "fixed<16,8>", to_fixed, 1_000_000, 8, "adds one half in float32, a second rounding"),
    ]
    product = PeerProduct(f"{package}, rank 1", "float<6,7>", lambda a, b: ours_sequence(a, b, to_float), 128, 1, away)
    return quantizers, [product]


def torch_int8() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)

    def int_mm(a: Array, b: Array) -> Array:
        wide = torch._int_mm(torch.from_numpy(a.astype(np.int8)), torch.from_numpy(b.astype(np.int8)))
        return wide.numpy().astype(np.float32)

    def float8(kind: Any) -> Rounder:
        return lambda v: torch.from_numpy(v).to(kind).to(torch.float32).numpy()

    clips = "saturates to 448, infinities too, where the format has a NaN for them"
    quantizers = [
        PeerQuantizer("torch .to(float8)", "e5m2", float8(torch.float8_e5m2), 1_000_000, 1),
        PeerQuantizer("torch .to(float8)", "e4m3", float8(torch.float8_e4m3fn), 1_000_000, 1, clips),
    ]
    return quantizers, [PeerProduct("torch _int_mm", "int8", int_mm, 512, 0)]


def numpy_int32() -> tuple[list[PeerQuantizer], list[PeerProduct]]:
    def run(a: Array, b: Array) -> Array:
        return (a.astype(np.int32) @ b.astype(np.int32)).astype(np.float32)

    return [], [PeerProduct("numpy int32 @ int32", "int8", run, 256, 1)]


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep what compilers say, from processes of their own, out of the tables."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def libraries(quick: bool) -> tuple[list[PeerQuantizer], list[PeerProduct], list[str]]:
    """Return what is installed, and a line with the reason for each library that is left out."""
    loaders: dict[str, Callable[[], tuple[list[PeerQuantizer], list[PeerProduct]]]] = {
        "numpy": numpy_magic,
        "numpy int32": numpy_int32,
        "ml_dtypes": ml_dtypes,
        "gfloat": gfloat,
        "apytypes": apytypes,
        "torch": torch_int8,
        "qtorch": lambda: qtorch("qtorch"),
        "qtorch_plus": lambda: qtorch("qtorch_plus"),
    }
    quantizers: list[PeerQuantizer] = []
    products: list[PeerProduct] = []
    skipped: list[str] = []
    for name, load in loaders.items():
        if quick and "torch" in name:
            skipped.append(f"{name}: left out with --quick, as it takes seconds to load or build")
            continue
        try:
            with _stdout_to_stderr():
                more = load()
        except Exception as error:  # noqa: BLE001  somebody else's build can fail in any way
            skipped.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        quantizers += more[0]
        products += more[1]
    return quantizers, products, skipped
