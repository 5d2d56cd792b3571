"""How a diagonal of the Hessian is found."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.errors import all_faults, unknown_name
from models.compression.errors import CompressionError

METHODS = ("exact", "exact-root", "backprop", "hutchinson", "adam", "fisher", "ones")


@dataclass(frozen=True)
class Diagonal:
    """Options of ``diagonal``.

    Attributes:
        method: "exact": the Hessian's own diagonal. "exact-root": its square root, which differs less from weight to
            weight. "backprop": the recursion of Becker & LeCun, which drops products of different units. "hutchinson":
            random probes. "adam": the root of Adam's second moment. "fisher": mean squared gradients. "ones": all
            weights alike.
        samples: Images, drawn from the training images without replacement.
        seed: Of the draw, the probes and Adam's batches.
        probes: Random vectors of "hutchinson".
        passes: How often "adam" goes through the samples.
        batch: Images in each of Adam's gradients.
        rate: Adam's learning rate; 0 leaves the weights where they are.
        power: What Adam's second moment is raised to: 0.5 is the published root, 1 the moment itself.
    """

    method: str = "exact"
    samples: int = 1000
    seed: int = 1
    probes: int = 100
    passes: int = 3
    batch: int = 32
    rate: float = 0.0
    power: float = 0.5

    def __post_init__(self) -> None:
        faults = [] if self.method in METHODS else [unknown_name("method", self.method, METHODS)]
        for name, least in (("samples", 1), ("probes", 2), ("passes", 1), ("batch", 1), ("rate", 0.0)):
            if getattr(self, name) < least:
                faults.append(f"{name} is {getattr(self, name)}; at least {least} is needed")
        if self.power <= 0:
            faults.append(f"power is {self.power}; it must be above 0")
        if faults:
            raise CompressionError(all_faults("diagonal of a Hessian", faults))
