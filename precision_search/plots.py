"""The frontier as a figure: what accuracy costs, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from precision_search.drawing import INK, QUIET, Drawing, Picture
from precision_search.errors import SelectionError, StoreError
from precision_search.frontier import check_cost

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SETTINGS = {
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


def save_frontier(picture: Picture, path: Path) -> tuple[Path, Path]:
    """Write the figure as PNG and SVG beside each other; the same data give the same bytes.

    Args:
        picture: what to draw.
        path: where; the suffix is replaced.

    Returns:
        The two paths.

    Raises:
        SelectionError: no configuration with status ``ok``, or no such cost.
        StoreError: the folder cannot be written.
    """
    import matplotlib

    check_cost(picture.cost)
    with matplotlib.rc_context(cast("Any", _SETTINGS)):
        figure = _figure(picture)
        png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(png, dpi=200, metadata={"Software": None})
            figure.savefig(svg, metadata={"Date": None, "Creator": None})
        except OSError as error:
            raise StoreError(f"figure {str(png)!r} cannot be written: {error}; choose another place") from error
    return png, svg


def _figure(picture: Picture) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    usable = picture.frame[picture.frame["status"] == "ok"]
    if usable.empty:
        raise SelectionError("there is nothing to draw: no configuration has status 'ok'; see: precision-search status")
    figure = Figure(figsize=(7.4, 4.9), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.112, 0.875, 0.715))
    Drawing(axes, picture, usable).draw()
    return figure
