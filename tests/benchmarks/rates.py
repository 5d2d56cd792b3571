"""Rates in one process: least CPU time of several calls, taken in turn with the yardstick that they are divided by."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import process  # isort: skip  before numpy

import numba
import numpy as np

Call = Callable[[], object]
BUDGET_S = 0.4  #: CPU time spent on one row, seconds
SGEMM_SIZE = 512


@dataclass(frozen=True)
class Rate:
    """What a call reached.

    Attributes:
        per_s: units of work per CPU second.
        share: of the yardstick's units per CPU second, measured in turn with it.
    """

    per_s: float
    share: float


@dataclass(frozen=True)
class Yardstick:
    """A call that everything is divided by, and its units of work."""

    call: Call
    work: float


def cpu_seconds(call: Call) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def wall_seconds(call: Call) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def least(call: Call, budget_s: float = BUDGET_S, clock: Callable[[Call], float] = cpu_seconds) -> float:
    """Return the least time of a call over at least three, after one to warm up."""
    call()
    times: list[float] = []
    while len(times) < 3 or sum(times) < budget_s:
        times.append(clock(call))
    return min(times)


def compare(call: Call, work: float, yard: Yardstick, budget_s: float = BUDGET_S) -> Rate:
    """Return the rate of ``call``, which does ``work`` units, and its share of the yardstick's."""
    call()
    yard.call()
    ours: list[float] = []
    theirs: list[float] = []
    while len(ours) < 3 or sum(ours) < budget_s:
        ours.append(cpu_seconds(call))
        theirs.append(cpu_seconds(yard.call))
    while sum(theirs) < budget_s / 8:
        theirs.append(cpu_seconds(yard.call))
    rate = work / min(ours)
    return Rate(rate, rate / (yard.work / min(theirs)))


def sgemm(size: int = SGEMM_SIZE) -> Yardstick:
    """float32 matmul of numpy; units are multiply-accumulates."""
    a = np.random.default_rng(1).standard_normal((size, size)).astype(np.float32)
    out = np.empty_like(a)
    return Yardstick(lambda: np.matmul(a, a, out=out), float(size) ** 3)


def copy_of(source: np.ndarray) -> Yardstick:
    """np.copyto into an array that is there; units are elements."""
    target = np.empty_like(source)
    return Yardstick(lambda: np.copyto(target, source), float(source.size))


def verdict(share: float, require: float, stretch: float) -> str:
    """Return which goal a share meets."""
    if share >= stretch:
        return "stretch"
    return "met" if share >= require else "BELOW"


def options(description: str | None, *flags: str) -> argparse.Namespace:
    """Parse the command line: --quick, and further flags."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def heading() -> str:
    """Return the lines that say where and from what a table comes."""
    command = " ".join(["python", *sys.argv])
    when = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}"
    return "\n".join(
        [
            f"command  {command}",
            f"commit   {commit()}",
            f"machine  {cpu_name()}, {os.cpu_count()} cores, load {load}; {versions}",
            f"BLAS     {blas_name()}; numba for {numba_target()}",
            f"date     {when}; least CPU time, one thread",
            "",
        ]
    )


def commit() -> str:
    """Return the commit of this checkout, and whether the sources differ from it."""
    root = Path(__file__).parents[2]

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "hwsim")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes in hwsim" if changed else "")


def cpu_name() -> str:
    """Return the processor's name and vector width."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    family = f"family {named.get('cpu family')} model {named.get('model')}"
    vectors = "AVX-512" if "avx512f" in named.get("flags", "") else "AVX2"
    return f"{named.get('model name')} ({family}, {vectors})"


def blas_name() -> str:
    """Return which BLAS kernel numpy uses."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (install threadpoolctl to see its kernel)"
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return ", ".join(f"{pool['internal_api']} {pool['version']} kernel {pool.get('architecture')}" for pool in found)


def numba_target() -> str:
    """Return what numba compiles for."""
    import llvmlite.binding as llvm

    name = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    return f"{name}, AVX2 only" if process.AVX2_ONLY else name
