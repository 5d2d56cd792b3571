"""Which images a run learns from and is counted on, as its card says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.compression.answers import Images
from models.compression.errors import CompressionError
from models.data import Dataset, hold_out, load_data

VALIDATION = "validation"


@dataclass(frozen=True)
class ImageChoice:
    """Which images a network is trained on, and which its accuracy is counted on.

    Attributes:
        data: Name of the data set, or the path of a .npz file of one's own.
        split: That accuracy is counted on.
        hold_out: So many images at the end of train are not trained on; they are then the split "validation".
        limit: Only the first so many images of train and of the split; None takes all. Calibration stays whole.
    """

    data: str
    split: str = "test"
    hold_out: int = 0
    limit: int | None = None

    def train(self, root: Path | None = None) -> Dataset:
        """Return the images to train on.

        Raises:
            CompressionError: images are to be counted on that would be trained on.
            DataError: numbers of images that there are not, and data that cannot be read.
        """
        if self.split == VALIDATION and not self.hold_out:
            raise CompressionError(
                "--split validation counts on images of train: keep N of them from it with --hold-out N"
            )
        train = load_data(self.data, "train", root)
        return self._limited(hold_out(train, self.hold_out)[0] if self.hold_out else train)

    def images(self, root: Path | None = None) -> Images:
        """Return the images that accuracy is counted on, and those that scales of activations are chosen on.

        >>> found = ImageChoice("digits", VALIDATION, hold_out=60).images()
        >>> len(found.test), found.test.split
        (60, 'validation')

        Raises:
            DataError: numbers of images that there are not, and data that cannot be read.
        """
        held = self.split == VALIDATION and self.hold_out > 0
        split = load_data(self.data, "train" if held else self.split, root)
        counted = self._limited(hold_out(split, self.hold_out)[1] if held else split)
        return Images(counted, load_data(self.data, "calibration", root))

    def _limited(self, data: Dataset) -> Dataset:
        return data if self.limit is None else data.subset(self.limit)


def images_on_card(entry: Mapping[str, Any]) -> ImageChoice:
    """Return what ``dataclasses.asdict`` of a choice wrote onto a card.

    >>> images_on_card({"data": "mnist", "split": "test", "hold_out": 0, "limit": None})
    ImageChoice(data='mnist', split='test', hold_out=0, limit=None)

    Raises:
        TypeError: other entries or types.
    """
    found = ImageChoice(**entry)
    texts, count, limit = (found.data, found.split), found.hold_out, found.limit
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(n, int) for n in (count, limit or 0)):
        raise TypeError(f"the images are {dict(entry)}")
    return found
