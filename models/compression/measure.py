"""One network, measured: accuracy in float64 and on the array, the bytes of its file, and what an inference costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import unknown_name
from hwsim.hardware_result import HardwareResult
from hwsim.network import Network, fold
from hwsim.simulation import simulate
from models.accuracy import correct_float
from models.compression.container import (
    SUFFIX,
    load_compressed,
    pack,
    paper_ratio,
    weight_bits_per_parameter,
)
from models.compression.errors import CompressionError
from models.compression.on_array import LayerWeights, array_assignment, on_array
from models.compression.recipe import ArraySettings
from models.compression.weights import flat_weights
from models.data.dataset import Dataset
from models.registry import NETWORKS, load_network

Mask = NDArray[np.bool_]
_FLOAT_BITS = 32


@dataclass(frozen=True)
class Subject:
    """A network to measure and the file that it takes.

    Attributes:
        label: How the table calls it.
        network: Folded.
        data: Bytes of its compressed file; None for a network in float32, which takes 32 bits a parameter.
        file: The compressed file on disk, where there is one.
    """

    label: str
    network: Network
    data: bytes | None = field(repr=False)
    file: Path | None = None

    @property
    def parameters(self) -> int:
        """Numbers in all tensors, biases included, batch-norms folded."""
        return sum(tensor.size for tensor in self.network.tensors.values())

    @property
    def file_bytes(self) -> int:
        """Bytes of the file."""
        return _FLOAT_BITS // 8 * self.parameters if self.data is None else len(self.data)


@dataclass(frozen=True)
class Measured:
    """What was measured of one network.

    Attributes:
        subject: The network and its file.
        float_mask: Images that it gets right in float64.
        array_mask: Images that it gets right on the array, bit by bit.
        weights: The format of each layer's weights there.
        array_bits: Bits that a weight takes in the machine's memories, on average.
        hardware: One inference.
        acts: Format asked for activations.
    """

    subject: Subject
    float_mask: Mask = field(repr=False)
    array_mask: Mask = field(repr=False)
    weights: tuple[LayerWeights, ...]
    array_bits: float
    hardware: HardwareResult = field(repr=False)
    acts: str = ""

    @property
    def weight_count(self) -> int:
        """Weights, biases apart."""
        return int(flat_weights(self.subject.network).size)

    @property
    def kept_weights(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(flat_weights(self.subject.network)))

    @property
    def bits_per_weight(self) -> float:
        """Bits of the file that are spent on weights, over the number of weights, zeros included."""
        data = self.subject.data
        return float(_FLOAT_BITS) if data is None else weight_bits_per_parameter(data)

    @property
    def paper_ratio(self) -> float:
        """Equation (1) of Choi et al. (2017), which knows no header and no graph."""
        return 1.0 if self.subject.data is None else paper_ratio(self.subject.network)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an inference, those with zeros included."""
        return sum(layer.macs for layer in self.hardware.layers)

    @property
    def effectual_macs(self) -> float:
        """Those with both operands nonzero, on average."""
        return sum(layer.effectual_macs for layer in self.hardware.layers)


def subject(name_or_path: str, coder: str = "arithmetic") -> Subject:
    """Return a network by name or from a file, folded, with the bytes that it takes compressed.

    A ``.hwz`` file is measured as it is; a ``.npz`` file that a compression step has changed is packed; anything else
    is a float32 network and takes 32 bits a parameter.

    >>> subject("digits-cnn").file_bytes
    24360

    Raises:
        NetworkError: unknown name, or an unreadable .npz file.
        CompressionError: an unreadable .hwz file, or a network that cannot be packed.
    """
    if name_or_path.endswith(SUFFIX):
        path = Path(name_or_path)
        network = fold(load_compressed(path))
        return Subject(_label(path), replace(network, metadata=card_beside(path, network)), path.read_bytes(), path)
    if not name_or_path.endswith(".npz") and name_or_path not in NETWORKS:
        known = unknown_name("network", name_or_path, NETWORKS)
        raise CompressionError(f"{known}; or the path of a .npz or {SUFFIX} file")
    network = fold(load_network(name_or_path))
    changed = bool(network.metadata.get("compression"))
    label = _label(Path(name_or_path)) if name_or_path.endswith(".npz") else name_or_path
    return Subject(label, network, pack(network, coder) if changed else None)


def card_beside(path: Path, network: Network) -> dict[str, Any]:
    """Return the card of ``network`` from the ``card.json`` of a stored run beside its file, which holds none itself.

    A card of another network, and a folder without one, change nothing: the file's own entries are returned.
    """
    own = dict(network.metadata)
    try:
        card = json.loads(path.with_name("card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return own
    known = isinstance(card, dict) and card.get("content_hash") == network.content_hash
    return {**own, **card["network"]} if known and isinstance(card.get("network"), dict) else own


def measure(
    measured: Subject,
    test: Dataset,
    calibration: Dataset,
    settings: ArraySettings,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Measured:
    """Run a network in float64 and on the array.

    Weights of a compressed network lie packed in the machine's memories, in the code of the file: with as many bits as
    its weights have in a file once they are in the formats of the array, which changes nothing where these hold them
    exactly. A machine that says ``compress=`` is left as it is, and a float32 network's weights are not packed.

    Raises:
        DataError: images that do not fit the network.
        FormatError: formats that the layers cannot run in.
        MachineError: a machine that cannot be read.
        CostError: prices that the table lacks.
    """
    network = measured.network
    report(f"{measured.label}: float64, {len(test)} images")
    float_mask = correct_float(network, test)
    assignment, weights = array_assignment(network, settings)
    machine = packed_machine(settings.machine, measured, weights)
    report(f"{measured.label}: {machine}, prices {settings.table}")
    done = simulate(network, assignment, machine, test.images, test.labels, calibration.images, settings.table, threads)
    count = sum(layer.weight_count for layer in done.numerics.layers)
    return Measured(
        measured, float_mask, done.numerics.correct_mask, weights, done.hardware.weight_bits / count, done.hardware,
        settings.acts,
    )  # fmt: skip


def packed_machine(machine: str, measured: Subject, weights: tuple[LayerWeights, ...]) -> str:
    """Return the spelling of ``machine`` with weights packed as in the file."""
    if measured.data is None or "compress=" in machine:
        return machine
    data = measured.data if all(own.exact for own in weights) else pack(on_array(measured.network, weights))
    return f"{machine},compress={weight_bits_per_parameter(data):.4f}b"


def same_images(test: Dataset, limit: int | None) -> Dataset:
    """Return the first ``limit`` images, all for None. Raises DataError for a number that there is not."""
    return test if limit is None else test.subset(limit)


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
