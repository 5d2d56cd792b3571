"""A cell library, read from one or several liberty files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from hwsim.errors import unknown_name
from hwsim.gates.cells import Cell
from hwsim.gates.faults import LibertyError
from hwsim.gates.reading import Context, read_cell, read_context
from hwsim.gates.syntax import Group, LibraryText, as_number, clean_text, parse_cell, parse_library, read_bytes
from hwsim.gates.units import Units, read_units


@dataclass(frozen=True)
class WireLoad:
    """A wire load table: the capacitance of a net from its fanout, before it is routed.

    Attributes:
        name: Its name.
        capacitance_ff: Per unit of length.
        slope: Length per sink beyond the last point.
        lengths: (fanout, length) by rising fanout.
    """

    name: str
    capacitance_ff: float
    slope: float
    lengths: tuple[tuple[float, float], ...]

    def load_ff(self, fanout: int) -> float:
        """Return the capacitance of a net with ``fanout`` sinks, in fF.

        Between points the length is interpolated, above the last it grows by ``slope`` per sink, below the first it is
        the first's (Liberty User Guide, wire_load).

        >>> WireLoad("w", 2.0, 10.0, ((1, 5.0), (3, 9.0))).load_ff(2), WireLoad("w", 2.0, 10.0, ((1, 5.0),)).load_ff(3)
        (14.0, 50.0)
        """
        if fanout == 0 or not self.lengths:
            return 0.0 if fanout == 0 else self.capacitance_ff * self.slope * fanout
        low = self.lengths[0]
        for point in self.lengths:
            if fanout <= point[0]:
                share = (fanout - low[0]) / (point[0] - low[0]) if point[0] > low[0] else 1.0
                return self.capacitance_ff * (low[1] + share * (point[1] - low[1]) if fanout > low[0] else point[1])
            low = point
        return self.capacitance_ff * (low[1] + self.slope * (fanout - low[0]))


@dataclass(frozen=True, eq=False)
class CellMap(Mapping[str, Cell]):
    """The cells of a library by name, each read when it is first asked for."""

    sources: Mapping[str, tuple[LibraryText, Context]]
    known: dict[str, Cell] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Cell:
        if name not in self.known:
            text, context = self.sources[name]
            self.known[name] = read_cell(parse_cell(text, name), context)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def __contains__(self, name: object) -> bool:
        return name in self.sources


@dataclass(frozen=True, eq=False)
class Library:
    """A cell library in standard units: ns, fF, pJ, W, V, um2.

    Attributes:
        name: Names of the joined libraries.
        paths: The files.
        sha256: Hash of the uncompressed files, one after the other (of one file: what ``sha256sum`` prints).
        voltage_v: Nominal supply voltage.
        temperature_c: Nominal temperature.
        cells: By name, read on demand.
        wire_loads: By name.
        default_wire_load: Name of the one that the library uses by default, or None.
        units: Of the first file.
    """

    name: str
    paths: tuple[Path, ...]
    sha256: str
    voltage_v: float
    temperature_c: float | None
    cells: CellMap
    wire_loads: Mapping[str, WireLoad]
    default_wire_load: str | None
    units: Units

    def cell(self, name: str) -> Cell:
        """Return the cell called ``name``.

        Raises:
            LibertyError: the library has none of that name, or it cannot be read.
        """
        if name not in self.cells:
            near = [cell for cell in self.cells if cell[:3].lower() == name[:3].lower()] or list(self.cells)[:12]
            raise LibertyError(f"library {self.name}: {unknown_name('cell', name, near[:40])}")
        return self.cells[name]


def read_liberty(*paths: str | Path) -> Library:
    """Return the library in one or several ``.lib`` or ``.lib.xz`` files, joined.

    Args:
        paths: Several files must have different cells and the same nominal voltage (ASAP7 comes in five).

    Raises:
        LibertyError: no file, a file that is no liberty file, a missing unit, a cell that two files define.
    """
    if not paths:
        raise LibertyError("no liberty file is named; give at least one .lib or .lib.xz file")
    texts, digest = [], sha256()
    for path in map(Path, paths):
        data = read_bytes(path)
        digest.update(data)
        texts.append(parse_library(path, clean_text(data)))
    sources: dict[str, tuple[LibraryText, Context]] = {}
    loads: dict[str, WireLoad] = {}
    units = [read_units(text.path, text.head) for text in texts]
    for text, unit in zip(texts, units, strict=True):
        context = read_context(text.head, unit)
        twice = [name for name in text.cells if name in sources]
        if twice:
            raise LibertyError(
                f"{text.path}: cell {twice[0]!r} is also in {sources[twice[0]][0].path}; name each file once"
            )
        sources |= dict.fromkeys(text.cells, (text, context))
        loads |= {group.arguments[0]: _wire_load(group, unit) for group in text.head.all("wire_load")}
    head = texts[0].head
    return Library(
        " + ".join(text.head.arguments[0] for text in texts),
        tuple(text.path for text in texts),
        digest.hexdigest(),
        _voltage(texts, units),
        _nominal(head, "temperature"),
        CellMap(sources),
        loads,
        next((name for text in texts if (name := text.head.get("default_wire_load"))), None),
        units[0],
    )


def _voltage(texts: list[LibraryText], units: list[Units]) -> float:
    found = {}
    for text, unit in zip(texts, units, strict=True):
        value = _nominal(text.head, "voltage")
        if value is None:
            raise LibertyError(
                f"{text.path}: nom_voltage is missing; energies need it: write for example nom_voltage : 1.1;"
            )
        found[text.path] = value * unit.voltage_v
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{path.name} {value:g} V" for path, value in found.items())
        raise LibertyError(f"the files have different supply voltages: {listed}; join files of one corner")
    return next(iter(found.values()))


def _nominal(head: Group, name: str) -> float | None:
    """Return ``nom_`` + ``name``, or else what the first operating condition says."""
    stated = (group.number(name) for group in head.all("operating_conditions"))
    return next((value for value in (head.number(f"nom_{name}"), *stated) if value is not None), None)


def _wire_load(group: Group, units: Units) -> WireLoad:
    what = f"wire_load({group.arguments[0]})"
    pairs = [values for name, values in group.lists if name == "fanout_length"]
    points = sorted((as_number(fan[0], what), as_number(fan[1], what)) for fan in pairs)
    capacitance = (group.number("capacitance") or 0.0) * units.load_ff
    return WireLoad(group.arguments[0], capacitance, group.number("slope") or 0.0, tuple(points))
