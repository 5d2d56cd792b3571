"""What one configuration gave: counts, not rates, and a status for everything that is not a number."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class Status(enum.Enum):
    """How an evaluation ended."""

    OK = "ok"  #: every number is present and finite
    INFEASIBLE = "infeasible"  #: the machine cannot run it; the message says by how much and what would help
    NAN = "nan"  #: it ran, and a result was not a finite number; the message names which
    ERROR = "error"  #: it did not run; the message has the reason


@dataclass(frozen=True)
class Failure:
    """Why there are no numbers: the status, the kind of error and its message."""

    status: Status
    error_type: str
    message: str


@dataclass(frozen=True)
class NumericsRecord:
    """Which images a configuration classified correctly.

    Attributes:
        correct, total: images.
        mask: one bit per image in the order of the split, packed by ``numpy.packbits``.
        macs: multiply-accumulates over all images.
        layers: JSON text of what ran in which format, enough to price any machine without new inference.
        wall_s: seconds that the inference took.
        nan_images: images of which some output was NaN; they count as wrong.
    """

    correct: int
    total: int
    mask: bytes
    macs: int
    layers: str
    wall_s: float
    nan_images: int = 0


@dataclass(frozen=True)
class Inference:
    """What classifying the images in one configuration gave, and what it took beside others.

    Attributes:
        record: the answer, or why there is none.
        computed_macs: multiply-accumulates computed for it; what it shares is counted with the first that needs it.
        equal: True if every number is that of another configuration, whose answer this is.
    """

    record: NumericsRecord | Exception
    computed_macs: int = 0
    equal: bool = False


@dataclass(frozen=True)
class HardwareRecord:
    """What one inference (one image) costs on a machine.

    Attributes:
        cycles: clock cycles; ``runtime_s`` seconds at the machine's clock.
        energy_pj: picojoules by component, as (component, energy) in the order of the breakdown.
        energy_total_pj, power_w, area_um2: totals.
        weight_bits: bits of all weights as stored.
        unpriced: what no table row covers, in words; empty when everything is priced.
        wall_s: seconds that counting and pricing took.
        built: the machine that was priced, where the configuration names an area; empty where it names the machine.
    """

    cycles: int
    runtime_s: float
    energy_pj: tuple[tuple[str, float], ...]
    energy_total_pj: float
    power_w: float
    area_um2: float
    weight_bits: int
    unpriced: tuple[str, ...]
    wall_s: float
    built: str = ""

    def not_finite(self) -> list[str]:
        """Return the names of the numbers that are NaN or infinite."""
        numbers = {
            "runtime_s": self.runtime_s,
            "energy_total_pj": self.energy_total_pj,
            "power_w": self.power_w,
            "area_um2": self.area_um2,
            **{f"energy_{name}_pj": value for name, value in self.energy_pj},
        }
        return [name for name, value in numbers.items() if not math.isfinite(value)]


def pack_mask(correct: NDArray[np.bool_]) -> bytes:
    """Return one bit per image.

    >>> unpack_mask(pack_mask(np.array([True, False, True])), 3).tolist()
    [True, False, True]
    """
    return np.packbits(np.asarray(correct, dtype=bool)).tobytes()


def unpack_mask(mask: bytes, total: int) -> NDArray[np.bool_]:
    """Return the booleans that ``pack_mask`` was given; ``total`` of them."""
    return np.unpackbits(np.frombuffer(mask, dtype=np.uint8), count=total).astype(bool)
