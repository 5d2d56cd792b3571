"""Icarus Verilog: compile a testbench once, run it on hex files, get its files and output back."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hwsim.rtl.errors import ToolError
from hwsim.rtl.sources import sv_folder

_HARMLESS = ("sorry: constant selects in always_",)  # iverilog 11 says so per instance; the result is right


@dataclass(frozen=True)
class SimulationRun:
    """What one run left behind.

    Attributes:
        stdout: what the testbench displayed.
        files: text of each output file that was asked for.
    """

    stdout: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CompiledTestbench:
    """A compiled testbench in its folder; ``run`` may be called many times while the folder exists.

    Attributes:
        folder: where it runs, with its input and output files.
        command: what runs it.
    """

    folder: Path
    command: tuple[str, ...]

    def run(
        self,
        inputs: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        plusargs: Sequence[str] = (),
        timeout_s: float = 600.0,
    ) -> SimulationRun:
        """Run the testbench in its folder.

        Args:
            inputs: text of each file to write first, by name.
            outputs: names of files that the testbench writes.
            plusargs: as in ``+cycles=10``, with the plus.
            timeout_s: seconds after which the run is stopped.

        Raises:
            ToolError: the run failed, took too long or did not write an output.
        """
        for name, text in (inputs or {}).items():
            (self.folder / name).write_text(text)
        for name in outputs:
            (self.folder / name).unlink(missing_ok=True)
        stdout = run_tool([*self.command, *plusargs], self.folder, timeout_s)
        missing = [name for name in outputs if not (self.folder / name).is_file()]
        if missing:
            raise ToolError(f"the simulation ended without writing {', '.join(missing)}; it said:\n{_tail(stdout)}")
        return SimulationRun(stdout, {name: (self.folder / name).read_text() for name in outputs})


@contextmanager
def icarus_model(
    sources: Sequence[Path],
    top: str,
    parameters: Mapping[str, int] | None = None,
    include: Sequence[Path] = (),
    timeout_s: float = 600.0,
) -> Iterator[CompiledTestbench]:
    """Compile ``top`` from ``sources`` in a temporary folder that lives as long as the context.

    Args:
        sources: SystemVerilog files.
        top: name of the module to elaborate.
        parameters: of ``top``, by name.
        include: folders of included files, beside the package's own.
        timeout_s: seconds after which the compiler is stopped.

    Raises:
        ToolError: Icarus is not installed, or refuses the text.
    """
    with tempfile.TemporaryDirectory(prefix="hwsim-icarus-") as name:
        folder = Path(name)
        program = folder / "simulation.vvp"
        command = ["iverilog", "-g2012", "-s", top, "-o", str(program)]
        command += [f"-I{path}" for path in (sv_folder(), *include)]
        command += [f"-P{top}.{key}={value}" for key, value in (parameters or {}).items()]
        run_tool([*command, *map(str, sources)], folder, timeout_s)
        yield CompiledTestbench(folder, ("vvp", "-N", str(program)))


def run_tool(command: Sequence[str], folder: Path, timeout_s: float) -> str:
    """Run ``command`` in ``folder`` and return what it printed.

    Raises:
        ToolError: not installed, not finished in time, or an exit code other than 0.
    """
    if shutil.which(command[0]) is None:
        package = {"vvp": "iverilog"}.get(command[0], command[0])
        raise ToolError(f"{command[0]!r} is not installed: apt-get install {package}")
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"{command[0]} did not finish within {timeout_s:g} s: give it less to do, or raise timeout_s"
        ) from None
    if done.returncode != 0:
        said = "\n".join(line for line in done.stderr.splitlines() if not any(text in line for text in _HARMLESS))
        raise ToolError(f"{command[0]} failed with exit code {done.returncode}:\n{_tail(said or done.stdout)}")
    return done.stdout


def hex_lines(codes: Sequence[int], bits: int) -> str:
    r"""Return ``codes`` as $readmemh reads them, one line each.

    >>> hex_lines([1, 255], 8)
    '01\nff\n'
    """
    digits = (bits + 3) // 4
    return "".join(f"{code:0{digits}x}\n" for code in codes)


def read_hex(text: str) -> list[int]:
    r"""Return the codes of a hex file, one a line.

    Raises:
        ToolError: a line holds an undefined bit (x or z), or no number at all.

    >>> read_hex("0f\nff\n")
    [15, 255]
    """
    codes = []
    for number, line in enumerate(text.split(), start=1):
        try:
            codes.append(int(line, 16))
        except ValueError:
            raise ToolError(f"line {number} of the simulator's output is {line!r}: not a defined number") from None
    return codes


def _tail(text: str, lines: int = 20) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
