"""From RTL to a row on the invented library: synthesised, checked, timed, simulated; faults in netlists are refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.array.parts import Dataflow
from hwsim.gates import Netlist, read_netlist, simulate
from hwsim.synth.bench import Session, core_bench
from hwsim.synth.benches import Unit, element_parameters
from hwsim.synth.energy import run_session
from hwsim.synth.errors import NetlistMismatchError
from hwsim.synth.laboratory import Laboratory
from hwsim.synth.measure import measure
from hwsim.synth.point import Point, make_point
from hwsim.synth.recipe import RECIPES
from hwsim.synth.sources import rtl_sources
from hwsim.synth.streams import StreamSpec, make_stream
from hwsim.synth.vectors import corner_stream

WS, IS, OS = Dataflow.WEIGHT_STATIONARY, Dataflow.INPUT_STATIONARY, Dataflow.OUTPUT_STATIONARY
SHIFT, INTEGER = make_point("pow2<3>", "int4", "int9"), make_point("int3", "int4", "int10")
SUM, FLOAT = make_point("apot<3>", "int4", "int10"), make_point("float<3,2>", "float<3,2>", "float<3,2>")


UNITS = (Unit(SHIFT, WS), Unit(INTEGER, OS), Unit(SUM, IS), Unit(FLOAT, OS))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_row_from_rtl(unit: Unit, laboratory: Laboratory) -> None:
    point, flow = unit.point, unit.dataflow
    row = measure(unit, laboratory)
    held = point.weights.bits + point.acts.bits + point.acc.bits
    assert row.register_bits == held + 3 * (flow is OS)  # and the flags of an output-stationary element
    assert 0 < row.core_area_um2 < row.area_um2
    assert row.delay_tight_ns is not None and 0 < row.delay_tight_ns <= 1.02 * row.delay_ns
    assert 0 < row.core_zero_delay_pj < row.core_pj
    assert row.core_gated_pj is not None and 0 <= row.core_gated_pj < row.core_pj
    assert row.clock_pj > 0 and row.register_pj > 0 and row.leakage_w > 0
    assert (row.vectors, row.recipe, row.node_nm, row.voltage_v) == (1000, "bw-fa", 100.0, 1.0)


def netlist_of_core(point: Point, laboratory: Laboratory) -> Path:
    parameters = element_parameters(point, laboratory.workshop.recipe)
    sources = rtl_sources(point.kind, "mac_core")
    return laboratory.workshop.build("mac_core", parameters, sources, ["relaxed"])["relaxed"]


def core_session(point: Point, cycles: int = 1000) -> Session:
    streams = {flow: make_stream(point, StreamSpec(flow), cycles, 1) for flow in ("uniform", "ws", "os")}
    streams["corners"] = corner_stream(point, cycles, 1)
    return Session({name: core_bench(stream) for name, stream in streams.items()})


def run_core(netlist: Netlist, laboratory: Laboratory, session: Session, glitches: bool = False) -> None:
    run_session("a core", netlist, laboratory.library, laboratory.tech, session, glitches)


@pytest.mark.parametrize("point", [SHIFT, INTEGER, SUM, FLOAT], ids=lambda point: point.name)
def test_the_core_alone_equals_the_reference_with_and_without_glitches(point: Point, laboratory: Laboratory) -> None:
    netlist = read_netlist(netlist_of_core(point, laboratory), laboratory.library, "mac_core")
    for glitches in (False, True):
        run_core(netlist, laboratory, core_session(point), glitches)


TWINS = {"NAND2": "NOR2", "NOR2": "NAND2", "AND2": "OR2", "OR2": "AND2", "XOR2": "OR2"}


@pytest.mark.parametrize(
    "point", [SHIFT, INTEGER, pytest.param(FLOAT, marks=pytest.mark.slow)], ids=lambda point: point.name
)
def test_a_swapped_gate_is_refused(point: Point, laboratory: Laboratory, tmp_path: Path) -> None:
    path = netlist_of_core(point, laboratory)
    clean = json.loads(path.read_text())
    cells = clean["modules"]["mac_core"]["cells"]
    swappable = sorted(name for name, cell in cells.items() if cell["type"] in TWINS)
    missed = []
    chosen = np.random.default_rng(0).choice(swappable, min(12, len(swappable)), replace=False)
    session = core_session(point)
    for name in chosen:
        faulty = json.loads(path.read_text())
        cell = faulty["modules"]["mac_core"]["cells"][name]
        cell["type"] = TWINS[cell["type"]]
        (tmp_path / "faulty.json").write_text(json.dumps(faulty))
        try:
            run_core(read_netlist(tmp_path / "faulty.json", laboratory.library, "mac_core"), laboratory, session)
            missed.append(name)
        except NetlistMismatchError as error:
            assert "the reference says" in str(error)
    for name in missed:  # a swap that no input tells apart is no fault: proved over all inputs
        assert equal_everywhere(path, name, laboratory, point, tmp_path), f"{name} went unnoticed"


def equal_everywhere(path: Path, name: str, laboratory: Laboratory, point: Point, folder: Path) -> bool:
    widths = {"act": point.acts.bits, "weight": point.weights.bits, "sum_in": point.acc.bits}
    codes = np.arange(1 << sum(widths.values()))
    inputs, shift = {}, 0
    for port, bits in widths.items():
        inputs[port] = codes >> shift & ((1 << bits) - 1)
        shift += bits
    faulty = json.loads(path.read_text())
    cell = faulty["modules"]["mac_core"]["cells"][name]
    cell["type"] = TWINS[cell["type"]]
    (folder / "faulty.json").write_text(json.dumps(faulty))
    seen = [
        simulate(read_netlist(file, laboratory.library, "mac_core"), laboratory.library, inputs, glitches=False)
        for file in (path, folder / "faulty.json")
    ]
    return bool((seen[0].outputs["sum_out"] == seen[1].outputs["sum_out"]).all())


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_computes_the_same(name: str, laboratory: Laboratory) -> None:
    other = replace(laboratory, workshop=replace(laboratory.workshop, recipe=RECIPES[name]))
    path = netlist_of_core(INTEGER, other)
    netlist = read_netlist(path, laboratory.library, "mac_core")
    run_core(netlist, laboratory, core_session(INTEGER))
    assert ("FA" in netlist.counts()) == RECIPES[name].full_adders
    shutil.rmtree(path.parent)
