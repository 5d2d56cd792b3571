from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precision_search.axes import ErrorScale, cost_axis, ticks
from precision_search.drawing import Picture
from precision_search.errors import SelectionError, StoreError
from precision_search.frontier import wilson
from precision_search.plots import _figure, save_frontier
from precision_search.units import COSTS


def frame(count: int = 60, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    cost = random.uniform(1, 10, count)
    correct = np.clip((1 - 0.5 / cost - random.uniform(0, 0.3, count)) * 500, 0, 500).astype(int)
    low, high = wilson(correct, 500)
    families = random.choice(["float", "fixed", "power of two"], count)
    table = {"weights": [f"f<{n}>" for n in range(count)], "family": families, "correct": correct, "total": 500}
    rates = {"accuracy": correct / 500, "accuracy_low": low, "accuracy_high": high, "status": "ok"}
    keys = {"hardware_key": [str(n) for n in range(count)], "acts": "int8", "acc": "int24"}
    return pd.DataFrame({**table, **rates, **keys, **dict.fromkeys(COSTS, cost * 0.001)})


@pytest.mark.parametrize("cost", COSTS)
def test_both_files_are_written_and_the_same_data_give_the_same_bytes(tmp_path: Path, cost: str) -> None:
    picture = Picture(frame(), cost, "title", "subtitle", (480, 500))
    first = [path.read_bytes() for path in save_frontier(picture, tmp_path / "a.png")]
    second = [path.read_bytes() for path in save_frontier(picture, tmp_path / "b.png")]
    assert first == second
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_are_drawn_too(tmp_path: Path, count: int) -> None:
    save_frontier(Picture(frame(count)), tmp_path / "a")


def test_equal_costs_and_perfect_accuracies_are_drawn(tmp_path: Path) -> None:
    data = frame(5).assign(power_w=0.001, accuracy=1.0, accuracy_low=0.99, accuracy_high=1.0)
    save_frontier(Picture(data, baseline=(500, 500)), tmp_path / "a")


@pytest.mark.parametrize("words", [1, 3, 5])
def test_the_words_above_stay_inside_the_picture(words: int) -> None:
    text = " · ".join(["2mm2-ws@<=500MHz,aspect=2:1,ifmap=128KiB"] * words)
    figure = _figure(Picture(frame(), "runtime_s", "title", text))
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    (below,) = [found for found in figure.axes[0].texts if found.get_text() == text]
    assert 0 <= below.get_window_extent(renderer).x0
    assert below.get_window_extent(renderer).x1 <= figure.bbox.x1
    assert below.get_fontsize() <= 8.5


def test_nothing_to_draw_and_nowhere_to_write(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="nothing to draw"):
        save_frontier(Picture(frame().assign(status="error")), tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        save_frontier(Picture(frame()), tmp_path / "file" / "a")


@pytest.mark.parametrize("decades", [0.01, 0.1, 0.3, 1.0, 2.0, 5.0])
def test_ticks_are_few_round_and_inside(decades: float) -> None:
    for low in np.geomspace(1e-9, 1e9, 37):
        found = ticks(low, low * 10**decades)
        assert 1 <= len(found) <= 12
        assert all(low <= tick <= low * 10**decades for tick in found)


def test_axes_keep_order() -> None:
    heights = ErrorScale(1000).place(np.linspace(0, 1, 101))
    assert np.isfinite(heights).all()
    assert (np.diff(heights) > 0).all()
    axis = cost_axis("energy_pj", np.array([2e3, 5e3, 9e3]))
    assert axis.label == "energy per inference (nJ)"
    assert axis.low < 2 < 9 < axis.high
