"""From number formats to the parameters of the RTL: the only place where the two meet."""

from __future__ import annotations

from hwsim.errors import all_faults
from hwsim.formats import (
    ApotFormat,
    FixedFormat,
    FloatFormat,
    NumberFormat,
    Overflow,
    PeKind,
    PowerOfTwoFormat,
    PowerSumFormat,
    Rounding,
    ShiftCnnFormat,
    Specials,
)
from hwsim.formats.grid import FixedGrid, FloatGrid
from hwsim.formats.pe_kinds import element_of, pe_for
from hwsim.rtl.errors import RtlError
from hwsim.rtl.parameters import KINDS, CoreParameters
from hwsim.rtl.refusals import core_faults

ROUNDINGS = {
    Rounding.NEAREST_EVEN: 0,
    Rounding.TOWARD_ZERO: 1,
    Rounding.TOWARD_NEGATIVE: 2,
    Rounding.HALF_UP: 3,
    Rounding.TOWARD_POSITIVE: 4,
}
SPECIALS = {Specials.NONE: 0, Specials.IEEE: 1, Specials.FN: 2}
_CORES = {
    PeKind.SHIFT_ADD: "mac_shift_add",
    PeKind.MULTI_SHIFT_ADD: "mac_multi_shift_add",
    PeKind.INT_MAC: "mac_int",
    PeKind.FLOAT_MAC: "mac_float",
}


def core_parameters(
    weights: NumberFormat, acts: NumberFormat, acc: NumberFormat, product: NumberFormat | None = None
) -> CoreParameters:
    """Return the parameters of ``mac_core`` for these formats.

    Args:
        weights: fitted format of the weights: fixed, float, pow2, apot or shiftcnn, with its scale.
        acts: fitted format of the activations: fixed or float.
        acc: format of the sums: fixed or float.
        product: format that each product is rounded to first; None leaves it exact.

    Raises:
        RtlError: lists every format that the RTL does not do, why, and the way out.

    >>> from hwsim.formats import parse
    >>> core = core_parameters(parse("pow2<4>@2^-2"), parse("fixed<8,4>"), parse("fixed<24,12>"))
    >>> core.core, core.shifts, core.align
    ('mac_shift_add', 4, 3)
    """
    faults = core_faults(weights, acts, acc, product)
    if faults:
        raise RtlError(all_faults("a multiply-accumulate in RTL", faults))
    kind = pe_for(weights, acts, acc, product).kind
    values = {"kind": KINDS[_CORES[kind]]}
    values |= _operand("weight", weights) | _operand("act", acts) | _result("", "acc", acc)
    values |= _weight_terms(element_of(weights))
    if product is not None:
        values |= _result("product_", "product", product)
    if kind is not PeKind.FLOAT_MAC:
        values |= _alignment(weights, acts, acc, product)
        values |= {"act_bias": 0, "weight_bias": 0}
    return CoreParameters(**values)


def _operand(role: str, fmt: NumberFormat) -> dict[str, int]:
    """Width and meaning of an operand's code."""
    element = element_of(fmt)
    values = {f"{role}_bits": fmt.bits, f"{role}_signed": int(not isinstance(element, FixedFormat) or element.signed)}
    if isinstance(element, FloatFormat):
        return values | _float_fields(role, fmt, element)
    if isinstance(element, PowerOfTwoFormat):
        return values | {f"{role}_bias": -_scale_exponent(fmt)}
    return values | {f"{role}_bias": -_quantum(fmt)}


def _result(prefix: str, role: str, fmt: NumberFormat) -> dict[str, int]:
    """Width, meaning, rounding and overflow of a format that is rounded to."""
    grid, element = fmt.grid(), element_of(fmt)
    assert isinstance(grid, FixedGrid | FloatGrid)
    values = {
        f"{role}_bits": fmt.bits,
        f"{role}_signed": int(not isinstance(element, FixedFormat) or element.signed),
        f"{prefix}round": ROUNDINGS[grid.rounding],
        f"{prefix}saturate": int(grid.overflow is Overflow.SATURATE),
    }
    return values | (_float_fields(role, fmt, element) if isinstance(element, FloatFormat) else {})


def _float_fields(role: str, fmt: NumberFormat, element: FloatFormat) -> dict[str, int]:
    assert element.bias is not None
    return {
        f"{role}_exponent_bits": element.exponent_bits,
        f"{role}_bias": element.bias - _scale_exponent(fmt),
        f"{role}_specials": SPECIALS[element.specials],
        f"{role}_subnormals": int(element.subnormals),
    }


def _weight_terms(element: NumberFormat) -> dict[str, int]:
    """How a weight's code is read as powers of two; apot<3> and shiftcnn<1,B> are signs over one field, like pow2."""
    if isinstance(element, PowerSumFormat) and element.terms == 1:
        return {"shifts": element.shift_positions, "terms": 1, "term_bits": 0}
    if isinstance(element, ApotFormat):
        return {"shifts": 0, "terms": element.terms, "term_bits": 0}
    if isinstance(element, ShiftCnnFormat):
        return {"shifts": 0, "terms": element.terms, "term_bits": element.term_bits}
    return {"shifts": 0, "terms": 1, "term_bits": 0}


def _alignment(
    weights: NumberFormat, acts: NumberFormat, acc: NumberFormat, product: NumberFormat | None
) -> dict[str, int]:
    """Distances in bits between the steps of product and accumulator (fixed point)."""
    exact = _quantum(weights) + _quantum(acts)
    if product is None:
        return {"align": exact - _quantum(acc)}
    return {"product_align": exact - _quantum(product), "align": _quantum(product) - _quantum(acc)}


def _quantum(fmt: NumberFormat) -> int:
    """Exponent of the step of a fixed-point or power-sum format: shifters work in steps of the smallest power."""
    element = element_of(fmt)
    if isinstance(element, PowerSumFormat):
        return element.grid().quantum + _scale_exponent(fmt)
    grid = fmt.grid()
    assert isinstance(grid, FixedGrid)
    return grid.lsb


def _scale_exponent(fmt: NumberFormat) -> int:
    exponent = getattr(fmt, "exponent", 0)
    assert isinstance(exponent, int)
    return exponent
