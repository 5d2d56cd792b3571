"""What the bits of INQ cost by the published schedules, and whether the largest weights have to go first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Final

from models.compression.inq import PORTIONS, Apot, Convert, Inq, Pow2, ShiftCnn
from models.compression.inq.incremental import Scale
from models.compression.inq.partition import Order
from models.compression.step import Step, Training
from models.compression.studies.cases import case
from models.compression.studies.inq_runs import KEY, SUMMARY, Case, Row, Subject, key_of, run_cases, summary
from models.compression.studies.tables import Table, made_by
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.writing import write_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

SEEDS = (1, 2, 3, 4, 5)
RATE = 0.01


@dataclass(frozen=True)
class Setting:
    """How partitions are compared on a network.

    Attributes:
        network: Its name.
        portions: Accumulated.
        epochs: Of each retraining.
        threads: Of torch.
    """

    network: str
    portions: tuple[float, ...]
    epochs: int
    threads: int


SETTINGS = (Setting("digits-cnn", (0.5, 0.75, 0.875, 1.0), 4, 1), Setting("lenet5", (0.5, 1.0), 1, 2))
LEAST: Final = "least-squares"
SCALES: tuple[Scale, ...] = ("initial", LEAST)
COMPARED: tuple[tuple[int, Scale], ...] = ((5, "initial"), (3, "initial"), (3, LEAST))  #: bits, codebook
PARTITIONS: dict[str, Order] = {"largest first": "magnitude", "random": "random"}

PUBLISHED, PARTITION, CONVERTED, THROUGH = "published schedule", "partition", "converted", "through the rounding"


def cases(setting: Setting) -> Iterator[Case]:
    """Yield every run on a network: partitions seed by seed, conversions, bits."""
    yield from _partitions(setting)
    yield from _conversions()
    for scale in SCALES:
        for bits in (5, 4, 3, 2):
            step = Inq(bits=bits, scale=scale, training=Training(epochs=setting.epochs, learning_rate=RATE))
            yield Case(PUBLISHED, f"{len(PORTIONS[bits])} steps", bits, scale, 1, step)


def _partitions(setting: Setting) -> Iterator[Case]:
    for seed in SEEDS:
        for bits, scale in COMPARED:
            for label, order in PARTITIONS.items():
                training = Training(epochs=setting.epochs, learning_rate=RATE, seed=1000 * seed)
                step = Inq(
                    bits=bits, portions=setting.portions, partition=order, scale=scale, seed=seed, training=training
                )
                yield Case(PARTITION, label, bits, scale, seed, step)


def _conversions() -> Iterator[Case]:
    retraining = Training(epochs=3, learning_rate=RATE)
    for bits in (5, 4, 3, 2):
        yield Case(CONVERTED, "pow2", bits, "initial", 1, Pow2(bits))
        yield Case(CONVERTED, "pow2", bits, LEAST, 1, Pow2(bits, scale=LEAST))
    steps: tuple[tuple[str, int, Step], ...] = (
        ("apot", 4, Apot(4)),
        ("apot", 3, Apot(3)),
        ("shiftcnn 2 x 4", 8, ShiftCnn(2, 4)),
        ("shiftcnn 2 x 3", 6, ShiftCnn(2, 3)),
        ("int8", 8, Convert("int8")),
        ("int4", 4, Convert("int4")),
    )
    for label, bits, step in steps:
        yield Case(CONVERTED, label, bits, LEAST, 1, step)
    for bits in (3, 2):
        yield Case(THROUGH, "pow2", bits, LEAST, 1, Pow2(bits, scale=LEAST, training=retraining))


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Make every run; those that ``folder`` has a row of are not made again."""
    table = Table(folder / "rows.csv", Row, KEY)
    table.expect([key_of(setting.network, wanted) for setting in SETTINGS for wanted in cases(setting)])
    for setting in SETTINGS:
        run_cases(Subject(case(setting.network, root), setting.threads), cases(setting), table, report)
        write_csv(folder / "summary.csv", SUMMARY, summary(table.rows))
        _figure(folder / setting.network, setting, table.rows)
        write_provenance(folder, facts={"learning_rate": RATE, "seeds": list(SEEDS), **made_by(table)})


def _figure(path: Path, setting: Setting, rows: Sequence[Row]) -> None:
    own = [row for row in rows if row.network == setting.network]
    save_figure(path, lambda axes: _draw(axes[0], setting, own))


def _draw(axes: Axes, setting: Setting, rows: Sequence[Row]) -> None:
    for place, label in enumerate(PARTITIONS):
        for spot, (bits, scale) in enumerate(COMPARED):
            wanted = (PARTITION, label, bits, scale)
            own = [row.validation_error for row in rows if (row.group, row.label, row.bits, row.scale) == wanted]
            axes.errorbar(
                [spot + 0.1 * place],
                [mean(own)],
                [stdev(own) if len(own) > 1 else 0.0],
                marker=MARKERS[place],
                color=COLOURS[place],
                capsize=3,
                linestyle="none",
                label=label if spot == 0 else None,
            )
    axes.set_xticks(range(len(COMPARED)), [f"{bits} bits, {scale}" for bits, scale in COMPARED])
    axes.set_xlabel("bits and scale")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("error on held-out images [%]")
    axes.set_title(f"{setting.network}, {len(setting.portions)} steps, {len(SEEDS)} seeds", loc="left")
    axes.legend()
