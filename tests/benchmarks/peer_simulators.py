"""Other accelerator simulators, each in a Python of its own: what they are given, how they are run, what they report.

SCALE-Sim 3.0.0 (``pip install scalesim==3.0.0 "numpy<2.4"``) and ZigZag 3.9.1 (``pip install zigzag-dse==3.9.1 six``)
need other versions of numpy than each other, so each has a virtual environment; its interpreter is named by an option
or by the environment variables HWSIM_SCALESIM_PYTHON and HWSIM_ZIGZAG_PYTHON. CPU time is that of the evaluation alone:
starting the interpreter and importing are outside it, reading the tables and writing the reports inside.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layer_tables import TableLayer

SRAM_KIB = 64  #: scratchpad of each operand
DRAM_BITS = 256  #: of ZigZag's DRAM port, a cycle
SCALESIM, ZIGZAG = "HWSIM_SCALESIM_PYTHON", "HWSIM_ZIGZAG_PYTHON"


class PeerMissingError(Exception):
    """A simulator that cannot be run here, and why."""


@dataclass(frozen=True)
class PeerRun:
    """One network on one array.

    Attributes:
        cpu_s: CPU seconds of the evaluation.
        peak_mib: peak memory of the process, MiB.
        layers: what the simulator reports of each layer, by its own names.
    """

    cpu_s: float
    peak_mib: float
    layers: tuple[dict[str, float], ...]

    def total(self, name: str) -> int:
        """Return the sum of one number over the layers."""
        return round(sum(layer[name] for layer in self.layers))


def interpreter(variable: str, option: str | None) -> Path:
    """Return the Python that a simulator is installed in.

    Raises:
        PeerMissingError: none is named, or it is not there.
    """
    named = option or os.environ.get(variable)
    if not named:
        raise PeerMissingError(f"no interpreter named: set {variable}")
    if not Path(named).exists():
        raise PeerMissingError(f"{variable} names {named}, which is not there")
    return Path(named)


def scale_sim(python: Path, layers: Sequence[TableLayer], side: int, dataflow: str) -> PeerRun:
    """Run SCALE-Sim without stalls (CALC) on a side x side array; its own traces are not written."""
    rows = [[x.name, x.side, x.side, x.kernel, x.kernel, x.channels, x.filters, x.stride] for x in layers]
    config = _SCALESIM_CONFIG.format(side=side, dataflow=dataflow, size=SRAM_KIB)
    return _run(python, _SCALESIM_SCRIPT, {"layers": rows, "config": config})


def zigzag(python: Path, layers: Sequence[TableLayer], side: int, dataflow: str) -> PeerRun:
    """Run ZigZag on the same matrix products, same spatial mapping, latency-optimal loop order."""
    job = {
        "accelerator": _zigzag_array(side, dataflow),
        "mapping": [_zigzag_mapping(side, dataflow)],
        "workload": [_zigzag_layer(index, layer) for index, layer in enumerate(layers)],
    }
    return _run(python, _ZIGZAG_SCRIPT, job)


def _run(python: Path, script: str, job: dict[str, Any]) -> PeerRun:
    command = ["nice", "-n", "10", str(python), "-c", script]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerMissingError(f"{python} failed: {last}")
    found = json.loads(done.stdout.splitlines()[-1])
    return PeerRun(found["cpu_s"], found["peak_kib"] / 1024, tuple(found["layers"]))


def _zigzag_array(side: int, dataflow: str) -> dict[str, Any]:
    """Return a systolic array with one held operand a PE, a double-ported scratchpad per operand, and a DRAM."""
    held = {"ws": "I2", "is": "I1", "os": "O"}[dataflow]
    size = 8 * 1024 * SRAM_KIB
    scratchpads = {f"sram_{name}": _memory(size, [name], 1 << 20, ["D1", "D2"]) for name in ("I1", "I2", "O")}
    everything = [f"{name}, {way}" for name in ("I1", "I2") for way in ("fh", "tl")]
    everything += [f"O, {way}" for way in ("fh", "tl", "fl", "th")]
    dram = _memory(10**10, ["I1", "I2", "O"], DRAM_BITS, ["D1", "D2"])
    dram["ports"] = [_port("rw_port_1", "read_write", DRAM_BITS, everything)]
    bits = 32 if held == "O" else 8
    return {
        "name": "array",
        "memories": {"held": _memory(bits, [held], bits, []), **scratchpads, "dram": dram},
        "operational_array": {
            "input_precision": [8, 8],
            "unit_energy": 1,
            "unit_area": 1,
            "dimensions": ["D1", "D2"],
            "sizes": [side, side],
            "systolic_dimensions": ["D1", "D2"],
        },
    }


def _memory(bits: int, operands: list[str], bandwidth: int, served: list[str]) -> dict[str, Any]:
    if operands == ["O"]:
        reads, writes = ["O, tl", "O, th"], ["O, fh", "O, fl"]
    else:
        reads, writes = [f"{name}, tl" for name in operands], [f"{name}, fh" for name in operands]
    ports = [_port("r_port_1", "read", bandwidth, reads), _port("w_port_1", "write", bandwidth, writes)]
    if operands == ["O"] and not served:
        ports = [
            _port(f"{kind}_port_{number}", {"r": "read", "w": "write"}[kind], bandwidth, [f"O, {way}"])
            for kind, number, way in (("r", 1, "tl"), ("r", 2, "th"), ("w", 1, "fh"), ("w", 2, "fl"))
        ]
    costs = {"r_cost": 1, "w_cost": 1, "area": 0, "latency": 1}
    return {"size": bits, **costs, "operands": operands, "ports": ports, "served_dimensions": served}


def _port(name: str, kind: str, bandwidth: int, allocation: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "bandwidth_min": bandwidth,
        "bandwidth_max": bandwidth,
        "allocation": allocation,
    }


def _zigzag_mapping(side: int, dataflow: str) -> dict[str, Any]:
    rows, columns = {"os": ("B", "K"), "ws": ("C", "K"), "is": ("C", "B")}[dataflow]
    return {
        "name": "default",
        "spatial_mapping": {"D1": [f"{rows}, {side}"], "D2": [f"{columns}, {side}"]},
        "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"},
    }


def _zigzag_layer(index: int, layer: TableLayer) -> dict[str, Any]:
    m, n, k = layer.gemm
    return {
        "id": index,
        "name": layer.name,
        "operator_type": "Gemm",
        "equation": "O[b][k]+=W[k][c]*I[b][c]",
        "dimension_relations": [],
        "loop_dims": ["B", "K", "C"],
        "loop_sizes": [m, n, k],
        "operand_precision": {"W": 8, "I": 8, "O": 32, "O_final": 8},
        "operand_source": {"W": index, "I": index},
    }


_SCALESIM_CONFIG = """[general]
run_name = run
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = {side}
ArrayWidth = {side}
ifmapsramszkB = {size}
filtersramszkB = {size}
ofmapsramszkB = {size}
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
ReadRequestBuffer = 32
WriteRequestBuffer = 32
Bandwidth = 10
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
"""

# get_total_cycles() of 3.0.0 raises TypeError, so totals come from its reports; the option -s of its command line is
# ignored, so it is called from Python, where traces can be left out. A line needs the comma at its end.
_SCALESIM_SCRIPT = """
import csv, json, os, resource, sys, tempfile, time
from scalesim.scale_sim import scalesim
job, folder = json.load(sys.stdin), tempfile.mkdtemp()
paths = {name: os.path.join(folder, name) for name in ("net.csv", "layout.csv", "run.cfg")}
lines = "".join(",".join(map(str, layer)) + ",\\n" for layer in job["layers"])
for name, text in (("net.csv", "header,\\n" + lines), ("layout.csv", "header,\\n"), ("run.cfg", job["config"])):
    with open(paths[name], "w") as file:
        file.write(text)
shown, sys.stdout = sys.stdout, open(os.devnull, "w")
start = time.process_time()
run = scalesim(save_disk_space=True, verbose=False, config=paths["run.cfg"], topology=paths["net.csv"],
               layout=paths["layout.csv"])
run.run_scale(top_path=os.path.join(folder, "out"))
spent, sys.stdout = time.process_time() - start, shown
def rows(name):
    with open(os.path.join(folder, "out", "run", name)) as file:
        table = [[cell.strip() for cell in row] for row in csv.reader(file)]
    return [dict(zip(table[0][1:], map(float, filter(None, row[1:])))) for row in table[1:]]
found = [{**a, **b} for a, b in zip(rows("COMPUTE_REPORT.csv"), rows("DETAILED_ACCESS_REPORT.csv"))]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"cpu_s": spent, "peak_kib": peak, "layers": found}))
"""

_ZIGZAG_SCRIPT = """
import contextlib, io, json, logging, os, resource, sys, tempfile, time
from zigzag.api import get_hardware_performance_zigzag
job, folder = json.load(sys.stdin), tempfile.mkdtemp()
paths = {name: os.path.join(folder, name + ".yaml") for name in ("accelerator", "mapping")}
for name, path in paths.items():
    with open(path, "w") as file:
        json.dump(job[name], file)
logging.disable(logging.CRITICAL)
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    _, _, summed = get_hardware_performance_zigzag(
        job["workload"], paths["accelerator"], paths["mapping"], opt="latency", dump_folder=folder,
        loma_show_progress_bar=False)
spent = time.process_time() - start
names = ("ideal_temporal_cycle", "stall_slack_comb", "data_onloading_cycle", "data_offloading_cycle",
         "systolic_drain_cycle", "latency_total2")
found = [{name: float(getattr(one, name)) for name in names} for one, _ in summed[0][1]]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"cpu_s": spent, "peak_kib": peak, "layers": found}))
"""
