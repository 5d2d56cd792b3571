"""The compression commands of ``models``: compress, compare, methods, recipes, study."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.compression import words

if TYPE_CHECKING:
    from models.compression.answers import KeptAnswers
    from models.compression.image_choice import ImageChoice
    from models.compression.measure import Measured
    from models.compression.recipe import ArraySettings, CompressionRecipe
    from models.compression.run import Compressed
    from models.compression.subject import Subject


def add_commands(commands: words.Commands) -> None:
    """Add the parsers of the commands."""
    words.compress_parser(commands).set_defaults(run=_compress)
    words.compare_parser(commands).set_defaults(run=_compare)
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
    words.add_root(study)


def _compress(arguments: argparse.Namespace) -> None:
    from models.compression.results import check_output
    from models.compression.subject import subject

    if arguments.list:
        return _methods(argparse.Namespace(methods=[]))
    recipe = _recipe(arguments)
    name = recipe.name if arguments.recipe else f"{Path(recipe.network).stem}-{recipe.name}"
    output = arguments.output or Path(f"{name}.hwz")
    check_output(output, arguments.results)
    done, images = _run(arguments, recipe, output)
    _save(done, recipe, output)
    print(output)
    if arguments.no_table and arguments.results is None:
        return None
    own = replace(subject(str(output), recipe.coder), network=done.network, note="")
    found, kept = [subject(recipe.network), own], _kept(arguments)
    blocks = _measured(arguments, found, images, recipe.array, [recipe.array.machine], kept)
    _show(blocks)
    if arguments.results is not None:
        _store(arguments, recipe, images, done, blocks[0])
    return None


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
        step = make_step(arguments.method, words.option_table(arguments.set))
        recipe = CompressionRecipe(arguments.method, arguments.network, (step,))
    check_coder(arguments.coder or recipe.coder)
    data, coder = arguments.data or recipe.data, arguments.coder or recipe.coder
    return replace(recipe, array=_array(arguments, recipe.array), coder=coder, data=data)


def _array(arguments: argparse.Namespace, settings: ArraySettings) -> ArraySettings:
    given = {name: getattr(arguments, name) for name in words.ARRAY_WORDS if getattr(arguments, name) is not None}
    if isinstance(given.get("machine"), list):
        given["machine"] = given["machine"][0]
    return replace(settings, **given)


def _run(arguments: argparse.Namespace, recipe: CompressionRecipe, output: Path) -> tuple[Compressed, ImageChoice]:
    from models.compression.held_out import seen_before
    from models.compression.image_choice import ImageChoice
    from models.compression.run import compress
    from models.compression.step import Work
    from models.registry import data_for, load_network

    network = load_network(recipe.network)
    choice = (arguments.split or ImageChoice.split, arguments.hold_out, arguments.limit)
    images = ImageChoice(recipe.data or data_for(network), *choice)
    work = Work(images.train(arguments.root), _say, arguments.threads or Work.threads)
    if line := seen_before(network, images.hold_out):
        _say(f"warning: {line}")
    return compress(network, recipe.steps, work, output, arguments.steps), images


def _save(done: Compressed, recipe: CompressionRecipe, output: Path) -> None:
    from hwsim.network import save_network
    from models.compression.container import SUFFIX, save_compressed

    if output.suffix == SUFFIX:
        save_compressed(output, done.network, recipe.coder)
    else:
        save_network(done.network, output)


def _store(
    arguments: argparse.Namespace,
    recipe: CompressionRecipe,
    images: ImageChoice,
    done: Compressed,
    measured: list[Measured],
) -> None:
    from models.compression.results import store_run
    from models.compression.row import row

    reference, own = measured
    named = replace(row(reference, own), name=arguments.results.resolve().name)
    store_run(arguments.results, recipe, images, done, named, arguments.command_line)
    print(arguments.results)


def _compare(arguments: argparse.Namespace) -> None:
    from models.compression.alike import check_alike, data_of, with_reference
    from models.compression.errors import CompressionError
    from models.compression.image_choice import ImageChoice
    from models.compression.index import index_text
    from models.compression.recipe import ArraySettings, check_coder
    from models.compression.subject import relabelled, subject

    if arguments.measure:
        return _measure_again(arguments)
    if arguments.results is not None:
        words.check_page(arguments)
        print(index_text(arguments.results), end="")
        return None
    if not arguments.files:
        raise CompressionError("name the networks to compare, or the folder of stored runs with --results")
    check_coder(arguments.coder)
    found = relabelled([subject(name, arguments.coder) for name in arguments.files])
    check_alike(found, arguments.reference, arguments.data)
    images = ImageChoice(data_of(found, arguments.data), arguments.split or ImageChoice.split, limit=arguments.limit)
    found, settings = with_reference(found, arguments.reference), _array(arguments, ArraySettings())
    machines = arguments.machine or [settings.machine]
    _show(_measured(arguments, found, images, settings, machines, _kept(arguments)), arguments.csv)
    return None


def _measure_again(arguments: argparse.Namespace) -> None:
    """Measure stored runs as their recipes and cards say, and write their rows anew."""
    from models.compression.alike import data_of
    from models.compression.image_choice import ImageChoice
    from models.compression.results import run_files
    from models.compression.row import row
    from models.compression.subject import subject
    from models.provenance import code_version

    words.check_measure_again(arguments)
    code_version()  # asked before the work: what is committed meanwhile is not what measures
    kept = _kept(arguments)
    for run in run_files(arguments.results):
        settings, found = _array(arguments, run.recipe.array), [subject(run.recipe.network), subject(str(run.file))]
        images = run.images or ImageChoice(data_of(found, run.recipe.data))
        if run.images is None:
            _say(f"{run.folder}: its card does not say on which images: all of {images.data} {images.split}")
        (measured,) = _measured(arguments, found, images, settings, [settings.machine], kept)
        run.store(row(*measured), arguments.command_line)
        print(run.folder)


def _kept(arguments: argparse.Namespace) -> KeptAnswers:
    from models.compression.answers import KeptAnswers

    return KeptAnswers(arguments.steps)


def _measured(
    arguments: argparse.Namespace,
    found: list[Subject],
    choice: ImageChoice,
    settings: ArraySettings,
    machines: Sequence[str],
    kept: KeptAnswers,
) -> list[list[Measured]]:
    """Return what was measured, machine by machine."""
    from models.compression.measure import measure_on

    images, quiet = choice.images(arguments.root), getattr(arguments, "csv", False)
    report: Callable[[str], None] = (lambda line: None) if quiet else _say
    for own in found if quiet else ():
        if own.note:
            print(f"{own.label}: {own.note}", file=sys.stderr)
    threads = arguments.threads or os.cpu_count() or 1
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


def _say(line: str) -> None:
    print(line, flush=True)
