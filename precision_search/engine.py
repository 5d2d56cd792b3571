"""What the explorer needs from a simulator, so that any simulator (or a fake) can be put behind a sweep."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from precision_search.records import HardwareRecord, Inference, NumericsRecord
from precision_search.space import Vocabulary
from precision_search.task import Configuration, Subject, Task


class Session(Vocabulary, Protocol):
    """A simulator at work in one process; it keeps networks and data loaded between calls."""

    def subject(self, network: str, split: str, images: int | None) -> Subject:
        """Load the network and its data and return their identity. Raises HwsimError."""

    def task(self, configuration: Configuration, subject: Subject) -> Task:
        """Return the configuration with its keys. Raises HwsimError."""

    def warm_up(self, configuration: Configuration) -> None:
        """Compile what the configuration needs, on a handful of images; errors are left for the sweep to meet."""

    def baseline(self, configuration: Configuration) -> NumericsRecord:
        """Classify the configuration's images in floating point. Raises HwsimError."""

    def numerics(self, configuration: Configuration, subject: Subject) -> NumericsRecord:
        """Classify the images in the configuration's formats. May raise anything."""

    def numerics_many(self, configurations: Sequence[Configuration], subject: Subject) -> Sequence[Inference]:
        """Classify in each configuration's formats, together; the answers are those of ``numerics``."""

    def trails(self, configurations: Sequence[Configuration]) -> Sequence[tuple[Hashable, ...] | None]:
        """Return what each computes step by step, equal where two compute the same; None where it cannot be said."""

    def hardware(self, configuration: Configuration, numerics: NumericsRecord) -> HardwareRecord:
        """Count and price one inference on the configuration's machine. May raise anything."""


class Engine(Hashable, Protocol):
    """The recipe of a session: small, hashable, picklable; it travels to the workers."""

    def open(self) -> Session:
        """Return a new session."""
