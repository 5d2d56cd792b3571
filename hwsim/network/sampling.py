"""The operands of a layer that are looked at for its activity: cut out of the feature map that the layer reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.arith.codes import codes_of
from hwsim.arith.kernels import quantize
from hwsim.formats import BlockFormat
from hwsim.network.activity import Activity, ActivityCounts
from hwsim.network.bus_counts import FILTER_RUNS, GROUPS, POSITION_RUNS, Operands, count_activity, runs_of
from hwsim.network.geometry import as_rows
from hwsim.network.graph import Network
from hwsim.network.steps import Step, Values


def layer_activity(network: Network, step: Step, values: Values) -> Activity | None:
    """Return what the buses see while ``step`` runs; None for layers that are no matrix product.

    Args:
        network: that the layer is of.
        step: the layer, prepared.
        values: the feature map that it reads [..., images], of the images to look at.
    """
    if step.weights is None:
        return None
    assert step.resolved.dot is not None
    total = ActivityCounts()
    for group in _groups(len(step.parts)):
        total = total.plus(count_activity(_operands(network, step, values, group), step.resolved.dot))
    return replace(total, images=values.shape[-1]).activity()


def _groups(count: int) -> tuple[int, ...]:
    """Groups that are looked at: evenly spread."""
    chosen = min(GROUPS, count)
    return tuple(place * count // chosen for place in range(chosen))


def _operands(network: Network, step: Step, values: Values, group: int) -> Operands:
    assert step.weights is not None
    assert step.resolved.dot is not None
    acts_format = step.resolved.dot.acts
    maps = values if step.windows is None else step.windows.pad(values)
    rows = as_rows(maps)
    per_group = rows.shape[0] // len(step.parts)
    own = rows[group * per_group : (group + 1) * per_group]
    base, tap = step.geometry(rows.shape[0])
    weights = step.weights.groups[group]
    positions, position_runs = runs_of(base.size, POSITION_RUNS)
    filters, filter_runs = runs_of(weights.shape[0], FILTER_RUNS)
    where = tap[:, None] + base[positions]
    acts = own[where]
    if isinstance(acts_format, BlockFormat):  # blocks lie along the channels of the map, not along the taps
        codes = as_rows(codes_of(maps, acts_format))[group * per_group :][where]
    else:
        codes = codes_of(acts, acts_format)
    return Operands(
        acts=acts,
        weights=weights[filters],
        bias=_bias(network, step, group)[filters],
        act_codes=codes,
        position_runs=position_runs,
        filter_runs=filter_runs,
        positions=base.size,
        filters=weights.shape[0],
    )


def _bias(network: Network, step: Step, group: int) -> Values:
    """Return where the sums of a group start, in the accumulator's format."""
    assert step.weights is not None
    assert step.resolved.dot is not None
    count, filters, _ = step.weights.groups.shape
    stored = network.bias(step.resolved.layer.name)
    if stored is None:
        return np.zeros(filters)
    bias = quantize(stored, step.resolved.bias) if step.resolved.bias is not None else np.asarray(stored)
    rounded = quantize(bias, step.resolved.dot.acc).reshape(count, filters)
    return np.asarray(rounded[group])
