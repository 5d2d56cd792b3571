"""From a configuration to its record: never raises, so that one bad format cannot end a sweep."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from hwsim.errors import FormatError, MachineError, NotANumberError
from precision_search.engine import Engine, Session
from precision_search.records import Failure, HardwareRecord, Inference, NumericsRecord, Status
from precision_search.task import Configuration, Task

_CRASH = "WorkerCrash"


@dataclass(frozen=True)
class Item:
    """Work for one worker: one inference, priced on every machine and table that asks for it.

    Attributes:
        engine: how to evaluate.
        tasks: configurations with one numerics key in common.
        stored: the inference, if the store has it already; then only pricing is left to do.
    """

    engine: Engine
    tasks: tuple[Task, ...]
    stored: NumericsRecord | Failure | None = None

    @property
    def key(self) -> str:
        """The numerics key of all its tasks."""
        return self.tasks[0].numerics_key


Bundle = tuple[Item, ...]  #: what a worker is given at once: configurations that share work, or a single one


@dataclass(frozen=True)
class Outcome:
    """What came back.

    Attributes:
        tasks: what was asked.
        numerics: the inference.
        hardware: prices, one for each task.
        fresh: False for a stored inference.
        computed_macs: multiply-accumulates computed for it; fewer than it has where others shared the work.
        equal: True if another configuration has the same number in every place, and its answer was taken.
    """

    tasks: tuple[Task, ...]
    numerics: NumericsRecord | Failure
    hardware: tuple[HardwareRecord | Failure, ...]
    fresh: bool
    computed_macs: int = 0
    equal: bool = False

    @property
    def key(self) -> str:
        """The numerics key of all its tasks."""
        return self.tasks[0].numerics_key

    @property
    def failed(self) -> int:
        """How many of its configurations have no numbers."""
        return sum(isinstance(record, Failure) for record in self.hardware)

    @property
    def crashed(self) -> bool:
        """True if its worker process died under it."""
        return any(isinstance(record, Failure) and record.error_type == _CRASH for record in self.hardware)


def evaluate(bundle: Bundle) -> tuple[Outcome, ...]:
    """Run and price a bundle in this process. Failures are values; only KeyboardInterrupt and the like get out."""
    session = session_of(bundle[0].engine)
    if len(bundle) == 1:
        return (_alone(session, bundle[0]),)
    try:
        found = session.numerics_many([item.tasks[0].configuration for item in bundle], bundle[0].tasks[0].subject)
    except Exception:  # noqa: BLE001  whoever causes it finds out alone; the others are not touched
        return tuple(_alone(session, item) for item in bundle)
    return tuple(_outcome(session, item, inference) for item, inference in zip(bundle, found, strict=True))


def _alone(session: Session, item: Item) -> Outcome:
    if item.stored is not None:
        return Outcome(item.tasks, item.stored, _prices(session, item, item.stored), fresh=False)
    task = item.tasks[0]
    try:
        record = session.numerics(task.configuration, task.subject)
    except Exception as error:  # noqa: BLE001  what a configuration causes is its own row's error
        return _outcome(session, item, Inference(error))
    return _outcome(session, item, Inference(record, record.macs))


def _outcome(session: Session, item: Item, inference: Inference) -> Outcome:
    found = inference.record
    numerics = failure_of(found) if isinstance(found, Exception) else found
    prices = _prices(session, item, numerics)
    return Outcome(item.tasks, numerics, prices, True, inference.computed_macs, inference.equal)


def _prices(session: Session, item: Item, numerics: NumericsRecord | Failure) -> tuple[HardwareRecord | Failure, ...]:
    if isinstance(numerics, Failure):
        return (numerics,) * len(item.tasks)
    return tuple(_hardware(session, task.configuration, numerics) for task in item.tasks)


def crashed(item: Item, reason: str) -> Outcome:
    """Return the outcome of an item that takes its process down whenever it runs."""
    failure = Failure(Status.ERROR, _CRASH, reason)
    numerics = failure if item.stored is None else item.stored
    return Outcome(item.tasks, numerics, (failure,) * len(item.tasks), fresh=item.stored is None)


@functools.lru_cache(maxsize=2)
def session_of(engine: Engine) -> Session:
    """Return this process's session of ``engine``: networks and data are loaded once per worker."""
    return engine.open()


def _hardware(session: Session, configuration: Configuration, numerics: NumericsRecord) -> HardwareRecord | Failure:
    try:
        record = session.hardware(configuration, numerics)
    except Exception as error:  # noqa: BLE001
        return failure_of(error)
    wrong = record.not_finite()
    if wrong:
        return Failure(Status.NAN, "NotFinite", f"not a finite number: {', '.join(wrong)}")
    return record


def failure_of(error: Exception) -> Failure:
    """Return ``error`` as a value; a format that the machine cannot run is infeasible, the rest are errors.

    >>> failure_of(ValueError("boom"))
    Failure(status=<Status.ERROR: 'error'>, error_type='ValueError', message='boom')
    """
    status = Status.ERROR
    if isinstance(error, NotANumberError):
        status = Status.NAN
    elif isinstance(error, MachineError | FormatError):
        status = Status.INFEASIBLE
    return Failure(status, type(error).__name__, str(error) or repr(error))
