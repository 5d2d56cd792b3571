"""One row: build, check against the reference, then and only then time, simulate and fit."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.cost.elements import ElementRow
from hwsim.gates import Netlist, Timing, cell_area, cell_leakage_w, read_netlist, static_timing
from hwsim.synth.bench import Session
from hwsim.synth.benches import Unit, fit_specs, held_out_specs
from hwsim.synth.energy import Energies, run_session
from hwsim.synth.laboratory import Laboratory
from hwsim.synth.macromodel import fit_model
from hwsim.synth.rows import identity
from hwsim.synth.settings import MIN_VECTORS
from hwsim.synth.streams import Stream, gated_stream, make_stream

PRICED, GATED = "priced", "gated"
_STILL = 1e-3  #: share of the priced energy below which a stream counts as still


def measure(unit: Unit, laboratory: Laboratory) -> ElementRow:
    """Return the row of one element under one dataflow.

    Raises:
        NetlistMismatchError: a netlist puts out something else than the reference: there is no row then.
        SynthError: yosys failed.
    """
    netlists = build_netlists(unit, laboratory)
    streams = priced_streams(unit, laboratory)
    checks = unit.check_streams(MIN_VECTORS, laboratory.settings.seed)
    still = _run(unit, "relaxed", netlists, laboratory, checks | {PRICED: streams[PRICED]}, glitches=False)
    _run(unit, "tight", netlists, laboratory, checks | {GATED: streams[GATED]}, glitches=False)
    live = _run(unit, "relaxed", netlists, laboratory, streams, glitches=True)
    columns: dict[str, Any] = {
        **identity(unit),
        **_silicon(netlists, laboratory),
        "core_pj": live[PRICED].core_pj,
        "core_zero_delay_pj": still[PRICED].core_pj,
        "core_gated_pj": live[GATED].core_pj,
        "register_pj": live[PRICED].register_pj,
        "clock_pj": live[PRICED].clock_pj,
        **_model(streams, live),
        **dict(zip(("act_toggles", "weight_toggles", "sum_toggles"), streams[PRICED].toggles(), strict=True)),
        **_operating_point(laboratory),
        **asdict(laboratory.made_with),
        "rtl_sha256": unit.rtl_sha256,
        "stream": unit.spec.name,
    }
    return ElementRow(**columns)


def build_netlists(unit: Unit, laboratory: Laboratory) -> dict[str, Netlist]:
    """Synthesise ``unit`` for both delay targets."""
    workshop = laboratory.workshop
    paths = workshop.build(unit.top, unit.parameters(workshop.recipe), unit.sources)
    try:
        return {target: read_netlist(path, laboratory.library, unit.top) for target, path in paths.items()}
    finally:
        shutil.rmtree(_folder(paths), ignore_errors=True)


def priced_streams(unit: Unit, laboratory: Laboratory) -> dict[str, Stream]:
    """Return the streams whose energy is measured: the priced one, the gated one, those of the macro-model."""
    point, settings = unit.point, laboratory.settings
    streams = {PRICED: make_stream(point, unit.spec, settings.vectors, settings.seed)}
    streams[GATED] = gated_stream(point, unit.spec, settings.fit_vectors, settings.seed)
    for prefix, specs in (("fit", fit_specs(unit.spec)), ("held out", held_out_specs(unit.spec))):
        for place, spec in enumerate(specs):
            streams[f"{prefix} {place}"] = make_stream(point, spec, settings.fit_vectors, settings.seed + 1 + place)
    return streams


def _run(
    unit: Unit,
    target: str,
    netlists: Mapping[str, Netlist],
    laboratory: Laboratory,
    streams: Mapping[str, Stream],
    glitches: bool,
) -> dict[str, Energies]:
    session = Session({name: unit.bench(stream) for name, stream in streams.items()})
    name = f"{unit.name} ({target})"
    return run_session(name, netlists[target], laboratory.library, laboratory.tech, session, glitches)


def _folder(paths: Mapping[str, Path]) -> Path:
    return next(iter(paths.values())).parent


def _silicon(netlists: Mapping[str, Netlist], laboratory: Laboratory) -> dict[str, Any]:
    relaxed = netlists["relaxed"]
    area = cell_area(relaxed)
    return {
        "area_um2": area.total_um2,
        "core_area_um2": area.combinational_um2,
        "leakage_w": cell_leakage_w(relaxed),
        "register_bits": len(relaxed.registers),
        "delay_ns": delay_ns(relaxed, laboratory),
        "delay_tight_ns": delay_ns(netlists["tight"], laboratory),
    }


def _model(streams: Mapping[str, Stream], live: Mapping[str, Energies]) -> dict[str, Any]:
    # Where few weights are not zero, a stream may move nothing: relative errors say nothing of it.
    moving = [name for name in streams if live[name].core_pj > _STILL * live[PRICED].core_pj]
    fitted = [name for name in moving if name.startswith("fit")]
    held_out = [name for name in moving if name.startswith("held out")]
    model = fit_model(
        [streams[name].toggles() for name in fitted],
        [live[name].core_pj for name in fitted],
        [(streams[name].toggles(), live[name].core_pj) for name in held_out],
    )
    return {
        "base_pj": model.base_pj,
        "act_toggle_pj": model.act_pj,
        "weight_toggle_pj": model.weight_pj,
        "sum_toggle_pj": model.sum_pj,
        "model_error": model.error,
    }


def delay_ns(netlist: Netlist, laboratory: Laboratory) -> float:
    """Return the clock period that the element needs: a path from a port begins in a register of a neighbour."""
    tech = laboratory.tech
    timing = static_timing(
        netlist, laboratory.library, wire=tech.wire, input_slew_ns=tech.slew_ns, output_load_ff=tech.load_ff
    )
    begins = timing.path[0].net
    ports = {netlist.net_names[net] for nets in netlist.inputs.values() for net in nets}
    return timing.delay_ns + (register_delay_ns(netlist, timing) if begins in ports else 0.0)


def register_delay_ns(netlist: Netlist, timing: Timing) -> float:
    """Return the median delay of the flip-flops from clock to output, ns; 0 without any."""
    nets = [net for register in netlist.registers for net in netlist.cell_outputs(register) if net >= 0]
    return float(np.median(timing.arrival_ns[nets].max(axis=1))) if nets else 0.0


def _operating_point(laboratory: Laboratory) -> dict[str, Any]:
    library = laboratory.library
    return {
        "node_nm": laboratory.tech.node_nm,
        "voltage_v": library.voltage_v,
        "temperature_c": library.temperature_c if library.temperature_c is not None else 25.0,
        "corner": library.name,
    }
