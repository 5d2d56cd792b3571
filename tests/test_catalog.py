"""The rows of ``hwsim formats``."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from hwsim.catalog import catalog, code_table, format_card
from hwsim.formats import NumberFormat, Special, parse
from hwsim.formats.block import STANDARD_BLOCKS
from hwsim.formats.minifloat import STANDARD_FLOATS
from hwsim.formats.spec import FAMILY_EXAMPLES


def test_every_family_and_standard_has_a_row() -> None:
    rows = catalog()
    assert list(rows) == [*FAMILY_EXAMPLES, *STANDARD_FLOATS, *STANDARD_BLOCKS]
    for name, fmt in rows.items():
        card = format_card(fmt)
        assert card.description
        assert card.bits == fmt.bits
        assert json.loads(json.dumps(card.to_dict()))["name"] == str(fmt), name


#: name -> bits, storage bits, smallest, largest, step, codes, PE kind, accumulates
ROWS = {
    "fixed<8,4>": (8, 8, -8, 7.9375, 0.0625, 256, "int_mac", True),
    "ufixed<8,0>": (8, 8, 0, 255 / 256, 1 / 256, 256, "int_mac", True),
    "fixed<24,12>": (24, 24, -2048, 2048 - 2**-12, 2**-12, 1 << 24, "int_mac", True),
    "int8": (8, 8, -128, 127, 1, 256, "int_mac", True),
    "int8@2^-7": (8, 8, -1, 127 / 128, 1 / 128, 256, "int_mac", True),
    "e4m3": (8, 8, -448, 448, 2**-9, 256, "float_mac", True),
    "float<4,3,ftz>": (8, 8, -480, 480, 2**-6, 256, "float_mac", True),
    "fp32": (32, 32, -(2 - 2**-23) * 2.0**127, (2 - 2**-23) * 2.0**127, 2.0**-149, 1 << 32, "float_mac", True),
    "pow2<4>": (4, 4, -1, 1, 1 / 8, 9, "shift_add", False),
    "apot<5>": (5, 5, -1.5, 1.5, 1 / 32, 31, "multi_shift_add", False),
    "shiftcnn<2,4>": (8, 8, -1.5, 1.5, 1 / 128, 225, "multi_shift_add", False),
    "codebook<16>": (4, 4, None, None, None, 16, "codebook_mac", False),
    "codebook<4,fixed<6,2>>{-1;0;1/4}": (2, 2, -1, 0.25, 0.25, 3, "codebook_mac", False),
    "codebook<4,fixed<6,2>>{-1/4;0;1/2}": (2, 2, -0.25, 0.5, 0.5, 3, "codebook_mac", False),
    "mxfp4": (4, 4.25, -6, 6, 0.5, 16, "float_mac", False),
    "mxint8": (8, 8.25, -2, 127 / 64, 1 / 64, 256, "int_mac", False),
}


@pytest.mark.parametrize("text", ROWS)
def test_rows(text: str) -> None:
    card = format_card(parse(text))
    bits, storage, smallest, largest, step, codes, kind, accumulates = ROWS[text]
    assert (card.bits, card.storage_bits, card.codes, card.pe_kind) == (bits, storage, codes, kind)
    assert (card.smallest, card.largest, card.step) == (smallest, largest, step)
    assert card.roles == ("weights, acts, products, sums" if accumulates else "weights, acts")


@pytest.mark.parametrize("fmt", [f for f in catalog().values() if f.bits <= 10], ids=str)
def test_the_card_is_what_the_codes_say(fmt: NumberFormat) -> None:
    rows = list(code_table(fmt))
    card = format_card(fmt)
    if not rows:
        assert card.largest is None
        return
    assert len(rows) == card.codes
    assert all(len(code) == fmt.bits for code, _ in rows)
    values = [float(value) for _, value in rows if value not in {s.value for s in Special}]
    assert (min(values), max(values)) == (card.smallest, card.largest)
    assert min(v for v in values if v > 0) == card.step


def test_code_table_names_the_specials() -> None:
    table = dict(code_table(parse("float<2,1,ieee>")))
    assert table["0000"] == "0"
    assert table["0001"] == "0.5"
    assert table["0110"] == "inf"
    assert table["1110"] == "-inf"
    assert table["0111"] == "nan"
    assert dict(code_table(parse("int2"))) == {"00": "0", "01": "1", "10": "-2", "11": "-1"}


def test_storage_counts_the_share_of_the_scale() -> None:
    assert format_card(parse("mx<e2m1,16>")).storage_bits == float(4 + Fraction(8, 16))
