"""What goes wrong in compression, for the user to put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from hwsim.errors import HwsimError, all_faults

Idle = tuple[bool, str, object, Sequence[str]]  #: a condition, its name, a dataclass, and its options that are idle
Check = tuple[str, object, bool, str]  #: an option, its value, whether that is good, and what is needed


class CompressionError(HwsimError):
    """An option, a recipe, a network or a file that compression cannot work with."""


def idle_faults(rows: Iterable[Idle]) -> list[str]:
    """Return a fault for every option that is given, so is not its default, and that another one leaves without effect.

    Args:
        rows: The options are looked at where the condition holds.
    """
    return [
        f"{name} is given, and {other} leaves it without effect: leave one out"
        for holds, other, options, names in rows
        for name in names
        if holds and getattr(options, name) != _default(options, name)
    ]


def _default(options: Any, name: str) -> object:
    (field,) = (field for field in fields(options) if field.name == name)
    return field.default if field.default_factory is MISSING else field.default_factory()


def raise_faults(what: str, faults: Sequence[str], checks: Sequence[Check] = ()) -> None:
    """Raise with every fault, or return.

    >>> raise_faults("options of prune", [], [("keep", 0.5, True, "above 0, at most 1")])

    Args:
        what: Has the faults, a singular noun or "options of …".
        faults: Messages.
        checks: Those that do not hold are faults too, after the others.

    Raises:
        CompressionError: with all of them.
    """
    bad = [f"{name} is {value!r}; needed: {need}" for name, value, good, need in checks if not good]
    if every := [*faults, *bad]:
        raise CompressionError(all_faults(what, every))
