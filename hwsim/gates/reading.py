"""From the groups of a liberty file to cells in standard units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hwsim.gates.boolean import Boolean, parse_boolean
from hwsim.gates.cells import Cell, InternalPower, Leakage, Pin, Register, Sense, TimingArc, is_constraint
from hwsim.gates.faults import LibertyError
from hwsim.gates.syntax import Group, as_number
from hwsim.gates.tables import Scales, Table, Templates, read_table
from hwsim.gates.units import Units


@dataclass(frozen=True)
class Context:
    """What of a library's head its cells refer to.

    Attributes:
        units: Of every number.
        templates: Axes of tables by name.
        grounds: Supply pins at 0 V. ``internal_power`` of a ground pin tells again, at the other end of the current,
            the energy that the supply pin's group tells, so it is not added.
        default_input_ff: Capacitance of an input pin that states none.
        default_leakage_w: Leakage of a cell that states none, or None.
    """

    units: Units
    templates: Templates
    grounds: frozenset[str]
    default_input_ff: float
    default_leakage_w: float | None


def read_context(head: Group, units: Units) -> Context:
    """Return what cells need of the library's head."""
    templates = {group.arguments[0]: group for group in head.all("lu_table_template", "power_lut_template")}
    voltages = [values for name, values in head.lists if name == "voltage_map"]
    grounds = frozenset(name for name, volts in voltages if as_number(volts, f"voltage_map({name})") == 0)
    leakage = head.number("default_cell_leakage_power")
    return Context(
        units,
        templates,
        grounds,
        (head.number("default_input_pin_cap") or 0.0) * units.load_ff,
        None if leakage is None else leakage * units.leakage_w,
    )


def read_cell(group: Group, context: Context) -> Cell:
    """Return the cell that ``group`` describes.

    Raises:
        LibertyError: an attribute cannot be read; the message names cell and pin.
    """
    name = group.arguments[0]
    area = group.number("area")
    pg_pins = {pin.arguments[0]: pin.get("voltage_name") or pin.arguments[0] for pin in group.all("pg_pin")}
    grounds = context.grounds | {pin for pin, net in pg_pins.items() if net in context.grounds}
    context = Context(context.units, context.templates, grounds, context.default_input_ff, context.default_leakage_w)
    stated = group.number("cell_leakage_power")
    by_state = tuple(_leakages(group, context))
    leakage = context.default_leakage_w if stated is None and not by_state else None
    return Cell(
        name=name,
        area_um2=0.0 if area is None else area,
        pins={pin.name: pin for pin in _pins(group, context, name)},
        register=_register(group, name),
        statetable=any(True for _ in group.all("statetable")),
        leakage=by_state,
        library_leakage_w=leakage if stated is None else stated * context.units.leakage_w,
    )


def _boolean(text: str | None, where: str) -> Boolean | None:
    if text is None or not text.strip():
        return None
    try:
        return parse_boolean(text)
    except LibertyError as error:
        raise LibertyError(f"{where}: {error}") from error


def _required(text: str | None, where: str) -> Boolean:
    function = _boolean(text, where)
    if function is None:
        raise LibertyError(f"{where} is missing")
    return function


def _register(group: Group, cell: str) -> Register | None:
    for inner in group.all("ff", "latch"):
        where = f"cell {cell}: {inner.kind}"
        data, clock = ("next_state", "clocked_on") if inner.kind == "ff" else ("data_in", "enable")
        names = (*inner.arguments, "", "")
        if inner.get(data) is None and inner.get(clock) is None and inner.kind == "latch":
            continue  # a set-reset latch, which has neither: the cell stays without a register that can be simulated
        return Register(
            inner.kind,
            names[0],
            names[1],
            _required(inner.get(data), f"{where}: {data}"),
            _required(inner.get(clock), f"{where}: {clock}"),
            _boolean(inner.get("clear"), f"{where}: clear"),
            _boolean(inner.get("preset"), f"{where}: preset"),
            inner.get("clear_preset_var1") or "X",
        )
    return None


def _leakages(group: Group, context: Context) -> Iterator[Leakage]:
    for inner in group.all("leakage_power"):
        supply = inner.get("related_pg_pin")
        value = inner.number("value")
        if value is not None and supply not in context.grounds:
            when = _boolean(inner.get("when"), f"cell {group.arguments[0]}: leakage_power: when")
            yield Leakage(when, value * context.units.leakage_w)


def _pins(group: Group, context: Context, cell: str) -> Iterator[Pin]:
    for inner in group.all("pin"):
        for name in inner.arguments:
            yield _pin(inner, name, context, f"cell {cell}: pin {name}")
    for bus in group.all("bus", "bundle"):
        name = bus.arguments[0]
        parts = list(bus.all("pin"))
        merged = Group(
            "pin", (name,), dict(bus.attributes), bus.lists, bus.groups + [g for p in parts for g in p.groups]
        )
        yield _pin(merged, name, context, f"cell {cell}: {bus.kind} {name}")


def _pin(group: Group, name: str, context: Context, where: str) -> Pin:
    scale = context.units.load_ff
    direction = group.get("direction") or "internal"
    given = group.number("capacitance")
    rise, fall = group.number("rise_capacitance"), group.number("fall_capacitance")
    if given is not None:
        own = given * scale
    elif rise is not None and fall is not None:
        own = max(rise, fall) * scale
    else:
        own = context.default_input_ff if direction == "input" else 0.0
    return Pin(
        name,
        direction,
        own,
        own if rise is None else rise * scale,
        own if fall is None else fall * scale,
        _boolean(group.get("function"), f"{where}: function"),
        group.get("three_state") is not None,
        tuple(arc for inner in group.all("timing") for arc in _arcs(inner, context, where)),
        tuple(_powers(group, context, where)),
    )


def _arcs(group: Group, context: Context, where: str) -> Iterator[TimingArc]:
    kind = group.get("timing_type") or "combinational"
    units = context.units
    constraint = is_constraint(kind)
    scales = Scales(units.time_ns, units.time_ns if constraint else units.load_ff, units.time_ns)
    names = {
        edge: (f"{edge}_constraint",) if constraint else (f"cell_{edge}", f"{edge}_transition")
        for edge in ("rise", "fall")
    }
    tables = {edge: _tables(group, names[edge], context.templates, scales, where) for edge in names}
    sense = group.get("timing_sense") or Sense.NON_UNATE.value
    if sense not in {member.value for member in Sense}:
        raise LibertyError(f"{where}: timing_sense is {sense!r}; known: {', '.join(m.value for m in Sense)}")
    when = _boolean(group.get("when"), f"{where}: timing: when")
    for related in (group.get("related_pin") or "").split():
        yield TimingArc(related.strip('"'), kind, Sense(sense), when, tables["rise"], tables["fall"])


def _tables(
    group: Group, names: tuple[str, ...], templates: Templates, scales: Scales, where: str
) -> tuple[Table, ...]:
    found: Mapping[str, Group] = {inner.kind: inner for inner in group.all(*names)}
    if len(found) < len(names):
        return ()
    return tuple(read_table(found[name], templates, scales, where) for name in names)


def _powers(group: Group, context: Context, where: str) -> Iterator[InternalPower]:
    units = context.units
    scales = Scales(units.time_ns, units.load_ff, units.energy_pj)
    for inner in group.all("internal_power"):
        if inner.get("related_pg_pin") in context.grounds:
            continue
        tables = {
            edge: next(
                (read_table(g, context.templates, scales, where) for g in inner.all(f"{edge}_power", "power")), None
            )
            for edge in ("rise", "fall")
        }
        related = tuple((inner.get("related_pin") or "").split())
        when = _boolean(inner.get("when"), f"{where}: internal_power: when")
        yield InternalPower(related, when, tables["rise"], tables["fall"])
