"""Drawing one frontier on one pair of axes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwsim.figures import INK, QUIET
from precision_search.axes import ErrorScale, cost_axis
from precision_search.families import FAMILIES
from precision_search.frontier import importance, pareto_front
from precision_search.labels import Box, Label, Point, Scene, Wanted, place
from precision_search.text_table import spelled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Okabe & Ito, "Color universal design" (2008): told apart with every common colour blindness. Shapes differ too.
_STYLE = {
    "float": ("#0072B2", "o"),
    "fixed": ("#E69F00", "s"),
    "integer": ("#000000", "h"),
    "power of two": ("#009E73", "^"),
    "sum of powers of two": ("#D55E00", "D"),
    "codebook": ("#CC79A7", "P"),
    "block": ("#56B4E9", "X"),
    "mixed": ("#999999", "v"),
}
_MARGIN = 8.0  #: pixels between words and the edge of the picture


@dataclass(frozen=True)
class Picture:
    """What to draw.

    Attributes:
        frame: configurations as ``Results.frame`` returns them; only those with status ``ok`` are drawn.
        cost: the column on the horizontal axis.
        title, subtitle: set above the axes, left.
        baseline: correct and total of the floating-point network, drawn as a line.
    """

    frame: pd.DataFrame
    cost: str = "power_w"
    title: str = ""
    subtitle: str = ""
    baseline: tuple[int, int] | None = None


class Drawing:
    """One frontier on one pair of axes."""

    def __init__(self, axes: Axes, picture: Picture, usable: pd.DataFrame) -> None:
        self.axes = axes
        self.picture = picture
        self.usable = usable
        self.front = pareto_front(usable, picture.cost)
        self.axis = cost_axis(picture.cost, usable[picture.cost].to_numpy(float))
        self.scale = ErrorScale(int(usable["total"].max()))

    def draw(self) -> None:
        """Draw everything."""
        self._prepare()
        self._dominated()
        self._staircase()
        self._front()
        self._baseline()
        self._legend()
        self._words()
        self._labels()

    def _x(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        return self.axis.scaled(frame[self.picture.cost].to_numpy(float))

    def _y(self, accuracy: Any) -> Any:
        return self.scale.place(np.asarray(accuracy, dtype=float))

    def _prepare(self) -> None:
        axes = self.axes
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        self.axis.apply(axes)
        shown = [float(self.usable["accuracy"].min()), float(self.front["accuracy_high"].max())]
        if self.picture.baseline is not None:
            shown.append(self.picture.baseline[0] / self.picture.baseline[1])
        self.scale.apply(axes, min(shown), max(shown))
        axes.grid(axis="y", color="#E8E8E8", linewidth=0.6, zorder=0)
        axes.tick_params(length=3)

    def _dominated(self) -> None:
        rest = self.usable[~self.usable["hardware_key"].isin(self.front["hardware_key"])]
        for name in FAMILIES:
            points = rest[rest["family"] == name]
            colour, marker = _STYLE[name]
            self.axes.scatter(
                self._x(points), self._y(points["accuracy"]), s=13, marker=marker, color=colour, alpha=0.26,
                linewidths=0, zorder=2,
            )  # fmt: skip

    def _staircase(self) -> None:
        x, y = self._x(self.front), self._y(self.front["accuracy"])
        right = self.axes.get_xlim()[1]
        self.axes.step([*x, right], [*y, y[-1]], where="post", color="#444444", linewidth=0.9, zorder=3)

    def _front(self) -> None:
        for name in FAMILIES:
            points = self.front[self.front["family"] == name]
            colour, marker = _STYLE[name]
            x, y = self._x(points), self._y(points["accuracy"])
            low, high = self._y(points["accuracy_low"]), self._y(points["accuracy_high"])
            self.axes.vlines(x, low, high, color=colour, linewidth=1.1, alpha=0.75, zorder=4)
            self.axes.scatter(x, y, s=38, marker=marker, color=colour, edgecolors="white", linewidths=0.8, zorder=5)

    def _baseline(self) -> None:
        if self.picture.baseline is None:
            return
        correct, total = self.picture.baseline
        height = float(self._y(correct / total))
        self.axes.axhline(height, color=QUIET, linewidth=0.9, dashes=(5, 3), zorder=1)
        text = f"floating point {100 * correct / total:.2f} %"
        place, above = self._free_place(text, height)
        self.axes.annotate(
            text, (place, height), xycoords=("axes fraction", "data"), xytext=(0, 2.5 if above else -2.5),
            textcoords="offset points", fontsize=8, color=QUIET, va="bottom" if above else "top", gid="baseline",
        )  # fmt: skip

    def _free_place(self, text: str, height: float) -> tuple[float, bool]:
        """Return where beside the line at ``height`` a text covers least: fraction of its length, and whether above."""
        renderer = self.axes.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        extent = self.axes.get_window_extent(renderer)
        width, tall = self._size(text, renderer)
        line = float(self.axes.transData.transform((1.0, height))[1])
        solid = self._solid(self._pixels(self.front, "accuracy"), extent)
        points = [Box(x, y, x, y).grown(2.0) for x, y in self._pixels(self.usable, "accuracy")]
        starts = [extent.width - width - 6.0, *np.arange(6.0, extent.width - width, 12.0)]
        scored = []
        for above in (True, False):
            bottom = line + 5.0 if above else line - 5.0 - tall
            for start in starts:
                box = Box(extent.x0 + start, bottom, extent.x0 + start + width, bottom + tall)
                covered = (sum(map(box.overlaps, solid)), sum(map(box.overlaps, points)))
                scored.append((covered, float(start / extent.width), above))
        _, place, above = min(scored, key=lambda candidate: candidate[0])
        return place, above

    def _legend(self) -> None:
        from matplotlib.lines import Line2D

        present = [name for name in FAMILIES if (self.usable["family"] == name).any()]
        handles = [
            Line2D([], [], color=_STYLE[name][0], marker=_STYLE[name][1], linestyle="", markersize=6,
                   markeredgecolor="white", markeredgewidth=0.6, label=name)
            for name in present
        ]  # fmt: skip
        self.axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(handles), frameon=False,
            fontsize=8.5, borderpad=0.0, borderaxespad=0.5, handletextpad=0.2, handlelength=1.2, columnspacing=1.4,
        )  # fmt: skip

    def _words(self) -> None:
        axes, picture = self.axes, self.picture
        axes.set_ylabel("correctly classified (log scale of errors)")
        axes.set_xlabel(self.axis.label)
        axes.annotate(
            picture.title, (0, 1), xycoords="axes fraction", xytext=(0, 40), textcoords="offset points",
            fontsize=12, fontweight="bold", color=INK, va="bottom", annotation_clip=False,
        )  # fmt: skip
        below = axes.annotate(
            picture.subtitle, (0, 1), xycoords="axes fraction", xytext=(0, 25), textcoords="offset points",
            fontsize=8.5, color=QUIET, va="bottom", annotation_clip=False,
        )  # fmt: skip

        figure = axes.figure
        extent = below.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        room = figure.bbox.x1 - extent.x0 - _MARGIN
        if extent.width > room:  # a machine can be many words
            below.set_fontsize(below.get_fontsize() * room / extent.width)

    def _labels(self) -> None:
        texts = [spelled(row) for row in self.front.to_dict("records")]
        renderer = self.axes.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        points = self._pixels(self.front, "accuracy")
        extent = self.axes.get_window_extent(renderer)
        scene = Scene(
            frame=Box(extent.x0, extent.y0, extent.x1, extent.y1).grown(-4.0),
            solid=[*self._solid(points, extent), *self._baseline_box(extent)],
            texts=[_box(text.get_window_extent(renderer)) for text in self.axes.texts if text.get_gid() == "baseline"],
            soft=[Box(x, y, x, y).grown(2.0) for x, y in self._pixels(self.usable, "accuracy")],
            scale=renderer.points_to_pixels(1.0),
        )
        wanted = [Wanted(index, points[index], self._size(texts[index], renderer)) for index in importance(self.front)]
        for label in place(wanted, scene):
            colour = _STYLE[self.front.iloc[label.index]["family"]][0]
            self._write(texts[label.index], label, points[label.index], colour)

    def _pixels(self, frame: pd.DataFrame, height: str) -> list[Point]:
        places = np.column_stack([self._x(frame), self._y(frame[height])])
        return [(float(x), float(y)) for x, y in self.axes.transData.transform(places)]

    def _size(self, text: str, renderer: Any) -> tuple[float, float]:
        drawn = self.axes.text(0, 0, text, fontsize=8)
        extent = drawn.get_window_extent(renderer)
        drawn.remove()
        return extent.width, extent.height

    def _solid(self, points: list[Point], extent: Any) -> list[Box]:
        """Return what no label may cover: markers, bars and staircase."""
        boxes = [Box(x, y, x, y).grown(6.0) for x, y in points]
        lows, highs = self._pixels(self.front, "accuracy_low"), self._pixels(self.front, "accuracy_high")
        boxes += [Box(x, low, x, high).grown(1.5) for (x, low), (_, high) in zip(lows, highs, strict=True)]
        corners = [*points, (extent.x1, points[-1][1])]
        for (x, y), (next_x, next_y) in itertools.pairwise(corners):
            boxes.append(Box(x, y, next_x, y).grown(1.5))
            boxes.append(Box(next_x, y, next_x, next_y).grown(1.5))
        return boxes

    def _baseline_box(self, extent: Any) -> list[Box]:
        if self.picture.baseline is None:
            return []
        height = self._y(self.picture.baseline[0] / self.picture.baseline[1])
        line = float(self.axes.transData.transform((1.0, height))[1])
        return [Box(extent.x0, line, extent.x1, line).grown(0.7)]

    def _write(self, text: str, label: Label, point: Point, colour: str) -> None:
        from matplotlib.patheffects import withStroke

        inverse = self.axes.transData.inverted()
        (x0, y0), (x1, y1) = inverse.transform([point, label.anchor])
        self.axes.plot([x0, x1], [y0, y1], color=colour, linewidth=0.6, alpha=0.8, zorder=4)
        x, y = inverse.transform((label.box.left, (label.box.bottom + label.box.top) / 2))
        halo = [withStroke(linewidth=2.0, foreground="white")]
        self.axes.text(x, y, text, fontsize=8, color=colour, ha="left", va="center", zorder=7, path_effects=halo)


def _box(extent: Any) -> Box:
    return Box(extent.x0, extent.y0, extent.x1, extent.y1)
