"""What a network answers in float64 and on the array: all of a measurement that no machine and no price changes.

Float32 networks are measured again for every network that is made from them, so their answers can be kept in a folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from hwsim.network.run import LayerNumerics, run_numerics
from models.accuracy import correct_float
from models.compression.errors import CompressionError
from models.compression.on_array import array_assignment
from models.compression.recipe import ArraySettings
from models.compression.writing import write_text
from models.data.dataset import Dataset
from models.provenance import code_and_packages, is_dirty

Mask = NDArray[np.bool_]
Report = Callable[[str], None]
_FORMATS = ("weights", "plain", "entries", "acts", "acc")


@dataclass(frozen=True)
class Images:
    """The images of a measurement.

    Attributes:
        test: That accuracy is counted on.
        calibration: That scales of activations are chosen on.
    """

    test: Dataset
    calibration: Dataset


@dataclass(frozen=True)
class Answers:
    """Which images a network gets right, and what its layers ran in.

    Attributes:
        float_mask: Images that it gets right in float64, bool (images,).
        array_mask: Images that it gets right on the array, bit by bit, bool (images,).
        layers: What each layer ran in and did on the array, summed over the images.
    """

    float_mask: Mask = field(repr=False)
    array_mask: Mask = field(repr=False)
    layers: tuple[LayerNumerics, ...] = field(repr=False)


def answers(network: Network, images: Images, settings: ArraySettings, threads: int = 1) -> Answers:
    """Run a folded network in float64 and on the array.

    Raises:
        DataError: images that do not fit the network.
        FormatError: formats that the layers cannot run in.
    """
    test, calibration = images.test, images.calibration.images
    in_float = correct_float(network, test)
    assignment, _ = array_assignment(network, settings)
    ran = run_numerics(network, assignment, test.images, test.labels, calibration, threads=threads)
    return Answers(in_float, ran.correct_mask, ran.layers)


class KeptAnswers:
    """Answers of networks that are asked for again and again: computed once, and kept in a folder if there is one.

    A file there is read back where it was made by the same code, packages and processor, from a checkout without
    changes, out of the same network, card, images and formats.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._known = folder, dict[str, Answers]()

    def of(self, network: Network, images: Images, settings: ArraySettings, threads: int, report: Report) -> Answers:
        """Return the answers of ``network``; ``report`` hears where they come from when they are read.

        Raises:
            CompressionError: a file of the folder that is damaged, or one that cannot be written.
            HwsimError: as ``answers``.
        """
        key = answers_key(network, images, settings)
        if key not in self._known:
            self._known[key] = self._read(key, report) or self._made(key, network, images, settings, threads)
        return self._known[key]

    def _path(self, key: str) -> Path | None:
        keep = self._folder is not None and not is_dirty(code_and_packages()["code"])
        return self._folder / f"reference-{key[:24]}.json" if keep and self._folder else None

    def _read(self, key: str, report: Report) -> Answers | None:
        path = self._path(key)
        if path is None or not path.exists():
            return None
        report(f"measured before, from {path.name}")
        return read_answers(path, key)

    def _made(self, key: str, network: Network, images: Images, settings: ArraySettings, threads: int) -> Answers:
        found, path = answers(network, images, settings, threads), self._path(key)
        if path is not None:
            write_answers(path, key, found)
        return found


def answers_key(network: Network, images: Images, settings: ArraySettings) -> str:
    """Return a hash of everything that decides the answers of ``network``."""
    parts: Mapping[str, Any] = {
        "network": network.content_hash,
        "card": dict(network.metadata),
        "images": [[own.name, own.split, len(own), own.sha256] for own in (images.test, images.calibration)],
        "formats": {name: getattr(settings, name) for name in _FORMATS},
        "made": code_and_packages(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def write_answers(path: Path, key: str, found: Answers) -> None:
    """Write answers as JSON, masks as hexadecimal digits of their bits. Raises CompressionError."""
    masks = {name: _hex(mask) for name, mask in (("float", found.float_mask), ("array", found.array_mask))}
    layers = [layer.to_dict() for layer in found.layers]
    write_text(path, json.dumps({"key": key, "images": int(found.float_mask.size), **masks, "layers": layers}) + "\n")


def read_answers(path: Path, key: str) -> Answers:
    """Read what ``write_answers`` wrote, trusting nothing in the file.

    Raises:
        CompressionError: unreadable, damaged, or of another key.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] != key:
            raise ValueError("it is of another network, of other images or other code")
        in_float, on_array = (_mask(found[name], int(found["images"])) for name in ("float", "array"))
        return Answers(in_float, on_array, tuple(LayerNumerics.from_dict(layer) for layer in found["layers"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompressionError(f"{path} cannot be used ({error}): delete it") from error


def _hex(mask: Mask) -> str:
    return np.packbits(mask).tobytes().hex()


def _mask(digits: str, count: int) -> Mask:
    data = np.frombuffer(bytes.fromhex(digits), np.uint8)
    if data.size != -(-count // 8):
        raise ValueError(f"{8 * data.size} bits for {count} images")
    return np.unpackbits(data, count=count).astype(np.bool_)
