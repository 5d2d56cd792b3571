"""What a comparison found: how many points, how far off, and whether that reaches the goal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from hwsim.validation.records import RecordError


@dataclass(frozen=True)
class Finding:
    """One line of the summary.

    Attributes:
        quantity: what was predicted.
        against: what it was measured by.
        points: how many comparisons.
        errors: signed relative error of each, (predicted - measured) / measured.
        goal: root mean square that it should reach, set before it was measured; 0 for exact; None where none was set.
        remark: one sentence for the lists of where the model is right and where it is wrong.
    """

    quantity: str
    against: str
    errors: tuple[float, ...]
    goal: float | None
    remark: str

    @property
    def points(self) -> int:
        """How many comparisons were made."""
        return len(self.errors)

    @property
    def exact(self) -> bool:
        """True where nothing but exact agreement will do."""
        return self.goal == 0

    @property
    def rms(self) -> float:
        """Root mean square of the errors."""
        return math.sqrt(statistics.fmean(error * error for error in self.errors))

    @property
    def worst(self) -> float:
        """The largest error, with its sign."""
        return max(self.errors, key=abs)

    @property
    def bias(self) -> float:
        """Mean of the errors."""
        return statistics.fmean(self.errors)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.rms <= self.goal


def errors_of(predicted: Sequence[float], measured: Sequence[float]) -> tuple[float, ...]:
    """Return the signed relative errors.

    Raises:
        RecordError: nothing to compare, or a measurement of 0 that a relative error cannot have.

    >>> errors_of([11.0, 9.0], [10.0, 10.0])
    (0.1, -0.1)
    """
    if not predicted or len(predicted) != len(measured):
        raise RecordError(f"{len(predicted)} predictions for {len(measured)} measurements; one for each is needed")
    if any(value == 0 and guess != 0 for guess, value in zip(predicted, measured, strict=True)):
        raise RecordError("a measurement is 0, and a relative error is not defined; compare differences")
    return tuple(0.0 if p == m else (p - m) / m for p, m in zip(predicted, measured, strict=True))


def percent(value: float, signed: bool = False) -> str:
    """Return a ratio as text, three digits at most.

    >>> percent(0.0412), percent(-0.5, signed=True), percent(0.0)
    ('4.1 %', '-50 %', '0')
    """
    if value == 0:
        return "0"
    digits = 1 if abs(value) < 0.0995 else 0
    sign = "+" if signed else ""
    return f"{value * 100:{sign}.{digits}f} %"
