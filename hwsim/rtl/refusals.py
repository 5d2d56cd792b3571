"""Formats that the RTL does not do, each with the reason and the way out."""

from __future__ import annotations

from hwsim.formats import (
    BlockFormat,
    CodebookFormat,
    FixedFormat,
    FloatFormat,
    NumberFormat,
    PowerOfTwoFormat,
    PowerSumFormat,
    Rounding,
)
from hwsim.formats.pe_kinds import element_of


def core_faults(
    weights: NumberFormat, acts: NumberFormat, acc: NumberFormat, product: NumberFormat | None = None
) -> list[str]:
    """Return why no core of the RTL does these formats; empty where one does.

    >>> from hwsim.formats import parse
    >>> core_faults(parse("int8@2^-4"), parse("fixed<8,4>"), parse("fixed<24,12>"))
    []
    """
    roles = {"weights": weights, "acts": acts, "acc": acc} | ({} if product is None else {"product": product})
    faults = [fault for role, fmt in roles.items() for fault in _format_faults(role, fmt)]
    return faults or _pair_faults(weights, acts, acc, product)


def _format_faults(role: str, fmt: NumberFormat) -> list[str]:
    if not fmt.is_fitted:
        return [f"{role}: {fmt} has no scale yet: name one as @2^k, or fit it with hwsim.arith.fit.fit(fmt, values)"]
    reason = _table_fault(fmt) or ("" if role == "weights" else _number_fault(role, fmt))
    return [f"{role}: {fmt} {reason}"] if reason else []


def _table_fault(fmt: NumberFormat) -> str:
    if isinstance(fmt, BlockFormat):
        return (
            "has a scale per block, which an element of the array does not see: "
            f"use its elements with one scale, {fmt.element}@2^k"
        )
    if isinstance(fmt, CodebookFormat):
        return f"needs a table in front of the multiplier: store its entries, as {fmt.entry}"
    return ""


def _number_fault(role: str, fmt: NumberFormat) -> str:
    element = element_of(fmt)
    if isinstance(element, PowerSumFormat):
        instead = "int<W>@2^k holds the same numbers" if role == "acts" else "use fixed<W,I> or float<E,M>"
        return f"is decoded for weights only: {instead}"
    stochastic = isinstance(element, FixedFormat | FloatFormat) and element.rounding is Rounding.STOCHASTIC
    if stochastic and role != "acts":
        return (
            "rounds stochastically, and the array has no random numbers: use rne, rtz, rtn, rtp or rhu in place of sr"
        )
    return ""


def _pair_faults(
    weights: NumberFormat, acts: NumberFormat, acc: NumberFormat, product: NumberFormat | None
) -> list[str]:
    floats = {
        role: isinstance(element_of(fmt), FloatFormat)
        for role, fmt in {"weights": weights, "acts": acts, "acc": acc, "product": product}.items()
        if fmt is not None
    }
    faults = []
    if not floats["acc"] and (floats["weights"] or floats["acts"]):
        faults.append(f"acc: {acc} is fixed point and an operand is floating point: use an accumulator float<E,M>")
    elif product is not None and floats["product"] != floats["acc"]:
        kind = "floating" if floats["acc"] else "fixed"
        faults.append(
            f"product: {product} and the accumulator {acc} differ in kind: use a {kind}-point product format, or none"
        )
    powers = element_of(weights)
    if floats["acc"] and isinstance(powers, PowerSumFormat) and not isinstance(powers, PowerOfTwoFormat):
        faults.append(
            f"weights: {weights} is a sum of powers of two and {acc} is floating point: "
            "use pow2<B>, or fixed-point activations and accumulator"
        )
    return faults
