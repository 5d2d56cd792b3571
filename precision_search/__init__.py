"""Exhaustive search over number formats: accuracy against power, energy, time and area.

>>> from precision_search import Space, preset
>>> space = Space("study", "digits-cnn", preset("hill340"))
>>> len(list(space.grids[0].choices()))
184
"""

from __future__ import annotations

from precision_search.api import sweep
from precision_search.errors import RunnerError, SelectionError, SpaceError, StoreError
from precision_search.presets import preset, preset_names
from precision_search.results import Results, Selection
from precision_search.runner import Progress
from precision_search.space import Grid, PerLayer, Same, Space
from precision_search.spacefile import load_space
from precision_search.task import Configuration, FormatChoice

__all__ = [
    "Configuration",
    "FormatChoice",
    "Grid",
    "PerLayer",
    "Progress",
    "Results",
    "RunnerError",
    "Same",
    "Selection",
    "SelectionError",
    "Space",
    "SpaceError",
    "StoreError",
    "load_space",
    "preset",
    "preset_names",
    "sweep",
]
