"""Reports of a simulation: text for people, a dict for JSON, rows for CSV; the same numbers in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hwsim.array import FIXED, Component
from hwsim.hardware_result import HardwareResult, LayerHardware
from hwsim.network.run import LayerNumerics
from hwsim.simulation import SimulationReport
from hwsim.text import quantity, some_names, text_table, wilson_interval

_PATH_NOTE = (
    "computed by: every kernel gives the bits of rounding after each step in the formats shown; 'exact' means that\n"
    "the operands prove that no sum of the layer can be rounded or clamped (docs/numerics.md)"
)


def report_text(report: SimulationReport) -> str:
    """Return the report of ``hwsim run`` for people."""
    numerics, hardware = report.numerics, report.hardware
    low, high = wilson_interval(numerics.correct, numerics.total)
    lines = [
        f"{report.network} on {hardware.machine}, prices {hardware.table}",
        "",
        f"accuracy   {numerics.correct} of {numerics.total} = {numerics.accuracy:.2%}, {low:.2%} to {high:.2%} at 95 %",
    ]
    if numerics.nan_images:
        lines.append(f"           {numerics.nan_images} images gave NaN and count as wrong")
    lines += ["", "what each layer ran in", _formats_table(numerics.layers), _PATH_NOTE]
    lines += ["", "time and work of one inference", time_table(hardware.layers)]
    lines += ["", "energy of one inference, nJ", energy_table(hardware.layers)]
    lines += ["", *totals_text(hardware)]
    return "\n".join(lines)


def _formats_table(layers: Sequence[LayerNumerics]) -> str:
    header = ["layer", "op", "inputs", "weights", "bias", "product", "sum", "output", "computed by"]
    rows = [
        [
            layer.name,
            layer.op,
            _short(" + ".join(dict.fromkeys(layer.inputs))),
            _short(layer.weights or "-"),
            layer.bias or "-",
            layer.product or ("exact" if layer.acc else "-"),
            layer.acc or "-",
            layer.output,
            layer.path or "-",
        ]
        for layer in layers
    ]
    return text_table(header, rows)


def _short(text: str) -> str:
    return text if len(text) <= 28 else text[:25] + "..."


def time_table(layers: Sequence[LayerHardware]) -> str:
    """Return shapes, cycles by part and work of every layer that takes time."""
    gaps = any(layer.cycles.gap for layer in layers)
    parts = ["folds", "fill", "steady", "drain", *["gap"] * gaps, "stall", "cycles"]
    header = ["layer", "M", "N", "K", "groups", *parts, "use", "MACs", "nonzero"]
    rows = [_time_row(layer, gaps) for layer in layers if layer.unit != "-"]
    return text_table(header, rows)


def _time_row(layer: LayerHardware, gaps: bool) -> list[object]:
    gemm, cycles = layer.gemm, layer.cycles
    shape = [gemm.m, gemm.n, gemm.k, gemm.groups] if gemm else ["-"] * 4
    parts = [cycles.folds, cycles.fill, cycles.steady, cycles.drain, *[cycles.gap] * gaps, cycles.stall, cycles.total]
    if gemm is None:
        return [layer.name, *shape, "-", *parts[1:], "-", "-", "-"]
    nonzero = layer.effectual_macs / layer.macs
    return [layer.name, *shape, *parts, f"{layer.utilisation:.1%}", layer.macs, f"{nonzero:.1%}"]


def energy_table(layers: Sequence[LayerHardware]) -> str:
    """Return the energy of every layer by component, in nJ."""
    names = [component.value for component in Component if component is not Component.LEAKAGE]
    rows = []
    for layer in layers:
        energies = [layer.energy_pj.get(name, 0.0) for name in names]
        if layer.unit != "-":
            rows.append([layer.name, *(f"{energy / 1e3:.3f}" for energy in [*energies, sum(energies)])])
    return text_table(["layer", *names, "sum"], rows)


def totals_text(hardware: HardwareResult, per: str = "inference") -> list[str]:
    """Return the lines of sums at the end of a report; ``per`` says what they are for."""
    shares = [f"{name} {value / hardware.energy_total_pj:.1%}" for name, value in hardware.energy_pj.items() if value]
    lines = [
        f"cycles     {hardware.cycles}",
        f"runtime    {quantity(hardware.runtime_s, 's')} per {per}",
        f"energy     {quantity(hardware.energy_total_pj * 1e-12, 'J')} per {per} ({', '.join(shares)})",
        f"power      {quantity(hardware.power_w, 'W')} average",
        f"area       {hardware.area_um2 / 1e6:.4f} mm2",
        f"weights    {hardware.weight_bits} bits",
    ]
    if hardware.energy_low_pj is not None:
        low, high = (quantity(value * 1e-12, "J") for value in (hardware.energy_low_pj, hardware.energy_total_pj))
        lines.append(f"range      {low} without glitches in the processing elements, {high} with all of them")
    if hardware.floorplan:
        lines.append(f"floorplan  {hardware.floorplan.text()}")
    if hardware.unpriced:
        lines.append(f"not known  {'; '.join(hardware.unpriced)} (no price in {hardware.table}, so not in the sums)")
    return lines + memory_text(hardware) + element_text(hardware)


def memory_text(hardware: HardwareResult) -> list[str]:
    """Return the energy of each memory, what was waited for, the tiles, and what the memories are taken to be."""
    parts = [f"{name} {quantity(value * 1e-12, 'J')}" for name, value in hardware.memory_pj.items()]
    waits = [f"{name} {cycles}" for name, cycles in hardware.waits.items()]
    lines = ["", f"memories   {', '.join(parts)}"]
    lines.append(f"waits      {', '.join(waits)} cycles" if waits else f"waits      {_no_waits(hardware)}")
    tilings: dict[str, list[str]] = {}
    for layer in hardware.layers:
        if layer.unit == "array":
            tilings.setdefault(layer.tiling, []).append(layer.name)
    if set(tilings) - {str(FIXED)}:
        lines += [f"  tiles {tiling}: {some_names(names)}" for tiling, names in tilings.items()]
    return lines + [f"  {note}" for note in hardware.memories]


def _no_waits(hardware: HardwareResult) -> str:
    limited = "GB/s" in hardware.machine or any(note.find("-bit words") > 0 for note in hardware.memories)
    return "none" if limited else "none: no bandwidth and no word width is stated, so memories deliver at once"


def element_text(hardware: HardwareResult) -> list[str]:
    """Return where the prices of synthesised elements come from, once for all layers that say the same."""
    layers: dict[str, list[str]] = {}
    for layer in hardware.layers:
        for note in layer.notes:
            layers.setdefault(note, []).append(layer.name)
    lines = [f"  {some_names(names)}: {note}" for note, names in layers.items()]
    return ["", f"processing elements in {hardware.table}", *lines] if lines else []


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
