"""Makes the helpers of this folder importable, and rows of studies ones to keep."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the code were in a commit, whatever the checkout: rows of other code are made again."""
    for module in ("tables", "lowrank_lenet5"):
        monkeypatch.setattr(f"models.compression.studies.{module}.is_dirty", lambda code: False)
