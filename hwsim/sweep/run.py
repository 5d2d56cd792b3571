"""A network on many machines in many formats: every combination priced, most of them all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hwsim.array import Component, Machine
from hwsim.cost import PriceTable, find_table
from hwsim.costing.from_shapes import DEFAULT_TABLE, check_batch, cost
from hwsim.errors import CostError, HwsimError
from hwsim.floorplan import AreaBudget, plan, read_machine
from hwsim.hardware_result import HardwareResult
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.sweep.closed_forms import Style
from hwsim.sweep.evaluate import Outcome, evaluate, vectorisable
from hwsim.sweep.faults import SweepError
from hwsim.sweep.layers import LayerColumns, layer_columns
from hwsim.sweep.points import Point
from hwsim.sweep.prices import PriceBook, elements_of

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 512  #: points on arrays together: more is no faster and takes more memory
LARGEST = 10_000_000  #: points of one sweep

ENERGY = tuple(component.value for component in Component)
NUMBERS = ("cycles", "stall", "runtime_s", "energy_pj", "energy_low_pj", "power_w", "area_um2", "weight_bits")


@dataclass(frozen=True)
class SweepRow:
    """One machine with one format, by one price table.

    Attributes:
        machine: as asked for: rows and columns, or an area.
        built: the machine that was priced; empty where there is none.
        table: name of the prices.
        formats: of every layer.
        outcome: what it costs; None where it cannot be built or priced.
        error: why there is no outcome.
        one_by_one: priced by the scalar path: tiles that are chosen, weights that are packed, counts beyond 64 bits.
    """

    machine: str
    built: str
    table: str
    formats: LayerFormats
    outcome: Outcome | None
    error: str = ""
    one_by_one: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the row flat, units in the names; numbers are None where there are none."""
        found = self.outcome
        numbers: dict[str, Any] = dict.fromkeys(NUMBERS)
        parts: dict[str, Any] = {f"energy_{name}_pj": None for name in ENERGY}
        if found is not None:
            numbers = {name: getattr(found, name) for name in NUMBERS} | {"energy_pj": found.energy_total_pj}
            parts = {f"energy_{name}_pj": found.energy_pj[name] for name in ENERGY}
        words = {"machine": self.machine, "built": self.built, "table": self.table, **self.formats.to_dict()}
        return {**words, **numbers, **parts, "error": self.error}


@dataclass(frozen=True)
class Sweep:
    """What all combinations cost.

    Attributes:
        network: its name.
        batch: images that go through together; numbers are for all of them.
        sparsity: assumed share of products with a zero operand; None where none is assumed to be zero.
        rows: one for each table, format and machine, in this order, machines fastest.
    """

    network: str
    batch: int
    sparsity: float | None
    rows: tuple[SweepRow, ...] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame([row.to_dict() for row in self.rows])

    def front(self, objectives: Sequence[str] = ("runtime_s", "energy_pj")) -> tuple[SweepRow, ...]:
        """Return the rows that no other of the same table beats, the least of the first objective first.

        Tables disagree by more than machines do: a row never loses to one that another table prices, and the fronts
        of several tables stand one after another.

        Args:
            objectives: names of numbers, see ``NUMBERS``; less is better.

        Raises:
            SweepError: no such number.
        """
        unknown = [name for name in objectives if name not in NUMBERS]
        if unknown or not objectives:
            raise SweepError(f"a front needs one or more of {', '.join(NUMBERS)}; not {', '.join(unknown) or 'none'}")
        found: list[SweepRow] = []
        for table in dict.fromkeys(row.table for row in self.rows):
            own = [row for row in self.rows if row.table == table and row.outcome is not None]
            good = sorted(((row, _values(row, objectives)) for row in own), key=lambda pair: pair[1])
            found += (row for row, _ in _undominated(good))
        return tuple(found)


def _values(row: SweepRow, objectives: Sequence[str]) -> tuple[float, ...]:
    numbers = row.to_dict()
    return tuple(float("inf") if numbers[name] is None else float(numbers[name]) for name in objectives)


def _undominated(
    ordered: Iterable[tuple[SweepRow, tuple[float, ...]]],
) -> Iterator[tuple[SweepRow, tuple[float, ...]]]:
    """Yield what nothing before it is as good as in everything; equals stand together."""
    kept: list[tuple[float, ...]] = []
    for row, values in ordered:
        beaten = any(other != values and all(a <= b for a, b in zip(other, values, strict=True)) for other in kept)
        if not beaten:
            kept.append(values)
            yield row, values


def run_sweep(
    network: Network,
    formats: Sequence[LayerFormats],
    machines: Sequence[Machine | AreaBudget | str],
    tables: Sequence[PriceTable | str] = (DEFAULT_TABLE,),
    batch: int = 1,
    sparsity: float | None = None,
) -> Sweep:
    """Price every format on every machine by every table, from the network's shapes alone.

    The numbers are those of ``hwsim.costing.cost`` for each combination, bit by bit. A combination that cannot be built
    or priced is a row with the reason.

    Args:
        network: folded or not, with or without tensors.
        formats: of all layers.
        machines: machines and areas, or their spellings.
        tables: prices, or names of tables or paths of .csv files.
        batch: images that go through together.
        sparsity: assumed share of products with a zero operand.

    Raises:
        HwsimError: a machine or a table that does not exist; too many combinations; no image in a batch.

    >>> from hwsim.network import Conv2d, Layer
    >>> network = Network("one", (3, 8, 8), (Layer("conv", Conv2d(4, (3, 3)), ("input",)),), {})
    >>> found = run_sweep(network, [LayerFormats.of("pow2<4>", "int8", "int24")], ["8x8-ws", "8x8-os"])
    >>> [row.outcome.cycles for row in found.rows if row.outcome]
    [232, 240]
    """
    check_batch(batch)
    size = len(formats) * len(machines) * len(tables)
    if not 1 <= size <= LARGEST:
        raise SweepError(f"{size} combinations; a sweep has 1 to {LARGEST}: name more, or fewer")
    built = [read_machine(machine) if isinstance(machine, str) else machine for machine in machines]
    prices = [find_table(table) if isinstance(table, str) else table for table in tables]
    folded = fold_shapes(network)
    columns = layer_columns(folded, batch, sparsity)
    work = _Work(folded, columns, batch, sparsity)
    rows = tuple(row for table in prices for row in work.rows(formats, built, table))
    return Sweep(network.name, batch, sparsity, rows)


@dataclass(frozen=True)
class _Work:
    """The network of a sweep, and how a combination is priced."""

    network: Network
    columns: LayerColumns
    batch: int
    sparsity: float | None

    def rows(
        self, formats: Sequence[LayerFormats], machines: Sequence[Machine | AreaBudget], table: PriceTable
    ) -> list[SweepRow]:
        """Return one row for each combination, machines fastest."""
        names = [str(machine) for machine in machines]
        asked = [(own, machine, name) for own in formats for machine, name in zip(machines, names, strict=True)]
        rows: list[SweepRow | None] = [None] * len(asked)
        together: dict[tuple[Style, bool], list[tuple[int, Point]]] = {}
        for place, (own, machine, name) in enumerate(asked):
            try:
                point = Point(self._built(machine, own, table), own)
            except HwsimError as error:
                rows[place] = SweepRow(name, "", table.name, own, None, str(error))
                continue
            if vectorisable(point.machine):
                alike = Style.of(point.machine), point.machine.unlimited
                together.setdefault(alike, []).append((place, point))
            else:
                rows[place] = self._alone(name, point, table)
        book = PriceBook(table)
        for group in together.values():
            for start in range(0, len(group), AT_ONCE):
                part = group[start : start + AT_ONCE]
                for (place, point), found in zip(part, self._together([p for _, p in part], book), strict=True):
                    _, machine, name = asked[place]
                    if found is None:
                        rows[place] = self._alone(name, point, table)
                        continue
                    built = name if point.machine is machine else point.machine.name  # a plan names what it builds
                    rows[place] = SweepRow(name, built, table.name, point.formats, found)
        return [row for row in rows if row is not None]

    def _together(self, points: Sequence[Point], book: PriceBook) -> list[Outcome | None]:
        """Return what each point costs; None for all where a price is missing, so that each says so by itself."""
        try:
            return evaluate(self.columns, points, book)
        except CostError:
            return [None] * len(points)

    def _built(self, machine: Machine | AreaBudget, formats: LayerFormats, table: PriceTable) -> Machine:
        if isinstance(machine, Machine):
            return machine
        kinds = tuple(sorted(set(self.columns.products.kinds.tolist())))
        words = elements_of(formats, kinds)
        return plan(machine, [words[kind].pe for kind in kinds], table).machine

    def _alone(self, asked: str, point: Point, table: PriceTable) -> SweepRow:
        words = (asked, str(point.machine), table.name, point.formats)
        try:
            report = cost(self.network, Assignment(point.formats), point.machine, table, self.batch, self.sparsity)
        except HwsimError as error:
            return SweepRow(*words, None, str(error), one_by_one=True)
        return SweepRow(*words, outcome_of(report.hardware), one_by_one=True)


def outcome_of(result: HardwareResult) -> Outcome:
    """Return the totals of a result of the scalar path."""
    return Outcome(
        cycles=result.cycles,
        stall=sum(layer.cycles.stall for layer in result.layers),
        runtime_s=result.runtime_s,
        energy_pj=result.energy_pj,
        energy_total_pj=result.energy_total_pj,
        power_w=result.power_w,
        area_um2=result.area_um2,
        weight_bits=result.weight_bits,
        energy_low_pj=result.energy_low_pj,
    )
