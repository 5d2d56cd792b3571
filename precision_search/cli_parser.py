"""The command line's words."""

from __future__ import annotations

import argparse
from pathlib import Path

from precision_search.presets import preset_names
from precision_search.units import COSTS


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``precision-search``."""
    parser = argparse.ArgumentParser(
        prog="precision-search",
        description="Sweep number formats over a network on a shift-add array; keep every result; show the frontier.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="sweep a space; the same line again continues a stopped sweep"))
    _add_reader(commands.add_parser("frontier", help="print the configurations that no other dominates"), cost=True)
    plot = commands.add_parser("plot", help="draw the frontier as PNG and SVG")
    _add_reader(plot, cost=True)
    plot.add_argument("-o", "--output", type=Path, help="where; default: beside the store, named after the cost")
    export = commands.add_parser("export", help="write every stored configuration as CSV or JSON")
    _add_reader(export, cost=False)
    export.add_argument("output", type=Path, help="a file ending in .csv or .json")
    _add_reader(commands.add_parser("status", help="say what a store holds, failures by name"), cost=False)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="a sweep in TOML (docs/search.md); or use the flags")
    space = parser.add_argument_group("space", "with a file these replace what the file says, except formats")
    space.add_argument("--network", help="name or .npz file; default digits-cnn")
    space.add_argument("--split", help="part of the data that is classified; default test")
    space.add_argument("--images", type=int, help="only the first so many images; default all")
    space.add_argument(
        "--machine", nargs="+", help="machines such as 16x16-ws, or areas such as 2mm2-ws; default 16x16-ws"
    )
    space.add_argument("--table", nargs="+", help="price tables; default published45")
    formats = parser.add_argument_group("formats", "braces stand for many: 'float<{2..8},{1..10}>'")
    formats.add_argument("--preset", nargs="+", metavar="NAME", help=f"named spaces: {', '.join(preset_names())}")
    formats.add_argument("--all", nargs="+", metavar="FORMAT", help="one format everywhere")
    for role in ("weights", "acts", "acc", "product", "bias"):
        formats.add_argument(f"--{role}", nargs="+", metavar="FORMAT", help=f"formats of the {role}")
    parser.add_argument("--name", help="name of the sweep and its files")
    parser.add_argument("--jobs", type=int, default=0, help="worker processes; default one per core")
    parser.add_argument("--store", type=Path, help="result file; default sweeps/NAME.sqlite")
    parser.add_argument("--data", type=Path, help="folder of downloaded data sets")
    parser.add_argument("--retry", action="store_true", help="evaluate stored failures again")
    parser.add_argument("--cost", choices=tuple(COSTS), default="power_w", help="axis of the frontier; default power_w")
    parser.add_argument("--no-plot", action="store_true", help="leave the pictures out")


def _add_reader(parser: argparse.ArgumentParser, *, cost: bool) -> None:
    parser.add_argument("--store", type=Path, help="result file; default: the only one in sweeps/")
    parser.add_argument("--network", help="only this network")
    parser.add_argument("--dataset", help="only this data set")
    parser.add_argument("--split", help="only this part of the data")
    parser.add_argument("--images", type=int, help="only sweeps over so many images")
    parser.add_argument("--machine", help="only this machine")
    parser.add_argument("--table", help="only this price table")
    if cost:
        parser.add_argument("--cost", choices=tuple(COSTS), default="power_w", help="default power_w")
