"""What each kernel reaches, as a share of sgemm in the same process, beside the goal.

    python tests/benchmarks/bench_kernels.py

Prints a table and judges nothing. One thread, CPU time, everything that a call does: finding the bounds, choosing the
kernel, casting the operands. The table is measured a second time in a process that is restricted to AVX2, numba and
OpenBLAS alike; the goals are halved for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import process  # isort: skip  before numpy

import numpy as np
from cases import CONVOLUTION, GOALS, OTHERS, SQUARE, Case, Shape, prepared
from rates import Yardstick, compare, heading, options, sgemm, verdict

from hwsim.text import text_table

Row = dict[str, float | str]
HEADER = ("dot product", "N x K x P x images", "computed by", "GMAC/s", "of sgemm", "require", "stretch", "verdict")
TINY: Shape = (4, 8, 2, 32)


def measured(case: Case, shape: Shape, yard: Yardstick, budget_s: float) -> Row:
    """Return rate, share and kernel of one case."""
    dot, inputs = prepared(case, shape)
    rate = compare(lambda: dot.run(*inputs), float(np.prod(shape, dtype=float)), yard, budget_s)
    return {"path": ", ".join(dot.paths), "per_s": rate.per_s, "share": rate.share}


def table(quick: bool) -> list[Row]:
    """Measure every case in every shape."""
    cases = (GOALS[0], GOALS[-1]) if quick else GOALS + OTHERS
    shapes = (TINY,) if quick else (SQUARE, CONVOLUTION)
    yard = sgemm(64 if quick else 512)
    return [
        {"name": case.name, "shape": "x".join(map(str, shape)), "require": case.require, "stretch": case.stretch}
        | measured(case, shape, yard, 0.0 if quick else 0.3)
        for case in cases
        for shape in shapes
    ]


def with_avx2_only(quick: bool) -> list[Row]:
    """Measure the same in a process that has no AVX-512."""
    command = [sys.executable, __file__, "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(
        command, env={**os.environ, "HWSIM_BENCH_AVX2": "1"}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def cells(row: Row, scale: float) -> list[str]:
    """Return rate, share and verdict as they are shown."""
    share = float(row["share"])
    said = verdict(share, scale * float(row["require"]), scale * float(row["stretch"]))
    return [f"{float(row['per_s']) / 1e9:.2f}", f"{share:.3f}", said]


def shown(row: Row, narrow: Row | None) -> list[str]:
    rate, share, said = cells(row, 1.0)
    line = [str(row["name"]), str(row["shape"]), str(row["path"]), rate, share]
    line += [f"{row['require']:g}", f"{row['stretch']:g}".replace("inf", "-"), said]
    return line if narrow is None else line + cells(narrow, 0.5)


def main() -> None:
    """Print the table."""
    chosen = options(__doc__, "--json", "--one-machine")
    rows = table(chosen.quick)
    if chosen.json:
        print(json.dumps(rows))
        return
    narrow = None if chosen.one_machine or process.AVX2_ONLY else with_avx2_only(chosen.quick)
    pairs = [(row, None if narrow is None else narrow[i]) for i, row in enumerate(rows)]
    header = HEADER if narrow is None else (*HEADER, "AVX2: GMAC/s", "of AVX2 sgemm", "half the goal")
    print(heading())
    yard = sgemm()
    print(f"sgemm 512^3: {compare(yard.call, yard.work, yard).per_s / 1e9:.1f} GMAC/s\n")
    print(text_table(header, [shown(*pair) for pair in pairs]))
    below = [line for line in (shown(row, None) for row in rows) if line[-1] == "BELOW"]
    print(f"\n{len(rows)} rows, {len(below)} below the share to require (AVX-512)")


if __name__ == "__main__":
    main()
