"""Names that packages import on first use: no module may stand where a function is promised."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hwsim
import models
import precision_search


def lazy_packages() -> list[str]:
    found = []
    for top in (hwsim, models, precision_search):
        root = Path(top.__file__ or "").parent
        for path in root.rglob("__init__.py"):
            if "__getattr__ = lazy_names(" in path.read_text(encoding="utf-8"):
                found.append(".".join([top.__name__, *path.parent.relative_to(root).parts]))
    return sorted(found)


@pytest.mark.parametrize("name", lazy_packages())
def test_no_promised_name_is_that_of_a_module(name: str) -> None:
    """Importing a submodule binds its name in the package, and then nobody asks ``__getattr__``."""
    package = importlib.import_module(name)
    for promised in package.__all__:
        place = Path(package.__file__ or "").parent / promised
        assert not (place.is_dir() or place.with_suffix(".py").exists()), f"{promised} is a module of {name} too"
    assert {"hwsim", "hwsim.costing", "hwsim.sweep"} <= {*lazy_packages()}


def test_cost_is_a_function_whatever_was_imported_before() -> None:
    code = "import hwsim.sweep.run; from hwsim.costing import cost; assert callable(cost), cost"
    subprocess.run([sys.executable, "-c", code], check=True)
