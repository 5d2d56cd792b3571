"""Tables listed and held side by side; shift-add against the others."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cost_element_samples import element

from hwsim.array import Dataflow, parse_machine
from hwsim.cli import main
from hwsim.compare.headline import OTHERS, Contender, Duel, contenders, headline, headline_dict, headline_text
from hwsim.compare.listing import list_tables, listing_dict, listing_text, table_card
from hwsim.compare.side_by_side import TableResult, across_csv, across_dict, across_tables, across_text
from hwsim.cost import PriceTable, load_table, price_pe, table_names
from hwsim.costing import cost
from hwsim.formats import parse
from hwsim.formats.base import PeKind
from hwsim.formats.pe_kinds import pe_for
from models import load_shape_network

SHIFT = ("pow2<4>", "fixed<8,4>", "fixed<24,12>")
WS, OS = Dataflow.WEIGHT_STATIONARY, Dataflow.OUTPUT_STATIONARY


def results(names: list[str] | None = None, machine: str = "16x16-ws") -> tuple[TableResult, ...]:
    from hwsim.network.assignment import Assignment, LayerFormats

    network, formats = load_shape_network("lenet5"), Assignment(LayerFormats.of(*SHIFT))
    return across_tables(lambda table: cost(network, formats, machine, table, 1, None).hardware, names)


def test_every_table_has_a_card() -> None:
    cards = list_tables()
    assert [card.name for card in cards] == list(table_names())
    text = listing_text(cards)
    assert all(card.name in text for card in cards)
    json.dumps(listing_dict(cards))
    for card in cards:
        assert sum(card.elements.values()) == len(load_table(card.name).elements)


def test_a_card_states_the_errors_of_its_elements() -> None:
    rows = tuple(
        element(
            act_bits=a, act_significand=a, acc_bits=n, acc_significand=n, core_pj=0.01 * a + 0.008 * n,
            area_um2=9.0 * (a + n), core_area_um2=5.0 * (a + n),
        )
        for a in (4, 8, 16) for n in (16, 24, 32)
    )  # fmt: skip
    card = table_card(PriceTable("mine", (), "0", rows))
    errors = card.errors["shift_add ws"]
    assert set(errors) == {"area", "energy", "delay"}
    assert errors["energy"].rows == 9
    assert f"{errors['energy'].rms:.1%}" in listing_text([card])


def test_side_by_side_are_the_same_cycles_at_other_prices() -> None:
    found = results()
    assert {own.table for own in found} == set(table_names()) - {"unit"}
    cycles = {own.result.cycles for own in found if own.result}
    assert len(cycles) == 1
    for own, row in zip(found, across_dict(found), strict=True):
        assert own.result is not None
        assert row["energy nJ"] == own.result.energy_total_pj / 1e3
        parts = [row[f"{name} nJ"] for name in own.result.energy_pj]
        assert sum(parts) == pytest.approx(row["energy nJ"])
    rows = list(csv.DictReader(io.StringIO(across_csv(found))))
    assert [row["table"] for row in rows] == [own.table for own in found]
    assert "(x" in across_text(found)


def test_a_table_that_cannot_price_says_why() -> None:
    found = results(["published45", "unit"], "16x16-ws,noclockgate")
    assert [own.result is None for own in found] == [True, False]
    assert "register_clock" in found[0].error
    assert "register_clock" in across_text(found)


def test_contenders_are_priced_as_elements_are() -> None:
    table = load_table("published45")
    found = contenders(SHIFT, table, WS)
    assert [own.name for own in found] == ["shift-add", *OTHERS]
    for own in found:
        price = price_pe(pe_for(*(parse(text) for text in own.formats)), table)
        assert own.area_um2 == price.area_um2
        assert own.energy_pj > price.energy_mac_pj, "the registers of a cycle are in it"
        assert own.energy_low_pj == own.energy_pj, "this table knows no glitches"
    assert headline_text(found, table.name, WS).startswith("published45, ws")
    json.dumps(headline_dict(found, table.name, WS))


def contender(name: str, energy: float, low: float) -> Contender:
    return Contender(name, SHIFT, 100.0, energy, low, 1.0, ())


@pytest.mark.parametrize(
    ("energy", "low", "verdict"),
    [
        (3.0, 3.0, "shift-add wins: 3.00x less energy"),
        (3.0, 1.5, "shift-add wins: 1.50x to 3.00x less energy"),
        (1.2, 0.8, "open: 0.80x to 1.20x, glitches decide"),
        (0.5, 0.5, "shift-add loses: 2.00x the energy"),
        (0.8, 0.5, "shift-add loses: 1.25x to 2.00x the energy"),
    ],
)
def test_verdicts(energy: float, low: float, verdict: str) -> None:
    (duel,) = headline([contender("shift-add", 1.0, 0.9), contender("other", energy, low)])
    assert duel.verdict == verdict
    assert duel == Duel("other", 1.0, low, energy, 1.0)


def test_the_dataflow_decides_which_rows_price() -> None:
    rows = (element(positions=4, core_pj=0.2), element(positions=4, core_pj=0.6, dataflow=OS))
    rows += tuple(
        replace(row, kind=PeKind.INT_MAC, terms=0, positions=0, core_pj=0.4, dataflow=flow)
        for row, flow in zip(rows, (WS, OS), strict=True)
    )
    table = PriceTable("mine", load_table("unit").rows, "0", rows)
    in_ws, in_os = ({own.name: own for own in contenders(SHIFT, table, flow)} for flow in (WS, OS))
    assert in_ws["shift-add"].energy_pj < in_ws["int8x4"].energy_pj
    assert in_os["shift-add"].energy_pj > in_os["int8x4"].energy_pj


def test_a_machine_spells_its_dataflow() -> None:
    assert parse_machine("8x8-os").array.dataflow is OS


@pytest.mark.parametrize(
    "arguments",
    [
        ["tables"], ["tables", "published45", "--sources"], ["tables", "--json"],
        ["compare", "--table", "published45"],
        ["compare", "--table", "published45@7nm", "--dataflow", "os", "--json"],
        ["compare", "--table", "aladdin45", "--notes", "--weights", "shiftcnn<2,3>"],
        ["run", "digits-cnn", "--images", "20", "--weights", "pow2<4>", "--acts", "int8", "--acc", "int24", "--tables"],
    ],
)  # fmt: skip
def test_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out
    if "--json" in arguments:
        json.loads(out)


def test_a_companion_file_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.pe.csv").write_text("kind\n")
    assert main(["tables", str(tmp_path / "x.pe.csv")]) == 2
    assert "companion" in capsys.readouterr().err


def test_on_a_network_accuracy_stands_beside_energy() -> None:
    from hwsim.compare.on_network import network_dict, network_rows, network_text, run_contenders
    from models import load_data, load_network

    network, data = load_network("digits-cnn"), load_data("digits", "test").subset(30)
    found = run_contenders(network, SHIFT, data.images, data.labels, load_data("digits", "calibration").images)
    rows = (element(positions=4, core_pj=0.4), element(positions=4, core_pj=0.4, dataflow=OS))
    own = PriceTable("mine", load_table("unit").rows, "0", rows)
    for table, glitches in ((load_table("published45"), False), (own, True)):
        machine = parse_machine("8x8-ws")
        priced = network_rows(network, found, machine, table)
        assert [row.name for row in priced] == ["shift-add", *OTHERS]
        assert [row.correct for row in priced] == [found[row.name][1].correct for row in priced]
        assert (priced[0].array_low_pj < priced[0].array_pj) == glitches
        assert len({row.cycles for row in priced}) == 1, "the array is the same for all"
        assert all(row.name in network_text(priced, machine, table.name) for row in priced)
        json.dumps(network_dict(priced, machine, table.name))
