"""Reports of ``hwsim cost``: text for people, a dict for JSON, rows for CSV; the same numbers in each."""

from __future__ import annotations

from typing import Any

from hwsim.costing.from_shapes import CostReport
from hwsim.report import energy_table, time_table, totals_text
from hwsim.report_data import hardware_csv, hardware_dict, hardware_rows

_NO_ZEROS = "nothing is known about zeros, so every product counts as nonzero: assume a share with --sparsity"
_NO_PACKING = (
    "which weights are zero is not known, so none is left out: state the bits of a packed weight, as in compress=3.2b"
)


def cost_text(report: CostReport) -> str:
    """Return the report for people."""
    hardware = report.hardware
    per = "inference" if report.batch == 1 else f"batch of {report.batch}"
    zeros = _NO_ZEROS if report.sparsity is None else f"assumed: {report.sparsity:.1%} of the products have a zero"
    lines = [
        f"{report.network} on {hardware.machine}, prices {hardware.table}",
        f"from shapes alone, no weights and no images; {zeros}",
        *([_NO_PACKING] if any(f"compress={how}" in hardware.machine for how in ("bitmap", "entropy")) else []),
        "",
        f"time and work of one {per}",
        time_table(hardware.layers),
        "",
        f"energy of one {per}, nJ",
        energy_table(hardware.layers),
        "",
        *totals_text(hardware, per),
        f"rate       {report.batch / hardware.runtime_s:.6g} inferences a second",
    ]
    return "\n".join(lines)


def cost_dict(report: CostReport) -> dict[str, Any]:
    """Return the report as a JSON-able dict; units are in the keys."""
    return {
        **_names(report),
        "assignment": report.assignment.to_dict(),
        "inferences_per_s": report.batch / report.hardware.runtime_s,
        **hardware_dict(report.hardware),
        "layers": hardware_rows(report.layers, report.hardware),
    }


def cost_csv(report: CostReport) -> str:
    """Return one CSV row per layer and a last row "total"; each names the machine, the table and what was assumed."""
    sums = hardware_dict(report.hardware)
    totals = {key: sums[key] for key in ("runtime_s", "power_w", "area_um2", "weight_bits")}
    rows = hardware_rows(report.layers, report.hardware)
    return hardware_csv(rows, report.hardware, totals, _names(report))


def _names(report: CostReport) -> dict[str, Any]:
    return {
        "network": report.network,
        "machine": report.hardware.machine,
        "table": report.hardware.table,
        "batch": report.batch,
        "sparsity": report.sparsity,
    }
