"""How long a command line takes to say anything, and what the compiler costs before the first number.

    python tests/benchmarks/bench_cold_start.py

Prints tables and judges nothing. Times are CPU seconds, user and system, of whole processes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import process  # noqa: F401  isort: skip  before numpy

from rates import heading, options

from hwsim.text import text_table

HEAVY = ("pandas", "matplotlib", "joblib", "torch", "scipy", "numba")
LOADED = f"import sys, hwsim; print(*[m for m in {HEAVY!r} if m in sys.modules])"
FIRST_CALL = """
import time
import numpy as np
from hwsim.arith.dot import DotProduct
from hwsim.arith.dot_formats import DotFormats
from hwsim.formats import parse
fmt = parse("float<6,7>")
dot = DotProduct(np.ones((4, 8)), np.zeros(4), DotFormats(fmt, fmt, fmt, fmt))
inputs = np.ones((8, 16), dtype=np.float32), np.zeros(1, dtype=np.int64), np.arange(8, dtype=np.int64)
start = time.process_time()
dot.run(*inputs)
first = time.process_time() - start
start = time.process_time()
for _ in range(1000):
    dot.run(*inputs)
print(first, (time.process_time() - start) / 1000)
"""
EVERY_PATH = """
import gc, sys, time
sys.path.insert(0, {here!r})
from cases import GOALS, OTHERS, prepared
from numba.core.dispatcher import Dispatcher
start = time.process_time()
for case in GOALS + OTHERS:
    dot, inputs = prepared(case, (4, 8, 2, 32))
    dot.run(*inputs)
spent = time.process_time() - start
# A kernel keeps a disk cache; the building blocks that are inlined into kernels keep none.
found = {{id(o): o for o in gc.get_objects() if isinstance(o, Dispatcher) and o.py_func.__module__.startswith("hwsim")}}
kernels = [o for o in found.values() if o.signatures and type(o._cache).__name__ == "KernelCache"]
print(spent, len(kernels), sum(len(o.signatures) for o in kernels))
"""


def cpu_of(command: list[str], repeats: int, **environment: str) -> tuple[float, str]:
    """Return the least CPU time of a process and what it printed."""
    best, printed = float("inf"), ""
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best, printed = min(best, spent), done.stdout
    return best, printed


def starts(repeats: int) -> list[list[object]]:
    """Measure the command's help and the bare import."""
    python = sys.executable
    bare, _ = cpu_of([python, "-c", "pass"], repeats)
    numpy_alone, _ = cpu_of([python, "-c", "import numpy"], repeats)
    shown, _ = cpu_of([python, "-c", "from hwsim.cli import main; main(['--help'])"], repeats)
    imported, loaded = cpu_of([python, "-c", LOADED], repeats)
    return [
        ["python", f"{bare:.2f}", "-", ""],
        ["import numpy", f"{numpy_alone:.2f}", "-", ""],
        ["hwsim --help", f"{shown:.2f}", "0.3", "met" if shown < 0.3 else "BELOW"],
        ["import hwsim", f"{imported:.2f}", "0.8", "met" if imported < 0.8 else "BELOW"],
        ["heavy modules that it loads", loaded.strip() or "none", "none", "met" if not loaded.strip() else "BELOW"],
    ]


def compilations(folder: str, quick: bool) -> list[list[object]]:
    """Measure the first call without and with a cache, and count what is compiled."""
    python = sys.executable
    _, cold = cpu_of([python, "-c", FIRST_CALL], 1, NUMBA_CACHE_DIR=folder)
    _, warm = cpu_of([python, "-c", FIRST_CALL], 1, NUMBA_CACHE_DIR=folder)
    rows: list[list[object]] = [
        ["first call, nothing cached", f"{float(cold.split()[0]):.2f} s"],
        ["first call, cached", f"{float(warm.split()[0]) * 1e3:.0f} ms"],
        ["a call of 4 x 8 x 16 after that", f"{float(warm.split()[1]) * 1e6:.0f} us"],
    ]
    if quick:
        return rows
    script = EVERY_PATH.format(here=str(Path(__file__).parent))
    _, every = cpu_of([python, "-c", script], 1, NUMBA_CACHE_DIR=folder)
    _, again = cpu_of([python, "-c", script], 1, NUMBA_CACHE_DIR=folder)
    spent, kernels, versions = every.split()
    return [
        *rows,
        ["every case of bench_kernels, cold", f"{float(spent):.1f} s"],
        ["every case of bench_kernels, cached", f"{float(again.split()[0]):.1f} s"],
        ["kernels compiled for them (goal: about a dozen)", kernels],
        ["machine-code versions of them, by lane type", versions],
    ]


def main() -> None:
    """Print the tables."""
    quick = options(__doc__).quick
    start_rows = starts(1 if quick else 5)
    with tempfile.TemporaryDirectory() as folder:
        rows = compilations(folder, quick)
    print(heading())
    print(text_table(["start", "CPU s", "goal below", "verdict"], start_rows))
    print()
    print(text_table(["compiling", "takes"], rows))


if __name__ == "__main__":
    main()
