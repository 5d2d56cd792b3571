"""Reports of a simulation as text for people; ``hwsim.report_data`` has the same numbers for programs."""

from __future__ import annotations

from collections.abc import Sequence

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
