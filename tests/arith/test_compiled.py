"""The disk cache of compiled kernels: it notices changed building blocks, and damage costs a compilation at most."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.compiled import KernelCache, source_stamp
from hwsim.network import activity_kernels

PROGRAM = """
import numpy as np
from hwsim.arith.quantize import quantize
from hwsim.arith import quantize_kernels
from hwsim.formats import parse
print(quantize(np.array([0.3, 5.0]), parse("fixed<4,3>")).tolist())
stats = quantize_kernels.quantize_even.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
RIGHT = "[0.5, 3.5]"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "hwsim", tmp_path / "hwsim", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(tree: Path) -> tuple[str, int, int]:
    """Return what was computed, and how many kernels came from the cache and from the compiler."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(tree / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values, counts = done.stdout.splitlines()
    hits, misses = map(int, counts.split())
    return values, hits, misses


def test_the_second_process_compiles_nothing(tree: Path) -> None:
    assert run(tree) == (RIGHT, 0, 1)
    assert run(tree) == (RIGHT, 1, 0)


def test_a_changed_building_block_is_noticed(tree: Path) -> None:
    run(tree)
    block = tree / "hwsim" / "arith" / "lanes.py"
    text = block.read_text()
    broken = text.replace("return high if x > high else x", "return low")
    assert broken != text
    block.write_text(broken)
    values, _, misses = run(tree)
    assert misses == 1
    assert values != RIGHT


def test_a_kernel_of_another_room_knows_its_own_sources_and_the_building_blocks(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    (room / "kernel.py").write_text("a = 1")
    first = source_stamp.__wrapped__(room)
    assert source_stamp.__wrapped__(room) == first
    (room / "kernel.py").write_text("a = 2")
    second = source_stamp.__wrapped__(room)
    assert second != first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwsim.compiled.BLOCKS", tmp_path)
        assert source_stamp.__wrapped__(room) != second
    kernel = activity_kernels.__file__
    assert KernelCache(
        next(
            f.py_func
            for f in vars(activity_kernels).values()
            if hasattr(f, "py_func") and f.py_func.__code__.co_filename == kernel
        )
    )._cache_file._source_stamp == source_stamp(Path(kernel).parent)


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [b"", b"\x80\x04garbage", b"not a pickle at all"])
def test_a_damaged_cache_heals(tree: Path, suffix: str, damage: bytes) -> None:
    run(tree)
    files = list((tree / "cache").rglob(f"*{suffix}"))
    assert files
    for file in files:
        file.write_bytes(damage)
    assert run(tree) == (RIGHT, 0, 1)
    assert run(tree) == (RIGHT, 1, 0)
