"""From an element to its netlists: RTL and parameters in, one JSON netlist per delay target out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hwsim.synth.errors import SynthError
from hwsim.synth.liberty_text import read_liberty_text
from hwsim.synth.recipe import (
    ADDER_FILE,
    CONSTRAINT_FILE,
    LIBERTY_FILE,
    TARGETS,
    Recipe,
    adder_text,
    constraint_text,
    yosys_script,
)  # fmt: skip
from hwsim.synth.technology import Technology
from hwsim.synth.yosys import Yosys


@dataclass(frozen=True)
class Workshop:
    """A folder with the mapping copy of a library, and what every run of Yosys in it shares.

    Attributes:
        folder: of the runs.
        yosys: the tool.
        tech: the technology.
        recipe: how integers are built.
    """

    folder: Path
    yosys: Yosys
    tech: Technology
    recipe: Recipe

    def build(
        self, top: str, parameters: Mapping[str, int], sources: Sequence[Path], targets: Sequence[str] = tuple(TARGETS)
    ) -> dict[str, Path]:
        """Synthesise ``top``; return the JSON netlist of each target. The caller deletes the run's folder.

        Raises:
            SynthError: yosys failed.
        """
        run = Path(tempfile.mkdtemp(prefix=f"{top}-", dir=self.folder))
        for source in sources:
            shutil.copy(source, run)
        os.link(self.folder / LIBERTY_FILE, run / LIBERTY_FILE)
        (run / ADDER_FILE).write_text(adder_text(self.tech.full_adder, self.recipe), encoding="utf-8")
        (run / CONSTRAINT_FILE).write_text(constraint_text(self.tech), encoding="utf-8")
        names = [source.name for source in sources if source.suffix in (".sv", ".v")]
        printed = self.yosys.run(yosys_script(top, names, parameters, self.recipe, targets), run)
        (run / "yosys.log").write_text(printed, encoding="utf-8")
        return {target: run / f"{target}.json" for target in targets}


@contextmanager
def open_workshop(liberty: Sequence[Path], yosys: Yosys, recipe: Recipe, tech: Technology) -> Iterator[Workshop]:
    """Prepare a folder for runs on the library in ``liberty``; it is deleted at the end.

    Args:
        liberty: the files of one library.
        yosys: from ``find_yosys``.
        recipe: how integers are built.
        tech: of the library.

    Raises:
        SynthError: the library cannot be read, or lacks a cell that the technology names.
    """
    usable = read_liberty_text(liberty).without(tech.dont_use)
    wanted = [tech.driver, *([tech.full_adder.cell] if tech.full_adder else [])]
    missing = [name for name in wanted if name not in usable.names]
    if missing:
        raise SynthError(f"the library lacks {', '.join(missing)}, which technology {tech.name!r} names")
    # YoWASP does not see the system's temporary folder under that name: work below the current one.
    base = Path.cwd() if "yowasp" in yosys.version else None
    with tempfile.TemporaryDirectory(prefix="hwsim-synth-", dir=base) as folder:
        (Path(folder) / LIBERTY_FILE).write_text(usable.mapping_text(), encoding="utf-8")
        yield Workshop(Path(folder), yosys, tech, recipe)
