"""Full output, a reader that left, Ctrl-C: one message and an exit code, for every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.command import guarded
from hwsim.errors import FormatError

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [("hwsim.cli", "formats"), ("models.cli", "list"), ("hwsim.cli", "networks")])
def test_full_output_is_one_message(words: tuple[str, str]) -> None:
    with FULL.open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode == 2
    assert "No space left on device" in ran.stderr and ran.stderr.count("\n") == 1


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hwsim.cli", "formats", "fp16", "--codes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as ran:
        assert ran.stdout and ran.stderr
        ran.stdout.readline()
        ran.stdout.close()
        assert ran.stderr.read() == b""
    assert ran.returncode == 0


def test_errors_and_interrupts(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise FormatError("no such format")

    def stop() -> None:
        raise KeyboardInterrupt

    def crash() -> None:
        raise OSError(2, "a fault of ours")

    assert (guarded("x", refuse), guarded("x", stop, "kept"), guarded("x", lambda: 3)) == (2, 130, 3)
    assert capsys.readouterr().err == "x: no such format\n\nx: kept\n"
    with pytest.raises(OSError, match="ours"):
        guarded("x", crash)
