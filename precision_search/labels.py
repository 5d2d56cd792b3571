"""Placing text beside points so that nothing covers anything: greedy, in pixels, deterministic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

_ANGLES = (135, 120, 150, 105, 165, 90, 180, 75, -45, -30, -60, 45, -75, 0, -90, -120)  # degrees, best first
_DISTANCES = (11, 16, 22, 30, 40, 52, 66, 82)  # points (1/72 inch) from the marker to the nearest edge of the text


@dataclass(frozen=True)
class Box:
    """An axis-parallel rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Return True if the two share an area.

        >>> Box(0, 0, 2, 2).overlaps(Box(1, 1, 3, 3)), Box(0, 0, 1, 1).overlaps(Box(1, 0, 2, 1))
        (True, False)
        """
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def inside(self, other: Box) -> bool:
        """Return True if no part is outside ``other``."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )

    def grown(self, margin: float) -> Box:
        """Return the box with ``margin`` pixels more on every side."""
        return Box(self.left - margin, self.bottom - margin, self.right + margin, self.top + margin)

    def crosses(self, start: Point, end: Point) -> bool:
        """Return True if the segment has a part inside (Liang-Barsky clipping).

        >>> Box(0, 0, 2, 2).crosses((-1, 1), (3, 1)), Box(0, 0, 2, 2).crosses((-1, 3), (3, 3))
        (True, False)
        """
        enter, leave = 0.0, 1.0
        for axis, (low, high) in enumerate(((self.left, self.right), (self.bottom, self.top))):
            delta = end[axis] - start[axis]
            if delta == 0:
                if not low < start[axis] < high:
                    return False
                continue
            first, last = sorted(((low - start[axis]) / delta, (high - start[axis]) / delta))
            enter, leave = max(enter, first), min(leave, last)
        return enter < leave


@dataclass(frozen=True)
class Wanted:
    """A text to be placed: its point, and its width and height, in pixels."""

    index: int
    point: Point
    size: Point


@dataclass(frozen=True)
class Label:
    """A placed text: its box, and where the leader from the marker ends."""

    index: int
    box: Box
    anchor: Point


@dataclass(frozen=True)
class Scene:
    """What is on the paper already, in pixels.

    Attributes:
        frame: no label leaves it.
        solid: what no label may cover.
        texts: what neither a label nor its leader may cover.
        soft: what a label covers only if it finds no other place.
        scale: pixels per point (1/72 inch).
    """

    frame: Box
    solid: Sequence[Box]
    texts: Sequence[Box]
    soft: Sequence[Box]
    scale: float


def place(wanted: Sequence[Wanted], scene: Scene) -> list[Label]:
    """Return a place for as many labels as fit, the first wanted first; the others are left out.

    >>> scene = Scene(Box(0, 0, 100, 100), [], [], [], 1.0)
    >>> len(place([Wanted(0, (50, 50), (20, 8)), Wanted(1, (50, 50), (200, 8))], scene))
    1
    """
    placed: list[tuple[Label, Point]] = []
    for want in wanted:
        fitting = [label for label in _candidates(want, scene.scale) if _fits(label, want.point, scene, placed)]
        if fitting:
            best = min(fitting, key=lambda label: _badness(label, want.point, scene))
            placed.append((best, want.point))
    return [label for label, _ in placed]


def _candidates(want: Wanted, scale: float) -> Iterator[Label]:
    (x, y), (width, height) = want.point, want.size
    for distance in _DISTANCES:
        for angle in _ANGLES:
            end_x = x + distance * scale * math.cos(math.radians(angle))
            end_y = y + distance * scale * math.sin(math.radians(angle))
            left, bottom = end_x - width * _side(angle), end_y - height / 2
            yield Label(want.index, Box(left, bottom, left + width, bottom + height), (end_x, end_y))


def _side(angle: int) -> float:
    """Return which share of the text lies left of its anchor: 1 to the left, 0 to the right, 1/2 above and below."""
    cosine = math.cos(math.radians(angle))
    if abs(cosine) < 0.3:
        return 0.5
    return 1.0 if cosine < 0 else 0.0


def _badness(label: Label, point: Point, scene: Scene) -> float:
    """Return how many soft things the label covers, plus one for every 12 points of leader."""
    length = math.dist(point, label.anchor) / scene.scale
    return sum(label.box.overlaps(box) for box in scene.soft) + length / 12


def _fits(label: Label, point: Point, scene: Scene, placed: Sequence[tuple[Label, Point]]) -> bool:
    box = label.box.grown(1.5 * scene.scale)
    if not label.box.inside(scene.frame) or any(box.overlaps(other) for other in (*scene.solid, *scene.texts)):
        return False
    if any(text.crosses(point, label.anchor) for text in scene.texts):
        return False
    return not any(_collide(label, point, other, start) for other, start in placed)


def _collide(label: Label, point: Point, other: Label, start: Point) -> bool:
    return (
        label.box.overlaps(other.box)
        or other.box.crosses(point, label.anchor)
        or label.box.crosses(start, other.anchor)
        or _cross((point, label.anchor), (start, other.anchor))
    )


def _cross(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = first, second
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
