"""How a network is trained, as data: everything that can change the weights is in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, astuple, dataclass, fields
from types import MappingProxyType
from typing import get_type_hints

from hwsim.errors import DataError, NetworkError, all_faults, unknown_name


@dataclass(frozen=True)
class Augmentation:
    """Bounds of the random map drawn anew for every training image (uniform within each bound).

    Attributes:
        rotation_degrees: Rotation within plus/minus this.
        scale: Relative zoom within 1 plus/minus this, drawn for each axis.
        shift_px: Shift within plus/minus this many pixels, for each axis.
        shear: Horizontal shear within plus/minus this (pixels per pixel).
        crop_px: The image is padded with zeros by so many pixels on every side and cropped anywhere to its own size.
        mirror: Half of the images, drawn anew each time, are mirrored left to right.
    """

    rotation_degrees: float = 0.0
    scale: float = 0.0
    shift_px: float = 0.0
    shear: float = 0.0
    crop_px: int = 0
    mirror: bool = False

    @property
    def is_affine_identity(self) -> bool:
        """Whether the affine map leaves every image as it is."""
        return not any((self.rotation_degrees, self.scale, self.shift_px, self.shear))


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum, warm-up, cosine decay to 0 and an exponential average of the weights.

    Attributes:
        epochs: Passes over the training images.
        batch: Images per step; the last incomplete batch of an epoch is dropped.
        learning_rate: Peak, after the warm-up.
        warmup_epochs: Linear rise from 0.
        momentum: Nesterov momentum.
        weight_decay: L2, on weights and not on biases.
        averaging: Decay per step of the averaged weights, which are the ones evaluated and kept.
        label_smoothing: Share of the target spread over all classes.
        validation: Images held out from the end of ``train``; the epoch with most of them correct is kept
            (the later one of equals). With 0 nothing is held out and the last epoch is kept.
        augmentation: Random affine maps of the training images.
        seed: Of initial weights, order and augmentation.
        threads: torch threads; another number may change the last bits of the weights.
        reduced: Products of convolutions and linear layers in bfloat16 (weights and sums stay float32) where the
            processor has instructions for it, and maps channels-last; else float32. It changes the weights.
        clip: Largest Euclidean norm of the gradient of all trained tensors together; a longer one is scaled down to
            it. 0 clips nothing. Source: Pascanu et al., ICML 2013, algorithm 1.
    """

    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    averaging: float = 0.999
    label_smoothing: float = 0.0
    validation: int = 0
    augmentation: Augmentation = Augmentation()
    seed: int = 1
    threads: int = 2
    reduced: bool = False
    clip: float = 0.0

    def __post_init__(self) -> None:
        faults = [f"{name} is {getattr(self, name)}; needed: {need}" for name, need in self._bad_fields()]
        if faults:
            raise DataError(all_faults("training recipe", faults))

    def _bad_fields(self) -> list[tuple[str, str]]:
        checks = (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "above 0"),
            ("warmup_epochs", self.warmup_epochs >= 0, "at least 0"),
            ("momentum", 0 <= self.momentum < 1, "0 <= momentum < 1"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("averaging", 0 <= self.averaging < 1, "0 <= averaging < 1"),
            ("label_smoothing", 0 <= self.label_smoothing < 1, "0 <= label_smoothing < 1"),
            ("validation", self.validation >= 0, "at least 0"),
            ("threads", self.threads >= 1, "at least 1"),
            ("clip", 0 <= self.clip < math.inf, "at least 0"),
            ("augmentation", min(astuple(self.augmentation)) >= 0, "no bound below 0"),
        )
        return [(name, need) for name, good, need in checks if not good]

    def rate_at(self, step: int, steps_per_epoch: int) -> float:
        """Return the learning rate of ``step`` (from 0): linear warm-up, then half a cosine down to 0.

        Source: Loshchilov & Hutter, "SGDR", arXiv:1608.03983, eq. 5, one period.

        >>> recipe = Recipe(epochs=2, batch=1, learning_rate=0.1, warmup_epochs=1)
        >>> [round(recipe.rate_at(s, 2), 3) for s in range(4)]
        [0.05, 0.1, 0.1, 0.05]
        """
        warmup = self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return self.learning_rate * min(1.0, (step + 1) / warmup)
        progress = (step - warmup) / max(1.0, self.epochs * steps_per_epoch - warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))

    def to_dict(self) -> dict[str, object]:
        """Return the recipe as a JSON-able dict, for the card of the network."""
        return asdict(self)


def recipe_from(mapping: Mapping[str, object]) -> Recipe:
    """Return the recipe that ``Recipe.to_dict`` wrote; fields that are left out have their defaults.

    >>> recipe_from({"epochs": 2, "batch": 8, "learning_rate": 0.1, "augmentation": {"mirror": True}}).batch
    8

    Args:
        mapping: By the names of the fields, as JSON has them.

    Raises:
        DataError: with every field that a recipe does not have, lacks, or has another type or bound for.
    """
    nested = mapping.get("augmentation", {})
    own = {name: value for name, value in mapping.items() if name != "augmentation"}
    faults = _field_faults(Recipe, own, "")
    faults += (
        _field_faults(Augmentation, nested, "augmentation.")
        if isinstance(nested, Mapping)
        else [f"augmentation is {nested!r}; needed: a table"]
    )
    if faults:
        raise DataError(
            f"{all_faults('training recipe', faults)}\nThis version cannot read it: train the network again"
        )
    return Recipe(**own, augmentation=Augmentation(**nested))  # type: ignore[arg-type]


def _field_faults(cls: type[Recipe | Augmentation], values: Mapping[str, object], begin: str) -> list[str]:
    known = {field.name: field for field in fields(cls) if field.name != "augmentation"}
    faults = [
        unknown_name("field", f"{begin}{name}", [f"{begin}{own}" for own in known])
        for name in values
        if name not in known
    ]
    faults += [
        f"{begin}{name} is missing" for name, field in known.items() if field.default is MISSING and name not in values
    ]
    types = get_type_hints(cls)
    return faults + [
        f"{begin}{name} is {value!r}; needed: {types[name].__name__}"
        for name, value in values.items()
        if name in known and not _is_of(value, types[name])
    ]


def _is_of(value: object, kind: type) -> bool:
    """Return whether ``value`` may stand for ``kind``: a whole number for a float, but no truth value for a number."""
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "digits-cnn": Recipe(
            epochs=120,
            batch=32,
            learning_rate=0.05,
            averaging=0.99,
            augmentation=Augmentation(rotation_degrees=15, scale=0.15, shift_px=1, shear=0.2),
            threads=1,
        ),
        "lenet5": Recipe(
            epochs=25,
            batch=128,
            learning_rate=0.05,
            averaging=0.998,
            validation=5000,
            augmentation=Augmentation(rotation_degrees=10, scale=0.1, shift_px=2, shear=0.1),
        ),
        "lenet300": Recipe(
            epochs=40,
            batch=128,
            learning_rate=0.05,
            averaging=0.998,
            validation=5000,
            augmentation=Augmentation(rotation_degrees=10, scale=0.1, shift_px=2, shear=0.1),
            threads=1,
        ),
        "resnet20": Recipe(
            epochs=48,
            batch=256,
            learning_rate=0.2,
            averaging=0.995,
            augmentation=Augmentation(crop_px=4, mirror=True),
            reduced=True,
        ),
    }
)


def recipe_for(name: str) -> Recipe:
    """Return the recipe of a trainable network.

    >>> recipe_for("lenet5").validation
    5000

    Raises:
        NetworkError: for an unknown name.
    """
    if name not in RECIPES:
        raise NetworkError(unknown_name("trainable network", name, RECIPES))
    return RECIPES[name]
