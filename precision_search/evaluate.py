"""From a configuration to its record: never raises, so that one bad format cannot end a sweep."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from hwsim.errors import FormatError, MachineError, NotANumberError
from precision_search.engine import Engine, Session
from precision_search.records import Failure, HardwareRecord, NumericsRecord, Status
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


@dataclass(frozen=True)
class Outcome:
    """What came back: ``hardware`` belongs to ``tasks``, one each; ``fresh`` is False for a stored inference."""

    tasks: tuple[Task, ...]
    numerics: NumericsRecord | Failure
    hardware: tuple[HardwareRecord | Failure, ...]
    fresh: bool

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


def evaluate(item: Item) -> Outcome:
    """Run and price an item in this process. Failures are values; only KeyboardInterrupt and the like get out."""
    session = session_of(item.engine)
    numerics = item.stored if item.stored is not None else _numerics(session, item.tasks[0])
    if isinstance(numerics, Failure):
        hardware: tuple[HardwareRecord | Failure, ...] = (numerics,) * len(item.tasks)
    else:
        hardware = tuple(_hardware(session, task.configuration, numerics) for task in item.tasks)
    return Outcome(item.tasks, numerics, hardware, fresh=item.stored is None)


def crashed(item: Item, reason: str) -> Outcome:
    """Return the outcome of an item that takes its process down whenever it runs."""
    failure = Failure(Status.ERROR, _CRASH, reason)
    numerics = failure if item.stored is None else item.stored
    return Outcome(item.tasks, numerics, (failure,) * len(item.tasks), fresh=item.stored is None)


@functools.lru_cache(maxsize=2)
def session_of(engine: Engine) -> Session:
    """Return this process's session of ``engine``: networks and data are loaded once per worker."""
    return engine.open()


def _numerics(session: Session, task: Task) -> NumericsRecord | Failure:
    try:
        return session.numerics(task.configuration, task.subject)
    except Exception as error:  # noqa: BLE001  what a configuration causes is its own row's error
        return failure_of(error)


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
