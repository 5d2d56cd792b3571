"""The compression commands of ``models``: compress, compare, methods, recipes, study."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.compression.measure import Measured, Subject
    from models.compression.recipe import ArraySettings, CompressionRecipe
    from models.compression.run import Compressed

Commands = Any
_ARRAY = {
    "weights": "of weights on the array; auto (default) reads a format off each layer's values",
    "acts": "of activations on the array",
    "acc": "of sums on the array",
    "entries": "of the entries of codebooks on the array",
    "machine": "the array, as hwsim run takes it",
    "table": "of prices, as hwsim run takes it",
}


def add_commands(commands: Commands) -> None:
    """Add the parsers of the commands."""
    _add_compress(commands)
    _add_compare(commands)
    methods = commands.add_parser("methods", help="list compression methods, or the options of those named")
    methods.add_argument("methods", nargs="*", metavar="METHOD")
    methods.set_defaults(run=_methods)
    recipes = commands.add_parser("recipes", help="list the compression recipes that come along, or show one")
    recipes.add_argument("recipe", nargs="?", metavar="RECIPE")
    recipes.set_defaults(run=_recipes)
    study = commands.add_parser("study", help="answer a question about compression by a run; without a name, list them")
    study.add_argument("study", nargs="?", metavar="NAME")
    study.add_argument("--results", type=Path, metavar="DIR", help="default: results/compression/NAME")
    study.set_defaults(run=_study)
    _add_data(study)


def _add_compress(commands: Commands) -> None:
    compress = commands.add_parser(
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
        "--steps", type=Path, metavar="DIR", help="keep the network after each step there, for recipes that begin alike"
    )
    compress.add_argument("--no-table", action="store_true", help="do not measure what came out")
    compress.set_defaults(run=_compress)
    _add_measuring(compress)


def _add_compare(commands: Commands) -> None:
    compare = commands.add_parser("compare", help="size, accuracy, time and energy of compressed networks in one table")
    compare.add_argument("files", nargs="*", metavar="NETWORK", help="a name, a .npz or a .hwz file")
    compare.add_argument("--reference", metavar="NETWORK", help="compared with; default: the float32 network")
    compare.add_argument("--csv", action="store_true", help="print CSV, all columns")
    compare.add_argument("--results", type=Path, metavar="DIR", help="print the page of stored runs; measure nothing")
    compare.set_defaults(run=_compare)
    _add_measuring(compare)


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DATASET", help="default: what the network names")
    parser.add_argument("--split", default="test", help="that accuracy is counted on (default: test)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N images of every split")
    parser.add_argument("--threads", type=int, metavar="N", help="default: the cores")
    for name, meaning in _ARRAY.items():
        shown = name.upper() if name in ("machine", "table") else "FORMAT"
        parser.add_argument(f"--{name}", metavar=shown, help=meaning)
    _add_data(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, metavar="DIR", help="data folder (HWSIM_DATA, else ~/.cache/hwsim)")


def _compress(arguments: argparse.Namespace) -> None:
    from models.compression.measure import subject
    from models.compression.results import check_output

    if arguments.list:
        return _methods(argparse.Namespace(methods=[]))
    recipe = _recipe(arguments)
    output = arguments.output or Path(f"{_output_name(arguments, recipe)}.hwz")
    check_output(output, arguments.results)
    done = _run(arguments, recipe, output)
    _save(done, recipe, output)
    print(output)
    if arguments.no_table and arguments.results is None:
        return None
    own = replace(subject(str(output)), network=done.network)
    measured = _measured(arguments, [subject(recipe.network), own], recipe.array)
    _show(measured)
    if arguments.results is not None:
        _store(arguments, recipe, done, measured)
    return None


def _output_name(arguments: argparse.Namespace, recipe: CompressionRecipe) -> str:
    return recipe.name if arguments.recipe else f"{Path(recipe.network).stem}-{recipe.name}"


def _recipe(arguments: argparse.Namespace) -> CompressionRecipe:
    from models.compression.errors import CompressionError
    from models.compression.methods import make_step
    from models.compression.recipe import CompressionRecipe, check_coder, load_recipe

    if arguments.recipe is not None:
        if arguments.set:
            raise CompressionError("--set gives options of --method: copy the recipe and change it (models recipes)")
        recipe = load_recipe(arguments.recipe)
        recipe = replace(recipe, network=arguments.network or recipe.network)
    else:
        if arguments.network is None:
            raise CompressionError("name the network to compress (hwsim networks), or a --recipe, which names its own")
        step = make_step(arguments.method, _options(arguments.set))
        recipe = CompressionRecipe(arguments.method, arguments.network, (step,))
    check_coder(arguments.coder or recipe.coder)
    return replace(recipe, array=_array(arguments, recipe.array), coder=arguments.coder or recipe.coder)


def _options(words: list[str]) -> dict[str, Any]:
    """Return the table that words such as ``training.epochs=2`` describe."""
    from models.compression.errors import CompressionError

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


def _array(arguments: argparse.Namespace, settings: ArraySettings) -> ArraySettings:
    given = {name: getattr(arguments, name) for name in _ARRAY if getattr(arguments, name) is not None}
    return replace(settings, **given)


def _run(arguments: argparse.Namespace, recipe: CompressionRecipe, output: Path) -> Compressed:
    from models.compression.measure import same_images
    from models.compression.run import compress
    from models.compression.step import Work
    from models.data import load_data
    from models.registry import data_for, load_network

    network = load_network(recipe.network)
    name = arguments.data or recipe.data or data_for(network)
    train = same_images(load_data(name, "train", arguments.root), arguments.limit)
    return compress(network, recipe.steps, Work(train, _say, _threads(arguments)), output, arguments.steps)


def _save(done: Compressed, recipe: CompressionRecipe, output: Path) -> None:
    from hwsim.network import save_network
    from models.compression.container import SUFFIX, save_compressed

    if output.suffix == SUFFIX:
        save_compressed(output, done.network, recipe.coder)
    else:
        save_network(done.network, output)


def _store(
    arguments: argparse.Namespace, recipe: CompressionRecipe, done: Compressed, measured: list[Measured]
) -> None:
    from models.compression.results import store_run
    from models.compression.table import row

    reference, own = measured
    named = replace(row(reference, own), name=arguments.results.resolve().name)
    store_run(arguments.results, recipe, done, named, arguments.command_line)
    print(arguments.results)


def _compare(arguments: argparse.Namespace) -> None:
    from models.compression.errors import CompressionError
    from models.compression.measure import relabelled, subject
    from models.compression.recipe import ArraySettings
    from models.compression.results import index_text

    if arguments.results is not None:
        print(index_text(arguments.results), end="")
        return
    if not arguments.files:
        raise CompressionError("name the networks to compare, or the folder of stored runs with --results")
    found = relabelled([subject(name) for name in arguments.files])
    reference = _reference(arguments, found)
    if found[0] is not reference:
        found.insert(0, reference)
    _show(_measured(arguments, found, _array(arguments, ArraySettings())), arguments.csv)


def _reference(arguments: argparse.Namespace, found: list[Subject]) -> Subject:
    """Return the float32 network that the first one was made from, and what all are compared with."""
    from models.compression.errors import CompressionError
    from models.compression.measure import subject
    from models.registry import NETWORKS

    if arguments.reference is not None:
        return subject(arguments.reference)
    if found[0].data is None:
        return found[0]
    name = found[0].network.name
    if name not in NETWORKS:
        raise CompressionError(f"{found[0].label} was made from {name!r}, which is unknown: give it as --reference")
    return subject(name)


def _measured(arguments: argparse.Namespace, found: list[Subject], settings: ArraySettings) -> list[Measured]:
    from models.compression.measure import measure, same_images
    from models.data import load_data
    from models.registry import data_for

    name = arguments.data or data_for(found[0].network)
    test = same_images(load_data(name, arguments.split, arguments.root), arguments.limit)
    calibration = load_data(name, "calibration", arguments.root)
    report: Callable[[str], None] = (lambda line: None) if getattr(arguments, "csv", False) else _say
    return [measure(own, test, calibration, settings, _threads(arguments), report) for own in found]


def _show(measured: list[Measured], as_csv: bool = False) -> None:
    from models.compression.studies.writing import csv_text
    from models.compression.table import COLUMNS, rows, table_text

    found = rows(measured[0], measured[1:])
    if as_csv:
        print(csv_text(COLUMNS, [own.values() for own in found]), end="")
    else:
        print(f"\n{table_text(found)}")


def _methods(arguments: argparse.Namespace) -> None:
    from models.compression.listing import method_text, methods_text

    print("\n\n".join(method_text(name) for name in arguments.methods) or methods_text())


def _recipes(arguments: argparse.Namespace) -> None:
    from models.compression.listing import recipes_text
    from models.compression.recipe import load_recipe

    print(recipes_text() if arguments.recipe is None else load_recipe(arguments.recipe).text.rstrip())


def _study(arguments: argparse.Namespace) -> None:
    from models.compression.listing import studies_text
    from models.compression.studies import study
    from models.provenance import code_version

    if arguments.study is None:
        print(studies_text())
        return
    code_version()  # asked before the work: what is committed meanwhile is not what made the result
    found = study(arguments.study)
    folder = arguments.results or Path("results/compression") / arguments.study
    found.run(folder, arguments.root, _say)
    print(folder)


def _threads(arguments: argparse.Namespace) -> int:
    return arguments.threads or os.cpu_count() or 1


def _say(line: str) -> None:
    print(line, flush=True)
