"""``models``: list, fetch, train, evaluate and compress networks."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwsim.command import guarded
from hwsim.errors import DataError
from models.compression.cli import add_commands as add_compression


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for an error of the user's, 130 for Ctrl-C.

    >>> main(["list", "--data"])  # doctest: +ELLIPSIS
    digits ...
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    arguments.command_line = shlex.join(["models", *words])
    return guarded("models", lambda: arguments.run(arguments), "interrupted; nothing half written")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="models", description="The networks, their data and their training.")
    commands = parser.add_subparsers(title="commands", required=True)
    listing = commands.add_parser("list", help="list networks and data sets")
    listing.add_argument("--data", action="store_true", help="data sets only")
    listing.set_defaults(run=_list)
    fetching = commands.add_parser("fetch", help="download a data set, checked by SHA-256")
    fetching.add_argument("dataset", metavar="DATASET")
    fetching.add_argument(
        "--from", dest="source", type=Path, metavar="DIR", help="copy from DIR, or an archive, not the network"
    )
    fetching.set_defaults(run=_fetch)
    evaluating = commands.add_parser("evaluate", help="count correct images in floating point")
    evaluating.add_argument("network", metavar="NETWORK", help="a name, or a .npz or .hwz file")
    evaluating.add_argument("--data", metavar="DATASET", help="a name or a .npz file; default: what the network names")
    evaluating.add_argument("--split", default="test", help="train, calibration or test (default)")
    evaluating.set_defaults(run=_evaluate)
    _add_training(commands)
    add_compression(commands)
    for command in (fetching, evaluating, commands.choices["train"], commands.choices["validate"]):
        command.add_argument("--root", type=Path, metavar="DIR", help="data folder (HWSIM_DATA, else ~/.cache/hwsim)")
    return parser


def _add_training(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    training = commands.add_parser(
        "train", help="train a network of the zoo (needs the extra 'train'); stopped, it goes on"
    )
    training.add_argument("--output", type=Path, metavar="FILE.npz", help="default: NETWORK.npz")
    training.add_argument("--results", type=Path, metavar="DIR", help="also write log.txt and curve.csv there")
    training.add_argument("--validation", type=int, metavar="N", help="images of train held out")
    training.set_defaults(run=_train)
    validating = commands.add_parser("validate", help="judge a recipe on blocks of the training images alone")
    validating.add_argument("--folds", type=int, default=5, metavar="N")
    validating.set_defaults(run=_validate)
    for command in (training, validating):
        command.add_argument("network", metavar="NETWORK")
        for field in ("epochs", "seed", "threads"):
            command.add_argument(f"--{field}", type=int, metavar="N", help="instead of the recipe's")


def _list(arguments: argparse.Namespace) -> None:
    from models.data import DATASETS
    from models.registry import NETWORKS, load_network

    for entry in () if arguments.data else NETWORKS.values():
        card = load_network(entry.name).metadata["float_accuracy"]
        print(f"{entry.name:<12} {entry.dataset:<8} {card['correct']}/{card['total']} correct  {entry.description}")
    for data in DATASETS.values():
        how = "fetch it first" if data.files else "bundled"
        print(f"{data.name:<12} {how:<15} {data.description}. {data.licence}")


def _fetch(arguments: argparse.Namespace) -> None:
    from models.data import fetch_data

    for path in fetch_data(arguments.dataset, arguments.source, arguments.root, _show_progress):
        print(path)


def _show_progress(name: str, received: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if received == total else ""
        print(f"\r{name}: {100 * received // total:3d} % of {total / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)


def _evaluate(arguments: argparse.Namespace) -> None:
    from models.accuracy import count_correct_float
    from models.data import load_data
    from models.registry import data_for, load_network

    network = load_network(arguments.network)
    data = load_data(arguments.data or data_for(network), arguments.split, arguments.root)
    correct = count_correct_float(network, data)
    print(f"{network.name} on {data.name} {data.split}: {correct} of {len(data)} correct ({correct / len(data):.2%})")


def _train(arguments: argparse.Namespace) -> None:
    from models.training.recipe import recipe_for
    from models.training.train import train

    recipe = replace(recipe_for(arguments.network), **_chosen(arguments, "epochs", "seed", "threads", "validation"))
    output = arguments.output or Path(f"{arguments.network}.npz")
    _check_writable(output.parent, *([] if arguments.results is None else [arguments.results]))
    checkpoint = output.with_suffix(".training.npz")
    trained = train(arguments.network, recipe, arguments.root, arguments.command_line, _say, checkpoint)
    trained.save(output)
    checkpoint.unlink(missing_ok=True)
    print(output)
    if arguments.results is not None:
        trained.save_results(arguments.results)
        print(arguments.results)


def _say(line: str) -> None:
    print(line, flush=True)


def _check_writable(*folders: Path) -> None:
    """Raise DataError now, and not after the training, where its result could not be stored."""
    from tempfile import TemporaryFile

    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise DataError(f"{folder} cannot be written to ({error.strerror}): choose another place") from error


def _validate(arguments: argparse.Namespace) -> None:
    from models.data import load_data
    from models.training.crossvalidate import cross_validate
    from models.training.recipe import recipe_for
    from models.zoo import ZOO

    recipe = replace(recipe_for(arguments.network), **_chosen(arguments, "epochs", "seed", "threads"))
    network = ZOO[arguments.network](recipe.seed)
    training = load_data(str(network.metadata["dataset"]), "train", arguments.root)
    folds = cross_validate(network, training, recipe, arguments.folds, print)
    correct = sum(fold.correct for fold in folds)
    print(f"held-out blocks of train: {correct} of {len(training)} correct ({correct / len(training):.2%})")


def _chosen(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


if __name__ == "__main__":
    sys.exit(main())
