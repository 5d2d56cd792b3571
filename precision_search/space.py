"""A search space: which formats, on which network, data, machines and prices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwsim.errors import HwsimError, all_faults
from precision_search.errors import SpaceError
from precision_search.expand import expand_all
from precision_search.task import Configuration, FormatChoice


class Vocabulary(Protocol):
    """Who knows which names exist. Every method raises HwsimError for a name that does not."""

    def canonical_format(self, text: str) -> str:
        """Return the canonical spelling of a number format."""

    def canonical_machine(self, text: str) -> str:
        """Return the canonical spelling of a machine."""

    def canonical_table(self, name: str) -> str:
        """Return the name of a price table, once it is known to exist."""


@dataclass(frozen=True)
class Grid:
    """Every combination of the named formats (a Cartesian product).

    Entries may hold braces (see ``expand``). None means exact products, or the simulator's choice of bias format.
    """

    weights: tuple[str, ...]
    acts: tuple[str, ...]
    acc: tuple[str, ...]
    product: tuple[str | None, ...] = (None,)
    bias: tuple[str | None, ...] = (None,)

    def choices(self) -> Iterator[FormatChoice]:
        """Iterate over the combinations; the last role varies fastest.

        >>> [c.acts for c in Grid(("pow2<4>",), ("fixed<{6..8},4>",), ("fixed<24,12>",)).choices()]
        ['fixed<6,4>', 'fixed<7,4>', 'fixed<8,4>']
        """
        roles = (self.weights, self.acts, self.acc)
        words = [tuple(expand_all(role)) for role in roles]
        for weights, acts, acc in itertools.product(*words):
            for product, bias in itertools.product(_optional(self.product), _optional(self.bias)):
                yield FormatChoice(weights, acts, acc, product, bias)


@dataclass(frozen=True)
class Same:
    """One format everywhere: weights, activations, products and accumulators (the study of Hill et al. 2016)."""

    formats: tuple[str, ...]

    def choices(self) -> Iterator[FormatChoice]:
        """Iterate over the formats.

        >>> next(Same(("float<6,7>",)).choices()).acc
        'float<6,7>'
        """
        for text in expand_all(self.formats):
            yield FormatChoice(text, text, text, product=text)


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
    grids: tuple[Grid | Same, ...]
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
        formats = [reader.choice(choice) for choice in self._choices(reader)]
        overrides = tuple(sorted((layer, reader.choice(choice)) for layer, choice in self.overrides))
        machines = [reader.read(vocabulary.canonical_machine, machine) for machine in self.machines]
        tables = [reader.read(vocabulary.canonical_table, table) for table in self.tables]
        reader.faults.extend(self._own_faults(formats))
        if reader.faults:
            raise SpaceError(all_faults(f"search space {self.name!r}", tuple(dict.fromkeys(reader.faults))))
        return tuple(
            dict.fromkeys(
                Configuration(self.network, choice, machine, table, self.split, self.images, overrides)
                for choice, machine, table in itertools.product(formats, machines, tables)
            )
        )

    def _choices(self, reader: _Reader) -> Iterator[FormatChoice]:
        for grid in self.grids:
            try:
                yield from grid.choices()
            except SpaceError as error:
                reader.faults.append(str(error))

    def _own_faults(self, formats: Sequence[FormatChoice]) -> Iterator[str]:
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


def _optional(patterns: Iterable[str | None]) -> Iterator[str | None]:
    for pattern in patterns:
        if pattern is None:
            yield None
        else:
            yield from expand_all([pattern])
