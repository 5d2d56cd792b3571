"""Networks in files: an .npz archive with a JSON header that declares every tensor. No pickle.

The entry ``header.json`` is a uint8 array holding JSON: format, version, name, input_shape, layers, tensors (dtype,
shape and sha256 of each) and metadata. Each tensor is an entry of its own, under its own name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import NetworkError, all_faults
from hwsim.network.archive import Archive, open_archive, write_archive
from hwsim.network.graph import FloatTensor, Network
from hwsim.network.layer import Layer, layer_from_dict

FORMAT = "hwsim-network"
VERSION = 1
HEADER = "header.json"
DEFAULT_LIMIT_BYTES = 1 << 30
LARGEST_HEADER_BYTES = 4 << 20

_DTYPE = "<f4"
_KEYS = ("format", "version", "name", "input_shape", "layers", "tensors", "metadata")


def save_network(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to ``path``, whole or not at all; equal networks give equal bytes.

    Raises:
        NetworkError: the network is not valid, ``path`` does not end in .npz or cannot be written.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise NetworkError(f"cannot write {target}: the name must end in .npz")
    network.validate()
    header = np.frombuffer(_header(network), dtype=np.uint8)
    if header.size > LARGEST_HEADER_BYTES:
        raise NetworkError(f"the header would have {header.size} bytes; the bound is {LARGEST_HEADER_BYTES}")
    write_archive(target, {HEADER: header} | {name: network.tensors[name] for name in sorted(network.tensors)})


def load_network_file(path: str | os.PathLike[str], limit_bytes: int = DEFAULT_LIMIT_BYTES) -> Network:
    """Read a network as it was saved (nothing folded), trusting nothing that the file declares.

    Args:
        path: the .npz file.
        limit_bytes: largest file accepted, bytes; nothing larger is ever allocated.

    Raises:
        NetworkError: the file is unreadable, truncated, too large, pickled, of a newer version, or its network is not
            valid; all faults of the network are listed.
    """
    source = Path(path)
    with open_archive(source, limit_bytes) as archive:
        header = _read_header(archive)
        layers, input_shape = _structure(source, header)
        _check_declared(archive, header["tensors"])
        tensors = {name: _tensor(archive, name, declared) for name, declared in header["tensors"].items()}
    network = Network(header["name"], input_shape, layers, tensors, header["metadata"])
    network.validate()
    return network


def _header(network: Network) -> bytes:
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "layers": [layer.to_dict() for layer in network.layers],
        "tensors": {name: _declaration(tensor) for name, tensor in network.tensors.items()},
        "metadata": dict(network.metadata),
    }
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _declaration(tensor: FloatTensor) -> dict[str, Any]:
    return {"dtype": _DTYPE, "shape": list(tensor.shape), "sha256": _sha256(tensor)}


def _sha256(tensor: FloatTensor) -> str:
    return hashlib.sha256(np.ascontiguousarray(tensor, dtype=_DTYPE).tobytes()).hexdigest()


def _read_header(archive: Archive) -> dict[str, Any]:
    """Return the header with its format, version and types checked."""
    entry = archive.entries.get(HEADER)
    if entry is None or entry.dtype != "|u1" or len(entry.shape) != 1:
        raise NetworkError(f"{archive.path} is no network file: it has no uint8 entry {HEADER!r}")
    if entry.shape[0] > LARGEST_HEADER_BYTES:
        raise NetworkError(f"{archive.path}: {HEADER} has {entry.shape[0]} bytes; the bound is {LARGEST_HEADER_BYTES}")
    header = _parse_json(archive.path, archive.read(HEADER).tobytes())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise NetworkError(f"{archive.path} is no network file: {HEADER} does not declare the format {FORMAT!r}")
    if type(header.get("version")) is not int or header["version"] != VERSION:
        found = str(header.get("version"))[:20]
        raise NetworkError(f"{archive.path} has version {found}; this hwsim reads version {VERSION}: upgrade hwsim")
    if faults := _type_faults(header):
        raise NetworkError(all_faults(f"{archive.path}: {HEADER}", faults))
    return header


def _type_faults(header: Mapping[str, Any]) -> list[str]:
    types = {"name": str, "input_shape": list, "layers": list, "tensors": dict, "metadata": dict}
    faults = [f"{key!r} is missing" for key in _KEYS if key not in header]
    faults += [f"{key[:60]!r} is unknown" for key in header if key not in _KEYS]
    wrong = [(key, kind) for key, kind in types.items() if key in header and not isinstance(header[key], kind)]
    return faults + [f"{key!r} is {str(header[key])[:60]}; it must be a {kind.__name__}" for key, kind in wrong]


def _parse_json(path: Path, data: bytes) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise NetworkError(f"{path}: {HEADER} is no valid JSON ({error})") from error


def _structure(path: Path, header: Mapping[str, Any]) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
    layers, faults = [], []
    for values in header["layers"]:
        try:
            layers.append(layer_from_dict(values))
        except NetworkError as error:
            faults.append(str(error))
    if faults:
        raise NetworkError(all_faults(f"{path}: {HEADER}", faults))
    return tuple(layers), tuple(header["input_shape"])


def _check_declared(archive: Archive, tensors: Mapping[str, Any]) -> None:
    """Hold the header's declarations against the entries, before a tensor is read."""
    faults = [
        f"tensor {name[:60]!r} is not declared in {HEADER}" for name in archive.entries.keys() - {HEADER, *tensors}
    ]
    for name, declared in tensors.items():
        entry = archive.entries.get(name)
        if not isinstance(declared, dict) or set(declared) != {"dtype", "shape", "sha256"}:
            faults.append(f"tensor {name[:60]!r} is declared without exactly dtype, shape and sha256")
        elif entry is None:
            faults.append(f"tensor {name[:60]!r} is declared and missing")
        elif declared["dtype"] != _DTYPE or entry.dtype != _DTYPE:
            faults.append(f"tensor {name[:60]!r} is {entry.dtype}; it must be float32, {_DTYPE}")
        elif declared["shape"] != list(entry.shape):
            faults.append(f"tensor {name[:60]!r} has the shape {entry.shape}, not {str(declared['shape'])[:60]}")
    if faults:
        raise NetworkError(all_faults(str(archive.path), sorted(faults)))


def _tensor(archive: Archive, name: str, declared: Mapping[str, Any]) -> FloatTensor:
    tensor: FloatTensor = archive.read(name).astype(np.float32, copy=False)
    if _sha256(tensor) != declared["sha256"]:
        raise NetworkError(f"{archive.path}: tensor {name!r} does not have the sha256 declared: get the file again")
    tensor.flags.writeable = False
    return tensor
