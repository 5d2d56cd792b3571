"""Verilator: the same testbenches as Icarus, compiled to a program; slow to build, fast to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hwsim.rtl.errors import ToolError
from hwsim.rtl.icarus import SimulationRun, run_tool
from hwsim.rtl.sources import sv_folder


@dataclass(frozen=True)
class VerilatorModel:
    """A compiled testbench in its folder; ``run`` may be called many times while the folder exists."""

    folder: Path
    program: Path

    def run(
        self,
        inputs: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        plusargs: Sequence[str] = (),
        timeout_s: float = 600.0,
    ) -> SimulationRun:
        """Run the testbench in its folder, as ``IcarusModel.run``.

        Raises:
            ToolError: the run failed, took too long or did not write an output.
        """
        for name, text in (inputs or {}).items():
            (self.folder / name).write_text(text)
        for name in outputs:
            (self.folder / name).unlink(missing_ok=True)
        stdout = run_tool([str(self.program), *plusargs], self.folder, timeout_s)
        missing = [name for name in outputs if not (self.folder / name).is_file()]
        if missing:
            raise ToolError(f"the simulation ended without writing {', '.join(missing)}; it said:\n{stdout[-2000:]}")
        return SimulationRun(stdout, {name: (self.folder / name).read_text() for name in outputs})


@contextmanager
def verilator_model(
    sources: Sequence[Path],
    top: str,
    parameters: Mapping[str, int] | None = None,
    include: Sequence[Path] = (),
    timeout_s: float = 1800.0,
) -> Iterator[VerilatorModel]:
    """Compile ``top`` from ``sources`` in a temporary folder that lives as long as the context.

    Args:
        sources: SystemVerilog files.
        top: name of the module to elaborate.
        parameters: of ``top``, by name.
        include: folders of included files, beside the package's own.
        timeout_s: seconds after which the compiler is stopped.

    Raises:
        ToolError: Verilator or a C++ compiler is not installed, or the text is refused.
    """
    with TemporaryDirectory(prefix="hwsim-verilator-") as name:
        folder = Path(name)
        command = ["verilator", "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", top]
        command += ["--Mdir", str(folder / "build"), "-o", "simulation", "-j", "1", "-CFLAGS", "-O1"]
        command += [f"-I{path}" for path in (sv_folder(), *include)]
        command += [f"-G{key}={value}" for key, value in (parameters or {}).items()]
        run_tool([*command, *map(str, sources)], folder, timeout_s)
        yield VerilatorModel(folder, folder / "build" / "simulation")
