"""Power-of-two weights against the formulas and level lists of the papers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest
from format_rounding import nearest_level
from format_samples import TINY, between
from format_values import apot_levels, inq_levels, inq_round, shiftcnn_greedy, shiftcnn_levels

from hwsim.errors import FormatError
from hwsim.formats import ApotFormat, PowerOfTwoFormat, PowerSumFormat, ShiftCnnFormat, Special, parse

SHIFTCNN = [(n, b) for n in range(1, 5) for b in range(2, 6) if n * b <= 12]
ALL: list[PowerSumFormat] = [
    *(PowerOfTwoFormat(b) for b in range(2, 7)),
    *(ApotFormat(b) for b in range(3, 10)),
    *(ShiftCnnFormat(n, b) for n, b in SHIFTCNN),
]


def of_both_signs(magnitudes: list[Fraction]) -> list[Fraction]:
    return sorted({*magnitudes, *(-v for v in magnitudes)})


@pytest.mark.parametrize("b", range(2, 7))
def test_pow2_is_the_codebook_of_inq(b: int) -> None:
    fmt = PowerOfTwoFormat(b)
    assert list(fmt.grid().levels) == of_both_signs(inq_levels(0, b))
    assert len(fmt.grid().levels) == 2 ** (b - 1) + 1


def test_pow2_examples_of_the_paper() -> None:
    """b = 3 and n1 = -1 give n2 = -2; b = 5 has eight exponents, b = 2 is ternary."""
    assert list(parse("pow2<3>@2^-1").grid().levels) == [Fraction(n, 4) for n in (-2, -1, 0, 1, 2)]  # type: ignore[union-attr]
    assert [PowerOfTwoFormat(b).shift_positions for b in (2, 3, 4, 5)] == [1, 2, 4, 8]
    assert list(PowerOfTwoFormat(2).grid().levels) == [-1, 0, 1]


@pytest.mark.parametrize("b", range(2, 7))
@pytest.mark.parametrize("n1", [-3, 0, 2])
def test_rounding_is_equation_4_of_inq(b: int, n1: int) -> None:
    """Up to 1.5 * 2^n1, below which the choice of n1 keeps every weight; the thresholds themselves included."""
    fmt = parse(f"pow2<{b}>@2^{n1}")
    top = Fraction(3, 2) * Fraction(2) ** n1
    edges = [v for v in between([*inq_levels(n1, b), top]) if v < top]
    for weight in [*edges, *(-v for v in edges), *(top * Fraction(i, 997) for i in range(997))]:
        assert fmt.decode(fmt.encode(weight)) == inq_round(weight, n1, b), weight


def test_zero_below_half_the_smallest_power() -> None:
    fmt = parse("pow2<4>@2^0")
    assert fmt.decode(fmt.encode(Fraction(1, 16))) == Fraction(1, 8)
    assert fmt.decode(fmt.encode(Fraction(1, 16) - TINY)) == 0
    assert fmt.decode(fmt.encode(-Fraction(1, 16))) == -Fraction(1, 8)


@pytest.mark.parametrize("b", range(3, 10))
def test_apot_levels(b: int) -> None:
    assert list(ApotFormat(b).grid().levels) == of_both_signs(apot_levels(b - 1))


#: Non-negative levels in units of the smallest; 4 magnitude bits: {0, 1, 1/4, 1/16} + {0, 1/2, 1/8, 1/32} (§2.2).
PAPER_LEVELS = {
    3: (Fraction(1, 4), [0, 1, 2, 4]),
    4: (Fraction(1, 8), [0, 1, 2, 3, 4, 6, 8, 10]),
    5: (Fraction(1, 32), sorted(a + b for a in (0, 32, 8, 2) for b in (0, 16, 4, 1))),
}


@pytest.mark.parametrize("b", PAPER_LEVELS)
def test_apot_level_lists_of_the_paper(b: int) -> None:
    unit, counts = PAPER_LEVELS[b]
    assert [level / unit for level in ApotFormat(b).grid().levels if level >= 0] == counts


@pytest.mark.parametrize(("n", "b"), SHIFTCNN)
def test_shiftcnn_levels(n: int, b: int) -> None:
    fmt = ShiftCnnFormat(n, b)
    assert list(fmt.grid().levels) == shiftcnn_levels(n, b)
    assert fmt.shift_positions == 2 ** (b - 1) - 1
    assert fmt.terms == n


@pytest.mark.parametrize(("n", "b"), [(1, 3), (2, 3), (2, 4), (3, 3), (3, 4)])
def test_nearest_is_never_worse_than_the_greedy_search(n: int, b: int) -> None:
    """And the greedy search never leaves the format, so that its weights can be loaded as they are."""
    grid = ShiftCnnFormat(n, b).grid()
    better = 0
    for i in range(-360, 361, 3 if b == 4 else 1):
        weight = Fraction(i, 359) if abs(i) < 360 else Fraction(i, 360)
        greedy = shiftcnn_greedy(weight, n, b)
        ours = abs(grid.round(weight) - weight)
        assert greedy in grid.levels
        assert ours <= abs(greedy - weight)
        better += ours < abs(greedy - weight)
    assert better > 0


@pytest.mark.parametrize("fmt", ALL, ids=str)
def test_table_shift_list_and_code_agree(fmt: PowerSumFormat) -> None:
    levels = set(fmt.grid().levels)
    seen = set()
    for code in fmt.codes():
        value = fmt.decode(code)
        terms = fmt.term_list(code)
        assert terms is not None
        assert sum(sign * Fraction(2) ** exponent for sign, exponent in terms) == value
        assert len(terms) <= fmt.terms
        assert all(exponent <= 0 for _, exponent in terms)
        lowest = fmt.code_of(value)
        assert lowest <= code
        assert fmt.decode(lowest) == value
        assert len(fmt.shift_list(value)) <= len(terms)
        assert sum(sign * Fraction(2) ** exponent for sign, exponent in fmt.shift_list(value)) == value
        seen.add(value)
    assert seen == levels
    assert fmt.decode(0) == 0
    assert fmt.storage_bits == fmt.bits


@pytest.mark.parametrize("fmt", [f for f in ALL if f.bits <= 6], ids=str)
def test_rounding_is_nearest_then_outwards(fmt: PowerSumFormat) -> None:
    grid = fmt.grid()
    levels = list(grid.levels)
    step = max(1, len(levels) // 40)
    for value in [*list(between(levels))[::step], levels[-1] * 3, levels[0] * 3, (levels[0] + levels[1]) / 2]:
        assert grid.round(value) == nearest_level(value, levels)
        assert fmt.decode(fmt.encode(value)) == grid.round(value)


def test_infinities_saturate_and_nan_is_refused() -> None:
    fmt = parse("apot<5>@2^1")
    assert fmt.decode(fmt.encode(float("inf"))) == 3
    assert fmt.decode(fmt.encode(float("-inf"))) == -3
    with pytest.raises(FormatError, match=r"NaN reached apot<5>@2\^1, which has no code"):
        fmt.encode(float("nan"))


@pytest.mark.parametrize("fmt", ALL, ids=str)
def test_codes_without_a_number_are_refused(fmt: PowerSumFormat) -> None:
    unassigned = set(range(1 << fmt.bits)) - set(fmt.codes())
    for code in unassigned:
        assert fmt.term_list(code) is None
        with pytest.raises(FormatError, match=f"code {code} of {fmt} is not assigned"):
            fmt.decode(code)
    with pytest.raises(FormatError, match="is outside"):
        fmt.decode(1 << fmt.bits)
    with pytest.raises(FormatError, match="1/3 is not a number of"):
        fmt.code_of(Fraction(1, 3))
    with pytest.raises(FormatError, match="is not a number of"):
        fmt.code_of(Special.NAN)


def test_code_layouts() -> None:
    """pow2: sign, 1 + shift. apot: sign, two bits per term from the right. shiftcnn: (sign, 1 + shift) per term."""
    assert PowerOfTwoFormat(4).term_list(0b0011) == ((1, -2),)
    assert PowerOfTwoFormat(4).term_list(0b1001) == ((-1, 0),)
    assert PowerOfTwoFormat(4).term_list(0b1000) is None
    assert PowerOfTwoFormat(4).term_list(0b0101) is None
    assert ApotFormat(5).term_list(0b1_10_01) == ((-1, 0), (-1, -3))
    assert ApotFormat(4).term_list(0b0_1_11) == ((1, -3), (1, -2))
    assert ShiftCnnFormat(2, 4).term_list(0b1010_0001) == ((1, 0), (-1, -2))
    assert ShiftCnnFormat(2, 4).term_list(0b1000_0001) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PowerOfTwoFormat(1), "pow2 with 1 bits: must be 2 to 6 bits"),
        (lambda: PowerOfTwoFormat(7), "pow2 with 7 bits"),
        (lambda: ApotFormat(2), "apot with 2 bits: must be 3 to 9 bits"),
        (lambda: ApotFormat(10), "apot with 10 bits"),
        (lambda: ShiftCnnFormat(0, 4), "shiftcnn<0,4>: needs 1 to 4 terms of 2 to 5 bits, 12 bits in all"),
        (lambda: ShiftCnnFormat(5, 2), "shiftcnn<5,2>"),
        (lambda: ShiftCnnFormat(2, 1), "shiftcnn<2,1>"),
        (lambda: ShiftCnnFormat(1, 6), "shiftcnn<1,6>"),
        (lambda: ShiftCnnFormat(3, 5), "shiftcnn<3,5>"),
    ],
)
def test_widths_outside_are_refused(make: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        make()  # type: ignore[operator]


def test_frozen_and_hashable() -> None:
    assert len({PowerOfTwoFormat(4), PowerOfTwoFormat(4), ApotFormat(4), ShiftCnnFormat(2, 2)}) == 3
    with pytest.raises(FrozenInstanceError):
        PowerOfTwoFormat(4).width = 5  # type: ignore[misc]
