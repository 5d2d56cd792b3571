"""Verilator: the same testbenches as Icarus, compiled to a program; slow to build, fast to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hwsim.rtl.icarus import CompiledTestbench, run_tool
from hwsim.rtl.sources import sv_folder

#: Registers wake up at random: what reads one before it is written differs from the kernels. Verilator knows no x.
_WAKE_UP = ("+verilator+rand+reset+2", "+verilator+seed+1")


@contextmanager
def verilator_model(
    sources: Sequence[Path],
    top: str,
    parameters: Mapping[str, int] | None = None,
    include: Sequence[Path] = (),
    timeout_s: float = 1800.0,
) -> Iterator[CompiledTestbench]:
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
        yield CompiledTestbench(folder, (str(folder / "build" / "simulation"), *_WAKE_UP))
