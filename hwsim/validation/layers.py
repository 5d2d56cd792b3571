"""Energy of layers that no table has seen: gate-level measurements beside what the layers' activity predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwsim.array.parts import Dataflow
from hwsim.cost import PriceTable, find_table, price_pe
from hwsim.cost.element_price import Element, element_of
from hwsim.cost.usage import Usage
from hwsim.formats import parse
from hwsim.formats.activity import BusToggles, FlowActivity
from hwsim.formats.pe import PeSpec
from hwsim.formats.pe_kinds import pe_for
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table
from hwsim.validation.records import Record, RecordError

_CAPTURED = {
    Dataflow.WEIGHT_STATIONARY: ("act_register", "psum_register"),
    Dataflow.OUTPUT_STATIONARY: ("act_register", "weight_register", "psum_register"),
}
_BITS = {"act_register": "act", "weight_register": "weight", "psum_register": "accumulator"}


@dataclass(frozen=True)
class FedLayer:
    """One element fed with one layer.

    Attributes:
        measured: the row of the record.
        core_pj: predicted energy of a multiply-accumulate, from the toggles on its buses.
        plain_pj: the same if the layer is taken to be like the table's own stream.
        register_pj: predicted data energy of the element's registers per cycle.
    """

    measured: Mapping[str, str]
    core_pj: float
    plain_pj: float
    register_pj: float

    def error(self, column: str, predicted: float) -> float:
        """Return the signed relative error of a prediction."""
        return errors_of([predicted], [float(self.measured[column])])[0]


def fed_layer(row: Mapping[str, str], table: PriceTable) -> FedLayer:
    """Predict one row of a record.

    Raises:
        RecordError: the table has no element of this kind.
    """
    pe = pe_for(*(parse(row[role]) for role in ("weights", "acts", "acc")))
    toggles = BusToggles(*(float(row[f"{bus}_toggles"]) for bus in ("act", "weight", "sum")))
    flow = Dataflow(row["dataflow"])
    usage = Usage(flow, FlowActivity(toggles, toggles), zero_gating=False)
    found = element_of(pe, table, usage)
    if found is None:
        raise RecordError(f"price table {table.name!r} has no synthesised {pe.kind.value}: measure another element")
    plain = price_pe(pe, table, Usage(flow)).energy_mac_pj
    return FedLayer(row, price_pe(pe, table, usage).energy_mac_pj, plain, _register_pj(pe, found))


def _register_pj(pe: PeSpec, found: Element) -> float:
    """Return what the registers' data take per cycle: bits captured, at the price of a bit less its clock edge."""
    clock = found.clock_bit()
    total = 0.0
    for unit in _CAPTURED[found.usage.dataflow]:
        price = found.captured_bit(unit)
        if price is not None and clock is not None:
            total += getattr(pe, _BITS[unit]).bits * (price.value - clock.value)
    return total


def layer_section(record: Record) -> Section:
    """Compare the energy of every element and layer of a record with its prediction."""
    name = record.provenance["table"]
    table = find_table(name)
    fed = [fed_layer(row, table) for row in record.rows]
    core = tuple(x.error("core_pj", x.core_pj) for x in fed)
    plain = tuple(x.error("core_pj", x.plain_pj) for x in fed)
    register = tuple(x.error("register_pj", x.register_pj) for x in fed)
    against = f"gates fed with real layers ({name})"
    findings = (
        Finding("energy of the arithmetic, from the layer's toggles", against, core, None, _CORE),
        Finding("energy of the arithmetic, as if every layer were the table's stream", against, plain, None, _PLAIN),
        Finding("data energy of the registers, from the layer's toggles", against, register, None, _REGISTER),
    )
    stamps = ((f"record {record.name}.csv", record.sha256[:12]), (f"price table {name}", table.sha256[:12]))
    title = f"Energy of layers that the table has not seen ({name})"
    return Section(title, (_text(record), _table(fed), _spread_text(fed)), findings, stamps)


def _text(record: Record) -> str:
    layers = list(dict.fromkeys(f"{row['network']} {row['layer']}" for row in record.rows))
    made = f"{record.provenance['vectors']} cycles a layer, recipe {record.provenance['recipe']}"
    return (
        f"Elements of `{record.provenance['table']}`, fed at gate level with the operands of trained networks in the "
        f"order of each dataflow ({made}): {', '.join(layers)}. The prediction knows the mean toggles on the three "
        "buses and nothing else. The table was made with drawn numbers; no layer had a part in it."
    )


def _table(fed: list[FedLayer]) -> Table:
    header = (
        "element",
        "dataflow",
        "layers",
        "pJ measured",
        "pJ predicted",
        "rms error",
        "worst",
        "rms without activity",
        "registers, rms",
    )
    keys = list(
        dict.fromkeys(
            (x.measured["weights"], x.measured["acts"], x.measured["acc"], x.measured["dataflow"]) for x in fed
        )
    )
    return Table(header, tuple(_row(key, fed) for key in keys))


def _row(key: tuple[str, ...], fed: list[FedLayer]) -> tuple[str | int, ...]:
    own = [
        x for x in fed if (x.measured["weights"], x.measured["acts"], x.measured["acc"], x.measured["dataflow"]) == key
    ]
    errors = Finding("", "", tuple(x.error("core_pj", x.core_pj) for x in own), None, "")
    plain = Finding("", "", tuple(x.error("core_pj", x.plain_pj) for x in own), None, "")
    register = Finding("", "", tuple(x.error("register_pj", x.register_pj) for x in own), None, "")
    measured, predicted = ([float(x.measured["core_pj"]) for x in own], [x.core_pj for x in own])
    spans = (f"{min(values):.3g} to {max(values):.3g}" for values in (measured, predicted))
    return (
        f"{key[0]} x {key[1]} + {key[2]}",
        key[3],
        len(own),
        *spans,
        percent(errors.rms),
        percent(errors.worst, True),
        percent(plain.rms),
        percent(register.rms),
    )


def _spread_text(fed: list[FedLayer]) -> str:
    shares = [float(x.measured["core_zero_delay_pj"]) / float(x.measured["core_pj"]) for x in fed]
    return f"Without glitches the same layers take {percent(min(shares))} to {percent(max(shares))} of that."


_CORE = "three toggle rates stand for everything that data do to a circuit; which bits toggle, and when, is lost"
_PLAIN = "one price an element, whatever it is fed: what a table without activity would say"
_REGISTER = "registers toggle as their buses do; wires to the neighbour are in the table's rows"
