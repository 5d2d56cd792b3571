"""Netlists: what is read, and every way in which one can be unfit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gate_helpers import build, tiny, write_netlist

from hwsim.gates import LibertyError, NetlistError, read_liberty, read_netlist
from hwsim.gates.models import cell_model

INV = ("g", "INV", {"A": "a", "Y": "y"})


def refused(folder: Path, cells, inputs=None, outputs=None) -> str:
    with pytest.raises(NetlistError) as caught:
        build(folder, tiny(), cells, inputs or {"a": ["a"], "b": ["b"], "clk": ["clk"]}, outputs or {"y": ["y"]})
    return str(caught.value)


def test_what_is_read(tmp_path: Path) -> None:
    cells = [
        ("r", "DFF", {"D": "s", "CK": "clk", "QN": "q"}),
        ("h", "HA", {"A": "a", "B": "1", "S": "s"}),
        ("g", "NAND2", {"A": "q", "B": "c", "Y": "y"}),
        ("h2", "HA", {"A": "a", "B": "q", "CO": "c"}),
    ]
    netlist = build(tmp_path, tiny(), cells, {"a": ["a"], "clk": ["clk"]}, {"y": ["y", "0"]})
    assert netlist.counts() == {"DFF": 1, "HA": 2, "NAND2": 1}
    assert netlist.clock_port == "clk"
    assert [netlist.cell_names[c] for c in netlist.registers] == ["r"]
    order = [netlist.cell_names[c] for c in netlist.order]
    assert order.index("h2") < order.index("g")
    assert netlist.outputs["y"].tolist()[1] == 0
    # Open outputs have nets of their own, named after their pins.
    assert {"r.Q", "h.CO", "h2.S"} <= set(netlist.net_names)


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    cells = [
        ("u", "$_DFF_P_", {"D": "a", "C": "clk", "Q": "y"}),
        ("v", "NAND2", {"A": "a", "Y": "m"}),
        ("w", "INV", {"A": "a", "Z": "n", "Y": "m"}),
        ("x", "INV", {"A": "x", "Y": "k"}),
    ]
    message = refused(tmp_path, cells)
    for part in (
        "1 cells of type $_DFF_P_, which the library tiny does not have: map the netlist to it",
        "cell v (NAND2): input B is not connected",
        "cell w (INV): the library's cell has no pin Z",
        "net m is driven by cell v and by cell w",
        "cell x (INV): input A is tied to 'x': give it a value",
        "net y is read by output y and driven by nothing",
    ):
        assert part in message


def test_a_loop_is_named(tmp_path: Path) -> None:
    cells = [
        ("g0", "NAND2", {"A": "a", "B": "n2", "Y": "n1"}),
        ("g1", "INV", {"A": "n1", "Y": "n2"}),
        ("g2", "INV", {"A": "n1", "Y": "y"}),
    ]
    message = refused(tmp_path, cells)
    assert "combinational loop: " in message
    assert "g0 -> g1 -> g0" in message or "g1 -> g0 -> g1" in message


def test_clocks_that_cannot_be_simulated(tmp_path: Path) -> None:
    gated = [("g", "AND2", {"A": "clk", "B": "a", "Y": "gck"}), ("r", "DFF", {"D": "a", "CK": "gck", "Q": "y"})]
    assert "the clock of r is net gck, which is no input port: gated clocks are not simulated" in refused(
        tmp_path, gated
    )
    two = [("r", "DFF", {"D": "a", "CK": "clk", "Q": "y"}), ("s", "DFF", {"D": "a", "CK": "b", "Q": "p"})]
    assert "its flip-flops have the clocks clk, b; one clock is simulated" in refused(tmp_path, two)


def test_a_clock_within_a_wide_port_is_refused(tmp_path: Path) -> None:
    cells = [("r", "DFF", {"D": "a", "CK": "clk", "Q": "y"})]
    message = refused(tmp_path, cells, {"in": ["a", "clk"]})
    assert "the clock is a bit of port in, which has 2 bits: give the clock a port of its own" in message


def test_a_cell_that_cannot_be_simulated_is_named_once(tmp_path: Path) -> None:
    path = odd_library(tmp_path, 'latch (IQ, IQN) { data_in : "A"; enable : "G"; } pin (Y) { direction : output; }')
    cells = [(f"l{k}", "ODD", {"A": "a", "G": "a", "Y": f"y{k}"}) for k in range(3)]
    ports = {"a": ["a"]}, {"y": ["y0", "y1", "y2"]}
    with pytest.raises(NetlistError) as caught:
        build(tmp_path, read_liberty(path), cells, *ports)
    assert str(caught.value).count("cell ODD: it is a latch") == 1
    assert "does not have" not in str(caught.value)


def odd_library(folder: Path, body: str) -> Path:
    text = Path(__file__).with_name("tiny.lib").read_text().rstrip().removesuffix("}")
    path = folder / "odd.lib"
    pins = "pin (A) { direction : input; } pin (G) { direction : input; }"
    path.write_text(f"{text} cell (ODD) {{ area : 1; {pins} {body} }} }}")
    return path


def test_files_that_are_no_netlist(tmp_path: Path) -> None:
    library = tiny()
    with pytest.raises(NetlistError, match="cannot be read as a netlist of yosys"):
        read_netlist(tmp_path / "none.json", library)
    path = write_netlist(tmp_path, [INV], {"a": ["a"]}, {"y": ["y"]}, name="main")
    with pytest.raises(NetlistError, match="unknown module 'mian': did you mean 'main'"):
        read_netlist(path, library, "mian")
    both = json.loads(path.read_text())
    both["modules"]["other"] = both["modules"]["main"]
    path.write_text(json.dumps(both))
    with pytest.raises(NetlistError, match="has the modules main, other; name the top one, and flatten it"):
        read_netlist(path, library)
    assert read_netlist(path, library, "other").cells == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('latch (IQ, IQN) { data_in : "A"; enable : "G"; }', "it is a latch; only flip-flops are simulated"),
        ('statetable ("A", "IQ") { table : "H : - : H"; }', "described by a statetable"),
        ('ff (IQ, IQN) { next_state : "A"; clocked_on : "A G"; }', "its clock is 'A G'; only one pin"),
        ("pin (Z) { direction : output; }", "output Z has no function"),
        ('pin (Z) { direction : output; function : "A"; three_state : "G"; }', "pin Z is three-state"),
    ],
)
def test_cells_that_cannot_be_simulated(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(LibertyError) as caught:
        cell_model(read_liberty(odd_library(tmp_path, body)).cell("ODD"))
    assert message in str(caught.value)
