"""Spellings that mean different numbers to different readers: refused, with every reading spelled out."""

from __future__ import annotations

import re

from hwsim.errors import FormatError
from hwsim.formats.minifloat import MAX_EXPONENT_BITS, MAX_MANTISSA_BITS

_Q = re.compile(r"(?P<unsigned>u?)q(?P<integer>[0-9]{1,3})\.(?P<fraction>[0-9]{1,3})")
_BARE_Q = re.compile(r"(?P<unsigned>u?)q(?P<fraction>[0-9]{1,3})")
_ROUND_BRACKETS = re.compile(r"(?P<name>fixed|ufixed|float|fl|fi|fp)\((?P<a>[0-9]{1,4}),(?P<b>[0-9]{1,4})\)")
_SHORT_ANGLE = re.compile(r"(?P<name>fl|fi|fp|minifloat|cfloat|posit)<(?P<a>[0-9]{1,4}),(?P<b>[0-9]{1,4}).*>")
_SWAPPED = re.compile(r"float<(?P<a>[0-9]{1,4}),(?P<b>[0-9]{1,4})(?P<rest>.*)>")
_FP8 = {"fp8": "'e4m3' or 'e5m2'", "fp6": "'e3m2' or 'e2m3'", "float8": "'e4m3' or 'e5m2'", "fp4": "'e2m1'"}
_FOREIGN = {
    "half": "fp16",
    "float16": "fp16",
    "float32": "fp32",
    "single": "fp32",
    "bfloat16": "bf16",
    "e4m3fn": "e4m3",
}


def refuse_ambiguous(text: str, compact: str) -> None:
    """Raise FormatError where ``compact`` (lower case, no blanks) can be read in more than one way."""
    _refuse_q(text, compact)
    _refuse_float_order(text, compact)
    if compact in _FP8:
        raise FormatError(f"{text!r} names more than one format: write {_FP8[compact]}")
    _refuse_foreign(text, compact)


def _refuse_foreign(text: str, compact: str) -> None:
    if compact in _FOREIGN:
        raise FormatError(f"{text!r} is not in the grammar: write {_FOREIGN[compact]!r}")
    if compact in ("double", "fp64", "float64"):
        raise FormatError(f"{text!r} is not in the grammar: at most {MAX_MANTISSA_BITS} mantissa bits are emulated")
    if compact.endswith("fnuz"):
        raise FormatError(f"{text!r}: formats with a NaN in place of the negative zero are not emulated; see 'bias=N'")


def _refuse_q(text: str, compact: str) -> None:
    match = _Q.fullmatch(compact)
    if match:
        integer, fraction = int(match["integer"]), int(match["fraction"])
        name = "ufixed" if match["unsigned"] else "fixed"
        if name == "ufixed":
            raise FormatError(f"{text!r}: write 'ufixed<{integer + fraction},{integer}>'")
        raise FormatError(
            f"{text!r} is ambiguous: with the sign bit counted among the {integer} integer bits (ARM) it is "
            f"'fixed<{integer + fraction},{integer}>'; with a sign bit beside them (TI) it is "
            f"'fixed<{integer + fraction + 1},{integer + 1}>'. Write the one you mean"
        )
    bare = _BARE_Q.fullmatch(compact)
    if bare:
        fraction = int(bare["fraction"])
        reading = f"'ufixed<{fraction},0>'" if bare["unsigned"] else f"'fixed<{fraction + 1},1>', sign bit included"
        raise FormatError(f"{text!r} does not say its width: with no integer bits but the sign it is {reading}")


def _refuse_float_order(text: str, compact: str) -> None:
    bracketed = _ROUND_BRACKETS.fullmatch(compact) or _SHORT_ANGLE.fullmatch(compact)
    if bracketed:
        raise FormatError(_both_readings(text, bracketed["name"], int(bracketed["a"]), int(bracketed["b"])))
    swapped = _SWAPPED.fullmatch(compact)
    if swapped is None:
        return
    first, second = int(swapped["a"]), int(swapped["b"])
    if first > MAX_EXPONENT_BITS and second <= MAX_EXPONENT_BITS:
        raise FormatError(
            f"{text!r} reads as {first} exponent and {second} mantissa bits, and at most {MAX_EXPONENT_BITS} exponent "
            f"bits exist here; with the mantissa first it would be 'float<{second},{first}{swapped['rest']}>': "
            "the exponent comes first in float<E,M>"
        )


def _both_readings(text: str, name: str, first: int, second: int) -> str:
    if name in ("fixed", "ufixed", "fi"):
        family = "ufixed" if name == "ufixed" else "fixed"
        return (
            f"{text!r} is ambiguous: {first} bits in all of which {second} integer bits is "
            f"'{family}<{first},{second}>'; {first} integer and {second} fraction bits is "
            f"'{family}<{first + second},{first}>'. Write the one you mean"
        )
    if name == "posit":
        return f"{text!r}: posits are not emulated; the nearest family is float<E,M>"
    return (
        f"{text!r} is ambiguous: {first} exponent and {second} mantissa bits is 'float<{first},{second}>'; "
        f"{first} mantissa and {second} exponent bits is 'float<{second},{first}>'. Write the one you mean"
    )
