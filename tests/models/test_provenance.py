"""Which code a result is of: the commit, and whether it is known that nothing else ran."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from models import provenance
from models.provenance import accelerator, code_and_packages, is_dirty

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *own, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    git(tmp_path, "init", "-q")
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "models" / "own.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


@needs_git
def test_a_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = provenance._commit(checkout)
    assert git(checkout, "rev-parse", "HEAD").startswith(commit.removeprefix("g"))
    assert len(commit) >= 8
    assert not is_dirty(f"0.1.0+{commit}")


@needs_git
@pytest.mark.parametrize(
    ("file", "dirty"),
    [
        ("models/own.py", True),
        ("models/new.py", True),
        ("models/deep/new.py", True),
        ("models/ignored.py", False),
        ("models/notes.txt", False),
        ("other/new.py", False),
    ],
)
def test_files_that_are_in_no_commit_are_seen(file: str, dirty: bool, checkout: Path) -> None:
    before = provenance._commit(checkout)
    (checkout / file).parent.mkdir(exist_ok=True)
    (checkout / file).write_text("a = 2\n")
    assert provenance._commit(checkout) == (f"{before}-dirty" if dirty else before)
    assert is_dirty(f"0.1.0+{provenance._commit(checkout)}") == dirty


@needs_git
def test_both_changes_make_it_dirty_once(checkout: Path) -> None:
    for file in ("own.py", "new.py"):
        (checkout / "models" / file).write_text("a = 2\n")
    assert provenance._commit(checkout).count("dirty") == 1


@pytest.mark.parametrize(
    "failure",
    [
        subprocess.TimeoutExpired("git", 60),
        subprocess.CalledProcessError(128, "git", stderr="fatal: detected dubious ownership"),
        FileNotFoundError("git"),
    ],
)
def test_code_that_git_cannot_name_counts_as_changed(
    failure: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*words: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "run", fail)
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "models" / "provenance.py"))
    code = provenance.code_version.__wrapped__()
    assert code.endswith("+unknown")
    assert is_dirty(code)


@needs_git
def test_a_checkout_without_a_commit_is_unknown(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert provenance._commit(tmp_path) == "unknown"


def test_an_installed_package_is_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "models" / "provenance.py"))
    code = provenance.code_version.__wrapped__()
    assert code == code_and_packages()["code"].partition("+")[0]
    assert not is_dirty(code)


def test_the_gpu_is_named_where_torch_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def torch(available: bool) -> SimpleNamespace:
        cuda = SimpleNamespace(is_available=lambda: available, get_device_name=lambda: "Card 9")
        return SimpleNamespace(cuda=cuda)

    for loaded, expected in ((None, {}), (torch(False), {}), (torch(True), {"accelerator": "Card 9"})):
        monkeypatch.setitem(sys.modules, "torch", loaded)
        assert accelerator() == expected
        assert {name: text for name, text in provenance.provenance().items() if name == "accelerator"} == expected
