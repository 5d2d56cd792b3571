"""The errors a user can meet: each message names the value, the bound, the unit and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class HwsimError(Exception):
    """Base of every error that a user's input can cause; the command lines turn it into exit code 2."""


class FormatError(HwsimError, ValueError):
    """A number format that cannot exist, is ambiguous, or cannot be used where it was named."""


class NotANumberError(FormatError):
    """A NaN met a format that has no code for it, or every answer of a run is NaN."""


class NetworkError(HwsimError, ValueError):
    """A network that is malformed: wrong shapes, non-finite weights, an unreadable file."""


class MachineError(HwsimError, ValueError):
    """A machine that cannot be built, or cannot run the formats asked of it."""


class CostError(HwsimError, ValueError):
    """A price that no table holds."""


class DataError(HwsimError, ValueError):
    """A data set that is missing, truncated or of the wrong shape."""


class MissingExtraError(HwsimError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


def require_extra(module: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error to raise when ``module`` is needed for ``purpose`` and is not installed.

    >>> str(require_extra("torch", "train", "training"))
    "training needs 'torch', which is not installed: pip install 'hwsim[train]'"
    """
    return MissingExtraError(f"{purpose} needs {module!r}, which is not installed: pip install 'hwsim[{extra}]'")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that is not known, with the nearest matches.

    >>> unknown_name("network", "lenet", ["lenet5", "digits-cnn"])
    "unknown network 'lenet': did you mean 'lenet5'? Known: digits-cnn, lenet5"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f": did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}"


def all_faults(what: str, faults: Sequence[str]) -> str:
    """Return one message that lists every fault of ``what`` (a singular noun).

    >>> print(all_faults("network 'x'", ["a is 3", "b is missing"]))
    network 'x' has 2 faults:
      - a is 3
      - b is missing
    """
    if len(faults) == 1:
        return f"{what}: {faults[0]}"
    return "\n".join([f"{what} has {len(faults)} faults:", *(f"  - {_indented(fault)}" for fault in faults)])


def _indented(fault: str) -> str:
    """Set the lines after the first one under it: a fault may list faults of its own."""
    return fault.replace("\n", "\n    ")
