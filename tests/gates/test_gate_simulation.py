"""The simulators against numbers computed by hand, and what must not depend on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gate_helpers import build, edited, output_bits, random_inputs, random_netlist, tiny

from hwsim.gates import StimulusError, WireModel, simulate
from hwsim.gates.kernels import GATE, GATE_NET


def test_glitches_change_no_output_and_add_toggles(tmp_path: Path) -> None:
    netlist, library = random_netlist(tmp_path, 3, gates=150)
    inputs = random_inputs(netlist, 3, 200)
    still = simulate(netlist, library, inputs, glitches=False)
    event = simulate(netlist, library, inputs)
    assert output_bits(netlist, still).tolist() == output_bits(netlist, event).tolist()
    assert event.toggles.sum() > still.toggles.sum()
    # Every net ends a cycle where it ends without delays, so glitches come in pairs.
    assert not np.any((event.toggles - still.toggles) % 2)


def test_two_gates_by_hand(tmp_path: Path) -> None:
    """y = !(a b), z = !y: one rise of a under b = 1, then its fall; every number from the formulas of tiny.lib."""
    library = tiny()
    cells = [("g0", "NAND2", {"A": "a", "B": "b", "Y": "y"}), ("g1", "INV", {"A": "y", "Y": "out"})]
    netlist = build(tmp_path, library, cells, {"a": ["a"], "b": ["b"]}, {"z": ["out"]})
    slew, wire, load = 0.02, 0.2 * 2, 5.0  # "short": one sink has length 2, 0.2 fF each
    inputs = {"a": np.array([0, 1, 0]), "b": np.ones(3, dtype=int)}
    result = simulate(netlist, library, inputs, wire=WireModel("default"), input_slew_ns=slew, output_load_ff=load)

    def energy(base: float, rises: bool, slew_ns: float, load_ff: float) -> float:
        return base * (1.3 if rises else 0.8) + 2.0 * slew_ns - 0.003 * load_ff

    def after(intrinsic: float, per_ff: float, rises: bool, slew_ns: float, load_ff: float) -> float:
        factor = 1.15 if rises else 0.9
        return 1e-3 * factor * (0.5 * intrinsic + 2.1 * per_ff * load_ff) + 0.1 * slew_ns

    y_rise, y_fall = 1.5 * 1.05 + wire, 1.5 * 0.95 + wire  # input pin A of INV
    # The slews on y come from the slower input of NAND2, B, whose tables are 7 % up.
    slews = {r: 1.07 * (after(10.0, 3.4, r, 0, y_rise if r else y_fall)) + 0.1 * slew for r in (True, False)}
    inside = energy(1.2, False, slew, y_fall) + energy(1.2, True, slew, y_rise)
    inside += energy(0.9, True, slews[False], load + wire) + energy(0.9, False, slews[True], load + wire)
    nets = 2 * 0.5 * (1.5 + wire) * 1.0**2 + 2 * 0.5 * (load + wire) * 1.0**2
    assert result.toggles[2:].tolist() == [2, 0, 2, 2]
    assert result.per_cycle_pj[:, GATE].sum() == pytest.approx(1e-3 * inside, rel=1e-7)
    assert result.per_cycle_pj[:, GATE_NET].sum() == pytest.approx(1e-3 * nets, rel=1e-12)
    assert result.input_pj == pytest.approx(1e-3 * 2 * 0.5 * (1.6 + wire), rel=1e-12)
    assert result.combinational_pj == pytest.approx(1e-3 * (inside + nets), rel=1e-7)
    assert result.leakage_w == pytest.approx(26e-9)
    assert result.area.total_um2 == pytest.approx(1.4)


def test_a_glitch_by_hand(tmp_path: Path) -> None:
    """y = a & !a, through an inverter: one pulse per rise of a if it is longer than the gate, none without delays."""
    library = tiny()
    cells = [("g0", "INV", {"A": "a", "Y": "n"}), ("g1", "AND2", {"A": "a", "B": "n", "Y": "y"})]
    netlist = build(tmp_path, library, cells, {"a": ["a"]}, {"y": ["y"]})
    inputs = {"a": np.array([0, 1, 0, 1, 0])}
    y = netlist.net_names.index("y")
    # The pulse is as long as the inverter is slow; a gate that is slower than that swallows it.
    assert simulate(netlist, library, inputs).toggles[y] == 0
    chain = [
        ("i0", "INV", {"A": "a", "Y": "m"}),
        ("i1", "BUF", {"A": "m", "Y": "n0"}),
        ("i2", "BUF", {"A": "n0", "Y": "n"}),
    ]
    longer = build(tmp_path, library, [*chain, cells[1]], {"a": ["a"]}, {"y": ["y"]})
    y = longer.net_names.index("y")
    assert simulate(longer, library, inputs).toggles[y] == 4
    assert simulate(longer, library, inputs, glitches=False).toggles[y] == 0


def test_a_register_by_hand(tmp_path: Path) -> None:
    """One flip-flop that takes d = 0, 1, 1, 0: clock, data and output energies by its states."""
    library = tiny()
    netlist = build(
        tmp_path, library, [("r", "DFF", {"D": "d", "CK": "clk", "Q": "q"})], {"d": ["d"], "clk": ["clk"]}, {"q": ["q"]}
    )
    result = simulate(
        netlist, library, {"d": np.array([0, 1, 1, 0])}, input_slew_ns=0.02, period_ns=1.0, input_delay_ns=0.1
    )
    assert result.outputs["q"].tolist() == [0, 0, 1, 1]
    slew = 0.02
    # Cycle 1: rise with D=0 Q=0; d rises while CK=1; fall with D=1 Q=0.
    # Cycle 2: rise with D=1 and still Q=0: the library gives 0, the energy is with the output; fall with D=1 Q=1.
    # Cycle 3: rise with D=1 Q=1; d falls while CK=1; fall with D=0 Q=1.
    clock = (2.4 + slew) + (7.5 + slew) + (0.0 + slew) + (4.2 + slew) + (2.6 + slew) + (7.6 + slew)
    assert result.clock_pj == pytest.approx(1e-3 * (clock + 6 * 0.5 * 0.9), rel=1e-9)
    data = (-0.5 + slew) + (0.7 + slew)
    output = 4.1 * 1.3 + 2 * slew + 4.1 * 0.8 + 2 * slew  # Q rises, QN falls, no load on either
    assert result.register_pj == pytest.approx(1e-3 * (data + output), rel=1e-9)
    assert result.leakage_w == pytest.approx(77e-9)  # the mean over its states
    assert result.area.registers_um2 == result.area.total_um2 == pytest.approx(4.2)


def test_stimulus_that_does_not_fit_is_refused_with_every_fault(tmp_path: Path) -> None:
    netlist, library = random_netlist(tmp_path, 0)
    with pytest.raises(StimulusError) as caught:
        simulate(netlist, library, {"a": np.array([256]), "b": np.array([0]), "clk": np.array([0])})
    message = str(caught.value)
    for part in ("clk is the clock", "unknown input port 'b'", "reset_n (1 bits) has no values", "-128 to 255"):
        assert part in message
    with pytest.raises(StimulusError, match="different numbers of cycles: a 2, reset_n 3"):
        simulate(netlist, library, {"a": np.array([1, 2]), "reset_n": np.array([1, 1, 1])})
    with pytest.raises(StimulusError, match="no cycles"):
        simulate(netlist, library, {"a": np.zeros(0, dtype=int), "reset_n": np.zeros(0, dtype=int)})


def test_signed_numbers_and_bits_are_the_same_stimulus(tmp_path: Path) -> None:
    netlist, library = random_netlist(tmp_path, 1, registers=0)
    numbers = np.arange(-128, 128)
    bits = (numbers[:, None] >> np.arange(8) & 1).astype(bool)
    one = simulate(netlist, library, {"a": numbers}, glitches=False)
    other = simulate(netlist, library, {"a": bits}, glitches=False)
    unsigned = simulate(netlist, library, {"a": (numbers & 255).astype(np.uint8)}, glitches=False)
    assert one.outputs["y"].tolist() == other.outputs["y"].tolist() == unsigned.outputs["y"].tolist()


def test_a_reset_is_blamed_for_what_it_moves(tmp_path: Path) -> None:
    """q rises with the clock and falls with the reset: one event at a time, so both simulators agree."""
    library = tiny()
    cells = [("r", "DFFR", {"D": "d", "CK": "clk", "RN": "rn", "Q": "q"})]
    netlist = build(tmp_path, library, cells, {"d": ["d"], "rn": ["rn"], "clk": ["clk"]}, {"q": ["q"]})
    inputs = {"d": np.array([1, 1, 1, 1]), "rn": np.array([1, 1, 0, 0])}
    event, still = (
        simulate(netlist, library, inputs, glitches=g, period_ns=4.0, input_delay_ns=1.0) for g in (True, False)
    )
    assert event.outputs["q"].tolist() == still.outputs["q"].tolist() == [0, 1, 0, 0]
    np.testing.assert_allclose(still.per_cycle_pj, event.per_cycle_pj, rtol=1e-12)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ({"period_ns": -1.0}, "period_ns is -1 ns: give 0 to 10000 ns"),
        ({"period_ns": float("nan")}, "period_ns is nan ns"),
        ({"input_delay_ns": 2e5}, "input_delay_ns is 200000 ns: give 0 to 10000 ns, or None"),
    ],
)
def test_times_that_cannot_be_are_refused(tmp_path: Path, times: dict[str, float], message: str) -> None:
    netlist, library = random_netlist(tmp_path, 0, registers=0)
    with pytest.raises(StimulusError, match=message):
        simulate(netlist, library, random_inputs(netlist, 0, 3), **times)


SHIFT = [
    ("r0", "DFF", {"D": "d", "CK": "clk", "Q": "p"}),
    ("g0", "INV", {"A": "p", "Y": "n"}),
    ("r1", "DFFR", {"D": "n", "CK": "clk", "RN": "rn", "Q": "q", "QN": "qn"}),
]
SHIFT_PORTS = ({"d": ["d"], "rn": ["rn"], "clk": ["clk"]}, {"q": ["q", "qn"]})


@pytest.mark.parametrize("glitches", [False, True])
def test_flip_flops_of_every_kind(tmp_path: Path, glitches: bool) -> None:
    rng = np.random.default_rng(2)
    inputs = {"d": rng.integers(0, 2, 40), "rn": (rng.random(40) > 0.2).astype(int)}
    first = np.concatenate([[0], inputs["d"][:-1]])
    expected = {"clear": [], "preset": []}
    for kind, forced in (("clear", 0), ("preset", 1)):
        stored = 0
        for cycle in range(40):
            # The edge takes what was settled in the cycle before, unless the pin holds the flip-flop then or now.
            held = (inputs["rn"][cycle - 1] if cycle else 1) == 0
            stored = (forced if held else 1 - int(first[cycle - 1])) if cycle else 0
            stored = forced if inputs["rn"][cycle] == 0 else stored
            expected[kind].append(stored | (1 - stored) << 1)
    falling = [('clocked_on : "CK"', 'clocked_on : "!CK"'), ("timing_type : rising_edge", "timing_type : falling_edge")]
    inverted = [('next_state : "D"', 'next_state : "!D"'), ('"IQ"', '"XX"'), ('"IQN"', '"IQ"'), ('"XX"', '"IQN"')]
    preset = [('      clear : "!RN"', '      preset : "!RN"'), ("timing_type : clear", "timing_type : preset")]
    swap = [('      clear : "!RN"', '      preset : "!RN"')]
    for kind, changes in (("clear", []), ("clear", falling), ("preset", preset), ("clear", [*inverted, *swap])):
        library = edited(tmp_path, *changes)
        netlist = build(tmp_path, library, SHIFT, *SHIFT_PORTS)
        result = simulate(netlist, library, inputs, glitches=glitches)
        if changes[:1] == inverted[:1]:
            # A register that stores the inverse starts at the other output; two cycles later that is gone.
            assert result.outputs["q"][2:].tolist() == expected[kind][2:]
        else:
            assert result.outputs["q"].tolist() == expected[kind]
        assert result.clock_pj > 0
