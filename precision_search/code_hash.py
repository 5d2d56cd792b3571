"""The identity of code: a hash that changes with what it does, and not with comments or docstrings."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

NUMERICS = ("formats", "arith", "network", "compiled.py")
NOT_NUMERICS = ("formats/pe.py", "formats/pe_kinds.py")  # read by prices only
HARDWARE = (
    *NUMERICS, "array", "cost", "floorplan", "hardware.py", "hardware_result.py", "layer_work.py", "on_chip.py",
    "silicon.py", "simulation.py", "tile_choice.py", "vector_work.py",
)  # fmt: skip


@functools.cache
def code_hash(package: str, parts: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """Return 16 hexadecimal digits that identify the code of the named parts of ``package``, ``without`` some files.

    >>> code_hash("hwsim", ("formats",)) == code_hash("hwsim", ("arith",))
    False
    """
    digest = hashlib.sha256()
    root = resources.files(package)
    for part in parts:
        for name, text in _sources(root.joinpath(part), part):
            if name in without:
                continue
            digest.update(f"{name}\n{essence(text)}\n".encode())
    return digest.hexdigest()[:16]


def essence(source: str) -> str:
    r"""Return Python source without comments, docstrings and layout.

    >>> essence('def f(x):\n    "doc"  # why\n    return (x)')
    'def f(x):\n    return x'
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _sources(place: Traversable, name: str) -> Iterator[tuple[str, str]]:
    if place.is_dir():
        for child in sorted(place.iterdir(), key=lambda entry: entry.name):
            yield from _sources(child, f"{name}/{child.name}")
    elif name.endswith(".py"):
        yield name, place.read_text(encoding="utf-8")
