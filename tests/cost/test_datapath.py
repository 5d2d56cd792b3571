"""What each kind of processing element is made of."""

from __future__ import annotations

import pytest

from hwsim.cost.datapath import gated_terms, mac_terms, register_terms, shifter_bits
from hwsim.cost.rows import Operation as Op
from hwsim.formats.base import PeKind
from hwsim.formats.pe import Operand, PeSpec


def whole(bits: int) -> Operand:
    return Operand(bits, bits)


def real(exponent: int, mantissa: int) -> Operand:
    return Operand(1 + exponent + mantissa, mantissa + 1, exponent)


EIGHT, WIDE = whole(8), whole(24)


def shift_add(act: Operand = EIGHT, acc: Operand = WIDE, terms: int = 1, positions: int = 7) -> PeSpec:
    kind = PeKind.SHIFT_ADD if terms == 1 else PeKind.MULTI_SHIFT_ADD
    product = act if act.is_float else whole(act.bits + positions)
    return PeSpec(kind, act, whole(4), whole(4), product, acc, terms, positions)


def parts(pe: PeSpec) -> list[tuple[Op, float, int]]:
    return [(term.operation, term.bits, term.count) for term in mac_terms(pe)]


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_shifter_width_is_the_mean_over_its_stages(bits: int, stages: int) -> None:
    outputs = [bits + sum(2**below for below in range(stage + 1)) for stage in range(stages)]
    assert shifter_bits(bits, 2**stages) == pytest.approx(sum(outputs) / stages)


def test_shift_add_is_a_shifter_and_an_adder() -> None:
    assert parts(shift_add()) == [(Op.SHIFT, shifter_bits(8, 7), 1), (Op.INT_ADD, 24, 1)]
    assert mac_terms(shift_add())[0].positions == 7


def test_one_distance_is_a_wire() -> None:
    assert parts(shift_add(positions=1)) == [(Op.INT_ADD, 24, 1)]


def test_a_sum_of_terms_is_that_many_shifters_and_adders() -> None:
    found = parts(shift_add(terms=3))
    assert found == [(Op.SHIFT, shifter_bits(8, 7), 3), (Op.INT_ADD, 15, 2), (Op.INT_ADD, 24, 1)]


def test_a_float_activation_is_shifted_by_adding_to_its_exponent() -> None:
    assert parts(shift_add(act=real(4, 3), acc=real(5, 10))) == [(Op.INT_ADD, 4, 1), (Op.FLOAT_ADD, 11, 1)]


def test_a_float_product_is_aligned_to_a_fixed_accumulator() -> None:
    assert parts(shift_add(act=real(4, 3))) == [(Op.INT_ADD, 4, 1), (Op.SHIFT, 24, 1), (Op.INT_ADD, 24, 1)]


def test_multipliers_are_square_of_the_same_partial_products() -> None:
    pe = PeSpec(PeKind.INT_MAC, whole(16), whole(4), whole(4), whole(20), whole(32))
    assert parts(pe) == [(Op.INT_MUL, 8.0, 1), (Op.INT_ADD, 32, 1)]


def test_float_mac_takes_significands_and_the_wider_exponent() -> None:
    for act, weight in ((real(5, 3), real(4, 3)), (real(4, 3), real(5, 3))):
        pe = PeSpec(PeKind.FLOAT_MAC, act, weight, weight, real(5, 8), real(8, 23))
        assert parts(pe) == [(Op.FLOAT_MUL, 4.0, 1), (Op.FLOAT_ADD, 24, 1)]
        assert [term.exponent_bits for term in mac_terms(pe)] == [5, 8]


def test_codebook_looks_up_and_multiplies_at_the_width_of_an_entry() -> None:
    pe = PeSpec(PeKind.CODEBOOK_MAC, whole(8), whole(4), whole(8), whole(16), whole(24))
    assert parts(pe) == [(Op.LUT, 8, 1), (Op.INT_MUL, 8.0, 1), (Op.INT_ADD, 24, 1)]
    assert mac_terms(pe)[0].positions == 16


def test_gated_and_registers() -> None:
    assert [(term.operation, term.bits) for term in gated_terms(shift_add())] == [(Op.COMPARE, 8)]
    assert [term.count for term in register_terms(shift_add())] == [8, 4, 24]
