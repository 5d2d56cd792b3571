"""From the command line's flags to a search space and the names of its files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from precision_search.errors import SpaceError, StoreError
from precision_search.presets import preset
from precision_search.results import Selection
from precision_search.space import Grid, Same, Space
from precision_search.spacefile import load_space

_FOLDER = Path("sweeps")
_SUFFIX = ".sqlite"


def space_from(options: argparse.Namespace) -> Space:
    """Return the space that a file, flags or both describe. Raises SpaceError."""
    space = _from_flags(options) if options.file is None else _from_file(options)
    changes = {
        "name": options.name,
        "network": options.network,
        "split": options.split,
        "images": options.images,
        "machines": _tuple(options.machine),
        "tables": _tuple(options.table),
    }
    return replace(space, **{key: value for key, value in changes.items() if value is not None})


def store_for_run(options: argparse.Namespace, space: Space) -> Path:
    """Return the result file of a run."""
    return Path(options.store) if options.store is not None else _FOLDER / f"{space.name}{_SUFFIX}"


def store_for_reading(options: argparse.Namespace) -> Path:
    """Return the result file to read. Raises StoreError when it is not clear which."""
    if options.store is not None:
        return Path(options.store)
    stores = sorted(_FOLDER.glob(f"*{_SUFFIX}"))
    if len(stores) == 1:
        return stores[0]
    found = ", ".join(map(str, stores)) or "none"
    raise StoreError(f"name the result file with --store; found in {_FOLDER}/: {found}")


def selection_from(options: argparse.Namespace) -> Selection:
    """Return which stored results the flags of a reading command mean."""
    return Selection(options.network, options.dataset, options.split, options.images, options.machine, options.table)


def _from_file(options: argparse.Namespace) -> Space:
    given = [flag for flag in ("preset", "all", "weights", "acts", "acc", "product", "bias") if getattr(options, flag)]
    if given:
        raise SpaceError(
            f"formats come from {str(options.file)!r} and from --{given[0]}; write them in one place: "
            "put them into the file, or leave the file out"
        )
    return load_space(options.file)


def _from_flags(options: argparse.Namespace) -> Space:
    grids: list[Grid | Same] = []
    for name in options.preset or ():
        grids.extend(preset(name))
    if options.all:
        grids.append(Same(tuple(options.all)))
    grid = _grid(options)
    if grid is not None:
        grids.append(grid)
    words = list(options.preset or ())
    if not grids:
        grids, words = list(preset("default")), ["default"]
    network = options.network or "digits-cnn"
    name = "-".join([Path(network).stem, *words] if words else [Path(network).stem, "formats"])
    return Space(name, network, tuple(grids))


def _grid(options: argparse.Namespace) -> Grid | None:
    roles = ("weights", "acts", "acc", "product", "bias")
    if not any(getattr(options, role) for role in roles):
        return None
    missing = [f"--{role}" for role in roles[:3] if not getattr(options, role)]
    if missing:
        raise SpaceError(f"{' and '.join(missing)} missing: a grid needs --weights, --acts and --acc (or use --all)")
    return Grid(
        tuple(options.weights),
        tuple(options.acts),
        tuple(options.acc),
        _tuple(options.product) or (None,),
        _tuple(options.bias) or (None,),
    )


def _tuple(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
