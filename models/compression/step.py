"""A step of compression: a network in, a network out, and what it has to work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hwsim.network import Network
from models.data.dataset import Dataset
from models.training.hooks import Hook
from models.training.recipe import RECIPES, Augmentation, Recipe, recipe_from

if TYPE_CHECKING:
    from models.training.loop import Epoch, Fit


@dataclass(frozen=True)
class Training:
    """How a step retrains, where it does: the rest comes from the recipe that the network was trained with.

    Attributes:
        epochs: Passes over the training images; 0 retrains nothing.
        learning_rate: Peak; half a cosine down to 0 from there, without a warm-up.
        batch: Images per step; 0 is the network's own.
        weight_decay: L2, on weights and not on biases; below 0 is the network's own.
        averaging: Decay per step of the averaged weights, which are kept; 0 keeps the current ones.
        augment: Whether images are augmented as in the network's own training.
        seed: Of the order and the augmentation.
        clip: Largest norm of the gradient; a longer one is scaled down to it; 0 clips nothing.
    """

    epochs: int = 0
    learning_rate: float = 0.01
    batch: int = 0
    weight_decay: float = -1.0
    averaging: float = 0.0
    augment: bool = True
    seed: int = 1
    clip: float = 0.0


@dataclass(frozen=True)
class Work:
    """What steps work with.

    Attributes:
        train: Images that training and statistics may see.
        report: Called with each line of the log.
        threads: torch threads.
    """

    train: Dataset
    report: Callable[[str], None] = lambda line: None
    threads: int = 2

    def recipe(self, network: Network, training: Training) -> Recipe:
        """Return the whole recipe of a retraining of ``network``: what ``training`` leaves open is its own."""
        own = own_recipe(network)
        return replace(
            own,
            epochs=training.epochs,
            learning_rate=training.learning_rate,
            warmup_epochs=0.0,
            batch=training.batch or own.batch,
            weight_decay=own.weight_decay if training.weight_decay < 0 else training.weight_decay,
            averaging=training.averaging,
            augmentation=own.augmentation if training.augment else Augmentation(),
            validation=0,
            seed=training.seed,
            clip=training.clip,
            threads=self.threads,
        )

    def retrain(self, network: Network, training: Training, hooks: Sequence[Hook] = ()) -> Fit:
        """Train ``network`` on with ``hooks`` in every step; each epoch is reported.

        Raises:
            DataError: when the recipe cannot be read or does not fit the data.
            MissingExtraError: when torch is not installed.
        """
        from models.training.loop import fit

        if line := _stand_in(network):
            self.report(line)
        return fit(network, self.train, self.recipe(network, training), self._epoch, hooks)

    def _epoch(self, epoch: Epoch) -> None:
        self.report(f"  epoch {epoch.epoch}: rate {epoch.learning_rate:.4g}, loss {epoch.train_loss:.4f}")


def own_recipe(network: Network) -> Recipe:
    """Return the recipe that the card of ``network`` names, or what stands in for it where it names none.

    Raises:
        DataError: a recipe that this version cannot read.
    """
    if names_recipe(network):
        return recipe_from(network.metadata["recipe"])
    return RECIPES.get(network.name, Recipe(epochs=1, batch=64, learning_rate=0.01))


def names_recipe(network: Network) -> bool:
    """Return whether the card of ``network`` has a training recipe."""
    return isinstance(network.metadata.get("recipe"), Mapping)


def _stand_in(network: Network) -> str:
    """Return what the log says of a network whose card has no recipe; nothing for one that has."""
    if names_recipe(network):
        return ""
    known = f"that of {network.name}" if network.name in RECIPES else "a plain one, without augmentation"
    return f"  the card has no training recipe; the rest comes from {known}"


class Step(ABC):
    """One method with its options: subclasses are frozen dataclasses whose fields are the options.

    Attributes:
        method: Its name in recipes and on the command line.
        keeps_batch_norms: Whether it also works on a network whose batch-norms are not folded, which trains better.
        restricts: What it leaves with few distinct numbers: weights, biases, or nothing.
        version: Raised where the same options give another result than before: kept steps of earlier versions are then
            not gone on from.
    """

    method: ClassVar[str]
    keeps_batch_norms: ClassVar[bool] = False
    restricts: ClassVar[Literal["", "weights", "biases"]] = ""
    version: ClassVar[int] = 1

    @abstractmethod
    def apply(self, network: Network, work: Work) -> Network:
        """Return the compressed network; ``network`` is folded (``hwsim.network.fold``) but for ``keeps_batch_norms``.

        Raises:
            CompressionError: when the options do not fit the network.
        """

    def options(self) -> dict[str, Any]:
        """Return the options as a JSON-able dict."""
        return _plain(asdict(self))  # type: ignore[call-overload,no-any-return]


def recorded(network: Network, step: Step, facts: Mapping[str, object] | None = None) -> Network:
    """Return ``network`` with ``step``, its options and what it found out added to the card's list "compression"."""
    before = network.metadata.get("compression", [])
    entry: dict[str, object] = {"method": step.method, "options": step.options()}
    entry |= {"restricts": step.restricts} if step.restricts else {}
    entry |= {"facts": dict(facts)} if facts else {}
    return replace(network, metadata={**network.metadata, "compression": [*before, entry]})  # type: ignore[misc]


def _plain(value: Any) -> Any:
    """Return ``value`` with lists for tuples, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
