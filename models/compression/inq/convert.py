"""Conversions to what a shifter multiplies by, without retraining or with one through the rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.arith.fit import fit
from hwsim.arith.quantize import quantize
from hwsim.errors import FormatError, HwsimError
from hwsim.formats import ApotFormat, NumberFormat, ScaledFormat, ShiftCnnFormat, parse
from hwsim.network import Network
from models.compression.errors import raise_faults
from models.compression.inq.codebook import Codebook, Rounding, bits_faults
from models.compression.inq.freeze import InqHook
from models.compression.inq.greedy import greedy
from models.compression.inq.straight import Rounder, StraightThroughHook
from models.compression.retrain import report_left
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import weight_names, with_tensors

Chooser = Callable[[NDArray[Any]], NumberFormat]

_NO_TRAINING = Training()


def converted(
    network: Network, work: Work, step: Step, choose: Chooser, training: Training, rounding: Rounder = quantize
) -> Network:
    """Return ``network`` with every weight rounded to the format that ``choose`` returns for a layer's first weights.

    With ``training.epochs`` the weights are first trained through the rounding. Weights that are exactly zero stay so.
    The card gets the format of each layer.

    Raises:
        CompressionError: weights that no format can be chosen for, and a format without 0 for weights that are 0.
    """
    formats = _fitted(network, choose)
    zeros = {name: network.tensors[name] == 0 for name in formats}
    raise_faults(f"formats for the weights of {network.name!r}", _zero_faults(zeros, formats, rounding))
    trained: Mapping[str, NDArray[Any]] = network.tensors
    if training.epochs:
        report_left(network, work, ("biases",))
        hooks = [InqHook(zeros), StraightThroughHook(formats, rounding)]
        trained = work.retrain(network, training, hooks).tensors
    rounded = {name: np.where(zeros[name], 0.0, rounding(trained[name], own)) for name, own in formats.items()}
    result = with_tensors(network, {**trained, **rounded})
    spelled = {name.removesuffix(".weight"): str(own) for name, own in formats.items()}
    return recorded(result, step, {"formats": spelled, "epochs": training.epochs})


def _zero_faults(
    zeros: Mapping[str, NDArray[np.bool_]], formats: Mapping[str, NumberFormat], rounding: Rounder
) -> list[str]:
    """Return a fault for every tensor with zeros whose format has none."""
    return [
        f"{name}: {np.count_nonzero(zeros[name])} weights are 0, which {fmt} does not have: choose a format with 0"
        for name, fmt in formats.items()
        if zeros[name].any() and rounding(np.zeros(1, np.float32), fmt)[0] != 0
    ]


def _fitted(network: Network, choose: Chooser) -> dict[str, NumberFormat]:
    formats: dict[str, NumberFormat] = {}
    faults: list[str] = []
    for name in weight_names(network):
        try:
            formats[name] = choose(network.tensors[name])
        except HwsimError as error:
            faults.append(f"{name}: {error}")
    raise_faults(f"formats for the weights of {network.name!r}", faults)
    return formats


@dataclass(frozen=True)
class Pow2(Step):
    """Powers of two at one stroke: the codebook of INQ in every layer, with or without retraining through it.

    With retraining it is trained as DeepShift-Q is (Elhoushi et al., CVPR-W 2021), but with INQ's numbers: a weight
    goes to the power of two that is nearer in value (the boundary is 3/4 of the larger one) and there is a 0, where
    DeepShift-Q rounds the exponent (the boundary is 1/sqrt(2) of the larger one) and has none.

    Attributes:
        bits: Of one weight, 2 (ternary) to 6.
        rounding: By the thresholds of INQ's eq. 4, or to the nearest number with ties to the smaller.
        scale: The codebook of a layer by INQ's eq. 3 ("largest"), which covers the largest weight, or the one nearest
            to all weights, which cuts off the largest ("least-squares").
        training: Through the rounding, before it is made final; 0 epochs convert only.
    """

    method: ClassVar[str] = "pow2"
    restricts = "weights"

    bits: int = 5
    rounding: Rounding = "thresholds"
    scale: Literal["largest", "least-squares"] = "largest"
    training: Training = _NO_TRAINING

    def __post_init__(self) -> None:
        raise_faults("options of pow2", bits_faults(self.bits) + _training_faults(self.training))

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with every weight in the codebook of its layer."""
        rounding = partial(_pow2, rounding=self.rounding)
        return converted(network, work, self, self._format, self.training, rounding)

    def _format(self, values: NDArray[Any]) -> NumberFormat:
        choose = Codebook.least_squares if self.scale == "least-squares" else Codebook.of
        return choose(values, self.bits).format


@dataclass(frozen=True)
class Apot(Step):
    """Additive powers of two (APoT), with or without retraining through the rounding.

    Source: Li et al., ICLR 2020. Their scale is trained; here it is the power of two with the least squared error.

    Attributes:
        bits: Of one weight, 3 to 9.
        training: Through the rounding, before it is made final; 0 epochs convert only.
    """

    method: ClassVar[str] = "apot"
    restricts = "weights"

    bits: int = 4
    training: Training = _NO_TRAINING

    def __post_init__(self) -> None:
        raise_faults("options of apot", _format_faults(lambda: ApotFormat(self.bits)) + _training_faults(self.training))

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with every weight a sum of powers of two."""
        fmt = ScaledFormat(ApotFormat(self.bits))
        return converted(network, work, self, partial(fit, fmt), self.training)


@dataclass(frozen=True)
class ShiftCnn(Step):
    """Sums of N signed powers of two (ShiftCNN), with or without retraining through the rounding.

    Source: Gudovskiy & Rigazio, arXiv 1706.02393. Their scale is max|w|; here it is the power of two with the least
    squared error, so that weights are shifts and nothing else.

    Attributes:
        terms: N, 1 to 4.
        term_bits: B, 2 to 5; N B at most 12.
        rounding: The authors' greedy search, or the nearest sum.
        training: Through the rounding, before it is made final; 0 epochs convert only.
    """

    method: ClassVar[str] = "shiftcnn"
    restricts = "weights"

    terms: int = 2
    term_bits: int = 4
    rounding: Literal["greedy", "nearest"] = "greedy"
    training: Training = _NO_TRAINING

    def __post_init__(self) -> None:
        faults = _format_faults(lambda: ShiftCnnFormat(self.terms, self.term_bits))
        raise_faults("options of shiftcnn", faults + _training_faults(self.training))

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with every weight a sum of powers of two."""
        fmt = ScaledFormat(ShiftCnnFormat(self.terms, self.term_bits))
        rounding: Rounder = greedy if self.rounding == "greedy" else quantize
        return converted(network, work, self, partial(fit, fmt), self.training, rounding)


@dataclass(frozen=True)
class Convert(Step):
    """Any format of hwsim for the weights, with or without retraining through the rounding.

    Attributes:
        weights: The format, such as int8 or e4m3@auto; a scale or table that it leaves open is fitted to each layer.
        training: Through the rounding, before it is made final; 0 epochs convert only.
    """

    method: ClassVar[str] = "convert"
    restricts = "weights"

    weights: str = "int8"
    training: Training = _NO_TRAINING

    def __post_init__(self) -> None:
        raise_faults(
            "options of convert", _format_faults(lambda: parse(self.weights)) + _training_faults(self.training)
        )

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with every weight a number of the format."""
        return converted(network, work, self, partial(fit, parse(self.weights)), self.training)


def _pow2(values: NDArray[Any], fmt: NumberFormat, rounding: Rounding) -> NDArray[np.float32]:
    assert isinstance(fmt, ScaledFormat)
    assert fmt.exponent is not None
    return Codebook(fmt.bits, fmt.exponent).quantize(values, rounding)


def _format_faults(build: Any) -> list[str]:
    try:
        build()
    except FormatError as error:
        return [str(error)]
    return []


def _training_faults(training: Training) -> list[str]:
    return [] if training.epochs >= 0 else [f"training.epochs is {training.epochs}; needed: at least 0 epochs"]
