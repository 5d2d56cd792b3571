"""Small tables of synthesised elements that follow formulas, so that a test knows what a price must be."""

from __future__ import annotations

from dataclasses import replace

from hwsim.array.parts import Dataflow
from hwsim.cost.elements import ElementRow
from hwsim.formats.base import PeKind

PROVENANCE = {
    "node_nm": 130.0,
    "voltage_v": 1.8,
    "temperature_c": 25.0,
    "corner": "tt_025C_1v80",
    "liberty_sha256": "ab" * 32,
    "tools": "yosys 0.23",
    "recipe": "baugh-wooley-fa",
    "rtl_sha256": "cd" * 32,
    "wire_model": "none",
    "stream": "relu-normal",
    "vectors": 1000,
    "seed": 1,
}


def element(
    kind: PeKind = PeKind.SHIFT_ADD, dataflow: Dataflow = Dataflow.WEIGHT_STATIONARY, **own: object
) -> ElementRow:
    """A shift-add element of 8-bit activations, 4-bit weights and 24-bit sums; ``own`` replaces any column."""
    shift = kind in (PeKind.SHIFT_ADD, PeKind.MULTI_SHIFT_ADD)
    row = ElementRow(
        kind=kind, act_bits=8, act_significand=8, act_exponent=0, weight_bits=4, factor_significand=4,
        factor_exponent=0, acc_bits=24, acc_significand=24, acc_exponent=0, terms=1 if shift else 0,
        positions=7 if shift else 0, saturating=True, subnormals=False, dataflow=dataflow, area_um2=400.0,
        core_area_um2=220.0, delay_ns=1.3, delay_tight_ns=1.2, leakage_w=1e-8, register_bits=36, core_pj=0.26,
        core_zero_delay_pj=0.21, core_gated_pj=0.02, register_pj=0.12, clock_pj=0.3, base_pj=0.05, act_toggle_pj=0.02,
        weight_toggle_pj=0.03, sum_toggle_pj=0.01, model_error=0.05, act_toggles=3.0, weight_toggles=1.0,
        sum_toggles=12.0, **PROVENANCE,
    )  # fmt: skip
    return replace(row, **own)  # type: ignore[arg-type]
