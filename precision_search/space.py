"""A search space: which formats, on which network, data, machines and prices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwsim.errors import HwsimError, all_faults
from precision_search.errors import SpaceError
from precision_search.grids import Grid, Same
from precision_search.per_layer import Overrides, PerLayer, Places, assignments, free_places, per_layer_size
from precision_search.task import Configuration, FormatChoice

__all__ = ["Grid", "PerLayer", "Same", "Space", "Vocabulary"]

_MOST = 1_000_000  # configurations of one grid: weeks of work, and still a list that fits in memory


class Vocabulary(Protocol):
    """Who knows which names exist. Every method raises HwsimError for a name that does not."""

    def canonical_format(self, text: str) -> str:
        """Return the canonical spelling of a number format."""

    def canonical_machine(self, text: str) -> str:
        """Return the canonical spelling of a machine."""

    def canonical_table(self, name: str) -> str:
        """Return the name of a price table, once it is known to exist."""

    def places(self, network: str) -> Places:
        """Return the layers of a network that choose formats, those that choose together in one tuple."""


@dataclass(frozen=True)
class Space:
    """Everything to be evaluated: grids x machines x tables on one network and one part of its data.

    Attributes:
        name: names the output files.
        network: registry name or path of an ``.npz`` file.
        grids: what is combined; later repetitions of a configuration are dropped.
        machines, tables: by name; every combination is evaluated.
        split: part of the data set that is classified.
        images: how many of its images, from the start; None for all.
        overrides: layers that keep formats of their own in every configuration.
    """

    name: str
    network: str
    grids: tuple[Grid | Same | PerLayer, ...]
    machines: tuple[str, ...] = ("16x16-ws",)
    tables: tuple[str, ...] = ("published45",)
    split: str = "test"
    images: int | None = None
    overrides: tuple[tuple[str, FormatChoice], ...] = ()

    def configurations(self, vocabulary: Vocabulary) -> tuple[Configuration, ...]:
        """Return the configurations in a fixed order, each once, with every name in its canonical spelling.

        Raises:
            SpaceError: nothing to evaluate, ``images`` below 1, or names that do not exist; all of them at once.
        """
        reader = _Reader(vocabulary)
        fixed = tuple((layer, reader.choice(choice)) for layer, choice in self.overrides)
        formats = [found for grid in self.grids for found in self._assignments(grid, fixed, reader, vocabulary)]
        machines = [reader.read(vocabulary.canonical_machine, machine) for machine in self.machines]
        tables = [reader.read(vocabulary.canonical_table, table) for table in self.tables]
        reader.faults.extend(self._own_faults(formats))
        if reader.faults:
            raise SpaceError(all_faults(f"search space {self.name!r}", tuple(dict.fromkeys(reader.faults))))
        return tuple(
            dict.fromkeys(
                Configuration(self.network, default, machine, table, self.split, self.images, overrides)
                for (default, overrides), machine, table in itertools.product(formats, machines, tables)
            )
        )

    def _assignments(
        self, grid: Grid | Same | PerLayer, fixed: Overrides, reader: _Reader, vocabulary: Vocabulary
    ) -> Iterator[tuple[FormatChoice, Overrides]]:
        """Return default and overrides, sorted by layer, of every configuration of a grid; faults go to ``reader``."""
        try:
            choices = tuple(dict.fromkeys(map(reader.choice, grid.choices())))
        except SpaceError as error:
            reader.faults.append(str(error))
            return
        if not isinstance(grid, PerLayer):
            yield from ((choice, tuple(sorted(fixed))) for choice in choices)
            return
        if not choices:
            return
        places = free_places(vocabulary.places(self.network), {layer for layer, _ in fixed})
        size = per_layer_size(choices, places)
        if size > _MOST:
            reader.faults.append(
                f"{len(choices)} choices for each of {len(places)} layers are {size:,} configurations; at most "
                f"{_MOST:,} are enumerated: name fewer formats, or fix layers with [overrides.LAYER]"
            )
            return
        for default, overrides in assignments(choices, places):
            yield default, tuple(sorted((*overrides, *fixed)))

    def _own_faults(self, formats: Sequence[object]) -> Iterator[str]:
        if not self.grids:
            yield "no formats: name a preset or a grid"
        elif not formats:
            yield "its grids hold no format: fill weights, acts and acc, or all"
        if not self.machines or not self.tables:
            yield "no machine or no price table: name at least one of each"
        if self.images is not None and self.images < 1:
            yield f"images = {self.images}; at least 1 is needed, or leave it out for all"


class _Reader:
    """Reads names through the vocabulary, each once, and collects the faults instead of stopping at the first."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.faults: list[str] = []
        self._canonical_format = vocabulary.canonical_format
        self._known: dict[str, str] = {}

    def read(self, canonical: Callable[[str], str], text: str) -> str:
        try:
            return canonical(text)
        except HwsimError as error:
            message = str(error)
            self.faults.append(message if text in message else f"{text}: {message}")
            return text

    def format(self, text: str) -> str:
        if text not in self._known:
            self._known[text] = self.read(self._canonical_format, text)
        return self._known[text]

    def choice(self, choice: FormatChoice) -> FormatChoice:
        return FormatChoice(
            self.format(choice.weights),
            self.format(choice.acts),
            self.format(choice.acc),
            None if choice.product is None else self.format(choice.product),
            None if choice.bias is None else self.format(choice.bias),
        )
