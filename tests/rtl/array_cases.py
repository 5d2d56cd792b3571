"""Layers of nonzero operands with their sums computed one rounded addition after another, k ascending."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from hwsim.formats import NumberFormat, Special, parse
from hwsim.rtl import CoreParameters, core_parameters
from hwsim.rtl.drive import LayerCodes

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed: iverilog")
needs_yosys = pytest.mark.skipif(
    shutil.which("yosys") is None or shutil.which("iverilog") is None,
    reason="yosys and iverilog are not both installed",
)
needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="Verilator and g++ are not both installed",
)

#: Accumulators are narrow, so that they saturate or round often and the order of addition shows.
KINDS = {
    "shift_add": ("pow2<4>@2^-2", "fixed<6,3>", "fixed<9,5>", None),
    "shift_add wraps": ("pow2<3>@2^0", "ufixed<5,3>", "fixed<8,5,wrap>", None),
    "apot": ("apot<4>@2^-1", "fixed<6,3>", "fixed<10,6,rtz>", None),
    "shiftcnn": ("shiftcnn<2,3>@2^0", "fixed<6,3>", "fixed<9,5>", None),
    "int": ("fixed<4,2>", "fixed<6,3>", "fixed<9,5>", None),
    "int rounded": ("fixed<5,2>", "ufixed<5,3>", "fixed<9,6>", "fixed<8,5>"),
    "float": ("float<3,2>", "float<3,2>", "float<4,3>", None),
    "float ieee": ("e5m2", "float<4,2>", "float<5,3,ieee>", "float<4,4>"),
}


@dataclass(frozen=True)
class Case:
    """Operands and what must come out."""

    core: CoreParameters
    codes: LayerCodes
    expected: np.ndarray


def case(
    kind: str, m: int, n: int, k: int, groups: int = 1, bias: bool = True, zeros: bool = False, seed: int = 1
) -> Case:
    """Return a layer of random operands, every third one zero or none; sums start at random numbers or at zero."""
    weights, acts, acc, product = (None if text is None else parse(text) for text in KINDS[kind])
    random = np.random.default_rng(seed)
    w = random.choice(_nonzero(weights), (groups, k, n))
    a = random.choice(_nonzero(acts), (groups, m, k))
    if zeros:
        w[random.random(w.shape) < 1 / 3], a[random.random(a.shape) < 1 / 3] = 0, 0
    start = random.choice(_nonzero(acc), (groups, n)) if bias else np.zeros((groups, n), dtype=np.int64)
    assert (acts.code_of(Fraction(0)), weights.code_of(Fraction(0))) == (0, 0)
    expected = np.array(
        [
            [
                [_sum(a[g, i], w[g, :, j], start[g, j], (weights, acts, acc, product)) for j in range(n)]
                for i in range(m)
            ]
            for g in range(groups)
        ]
    )
    return Case(core_parameters(weights, acts, acc, product), LayerCodes(a, w, start), expected)


def _nonzero(fmt: NumberFormat) -> list[int]:
    codes = {code: fmt.decode(code) for code in fmt.codes()}
    return [code for code, value in codes.items() if not isinstance(value, Special) and value != 0]


def _sum(a: np.ndarray, w: np.ndarray, start: int, formats: tuple[NumberFormat, ...]) -> int:
    weights, acts, acc, product = formats
    total = acc.decode(int(start))
    for x, y in zip(a, w, strict=True):
        term = acts.decode(int(x)) * weights.decode(int(y))
        if product is not None:
            term = product.decode(product.encode(term))
        total = total if isinstance(total, Special) else acc.decode(acc.encode(total + term))
    return acc.code_of(total)


cached_case = cache(case)
