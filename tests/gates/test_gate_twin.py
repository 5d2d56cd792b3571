"""The simulators against their slow twin, and faults planted on purpose."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from gate_helpers import output_bits, random_inputs, random_netlist
from slow_gates import slow_twin

from hwsim.gates import WireModel, events, simulate, simulation, slots, static_timing
from hwsim.gates.kernels import CLOCK, GATE, GATE_NET, INPUT_NET, REGISTER, REGISTER_NET
from hwsim.gates.models import CellModel
from hwsim.gates.slots import SlotTable

COLUMNS = {
    "gate": GATE, "gate net": GATE_NET, "register": REGISTER, "register net": REGISTER_NET, "clock": CLOCK,
    "input net": INPUT_NET,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("registers", [0, 6])
def test_without_delays_equals_the_slow_twin(tmp_path: Path, seed: int, registers: int) -> None:
    netlist, library = random_netlist(tmp_path, seed, registers=registers)
    inputs = random_inputs(netlist, seed, 25)
    result = simulate(netlist, library, inputs, glitches=False, wire=WireModel("default"))
    twin = slow_twin(netlist, library, result.timing, inputs)
    assert output_bits(netlist, result).tolist() == twin.zero_delay()

    assert netlist.clock_net < 0 or result.toggles[netlist.clock_net] == 2 * 24


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("registers", [0, 6])
def test_without_delays_equals_the_slow_twin_in_every_toggle_and_energy(
    tmp_path: Path, seed: int, registers: int
) -> None:
    netlist, library = random_netlist(tmp_path, seed, registers=registers)
    check_still_against_the_twin(netlist, library, random_inputs(netlist, seed, 25))


def check_still_against_the_twin(netlist, library, inputs) -> None:
    """A reset that falls within a cycle moves outputs twice, once at the clock: here it is never given."""
    inputs |= {"reset_n": np.ones(25, dtype=int)} if "reset_n" in inputs else {}
    result = simulate(netlist, library, inputs, glitches=False, wire=WireModel("default"), output_load_ff=2.0)
    twin = slow_twin(netlist, library, result.timing, inputs)
    assert output_bits(netlist, result).tolist() == twin.zero_delay()
    assert result.toggles.tolist() == twin.toggles
    assert sum(twin.toggles) > 300
    for name, column in COLUMNS.items():
        assert result.per_cycle_pj[:, column].sum() == pytest.approx(twin.energy[name], rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("registers", [0, 6])
def test_with_delays_equals_the_slow_twin_in_every_toggle_and_energy(tmp_path: Path, seed: int, registers: int) -> None:
    netlist, library = random_netlist(tmp_path, seed, registers=registers)
    inputs = random_inputs(netlist, seed, 25)
    timing = static_timing(netlist, library, wire=WireModel("default"), input_slew_ns=0.03, output_load_ff=2.0)
    half_ns = 0.2  # in the middle of the activity, so that data pins move under both levels of the clock
    check_against_the_twin(netlist, library, timing, inputs, half_ns)


def check_against_the_twin(netlist, library, timing, inputs, half_ns: float) -> None:
    result = simulate(netlist, library, inputs, timing=timing, period_ns=2 * half_ns, input_delay_ns=0.05)
    twin = slow_twin(netlist, library, timing, inputs)
    assert output_bits(netlist, result).tolist() == twin.events(round(half_ns * 1e6), 50_000)
    assert result.toggles.tolist() == twin.toggles
    assert sum(twin.toggles) > 500
    for name, column in COLUMNS.items():
        assert result.per_cycle_pj[:, column].sum() == pytest.approx(twin.energy[name], rel=1e-9, abs=1e-12), name


def swap_edges(slots):
    """Give the delays of a rise to a fall, and the other way round."""

    def swapped(model):
        table = slots(model)
        pairs = {(s.pin, s.output, s.output_rises): s.tables for s in table.slots}
        some = [
            dataclasses.replace(s, tables=pairs.get((s.pin, s.output, not s.output_rises), s.tables))
            for s in table.slots
        ]
        return SlotTable(table.index, tuple(some))

    return swapped


@pytest.mark.parametrize("fault", ["unateness", "rise and fall", "glitches lost", "half missing", "cause", "state"])
def test_planted_faults_are_caught_by_the_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    netlist, library = random_netlist(tmp_path, 1)
    inputs = random_inputs(netlist, 1, 25)
    timing = static_timing(netlist, library, wire=WireModel("default"))
    check_against_the_twin(netlist, library, timing, inputs, 0.2)
    if fault == "unateness":
        fitting = slots.Sense.POSITIVE
        monkeypatch.setattr(
            slots, "_fitting", lambda entries, same: [e for e in entries if (e.sense is fitting) != same] or entries
        )
    elif fault == "rise and fall":
        monkeypatch.setattr(events, "delay_slots", swap_edges(events.delay_slots))
    elif fault == "glitches lost":
        late = events.event_delays
        monkeypatch.setattr(simulation, "event_delays", lambda *a: late(*a)._replace(values=late(*a).values * 0 + 1))
    elif fault == "half missing":
        monkeypatch.setattr(simulation, "toggle_energy_pj", lambda load, volt: load * volt**2 / 1e3)
    elif fault == "cause":
        monkeypatch.setattr(events, "energy_slots", lambda model: pin_zero(slots.energy_slots(model)))
    else:
        monkeypatch.setattr(CellModel, "holds", lambda model, when: np.ones(1 << model.bits, dtype=bool))
    netlist, library = random_netlist(tmp_path, 1)  # afresh: what is found out about a cell is kept with it
    with pytest.raises(AssertionError):
        check_against_the_twin(netlist, library, timing, inputs, 0.2)


@pytest.mark.parametrize("fault", ["the first input to arrive", "no energy of pins", "half missing", "state"])
def test_planted_faults_without_delays_are_caught_by_the_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "the first input to arrive":
        rank = simulation._arrival_rank
        monkeypatch.setattr(simulation, "_arrival_rank", lambda timing: 10**6 - rank(timing))
    elif fault == "no energy of pins":
        pins = events.pin_energies
        monkeypatch.setattr(simulation, "pin_energies", lambda *a: pins(*a)._replace(values=pins(*a).values * 0))
    elif fault == "half missing":
        monkeypatch.setattr(simulation, "toggle_energy_pj", lambda load, volt: load * volt**2 / 1e3)
    else:
        monkeypatch.setattr(CellModel, "holds", lambda model, when: np.ones(1 << model.bits, dtype=bool))
    netlist, library = random_netlist(tmp_path, 1)
    with pytest.raises(AssertionError):
        check_still_against_the_twin(netlist, library, random_inputs(netlist, 1, 25))


def pin_zero(table):
    """Blame the first input for everything."""
    index = table.index.copy()
    index[:] = index[:, :1]
    return SlotTable(index, table.slots)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_moves_after_its_static_arrival(tmp_path: Path, seed: int) -> None:
    """Static timing bounds every event of the simulation; ticks round by half a femtosecond per gate."""
    netlist, library = random_netlist(tmp_path, seed, registers=4)
    inputs = random_inputs(netlist, seed, 30)
    inputs["reset_n"][:] = 1  # static timing follows no path through asynchronous pins
    timing = static_timing(netlist, library)
    twin = slow_twin(netlist, library, timing, inputs)
    late = [0] * netlist.nets
    move = twin.move

    def timed_move(cell, out, pin, values):
        net = move(cell, out, pin, values)
        late[net] = max(late[net], twin.now)
        return net

    twin.move = timed_move
    twin.events(10**9, 0)
    bounds = timing.arrival_ns.max(axis=1) * 1e6 + 60
    moved = [net for net in range(netlist.nets) if late[net]]
    assert len(moved) > 40
    assert all(late[net] <= bounds[net] for net in moved)
