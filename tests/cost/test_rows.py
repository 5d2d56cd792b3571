"""Reading the lines of a table: every fault is named, with its line, and all at once."""

from __future__ import annotations

import pytest

from hwsim.cost.rows import COLUMNS, Kind, Operation, Quantity, parse_rows
from hwsim.errors import CostError

HEADER = ",".join(COLUMNS)


def line(**cells: str) -> str:
    """Return a good line with ``cells`` replaced."""
    good = {
        "operation": "int_add",
        "bits": "8",
        "energy_pj": "0.5",
        "node_nm": "45",
        "kind": "published",
        "source": "S",
    }
    return ",".join((good | cells).get(column, "") for column in COLUMNS)


def read(*lines: str) -> str:
    """Return the message of the error that ``lines`` cause."""
    with pytest.raises(CostError) as caught:
        parse_rows("t", "\n".join([HEADER, *lines]))
    return str(caught.value)


def test_a_good_line() -> None:
    (row,) = parse_rows("t", f"{HEADER}\n{line(voltage_v='0.9', growth='0')}\n")
    assert (row.operation, row.bits, row.kind, row.voltage_v) == (Operation.INT_ADD, 8, Kind.PUBLISHED, 0.9)
    assert [row.price(quantity) for quantity in Quantity] == [0.5, None, None]
    assert row.place == "t.csv:2"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"operation": "int_ad"}, "'int_ad', not one of int_add"),
        ({"kind": "guess"}, "'guess', not one of measured"),
        ({"bits": "eight"}, "'eight', not a whole number"),
        ({"bits": "8.5"}, "'8.5', not a whole number"),
        ({"bits": "0"}, "bits is 0; it must be finite and above 0"),
        ({"bits": ""}, "bits is empty"),
        ({"energy_pj": "-1"}, "energy_pj is -1; it must be finite and 0 or more (leave an unknown price empty)"),
        ({"energy_pj": "nan"}, "energy_pj is nan"),
        ({"energy_pj": "inf"}, "energy_pj is inf"),
        ({"energy_pj": "1 pJ"}, "'1 pJ', not a number"),
        ({"energy_pj": ""}, "no price"),
        ({"growth": "-1"}, "growth is -1"),
        ({"node_nm": ""}, "node_nm is empty"),
        ({"node_nm": "0"}, "node_nm is 0"),
        ({"source": ""}, "source is empty"),
        ({"kind": ""}, "kind is empty"),
    ],
)
def test_each_fault_is_named_with_its_line(cells: dict[str, str], said: str) -> None:
    message = read(line(), line(**cells))
    assert "t.csv:3: " in message
    assert said in message


def test_all_faults_at_once() -> None:
    message = read(line(bits="x", source=""), "a,b", line(kind="?"))
    assert "has 4 faults" in message
    assert "2 cells where 13 columns" in message


def test_wrong_header_empty_table_and_broken_csv() -> None:
    with pytest.raises(CostError, match="first line must be operation,bits"):
        parse_rows("t", "a,b\n")
    with pytest.raises(CostError, match="first line must be"):
        parse_rows("t", "")
    with pytest.raises(CostError, match="it has no rows"):
        parse_rows("t", HEADER)
    with pytest.raises(CostError, match="not CSV"):
        parse_rows("t", f'{HEADER}\n"open')
