"""A sweep in a process of its own, to be killed by the tests: drive.py STORE JOBS SLEEP_S FOLDER FORMAT..."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_engine import FakeEngine  # noqa: E402

from precision_search.runner import Progress, run  # noqa: E402
from precision_search.space import Same, Space  # noqa: E402


def tell(progress: Progress) -> None:
    """Let the test see how far we are."""
    print(progress.stored + progress.done, flush=True)


if __name__ == "__main__":
    store, jobs, sleep_s, folder, *formats = sys.argv[1:]
    space = Space("s", "net", (Same(tuple(formats)),), ("16x16-ws", "8x8-os"), ("t1",))
    engine = FakeEngine(folder, float(sleep_s), driver=os.getpid())
    try:
        run(space, Path(store), engine, jobs=int(jobs), listener=tell)
    except KeyboardInterrupt:
        sys.exit(130)
