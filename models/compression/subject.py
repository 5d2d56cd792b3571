"""A network to measure, and the file that it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hwsim.errors import unknown_name
from hwsim.network import Network, fold
from models.compression.container import CODERS, SUFFIX, FileSizes, pack, paper_ratio, sizes, unpack
from models.compression.container.store import read_compressed
from models.compression.errors import CompressionError
from models.registry import NETWORKS, load_network

FLOAT_BITS = 32
_CARD = "card.json"


@dataclass(frozen=True)
class Subject:
    """A network to measure and the file that it takes.

    Attributes:
        label: How the table calls it.
        network: Folded.
        data: Bytes of its compressed file; None for a network in float32, which takes 32 bits a parameter.
        file: The file that it was read from; None for a network by name.
        note: What of it is not known, in words; empty where nothing is missing.
    """

    label: str
    network: Network
    data: bytes | None = field(repr=False)
    file: Path | None = None
    note: str = ""

    @property
    def parameters(self) -> int:
        """Numbers in all tensors, biases included, batch-norms folded."""
        return sum(tensor.size for tensor in self.network.tensors.values())

    @property
    def file_bytes(self) -> int:
        """Bytes of the file."""
        return FLOAT_BITS // 8 * self.parameters if self.data is None else len(self.data)

    @property
    def coder(self) -> str:
        """Entropy coder of the file, one of ``CODERS``; empty for float32."""
        return "" if self.data is None else tuple(CODERS)[self.data[3] & 15]

    @cached_property
    def sizes(self) -> FileSizes | None:
        """Where the bytes of the file are; None for float32."""
        return None if self.data is None else sizes(self.data)

    @property
    def bits_per_weight(self) -> float:
        """Bits of the file that are spent on weights, over the number of weights, zeros included."""
        return float(FLOAT_BITS) if self.sizes is None else self.sizes.weight_bits_per_parameter

    @cached_property
    def paper_ratio(self) -> float:
        """Equation (1) of Choi et al. (2017), which knows no header and no graph."""
        return 1.0 if self.data is None else paper_ratio(self.network)


def subject(name_or_path: str, coder: str = "arithmetic") -> Subject:
    """Return a network by name or from a file, folded, with the bytes that it takes compressed.

    A ``.hwz`` file is measured as it is; a ``.npz`` file that a compression step has changed is packed by ``coder``;
    anything else is a float32 network and takes 32 bits a parameter.

    >>> subject("digits-cnn").file_bytes
    24360

    Raises:
        NetworkError: unknown name, or an unreadable .npz file.
        CompressionError: an unreadable .hwz file or card, or a network that cannot be packed.
    """
    if name_or_path.endswith(SUFFIX):
        return _packed(Path(name_or_path))
    if not name_or_path.endswith(".npz") and name_or_path not in NETWORKS:
        known = unknown_name("network", name_or_path, NETWORKS)
        raise CompressionError(f"{known}; or the path of a .npz or {SUFFIX} file")
    network = fold(load_network(name_or_path))
    data = pack(network, coder) if network.metadata.get("compression") else None
    if not name_or_path.endswith(".npz"):
        return Subject(name_or_path, network, data)
    path = Path(name_or_path)
    return Subject(_place(path).name, network, data, path)


def _packed(path: Path) -> Subject:
    data = read_compressed(path)
    try:
        network = fold(unpack(data))
    except CompressionError as error:
        raise CompressionError(f"{path}: {error}") from error
    card, note = card_beside(path, network)
    return Subject(_place(path).name, replace(network, metadata=card), data, path, note)


def card_beside(path: Path, network: Network) -> tuple[dict[str, Any], str]:
    """Return the card of ``network`` from the ``card.json`` of a stored run beside its file, which holds none itself.

    Without a card, and beside that of another network, the file's own entries are returned, and a line that says so:
    formats that a step chose for weights or activations are then not known.

    Raises:
        CompressionError: a card that cannot be read.
    """
    own, place = dict(network.metadata), path.with_name(_CARD)
    unknown = "formats are read off the weights, and those of activations are the ones asked for"
    try:
        card = json.loads(place.read_text(encoding="utf-8"))
        found, noted = card.get("content_hash"), card.get("network")
        known = found == network.content_hash
        if known and not isinstance(noted, dict):
            raise ValueError("it has no entry 'network'")
    except FileNotFoundError:
        return own, f"no {_CARD} beside {path}: {unknown}"
    except (OSError, ValueError, AttributeError) as error:
        raise CompressionError(f"{place} is damaged ({error}): restore it, or move {path.name} away from it") from error
    return ({**own, **noted}, "") if known else (own, f"{place} is the card of another network: {unknown}")


def relabelled(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the subjects with labels that differ: files of equal name get as many folders before it as it takes.

    Raises:
        CompressionError: a file or a name twice.
    """
    again = [own.label for place, own in enumerate(subjects) if any(is_same(own, other) for other in subjects[:place])]
    if again:
        raise CompressionError(f"named twice: {', '.join(again)}; name each file and network once")
    names = [_names(own) for own in subjects]
    labels = [own.pop(0) for own in names]
    while len(set(labels)) < len(labels):
        equal = {label for label in labels if labels.count(label) > 1}
        labels = [own.pop(0) if label in equal and own else label for label, own in zip(labels, names, strict=True)]
    return [replace(own, label=label) for own, label in zip(subjects, labels, strict=True)]


def is_same(one: Subject, other: Subject) -> bool:
    """Return whether two subjects are the same file, or the same network by name."""
    if one.file is None or other.file is None:
        return one.file is other.file and one.label == other.label
    return one.file.resolve() == other.file.resolve()


def _names(own: Subject) -> list[str]:
    """Return what a subject can be called, from the shortest name to the whole path, which no other has."""
    if own.file is None:
        return [own.label]
    parts = _place(own.file).parts
    return [own.label, *("/".join(parts[-count:]) for count in range(2, len(parts))), str(own.file.resolve())]


def _place(path: Path) -> Path:
    """Return the path that a file is named after: without its suffix, or its folder where it is only called network."""
    path = path.absolute()
    return path.parent if path.stem == "network" else path.with_suffix("")
