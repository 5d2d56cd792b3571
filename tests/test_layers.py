"""The architecture, kept: imports point one way, between the packages and inside them, with no cycle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("hwsim", "models", "precision_search")
ORDER = {name: rank for rank, name in enumerate(PACKAGES)}
HEAVY = {"pandas", "matplotlib", "joblib", "torch", "sklearn"}


def modules() -> dict[str, Path]:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imported(tree: ast.AST, lazy: bool) -> set[str]:
    """Names imported at import time, or anywhere if ``lazy``; never those under TYPE_CHECKING."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node) or (not lazy and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        else:
            found |= imported(node, lazy)
    return found


def imports_of(path: Path, lazy: bool = True) -> set[str]:
    return imported(ast.parse(path.read_text()), lazy)


MODULES = modules()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_packages_import_downwards_only(name: str) -> None:
    if MODULES[name].name == "cli.py":
        return
    package = name.split(".")[0]
    upward = {t for t in imports_of(MODULES[name]) if ORDER.get(t.split(".")[0], -1) > ORDER[package]}
    assert not upward, f"{name} imports {sorted(upward)}: only a cli.py may import upwards"


def test_there_is_no_import_cycle() -> None:
    graph = {name: {t for t in imports_of(path, lazy=False) if t in MODULES} - {name} for name, path in MODULES.items()}
    # A package's __init__ re-exports; what matters is whether two modules need each other.
    graph = {name: {t for t in targets if MODULES[t].name != "__init__.py"} for name, targets in graph.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for target in graph[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", [n for n in sorted(MODULES) if n.split(".")[0] == "hwsim" and n != "hwsim.cli"])
def test_the_simulator_needs_nothing_heavy(name: str) -> None:
    assert not {t.split(".")[0] for t in imports_of(MODULES[name], lazy=False)} & HEAVY


@pytest.mark.parametrize("name", sorted(MODULES))
def test_rooms_stay_small(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= 400


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_pickle_and_no_printing(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    assert "pickle" not in imports_of(MODULES[name])
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"eval", "exec"}
    assert "print" not in calls or MODULES[name].name == "cli.py"
