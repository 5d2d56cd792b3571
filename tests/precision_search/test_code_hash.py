import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from precision_search.code_hash import HARDWARE, NOT_NUMERICS, NUMERICS, code_hash, essence


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "subject_of_hash"
    (root / "kernels").mkdir(parents=True)
    (root / "__init__.py").touch()
    (root / "kernels" / "a.py").write_text("def f(x):\n    return x + 1\n")
    (root / "other.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield root
    sys.modules.pop("subject_of_hash", None)


def fresh() -> str:
    code_hash.cache_clear()
    return code_hash("subject_of_hash", ("kernels",))


def test_code_counts_comments_do_not(package: Path) -> None:
    before = fresh()
    (package / "kernels" / "a.py").write_text('"""Doc."""\n\n\ndef f(x):\n    """Doc."""\n    return (x + 1)  # why\n')
    assert fresh() == before
    (package / "kernels" / "a.py").write_text("def f(x):\n    return x + 2\n")
    assert fresh() != before


def test_new_files_count_and_other_parts_do_not(package: Path) -> None:
    before = fresh()
    (package / "other.py").write_text("y = 2\n")
    assert fresh() == before
    (package / "kernels" / "b.py").write_text("")
    assert fresh() != before


def test_files_left_out_do_not_count(package: Path) -> None:
    code_hash.cache_clear()
    before = code_hash("subject_of_hash", ("kernels",), ("kernels/b.py",))
    (package / "kernels" / "b.py").write_text("z = 1\n")
    code_hash.cache_clear()
    assert code_hash("subject_of_hash", ("kernels",), ("kernels/b.py",)) == before
    assert fresh() != before


def test_what_only_prices_read_is_no_part_of_the_numerics() -> None:
    root = Path(importlib.import_module("hwsim").__file__ or "").parent
    readers = [
        path.relative_to(root).as_posix()
        for part in NUMERICS
        for path in (root / part).rglob("*.py")
        if re.search(r"hwsim\.formats\.pe(_kinds)?\b", path.read_text())
    ]
    assert set(readers) <= set(NOT_NUMERICS)
    assert all((root / name).is_file() for name in NOT_NUMERICS)


def imported(path: Path) -> set[str]:
    """The modules of hwsim that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hwsim"):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_the_hardware_covers_everything_that_pricing_reads() -> None:
    root = Path(importlib.import_module("hwsim").__file__ or "").parent
    seen, waiting = set(), ["hwsim.simulation"]
    while waiting:
        place = root.joinpath(*waiting.pop().split(".")[1:])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file() and file not in seen:
            seen.add(file)
            waiting += imported(file)
    names = {file.relative_to(root).as_posix() for file in seen}
    assert {"hardware.py", "cost/model.py", "floorplan/plan.py"} <= names
    outside = {name for name in names if name not in HARDWARE and name.partition("/")[0] not in HARDWARE}
    assert outside <= {"__init__.py", "errors.py"}
    assert all((root / part).exists() for part in HARDWARE)


def test_strings_that_are_values_stay() -> None:
    assert essence('x = "a"  # b') == "x = 'a'"
    assert essence("def f():\n    '''doc'''") == "def f():\n    pass"
