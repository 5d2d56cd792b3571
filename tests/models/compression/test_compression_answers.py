"""Answers of float32 networks that are kept: the same as computed ones, and used for nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.network import Network, fold
from models import load_data, load_network
from models.compression import answers as module
from models.compression.answers import Answers, Images, KeptAnswers, answers, answers_key, read_answers, write_answers
from models.compression.errors import CompressionError
from models.compression.recipe import ArraySettings
from models.compression.weights import with_tensors

NETWORK = fold(load_network("digits-cnn"))
IMAGES = Images(load_data("digits", "test").subset(45), load_data("digits", "calibration"))
SETTINGS = ArraySettings()


@pytest.fixture(scope="module")
def computed() -> Answers:
    return answers(NETWORK, IMAGES, SETTINGS)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Code and packages as the module sees them; a test may change them."""
    found = {"code": "1.0+gabc", "numpy": "2"}
    monkeypatch.setattr(module, "code_and_packages", lambda: dict(found))
    return found


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the networks that were run."""
    names: list[str] = []

    def counted(network: Network, images: Images, settings: ArraySettings, threads: int = 1) -> Answers:
        names.append(network.name)
        return answers(network, images, settings, threads)

    monkeypatch.setattr(module, "answers", counted)
    return names


def same(one: Answers, other: Answers) -> bool:
    masks = np.array_equal(one.float_mask, other.float_mask) and np.array_equal(one.array_mask, other.array_mask)
    return masks and one.layers == other.layers


def test_answers_go_through_a_file(computed: Answers, tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    write_answers(path, "key", computed)
    found = read_answers(path, "key")
    assert same(found, computed)
    assert found.float_mask.dtype == np.bool_
    assert found.layers[0].activity == computed.layers[0].activity is not None


def test_they_are_computed_once(made: dict[str, str], runs: list[str], tmp_path: Path, computed: Answers) -> None:
    lines: list[str] = []
    for folder, ran in ((tmp_path, 1), (tmp_path, 1), (None, 2)):
        kept = KeptAnswers(folder)
        for _ in range(2):
            assert same(kept.of(NETWORK, IMAGES, SETTINGS, 1, lines.append), computed)
        assert len(runs) == ran
    (path,) = tmp_path.glob("*")
    assert lines == [f"measured before, from {path.name}"]
    assert path.name == f"reference-{answers_key(NETWORK, IMAGES, SETTINGS)[:24]}.json"


@pytest.mark.parametrize("changed", ["network", "card", "images", "calibration", "formats", "code", "dirty"])
def test_what_was_made_otherwise_is_not_used(
    changed: str, made: dict[str, str], runs: list[str], tmp_path: Path, computed: Answers
) -> None:
    network, images, settings = NETWORK, IMAGES, SETTINGS
    KeptAnswers(tmp_path).of(network, images, settings, 1, lambda line: None)
    if changed == "network":
        network = with_tensors(NETWORK, {"conv1.bias": NETWORK.tensors["conv1.bias"] + 1})
    elif changed == "card":
        entry = {"method": "inq", "facts": {"activations": {"conv1": "uint2@2^0"}}}
        network = replace(NETWORK, metadata={**NETWORK.metadata, "compression": [entry]})
    elif changed == "images":
        images = replace(IMAGES, test=IMAGES.test.subset(44))
    elif changed == "calibration":
        images = replace(IMAGES, calibration=replace(IMAGES.calibration, images=IMAGES.calibration.images / 4))
    elif changed == "formats":
        settings = replace(SETTINGS, acts="int6")
    else:
        made["code"] = "1.0+gabd" if changed == "code" else "1.0+gabc-dirty"
    found = KeptAnswers(tmp_path).of(network, images, settings, 1, lambda line: None)
    assert len(runs) == 2
    assert same(found, answers(network, images, settings))
    assert same(found, computed) == (changed in ("code", "dirty"))
    assert len(list(tmp_path.glob("*"))) == (1 if changed == "dirty" else 2)


def test_machine_and_prices_change_no_answer() -> None:
    other = replace(SETTINGS, machine="4x4-os", table="unit")
    assert answers_key(NETWORK, IMAGES, SETTINGS) == answers_key(NETWORK, IMAGES, other)


@pytest.mark.parametrize("fault", ["key", "images", "float", "layers", "text"])
def test_a_damaged_file_is_refused(fault: str, computed: Answers, tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    write_answers(path, "key", computed)
    found = json.loads(path.read_text())
    wrong = {"key": "other", "images": 1000, "float": "zz", "layers": [{}], "text": ""}[fault]
    path.write_text("{" if fault == "text" else json.dumps({**found, fault: wrong}))
    with pytest.raises(CompressionError, match=r"reference.json cannot be used .*: delete it"):
        read_answers(path, "key")
