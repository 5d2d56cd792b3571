"""One grammar for number formats, both ways: the only place where a string becomes a format.

    format  = element [ "@auto" | "@2^" INTEGER ]
    element = NAME [ "<" argument { "," argument } ">" ]

Rounding (rne rtz rtp rtn rhu sr), overflow (sat wrap inf), ``seed=N``, and for floats ``bias=N``, ``ftz``, ``sub``,
``finite``, ``ieee``, ``fn`` follow the widths in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from hwsim.errors import FormatError, unknown_name
from hwsim.formats.base import NumberFormat, Overflow, Rounding
from hwsim.formats.block import STANDARD_BLOCKS, BlockFormat
from hwsim.formats.codebook import CodebookFormat
from hwsim.formats.fixed import FixedFormat
from hwsim.formats.minifloat import STANDARD_FLOATS, FloatFormat, Specials
from hwsim.formats.powtwo import ApotFormat, PowerOfTwoFormat, PowerSumFormat, ShiftCnnFormat
from hwsim.formats.refusals import refuse_ambiguous
from hwsim.formats.scaled import ScaledFormat

_NAME = re.compile(r"(?P<name>[a-z][a-z0-9]*)(?:<(?P<args>.*)>)?(?:\{(?P<table>.*)\})?")
_SCALE = re.compile(r"(?P<element>.*)@(?:(?P<auto>auto)|2\^(?P<exponent>[+-]?[0-9]{1,4}))")
_INTEGER = re.compile(r"(?P<sign>u?)int(?P<bits>[0-9]+)")
_NAMED_WIDTHS = re.compile(r"e(?P<e>[0-9]{1,2})m(?P<m>[0-9]{1,2})|m(?P<m2>[0-9]{1,2})e(?P<e2>[0-9]{1,2})")
_ENTRY = re.compile(r"[+-]?[0-9]{1,200}(/[0-9]{1,200}|\.[0-9]{1,200})?")
_MAX_LENGTH = 100_000  #: characters; 256 table entries of 8 exponent bits stay below it
_MAX_NESTING = 4  #: formats inside formats
_ROUNDINGS = {mode.value: mode for mode in Rounding}
_OVERFLOWS = {mode.value: mode for mode in Overflow}
_SPECIALS = {kind.value: kind for kind in Specials}


@lru_cache(maxsize=4096)
def parse(text: str) -> NumberFormat:
    """Return the format that ``text`` names. Raises FormatError, with the nearest names or both readings.

    >>> parse("fixed<8,4>").decode(0x7f)
    Fraction(127, 16)
    >>> str(parse("float< 4, 3, fn >"))
    'e4m3'
    """
    compact = "".join(text.split()).lower()
    if len(compact) > _MAX_LENGTH or compact.count("<") > _MAX_NESTING:
        raise FormatError(f"{text[:60]!r}… is too long or too deeply nested to be a number format")
    refuse_ambiguous(text, compact)
    scale = _SCALE.fullmatch(compact)
    fmt = _parse_element(text, scale["element"] if scale else compact)
    if scale is None:
        return fmt
    element = fmt.element if isinstance(fmt, ScaledFormat) else fmt
    return ScaledFormat(element, None if scale["auto"] else int(scale["exponent"]))  # type: ignore[arg-type]


def _parse_element(text: str, compact: str) -> NumberFormat:
    match = _NAME.fullmatch(compact)
    if match is None:
        raise FormatError(f"cannot read {text!r} as a number format: write name<arguments>, like fixed<8,4>, or e4m3")
    args = _split(match["args"]) if match["args"] is not None else []
    fmt = _named(text, match["name"], args)
    return fmt if match["table"] is None else _with_table(fmt, match["table"])


def _named(text: str, name: str, args: Sequence[str]) -> NumberFormat:
    standard = STANDARD_FLOATS.get(name) or _widths_in_name(name)
    if standard is not None:
        return _with_float_options(text, standard, args)
    if name in STANDARD_BLOCKS:
        _no_arguments(text, args)
        return STANDARD_BLOCKS[name]
    integer = _INTEGER.fullmatch(name)
    if integer:
        return _integer(text, [integer["bits"], *args], signed=not integer["sign"])
    if name not in _FAMILIES:
        known = [*FAMILY_EXAMPLES, *STANDARD_FLOATS, *STANDARD_BLOCKS, "int8"]
        raise FormatError(unknown_name("number format", text, known))
    return _FAMILIES[name](text, args)


def _split(arguments: str) -> list[str]:
    """Split at the commas that are not inside angle brackets."""
    depth, parts = 0, [""]
    for character in arguments:
        depth += (character == "<") - (character == ">")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _integers(text: str, args: Sequence[str], count: int, meaning: str) -> list[int]:
    head = args[:count]
    if len(head) < count or not all(re.fullmatch(r"[+-]?[0-9]{1,4}", arg) for arg in head):
        raise FormatError(f"{text!r} needs {meaning} as its first argument{'s' if count > 1 else ''}")
    return [int(arg) for arg in head]


def _options(text: str, args: Sequence[str], allowed: Sequence[str]) -> dict[str, Any]:
    """Return the keyword arguments that the trailing options stand for."""
    found: dict[str, Any] = {}
    for arg in args:
        key, value = _option(text, arg, allowed)
        if key in found:
            raise FormatError(f"{text!r} says twice what its {key} is: {arg!r} is the second")
        found[key] = value
    return found


def _option(text: str, arg: str, allowed: Sequence[str]) -> tuple[str, Any]:
    tables: dict[str, dict[str, Any]] = {"rounding": _ROUNDINGS, "overflow": _OVERFLOWS, "specials": _SPECIALS}
    tables["subnormals"] = {"sub": True, "ftz": False}
    for key, table in tables.items():
        if key in allowed and arg in table:
            return key, table[arg]
    number = re.fullmatch(r"(bias|seed)=([+-]?[0-9]{1,10})", arg)
    if number and number[1] in allowed:
        return number[1], int(number[2])
    names = [name for key in allowed for name in tables.get(key, {f"{key}=N": None})]
    raise FormatError(f"in {text!r}: {unknown_name('option', arg, names)}")


_MODES = ("rounding", "overflow", "seed")
_FLOAT_OPTIONS = (*_MODES, "bias", "specials", "subnormals")


def _fixed(text: str, args: Sequence[str], signed: bool = True) -> NumberFormat:
    width, integer_bits = _integers(text, args, 2, "a total width W and integer bits I")
    return FixedFormat(width, integer_bits, signed, **_options(text, args[2:], _MODES))


def _integer(text: str, args: Sequence[str], signed: bool = True) -> NumberFormat:
    (width,) = _integers(text, args, 1, "a width W")
    return ScaledFormat(FixedFormat(width, width, signed, **_options(text, args[1:], _MODES)))


def _float(text: str, args: Sequence[str]) -> NumberFormat:
    if any(arg.startswith(("e=", "m=")) for arg in args[:2]):
        named = dict(arg.split("=", 1) for arg in args[:2] if "=" in arg)
        args = [named.get("e", ""), named.get("m", ""), *args[2:]]
    exponent_bits, mantissa_bits = _integers(text, args, 2, "exponent bits E and mantissa bits M")
    return FloatFormat(exponent_bits, mantissa_bits, **_options(text, args[2:], _FLOAT_OPTIONS))


def _widths_in_name(name: str) -> FloatFormat | None:
    match = _NAMED_WIDTHS.fullmatch(name)
    if match is None:
        return None
    exponent_bits, mantissa_bits = int(match["e"] or match["e2"]), int(match["m"] or match["m2"])
    return STANDARD_FLOATS.get(f"e{exponent_bits}m{mantissa_bits}") or FloatFormat(exponent_bits, mantissa_bits)


def _with_float_options(text: str, base: FloatFormat, args: Sequence[str]) -> FloatFormat:
    options = _options(text, args, _FLOAT_OPTIONS)
    if "specials" in options and "overflow" not in options:
        options["overflow"] = None
    return replace(base, **options)


def _power_sum(kind: Callable[..., PowerSumFormat], count: int, meaning: str) -> Callable[..., NumberFormat]:
    def build(text: str, args: Sequence[str]) -> NumberFormat:
        widths = _integers(text, args, count, meaning)
        _no_arguments(text, args[count:])
        return ScaledFormat(kind(*widths))

    return build


def _codebook(text: str, args: Sequence[str]) -> NumberFormat:
    (size,) = _integers(text, args, 1, "a table size K")
    _no_arguments(text, args[2:])
    return CodebookFormat(size, parse(args[1] if len(args) > 1 else "int16"))


def _with_table(fmt: NumberFormat, table: str) -> NumberFormat:
    if not isinstance(fmt, CodebookFormat):
        raise FormatError(f"{fmt} has no table: only codebook<K> takes values in braces")
    entries = table.split(";")
    strange = [entry for entry in entries if not _ENTRY.fullmatch(entry) or re.search("/0+$", entry)]
    if strange:
        raise FormatError(f"{strange[0]!r} in the table of {fmt} is not a number like -3, 1/8 or 0.25")
    return replace(fmt, values=tuple(Fraction(entry) for entry in entries))


def _block(text: str, args: Sequence[str]) -> NumberFormat:
    if not args:
        raise FormatError(f"{text!r} needs the format of its elements: mx<e4m3> or mx<e2m1,16>")
    (size,) = _integers(text, args[1:], 1, "an element format and a block size") if len(args) > 1 else (32,)
    _no_arguments(text, args[2:])
    return BlockFormat(parse(args[0]), size)  # type: ignore[arg-type]


def _no_arguments(text: str, args: Sequence[str]) -> None:
    if args:
        raise FormatError(f"{text!r}: {', '.join(args)!r} is more than this format takes")


_FAMILIES: dict[str, Callable[[str, Sequence[str]], NumberFormat]] = {
    "fixed": _fixed,
    "ufixed": lambda text, args: _fixed(text, args, signed=False),
    "int": _integer,
    "uint": lambda text, args: _integer(text, args, signed=False),
    "float": _float,
    "pow2": _power_sum(PowerOfTwoFormat, 1, "a width B"),
    "apot": _power_sum(ApotFormat, 1, "a width B"),
    "shiftcnn": _power_sum(ShiftCnnFormat, 2, "a number of terms N and bits per term B"),
    "codebook": _codebook,
    "mx": _block,
}

#: The families of the grammar, each with an example that parses.
FAMILY_EXAMPLES: dict[str, str] = {
    "fixed<W,I>": "fixed<8,4>",
    "ufixed<W,I>": "ufixed<8,0>",
    "int<W>": "int8",
    "uint<W>": "uint8",
    "float<E,M>": "float<6,7>",
    "pow2<B>": "pow2<4>",
    "apot<B>": "apot<5>",
    "shiftcnn<N,B>": "shiftcnn<2,4>",
    "codebook<K>": "codebook<16>",
    "mx<ELEMENT,SIZE>": "mx<e4m3,32>",
}
