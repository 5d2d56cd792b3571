"""A sweep from start to end: plan, skip what is stored, warm up, evaluate in parallel, store each result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hwsim.errors import HwsimError
from models.provenance import code_version
from precision_search.bundles import bundles
from precision_search.engine import Engine, Session
from precision_search.errors import RunnerError
from precision_search.evaluate import Bundle, Item, Outcome, evaluate, session_of
from precision_search.pool import run_bundles
from precision_search.records import Failure, NumericsRecord, Status
from precision_search.space import Space
from precision_search.store import Store
from precision_search.task import Configuration, Task


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes:
        stage: what is being done, in words.
        total: configurations of the space; ``stored`` of them were there before this run.
        done: configurations finished in this run; ``failed`` of them without numbers.
        images, macs: images classified and multiply-accumulates emulated in this run, each configuration by itself.
        computed_macs: multiply-accumulates computed; fewer, because configurations share layers.
        equal: configurations whose every number is that of another one, computed once.
        elapsed_s: seconds since evaluation began, compilation not included.
    """

    stage: str
    total: int = 0
    stored: int = 0
    done: int = 0
    failed: int = 0
    images: int = 0
    macs: int = 0
    computed_macs: int = 0
    equal: int = 0
    elapsed_s: float = 0.0

    @property
    def remaining_s(self) -> float | None:
        """Estimated seconds left; None before the first result.

        >>> Progress("", total=10, stored=2, done=2, elapsed_s=3.0).remaining_s
        9.0
        """
        if self.done == 0:
            return None
        return self.elapsed_s / self.done * (self.total - self.stored - self.done)

    def plus(self, outcome: Outcome, elapsed_s: float) -> Progress:
        """Return the progress after one more outcome."""
        ran = outcome.numerics if outcome.fresh and isinstance(outcome.numerics, NumericsRecord) else None
        return replace(
            self,
            done=self.done + len(outcome.tasks),
            failed=self.failed + outcome.failed,
            images=self.images + (ran.total if ran else 0),
            macs=self.macs + (ran.macs if ran else 0),
            computed_macs=self.computed_macs + outcome.computed_macs,
            equal=self.equal + outcome.equal,
            elapsed_s=elapsed_s,
        )


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class RunResult:
    """What a run did, and the hardware keys of its space in order."""

    progress: Progress
    keys: tuple[str, ...]


def run(
    space: Space,
    store_path: Path,
    engine: Engine,
    *,
    jobs: int = 1,
    retry: bool = False,
    listener: Listener = lambda progress: None,
) -> RunResult:
    """Evaluate what ``space`` holds and ``store_path`` does not; the result does not depend on ``jobs``.

    Each result is stored as it arrives: stopped in any way, the same call goes on from there.

    Args:
        space: what to evaluate.
        store_path: the result file; made if it is not there.
        engine: the simulator.
        jobs: worker processes; 1 runs in this process, 0 takes every core.
        retry: evaluate stored failures again.
        listener: called with the progress after every change.

    Raises:
        SpaceError, StoreError, RunnerError, or another HwsimError that concerns the whole sweep.
    """
    listener(Progress("loading the network and its data"))
    session = session_of(engine)
    tasks = plan(space, session)
    with Store(store_path, code_version()) as store:
        items = _pending(tasks, store, engine, retry)
        waiting = sum(len(item.tasks) for item in items)
        progress = Progress("", total=len(tasks), stored=len(tasks) - waiting)
        listener(
            replace(progress, stage=f"planned: {len(tasks):,} configurations, {waiting:,} of them to be evaluated")
        )
        if items:
            _add_baseline(tasks[0], session, store, progress, listener)
            _warm_up(items, session, progress, listener)
        workers = min(worker_count(jobs), max(len(items), 1))
        progress = _evaluate(bundles(items, session, workers), store, workers, progress, listener)
    return RunResult(progress, tuple(task.hardware_key for task in tasks))


def plan(space: Space, session: Session) -> tuple[Task, ...]:
    """Return the tasks of ``space`` with their keys, each hardware key once. Raises HwsimError."""
    configurations = space.configurations(session)
    subject = session.subject(space.network, space.split, space.images)
    tasks = (session.task(configuration, subject) for configuration in configurations)
    return tuple({task.hardware_key: task for task in tasks}.values())


def worker_count(jobs: int) -> int:
    """Return how many workers ``jobs`` means: itself, or one per usable core for 0."""
    if jobs > 0:
        return jobs
    if jobs < 0:
        raise RunnerError(f"{jobs} worker processes: give 1 or more, or 0 for one per core")
    from joblib import cpu_count

    return int(cpu_count())


def _pending(tasks: Sequence[Task], store: Store, engine: Engine, retry: bool) -> tuple[Item, ...]:
    stored = store.hardware_statuses()
    settled = {key for key, status in stored.items() if status is Status.OK or not retry}
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        if task.hardware_key not in settled:
            groups.setdefault(task.numerics_key, []).append(task)
    return tuple(Item(engine, tuple(group), _inference(key, store, retry)) for key, group in groups.items())


def _inference(key: str, store: Store, retry: bool) -> NumericsRecord | Failure | None:
    record = store.numerics(key)
    return None if retry and isinstance(record, Failure) else record


def _add_baseline(task: Task, session: Session, store: Store, progress: Progress, listener: Listener) -> None:
    if not store.has_baseline(task.subject):
        listener(replace(progress, stage="classifying in floating point, as the baseline"))
        store.add_baseline(task.subject, session.baseline(task.configuration))


def _warm_up(items: Iterable[Item], session: Session, progress: Progress, listener: Listener) -> None:
    """Compile in this process what the workers will then load from the cache, one of each kind of formats."""
    kinds: dict[str, Configuration] = {}
    for item in items:
        if item.stored is None:
            configuration = item.tasks[0].configuration
            for kind in _kinds(configuration):
                kinds.setdefault(kind, configuration)
    if kinds:
        listener(replace(progress, stage="compiling the kernels (once; the next run finds them in the cache)"))
    for configuration in dict.fromkeys(kinds.values()):
        try:
            session.warm_up(configuration)
        except HwsimError:
            continue  # the sweep meets the same error and stores it in that configuration's row


def _kinds(configuration: Configuration) -> Iterator[str]:
    choices = dict.fromkeys((configuration.formats, *(choice for _, choice in configuration.overrides)))
    for formats in choices:
        texts = (formats.weights, formats.acts, formats.acc, formats.product or "")
        yield "|".join(text.partition("<")[0] for text in texts)


def _evaluate(work: Sequence[Bundle], store: Store, jobs: int, progress: Progress, listener: Listener) -> Progress:
    start = time.perf_counter()
    progress = replace(progress, stage=f"sweeping with {jobs} job{'s' if jobs > 1 else ''}")
    listener(progress)
    for outcome in run_bundles(work, jobs, evaluate):
        store.add(outcome)
        progress = progress.plus(outcome, time.perf_counter() - start)
        listener(progress)
    return progress
