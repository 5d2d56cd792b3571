"""The words of the commands that compress and compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

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
        "--measure", action="store_true", help="with --results: measure the stored runs again and write their rows anew"
    )
    compare.add_argument("--steps", type=Path, metavar="DIR", help="keep what float32 networks answer there")
    _add_measuring(compare, several_machines=True)
    return compare


def _add_measuring(parser: argparse.ArgumentParser, several_machines: bool = False) -> None:
    parser.add_argument("--data", metavar="DATASET", help="default: what the network names")
    parser.add_argument("--split", default="test", help="that accuracy is counted on (default: test)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N images of every split")
    threads = "default: the cores to measure, and 2 to train, where the number is part of the result's bits"
    parser.add_argument("--threads", type=int, metavar="N", help=threads)
    for name, meaning in ARRAY_WORDS.items():
        shown = name.upper() if name in ("machine", "table") else "FORMAT"
        several = name == "machine" and several_machines
        more = "; give several for a block each" if several else ""
        action = "append" if several else "store"
        parser.add_argument(f"--{name}", metavar=shown, help=f"{meaning}{more}", action=action)
    add_root(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the word for the folder of data."""
    parser.add_argument("--root", type=Path, metavar="DIR", help="data folder (HWSIM_DATA, else ~/.cache/hwsim)")
