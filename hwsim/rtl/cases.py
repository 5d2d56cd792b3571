"""Layers of a real network as the RTL meets them: codes of operands and, from the kernels, of every sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.arith import kernels
from hwsim.arith.dot_formats import DotFormats
from hwsim.arith.reference import from_float
from hwsim.errors import NetworkError, all_faults, unknown_name
from hwsim.formats import NumberFormat
from hwsim.network import INPUT, Conv2d, Linear, Network, fold
from hwsim.network.assignment import Assignment
from hwsim.network.geometry import as_rows
from hwsim.network.prepare import StepCache
from hwsim.network.resolve import resolve
from hwsim.network.resolved import ResolvedLayer
from hwsim.network.steps import Arithmetic, Step
from hwsim.rtl.drive import Codes, LayerCodes
from hwsim.rtl.emit import core_parameters

Values = NDArray[Any]


@dataclass(frozen=True)
class LayerCase:
    """One layer to run.

    Attributes:
        name: of the layer.
        formats: fitted, of this layer.
        codes: operands.
        expected: codes of the sums [groups, M, N] from the bit-accurate kernels.
        whole: output positions and filters of the whole layer, of which ``codes`` may be a part.
    """

    name: str
    formats: DotFormats
    codes: LayerCodes
    expected: Codes
    whole: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """True where no output of the layer is left out."""
        return self.whole == self.expected.shape[1:]


def layer_cases(
    network: Network,
    assignment: Assignment,
    images: Values,
    calibration: Values,
    *,
    macs: int | None = None,
    layers: Collection[str] | None = None,
    arithmetic: Arithmetic = kernels,
) -> Iterator[LayerCase]:
    """Run ``images`` through ``network`` and yield every convolution and linear layer with its operands.

    Args:
        network: folded or not.
        assignment: a format for every tensor.
        images: [images, C, H, W].
        calibration: images that activation scales are chosen on.
        macs: drive at most about so many multiply-accumulates of a layer, on outputs spread evenly over positions and
            filters; all of each layer if None. The terms of each sum are always all there.
        layers: names of the layers to yield; all if None.
        arithmetic: what computes: the kernels, or ``hwsim.arith.reference``.

    Raises:
        NetworkError: a name among ``layers`` that no convolution or linear layer has.
        FormatError: formats that the layers cannot run in.
        RtlError: formats that the RTL does not do.
    """
    folded = fold(network)
    known = [layer.name for layer in folded.mac_layers]
    faults = [unknown_name("layer", name, known) for name in layers or () if name not in known]
    if faults:
        raise NetworkError(all_faults(f"layers of network {network.name!r}", faults))
    resolved = resolve(folded, assignment, calibration)
    steps = StepCache(folded, arithmetic)
    lanes = np.ascontiguousarray(np.moveaxis(images, 0, -1))
    maps = {INPUT: arithmetic.quantize(lanes, resolved.input_format, images_last=True)}
    for layer in resolved.layers:
        step, inputs = steps.step(layer), [maps[name] for name in layer.layer.inputs]
        maps[layer.layer.name] = step.run(inputs, 0).values
        if isinstance(layer.layer.op, Conv2d | Linear) and (layers is None or layer.layer.name in layers):
            yield _case(folded, layer, step, inputs[0], macs, arithmetic)


def codes_of(values: Values, fmt: NumberFormat) -> Codes:
    """Return the code of each of ``values``, members of ``fmt``.

    >>> from hwsim.formats import parse
    >>> codes_of(np.array([0.5, -0.5]), parse("fixed<4,2>")).tolist()
    [2, 14]
    """
    distinct, places = np.unique(values, return_inverse=True)
    codes = np.array([fmt.code_of(from_float(float(value))) for value in distinct], dtype=np.int64)
    return codes[places].reshape(values.shape)


def _case(
    network: Network, layer: ResolvedLayer, step: Step, source: Values, macs: int | None, arithmetic: Arithmetic
) -> LayerCase:
    dot = layer.dot
    assert dot is not None
    assert step.weights is not None
    core_parameters(dot.weights, dot.acts, dot.acc, dot.product)  # refuses what has no codes that the array could take
    acts, sums = _operands(step, source)
    groups, filters, _ = step.weights.groups.shape
    vectors, kept = _part(acts.shape[1], filters, None if macs is None else macs // (groups * acts.shape[2]))
    weights = step.weights.groups[:, kept].transpose(0, 2, 1)
    starts = _starts(network, layer, arithmetic).reshape(groups, filters)[:, kept]
    zeros = tuple(int(codes_of(np.zeros(1), fmt)[0]) for fmt in (dot.acts, dot.weights))
    codes = LayerCodes(
        codes_of(acts[:, vectors], dot.acts),
        codes_of(weights, dot.weights),
        codes_of(starts, dot.acc),
        (zeros[0], zeros[1]),
    )
    expected = codes_of(sums[:, vectors][:, :, kept], dot.acc)
    return LayerCase(layer.layer.name, dot, codes, expected, (acts.shape[1], filters))


def _operands(step: Step, source: Values) -> tuple[Values, Values]:
    """Return the im2col matrix [groups, M, K] and the sums [groups, M, N]; M counts images, then positions."""
    windows = step.windows
    rows = as_rows(source if windows is None else windows.pad(source))
    per_group = rows.shape[0] // len(step.parts)
    if windows is not None:
        base, tap = windows.base, windows.tap
    else:
        base, tap = np.zeros(1, dtype=np.int64), np.arange(per_group, dtype=np.int64)
    acts, sums = [], []
    for group, part in enumerate(step.parts):
        own = rows[group * per_group : (group + 1) * per_group]
        gathered = own[base[:, None] + tap]  # [P, K, images]
        acts.append(gathered.transpose(2, 0, 1).reshape(-1, tap.size))
        out = part.run(own, base, tap, 0)  # [N, P, images]
        sums.append(out.transpose(2, 1, 0).reshape(-1, out.shape[0]))
    return np.stack(acts), np.stack(sums)


def _starts(network: Network, layer: ResolvedLayer, arithmetic: Arithmetic) -> Values:
    assert layer.dot is not None
    stored = network.bias(layer.layer.name)
    bias = np.zeros(network.weight(layer.layer.name).shape[0]) if stored is None else np.asarray(stored)
    if layer.bias is not None:
        bias = arithmetic.quantize(bias, layer.bias)
    return arithmetic.quantize(bias, layer.dot.acc)


def _part(vectors: int, filters: int, outputs: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which vectors and filters to drive so that there are about ``outputs`` sums, the corners among them."""
    if outputs is None or vectors * filters <= outputs:
        return np.arange(vectors), np.arange(filters)
    wanted = max(outputs, 4)
    some = min(vectors, max(math.isqrt(wanted), wanted // filters))
    return _spread(vectors, some), _spread(filters, min(filters, max(wanted // some, 1)))


def _spread(count: int, kept: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, kept).round().astype(np.int64))
