"""What a network costs from its shapes alone: no weights, no images, no accuracy. Names are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.lazy import lazy_names

if TYPE_CHECKING:
    from hwsim.costing.assumed import assumed_numerics
    from hwsim.costing.from_shapes import CostReport, cost
    from hwsim.costing.layer_list import LayerList, parse_layers, read_layers
    from hwsim.costing.report import cost_csv, cost_dict, cost_text

_HOMES = {
    "CostReport": "hwsim.costing.from_shapes",
    "LayerList": "hwsim.costing.layer_list",
    "assumed_numerics": "hwsim.costing.assumed",
    "cost": "hwsim.costing.from_shapes",
    "cost_csv": "hwsim.costing.report",
    "cost_dict": "hwsim.costing.report",
    "cost_text": "hwsim.costing.report",
    "parse_layers": "hwsim.costing.layer_list",
    "read_layers": "hwsim.costing.layer_list",
}

__all__ = [
    "CostReport",
    "LayerList",
    "assumed_numerics",
    "cost",
    "cost_csv",
    "cost_dict",
    "cost_text",
    "parse_layers",
    "read_layers",
]

__getattr__ = lazy_names(__name__, _HOMES)
