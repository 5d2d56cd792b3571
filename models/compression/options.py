"""Frozen dataclasses as tables of options: read from TOML, all faults at once; described from their docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hwsim.errors import HwsimError, unknown_name

_ENTRY = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?: (.*)$")


@dataclass(frozen=True)
class Option:
    """One option of a method, as it is shown and checked.

    Attributes:
        name: Its key; that of a nested table has a dot, ``training.epochs``.
        kind: Its type in words.
        default: Its default, None where it must be given.
        meaning: From the docstring.
    """

    name: str
    kind: str
    default: Any
    meaning: str
    required: bool = False


def read_options(cls: type[Any], table: Mapping[str, Any], where: str, base: Any = None) -> tuple[Any, list[str]]:
    """Return the dataclass that ``table`` describes and no faults, or None and every fault.

    Whole numbers stand for floats too, a list for a tuple, a table for a nested dataclass.

    Args:
        cls: A dataclass whose fields are str, int, float, bool, Literal, tuples of these, or dataclasses.
        table: Keys and values as ``tomllib`` reads them.
        where: What messages begin with; may be empty.
        base: Has the values of the options that the table leaves out; default: those of ``cls``.

    >>> from models.compression.step import Training
    >>> read_options(Training, {"epochs": 2, "learning_rate": 1}, "training")[0].learning_rate
    1.0
    >>> read_options(Training, {"epoch": 2.5}, "training")[1]  # doctest: +ELLIPSIS
    ["training: unknown option 'epoch': did you mean 'epochs'? Known: augment, averaging, ..."]
    """
    begin = f"{where}: " if where else ""
    hints = get_type_hints(cls)
    known = {field.name: field for field in fields(cls) if field.init}
    faults = [f"{begin}{unknown_name('option', key, known)}" for key in table if key not in known]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in known:
            default = _default(known[key]) if base is None else getattr(base, key)
            values[key], found = _value(hints[key], value, f"{begin}{key}", default)
            faults += found
    missing = [] if base is not None else [name for name, field in known.items() if _required(field)]
    faults += [f"{begin}option {name!r} has no default and must be given" for name in missing if name not in table]
    if faults:
        return None, faults
    try:
        return (cls(**values) if base is None else dataclasses.replace(base, **values)), []
    except HwsimError as error:
        return None, [f"{begin}{error}"]


def describe_options(cls: type[Any], prefix: str = "") -> tuple[Option, ...]:
    """Return the options of a dataclass, those of nested ones after their own.

    >>> from models.compression.step import Training
    >>> option = describe_options(Training)[0]
    >>> option.name, option.kind, option.default, option.meaning
    ('epochs', 'int', 0, 'Passes over the training images; 0 retrains nothing.')
    """
    hints, meanings = get_type_hints(cls), attribute_texts(cls)
    found: list[Option] = []
    for field in (field for field in fields(cls) if field.init):
        hint, name = hints[field.name], f"{prefix}{field.name}"
        if is_dataclass(hint) and isinstance(hint, type):
            defaults = _default(field)
            found += [_nested(option, defaults, name) for option in describe_options(hint, f"{name}.")]
        else:
            meaning = meanings.get(field.name, "")
            found.append(Option(name, type_text(hint), _default(field), meaning, _required(field)))
    return tuple(found)


def attribute_texts(cls: type[Any]) -> dict[str, str]:
    """Return what the section ``Attributes:`` of a Google docstring says of each name, base classes first."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        name = ""
        doc = base.__dict__.get("__doc__") or ""
        _, _, section = inspect.cleandoc(doc).partition("Attributes:\n")
        for line in section.split("\n"):
            entry = _ENTRY.match(line)
            if entry:
                name = entry[1]
                texts[name] = entry[2].strip()
            elif not line.strip():
                name = ""
            elif name and line.startswith("        "):
                texts[name] += f" {line.strip()}"
            else:
                break
    return texts


def type_text(hint: Any) -> str:
    """Return a type as the listing shows it.

    >>> type_text(int), type_text(tuple[tuple[str, float], ...]), type_text(Literal["a", "b"]), type_text(int | None)
    ('int', 'list of [str, float]', "'a' | 'b'", 'int')
    """
    if get_origin(hint) is Literal:
        return " | ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        listed = len(kinds) == 2 and kinds[1] is Ellipsis
        return f"list of {type_text(kinds[0])}" if listed else f"[{', '.join(map(type_text, kinds))}]"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(type_text(part) for part in get_args(hint) if part is not type(None))
    return str(getattr(hint, "__name__", hint))


def _value(hint: Any, value: Any, where: str, default: Any = None) -> tuple[Any, list[str]]:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            return None, [f"{where} = {value!r}: a table of options is needed"]
        return read_options(hint, value, where, default)
    origin = get_origin(hint)
    if origin is tuple:
        return _items(hint, value, where)
    if origin in (Union, types.UnionType):
        tries = [_value(part, value, where) for part in get_args(hint) if part is not type(None)]
        return next((found for found in tries if not found[1]), tries[0])
    good = value in get_args(hint) if origin is Literal else _is_plain(hint, value)
    if not good:
        return None, [f"{where} = {value!r}: {type_text(hint)} is needed"]
    return (float(value) if hint is float else value), []


def _items(hint: Any, value: Any, where: str) -> tuple[Any, list[str]]:
    if not isinstance(value, list | tuple):
        return None, [f"{where} = {value!r}: a {type_text(hint)} is needed"]
    kinds = get_args(hint)
    many = len(kinds) == 2 and kinds[1] is Ellipsis
    if not many and len(value) != len(kinds):
        return None, [f"{where} = {value!r}: {len(kinds)} values are needed"]
    read = [_value(kinds[0] if many else kinds[place], item, where) for place, item in enumerate(value)]
    return tuple(item for item, _ in read), [fault for _, found in read for fault in found]


def _is_plain(hint: Any, value: Any) -> bool:
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.init and field.default is MISSING and field.default_factory is MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return None if field.default_factory is MISSING else field.default_factory()


def _nested(option: Option, defaults: Any, name: str) -> Option:
    """Give an option of a nested table the default that the outer dataclass has for it."""
    if defaults is None:
        return option
    value = defaults
    for part in option.name.removeprefix(f"{name}.").split("."):
        value = getattr(value, part)
    return dataclasses.replace(option, default=value)
