"""From measurements to a row of the companion file."""

from __future__ import annotations

from hwsim.cost.elements import ELEMENT_COLUMNS
from hwsim.synth.benches import Unit

_KEY = ELEMENT_COLUMNS[: ELEMENT_COLUMNS.index("dataflow") + 1]


def identity(unit: Unit) -> dict[str, object]:
    """Return the columns that say which element and dataflow a row is of.

    >>> from hwsim.array.parts import Dataflow
    >>> from hwsim.synth.point import make_point
    >>> row = identity(Unit(make_point("pow2<4>", "int8", "int24"), Dataflow.OUTPUT_STATIONARY))
    >>> row["terms"], row["positions"], row["acc_bits"]
    (1, 4, 24)
    """
    point, pe = unit.point, unit.point.pe
    return {
        "kind": pe.kind,
        "act_bits": pe.act.bits,
        "act_significand": pe.act.significand_bits,
        "act_exponent": pe.act.exponent_bits,
        "weight_bits": pe.weight.bits,
        "factor_significand": pe.factor.significand_bits,
        "factor_exponent": pe.factor.exponent_bits,
        "acc_bits": pe.accumulator.bits,
        "acc_significand": pe.accumulator.significand_bits,
        "acc_exponent": pe.accumulator.exponent_bits,
        "terms": pe.terms,
        "positions": pe.shift_positions,
        "saturating": point.saturating,
        "subnormals": point.subnormals,
        "dataflow": unit.dataflow,
    }


def row_key(unit: Unit) -> tuple[object, ...]:
    """Return ``ElementRow.key`` of the row that this unit gets."""
    found = identity(unit)
    return tuple(found[name] for name in _KEY)
