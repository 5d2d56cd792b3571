"""Reports of a simulation for programs: a dict for JSON, rows for CSV; the numbers of ``hwsim.report``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hwsim.array import Component
from hwsim.hardware_result import HardwareResult, LayerHardware
from hwsim.network.run import LayerNumerics
from hwsim.simulation import SimulationReport
from hwsim.text import wilson_interval


def report_dict(report: SimulationReport) -> dict[str, Any]:
    """Return the report as a JSON-able dict; units are in the keys."""
    numerics, hardware = report.numerics, report.hardware
    low, high = wilson_interval(numerics.correct, numerics.total)
    return {
        "network": report.network,
        "machine": hardware.machine,
        "table": hardware.table,
        "assignment": report.assignment.to_dict(),
        "correct": numerics.correct,
        "total": numerics.total,
        "accuracy": numerics.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "nan_images": numerics.nan_images,
        **hardware_dict(hardware),
        "layers": layer_rows(report),
    }


def hardware_dict(hardware: HardwareResult) -> dict[str, Any]:
    """Return the sums of a priced inference as a JSON-able dict."""
    return {
        "cycles": hardware.cycles,
        "runtime_s": hardware.runtime_s,
        "energy_pj": {**hardware.energy_pj, "total": hardware.energy_total_pj},
        "power_w": hardware.power_w,
        "area_um2": hardware.area_um2,
        "weight_bits": hardware.weight_bits,
        "memory_pj": hardware.memory_pj,
        "waits": hardware.waits,
        "memories": list(hardware.memories),
        "unpriced": list(hardware.unpriced),
        **({} if hardware.energy_low_pj is None else {"energy_low_pj": hardware.energy_low_pj}),
        "elements": {layer.name: list(layer.notes) for layer in hardware.layers if layer.notes},
        **({"floorplan": hardware.floorplan.to_dict()} if hardware.floorplan else {}),
    }


def layer_rows(report: SimulationReport) -> list[dict[str, Any]]:
    """Return one flat dict per layer: its formats, then its work, time and energy."""
    return hardware_rows(report.numerics.layers, report.hardware)


def hardware_rows(layers: Sequence[LayerNumerics], hardware: HardwareResult) -> list[dict[str, Any]]:
    """Return one flat dict per layer of what ran in ``layers`` and cost ``hardware``."""
    priced = {layer.name: layer for layer in hardware.layers}
    return [_layer_row(layer, priced[layer.name]) for layer in layers]


_WEIGHT_BITS = ("dram_bits_per_weight", "sram_bits_per_weight")


def _layer_row(numerics: LayerNumerics, hardware: LayerHardware) -> dict[str, Any]:
    gemm, cycles = hardware.gemm, hardware.cycles
    formats = {**numerics.to_dict(), "inputs": " + ".join(numerics.inputs)}
    del formats["macs"], formats["effectual_macs"]
    for name in ("activity", "packed_bits"):
        formats.pop(name, None)
    return {
        **formats,
        "unit": hardware.unit,
        **{key: getattr(gemm, key) if gemm else None for key in ("m", "n", "k", "groups")},
        **{key: getattr(cycles, key) for key in ("folds", "fill", "steady", "drain", "gap", "stall")},
        "waits": "; ".join(f"{name} {count}" for name, count in cycles.waits),
        "cycles": cycles.total,
        "tiling": hardware.tiling if hardware.unit == "array" else "",
        **dict(zip(_WEIGHT_BITS, hardware.weight_bits or (None, None), strict=True)),
        "utilisation": hardware.utilisation,
        "macs": hardware.macs,
        "effectual_macs": hardware.effectual_macs,
        **{f"{c.value}_pj": hardware.energy_pj.get(c.value, 0.0) for c in Component if c is not Component.LEAKAGE},
        **{f"{name}_pj": value for name, value in hardware.memory_pj.items() if f"{name}_pj" != "dram_pj"},
    }


_CSV_TOTALS = (
    "runtime_s",
    "power_w",
    "area_um2",
    "weight_bits",
    "correct",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "nan_images",
)


def report_csv(report: SimulationReport) -> str:
    """Return one CSV row per layer and a last row "total"; each names the machine and the price table."""
    values = report_dict(report)
    extra = {key: values[key] for key in _CSV_TOTALS} | {"total_images": report.numerics.total}
    names = {key: values[key] for key in ("network", "machine", "table")}
    return hardware_csv(layer_rows(report), report.hardware, extra, names)


def hardware_csv(
    rows: Sequence[dict[str, Any]], hardware: HardwareResult, totals: dict[str, Any], names: dict[str, Any]
) -> str:
    """Return ``rows`` as CSV, and a row "total" with ``totals`` beside its sums; ``names`` stand in every row."""
    total = dict.fromkeys(rows[0], None) | {"name": "total", "cycles": hardware.cycles}
    total |= {f"{name}_pj": value for name, value in hardware.energy_pj.items() if f"{name}_pj" in rows[0]}
    total |= {"macs": sum(row["macs"] for row in rows), "effectual_macs": sum(row["effectual_macs"] for row in rows)}
    extra: dict[str, Any] = {"leakage_pj": hardware.energy_pj["leakage"], "total_pj": hardware.energy_total_pj}
    extra |= totals | {"unpriced": "; ".join(hardware.unpriced)}
    out = io.StringIO()
    writer = csv.DictWriter(out, [*rows[0], *extra, *names], lineterminator="\n")
    writer.writeheader()
    writer.writerows([*(row | names for row in rows), total | extra | names])
    return out.getvalue()
