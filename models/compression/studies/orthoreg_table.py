"""Rows of the study of OrthoReg, their summary and their figure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from models.compression.studies.writing import COLOURS, save_figure
from models.compression.writing import write_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NONE = "none"  #: the arm without a regulariser


@dataclass(frozen=True)
class Row:
    """A training: images right, the training loss at its end, and what ``pairwise_cosine`` says of the filters.

    ``correct`` counts held-out images where ``purpose`` is to select, test images where it is to report.
    """

    case: str
    arm: str
    beta: float
    purpose: str
    seed: int
    correct: int
    total: int
    train_loss_nats: float
    mean_absolute_cosine: float
    mean_positive_cosine: float
    maximum_cosine: float
    share_acute: float

    @property
    def error_percent(self) -> float:
        """Images that it gets wrong, per cent."""
        return 100 - 100 * self.correct / self.total


Key = tuple[str, str, float, str, int]
KEY = ("case", "arm", "beta", "purpose", "seed")
MEASURES = tuple(field.name for field in fields(Row))[7:]  #: that the summary averages beside the error


def write_summary(folder: Path, reported: Sequence[Row]) -> None:
    """Write ``summary.csv`` and the figure from the reported runs: means and standard deviations over seeds."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in reported:
        groups.setdefault((row.case, row.arm), []).append(row)
    table = []
    for (case, arm), of_arm in groups.items():
        plain = {row.seed: row.error_percent for row in groups[case, NONE]}
        change = [row.error_percent - plain[row.seed] for row in of_arm]
        columns = [[row.error_percent for row in of_arm], change]
        columns += [[getattr(row, name) for row in of_arm] for name in MEASURES]
        spread = [value for column in columns for value in (statistics.fmean(column), statistics.stdev(column))]
        table.append((case, arm, of_arm[0].beta, len(of_arm), *(f"{value:.5g}" for value in spread)))
    names = ("test_error_percent", "change_percent_points", *MEASURES)
    header = ("case", "arm", "beta", "seeds", *(f"{name}_{what}" for name in names for what in ("mean", "std")))
    write_csv(folder / "summary.csv", header, table)
    save_figure(folder / "orthoreg", lambda axes: _draw(axes, groups), panels=2, size=(10.4, 4.4))


def _draw(axes: Sequence[Axes], groups: dict[tuple[str, str], list[Row]]) -> None:
    cases = list(dict.fromkeys(case for case, _ in groups))
    arms = list(dict.fromkeys(arm for _, arm in groups))
    plain = {(case, row.seed): row.error_percent for case in cases for row in groups[case, NONE]}
    values: tuple[tuple[str, Callable[[Row], float]], ...] = (
        ("mean absolute cosine between filters", lambda row: row.mean_absolute_cosine),
        (
            "points of test error less those without, same seed",
            lambda row: row.error_percent - plain[row.case, row.seed],
        ),
    )
    for panel, (label, value) in zip(axes, values, strict=True):
        for place, arm in enumerate(arms):
            shift = 0.15 * (place - (len(arms) - 1) / 2)
            points = [(i + shift, value(row)) for i, case in enumerate(cases) for row in groups.get((case, arm), ())]
            x, y = zip(*points, strict=True)
            panel.plot(x, y, "o", color=COLOURS[place], markersize=4, label=arm, alpha=0.8)
        panel.set_xticks(range(len(cases)), [case.replace(" ", "\n") for case in cases])
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0 if panel is axes[0] else None)
    axes[0].legend()
