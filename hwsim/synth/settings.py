"""What a run is made with: the library, the tool, the recipe, the wires, the number of vectors, the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunSettings:
    """Everything that a row depends on besides its element.

    Attributes:
        liberty: files of one library, in order.
        recipe: name of the recipe.
        vectors: cycles of the stream that gives the energies; at least MIN_VECTORS.
        fit_vectors: cycles of each stream that the macro-model is fitted to.
        seed: of all streams.
        node_nm: technology node of a library that is not known by its cells; None for one that is.
        dont_use: patterns of cells of such a library to leave alone.
    """

    liberty: tuple[Path, ...]
    recipe: str = "bw-fa"
    vectors: int = 3000
    fit_vectors: int = 600
    seed: int = 0
    node_nm: float | None = None
    dont_use: tuple[str, ...] = ()


#: Cycles of the comparison with the reference, and the least that may give an energy (sampling error near 2.4 % there).
MIN_VECTORS = 1000
