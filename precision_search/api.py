"""The explorer from Python: ``sweep`` a space, get ``Results``."""

from __future__ import annotations

from pathlib import Path

from precision_search.engine import Engine
from precision_search.hwsim_engine import HwsimEngine
from precision_search.results import Results
from precision_search.runner import Listener, run
from precision_search.space import Space


def sweep(
    space: Space,
    store: str | Path,
    jobs: int = 1,
    *,
    retry: bool = False,
    listener: Listener = lambda progress: None,
    engine: Engine | None = None,
) -> Results:
    """Evaluate every configuration of ``space`` that ``store`` does not hold yet, and return them all.

    Stopped in any way, the same call goes on where it was; the results do not depend on ``jobs``.

    Args:
        space: what to evaluate.
        store: the result file (SQLite), made if it is not there.
        jobs: worker processes; 0 for one per core. From a script, call under ``if __name__ == "__main__":``.
        retry: evaluate stored failures again.
        listener: called with a ``Progress`` after every change.
        engine: the simulator; hwsim by default.

    Raises:
        HwsimError: what concerns the whole sweep; one bad configuration is a row with its error.
    """
    path = Path(store)
    result = run(space, path, engine or HwsimEngine(), jobs=jobs, retry=retry, listener=listener)
    return Results(path, result.keys)
