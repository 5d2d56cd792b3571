"""Values of number formats, written from the standards: bits in, exact rationals out. Imports no code under test."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

TWO = Fraction(2)


def fixed_value(code: int, width: int, integer_bits: int, signed: bool) -> Fraction:
    """Sum of the weights of the bits; the weight of the first is negative if signed."""
    bits = f"{code:0{width}b}"
    weights = [2 ** (width - 1 - i) for i in range(width)]
    if signed:
        weights[0] = -weights[0]
    return sum(w for w, b in zip(weights, bits, strict=True) if b == "1") * TWO ** (integer_bits - width)


def float_value(code: int, e: int, m: int, bias: int, specials: str, subnormals: bool = True) -> Fraction | str:
    """IEEE 754-2019 §3.4, with 'ieee', 'fn' (OCP e4m3) or 'finite' use of the top codes."""
    bits = f"{code:0{1 + e + m}b}"
    sign, exponent, fraction = bits[0], bits[1 : 1 + e], bits[1 + e :]
    if specials == "ieee" and "0" not in exponent:
        return "nan" if "1" in fraction else {"0": "inf", "1": "-inf"}[sign]
    if specials == "fn" and "0" not in exponent + fraction:
        return "nan"
    significand = Fraction(int(fraction or "0", 2), 2**m)
    if "1" in exponent:
        magnitude = (1 + significand) * TWO ** (int(exponent, 2) - bias)
    else:
        magnitude = significand * TWO ** (1 - bias) if subnormals else Fraction(0)
    return -magnitude if sign == "1" else magnitude


def float_table(e: int, m: int, bias: int, specials: str, subnormals: bool = True) -> np.ndarray:
    """float_value of every code as float64 (all exact for e <= 8, m <= 23), vectorised."""
    codes = np.arange(2 ** (1 + e + m))
    exponent, fraction = (codes >> m) % 2**e, codes % 2**m
    low = fraction if subnormals else np.zeros_like(fraction)
    magnitude = np.where(
        exponent == 0,
        np.ldexp(low.astype(float), 1 - bias - m),
        np.ldexp((2**m + fraction).astype(float), exponent - bias - m),
    )
    if specials == "ieee":
        magnitude[exponent == 2**e - 1] = np.nan
        magnitude[(exponent == 2**e - 1) & (fraction == 0)] = np.inf
    if specials == "fn":
        magnitude[codes % 2 ** (e + m) == 2 ** (e + m) - 1] = np.nan
    return np.where(codes >> (e + m) == 1, -magnitude, magnitude)


def magnitudes_beyond(e: int, m: int, bias: int) -> list[Fraction]:
    """Non-negative values, ascending, as if the exponent field had one bit more: what rounding sees before overflow."""
    count = 2 ** (e + m)
    inside = [float_value(code, e, m, bias, "finite") for code in range(count)]
    step = 2**m
    beyond = [TWO ** (1 + i) * value for i in range(2) for value in inside[count - step :]]
    return [value for value in [*inside, *beyond] if isinstance(value, Fraction)]


def inq_levels(n1: int, b: int) -> list[Fraction]:
    """Non-negative elements of P_l, ascending: 0, 2^n2 ... 2^n1 with n2 = n1 + 1 - 2^(b-1)/2 (INQ, 2017, §2.1)."""
    n2 = n1 + 1 - 2 ** (b - 1) // 2
    return [Fraction(0), *(TWO**n for n in range(n2, n1 + 1))]


def inq_round(weight: Fraction, n1: int, b: int) -> Fraction:
    """Equation (4): beta * sgn(W) if (alpha + beta)/2 <= |W| < 3 beta / 2, else 0."""
    levels = inq_levels(n1, b)
    for alpha, beta in zip(levels, levels[1:], strict=False):
        if (alpha + beta) / 2 <= abs(weight) < 3 * beta / 2:
            return beta if weight > 0 else -beta
    return Fraction(0)


def apot_levels(magnitude_bits: int) -> list[Fraction]:
    """Non-negative levels of additive powers of two with base bits k = 2 (Li et al., ICLR 2020, §2.2), largest term 1.

    The exponents 0, -1, -2, ... are dealt in turn to the pair terms, three each; a term of one bit, there for odd
    widths, is served once, after the second round.
    """
    pairs, odd = divmod(magnitude_bits, 2)
    hands: list[list[Fraction]] = [[Fraction(0)] for _ in range(pairs + odd)]
    order = [*range(pairs), *range(pairs), *([pairs] if odd else []), *range(pairs)]
    for exponent, hand in enumerate(order):
        hands[hand].append(TWO**-exponent)
    sums = {Fraction(0)}
    for hand in hands:
        sums = {a + b for a in sums for b in hand}
    return sorted(sums)


def shiftcnn_greedy(weight: Fraction, n_terms: int, term_bits: int) -> Fraction:
    """The residual search of Gudovskiy & Rigazio 2017, for |weight| <= 1: each stage takes the nearest power of two."""
    total = Fraction(0)
    for stage in range(1, n_terms + 1):
        rest = weight - total
        if rest == 0:
            break
        exponent = 8
        while TWO**exponent > abs(rest):
            exponent -= 1
        exponent += abs(rest) > Fraction(3, 2) * TWO**exponent
        if 2 - stage - exponent <= 2 ** (term_bits - 1) - 1:
            total += TWO**exponent if rest > 0 else -(TWO**exponent)
    return total


def shiftcnn_levels(n_terms: int, term_bits: int) -> list[Fraction]:
    """Every sum that the residual search could form: term n is 0 or +-2^e with 2 - n - e <= 2^(B-1) - 1, e <= 1 - n."""
    sums = {Fraction(0)}
    for stage in range(1, n_terms + 1):
        lowest = 2 - stage - (2 ** (term_bits - 1) - 1)
        magnitudes = [TWO**e for e in range(lowest, 2 - stage)]
        sums = {a + b for a in sums for b in [Fraction(0), *magnitudes, *(-v for v in magnitudes)]}
    return sorted(sums)
