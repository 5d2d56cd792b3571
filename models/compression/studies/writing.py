"""What a study leaves behind: log, pictures, and which command, code and machine made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hwsim.figures import GRID, STYLE, write_figure
from models.compression.errors import CompressionError
from models.compression.writing import write_json, write_text
from models.provenance import provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#999999")
"""Okabe & Ito, "Color universal design" (2008): told apart with every common colour blindness."""
MARKERS = ("o", "s", "^", "D", "P", "X", "h", "v")


class Log:
    """Reports lines, and keeps them in a file that goes on where it stopped."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path, self._report = path, report
        self._lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def __call__(self, line: str) -> None:
        """Write and report a line. Raises CompressionError where the file cannot be written."""
        self._lines.append(line)
        write_text(self._path, "\n".join(self._lines) + "\n")
        self._report(line)


def write_provenance(folder: Path, command: str = "", facts: Mapping[str, object] | None = None) -> None:
    """Write ``provenance.json`` into ``folder``, with further facts of the run.

    Raises:
        CompressionError: the file cannot be written.
    """
    write_json(folder / "provenance.json", {**provenance(command), **(facts or {})})


def save_figure(
    path: Path, draw: Callable[[Sequence[Axes]], None], panels: int = 1, size: tuple[float, float] = (0.0, 0.0)
) -> tuple[Path, Path]:
    """Draw a figure and write it as PNG and SVG beside each other; the same data give the same bytes.

    Args:
        path: Where; the suffix is replaced.
        draw: Gets the axes, one per panel from left to right.
        panels: How many.
        size: Inches; by default 5.2 across each panel, 4 high.

    Raises:
        CompressionError: the folder cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast("Any", {**STYLE, **GRID})):
        figure = Figure(figsize=size if size[0] else (5.2 * panels, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        draw(list(axes))
        try:
            return write_figure(figure, path, dpi=160)
        except OSError as error:
            raise CompressionError(f"{path} cannot be written ({error}): name another folder") from error
