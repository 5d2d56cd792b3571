"""Workers that may die: run items in parallel, survive a killed process, and name the item that kills."""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from precision_search.errors import RunnerError
from precision_search.evaluate import Bundle, Item, Outcome, crashed

Work = Callable[[Bundle], tuple[Outcome, ...]]

_HOPELESS = 5  # crashes in a row without a single finished item
_CHANCES = 2  # alone; one death may be somebody's kill -9
_WATCH_S = 0.5


def run_bundles(bundles: Sequence[Bundle], jobs: int, work: Work) -> Iterator[Outcome]:
    """Yield the outcome of every item once, in order of completion.

    With one job the bundles run in this process, in order. Otherwise worker processes run them. When a worker dies
    (out of memory, killed, a crash in native code), the bundles that were in flight run again one at a time, and one
    that then dies too, item by item: an item that twice takes down a worker running nothing else comes back as an
    error, the others as if nothing had been.

    Raises:
        RunnerError: workers keep dying and no item gets done.
    """
    if jobs == 1:
        for bundle in bundles:
            yield from work(bundle)
        return
    remaining = {bundle[0].key: bundle for bundle in bundles}
    fruitless = 0
    while remaining:
        in_flight: dict[str, Bundle] = {}
        try:
            for outcomes in _stream(list(remaining.values()), jobs, work, in_flight):
                fruitless = 0
                del remaining[outcomes[0].key], in_flight[outcomes[0].key]
                yield from outcomes
        except _worker_deaths() as error:
            fruitless += 1
            for key, bundle in in_flight.items():
                del remaining[key]
                for outcome in _apart(bundle, work):
                    fruitless = fruitless if outcome.crashed else 0
                    yield outcome
            if fruitless == _HOPELESS:
                raise RunnerError(f"workers died {_HOPELESS} times in a row and nothing got done: {error}") from error


def _apart(bundle: Bundle, work: Work) -> Iterator[Outcome]:
    """Run a bundle with nothing else running, and its items one by one if it takes its worker down."""
    if len(bundle) > 1:
        try:
            yield from next(_stream([bundle], 2, work, {}))
        except _worker_deaths():
            pass
        else:
            return
    for item in bundle:
        yield _alone(item, work)


def _alone(item: Item, work: Work) -> Outcome:
    reason = ""
    for _ in range(_CHANCES):
        try:
            (outcome,) = next(_stream([(item,)], 2, work, {}))
        except _worker_deaths() as error:
            reason = _why(error)
        else:
            return outcome
    return crashed(item, f"its worker process died {_CHANCES} times with nothing else running ({reason})")


def _why(error: BaseException) -> str:
    codes = re.search(r"exit codes of the workers are \{(.*)\}", str(error))
    return f"exit code {codes[1]}" if codes else str(error).partition("\n")[0]


def _stream(
    bundles: Sequence[Bundle], jobs: int, work: Work, in_flight: dict[str, Bundle]
) -> Iterator[tuple[Outcome, ...]]:
    """Yield outcomes as they come; ``in_flight`` holds what is dispatched and not yet yielded."""
    from joblib import Parallel, delayed, parallel_config

    def dispatched() -> Iterator[object]:
        for bundle in bundles:
            in_flight[bundle[0].key] = bundle
            yield delayed(_in_worker)(work, bundle, os.getpid())

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
        outcomes = parallel(dispatched())
    try:
        for outcome in outcomes:  # noqa: UP028  "yield from" would close it outside of our finally
            yield outcome
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that tasks were cancelled is what closing early means
            outcomes.close()


def _in_worker(work: Work, bundle: Bundle, driver: int) -> tuple[Outcome, ...]:
    if os.getppid() == driver:
        _attend(driver)
    return work(bundle)


@functools.lru_cache(maxsize=1)
def _attend(driver: int) -> None:
    """Tie this worker to its driver, once: Ctrl-C is the driver's business, and its death is ours too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(driver,), daemon=True).start()


def _exit_with(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(_WATCH_S)
    os._exit(1)


def _worker_deaths() -> tuple[type[BaseException], ...]:
    from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

    return (BrokenProcessPool, TerminatedWorkerError)
