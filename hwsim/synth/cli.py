"""The command ``hwsim synth``: from liberty files to a table of synthesised processing elements."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.synth.benches import Unit
    from hwsim.synth.runner import Outcome, Summary
    from hwsim.synth.settings import RunSettings


def add_commands(commands: Any) -> None:
    """Add ``synth`` to the command line ``hwsim``."""
    synth = commands.add_parser(
        "synth",
        help="synthesise processing elements on a cell library into a price table",
        description="Synthesise, check bit by bit against the reference, time and simulate the processing elements of "
        "a grid; write one row per element and dataflow. Rows that are there already are kept: a run that was stopped "
        "goes on where it was.",
    )
    synth.add_argument(
        "--liberty", action="append", type=Path, required=True, metavar="FILE", help=".lib or .lib.xz; repeat to join"
    )
    synth.add_argument("-o", "--output", type=Path, required=True, metavar="NAME.pe.csv", help="the table to write")
    synth.add_argument("--grid", default="small", help="small, default or wide (default: %(default)s)")
    synth.add_argument("--kinds", nargs="+", default=[], metavar="KIND", help="only shift_add, int_mac, ...")
    synth.add_argument("--dataflows", nargs="+", default=["ws", "is", "os"], metavar="FLOW", help="default: ws is os")
    recipes = "bw-fa, bw-fa-ripple, bw, naive, naive-fa (default: %(default)s)"
    synth.add_argument("--recipe", default="bw-fa", help=recipes)
    synth.add_argument("--node", type=float, metavar="NM", help="of a library that is not known by its cells")
    synth.add_argument("--dont-use", nargs="+", default=[], metavar="PATTERN", help="cells of such a library to avoid")
    synth.add_argument("--vectors", type=int, default=3000, metavar="N", help="cycles priced (default: %(default)s)")
    synth.add_argument("--seed", type=int, default=0, help="of the operand streams (default: %(default)s)")
    synth.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: %(default)s)")
    synth.add_argument("--operations", action="store_true", help="write single operations too, into NAME.csv")
    synth.add_argument(
        "--check", type=int, nargs="?", const=3, metavar="N", help="make N rows again and compare; write nothing"
    )
    synth.set_defaults(run=_synth)


def _synth(arguments: argparse.Namespace) -> None:
    from hwsim.synth.grid import grid
    from hwsim.synth.runner import units_of

    settings = _settings(arguments)
    units = units_of(grid(arguments.grid, arguments.kinds), _dataflows(arguments.dataflows))
    if arguments.check is not None:
        _check(arguments, units, settings)
        return
    _fill(arguments, units, settings)
    if arguments.operations:
        _operations(arguments, settings)


def _settings(arguments: argparse.Namespace) -> RunSettings:
    from hwsim.errors import all_faults
    from hwsim.synth.errors import SynthError
    from hwsim.synth.settings import MIN_VECTORS, RunSettings

    faults = []
    if not arguments.output.name.endswith(".pe.csv"):
        faults.append(f"-o {arguments.output}: the file must be called NAME.pe.csv, beside the NAME.csv of a table")
    if arguments.vectors < MIN_VECTORS:
        faults.append(f"--vectors {arguments.vectors}: an energy needs at least {MIN_VECTORS} vectors")
    if arguments.jobs < 1:
        faults.append(f"--jobs {arguments.jobs}: at least 1 process is needed")
    if faults:
        raise SynthError(all_faults("the command", faults))
    return RunSettings(
        tuple(arguments.liberty), arguments.recipe, arguments.vectors, seed=arguments.seed,
        node_nm=arguments.node, dont_use=tuple(arguments.dont_use),
    )  # fmt: skip


def _dataflows(names: Sequence[str]) -> tuple[Any, ...]:
    from hwsim.array.parts import Dataflow
    from hwsim.errors import unknown_name
    from hwsim.synth.errors import SynthError

    known = {flow.value: flow for flow in Dataflow}
    for name in names:
        if name not in known:
            raise SynthError(unknown_name("dataflow", name, known))
    return tuple(known[name] for name in dict.fromkeys(names))


def _fill(arguments: argparse.Namespace, units: Sequence[Unit], settings: RunSettings) -> None:
    from hwsim.synth.runner import fill_table

    started = time.monotonic()

    def tell(outcome: Outcome, done: int, of: int) -> None:
        state = f"{outcome.row.area_um2:.4g} um2, {outcome.row.core_pj:.4g} pJ" if outcome.row else "FAILED"
        print(f"[{done}/{of}] {outcome.unit.name}: {state} ({time.monotonic() - started:.0f} s)", flush=True)

    summary = fill_table(arguments.output, units, settings, arguments.jobs, tell)
    print(_summary_text(summary, arguments.output))


def _summary_text(summary: Summary, path: Path) -> str:
    lines = [f"{path}: {summary.made} rows made, {summary.kept} kept, {len(summary.failures)} failed"]
    if summary.stale:
        lines.append(f"  {summary.stale} rows of other settings remain: remove the file to start anew")
    return "\n".join([*lines, *(f"  {name}: {reason}" for name, reason in summary.failures)])


def _operations(arguments: argparse.Namespace, settings: RunSettings) -> None:
    from hwsim.synth.operations import write_operations

    path = arguments.output.with_name(arguments.output.name.removesuffix(".pe.csv") + ".csv")
    print(f"{path}: {write_operations(path, settings)} operations written")


def _check(arguments: argparse.Namespace, units: Sequence[Unit], settings: RunSettings) -> None:
    from hwsim.synth.again import differences

    found = differences(arguments.output, units, settings, arguments.check)
    for name, faults in found.items():
        print(f"{name}: {'the same' if not faults else '; '.join(faults)}")
    if any(found.values()):
        sys.exit(1)
