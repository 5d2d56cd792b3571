"""The benchmarks are run by hand; here each of them runs once, with sizes that measure nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
BENCHMARKS = ("cold_start", "container", "conv", "cost", "kernels", "peers", "quantize", "simulators", "threads")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs_and_prints_where_its_table_comes_from(name: str) -> None:
    command = [sys.executable, str(FOLDER / f"bench_{name}.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:5]] == [
        "command",
        "commit",
        "machine",
        "BLAS",
        "date",
    ]
    assert "verdict" in done.stdout or "goal" in done.stdout
