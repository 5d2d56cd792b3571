"""How the splitting ratio of INQ is to be chosen, and what it costs in epochs: five seeds for each schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from models.compression.inq import Inq, Pow2
from models.compression.inq.incremental import Scale
from models.compression.step import Training
from models.compression.studies.cases import case
from models.compression.studies.inq_runs import KEY, SUMMARY, Case, Row, Subject, key_of, run_cases, summary
from models.compression.studies.tables import THREADS, Table, made_by
from models.compression.studies.writing import COLOURS, MARKERS, save_figure, write_provenance
from models.compression.writing import write_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK = "digits-cnn"
SETTINGS: tuple[tuple[int, Scale], ...] = ((3, "initial"), (2, "least-squares"))  #: bits, codebook
SEEDS = (1, 2, 3, 4, 5)
TOTAL = 12  #: epochs in all, where schedules are compared at equal cost
EACH = 2  #: epochs of each retraining, where they are compared at equal length
RATE = 0.05
STEPS = (2, 3, 4, 5, 7)  #: one more than a divisor of ``TOTAL``
FIRST = (0.1, 0.25, 0.5, 0.75, 0.9)

EQUAL_COST, EQUAL_LENGTH, EQUAL_PARTS = "halves, equal cost", "halves, equal length", "equal parts, equal cost"
FIRST_PORTION, ONE, THROUGH = "first portion of two steps", "one step", "through the rounding, equal cost"


def halves(steps: int) -> tuple[float, ...]:
    """Return portions that halve what is left in each step, as published for 5 bits; the last step takes the rest.

    >>> halves(4)
    (0.5, 0.75, 0.875, 1.0)
    """
    return (*(1 - 2.0**-place for place in range(1, steps)), 1.0)


def equal_parts(steps: int) -> tuple[float, ...]:
    """Return portions that grow by the same amount in each step.

    >>> equal_parts(4)
    (0.25, 0.5, 0.75, 1.0)
    """
    return tuple(place / steps for place in range(1, steps + 1))


def cases() -> Iterator[Case]:
    """Yield every run, one seed after another, so that a stopped study has as many seeds of each."""
    for seed in SEEDS:
        for bits, scale in SETTINGS:
            for group, label, portions, epochs in _schedules():
                # Seeds of retrainings count up from step to step: far enough apart that no two runs share one.
                training = Training(epochs=epochs, learning_rate=RATE, seed=1000 * seed)
                step = Inq(bits=bits, portions=portions, scale=scale, seed=seed, training=training)
                yield Case(group, str(label), bits, scale, seed, step)
            training = Training(epochs=TOTAL, learning_rate=RATE, seed=1000 * seed)
            through = Pow2(
                bits=bits, scale="least-squares" if scale == "least-squares" else "largest", training=training
            )
            yield Case(THROUGH, "1", bits, scale, seed, through)


def _schedules() -> Iterator[tuple[str, float, tuple[float, ...], int]]:
    """Yield group, label, portions, and the epochs of each retraining."""
    yield ONE, 1, (1.0,), 0
    for steps in STEPS:
        yield EQUAL_COST, steps, halves(steps), TOTAL // (steps - 1)
        yield EQUAL_LENGTH, steps, halves(steps), EACH
        yield EQUAL_PARTS, steps, equal_parts(steps), TOTAL // (steps - 1)
    for portion in FIRST:
        yield FIRST_PORTION, portion, (portion, 1.0), TOTAL


def run(folder: Path, root: Path | None, report: Callable[[str], None]) -> None:
    """Make every run; those that ``folder`` has a row of are not made again."""
    table = Table(folder / "rows.csv", Row, KEY)
    table.expect([key_of(NETWORK, wanted) for wanted in cases()])
    run_cases(Subject(case(NETWORK, root), THREADS), cases(), table, report)
    rows = table.rows
    write_csv(folder / "summary.csv", SUMMARY, summary(rows))
    save_figure(folder / "steps", lambda axes: _draw_steps(axes, rows), panels=len(SETTINGS))
    save_figure(folder / "first-portion", lambda axes: _draw_first(axes[0], rows))
    facts = {"network": NETWORK, "epochs": TOTAL, "learning_rate": RATE, "seeds": list(SEEDS), **made_by(table)}
    write_provenance(folder, facts=facts)


def _draw_steps(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    for panel, (bits, scale) in zip(axes, SETTINGS, strict=True):
        for place, group in enumerate((EQUAL_COST, EQUAL_LENGTH, EQUAL_PARTS)):
            _line(
                panel,
                [row for row in rows if row.bits == bits and row.group == group],
                place,
                group,
                0.06 * (place - 1),
            )
        for group, style, label in ((ONE, ":", "one step, nothing retrained"), (THROUGH, "--", THROUGH)):
            flat = [row.validation_error for row in rows if row.bits == bits and row.group == group]
            panel.axhline(mean(flat), color=COLOURS[7], linestyle=style, label=label)
        panel.set_ylim(bottom=0)
        panel.set_xlabel("steps")
        panel.set_ylabel("error on held-out images [%]")
        panel.set_title(f"{NETWORK}, {bits} bits, scale {scale}, {len(SEEDS)} seeds", loc="left")
        panel.legend()


def _draw_first(axes: Axes, rows: Sequence[Row]) -> None:
    for place, (bits, scale) in enumerate(SETTINGS):
        own = [row for row in rows if row.bits == bits and row.group == FIRST_PORTION]
        _line(axes, own, place, f"{bits} bits, scale {scale}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("portion quantised in the first of two steps")
    axes.set_ylabel("error on held-out images [%]")
    axes.set_title(f"{NETWORK}, {TOTAL} epochs, {len(SEEDS)} seeds", loc="left")
    axes.legend()


def _line(axes: Axes, rows: Sequence[Row], place: int, label: str, aside: float = 0.0) -> None:
    labels = sorted({float(row.label) for row in rows})
    errors = [[row.validation_error for row in rows if float(row.label) == own] for own in labels]
    spread = [stdev(own) if len(own) > 1 else 0.0 for own in errors]
    axes.errorbar(
        [own + aside for own in labels],
        [mean(own) for own in errors],
        spread,
        marker=MARKERS[place],
        color=COLOURS[place],
        capsize=2,
        label=label,
    )
