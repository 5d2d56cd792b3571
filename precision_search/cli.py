"""``precision-search``: run, frontier, plot, export, status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.command import guarded
from precision_search.cli_parser import build_parser
from precision_search.cli_space import selection_from, space_from, store_for_reading, store_for_run
from precision_search.errors import SelectionError, SpaceError, StoreError
from precision_search.progress import ProgressLine, clock
from precision_search.results import Results
from precision_search.runner import Progress
from precision_search.units import COSTS

if TYPE_CHECKING:
    import pandas as pd


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for a user's error, 130 after Ctrl-C."""
    options = build_parser().parse_args(arguments)
    commands: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "run": _run,
        "frontier": _frontier,
        "plot": _plot,
        "export": _export,
        "status": _status,
    }
    stopped = "stopped; every finished configuration is stored: the same line again continues"
    return guarded("precision-search", lambda: commands[options.command](options), stopped)


def _run(options: argparse.Namespace) -> int:
    from precision_search.hwsim_engine import HwsimEngine
    from precision_search.runner import run

    if options.jobs < 0:
        raise SpaceError(f"--jobs {options.jobs}: give a number of workers, or 0 for one per core")
    space = space_from(options)
    store = store_for_run(options, space)
    line = ProgressLine(sys.stderr)
    engine = HwsimEngine(None if options.data is None else str(options.data))
    try:
        result = run(space, store, engine, jobs=options.jobs, retry=options.retry, listener=line)
    finally:
        line.close()
    print(summary(result.progress))
    results = Results(store, result.keys)
    frame = results.frame()
    written = _write_all(options, results, frame, store)
    _write_manifest(store, result.progress, frame, written)
    for what, path in written:
        print(f"{what:<9} {path}")
    return 0


def _write_all(
    options: argparse.Namespace, results: Results, frame: pd.DataFrame, store: Path
) -> list[tuple[str, Path]]:
    """Write table and pictures, one per price table; print the frontiers; return what was written."""
    written = [("database", store), ("table", store.with_suffix(".csv"))]
    _write_csv(frame, store.with_suffix(".csv"))
    for (table,), part in frame.groupby(["price_table"], sort=False):
        _print_frontier(part, options.cost, str(table))
        if not options.no_plot and (part["status"] == "ok").any():
            drawn = _draw(results, part, options.cost, _picture_path(store, options.cost, str(table)))
            written += [("picture", path) for path in drawn]
    return written


def _write_manifest(store: Path, progress: Progress, frame: pd.DataFrame, written: list[tuple[str, Path]]) -> None:
    from precision_search.manifest import write_manifest

    if progress.done == 0 and store.with_suffix(".json").exists():
        return  # nothing was computed: the manifest of the run that did stays
    write_manifest(store.with_suffix(".json"), ["precision-search", *sys.argv[1:]], progress, frame)
    written.append(("manifest", store.with_suffix(".json")))


def _frontier(options: argparse.Namespace) -> int:
    results = Results(store_for_reading(options))
    frame = results.frame(selection_from(options))
    _print_frontier(_one_table(frame), options.cost, str(frame["price_table"].iloc[0]))
    return 0


def _plot(options: argparse.Namespace) -> int:
    store = store_for_reading(options)
    results = Results(store)
    frame = _one_table(results.frame(selection_from(options)))
    output = options.output or _picture_path(store, options.cost, str(frame["price_table"].iloc[0]))
    for path in _draw(results, frame, options.cost, output):
        print(path)
    return 0


def _export(options: argparse.Namespace) -> int:
    frame = Results(store_for_reading(options)).frame(selection_from(options))
    output: Path = options.output
    if output.suffix not in (".csv", ".json"):
        raise SelectionError(f"{str(output)!r} ends in {output.suffix!r}; .csv and .json can be written")
    if output.suffix == ".csv":
        _write_csv(frame, output)
    else:
        _write_text(output, frame.to_json(orient="records", indent=1, double_precision=15) + "\n")
    print(f"{len(frame)} configurations in {output}")
    return 0


def _status(options: argparse.Namespace) -> int:
    from precision_search.text_table import spelled

    store = store_for_reading(options)
    frame = Results(store).frame(selection_from(options))
    for names, part in frame.groupby(["network", "dataset", "split", "images", "machine", "price_table"], sort=False):
        network, dataset, split, images, machine, table = names
        counts = ", ".join(f"{count} {status}" for status, count in part["status"].value_counts().items())
        print(f"{network} on {images} {split} images of {dataset}, {machine}, {table}: {counts}")
    failures = frame[frame["status"] != "ok"]
    for row in failures.to_dict("records"):
        print(f"  {row['status']}: {spelled(row)}, accumulator {row['acc']}, {row['machine']}: {row['error']}")
    return 0


def summary(progress: Progress) -> str:
    """Return what a run did and how fast.

    >>> print(summary(Progress("", 10, 4, 6, 1, images=600, macs=6_000_000, computed_macs=2_000_000, equal=1,
    ...                        elapsed_s=2.0)))
    10 configurations: 6 evaluated in 0:02 (1 without numbers), 4 stored before
    3.00 configurations/s, 300 images/s, 1 million MAC/s computed
    shared: 3 million MAC/s asked for, 3.0 times the computed; 1 configuration numerically equal to another
    """
    done = f"{progress.done} evaluated in {clock(progress.elapsed_s)} ({progress.failed} without numbers)"
    lines = [f"{progress.total} configurations: {done}, {progress.stored} stored before"]
    if progress.done and progress.elapsed_s > 0:
        rate = 1 / progress.elapsed_s
        lines.append(
            f"{progress.done * rate:.2f} configurations/s, {progress.images * rate:,.0f} images/s, "
            f"{progress.computed_macs * rate / 1e6:,.0f} million MAC/s computed"
        )
        if progress.computed_macs < progress.macs:
            gain = progress.macs / max(progress.computed_macs, 1)
            equal = f"{progress.equal} configuration{'' if progress.equal == 1 else 's'} numerically equal to another"
            asked = f"{progress.macs * rate / 1e6:,.0f} million MAC/s asked for"
            lines.append(f"shared: {asked}, {gain:.1f} times the computed; {equal}")
    return "\n".join(lines)


def _print_frontier(frame: pd.DataFrame, cost: str, table: str) -> None:
    from precision_search.frontier import pareto_front
    from precision_search.text_table import frontier_text

    front = pareto_front(frame, cost)
    usable = int((frame["status"] == "ok").sum())
    shown = f"{len(front)} of {usable} configurations on the frontier"
    print(f"\naccuracy against {COSTS[cost][0]}, prices {table}: {shown}")
    print(
        (
            frontier_text(front, cost)
            if len(front)
            else "no configuration has numbers; see the reasons with: precision-search status"
        )
        + "\n"
    )


def _picture_path(store: Path, cost: str, table: str) -> Path:
    return store.with_name(f"{store.stem}-{cost.partition('_')[0]}-{Path(table).stem}.png")


def _draw(results: Results, frame: pd.DataFrame, cost: str, path: Path) -> tuple[Path, Path]:
    from precision_search.drawing import Picture
    from precision_search.plots import save_frontier

    first = frame.iloc[0]
    machines = frame["machine"].unique()
    array = machines[0] if len(machines) == 1 else f"{len(machines)} machines"
    subtitle = (
        f"{first['images']} {first['split']} images · {array} · prices {first['price_table']} · "
        "labels: weights × activations · bars: 95 % intervals"  # noqa: RUF001
    )
    title = f"{first['network']}: accuracy against {COSTS[cost][0]}"
    return save_frontier(Picture(frame, cost, title, subtitle, results.baseline(frame)), path)


def _one_table(frame: pd.DataFrame) -> pd.DataFrame:
    from precision_search.results import check_comparable

    check_comparable(frame)
    return frame


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    _write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def _write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{str(path)!r} cannot be written ({error.strerror}); choose another place") from error


if __name__ == "__main__":
    sys.exit(main())
