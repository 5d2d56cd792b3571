import importlib
import sys
from pathlib import Path

import pytest

from precision_search.code_hash import code_hash, essence


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


def test_strings_that_are_values_stay() -> None:
    assert essence('x = "a"  # b') == "x = 'a'"
    assert essence("def f():\n    '''doc'''") == "def f():\n    pass"
