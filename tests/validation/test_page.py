"""The page that is committed is the page that is written now: an error that grows is seen here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.array import Machine, Workload
from hwsim.array.cycles import Cycles
from hwsim.cli import main
from hwsim.cost import PePrice, PriceTable, find_table
from hwsim.cost.usage import Usage
from hwsim.formats.pe import PeSpec
from hwsim.rtl.sources import array_sources
from hwsim.synth.sources import sources_sha256
from hwsim.validation import layers, timing
from hwsim.validation.document import document, sections
from hwsim.validation.page import Section
from hwsim.validation.records import load_record, record_names

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


@pytest.fixture(scope="module")
def parts() -> list[Section]:
    return sections()


def test_the_committed_page_is_written_again_word_for_word(parts: Sequence[Section]) -> None:
    now, then = document(parts).splitlines(), PAGE.read_text(encoding="utf-8").splitlines()
    changed = "\n".join(difflib.unified_diff(then, now, "committed", "now", lineterm="", n=0))
    assert not changed, f"hwsim validate -o docs/validation.md writes another page:\n{changed[:4000]}"


def test_what_has_to_be_exact_is_exact(parts: Sequence[Section]) -> None:
    exact = [finding for part in parts for finding in part.findings if finding.exact]
    assert {"RTL", "stepper", "replay", "SCALE-Sim 3.0.0"} <= {finding.against for finding in exact}
    assert [f"{f.quantity} against {f.against}: {f.worst}" for f in exact if not f.reached] == []


def test_the_page_has_what_it_must_have() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for heading in (
        "Measured against predicted",
        "Where the model is right",
        "Where it is wrong, and by how much",
        "How to read these numbers",
        "Reproducing",
    ):
        assert f"\n## {heading}\n" in text
    assert not re.search(r"/(tmp|home|root|work)/", text)
    assert not re.search(r"\d{4}-\d{2}-\d{2}", text), "a date would change the page with no number changed"


def test_the_rtl_that_was_measured_is_the_rtl_that_is_here() -> None:
    measured = load_record("rtl").provenance["rtl_sha256"]
    again = "hwsim validate --measure rtl -o docs/validation.md"
    assert measured == sources_sha256(array_sources()), f"the RTL has changed since its record was made: {again}"


FED = [name for name in record_names() if name.startswith("energy_")]


@pytest.mark.parametrize("name", FED)
def test_the_elements_that_were_fed_are_the_table_s(name: str) -> None:
    record = load_record(name)
    rows = find_table(record.provenance["table"]).elements
    for key in ("liberty_sha256", "recipe", "wire_model"):
        assert {getattr(row, key) for row in rows} == {record.provenance[key]}, key
    made = {row.rtl_sha256[:12] for row in rows}
    assert {row["rtl_sha256"] for row in record.rows} <= made, "made of other RTL than the table"


def test_a_cycle_too_many_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = timing.layer_cycles

    def late(machine: Machine, work: Workload) -> Cycles:
        cycles = honest(machine, work)
        return replace(cycles, drain=cycles.drain + 1)

    monkeypatch.setattr(timing, "layer_cycles", late)
    broken = [
        f for part in (timing.rtl_section(), timing.scalesim_section()) for f in part.findings if f.reached is False
    ]
    assert {f.against for f in broken} == {"RTL", "SCALE-Sim 3.0.0"}
    assert all(f.bias > 0 for f in broken)


@pytest.mark.parametrize("name", FED)
def test_a_price_half_too_high_is_on_the_page(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = layers.price_pe

    def dear(pe: PeSpec, table: PriceTable, usage: Usage) -> PePrice:
        price = honest(pe, table, usage)
        return replace(price, energy_mac_pj=price.energy_mac_pj * 1.5)

    monkeypatch.setattr(layers, "price_pe", dear)
    assert layers.layer_section(load_record(name)).findings[0].bias > 0.3


def test_the_command_writes_the_page_and_says_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hwsim.validation import document as module

    monkeypatch.setattr(module, "sections", lambda: [timing.rtl_section()])
    target = tmp_path / "page.md"
    assert main(["validate", "--quick", "-o", str(target)]) == 0
    assert "against RTL" in target.read_text(encoding="utf-8")
    part = timing.rtl_section()
    bad = replace(part.findings[0], errors=(0.5,))
    monkeypatch.setattr(module, "sections", lambda: [replace(part, findings=(bad,))])
    assert main(["validate", "--quick"]) == 1
    assert "has to be exact and is not" in capsys.readouterr().err


def test_measuring_energy_needs_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--measure", "energy"]) == 2
    assert main(["validate", "--measure", "units", "--liberty", "x.lib", "--table", "published45"]) == 2
    told = capsys.readouterr().err
    assert "--liberty FILE" in told
    assert "has no synthesised elements" in told
