"""Records of measurements: what is written is read, what is malformed is refused, what is shipped has a source."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.validation.records import RecordError, load_record, parse_record, record_names, record_text

cells = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).filter(lambda t: t[0] != "#")


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_what_is_written_is_read(rows: list[tuple[str, str]]) -> None:
    text = record_text({"source": "here", "seed": "3"}, [{"a": a, "b": b} for a, b in rows])
    record = parse_record("own", text)
    assert [(row["a"], row["b"]) for row in record.rows] == rows
    assert record.provenance == {"source": "here", "seed": "3"}


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(RecordError) as caught:
        parse_record("bad", "# no colon here\na,b\n1\n")
    message = str(caught.value)
    assert "3 faults" in message
    assert all(part in message for part in ("'# no colon here'", "source", "has 1 cells, the header 2"))


def test_a_record_without_rows_is_refused() -> None:
    with pytest.raises(RecordError, match="holds no row"):
        parse_record("empty", "# source: here\na,b\n")


def test_an_unknown_record_names_its_neighbours() -> None:
    with pytest.raises(RecordError, match="eyeriss_alexnet"):
        load_record("eyeris_alexnet")


@pytest.mark.parametrize("name", record_names())
def test_a_shipped_record_says_where_it_comes_from_and_nothing_about_this_place(name: str) -> None:
    record = load_record(name)
    assert len(record.provenance["source"]) > 30
    told = " ".join([*record.provenance.values(), *(cell for row in record.rows for cell in row.values())])
    assert not re.search(r"/(tmp|home|root|work)/", told)


def test_the_chip_s_rows_add_up_to_its_totals() -> None:
    """The transcription is checked by the table's own last line."""
    rows = load_record("eyeriss_alexnet").rows
    sums = {name: sum(float(row[name]) for row in rows) for name in rows[0] if name not in ("layer",)}
    assert sums["latency_ms"] == pytest.approx(115.3, abs=0.05)
    assert sums["processing_ms"] == pytest.approx(103.5, abs=0.05)
    assert sums["dram_mb"] == pytest.approx(15.4, abs=0.05)
    assert sums["buffer_mb"] == pytest.approx(208.5, abs=0.15)
    assert sums["gmacs"] == pytest.approx(2.66, abs=0.02)
    power = sum(float(row["power_mw"]) * float(row["latency_ms"]) for row in rows) / sums["latency_ms"]
    assert power == pytest.approx(278, abs=1)
