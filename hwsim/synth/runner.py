"""A whole table: every element of a grid under every dataflow, in parallel, into a store that survives a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from hwsim.array.parts import Dataflow
from hwsim.cost.elements import ElementRow
from hwsim.errors import HwsimError
from hwsim.synth.benches import Unit
from hwsim.synth.laboratory import Laboratory, open_laboratory
from hwsim.synth.measure import measure
from hwsim.synth.point import Point
from hwsim.synth.rows import row_key
from hwsim.synth.settings import RunSettings
from hwsim.synth.store import RowStore

DATAFLOWS = (Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY, Dataflow.OUTPUT_STATIONARY)


@dataclass(frozen=True)
class Outcome:
    """What became of one unit: a row, or the reason why there is none."""

    unit: Unit
    row: ElementRow | None
    fault: str = ""


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        made: rows written.
        kept: rows that were there already.
        failures: unit -> reason, for those without a row.
        stale: rows in the file that other settings made.
    """

    made: int
    kept: int
    failures: tuple[tuple[str, str], ...]
    stale: int = 0


def units_of(points: Iterable[Point], dataflows: Sequence[Dataflow] = DATAFLOWS) -> tuple[Unit, ...]:
    """Return one unit per element and dataflow."""
    return tuple(Unit(point, dataflow) for point in points for dataflow in dataflows)


def fill_table(
    path: Path,
    units: Sequence[Unit],
    settings: RunSettings,
    jobs: int = 1,
    tell: Callable[[Outcome, int, int], None] = lambda outcome, done, of: None,
) -> Summary:
    """Make the rows of ``units`` that the table in ``path`` lacks; each is on disk before it is told.

    The rows do not depend on ``jobs`` or on what was there before. A unit that fails is told and left out.

    Args:
        path: the companion file; read first, so that a run that was stopped goes on.
        units: what to make.
        settings: of the run; rows on disk that other settings made are made again.
        jobs: processes.
        tell: called with each outcome, how many there are so far, and how many there will be.

    Raises:
        SynthError: no yosys, an unknown library, a file that cannot be read.
    """
    with open_laboratory(settings) as laboratory:
        store = RowStore(path, laboratory.made_with)
        missing = [unit for unit in units if not store.holds(row_key(unit), unit.rtl_sha256)]
        failures = []
        for done, outcome in enumerate(_outcomes(missing, laboratory, jobs), start=1):
            if outcome.row is not None:
                store.add(outcome.row)
            else:
                failures.append((outcome.unit.name, outcome.fault))
            tell(outcome, done, len(missing))
    made = len(missing) - len(failures)
    return Summary(made, len(units) - len(missing), tuple(sorted(failures)), len(store.stale))


def _outcomes(units: Sequence[Unit], laboratory: Laboratory, jobs: int) -> Iterator[Outcome]:
    if jobs <= 1 or len(units) <= 1:
        yield from (attempt(unit, laboratory) for unit in units)
        return
    with ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(attempt, unit, laboratory) for unit in units]
        try:
            yield from (task.result() for task in as_completed(tasks))
        finally:
            pool.shutdown(cancel_futures=True)


def attempt(unit: Unit, laboratory: Laboratory) -> Outcome:
    """Return the row of ``unit``, or why it cannot be had."""
    try:
        return Outcome(unit, measure(unit, laboratory))
    except HwsimError as error:
        return Outcome(unit, None, str(error))
