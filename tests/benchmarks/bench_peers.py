"""Other libraries in the same process: how much faster we are, and whether they give the same bits.

    python tests/benchmarks/bench_peers.py

Prints tables and judges nothing. Whatever is not installed, or does not build, is left out with its reason. QPyTorch
and qtorch-plus compile an extension when they are first loaded. "other results" counts the numbers that differ from
ours, which are compared with exact arithmetic in the tests; what a library is known to do differently stands beside it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import process  # noqa: F401  isort: skip  before numpy

import numpy as np
from peer_libraries import PeerProduct, PeerQuantizer, libraries
from rates import heading, least, options

from hwsim.arith.dot import DotProduct
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.text import text_table


def edge_values(count: int) -> np.ndarray:
    """Return float32 numbers that are hard to round: midpoints and their neighbours, tiny, huge; then random ones."""
    rng = np.random.default_rng(11)
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = np.concatenate([halves, (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)])
    middles = middles[np.isfinite(middles)]
    near = [middles, np.nextafter(middles, np.float32(np.inf)), np.nextafter(middles, np.float32(-np.inf))]
    edges = np.concatenate(near)
    edges = edges[np.isfinite(edges) & (np.abs(edges) < 1e30)]
    chosen = edges if edges.size <= count else rng.choice(edges, count, replace=False)
    return np.concatenate([chosen, rng.standard_normal(max(0, count - chosen.size)).astype(np.float32)])


def differing(theirs: np.ndarray, ours: np.ndarray) -> int:
    """Return how many numbers differ; NaN equals NaN, and zeros have no sign."""
    return int(np.count_nonzero(~((theirs == ours) | (np.isnan(theirs) & np.isnan(ours)))))


def judged(gain: float, goal: float) -> list[str]:
    if goal <= 1:
        return [f"{gain:.1f}", "-", ""]
    return [f"{gain:.1f}", f"{goal:g}", "met" if gain >= goal else "BELOW"]


def quantizer_row(peer: PeerQuantizer, budget_s: float, limit: int) -> list[object]:
    """Compare one rounding: rates on the peer's own number of elements, results on the edge values."""
    fmt = parse(peer.fmt)
    x = np.random.default_rng(3).standard_normal(min(peer.elements, limit)).astype(np.float32)
    theirs, ours = (x.size / least(call, budget_s) for call in (lambda: peer.run(x), lambda: quantize(x, fmt)))
    edges = edge_values(min(500_000, limit))
    wrong = differing(peer.run(edges), quantize(edges, fmt))
    rates = [f"{value / 1e6:.0f}" for value in (theirs, ours)]
    return [peer.library, peer.fmt, *rates, *judged(ours / theirs, peer.goal), f"{wrong} of {edges.size}", peer.known]


def our_product(fmt_name: str, a: np.ndarray, b: np.ndarray) -> tuple[Callable[[], np.ndarray], np.ndarray, np.ndarray]:
    """Return our dot product, and the operands rounded to the format."""
    acc = None
    if fmt_name == "int8":
        fmt = parse("int8@2^0")
        acc = parse("int32@2^0")
        a, b = a * 40, b * 40
    else:
        fmt = parse(fmt_name)
    w, x = quantize(a, fmt), quantize(b, fmt)
    dot = DotProduct(w, np.zeros(len(w)), DotFormats(fmt, fmt, acc or fmt, None if acc else fmt))
    zero, tap = np.zeros(1, dtype=np.int64), np.arange(len(x), dtype=np.int64)
    return lambda: dot.run(x, zero, tap)[:, 0], w.astype(np.float32), x.astype(np.float32)


def product_row(peer: PeerProduct, budget_s: float, limit: int) -> list[object]:
    """Compare one matrix product; ours is measured at 256 at least, where its fixed costs are spread."""
    rng = np.random.default_rng(4)
    size = min(peer.size, limit)
    a, b = (rng.standard_normal((size, size)) * peer.scale for _ in range(2))
    run, w, x = our_product(peer.fmt, a, b)
    theirs = float(size) ** 3 / least(lambda: peer.run(w, x), budget_s)
    wrong = differing(peer.run(w, x), run())
    full = min(max(256, size), limit)
    square = [rng.standard_normal((full, full)) * peer.scale for _ in range(2)]
    ours = float(full) ** 3 / least(our_product(peer.fmt, *square)[0], budget_s)
    rates = [f"{theirs / 1e6:.0f}", f"{ours / 1e6:.0f}"]
    name = f"{peer.fmt}, numbers about {peer.scale:g}"
    return [peer.library, name, *rates, *judged(ours / theirs, peer.goal), f"{wrong} of {size * size}", peer.known]


def counterexamples() -> list[list[object]]:
    """Single numbers that libraries get wrong, run now; one that is not installed is left out."""
    shown: list[tuple[str, str, str, Callable[[], object]]] = [
        ("apytypes", "1*100 + 1*100, 8 integer bits, saturating", "127.996", _apytypes_sum),
        ("qtorch", "1.125 to e5m2, ties to even", "1.0", lambda: _qtorch("qtorch", 1.125)),
        ("qtorch", "61440 to e5m2, saturating", "57344", lambda: _qtorch("qtorch", 61440.0)),
        ("qtorch_plus", "1.125 to e5m2, ties to even", "1.0", lambda: _qtorch("qtorch_plus", 1.125)),
        ("qtorch_plus", "1.01 * 2^-17 to e5m2", "2^-16 = 1.52588e-05", lambda: _qtorch("qtorch_plus", 1.01 * 2.0**-17)),
        ("torch", "470 to e4m3fn", "nan (saturating is a mode of its own)", _torch_e4m3),
        ("ml_dtypes", "465 to e4m3fn", "nan; 448 where one saturates", _ml_dtypes_e4m3),
        ("pychop", "61440 to e5m2 of range 57344", "57344 or inf", _pychop_e5m2),
    ]
    rows: list[list[object]] = []
    for library, what, right, call in shown:
        try:
            rows.append([library, what, right, call()])
        except Exception as error:  # noqa: BLE001  not installed, not built, or changed since
            rows.append([library, what, right, f"not run: {type(error).__name__}"])
    return rows


def _apytypes_sum() -> float:
    apy = importlib.import_module("apytypes")
    even, saturate = apy.QuantizationMode.RND_CONV, apy.OverflowMode.SAT
    a = apy.APyFixedArray.from_float([[1.0, 1.0]], int_bits=8, frac_bits=8)
    b = apy.APyFixedArray.from_float([[100.0], [100.0]], int_bits=8, frac_bits=8)
    with apy.APyFixedAccumulatorContext(int_bits=8, frac_bits=8, quantization=even, overflow=saturate):
        return float((a @ b).to_numpy()[0, 0])


def _qtorch(package: str, value: float) -> float:
    torch, quant = importlib.import_module("torch"), importlib.import_module(f"{package}.quant")
    return float(quant.float_quantize(torch.tensor([value]), exp=5, man=2, rounding="nearest")[0])


def _torch_e4m3() -> float:
    torch = importlib.import_module("torch")
    return float(torch.tensor([470.0]).to(torch.float8_e4m3fn).float()[0])


def _ml_dtypes_e4m3() -> float:
    ml = importlib.import_module("ml_dtypes")
    return float(np.array([465.0], np.float32).astype(ml.float8_e4m3fn).astype(np.float32)[0])


def _pychop_e5m2() -> float:
    pychop = importlib.import_module("pychop")
    return float(pychop.Chop(exp_bits=5, sig_bits=2, rmode=1)(np.array([61440.0]))[0])


def main() -> None:
    """Print the tables."""
    quick = options(__doc__).quick
    budget_s, elements, size = (0.0, 2000, 16) if quick else (0.3, 1 << 30, 1 << 30)
    quantizers, products, skipped = libraries(quick)
    rounded = [quantizer_row(peer, budget_s, elements) for peer in quantizers]
    multiplied = [product_row(peer, budget_s, size) for peer in products]
    examples = [] if quick else counterexamples()
    print(heading())
    header = ["library", "format", "Melem/s", "ours", "x", "goal", "verdict", "other results", "known"]
    print(text_table(header, rounded))
    header[2] = "MMAC/s"
    print("\n" + text_table(header, multiplied))
    if examples:
        print("\n" + text_table(["library", "case", "right", "it gives"], examples))
    print("\n" + "\n".join(f"left out: {line}" for line in skipped or ["nothing"]))


if __name__ == "__main__":
    main()
