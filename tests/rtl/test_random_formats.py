"""Formats drawn at random: what no hand would write down."""

from __future__ import annotations

import itertools
import random
import shutil

import pytest
from core_cases import Case, assert_equal, random_vectors

from hwsim.formats import NumberFormat
from hwsim.rtl import core_faults

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

ROUNDINGS = ["", "", ",rtz", ",rtn", ",rtp", ",rhu"]


def scale(draw: random.Random) -> str:
    return draw.choice(["", "", f"@2^{draw.randint(-9, 9)}"])


def floating(draw: random.Random) -> str:
    specials = draw.choice(["", ",ieee,inf", ",ieee,sat", ",fn,inf", ",fn,sat"])
    low = 2 if "ieee" in specials else 1
    exponent_bits, mantissa_bits = draw.randint(low, 8), draw.randint(low - 1, draw.choice([4, 10, 23]))
    bias = draw.choice(["", "", f",bias={draw.randint(-20, 40)}"])
    options = specials + draw.choice(["", "", ",ftz"]) + bias + draw.choice(ROUNDINGS)
    return f"float<{exponent_bits},{mantissa_bits}{options}>{scale(draw)}"


def fixed(draw: random.Random, most: int, options: str = "") -> str:
    return f"{draw.choice(['', '', 'u'])}fixed<{draw.randint(1, most)},{draw.randint(-4, 9)}{options}>{scale(draw)}"


def powers(draw: random.Random) -> str:
    name = draw.choice(["pow2<2>", "pow2<4>", "pow2<6>", "apot<4>", "apot<7>", "shiftcnn<2,3>", "shiftcnn<3,4>"])
    return f"{name}@2^{draw.randint(-8, 8)}"


def fixed_case(draw: random.Random) -> Case:
    acc = fixed(draw, 40, draw.choice(ROUNDINGS) + draw.choice(["", ",wrap"]))
    product = draw.choice([None, None, fixed(draw, 16, draw.choice(ROUNDINGS) + draw.choice(["", ",wrap"]))])
    return Case(draw.choice([powers(draw), fixed(draw, 12)]), fixed(draw, 12), acc, product)


def float_case(draw: random.Random) -> Case:
    weights = draw.choice([floating(draw), floating(draw), fixed(draw, 9), f"pow2<{draw.randint(2, 6)}>@2^3"])
    acts = draw.choice([floating(draw), floating(draw), fixed(draw, 9)])
    return Case(weights, acts, floating(draw), draw.choice([None, None, floating(draw)]))


def ends(fmt: NumberFormat, draw: random.Random) -> list[int]:
    half = 1 << (fmt.bits - 1)
    codes = {0, 1, half - 1, half, half + 1, 2 * half - 1, draw.randrange(2 * half)}
    assigned = set(fmt.codes()) if fmt.bits <= 12 else codes
    return sorted({code % (2 * half) for code in codes} & assigned)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("kind", [fixed_case, float_case])
def test_random_formats(kind, seed: int) -> None:
    draw = random.Random(seed)
    case = kind(draw)
    while core_faults(*case.formats):
        case = kind(draw)
    weights, acts, acc, _ = case.formats
    edges = list(itertools.product(ends(acts, draw), ends(weights, draw), ends(acc, draw)))
    assert_equal(case, edges + random_vectors(case, 300), style=1)
