"""What a machine is short of, as a value: demand, bound, gap, unit, and what would fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hwsim.errors import MachineError, all_faults


@dataclass(frozen=True)
class Shortfall:
    """Why something does not fit: how much is needed, how much there is, and what would help.

    Attributes:
        what: what is too small, in words.
        demand: how much is needed, in ``unit``.
        bound: how much there is.
        unit: such as "bits", "bits per cycle" or "mm2".
        remedy: what would fit.
    """

    what: str
    demand: int | float | Fraction
    bound: int | float | Fraction
    unit: str
    remedy: str

    @property
    def gap(self) -> int | float | Fraction:
        """How much is missing, in ``unit``."""
        return self.demand - self.bound

    def __str__(self) -> str:
        """Return the sentence that people read.

        >>> print(Shortfall("'ifmap_sram'", 128, 96, "bits", "enlarge it to 128 bits"))
        'ifmap_sram' needs 128 bits and has 96 bits, 32 bits short: enlarge it to 128 bits
        """
        need, have, gap = map(_text, (self.demand, self.bound, self.gap))
        return (
            f"{self.what} needs {need} {self.unit} and has {have} {self.unit}, {gap} {self.unit} short: {self.remedy}"
        )


def _text(value: int | float | Fraction) -> str:
    """Return whole numbers in full, so that a large demand and a bound just below it do not read alike."""
    own = float(value)
    return str(int(own)) if own.is_integer() and abs(own) < 1e15 else f"{own:g}"


class InfeasibleError(MachineError):
    """A machine that cannot do what is asked of it; ``shortfalls`` says by how much and what would fit."""

    def __init__(self, what: str, shortfalls: Sequence[Shortfall]) -> None:
        super().__init__(all_faults(what, [str(shortfall) for shortfall in shortfalls]))
        self.what = what
        self.shortfalls = tuple(shortfalls)

    def __reduce__(self) -> tuple[type[InfeasibleError], tuple[str, tuple[Shortfall, ...]]]:
        """Let the error travel between processes: its message is made of its arguments."""
        return type(self), (self.what, self.shortfalls)
