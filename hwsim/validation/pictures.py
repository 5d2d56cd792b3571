"""Pictures of the page: measured across, predicted up; a point on the diagonal is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hwsim.cost import find_table
from hwsim.formats.base import PeKind
from hwsim.validation.elements import LeftOut, left_out, synthesised_tables
from hwsim.validation.layers import FedLayer, fed_layer
from hwsim.validation.records import Record, load_record, record_names

MARKS = {
    PeKind.SHIFT_ADD: ("shift-add", "o", "#0072b2"),
    PeKind.MULTI_SHIFT_ADD: ("sum of shifts", "s", "#56b4e9"),
    PeKind.INT_MAC: ("integer", "^", "#d55e00"),
    PeKind.FLOAT_MAC: ("float", "D", "#009e73"),
}
_FLOWS = {"ws": ("weight stationary", "o"), "os": ("output stationary", "s"), "is": ("input stationary", "^")}
_COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#009e73", "#cc79a7")


def element_file(table: str) -> str:
    """Return the name of the picture of a table's elements.

    >>> element_file("sky130")
    'validation-elements-sky130.svg'
    """
    return f"validation-elements-{table}.svg"


def layer_file(table: str) -> str:
    """Return the name of the picture of layers fed to a table's elements."""
    return f"validation-layers-{table}.svg"


def draw_all(folder: Path) -> list[Path]:
    """Draw every picture of the page into ``folder``."""
    tables = synthesised_tables()
    records = [load_record(name) for name in record_names() if name.startswith("energy_")]
    fed = [layer_picture(record, folder) for record in records if record.provenance["table"] in tables]
    return [*(element_picture(table, folder) for table in tables), *fed]


def element_picture(table: str, folder: Path) -> Path:
    """Draw area and energy of every element of ``table``, each predicted from the others; return the file."""
    prices = find_table(table)
    panels = [
        ("area of an element, um²", list(left_out(prices, "area_um2")), 0.07),
        ("energy of a multiply-accumulate, pJ", list(left_out(prices, "core_pj")), 0.07),
    ]

    def draw(axes: Sequence[Any]) -> None:
        for axis, (title, points, band) in zip(axes, panels, strict=True):
            _elements(axis, points)
            _frame(axis, title, [(p.measured, p.predicted) for p in points], band)
        axes[1].legend(frameon=False, fontsize=8, loc="lower right")

    return _save(folder / element_file(table), f"{table}: each row left out and predicted from the others", 2, draw)


def _elements(axis: Any, points: Sequence[LeftOut]) -> None:
    for kind, (label, mark, colour) in MARKS.items():
        own = [point for point in points if point.row.kind is kind]
        if own:
            xs, ys = ([getattr(point, name) for point in own] for name in ("measured", "predicted"))
            axis.scatter(xs, ys, s=16, marker=mark, facecolors="none", edgecolors=colour, linewidths=0.9, label=label)


def layer_picture(record: Record, folder: Path) -> Path:
    """Draw the energy of elements fed with real layers, predicted with and without the layers' activity."""
    table = find_table(record.provenance["table"])
    fed = [fed_layer(row, table) for row in record.rows]
    panels: list[tuple[str, Callable[[FedLayer], float]]] = [
        ("predicted from the layer's toggles, pJ", lambda x: x.core_pj),
        ("as if fed with the table's stream, pJ", lambda x: x.plain_pj),
    ]

    everything = [(float(x.measured["core_pj"]), value) for x in fed for value in (x.core_pj, x.plain_pj)]

    def draw(axes: Sequence[Any]) -> None:
        for axis, (title, predicted) in zip(axes, panels, strict=True):
            _layers(axis, fed, predicted)
            _frame(axis, title, everything, 0.2)
        axes[1].legend(frameon=False, fontsize=7, loc="lower right")

    return _save(
        folder / layer_file(table.name), f"{table.name}: elements fed with layers of trained networks", 2, draw
    )


def _layers(axis: Any, fed: Sequence[FedLayer], predicted: Callable[[FedLayer], float]) -> None:
    weights = list(dict.fromkeys(x.measured["weights"] for x in fed))
    for flow, (flow_label, mark) in _FLOWS.items():
        for weight, colour in zip(weights, _COLOURS, strict=False):
            own = [x for x in fed if (x.measured["weights"], x.measured["dataflow"]) == (weight, flow)]
            if own:
                xs, ys = [float(x.measured["core_pj"]) for x in own], [predicted(x) for x in own]
                label = f"int8 x {weight}, {flow_label}"
                axis.scatter(
                    xs, ys, s=20, marker=mark, facecolors="none", edgecolors=colour, linewidths=0.9, label=label
                )


def _frame(axis: Any, title: str, points: Iterable[tuple[float, float]], band: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    values = [value for point in points for value in point]
    ends = [min(values) / 1.2, max(values) * 1.2]
    axis.plot(ends, ends, color="0.4", linewidth=0.8, zorder=0)
    axis.fill_between(ends, [e * (1 - band) for e in ends], [e * (1 + band) for e in ends], color="0.92", zorder=-1)
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="measured", ylabel="predicted")
    axis.set_title(f"{title} (band: {band:.0%})", fontsize=9)
    axis.set_aspect("equal")
    for own in (axis.xaxis, axis.yaxis):
        own.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        own.set_minor_locator(NullLocator())
        own.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.tick_params(labelsize=8)


def _save(path: Path, title: str, panels: int, draw: Callable[[Sequence[Any]], None]) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {"svg.hashsalt": "hwsim", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(4.6 * panels, 4.4), layout="constrained")
        draw(figure.subplots(1, panels))
        figure.suptitle(title, fontsize=10)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path
