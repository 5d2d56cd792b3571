"""The liberty reader: syntax, units, tables, cells, joined files, and what it says about files that are wrong."""

from __future__ import annotations

import lzma
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tiny_liberty
from gate_helpers import TINY, tiny

from hwsim.gates import LibertyError, WireModel, read_liberty
from hwsim.gates.boolean import parse_boolean
from hwsim.gates.cells import Sense
from hwsim.gates.library import WireLoad
from hwsim.gates.tables import Table

HEAD = """library (two) {
  time_unit : "1ps"; voltage_unit : "1V"; leakage_power_unit : "1pW"; capacitive_load_unit (1, pf);
  nom_voltage : 0.7; nom_temperature : 25;
  voltage_map (VDD, 0.7); voltage_map (VSS, 0);
"""

TRANSITION = 'rise_transition (t) { values ("1, 2, 3"); }'
RISE = "pin (Y) { timing () { related_pin : A; cell_rise (t) { VALUES } " + TRANSITION + " } }"


def write(folder: Path, text: str, name: str = "x.lib") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_tiny_library_is_what_its_writer_writes() -> None:
    assert tiny_liberty.library() == TINY.read_text()


def test_every_cell_of_the_tiny_library() -> None:
    library = tiny()
    assert len(library.cells) == 13
    assert library.sha256 == sha256(TINY.read_bytes()).hexdigest()
    assert (library.voltage_v, library.temperature_c, library.default_wire_load) == (1.0, 25.0, "short")
    full_adder = library.cell("FA")
    assert (full_adder.area_um2, full_adder.leakage_w) == (4.3, pytest.approx(110e-9))
    assert full_adder.inputs == ("A", "B", "CI")
    assert full_adder.outputs == ("CO", "S")
    pin = full_adder.pins["A"]
    assert (pin.capacitance_ff, pin.rise_ff, pin.fall_ff) == pytest.approx((3.6, 3.78, 3.42))
    carry = full_adder.pins["CO"].timing[1]
    assert (carry.related, carry.kind, carry.sense, carry.when) == ("B", "combinational", Sense.POSITIVE, None)
    # 1.15 * 1.07 * (80 ps + 2.9 ps/fF * 4 fF) + 0.25 * 50 ps + 0.004 ns * 0.05 * 4
    assert carry.rise[0].lookup(0.05, 4.0) == pytest.approx(
        1e-3 * 1.15 * 1.07 * (80 + 2.9 * 4) + 0.0125 + 0.0008, rel=1e-5
    )
    assert len(full_adder.pins["S"].timing) == 12
    register = library.cell("DFFR").register
    assert register is not None
    assert (register.state, register.inverse, register.clock.text) == ("IQ", "IQN", "CK")
    assert register.clear is not None
    assert register.clear.text == "!RN"
    setup = library.cell("DFF").pins["D"].timing[0]
    assert setup.is_constraint
    assert setup.fall[0].lookup(0.05, 0.2) == pytest.approx(0.042 + 0.01 - 0.02)
    # Energies are capacitive_load_unit x V^2: fJ here, so 1e-3 pJ.
    assert library.cell("DFF").pins["D"].power[0].rise.lookup(0.05, 0.0) == pytest.approx(3.15e-3)


def test_units_axes_and_supply_pins(tmp_path: Path) -> None:
    """ps, pF and pW; load as the first axis; axes from the template; a ground pin's group tells the same energy."""
    text = (
        HEAD
        + """
  lu_table_template (t) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("1, 2"); index_2 ("10, 20, 40"); }
  /* a comment
     over two lines */
  cell ("BUFX") { area : 2.5
    leakage_power () { value : 30; when : "A"; related_pg_pin : VDD; }
    leakage_power () { value : 0; when : "A"; related_pg_pin : VSS; }
    leakage_power () { value : 50; when : "!A"; related_pg_pin : VDD; }
    pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "A";
      timing () { related_pin : "A"; timing_sense : positive_unate;
        cell_rise (t) { values ("1, 2, 3", \\
                                "4, 5, 6"); }
        rise_transition (scalar) { values ("7"); }
        cell_fall (t) { index_2 ("10, 20, 50"); values ("1, 2, 3", "4, 5, 6"); }
        fall_transition (scalar) { values ("8"); }
      }
      internal_power () { related_pin : "A"; related_pg_pin : VDD; rise_power (scalar) { values ("0.4"); }
        fall_power (scalar) { values ("0.2"); } }
      internal_power () { related_pin : "A"; related_pg_pin : VSS; rise_power (scalar) { values ("9"); }
        fall_power (scalar) { values ("9"); } }
    } } }
"""
    )
    cell = read_liberty(write(tmp_path, text)).cell("BUFX")
    assert cell.leakage_w == pytest.approx(40e-12)
    assert (cell.area_um2, cell.pins["A"].capacitance_ff) == (2.5, 2.0)
    arc = cell.pins["Y"].timing[0]
    assert arc.rise[0].lookup(0.02, 2000.0) == pytest.approx(5e-3)  # ps -> ns, pF -> fF
    assert arc.fall[0].lookup(0.035, 1500.0) == pytest.approx(4e-3)
    assert arc.fall[1].lookup(0.035, 1500.0) == pytest.approx(8e-3)
    assert len(cell.pins["Y"].power) == 1
    assert cell.pins["Y"].power[0].rise.lookup(0.1, 1.0) == pytest.approx(0.4)  # pF V^2 = pJ


def test_what_a_cell_does_not_state_is_the_library_s_default(tmp_path: Path) -> None:
    head = HEAD.replace("nom_temperature : 25;", "nom_temperature : 0;")
    conditions = "operating_conditions (hot) { temperature : 125; voltage : 0.9; }"
    cells = "cell (QUIET) { area : 1; } cell (LOUD) { cell_leakage_power : 7; } cell (IDLE) { cell_leakage_power : 0; }"
    text = f"{head} {conditions} default_cell_leakage_power : 12; {cells} }}"
    library = read_liberty(write(tmp_path, text))
    found = [library.cell(name).leakage_w for name in ("QUIET", "LOUD", "IDLE")]
    assert found == pytest.approx([12e-12, 7e-12, 0.0])
    assert (library.temperature_c, library.voltage_v) == (0.0, 0.7)


def test_several_files_are_joined(tmp_path: Path) -> None:
    one = write(tmp_path, HEAD + "cell (A1) { area : 1; } }", "one.lib")
    two = tmp_path / "two.lib.xz"
    other = HEAD.replace("two", "other").replace("1ps", "1ns")
    two.write_bytes(lzma.compress((other + "cell (B1) { area : 2; } }").encode()))
    library = read_liberty(one, two)
    assert [cell.area_um2 for cell in library.cells.values()] == [1.0, 2.0]
    assert library.name == "two + other"
    with pytest.raises(LibertyError, match=r"cell 'A1' is also in .*one\.lib; name each file once"):
        read_liberty(one, one)
    three = write(tmp_path, HEAD.replace("0.7; nom", "0.8; nom") + "}", "three.lib")
    with pytest.raises(LibertyError, match=r"different supply voltages: one\.lib 0\.7 V, three\.lib 0\.8 V"):
        read_liberty(one, three)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace('time_unit : "1ps";', "") + "}", 'time_unit is missing; write for example: time_unit : "1ns";'),
        (
            HEAD.replace("(1, pf)", "(1, pq)") + "}",
            "capacitive_load_unit is '1pq', which is not a number and a unit of F",
        ),
        (HEAD.replace("nom_voltage : 0.7;", "") + "}", "nom_voltage is missing"),
        (HEAD, "the file ends inside a group"),
        (HEAD + "cell (A) { area : 1; ", "cell 'A' is not closed"),
        (HEAD + "cell (A) {} cell (A) {} }", "cell 'A' is defined twice"),
        ("module x; endmodule", "no 'library (name) {' group"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LibertyError) as caught:
        read_liberty(write(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("area : big;", "cell(A): area is 'big', which is not a number"),
        (
            'pin (Y) { function : "A +"; }',
            "cell A: pin Y: function: boolean function ends where an operand is expected",
        ),
        ('pin (Y) { function : "A ? B"; }', "cannot read '? B'"),
        ('pin (Y) { function : "(A"; }', "unclosed parenthesis"),
        ("pin (Y) { timing () { related_pin : A; timing_sense : upward; } }", "timing_sense is 'upward'"),
        (
            "pin (Y) { timing () { related_pin : A; cell_rise (t) {} rise_transition (t) {} } }",
            "cell_rise has no values",
        ),
        (
            RISE.replace("VALUES", 'values ("1, 2");'),
            "cell_rise has 2 values; its axes ask for 3 x 1",
        ),
        (
            RISE.replace("VALUES", 'values ("1, two, 3");'),
            "cell_rise is 'two', which is not a number",
        ),
        (
            RISE.replace("VALUES", 'index_1 ("1, 3, 2"); values ("1, 2, 3");'),
            "index_1 does not rise",
        ),
        ("ff (IQ, IQN) { clocked_on : CK; }", "cell A: ff: next_state is missing"),
    ],
)
def test_cells_that_are_wrong(tmp_path: Path, body: str, message: str) -> None:
    template = 'lu_table_template (t) { variable_1 : input_net_transition; index_1 ("1, 2, 3"); }'
    library = read_liberty(write(tmp_path, f"{HEAD} {template} cell (A) {{ {body} }} }}"))
    with pytest.raises(LibertyError) as caught:
        library.cell("A")
    assert message in str(caught.value)


def test_a_missing_file_a_missing_cell_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(LibertyError, match="cannot be read as a liberty file"):
        read_liberty(tmp_path / "none.lib")
    bad = tmp_path / "bad.lib.xz"
    bad.write_bytes(b"no archive")
    with pytest.raises(LibertyError, match="cannot be read as a liberty file"):
        read_liberty(bad)
    with pytest.raises(LibertyError, match=r"unknown cell 'NAND3': did you mean 'NAND2'"):
        tiny().cell("NAND3")
    with pytest.raises(LibertyError, match="no liberty file is named"):
        read_liberty()


def test_look_ups_meet_the_corners_and_are_linear_between_and_beyond() -> None:
    rng = np.random.default_rng(5)
    table = Table(np.array([0.1, 0.3, 0.9]), np.array([1.0, 2.0, 5.0, 9.0]), rng.random((3, 4)))
    for i, slew in enumerate(table.first):
        for j, load in enumerate(table.second):
            assert table.lookup(slew, load) == pytest.approx(table.values[i, j], abs=1e-15)
    middle = table.values[1:3, 2:4].mean()
    assert table.lookup(0.6, 7.0) == pytest.approx(middle)
    # Beyond the last point the last patch goes on: twice the step is twice the change.
    edge, step = table.lookup(0.9, 9.0), table.lookup(0.9, 10.0)
    assert table.lookup(0.9, 11.0) - edge == pytest.approx(2 * (step - edge))
    points = rng.random((50, 2)) * [1.5, 12.0]
    many = table.lookup_many(points[:, 0], points[:, 1])
    assert many.tolist() == pytest.approx([table.lookup(s, c) for s, c in points])


def test_the_kernel_looks_up_the_same() -> None:
    from hwsim.gates.timing import pack_tables
    from hwsim.gates.timing_kernels import lookup

    rng = np.random.default_rng(6)
    shapes = [(1, 1), (3, 1), (1, 4), (2, 2), (7, 7)]
    tables = [Table(np.sort(rng.random(n)), np.sort(rng.random(m)), rng.random((n, m))) for n, m in shapes]
    packed = pack_tables(tables)
    for number, table in enumerate(tables):
        for first, second in rng.random((20, 2)) * 1.4 - 0.2:
            assert lookup(packed, number, first, second) == pytest.approx(table.lookup(first, second), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A B + C", lambda a, b, c: (a and b) or c),
        ("A & B ^ C", lambda a, b, c: a and (b != c)),
        ("!A | B' & (C)", lambda a, b, c: (not a) or (not b and c)),
        ("(A + B)' C", lambda a, b, c: not (a or b) and c),
        ("!(A*B)'", lambda a, b, c: a and b),
        ("(!A * !B) + (!C)", lambda a, b, c: (not a and not b) or not c),
        ("A ^ B ^ C", lambda a, b, c: (a + b + c) % 2 == 1),
        ("1 A", lambda a, b, c: a),
        ("0 | B", lambda a, b, c: b),
        ("A''", lambda a, b, c: a),
    ],
)
def test_boolean_functions(text: str, expected) -> None:
    table = parse_boolean(text).table(["A", "B", "C"])
    for state in range(8):
        bits = [bool(state >> k & 1) for k in range(3)]
        assert bool(table[state]) == bool(expected(*bits)), (text, bits)


@pytest.mark.parametrize("text", ["", "A )", "* A", "A ! ", "A $ B", "(A", "A + + B"])
def test_no_boolean_function(text: str) -> None:
    with pytest.raises(LibertyError):
        parse_boolean(text)


def test_wire_models() -> None:
    load = WireLoad("w", 0.2, 4.0, ((1, 2.0), (2, 5.0), (4, 12.0)))
    assert [load.load_ff(n) for n in range(7)] == pytest.approx([0, 0.4, 1.0, 1.7, 2.4, 3.2, 4.0])
    library = tiny()
    assert WireModel("default").resolve(library) == WireModel("short").resolve(library)
    assert str(WireModel()) == "none"
    assert str(WireModel("short", 1.0, 0.5)) == "table short + 1 fF + 0.5 fF per sink"
    with pytest.raises(LibertyError, match="unknown wire load table 'long'"):
        WireModel("long").resolve(library)
