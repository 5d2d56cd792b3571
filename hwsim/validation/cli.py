"""The command ``hwsim validate``: the page that puts measurements beside predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwsim.synth.settings import RunSettings
    from hwsim.validation.measure import Sample

MEASURED = ("rtl", "energy", "units")
IMAGES = {"digits-cnn": 16, "lenet5": 4}  #: of each network whose layers elements are fed with
RTL_NETWORKS = ("digits-cnn", "lenet5")


def add_commands(commands: Any) -> None:
    """Add ``validate`` to the command line ``hwsim``."""
    validate = commands.add_parser(
        "validate",
        help="measured against predicted: write the page, and say what has to be exact and is not",
        description="Compare every prediction with what it can be checked by, and write the page. Measurements come "
        "from stored records unless they are made again. The exit code is 1 if something that has to be exact is not.",
    )
    validate.add_argument("-o", "--output", type=Path, metavar="FILE.md", help="write the page (default: print it)")
    validate.add_argument("--quick", action="store_true", help="do not draw the pictures")
    validate.add_argument(
        "--measure", choices=MEASURED, action="append", default=[], help="make a stored measurement again, first"
    )
    validate.add_argument("--engine", default="icarus", help="for --measure rtl (default: %(default)s)")
    validate.add_argument("--table", default="sky130", help="for --measure energy and units (default: %(default)s)")
    validate.add_argument(
        "--liberty", action="append", type=Path, default=[], metavar="FILE", help="cells, for the same"
    )
    validate.set_defaults(run=_validate)


def _validate(arguments: argparse.Namespace) -> int:
    from hwsim.validation.document import document, sections

    _measure(arguments)
    parts = sections()
    page = document(parts)
    if arguments.output is None:
        print(page, end="")
    else:
        arguments.output.write_text(page, encoding="utf-8")
        if not arguments.quick:
            _draw(arguments.output.parent / "pictures")
    broken = [finding for part in parts for finding in part.findings if finding.exact and not finding.reached]
    for finding in broken:
        print(f"hwsim: {finding.quantity} against {finding.against}: has to be exact and is not", file=sys.stderr)
    return 1 if broken else 0


def _draw(folder: Path) -> None:
    from hwsim.validation.pictures import draw_all

    draw_all(folder)


def _measure(arguments: argparse.Namespace) -> None:
    """Make the records again that were asked for, all before the first is written."""
    if not arguments.measure:
        return
    from hwsim.validation.records import FOLDER

    texts = {}
    for what in dict.fromkeys(arguments.measure):
        name = what if what == "rtl" else f"{what}_{arguments.table}"
        texts[name] = _measured(what, arguments)
    for name, text in texts.items():
        (FOLDER / f"{name}.csv").write_text(text, encoding="utf-8")


def _measured(what: str, arguments: argparse.Namespace) -> str:
    from hwsim.validation import measure

    if what == "rtl":
        return measure.measure_rtl(arguments.engine, [_sample(name, 1) for name in RTL_NETWORKS])
    settings = _settings(arguments)
    if what == "units":
        return measure.measure_units(settings, arguments.table)
    samples = [_sample(name, count) for name, count in IMAGES.items()]
    return measure.measure_energy(settings, arguments.table, samples)


def _settings(arguments: argparse.Namespace) -> RunSettings:
    """Return what the table's own rows were made with, on the cells given."""
    from hwsim.cost import find_table
    from hwsim.synth.settings import RunSettings
    from hwsim.validation.records import RecordError

    if not arguments.liberty:
        raise RecordError("elements are made of the cells of the table: give --liberty FILE (again for each file)")
    rows = find_table(arguments.table).elements
    if not rows:
        raise RecordError(f"price table {arguments.table!r} has no synthesised elements: name one that has")
    return RunSettings(tuple(arguments.liberty), recipe=rows[0].recipe)


def _sample(name: str, count: int) -> Sample:
    from hwsim.validation.measure import Sample
    from models import data_for, load_data, load_network

    network = load_network(name)
    data = data_for(network)
    images, calibration = load_data(data, "test").subset(count), load_data(data, "calibration")
    return Sample(network, images.images, calibration.images)
