from __future__ import annotations

import numpy as np
import pytest
import quantize_twins as twins

from hwsim.network import Network, fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.hessian.importance import FLOOR
from models.compression.methods import make_step
from models.compression.quantize import Ecsq, EcsqTrain, HessianKMeans, KMeans, Uniform
from models.compression.quantize.groups import groups_of, importance_of
from models.compression.step import Training, Work
from models.compression.weights import flat_weights, weight_names, with_tensors

STEPS = [
    KMeans(clusters=6),
    KMeans(rate_bits=2.0, init="optimal"),
    Uniform(step=0.25),
    Uniform(rate_bits=2.0),
    Uniform(cells=7, scope="layer"),
    Ecsq(multiplier=0.003),
    Ecsq(rate_bits=2.0, scope="layer"),
]


@pytest.fixture(scope="module")
def network() -> Network:
    base = fold(load_network("digits-cnn"))
    return with_tensors(
        base, {n: np.where(np.abs(base.tensors[n]) < 0.1, 0, base.tensors[n]) for n in weight_names(base)}
    )


@pytest.fixture(scope="module")
def work() -> Work:
    return Work(load_data("digits", "train").subset(160), threads=1)


def facts(network: Network) -> dict:
    return network.metadata["compression"][-1]["facts"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.method}-{step.scope}")
def test_zeros_stay_and_the_facts_are_true(step, network, work) -> None:
    result = step.apply(network, work)
    before, after = flat_weights(network), flat_weights(result)
    assert ((before == 0) == (after == 0)).all()
    names = weight_names(network)
    groups = [names] if step.scope == "network" else [(name,) for name in names]
    parts = [flat_weights(result, group) for group in groups]
    parts = [part[part != 0] for part in parts]
    assert facts(result)["clusters"] == [np.unique(part).size for part in parts]
    bits = sum(part.size * twins.entropy(np.unique(part, return_inverse=True)[1]) for part in parts)
    assert facts(result)["entropy_bits"] == pytest.approx(bits / np.count_nonzero(before), abs=1e-4)
    assert facts(result)["distortion"] == pytest.approx(((before - after)[before != 0] ** 2).mean(), rel=1e-4)
    if getattr(step, "rate_bits", 0):
        assert facts(result)["entropy_bits"] <= step.rate_bits
    assert all(np.array_equal(result.tensors[n], network.tensors[n]) for n in network.tensors if n not in names)
    assert result.metadata["compression"][-1]["method"] == step.method


@pytest.mark.parametrize("scope", ["network", "layer"])
def test_centres_are_the_means_of_their_members(scope, network, work) -> None:
    result = Uniform(step=0.3, scope=scope).apply(network, work)
    names = weight_names(network)
    for group in [names] if scope == "network" else [(name,) for name in names]:
        before, after = flat_weights(network, group), flat_weights(result, group)
        for value in np.unique(after[after != 0]):
            inside = before[after == value]
            assert value == pytest.approx(inside.mean(), rel=1e-6)
            assert np.unique(np.floor(inside / 0.3)).size == 1


def test_layers_share_one_multiplier(network, work) -> None:
    result = Ecsq(multiplier=0.004, scope="layer").apply(network, work)
    for name in weight_names(network):
        before, after = flat_weights(network, (name,)), flat_weights(result, (name,))
        before, after = before[before != 0], after[after != 0]
        centres, index, counts = np.unique(after, return_inverse=True, return_counts=True)
        costs = (before[:, None] - centres) ** 2 - 0.004 * np.log2(counts / counts.sum())
        chosen = costs[np.arange(before.size), index.ravel()]
        assert np.mean(chosen) <= np.mean(costs.min(axis=1)) * (1 + 1e-3)


def test_hessian_weights_pull_the_centres(network, work, monkeypatch) -> None:
    import models.compression.hessian as room

    weights = {name: 1.0 + np.arange(network.tensors[name].size) % 5 for name in weight_names(network)}
    shaped = {name: value.reshape(network.tensors[name].shape) for name, value in weights.items()}
    asked = []
    monkeypatch.setattr(room, "diagonal", lambda *call: asked.append(call[2:]) or shaped)
    result = HessianKMeans(clusters=4, samples=77).apply(network, work)
    assert asked == [(77, "exact")]
    before, after = flat_weights(network), flat_weights(result)
    h = np.concatenate([weights[name] for name in weight_names(network)])
    for value in np.unique(after[after != 0]):
        inside = after == value
        assert value == pytest.approx(twins.weighted_mean(before[inside], h[inside]), rel=1e-6)
    plain = KMeans(clusters=4).apply(network, work)
    assert not np.array_equal(flat_weights(plain), after)


def test_importance_has_mean_one_over_what_is_left(network) -> None:
    flat = flat_weights(network)
    importance = np.where(flat == 0, 1e9, np.abs(flat))
    for scope in ("network", "layer"):
        groups = groups_of(network, scope, importance)
        assert np.concatenate([g.importance for g in groups]).mean() == pytest.approx(1)
        assert np.concatenate([g.values for g in groups]).tolist() == flat[flat != 0].tolist()


def test_the_root_of_the_diagonal_is_an_importance(network, work) -> None:
    pytest.importorskip("torch")
    exact, root = (importance_of(network, work, name, 20, 1e-9) for name in ("exact", "exact-root"))
    # Where neither is at the floor.
    seen = exact > 1e-6 * exact.mean()
    assert seen.mean() > 0.5
    np.testing.assert_allclose(root[seen] ** 2, exact[seen], rtol=1e-12)
    assert make_step("hessian-kmeans", {"clusters": 4, "importance": "exact-root"}).importance == "exact-root"


def test_a_wholly_pruned_layer_has_no_codebook(network, work) -> None:
    names = weight_names(network)
    empty = with_tensors(network, {names[1]: np.zeros(network.tensors[names[1]].shape)})
    result = KMeans(clusters=4, scope="layer").apply(empty, work)
    assert facts(result)["clusters"] == [4, 4]
    assert not result.tensors[names[1]].any()
    nothing = with_tensors(network, {name: np.zeros(network.tensors[name].shape) for name in names})
    with pytest.raises(CompressionError, match="nothing to quantise"):
        KMeans(clusters=4).apply(nothing, work)


def test_the_grid_is_whole_multiples(network, work) -> None:
    result = Uniform(step=0.125, offset=0.5, dead_zone=0.5, centres="grid").apply(network, work)
    codes = flat_weights(result) / 0.125
    assert np.array_equal(codes, np.round(codes))
    assert np.abs(codes - flat_weights(network) / 0.125).max() <= 0.5


def test_sensitive_layers_get_smaller_steps(network, work, monkeypatch) -> None:
    import models.compression.hessian as room

    scales = dict(zip(weight_names(network), (16.0, 1.0, 1.0), strict=True))
    shaped = {name: np.full(network.tensors[name].shape, scale) for name, scale in scales.items()}
    monkeypatch.setattr(room, "diagonal", lambda *call: shaped)
    plain, finer = (
        Uniform(step=0.4, scope="layer", importance="exact", sensitive=sensitive).apply(network, work)
        for sensitive in (False, True)
    )
    assert facts(finer)["clusters"][0] > 2 * facts(plain)["clusters"][0]


def test_steps_compose(network, work) -> None:
    once = Uniform(step=0.2).apply(network, work)
    twice = KMeans(clusters=3).apply(once, work)
    assert [entry["method"] for entry in twice.metadata["compression"]] == ["uniform", "kmeans"]
    assert np.unique(flat_weights(twice)).size == 4


@pytest.mark.parametrize(
    ("cls", "options", "needles"),
    [
        (KMeans, {}, ["exactly one of clusters, rate_bits", "given: none"]),
        (KMeans, {"clusters": 4, "rate_bits": 2.0}, ["given: clusters, rate_bits"]),
        (Uniform, {"step": -1.0, "offset": 3.0, "centres": "x"}, ["step is -1", "offset is 3", "'x'"]),
        (Ecsq, {"multiplier": 1.0, "cells": 0, "scope": "x"}, ["cells is 0", "scope"]),
        (Ecsq, {"multiplier": 1.0, "floor": 0.0, "samples": -1}, ["floor is 0", "samples is -1"]),
        (KMeans, {"clusters": 2, "importance": "x"}, ["importance"]),
        (
            EcsqTrain,
            {"multiplier": -1.0, "step": 0.0, "every": 0, "training": Training(averaging=0.5)},
            ["multiplier is -1", "step is 0", "every is 0", "training.epochs is 0", "training.averaging is 0.5"],
        ),
        (
            EcsqTrain,
            {"multiplier": 1.0, "step": 1.0, "scope": "Network", "importance": "x", "floor": 2.0, "samples": -1},
            ["scope 'Network'", "importance 'x'", "floor is 2", "samples is -1"],
        ),
    ],
)
def test_faulty_options_are_refused_all_at_once(cls, options, needles) -> None:
    with pytest.raises(CompressionError) as caught:
        cls(**options)
    assert all(needle in str(caught.value) for needle in needles)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (KMeans(rate_bits=2.0), "k is a whole number"),
        (Uniform(rate_bits=2.0), ""),
        (Ecsq(rate_bits=9.0), "it starts from 256 cells"),
        (KMeans(clusters=4), None),
    ],
    ids=lambda value: value.method if isinstance(value, KMeans | Uniform | Ecsq) else None,
)
def test_the_log_says_what_rate_was_reached_and_why_not(step, reason, network, work) -> None:
    lines: list[str] = []
    done = step.apply(network, Work(work.train, lines.append, threads=1))
    (line,) = [line for line in lines if "asked for" in line] or [None]
    if reason is None:
        assert line is None
        return
    asked, reached = float(line.split()[0]), float(line.split("asked for, ")[1].split()[0])
    assert asked == step.rate_bits and reached == facts(done)["entropy_bits"]
    assert line.endswith("reached") if not reason else (asked - reached > 0.01 and f"reached: {reason}" in line)


def test_one_floor_for_steps_and_functions() -> None:
    assert {KMeans(clusters=2).floor, Ecsq(multiplier=1.0).floor, EcsqTrain(multiplier=1.0, step=1.0).floor} == {FLOOR}


def test_recipes_know_the_steps() -> None:
    for name, options in (
        ("kmeans", {"clusters": 4}),
        ("hessian-kmeans", {"rate_bits": 2}),
        ("uniform", {"step": 0.1, "training": {"epochs": 1}}),
        ("ecsq", {"multiplier": 0.1}),
        ("ecsq-train", {"multiplier": 0.1, "step": 0.1}),
    ):
        assert make_step(name, options).method == name


def test_training_and_its_facts() -> None:
    pytest.importorskip("torch")
    base = fold(load_network("digits-cnn"))
    work = Work(load_data("digits", "train").subset(320), threads=1)
    step = EcsqTrain(
        multiplier=0.003,
        step=0.2,
        training=Training(epochs=2, learning_rate=0.02),
        tuning=Training(epochs=1, weight_decay=0.0),
    )
    result = step.apply(base, work)
    found = facts(result)
    flat = flat_weights(result)
    assert found["nonzero"] == np.count_nonzero(flat)
    assert found["clusters"] == np.unique(flat).size
    assert found["weights"] == flat.size
    bits = sum(
        result.tensors[n].size * twins.entropy(np.unique(result.tensors[n], return_inverse=True)[1].ravel())
        for n in weight_names(result)
    )
    assert found["bits_per_weight"] == pytest.approx(bits / flat.size, abs=1e-5)
    again = step.apply(base, work)
    assert all(np.array_equal(result.tensors[name], again.tensors[name]) for name in base.tensors)
