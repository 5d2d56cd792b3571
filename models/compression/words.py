"""The words of the commands that compress and compare."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from models.compression.errors import CompressionError

Commands = Any
ARRAY_WORDS = {
    "weights": "of weights on the array; auto (default) reads a format off each layer's values",
    "acts": "of activations on the array",
    "acc": "of sums on the array",
    "entries": "of the entries of codebooks on the array",
    "machine": "the array, as hwsim run takes it",
    "table": "of prices, as hwsim run takes it",
}


def compress_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the words of ``models compress``."""
    compress: argparse.ArgumentParser = commands.add_parser(
        "compress", help="compress a network by a method or a recipe (needs the extra 'train'); stopped, it goes on"
    )
    compress.add_argument("network", nargs="?", metavar="NETWORK", help="a name or a .npz file; default: the recipe's")
    what = compress.add_mutually_exclusive_group(required=True)
    what.add_argument("--method", metavar="METHOD", help="one step (models methods)")
    what.add_argument("--recipe", metavar="RECIPE", help="a name (models recipes), or a .toml file")
    what.add_argument("--list", action="store_true", help="list methods")
    compress.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of --method, as in TOML; repeat"
    )
    compress.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=".npz or .hwz; default: RECIPE.hwz, NETWORK-METHOD.hwz"
    )
    compress.add_argument("--results", type=Path, metavar="DIR", help="also store file, card, row and log there")
    compress.add_argument("--coder", help="entropy coder of the file (default: the recipe's, else arithmetic)")
    compress.add_argument(
        "--steps",
        type=Path,
        metavar="DIR",
        help="keep the network after each step there, for recipes that begin alike, and what float32 networks answer",
    )
    compress.add_argument(
        "--hold-out",
        type=int,
        default=0,
        metavar="N",
        help="train on all but the last N images of train; --split validation counts on those N",
    )
    compress.add_argument("--no-table", action="store_true", help="do not measure what came out")
    _add_measuring(compress)
    return compress


def compare_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the words of ``models compare``."""
    compare: argparse.ArgumentParser = commands.add_parser(
        "compare", help="size, accuracy, time and energy of compressed networks in one table"
    )
    compare.add_argument("files", nargs="*", metavar="NETWORK", help="a name, a .npz or a .hwz file")
    compare.add_argument("--reference", metavar="NETWORK", help="compared with; default: the float32 network")
    compare.add_argument("--csv", action="store_true", help="print CSV, all columns")
    compare.add_argument("--coder", default="arithmetic", help="entropy coder of .npz files (default: arithmetic)")
    compare.add_argument("--results", type=Path, metavar="DIR", help="print the page of stored runs; measure nothing")
    compare.add_argument(
        "--measure",
        action="store_true",
        help="with --results: measure stored runs again, on the images of their cards",
    )
    compare.add_argument("--steps", type=Path, metavar="DIR", help="keep what float32 networks answer there")
    _add_measuring(compare, several_machines=True)
    return compare


def _add_measuring(parser: argparse.ArgumentParser, several_machines: bool = False) -> None:
    parser.add_argument("--data", metavar="DATASET", help="default: what the network names")
    parser.add_argument("--split", help="that accuracy is counted on (default: test)")
    limit = "only the first N images of train and of the split; scales of activations see all of calibration"
    parser.add_argument("--limit", type=int, metavar="N", help=limit)
    threads = "default: the cores to measure, and 2 to train, where the number is part of the result's bits"
    parser.add_argument("--threads", type=_threads, metavar="N", help=threads)
    for name, meaning in ARRAY_WORDS.items():
        shown = name.upper() if name in ("machine", "table") else "FORMAT"
        several = name == "machine" and several_machines
        more = "; give several for a block each" if several else ""
        action = "append" if several else "store"
        parser.add_argument(f"--{name}", metavar=shown, help=f"{meaning}{more}", action=action)
    add_root(parser)


def _threads(text: str) -> int:
    """Return a number of threads. Raises argparse's own error, which names the bound."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: at least 1 thread is needed")
    return int(text)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the word for the folder of data."""
    parser.add_argument("--root", type=Path, metavar="DIR", help="data folder (HWSIM_DATA, else ~/.cache/hwsim)")


def option_table(words: list[str]) -> dict[str, Any]:
    """Return the table that words describe.

    >>> option_table(["training.epochs=2", "scope=layer"])
    {'training': {'epochs': 2}, 'scope': 'layer'}

    Raises:
        CompressionError: a word without a value, or a value that is a table too.
    """
    table: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise CompressionError(f"--set {word!r} has no value: write OPTION=VALUE, such as --set training.epochs=2")
        *tables, name = key.strip().split(".")
        place = table
        for part in tables:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise CompressionError(f"--set {word!r}: {part!r} is a value already and cannot be a table too")
        place[name] = _value(text)
    return table


def _value(text: str) -> Any:
    """Return a TOML value; what is none is a string without quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def check_page(arguments: argparse.Namespace) -> None:
    """Raise CompressionError where the page of stored runs is asked for in another form."""
    if arguments.csv:
        raise CompressionError("--results prints a page of stored runs: leave out --csv, or read their row.csv")


def check_measure_again(arguments: argparse.Namespace) -> None:
    """Raise CompressionError where ``--measure`` has no folder, or images of its own: each card names a run's."""
    if arguments.results is None or arguments.files:
        raise CompressionError("--measure measures stored runs again: name their folder with --results DIR, no network")
    given = [f"--{name}" for name in ("data", "split", "limit") if getattr(arguments, name) is not None]
    if given:
        raise CompressionError(
            f"--measure runs on the images that each card names: leave out {', '.join(given)}, or compare the files of "
            "the runs, which writes nothing"
        )
