"""The compression commands of ``models``: compress, compare, methods, recipes, study."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.compression.words import ARRAY_WORDS, Commands, add_root, compare_parser, compress_parser

if TYPE_CHECKING:
    from models.compression.answers import KeptAnswers
    from models.compression.measure import Measured, Subject
    from models.compression.recipe import ArraySettings, CompressionRecipe
    from models.compression.run import Compressed


def add_commands(commands: Commands) -> None:
    """Add the parsers of the commands."""
    compress_parser(commands).set_defaults(run=_compress)
    compare_parser(commands).set_defaults(run=_compare)
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
    add_root(study)


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
    own = replace(subject(str(output), recipe.coder), network=done.network, note="")
    found, kept = [subject(recipe.network), own], _kept(arguments)
    blocks = _measured(arguments, found, recipe.array, [recipe.array.machine], kept, recipe.data)
    _show(blocks)
    if arguments.results is not None:
        _store(arguments, recipe, done, blocks[0])
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
    given = {name: getattr(arguments, name) for name in ARRAY_WORDS if getattr(arguments, name) is not None}
    if isinstance(given.get("machine"), list):
        given["machine"] = given["machine"][0]
    return replace(settings, **given)


def _run(arguments: argparse.Namespace, recipe: CompressionRecipe, output: Path) -> Compressed:
    from models.compression.errors import CompressionError
    from models.compression.measure import same_images
    from models.compression.run import compress
    from models.compression.step import Work
    from models.data import hold_out, load_data
    from models.registry import data_for, load_network

    network = load_network(recipe.network)
    name = arguments.data or recipe.data or data_for(network)
    if arguments.split == "validation" and not arguments.hold_out:
        raise CompressionError("--split validation counts on images of train: keep N of them from it with --hold-out N")
    train = load_data(name, "train", arguments.root)
    if arguments.hold_out:
        train, _ = hold_out(train, arguments.hold_out)
    train = same_images(train, arguments.limit)
    work = Work(train, _say, arguments.threads or Work.threads)
    return compress(network, recipe.steps, work, output, arguments.steps)


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
    from models.compression.row import row

    reference, own = measured
    named = replace(row(reference, own), name=arguments.results.resolve().name)
    store_run(arguments.results, recipe, done, named, arguments.command_line)
    print(arguments.results)


def _compare(arguments: argparse.Namespace) -> None:
    from models.compression.alike import check_alike, reference_of
    from models.compression.errors import CompressionError
    from models.compression.measure import relabelled, subject
    from models.compression.recipe import ArraySettings, check_coder
    from models.compression.results import index_text

    if arguments.measure:
        return _measure_again(arguments)
    if arguments.results is not None:
        print(index_text(arguments.results), end="")
        return None
    if not arguments.files:
        raise CompressionError("name the networks to compare, or the folder of stored runs with --results")
    check_coder(arguments.coder)
    found = relabelled([subject(name, arguments.coder) for name in arguments.files])
    check_alike(found, arguments.reference, arguments.data)
    reference = reference_of(found, arguments.reference)
    if found[0] is not reference:
        found.insert(0, reference)
    settings = _array(arguments, ArraySettings())
    machines = arguments.machine or [settings.machine]
    _show(_measured(arguments, found, settings, machines, _kept(arguments)), arguments.csv)
    return None


def _measure_again(arguments: argparse.Namespace) -> None:
    """Measure stored runs as their recipes say, and write their rows anew."""
    from models.compression.errors import CompressionError
    from models.compression.measure import subject
    from models.compression.results import run_files
    from models.compression.row import row
    from models.provenance import code_version

    if arguments.results is None or arguments.files:
        raise CompressionError("--measure measures stored runs again: name their folder with --results DIR, no network")
    code_version()  # asked before the work: what is committed meanwhile is not what measures
    kept = _kept(arguments)
    for run in run_files(arguments.results):
        settings, found = _array(arguments, run.recipe.array), [subject(run.recipe.network), subject(str(run.file))]
        (measured,) = _measured(arguments, found, settings, [settings.machine], kept, run.recipe.data)
        run.store(row(*measured), arguments.command_line)
        print(run.folder)


def _kept(arguments: argparse.Namespace) -> KeptAnswers:
    from models.compression.answers import KeptAnswers

    return KeptAnswers(arguments.steps)


def _measured(
    arguments: argparse.Namespace,
    found: list[Subject],
    settings: ArraySettings,
    machines: Sequence[str],
    kept: KeptAnswers,
    data: str = "",
) -> list[list[Measured]]:
    """Return what was measured, machine by machine; ``data`` is used unless the command line names another set."""
    from models.compression.alike import data_of
    from models.compression.measure import Images, measure_on, same_images
    from models.data import hold_out, load_data

    name = data_of(found, arguments.data or data)
    held = getattr(arguments, "hold_out", 0) if arguments.split == "validation" else 0
    counted = load_data(name, "train" if held else arguments.split, arguments.root)
    test = same_images(hold_out(counted, held)[1] if held else counted, arguments.limit)
    images = Images(test, load_data(name, "calibration", arguments.root))
    quiet = getattr(arguments, "csv", False)
    report: Callable[[str], None] = (lambda line: None) if quiet else _say
    for own in found if quiet else ():
        if own.note:
            print(f"{own.label}: {own.note}", file=sys.stderr)
    threads = _threads(arguments)
    by_network = [measure_on(machines, own, images, settings, threads, report, kept) for own in found]
    return [list(block) for block in zip(*by_network, strict=True)]


def _show(blocks: list[list[Measured]], as_csv: bool = False) -> None:
    from models.compression.row import COLUMNS, rows
    from models.compression.table import table_text
    from models.compression.writing import csv_text

    found = [rows(reference, others) for reference, *others in blocks]
    if as_csv:
        print(csv_text(COLUMNS, [own.values() for block in found for own in block]), end="")
    else:
        print(f"\n{table_text(*found)}")


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
