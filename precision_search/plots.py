"""The frontier as a figure: what accuracy costs, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hwsim.figures import STYLE, write_figure
from precision_search.drawing import Drawing, Picture
from precision_search.errors import SelectionError, StoreError
from precision_search.frontier import check_cost

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    with matplotlib.rc_context(cast("Any", dict(STYLE))):
        figure = _figure(picture)
        try:
            return write_figure(figure, path, dpi=200)
        except OSError as error:
            name = str(path.with_suffix(".png"))
            raise StoreError(f"figure {name!r} cannot be written: {error}; choose another place") from error


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
