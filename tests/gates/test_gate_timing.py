"""Static timing against sums by hand and a slow twin; planted faults must show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gate_helpers import build, edited, random_netlist, tiny

from hwsim.gates import LibertyError, NetlistError, WireModel, static_timing
from hwsim.gates.cells import Sense


def slow_arrivals(netlist, library, timing, slew_ns: float) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals and slews by repeated relaxation over dictionaries of (net, rises)."""
    time = {}
    slew = {}
    for nets in netlist.inputs.values():
        for net in nets:
            for rises in (False, True):
                time[int(net), rises], slew[int(net), rises] = 0.0, slew_ns
    clock = {(netlist.clock_net, True)} if netlist.clock_net >= 0 else set()
    for cell in [*netlist.registers, *netlist.order]:
        model = netlist.model(cell)
        pins = dict(zip(model.inputs, map(int, netlist.cell_inputs(cell)), strict=True))
        for out, net in zip(model.outputs, map(int, netlist.cell_outputs(cell)), strict=True):
            for arc in model.cell.pins[out].timing:
                if arc.kind == "clear":
                    continue
                for came in (False, True):
                    source = pins[arc.related], came
                    if source not in time or (model.is_register and source not in clock):
                        continue
                    for rises, tables in ((True, arc.rise), (False, arc.fall)):
                        if (
                            arc.sense is Sense.POSITIVE
                            and came != rises
                            or arc.sense is Sense.NEGATIVE
                            and came == rises
                        ):
                            continue
                        load = (timing.loads.rising if rises else timing.loads.falling)[net]
                        after = time[source] + tables[0].lookup(slew[source], load)
                        time[net, rises] = max(time.get((net, rises), -np.inf), after)
                        slew[net, rises] = max(slew.get((net, rises), 0.0), tables[1].lookup(slew[source], load))
    shape = (netlist.nets, 2)
    times, slews = np.full(shape, -np.inf), np.zeros(shape)
    for (net, rises), value in time.items():
        times[net, int(rises)], slews[net, int(rises)] = value, slew[net, rises]
    return times, slews


@pytest.mark.parametrize("seed", range(5))
def test_arrivals_equal_the_slow_twin(tmp_path: Path, seed: int) -> None:
    netlist, library = random_netlist(tmp_path, seed)
    timing = static_timing(netlist, library, wire=WireModel("default"), input_slew_ns=0.04, output_load_ff=3.0)
    times, slews = slow_arrivals(netlist, library, timing, 0.04)
    np.testing.assert_allclose(timing.arrival_ns, times, rtol=1e-12)
    np.testing.assert_allclose(timing.slew_ns, slews, rtol=1e-12)
    ends = [times[net].max() for nets in netlist.outputs.values() for net in nets]
    assert timing.delay_ns >= max(ends)
    assert sum(step.delay_ns for step in timing.path) + timing.setup_ns == pytest.approx(timing.delay_ns, rel=1e-12)


def chain(folder: Path, library):
    """clk -> DFF -> INV -> NAND2 -> DFF."""
    cells = [
        ("r0", "DFF", {"D": "a", "CK": "clk", "Q": "q"}),
        ("g0", "INV", {"A": "q", "Y": "n"}),
        ("g1", "NAND2", {"A": "n", "B": "b", "Y": "m"}),
        ("r1", "DFF", {"D": "m", "CK": "clk", "Q": "y"}),
    ]
    return build(folder, library, cells, {"a": ["a"], "b": ["b"], "clk": ["clk"]}, {"y": ["y"]})


def by_hand(q_rises: bool) -> float:
    """Delay of the chain when Q rises or falls, input slew 20 ps, no wires: formulas of tiny.lib, in ns."""
    factor = {True: 1.15, False: 0.9}
    slow = {True: 0.25, False: 0.18}
    time, slew, rises = 0.0, 0.02, q_rises
    loads = [1.5, 1.6, 1.1]  # INV.A, NAND2.A, DFF.D
    for (intrinsic, per_ff), base in zip([(75.0, 2.7), (8.0, 3.0), (10.0, 3.4)], loads, strict=True):
        load = base * (1.05 if rises else 0.95)
        time += 1e-3 * factor[rises] * (intrinsic + per_ff * load) + slow[rises] * slew + 0.004 * slew * load
        slew, rises = 1e-3 * factor[rises] * (0.5 * intrinsic + 2.1 * per_ff * load) + 0.1 * slew, not rises
    # The second input of the NAND2 is slower: its worst slew goes on.
    last = not rises
    load = loads[2] * (1.05 if last else 0.95)
    other = 1e-3 * factor[last] * 1.07 * (5.0 + 2.1 * 3.4 * load) + 0.1 * 0.02
    slew = max(slew, other)
    return time + 1e-3 * 30.0 * (1.0 if last else 1.4) + 0.2 * slew - 0.1 * 0.02


def test_a_chain_by_hand(tmp_path: Path) -> None:
    library = tiny()
    timing = static_timing(chain(tmp_path, library), library, input_slew_ns=0.02)
    assert timing.delay_ns == pytest.approx(max(by_hand(True), by_hand(False)), rel=1e-5)
    assert timing.endpoint == "r1.D (DFF)"
    assert [step.net for step in timing.path] == ["clk", "q", "n", "m"]
    report = timing.report()
    assert "m (g1 NAND2)" in report
    assert f"ends at r1.D (DFF) after {1e3 * timing.delay_ns:.1f} ps, setup" in report


@pytest.mark.parametrize(
    "fault",
    [
        [("timing_sense : negative_unate", "timing_sense : positive_unate")],
        [("cell_rise", "cell_RISE"), ("cell_fall", "cell_rise"), ("cell_RISE", "cell_fall")],
        [
            ("rise_transition", "x_transition"),
            ("fall_transition", "rise_transition"),
            ("x_transition", "fall_transition"),
        ],
        [("setup_rising", "hold_rising")],
        [("rise_capacitance", "x_cap"), ("fall_capacitance", "rise_capacitance"), ("x_cap", "fall_capacitance")],
    ],
    ids=["unateness", "rise and fall of delays", "rise and fall of slews", "setup", "rise and fall of loads"],
)
def test_planted_faults_show_in_the_chain(tmp_path: Path, fault) -> None:
    library = edited(tmp_path, *fault)
    timing = static_timing(chain(tmp_path, library), library, input_slew_ns=0.02)
    assert timing.delay_ns != pytest.approx(max(by_hand(True), by_hand(False)), rel=1e-4)


def test_constants_start_no_path_and_an_empty_netlist_has_none(tmp_path: Path) -> None:
    library = tiny()
    cells = [("g", "NAND2", {"A": "1", "B": "0", "Y": "n"}), ("h", "AND2", {"A": "n", "B": "a", "Y": "y"})]
    timing = static_timing(build(tmp_path, library, cells, {"a": ["a"]}, {"y": ["y"]}), library)
    assert [step.net for step in timing.path] == ["a", "y"]
    none = build(tmp_path, library, [], {"a": ["a"]}, {"y": ["1"]})
    assert static_timing(none, library).delay_ns == 0.0
    assert static_timing(none, library).endpoint == "nowhere: no path"


def test_a_gate_without_timing_is_refused(tmp_path: Path) -> None:
    library = edited(
        tmp_path,
        ('        related_pin : "CI";\n        timing_sense', '        related_pin : "A";\n        timing_sense'),
    )
    cells = [("f", "FA", {"A": "a", "B": "a", "CI": "a", "S": "y"})]
    with pytest.raises(LibertyError, match="cell FA: CO depends on CI, with no timing between them"):
        static_timing(build(tmp_path, library, cells, {"a": ["a"]}, {"y": ["y"]}), library)


def test_more_load_and_more_wire_are_slower(tmp_path: Path) -> None:
    netlist, library = random_netlist(tmp_path, 4)
    delays = [static_timing(netlist, library, wire=WireModel(base_ff=c)).delay_ns for c in (0.0, 1.0, 4.0)]
    assert delays == sorted(set(delays))
    assert static_timing(netlist, library, output_load_ff={"y": 9.0}).delay_ns > delays[0]
    with pytest.raises(NetlistError, match=r"unknown output port 'z'\. Known: y"):
        static_timing(netlist, library, output_load_ff={"z": 9.0})
