"""What two threads cost and bring: one dot product cut into column tiles, each thread with its own tiles.

    python tests/benchmarks/bench_threads.py

Prints a table and judges nothing. CPU time tells whether threads cost more than one thread does, and holds on a busy
machine; wall time tells what they bring, and only means something while the load (in the heading) leaves both cores
free. The results must be the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import process  # noqa: F401  isort: skip  before numpy

import numpy as np
from cases import GOALS, Case, Shape, prepared
from rates import cpu_seconds, heading, options, wall_seconds

from hwsim.text import text_table

SHAPE: Shape = (50, 500, 64, 512)
TINY: Shape = (4, 8, 2, 32)
THREADS = 2
CPU_GOAL, WALL_GOAL = 1.05, 1.7


def halves(case: Case, shape: Shape, pool: ThreadPoolExecutor) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the same dot product as two calls: the column tiles one after the other, and side by side."""
    dot, (x, base, tap) = prepared(case, shape)
    width = -(-x.shape[1] // THREADS)
    tiles = [(np.ascontiguousarray(x[:, i : i + width]), base, tap, i) for i in range(0, x.shape[1], width)]

    def alone() -> object:
        return [dot.run(*tile) for tile in tiles]

    def together() -> object:
        return list(pool.map(lambda tile: dot.run(*tile), tiles))

    whole = dot.run(x, base, tap)
    same = all(np.array_equal(np.concatenate(call(), axis=2), whole, equal_nan=True) for call in (alone, together))
    if not same:
        raise AssertionError(f"{case.name}: tiles give other bits than the whole")
    return alone, together


def row(case: Case, shape: Shape, repeats: int, pool: ThreadPoolExecutor) -> list[object]:
    """Measure one case, in turn without and with threads."""
    alone, together = halves(case, shape, pool)
    times = [
        [clock(call) for clock in (cpu_seconds, wall_seconds) for call in (alone, together)] for _ in range(repeats)
    ]
    cpu_one, cpu_two, wall_one, wall_two = (min(column) for column in zip(*times, strict=True))
    cost, gain = cpu_two / cpu_one, wall_one / wall_two
    said = ["met" if cost <= CPU_GOAL else "BELOW", "met" if gain >= WALL_GOAL else "BELOW"]
    return [case.name, f"{cpu_one * 1e3:.1f}", f"{cost:.3f}", said[0], f"{gain:.2f}", said[1], "yes"]


def main() -> None:
    """Print the table."""
    quick = options(__doc__).quick
    with ThreadPoolExecutor(THREADS) as pool:
        cases = GOALS[:1] if quick else GOALS
        rows = [row(case, TINY if quick else SHAPE, 1 if quick else 9, pool) for case in cases]
    print(heading())
    print(f"{THREADS} threads on {os.cpu_count()} cores, N x K x P x images = {'x'.join(map(str, SHAPE))}\n")
    goals = [f"goal {CPU_GOAL:g}", f"goal {WALL_GOAL:g}"]
    header = ["dot product", "CPU ms", "CPU cost of threads", goals[0], "gain in wall time", goals[1], "same bits"]
    print(text_table(header, rows))


if __name__ == "__main__":
    main()
