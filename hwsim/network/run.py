"""Running one network in one assignment of formats, bit-accurately, a bounded number of images at a time."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hwsim.arith import kernels
from hwsim.errors import HwsimError
from hwsim.network.assignment import Assignment
from hwsim.network.graph import Network
from hwsim.network.numerics import LayerNumerics, NumericsResult
from hwsim.network.shared_run import BATCH, run_many
from hwsim.network.steps import Arithmetic

__all__ = ["BATCH", "LayerNumerics", "NumericsResult", "run_numerics"]


def run_numerics(
    network: Network,
    assignment: Assignment,
    images: NDArray[Any],
    labels: NDArray[Any],
    calibration: NDArray[Any],
    *,
    batch: int = BATCH,
    threads: int = 1,
    arithmetic: Arithmetic = kernels,
) -> NumericsResult:
    """Run ``images`` through ``network`` in the formats of ``assignment``: the one-configuration case of ``run_many``.

    Args:
        network: folded or not.
        assignment: the formats.
        images: [images, C, H, W], float32.
        labels: class of each image.
        calibration: images that activation scales are chosen on.
        batch: images per pass; the result does not depend on it.
        threads: batches computed at the same time; the result does not depend on it.
        arithmetic: what computes; hwsim.arith.reference gives the same bits, slowly.

    Raises:
        FormatError: formats that the layers cannot run in.
        DataError: images of the wrong shape or number.
        NetworkError: a network that is not valid.
    """
    (outcome,) = run_many(
        network, (assignment,), images, labels, calibration, batch=batch, threads=threads, arithmetic=arithmetic
    )
    if isinstance(outcome, HwsimError):
        raise outcome
    return outcome
