"""Low rank: layers whose weight matrices have few components run as two smaller ones, and units that are 0 go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.lazy import lazy_names

if TYPE_CHECKING:
    from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
    from models.compression.lowrank.graph import factorise
    from models.compression.lowrank.hooks import GroupLassoHook, NuclearProxHook
    from models.compression.lowrank.matrix import Form, Split
    from models.compression.lowrank.shrink import ShrinkUnits
    from models.compression.lowrank.steps import Factorise, LowRank
    from models.compression.lowrank.train import LowRankTrain
    from models.compression.lowrank.truncate import Truncate

_ROOM = "models.compression.lowrank"
_HOMES = {
    "ArrayChoice": f"{_ROOM}.array_cost",
    "ArrayCost": f"{_ROOM}.array_cost",
    "Factorise": f"{_ROOM}.steps",
    "Form": f"{_ROOM}.matrix",
    "GroupLassoHook": f"{_ROOM}.hooks",
    "LowRank": f"{_ROOM}.steps",
    "LowRankTrain": f"{_ROOM}.train",
    "NuclearProxHook": f"{_ROOM}.hooks",
    "ShrinkUnits": f"{_ROOM}.shrink",
    "Split": f"{_ROOM}.matrix",
    "Truncate": f"{_ROOM}.truncate",
    "factorise": f"{_ROOM}.graph",
}

__all__ = [
    "ArrayChoice",
    "ArrayCost",
    "Factorise",
    "Form",
    "GroupLassoHook",
    "LowRank",
    "LowRankTrain",
    "NuclearProxHook",
    "ShrinkUnits",
    "Split",
    "Truncate",
    "factorise",
]

__getattr__ = lazy_names(__name__, _HOMES)
