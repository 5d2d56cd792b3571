"""Format choices written short: products of lists, and one format for everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from precision_search.expand import expand_all
from precision_search.task import FormatChoice


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


def _optional(patterns: Iterable[str | None]) -> Iterator[str | None]:
    for pattern in patterns:
        if pattern is None:
            yield None
        else:
            yield from expand_all([pattern])
