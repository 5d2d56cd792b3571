"""The README is true: its Python runs as printed, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "results").glob("*.md"))]


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    assert (tmp_path / "sweeps" / "mine.sqlite").exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("command", ["hwsim", "models", "precision-search"])
def test_commands_of_the_readme_exist(command: str) -> None:
    module = {"hwsim": "hwsim.cli", "models": "models.cli", "precision-search": "precision_search.cli"}[command]
    said = set(re.findall(rf"^{command} ([a-z]+)", README, re.MULTILINE))
    assert said
    for word in said:
        done = subprocess.run([sys.executable, "-m", module, word, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, word


def test_tests_are_run_as_the_readme_says() -> None:
    assert "make test" in README
    assert "make test" in (ROOT / ".ci" / "run").read_text()
