"""Formats chosen layer by layer: every multiplying layer and the input choose for themselves."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from precision_search.grids import Grid, Same
from precision_search.task import FormatChoice

Overrides = tuple[tuple[str, FormatChoice], ...]
#: Layers that choose together: ("input",) first, then each multiplying layer with the sums and averages behind it.
Places = tuple[tuple[str, ...], ...]

INPUT = "input"


@dataclass(frozen=True)
class PerLayer:
    """Every way to give each layer one of the choices of ``grid``, and the input one of their activation formats.

    The number of configurations is (choices) to the power of (layers), times the activation formats: ``per_layer_size``
    says it without making them.
    """

    grid: Grid | Same

    def choices(self) -> Iterator[FormatChoice]:
        """Iterate over what one layer may choose."""
        return self.grid.choices()


def per_layer_size(choices: Collection[FormatChoice], places: Places) -> int:
    """Return how many assignments there are.

    >>> per_layer_size([FormatChoice("a", "a", "a"), FormatChoice("b", "b", "b")], (("input",), ("conv",), ("fc",)))
    8
    """
    acts = {choice.acts for choice in choices}
    size = 1
    for place in places:
        size *= len(acts) if place == (INPUT,) else len(choices)
    return size


def assignments(choices: Sequence[FormatChoice], places: Places) -> Iterator[tuple[FormatChoice, Overrides]]:
    """Iterate over (default, overrides); the last place varies fastest, so neighbours share their first layers.

    The default is what the first multiplying layer chose, and only layers that chose otherwise are overrides: one
    format everywhere is spelled as in a grid without ``per_layer``.

    >>> one, two = FormatChoice("a", "a", "a"), FormatChoice("b", "b", "b")
    >>> [(d.acts, [name for name, _ in o]) for d, o in assignments([one, two], (("conv",), ("fc",)))]
    [('a', []), ('a', ['fc']), ('b', ['fc']), ('b', [])]
    """
    acts = tuple(dict.fromkeys(choice.acts for choice in choices))
    chooses_acts = bool(places) and places[0] == (INPUT,)
    layers = places[1:] if chooses_acts else places
    for source in acts if chooses_acts else (None,):
        for chosen in itertools.product(choices, repeat=len(layers)):
            default = chosen[0] if chosen else choices[0]
            overrides = [
                (layer, choice)
                for place, choice in zip(layers, chosen, strict=True)
                for layer in place
                if choice != default
            ]
            if source is not None and source != default.acts:
                overrides.append((INPUT, replace(default, acts=source)))
            yield default, tuple(overrides)


def free_places(places: Places, fixed: Collection[str]) -> Places:
    """Return the places without the layers whose formats are fixed.

    >>> free_places((("input",), ("conv", "sum"), ("fc",)), {"conv", "fc"})
    (('input',), ('sum',))
    """
    left = (tuple(layer for layer in place if layer not in fixed) for place in places)
    return tuple(place for place in left if place)
