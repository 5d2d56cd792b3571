"""The listed compiled macros against the liberty files that they were read from."""

from __future__ import annotations

import lzma
import os
import re
from pathlib import Path

import pytest

from hwsim.cost.memory_law import SramRow, family_rows

FOLDER = os.environ.get("HWSIM_LIBERTY_DIR")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="HWSIM_LIBERTY_DIR names no folder with .lib or .lib.xz files")
WHEN = r'internal_power\(\)\s*{\s*when\s*:\s*"A_MEN\s*&\s*%sA_WEN\s*&\s*%sA_REN"\s*;\s*'
CLOCK_EDGE = WHEN + r'rise_power\("scalar"\)\s*{\s*values \(([\d.]+)\)'


def text_of(row: SramRow) -> str:
    found = sorted(Path(FOLDER or "").glob(f"RM_IHPSG13_1P_{row.words}x{row.bits}_*.lib*"))
    if not found:
        pytest.skip(f"no library of the macro {row.words}x{row.bits} in HWSIM_LIBERTY_DIR")
    raw = found[0].read_bytes()
    return (lzma.decompress(raw) if found[0].suffix == ".xz" else raw).decode()


def number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    assert match, pattern
    return float(match[1])


@pytest.mark.parametrize("row", family_rows("ihp130"), ids=lambda row: f"{row.words}x{row.bits}")
def test_the_macro_is_what_its_library_says(row: SramRow) -> None:
    """Prices are rounded to 10 fJ, 1 um2 and 0.1 nW; the leakage unit of these files is 1 nW, energies are in pJ."""
    text = text_of(row)
    assert row.area_um2 == pytest.approx(number(r"\barea\s*:\s*([\d.]+)", text), abs=0.5)
    assert row.leakage_w == pytest.approx(number(r"(?m)^cell_leakage_power\s*:\s*([\d.]+)", text) * 1e-9, abs=0.06e-9)
    assert row.read_pj == pytest.approx(number(CLOCK_EDGE % ("!", ""), text), abs=0.0051)
    assert row.write_pj == pytest.approx(number(CLOCK_EDGE % ("", "!"), text), abs=0.0051)
