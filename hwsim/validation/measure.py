"""Measurements that need a tool: gate-level energies of elements fed with real layers, and whole layers through RTL."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hwsim.array import parse_machine
from hwsim.array.parts import Dataflow
from hwsim.gates import cell_area
from hwsim.network import Network
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.rtl.cases import LayerCase, layer_cases
from hwsim.rtl.cosim import Cosimulator
from hwsim.rtl.errors import ToolError
from hwsim.rtl.sources import array_sources
from hwsim.rtl.verify import verify
from hwsim.synth.bench import Session
from hwsim.synth.benches import Unit
from hwsim.synth.energy import run_session
from hwsim.synth.laboratory import Laboratory, open_laboratory
from hwsim.synth.measure import build_netlists, delay_ns
from hwsim.synth.point import Point, make_point
from hwsim.synth.settings import RunSettings
from hwsim.synth.sources import sources_sha256
from hwsim.synth.streams import make_stream
from hwsim.validation.operands import layer_stream
from hwsim.validation.records import record_text

Formats = tuple[str, str, str]  #: of weights, activations, sums
ELEMENTS: tuple[Formats, ...] = (
    ("shiftcnn<1,4>", "int8", "int24"),
    ("pow2<4>", "int8", "int24"),
    ("int4", "int8", "int24"),
    ("int8", "int8", "int24"),
)
FLOWS = (Dataflow.WEIGHT_STATIONARY, Dataflow.OUTPUT_STATIONARY)
STUDY_FORMATS = ("float<6,7>", "float<6,8>", "float<8,23>")
RTL_FORMATS: tuple[Formats, ...] = (
    ("pow2<4>", "fixed<8,4>", "fixed<16,8>"),
    ("apot<4>", "int8", "int24"),
    ("int8", "int8", "int32"),
    ("e4m3", "e4m3", "fp16"),
)
RTL_MACHINES = (
    "6x8-ws", "6x8-os", "6x8-is", "5x3-ws,shadow", "4x7-os,overlap", "3x5-os,direct", "7x4-ws,outreg", "4x6-is,shadow",
)  # fmt: skip
RTL_MACS = 20_000  #: of a layer that are driven, on outputs spread over it


@dataclass(frozen=True)
class Sample:
    """A network and the images that its operands are taken from.

    Attributes:
        network: trained.
        images: [images, C, H, W].
        calibration: images that scales are chosen on.
    """

    network: Network
    images: NDArray[Any]
    calibration: NDArray[Any]

    def cases(self, formats: Formats, macs: int | None = None) -> Iterator[LayerCase]:
        """Yield the layers in ``formats``, or parts of them with about ``macs`` multiply-accumulates."""
        roles = dict(zip(("weights", "acts", "acc"), formats, strict=True))
        chosen = Assignment(LayerFormats.from_dict(roles))
        return layer_cases(self.network, chosen, self.images, self.calibration, macs=macs)


def measure_energy(settings: RunSettings, table: str, samples: Sequence[Sample]) -> str:
    """Return the record of what elements take when they are fed with the layers of ``samples``.

    Args:
        settings: library, recipe, vectors and seed, as of the table.
        table: name of the price table that the record is to be compared with.
        samples: networks and images.

    Raises:
        SynthError: no Yosys, an unknown library, or a netlist that is not what it should be.
    """
    with open_laboratory(settings) as laboratory:
        rows = list(_energy_rows(laboratory, samples))
        provenance = {
            "source": "gate-level simulation (hwsim.gates) of elements made by Yosys, fed with the layers' operands",
            **_made(laboratory, table),
            "images": ", ".join(f"{len(sample.images)} of {sample.network.name}" for sample in samples),
            "units": "pJ per multiply-accumulate (core) and per cycle (register, clock); toggles per cycle",
        }
    return record_text(provenance, rows)


def _energy_rows(laboratory: Laboratory, samples: Sequence[Sample]) -> Iterator[Mapping[str, object]]:
    for formats in ELEMENTS:
        cases = [(sample.network.name, case) for sample in samples for case in sample.cases(formats)]
        for flow in FLOWS:
            yield from _unit_rows(Unit(make_point(*formats), flow), cases, laboratory)


def _unit_rows(
    unit: Unit, cases: Iterable[tuple[str, LayerCase]], laboratory: Laboratory
) -> Iterator[Mapping[str, object]]:
    netlist, settings = build_netlists(unit, laboratory)["relaxed"], laboratory.settings
    streams = {
        (network, case.name): layer_stream(unit.point, case, unit.dataflow, settings.vectors, settings.seed)
        for network, case in cases
    }
    session = Session({"/".join(key): unit.bench(stream) for key, stream in streams.items()})
    live, still = (
        run_session(unit.name, netlist, laboratory.library, laboratory.tech, session, glitches)
        for glitches in (True, False)
    )
    for (network, layer), stream in streams.items():
        own, quiet = live[f"{network}/{layer}"], still[f"{network}/{layer}"]
        toggles = zip(("act_toggles", "weight_toggles", "sum_toggles"), stream.toggles(), strict=True)
        numbers = {**dict(toggles), "core_pj": own.core_pj, "core_zero_delay_pj": quiet.core_pj}
        numbers |= {"register_pj": own.register_pj, "clock_pj": own.clock_pj}
        place = {"network": network, "layer": layer, "rtl_sha256": unit.rtl_sha256[:12]}
        yield _named(unit.point, unit.dataflow) | place | {name: f"{value:.6g}" for name, value in numbers.items()}


def _named(point: Point, flow: Dataflow) -> dict[str, str]:
    weights, acts, acc = point.name.rsplit(",", 2)
    return {"weights": weights, "acts": acts, "acc": acc, "dataflow": flow.value}


def measure_units(settings: RunSettings, table: str) -> str:
    """Return the record of the floating-point units of the fixed-area study, synthesised as the table's elements.

    Raises:
        SynthError: no Yosys, an unknown library, or a netlist that is not what it should be.
    """
    with open_laboratory(settings) as laboratory:
        rows = [_unit_row(fmt, laboratory) for fmt in STUDY_FORMATS]
        provenance = {
            "source": "synthesis by Yosys, static timing and gate-level simulation by hwsim.gates; each netlist "
            "checked against the bit-exact reference",
            **_made(laboratory, table),
            "units": "um2 of the arithmetic, ns, pJ per multiply-accumulate under weight-stationary operands",
        }
    return record_text(provenance, rows)


def _unit_row(fmt: str, laboratory: Laboratory) -> Mapping[str, object]:
    unit, settings = Unit(make_point(fmt, fmt, fmt), Dataflow.WEIGHT_STATIONARY), laboratory.settings
    netlists = build_netlists(unit, laboratory)
    session = Session({"ws": unit.bench(make_stream(unit.point, unit.spec, settings.vectors, settings.seed))})
    live, still = (
        run_session(unit.name, netlists["relaxed"], laboratory.library, laboratory.tech, session, glitches)["ws"]
        for glitches in (True, False)
    )
    numbers = {
        "core_area_um2": cell_area(netlists["relaxed"]).combinational_um2,
        "delay_ns": delay_ns(netlists["relaxed"], laboratory),
        "delay_tight_ns": delay_ns(netlists["tight"], laboratory),
        "core_pj": live.core_pj,
        "core_zero_delay_pj": still.core_pj,
    }
    return {"format": fmt, "rtl_sha256": unit.rtl_sha256[:12]} | {
        name: f"{value:.6g}" for name, value in numbers.items()
    }


def _made(laboratory: Laboratory, table: str) -> dict[str, str]:
    made = laboratory.made_with
    return {
        "table": table,
        "liberty_sha256": made.liberty_sha256,
        "tools": made.tools,
        "recipe": made.recipe,
        "wire_model": made.wire_model,
        "vectors": str(made.vectors),
        "seed": str(made.seed),
    }


def measure_rtl(engine: str, samples: Sequence[Sample]) -> str:
    """Return the record of layers driven through the RTL of several machines: cycles, and sums that differ.

    Raises:
        ToolError: the engine is not installed or fails.
    """
    rows: list[Mapping[str, object]] = []
    machines = [parse_machine(text) for text in RTL_MACHINES]
    with Cosimulator(engine) as simulator:
        for formats in RTL_FORMATS:
            for sample in samples:
                rows += _rtl_rows(formats, sample, machines, simulator)
    provenance = {
        "source": f"simulation of the RTL in hwsim/rtl/sv by {engine}, fed with layers of trained networks",
        "tool": tool_version(engine),
        "rtl_sha256": sources_sha256(array_sources()),
        "outputs": f"compared bit by bit with the kernels; about {RTL_MACS} multiply-accumulates a layer and machine",
    }
    return record_text(provenance, rows)


def tool_version(engine: str) -> str:
    """Return the first line that a simulator prints about itself. Raises ToolError if it is not installed."""
    program = {"icarus": "iverilog", "verilator": "verilator"}[engine]
    if shutil.which(program) is None:
        raise ToolError(f"{program} is not installed: the RTL cannot be run, and the stored record stays as it is")
    flag = "-V" if engine == "icarus" else "--version"
    done = subprocess.run([program, flag], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].strip()


def _rtl_rows(
    formats: Formats, sample: Sample, machines: Sequence[Any], simulator: Cosimulator
) -> Iterator[Mapping[str, object]]:
    for check in verify(sample.cases(formats, RTL_MACS), machines, simulator):
        yield {
            "formats": ",".join(formats),
            "network": sample.network.name,
            "layer": check.layer,
            "machine": check.machine,
            **dict(zip(("m", "n", "k", "groups"), check.shape, strict=True)),
            "cycles": check.cycles_rtl,
            "outputs": check.outputs,
            "mismatches": check.mismatches,
        }
