"""Uniform operands of single operations, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hwsim.formats import FloatFormat, Special, Specials
from hwsim.synth.bench import Bench
from hwsim.synth.codes import Codes
from hwsim.synth.oracle import Oracle
from hwsim.synth.point import Point

MakeBench = Callable[[int, np.random.Generator], Bench]


def _combinational(inputs: Mapping[str, Codes], expected: Codes) -> Bench:
    cycles = len(expected)
    return Bench(inputs, "y", expected, np.arange(cycles), (1, cycles))


def _signed(codes: Codes, bits: int) -> Codes:
    return codes - (codes >> (bits - 1) << bits)


def add_bench(bits: int) -> MakeBench:
    """Return operands of an adder that drops its carry."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a, b = rng.integers(0, 1 << bits, (2, cycles))
        return _combinational({"a": a, "b": b}, (a + b) & ((1 << bits) - 1))

    return bench


def mul_bench(bits: int) -> MakeBench:
    """Return operands of a multiplier in two's complement with a full product (up to 32 bits)."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a, b = rng.integers(0, 1 << bits, (2, cycles))
        product = _signed(a, bits) * _signed(b, bits)
        return _combinational({"a": a, "b": b}, product if bits == 32 else product & ((1 << 2 * bits) - 1))

    return bench


def shift_bench(bits: int, positions: int) -> MakeBench:
    """Return operands of a left shifter."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a, b = rng.integers(0, 1 << bits, cycles), rng.integers(0, positions, cycles)
        return _combinational({"a": a, "b": b}, (a << b) & ((1 << bits) - 1))

    return bench


def compare_bench(bits: int) -> MakeBench:
    """Return operands of a signed comparison."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a, b = rng.integers(0, 1 << bits, (2, cycles))
        return _combinational({"a": a, "b": b}, (_signed(a, bits) < _signed(b, bits)).astype(np.int64))

    return bench


def lut_bench(bits: int, entries: int) -> MakeBench:
    """Return a table that is loaded once, then look-ups of uniform entries."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        table, index = rng.integers(0, 1 << bits, entries), rng.integers(0, entries, cycles)
        nothing = np.zeros(cycles, dtype=np.int64)
        inputs = {
            "load": np.concatenate([np.ones(entries, dtype=np.int64), nothing]),
            "a": np.concatenate([table, np.full(cycles, table[-1])]),
            "b": np.concatenate([np.full(entries, index[0]), index]),
        }
        # The word loaded first has moved furthest.
        return Bench(inputs, "y", table[::-1][index], np.arange(cycles) + entries, (entries + 1, entries + cycles))

    return bench


def register_bench(bits: int) -> MakeBench:
    """Return words that a register captures every cycle."""

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a = rng.integers(0, 1 << bits, cycles)
        return Bench({"a": a}, "y", a[:-1], np.arange(1, cycles), (1, cycles))

    return bench


def float_bench(exponent_bits: int, mantissa_bits: int, multiplies: bool) -> MakeBench:
    """Return finite operands of a floating-point unit with IEEE specials."""
    fmt = FloatFormat(exponent_bits, mantissa_bits, specials=Specials.IEEE)
    oracle = Oracle(Point(fmt, fmt, fmt, fmt))

    def bench(cycles: int, rng: np.random.Generator) -> Bench:
        a, b = (_finite(fmt, cycles, rng) for _ in range(2))
        zero, one = np.zeros(cycles, dtype=np.int64), np.full(cycles, fmt.encode(1), dtype=np.int64)
        expected = oracle.each(a, b, zero) if multiplies else oracle.each(a, one, b)
        return _combinational({"a": a, "b": b}, expected)

    return bench


def _finite(fmt: FloatFormat, cycles: int, rng: np.random.Generator) -> Codes:
    codes = rng.integers(0, 1 << fmt.bits, 2 * cycles)
    finite = [code for code in codes.tolist() if not isinstance(fmt.decode(code), Special)]
    return np.array(finite[:cycles], dtype=np.int64)
