"""The RTL that an element consists of: only the files that its kind needs, and a hash that comments do not move."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from hwsim.formats.base import PeKind
from hwsim.rtl.sources import HEADERS, element_sources, sv_folder

#: The file of each kind's multiply-accumulate; ``mac_core`` names all four and elaborates one.
CORES = {
    PeKind.SHIFT_ADD: "mac_shift_add.sv",
    PeKind.MULTI_SHIFT_ADD: "mac_multi_shift_add.sv",
    PeKind.INT_MAC: "mac_int.sv",
    PeKind.FLOAT_MAC: "mac_float.sv",
}
_MODULE = re.compile(r"\bmodule\s+(\w+)")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def rtl_sources(kind: PeKind, top: str) -> tuple[Path, ...]:
    """Return the headers and the files that module ``top`` needs for one kind of element.

    >>> [path.name for path in rtl_sources(PeKind.SHIFT_ADD, "pe_os") if path.name.startswith(("mac", "pe"))]
    ['mac_parameters.svh', 'mac_core.sv', 'mac_shift_add.sv', 'pe_os.sv']
    """
    others = {name for other, name in CORES.items() if other is not kind}
    files = {path.name: path for path in element_sources() if path.name not in others}
    used = _used(f"{top}.sv", files)
    headers = tuple(sv_folder() / name for name in HEADERS)
    return (*headers, *sorted((files[name] for name in used), key=lambda path: path.name))


def _used(first: str, files: Mapping[str, Path]) -> set[str]:
    """Return the files reached from ``first`` by the names of the modules that they mention."""
    texts = {name: code_of(path) for name, path in files.items()}
    defines = {module: name for name, text in texts.items() for module in _MODULE.findall(text)}
    found: set[str] = set()
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [defines[word] for word in set(re.findall(r"\w+", texts[name])) if word in defines]
    return found


@cache
def code_of(path: Path) -> str:
    """Return the text of a file without comments and with single spaces."""
    return " ".join(_COMMENT.sub(" ", path.read_text(encoding="utf-8")).split())


def sources_sha256(sources: Sequence[Path]) -> str:
    """Return one hash of the names of ``sources`` and their code, comments left out."""
    digest = hashlib.sha256()
    for source in sorted(sources, key=lambda path: path.name):
        digest.update(f"{source.name}\0{code_of(source)}\0".encode())
    return digest.hexdigest()
