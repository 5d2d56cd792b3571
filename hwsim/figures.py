"""How figures look, and how they are written: one style, and the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, QUIET = "#222222", "#777777"

STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9.0,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "svg.hashsalt": "hwsim",
        "svg.fonttype": "path",
    }
)
"""Settings of matplotlib, for ``matplotlib.rc_context``; the salt makes names within an SVG file the same each time."""

GRID: Mapping[str, Any] = MappingProxyType(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#E8E8E8",
        "grid.linewidth": 0.6,
        "legend.facecolor": "white",
        "legend.edgecolor": "white",
        "legend.framealpha": 1.0,
        "legend.fancybox": False,
    }
)
"""Further settings, for plain axes with a grid and without a box; a legend hides the lines behind it."""


def write_figure(figure: Figure, path: Path, dpi: int) -> tuple[Path, Path]:
    """Write ``figure`` as PNG and SVG beside each other, without a date; the folder is made.

    Args:
        figure: drawn.
        path: where; the suffix is replaced.
        dpi: of the PNG.

    Raises:
        OSError: the folder cannot be written.
    """
    png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png, dpi=dpi, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return png, svg
