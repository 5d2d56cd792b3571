"""Operand streams: what one processing element in the middle of an array sees, cycle by cycle, under each dataflow.

* ``ws``: the weight is held, activations pass, partial sums of the rows above enter.
* ``is``: the activation is held, weights pass, partial sums enter.
* ``os``: both change, the sum stays and restarts every ``reuse`` cycles.
* ``uniform``: every bus draws its codes uniformly: what a textbook assumes, and no network sends.

Activations are normal numbers after a ReLU, weights are normal; both are quantised by the formats themselves, integers
and powers of two with the scale of least squared error, floats (which need no scale) with a standard
deviation of 1/4 for weights. All randomness comes from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.errors import unknown_name
from hwsim.formats import FloatFormat, NumberFormat, PowerOfTwoFormat, PowerSumFormat, ScaledFormat, Specials
from hwsim.formats.pe_kinds import element_of
from hwsim.synth.codes import Codes, Floats, codes_of, values_of
from hwsim.synth.errors import SynthError
from hwsim.synth.oracle import Oracle
from hwsim.synth.point import Point

FLOWS = ("ws", "is", "os", "uniform")
FLOAT_WEIGHT_DEVIATION = 0.25
_SCALES = 4  #: scales of ``pow2`` that are compared
_FIT_SAMPLES = 4096  #: numbers that a scale is fitted to, as a tensor of a layer would be


@dataclass(frozen=True)
class StreamSpec:
    """How a stream is drawn.

    Attributes:
        flow: one of FLOWS.
        zeros: share of activations that are set to zero on top of those the ReLU leaves.
        size: factor on activations and weights after the scale was chosen: below 1, upper bits are idle.
        hold: cycles that the held operand stays.
        reuse: products per sum (os).
        above: rows above this element whose products the entering sum holds (ws, is).
        repeat: cycles that one activation (ws, os) or weight (is) is repeated for.
    """

    flow: str
    zeros: float = 0.0
    size: float = 1.0
    hold: int = 50
    reuse: int = 64
    above: int = 8
    repeat: int = 1

    @property
    def name(self) -> str:
        """The stream in a word, for the rows."""
        usual = {"ws": f"hold={self.hold},above={self.above}", "is": f"hold={self.hold},above={self.above}"}
        return f"{self.flow}({usual.get(self.flow, f'reuse={self.reuse}' if self.flow == 'os' else '')})"


@dataclass(frozen=True)
class Stream:
    """Codes on the three buses, one per cycle [T], as the multiply-accumulate itself sees them.

    Attributes:
        act, weight: operand codes.
        sum_in: the code that the product is added to; under ``os`` the accumulator's own.
        sum_out: the code that must come out, from the oracle.
        start: under ``os`` true where a new sum begins, from ``sum_in``.
    """

    act: Codes
    weight: Codes
    sum_in: Codes
    sum_out: Codes
    start: NDArray[np.bool_]

    @property
    def cycles(self) -> int:
        """Number of multiply-accumulates."""
        return len(self.act)

    def toggles(self) -> tuple[float, float, float]:
        """Return the mean Hamming distance of successive codes on act, weight and sum_in."""
        return hamming(self.act), hamming(self.weight), hamming(self.sum_in)


def hamming(codes: Codes) -> float:
    """Return the mean number of bits that change from one code to the next.

    >>> hamming(np.array([0b00, 0b11, 0b10]))
    1.5
    """
    changed = np.bitwise_xor(codes[1:], codes[:-1])
    return float(np.bitwise_count(changed).mean()) if hasattr(np, "bitwise_count") else _slow_count(changed)


def _slow_count(values: Codes) -> float:
    return float(np.mean([int(value).bit_count() for value in values.tolist()]))


def make_stream(point: Point, spec: StreamSpec, cycles: int, seed: int) -> Stream:
    """Return ``cycles`` multiply-accumulates of ``point`` drawn as ``spec`` says.

    Raises:
        SynthError: no such flow.
    """
    if spec.flow not in FLOWS:
        raise SynthError(unknown_name("operand stream", spec.flow, FLOWS))
    rng = np.random.default_rng([seed, *spec.name.encode()])
    oracle = Oracle(point)
    if spec.flow == "uniform":
        return _uniform(point, oracle, cycles, rng)
    operands = _Operands(point, spec, rng)
    if spec.flow == "os":
        return _stationary_sums(oracle, operands, spec, cycles)
    return _moving_sums(oracle, operands, spec, cycles)


def gated_stream(point: Point, spec: StreamSpec, cycles: int, seed: int) -> Stream:
    """Return the stream of ``spec`` with a zero activation and both operands held still.

    Under ``ws`` and ``is`` partial sums still pass; under ``os`` the sum stays, so nothing moves.
    """
    live = make_stream(point, spec, cycles, seed)
    zero = np.full(cycles, point.acts.code_of(Fraction(0)), dtype=np.int64)
    weight = np.full(cycles, int(live.weight[0]), dtype=np.int64)
    sums = np.full(cycles, int(live.sum_out[-1]), dtype=np.int64) if spec.flow == "os" else live.sum_in
    return Stream(zero, weight, sums, Oracle(point).each(zero, weight, sums), np.arange(cycles) == 0)


def _uniform(point: Point, oracle: Oracle, cycles: int, rng: np.random.Generator) -> Stream:
    act, weight, total = (_uniform_codes(fmt, cycles, rng) for fmt in (point.acts, point.weights, point.acc))
    return Stream(act, weight, total, oracle.each(act, weight, total), np.ones(cycles, dtype=np.bool_))


def _uniform_codes(fmt: NumberFormat, cycles: int, rng: np.random.Generator) -> Codes:
    """Draw codes of finite numbers uniformly."""
    element = element_of(fmt)
    if not isinstance(element, FloatFormat):
        assigned = np.array(list(fmt.codes()) if isinstance(element, PowerSumFormat) else [0], dtype=np.int64)
        return rng.choice(assigned, cycles) if len(assigned) > 1 else rng.integers(0, 1 << fmt.bits, cycles)
    codes = rng.integers(0, 1 << fmt.bits, cycles)
    if element.specials is Specials.NONE:
        return codes
    largest = (1 << element.exponent_bits) - 1
    top = (codes >> element.mantissa_bits & largest) == largest
    # One exponent lower: the largest exponent may hold infinities and NaN.
    return np.where(top, codes - (1 << element.mantissa_bits), codes)


class _Operands:
    """Draws activation and weight codes, with the scales that a layer's tensors would have got."""

    def __init__(self, point: Point, spec: StreamSpec, rng: np.random.Generator) -> None:
        self._point, self._spec, self._rng = point, spec, rng
        self._act = _fitted(point.acts, np.maximum(rng.standard_normal(_FIT_SAMPLES), 0.0))
        self._deviation = FLOAT_WEIGHT_DEVIATION if _is_float(point.weights) else 1.0
        self._weight = _fitted(point.weights, self._deviation * rng.standard_normal(_FIT_SAMPLES))

    def acts(self, *shape: int) -> Codes:
        drawn = np.maximum(self._rng.standard_normal(shape), 0.0) * self._spec.size
        return codes_of(np.where(self._rng.random(shape) < self._spec.zeros, 0.0, drawn), self._act)

    def weights(self, *shape: int) -> Codes:
        return codes_of(self._rng.standard_normal(shape) * self._deviation * self._spec.size, self._weight)

    def sums_of(self, acts: Codes, weights: Codes) -> Codes:
        """Return the codes of the sums over axis 0 of the products, rounded once: partial sums of rows above."""
        products = values_of(acts, self._point.acts) * values_of(weights, self._point.weights)
        return codes_of(products.sum(axis=0), self._point.acc)


def _moving_sums(oracle: Oracle, operands: _Operands, spec: StreamSpec, cycles: int) -> Stream:
    blocks, runs = -(-cycles // spec.hold), -(-cycles // spec.repeat)
    rows = spec.above + 1
    if spec.flow == "ws":
        held, moving = operands.weights(rows, blocks), operands.acts(rows, runs)
    else:
        held, moving = operands.acts(rows, blocks), operands.weights(rows, runs)
    held = np.repeat(held, spec.hold, axis=1)[:, :cycles]
    moving = np.repeat(moving, spec.repeat, axis=1)[:, :cycles]
    act, weight = (moving, held) if spec.flow == "ws" else (held, moving)
    sums = operands.sums_of(act[:-1], weight[:-1])
    out = oracle.each(act[-1], weight[-1], sums)
    return Stream(act[-1], weight[-1], sums, out, np.arange(cycles) == 0)


def _stationary_sums(oracle: Oracle, operands: _Operands, spec: StreamSpec, cycles: int) -> Stream:
    act = np.repeat(operands.acts(-(-cycles // spec.repeat)), spec.repeat)[:cycles]
    weight = operands.weights(cycles)
    start = np.arange(cycles) % spec.reuse == 0
    out = oracle.accumulate(act, weight, start)
    before = np.concatenate([np.zeros(1, dtype=np.int64), out[:-1]])
    return Stream(act, weight, np.where(start, 0, before), out, start)


def _is_float(fmt: NumberFormat) -> bool:
    return isinstance(element_of(fmt), FloatFormat)


def _fitted(fmt: NumberFormat, values: Floats) -> NumberFormat:
    """Return ``fmt`` with the scale that these values would get; codes do not depend on what the scale means.

    INQ's rule for ``pow2`` takes for granted that the network is trained on: of normal numbers it rounds 96 % to zero
    at two bits. Here the best of it and the three scales below is taken, by squared error as for all other formats.
    """
    if not isinstance(fmt, ScaledFormat):
        return fmt
    found = fit(replace(fmt, exponent=None), values)
    if not isinstance(fmt.element, PowerOfTwoFormat) or not isinstance(found, ScaledFormat):
        return found
    top = found.exponent or 0
    scaled = [replace(found, exponent=top - lower) for lower in range(_SCALES)]
    return min(scaled, key=lambda one: float(np.square(quantize(values, one) - values).sum()))
