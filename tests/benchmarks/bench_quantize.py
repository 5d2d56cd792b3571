"""Rounding 10 million numbers to a format, as a share of np.copyto of the same array.

    python tests/benchmarks/bench_quantize.py

Prints a table and judges nothing. "into" writes to an array that is there, "fresh" makes a new one, whose pages the
system has to clear first: the same costs a copy half its rate.
"""

from __future__ import annotations

import inspect

import process  # noqa: F401  isort: skip  before numpy

import numpy as np
from rates import compare, copy_of, heading, options, verdict

from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.text import text_table

REQUIRE, STRETCH = 0.6, 0.93
GOALS = ("e5m2<sat>", "e4m3", "float<6,7>", "fp16", "bf16", "fixed<16,8>", "fixed<8,4>", "int8")
OTHERS = (
    "e5m2",
    "float<6,7,ftz>",
    "float<6,7,rtz>",
    "float<6,7,rtp>",
    "float<6,7,sr>",
    "float<8,15>",
    "fp32",
    "fixed<16,8,rtn>",
    "fixed<16,8,rhu>",
    "fixed<16,8,sr>",
    "fixed<16,8,wrap>",
    "fixed<32,12>",
    "pow2<4>",
    "apot<5>",
    "codebook<16>",
    "mxfp8e4m3",
    "mxfp4",
)


def row(name: str, x: np.ndarray, budget_s: float) -> list[object]:
    """Measure one format."""
    fmt = fit(parse(name), x[:4096])
    yard = copy_of(x)
    into = "-"
    share = 0.0
    if "out" in inspect.signature(quantize).parameters:
        out = np.empty_like(quantize(x, fmt))
        rate = compare(lambda: quantize(x, fmt, out=out), float(x.size), yard, budget_s)
        into, share = f"{rate.per_s / 1e6:.0f}", rate.share
    fresh = compare(lambda: quantize(x, fmt), float(x.size), yard, budget_s)
    best = max(share, fresh.share)
    goal = [f"{REQUIRE:g}", f"{STRETCH:g}", verdict(best, REQUIRE, STRETCH)] if name in GOALS else ["-", "-", ""]
    return [name, into, f"{share:.2f}", f"{fresh.per_s / 1e6:.0f}", f"{fresh.share:.2f}", *goal]


def main() -> None:
    """Print the table."""
    quick = options(__doc__).quick
    x = np.random.default_rng(3).standard_normal(10_000 if quick else 10_000_000).astype(np.float32)
    names = ("e4m3", "fixed<16,8>") if quick else GOALS + OTHERS
    budget_s = 0.0 if quick else 0.4
    rows = [row(name, x, budget_s) for name in names]
    print(heading())
    yard = copy_of(x)
    print(f"np.copyto of {x.size} float32: {compare(yard.call, yard.work, yard, budget_s).per_s / 1e9:.2f} Gelem/s\n")
    header = ["format", "into Melem/s", "of copy", "fresh Melem/s", "of copy", "require", "stretch", "verdict"]
    print(text_table(header, rows))


if __name__ == "__main__":
    main()
