"""Incremental network quantization: step by step more weights become powers of two, the others make up for it.

Source: Zhou et al., "Incremental Network Quantization", ICLR 2017, Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.errors import raise_faults
from models.compression.inq.activations import MAX_ACT_BITS, ActivationHook, activation_formats
from models.compression.inq.codebook import Codebook, Rounding, bits_faults
from models.compression.inq.freeze import InqHook
from models.compression.inq.partition import PORTIONS, Mask, Order, grown, portion_faults, ranks
from models.compression.retrain import report_left
from models.compression.step import Step, Training, Work, recorded
from models.compression.weights import weight_names, with_tensors
from models.training.hooks import Hook

Scale = Literal["initial", "every-step", "least-squares"]

_TRAINING = Training(epochs=1, learning_rate=0.01)


@dataclass(frozen=True)
class Inq(Step):
    """Incremental network quantization: weights become powers of two, the largest first, and the others are retrained.

    In each step a further portion of every layer's weights is quantised and frozen, and the rest is retrained at full
    precision with a learning rate schedule of its own. The last step quantises the rest and retrains nothing.

    Attributes:
        bits: Of one weight, 2 (ternary) to 6.
        portions: Of a layer's weights that are quantised after each step, rising to 1; empty is the schedule
            published for ResNet-18 with these bits.
        partition: Which weights come first: those of the largest magnitude (pruning-inspired), or random ones.
        rounding: By the thresholds of eq. 4, or to the nearest number with ties to the smaller, as the authors' code.
        scale: The codebook of a layer by eq. 3 from its weights before the first step ("initial"), or from its weights
            at every step, as the authors' code, where weights that the new codebook lacks are quantised again; or the
            one nearest to the weights before the first step, which cuts off the largest ("least-squares").
        biases: Left as they are and trained in every retraining, or quantised like weights, as the authors' code.
        keep_zeros: Weights that are exactly zero stay so and do not count among the portions: a pruned network.
        act_bits: Of activations, which the retraining sees rounded; 0 leaves them alone.
        input_bits: Of the images, where activations are rounded.
        calibration: Training images that the scales of activations are chosen on.
        bias_epochs: Epochs of retraining after the last step, in which only the biases move.
        seed: Of the random partition.
        training: Each retraining: one fewer than there are steps. Its seed counts up from step to step.
    """

    method: ClassVar[str] = "inq"
    restricts = "weights"

    bits: int = 5
    portions: tuple[float, ...] = ()
    partition: Order = "magnitude"
    rounding: Rounding = "thresholds"
    scale: Scale = "initial"
    biases: Literal["float", "quantised"] = "float"
    keep_zeros: bool = True
    act_bits: int = 0
    input_bits: int = 8
    calibration: int = 500
    bias_epochs: int = 0
    seed: int = 1
    training: Training = _TRAINING

    def __post_init__(self) -> None:
        faults = bits_faults(self.bits) + (portion_faults(self.portions) if self.portions else [])
        checks = (
            ("act_bits", self.act_bits, self.act_bits == 0 or 2 <= self.act_bits <= MAX_ACT_BITS, "0, or 2 to 8 bits"),
            ("input_bits", self.input_bits, 2 <= self.input_bits <= MAX_ACT_BITS, "2 to 8 bits"),
            ("calibration", self.calibration, self.calibration >= 1, "at least 1 image"),
            ("bias_epochs", self.bias_epochs, self.bias_epochs >= 0, "at least 0 epochs"),
            ("training.epochs", self.training.epochs, self.training.epochs >= 0, "at least 0 epochs"),
        )
        if self.bias_epochs and self.biases == "quantised":
            faults.append('bias_epochs need biases that can move: biases = "float"')
        raise_faults("options of inq", faults, checks)

    @property
    def schedule(self) -> tuple[float, ...]:
        """The accumulated portions."""
        return self.portions or PORTIONS[self.bits]

    def apply(self, network: Network, work: Work) -> Network:
        """Return the network with every weight in the codebook of its layer.

        The card gets the exponent n1 of each tensor, its format in hwsim, those of the activations, the epochs spent,
        and how many frozen weights a changed codebook moved.

        Raises:
            CompressionError: weights that are not finite or beyond the codebooks.
        """
        activations, hooks = self._activation_hooks(network, work)
        state = Quantised.begin(network, self)
        if self.biases == "float" and self.training.epochs + self.bias_epochs:
            report_left(network, work, ("biases",))
        epochs = 0
        for place, portion in enumerate(self.schedule, start=1):
            network = state.advance(network, portion)
            work.report(f"inq step {place} of {len(self.schedule)}: {state.summary()}")
            training = replace(self.training, seed=self.training.seed + place - 1)
            if portion == 1:
                training = replace(training, epochs=self.bias_epochs)
            if training.epochs:
                fitted = work.retrain(network, training, [InqHook(state.taken), *hooks])
                network = with_tensors(network, fitted.tensors)
                epochs += training.epochs
        return recorded(network, self, state.facts() | {"epochs": epochs, **activations})

    def _activation_hooks(self, network: Network, work: Work) -> tuple[dict[str, object], list[Hook]]:
        if not self.act_bits:
            return {}, []
        images = work.train.images[: self.calibration]
        formats = activation_formats(network, images, self.act_bits, self.input_bits)
        return {"activations": {name: str(fmt) for name, fmt in formats.items()}}, [ActivationHook(formats)]


class Quantised:
    """Which weights are quantised so far, and in which codebooks.

    Attributes:
        books: The codebook of each tensor.
        moved: Frozen weights that a changed codebook has moved so far.
    """

    def __init__(self, options: Inq, members: Mapping[str, Mask], books: Mapping[str, Codebook]) -> None:
        self._options, self._members = options, dict(members)
        self._quantised = {name: np.zeros_like(mask) for name, mask in members.items()}
        self.books, self.moved = dict(books), 0

    @classmethod
    def begin(cls, network: Network, options: Inq) -> Quantised:
        """Nothing is quantised yet, and the codebooks are those of the weights as they are."""
        names = weight_names(network)
        if options.biases == "quantised":
            names = tuple(name for name in network.tensors if name in names or name.endswith(".bias"))
        tensors = {name: network.tensors[name] for name in names}
        members = {
            name: tensor != 0 if options.keep_zeros else np.ones(tensor.shape, bool) for name, tensor in tensors.items()
        }
        choose = Codebook.least_squares if options.scale == "least-squares" else Codebook.of
        return cls(options, members, {name: choose(tensor, options.bits) for name, tensor in tensors.items()})

    @property
    def taken(self) -> dict[str, Mask]:
        """Where each tensor is frozen, by name: quantised weights and kept zeros."""
        return {name: mask | ~self._members[name] for name, mask in self._quantised.items()}

    def advance(self, network: Network, portion: float) -> Network:
        """Quantise an accumulated portion of each tensor and return the network with it."""
        return with_tensors(network, {name: self._advance(name, network, portion) for name in self._members})

    def _advance(self, name: str, network: Network, portion: float) -> NDArray[np.float32]:
        options, values = self._options, network.tensors[name]
        before = self._quantised[name]
        if options.scale == "every-step":
            self.books[name] = Codebook.of(values, options.bits)
        rank = ranks(values, options.partition, name, options.seed)
        after = grown(before, self._members[name], rank, portion)
        result = np.where(after, self.books[name].quantize(values, options.rounding), values)
        self._quantised[name] = after
        self.moved += int((result != values)[before].sum())
        return result

    def summary(self) -> str:
        """Return one line for the log."""
        total = sum(int(mask.sum()) for mask in self._members.values())
        done = sum(int(mask.sum()) for mask in self._quantised.values())
        return f"{done} of {total} weights quantised to {self._options.bits} bits"

    def facts(self) -> dict[str, object]:
        """Return what the card gets."""
        return {
            "exponents": {name: book.top for name, book in self.books.items()},
            "formats": {
                name.removesuffix(".weight"): str(book.format)
                for name, book in self.books.items()
                if name.endswith(".weight")
            },
            "moved": self.moved,
        }
