"""Everything a measurement needs, opened once: the tool, the library, its hash, the folder of the runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hwsim.gates import Library, read_liberty
from hwsim.synth.build import Workshop, open_workshop
from hwsim.synth.detect import detect
from hwsim.synth.errors import SynthError
from hwsim.synth.recipe import recipe
from hwsim.synth.settings import RunSettings
from hwsim.synth.store import Settings
from hwsim.synth.technology import Technology, recognise
from hwsim.synth.yosys import find_yosys


@dataclass(frozen=True)
class Laboratory:
    """What all measurements of a run share. Picklable: the library is read again, once per process.

    Attributes:
        workshop: where Yosys works.
        settings: of the run.
        made_with: what the rows say they were made with.
    """

    workshop: Workshop
    settings: RunSettings
    made_with: Settings

    @property
    def library(self) -> Library:
        """The cells."""
        return _library(self.settings.liberty)

    @property
    def tech(self) -> Technology:
        """The technology."""
        return self.workshop.tech


@lru_cache(maxsize=1)
def _library(paths: tuple[Path, ...]) -> Library:
    return read_liberty(*paths)


def wire_text(tech: Technology) -> str:
    """Return what is assumed about wires, inputs and outputs.

    >>> from hwsim.synth.technology import technology
    >>> wire_text(technology("nangate45"))
    'table default; input slew 20 ps; 3.898 fF on outputs'
    """
    return f"{tech.wire}; input slew {1000 * tech.slew_ns:g} ps; {tech.load_ff:g} fF on outputs"


def technology_of(settings: RunSettings) -> Technology:
    """Return the technology of the library: known by its cells, else found in their functions.

    Raises:
        SynthError: the library is not known and the settings name no node.
    """
    library = _library(settings.liberty)
    known = recognise(tuple(library.cells))
    if known is not None:
        return known
    if settings.node_nm is None:
        raise SynthError(
            f"library {library.name} (cells {', '.join(list(library.cells)[:3])}, ...) is none that is known here: say "
            "its node with --node NM, and which cells to leave alone with --dont-use; its adder and buffer are found "
            "by what their pins compute"
        )
    return detect(library, library.name, settings.node_nm, settings.dont_use)


@contextmanager
def open_laboratory(settings: RunSettings) -> Iterator[Laboratory]:
    """Open a laboratory; its folder is deleted at the end.

    Raises:
        SynthError: no yosys, an unreadable or unknown library.
    """
    tech = technology_of(settings)
    with open_workshop(settings.liberty, find_yosys(), recipe(settings.recipe), tech) as workshop:
        made_with = Settings(
            liberty_sha256=_library(settings.liberty).sha256,
            tools=f"{workshop.yosys.version}, hwsim.gates",
            recipe=settings.recipe,
            wire_model=wire_text(tech),
            vectors=settings.vectors,
            seed=settings.seed,
        )
        yield Laboratory(workshop, settings, made_with)
