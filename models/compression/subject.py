"""A network to measure, and the file that it takes."""

from __future__ import annotations

import json
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
        file: The compressed file on disk, where there is one.
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
    changed = bool(network.metadata.get("compression"))
    label = _label(Path(name_or_path)) if name_or_path.endswith(".npz") else name_or_path
    return Subject(label, network, pack(network, coder) if changed else None)


def _packed(path: Path) -> Subject:
    data = read_compressed(path)
    try:
        network = fold(unpack(data))
    except CompressionError as error:
        raise CompressionError(f"{path}: {error}") from error
    card, note = card_beside(path, network)
    return Subject(_label(path), replace(network, metadata=card), data, path, note)


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


def relabelled(subjects: list[Subject]) -> list[Subject]:
    """Return the subjects with labels that differ: files of equal name get that of their folder before it.

    Raises:
        CompressionError: the same file twice.
    """
    labels = [own.label for own in subjects]
    files = [own.file for own in subjects if own.file is not None]
    if len(set(files)) < len(files):
        raise CompressionError("a file is named twice: name each once")
    return [
        replace(own, label=f"{own.file.parent.name}/{own.label}")
        if own.file is not None and labels.count(own.label) > 1
        else own
        for own in subjects
    ]


def _label(path: Path) -> str:
    """Return the name of a file, or of its folder where the file is only called network."""
    return path.absolute().parent.name if path.stem == "network" else path.stem
