"""``hwsim sweep``: a network on many machines in many formats, as CSV, and what is worth building."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwsim.network.assignment import LayerFormats
    from hwsim.sweep import Sweep, SweepRow

_ROLES = ("weights", "acts", "acc")


def add_commands(commands: Any) -> None:
    """Add the subcommand ``sweep`` to argparse's ``commands``."""
    parser = commands.add_parser(
        "sweep", help="cost of a network on many machines in many formats, and the best of them"
    )
    parser.add_argument("network", metavar="NETWORK", help="as for hwsim cost: resnet50, lenet5, ... or a .npz file")
    many = {"nargs": "+", "metavar": "WORD", "default": []}
    parser.add_argument("--machine", **many, help="such as '{8..32..8}x16-{ws,os,is}@{500,800}MHz' or '{1,2,4}mm2-ws'")
    parser.add_argument("--all", **many, help="formats for weights, activations, products and sums alike")
    for role, what in zip(_ROLES, ("weights", "activations", "accumulators"), strict=True):
        parser.add_argument(f"--{role}", **many, help=f"formats of the {what}, such as 'pow2<{{3..5}}>' int8")
    parser.add_argument("--product", **many, help="formats of each product (default: exact)")
    parser.add_argument("--table", nargs="+", default=["published45"], help="price tables (default: published45)")
    parser.add_argument(
        "--batch", type=int, default=1, metavar="N", help="images that go through together (default: 1)"
    )
    parser.add_argument("--sparsity", type=float, metavar="SHARE", help="assumed share of products with a zero, 0 to 1")
    parser.add_argument("--front", nargs="+", default=["runtime_s", "energy_pj"], metavar="NUMBER",
                        help="what to be best in (default: runtime_s energy_pj)")  # fmt: skip
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every combination to a CSV file")
    parser.set_defaults(run=_sweep)


def _sweep(arguments: argparse.Namespace) -> None:
    import time

    from hwsim.sweep import SweepError, run_sweep
    from models import load_shape_network
    from precision_search.expand import expand

    machines = [machine for text in arguments.machine or ["16x16-ws"] for machine in expand(text)]
    formats = list(_formats(arguments))
    if not formats:
        raise SweepError("no formats: name --weights, --acts and --acc, or one for everything with --all")
    start = time.perf_counter()
    found = run_sweep(
        load_shape_network(arguments.network), formats, machines, arguments.table, arguments.batch, arguments.sparsity
    )
    wall_s = time.perf_counter() - start
    front = found.front(arguments.front)
    if arguments.csv:
        _write(found, arguments.csv)
    print(_summary(found, wall_s, arguments.csv))
    print(_front_text(front, arguments.front))
    for remark in _clock_remarks(front, arguments.table):
        print(remark)


def _formats(arguments: argparse.Namespace) -> Iterator[LayerFormats]:
    from hwsim.network.assignment import LayerFormats
    from precision_search.expand import expand

    def words(role: str) -> list[str]:
        return [word for text in getattr(arguments, role) for word in expand(text)]

    for word in words("all"):
        yield LayerFormats.of(word, word, word, word)
    products: list[str | None] = [*words("product")] or [None]
    for weights, acts, acc in itertools.product(*map(words, _ROLES)):
        for product in products:
            yield LayerFormats.of(weights, acts, acc, product)


def _summary(found: Sweep, wall_s: float, path: Path | None) -> str:
    failed = [row for row in found.rows if row.outcome is None]
    lines = [f"{found.network}: {len(found.rows)} combinations in {wall_s:.2f} s ({len(found.rows) / wall_s:,.0f}/s)"]
    lines[0] += f", written to {path}" if path else ""
    lines += [f"no numbers: {row.machine}, {_spelled(row)}, {row.table}: {row.error}" for row in failed[:3]]
    if len(failed) > 3:
        lines.append(f"and {len(failed) - 3} more without numbers")
    return "\n".join(lines)


def _front_text(front: Sequence[SweepRow], objectives: Sequence[str]) -> str:
    from hwsim.text import quantity, text_table

    units = {"runtime_s": ("s", 1.0), "energy_pj": ("J", 1e-12), "energy_low_pj": ("J", 1e-12), "power_w": ("W", 1.0)}
    shown = list(dict.fromkeys((*objectives, "cycles", "runtime_s", "energy_pj", "power_w", "area_um2")))
    rows = []
    for row in front:
        numbers = row.to_dict()
        cells = [
            quantity(numbers[name] * units[name][1], units[name][0]) if name in units and numbers[name] is not None
            else f"{numbers[name] / 1e6:.4f} mm2" if name == "area_um2" else str(numbers[name])
            for name in shown
        ]  # fmt: skip
        rows.append([row.built, _spelled(row), row.table, *cells])
    tables = len({row.table for row in front})
    among = " among the rows of its own prices" if tables > 1 else ""
    title = f"\nnot beaten in {' and '.join(objectives)}{among}: {len(front)}\n"
    return title + text_table(
        ["machine", "formats", "prices", *(name.rpartition("_")[0] or name for name in shown)], rows
    )


def _clock_remarks(front: Sequence[SweepRow], tables: Sequence[str]) -> list[str]:
    """Say which rows are clocked faster than their elements are by the table."""
    from hwsim.array import parse_machine
    from hwsim.cost import Usage, clock_notes, find_table
    from hwsim.sweep.prices import elements_of

    prices = {table.name: table for table in map(find_table, tables)}
    found = []
    for row in front:
        machine, pe = parse_machine(row.built), elements_of(row.formats, (0,))[0].pe
        usage = Usage.of(machine.array.dataflow, machine.zero_gating, None)
        notes = clock_notes(pe, prices[row.table], usage, machine.clock_mhz)
        found += [f"{row.built}, {_spelled(row)}, {row.table}: {note}" for note in notes]
    return found


def _spelled(row: SweepRow) -> str:
    formats = row.formats
    words = dict.fromkeys(map(str, (formats.weights, formats.acts, formats.acc)))
    return " x ".join(words)


def _write(found: Sweep, path: Path) -> None:
    import csv

    from hwsim.sweep import SweepError

    rows = [row.to_dict() for row in found.rows]
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0]], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SweepError(f"{str(path)!r} cannot be written ({error.strerror}); choose another place") from error
