"""What an earlier step made is kept by every step that trains: zeros stay, and a codebook that is left is said so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hwsim.network import fold
from models import load_data, load_network
from models.compression.lowrank import NuclearProxHook
from models.compression.lowrank.train import Penalties, penalty_hooks
from models.compression.methods import METHODS, make_step, method_options, step_class
from models.compression.pruning import Prune
from models.compression.pruning.masks import masks_of
from models.compression.retrain import codebooks
from models.compression.step import Training, Work, recorded

torch = pytest.importorskip("torch")

NETWORK = fold(load_network("digits-cnn"))
TRAIN = load_data("digits", "train").subset(192)
SHORT = {"epochs": 1, "learning_rate": 0.02}
PRUNED = Prune(keep=0.3).apply(NETWORK, Work(TRAIN))

#: Options with which each method that trains does so; ``regrow`` and ``surgery`` bring weights back on purpose.
OPTIONS = {
    "prune": {"keep": 0.3, "training": SHORT, "finish": SHORT},
    "kmeans": {"clusters": 8, "training": SHORT},
    "hessian-kmeans": {"clusters": 8, "importance": "ones", "training": SHORT},
    "uniform": {"step": 0.05, "training": SHORT},
    "ecsq": {"multiplier": 1e-5, "training": SHORT},
    "ecsq-train": {"multiplier": 1e-5, "step": 0.02, "regrow": False, "training": SHORT, "tuning": SHORT},
    "inq": {"portions": [0.5, 1.0], "bias_epochs": 1, "training": SHORT},
    "pow2": {"training": SHORT},
    "apot": {"training": SHORT},
    "shiftcnn": {"training": SHORT},
    "convert": {"training": SHORT},
    "orthoreg": {"training": SHORT},
    "low-rank": {"penalties": {"tau": 0.02}, "training": SHORT, "ranks": {"energy": 1.0}, "retraining": SHORT},
    "low-rank-train": {"penalties": {"tau": 0.02, "group": 1e-3}, "training": SHORT},
    "factorise": {"training": SHORT},
}


def work(log: list[str] | None = None) -> Work:
    torch.set_num_threads(1)
    return Work(TRAIN, (log if log is not None else []).append, threads=1)


def test_every_method_that_trains_is_here():
    assert set(OPTIONS) == {name for name in METHODS if any(o.name.endswith(".epochs") for o in method_options(name))}


@pytest.mark.parametrize("method", OPTIONS)
def test_no_zero_comes_back(method):
    result = make_step(method, OPTIONS[method]).apply(PRUNED, work())
    before, after = masks_of(PRUNED), masks_of(result)
    assert before.keys() == after.keys()
    assert {name: int((after[name] & ~mask).sum()) for name, mask in before.items()} == dict.fromkeys(before, 0)
    changed = [name for name, tensor in result.tensors.items() if (tensor != PRUNED.tensors[name]).any()]
    assert any(name.endswith(".bias") for name in changed)  # it did train


@pytest.mark.parametrize("more", [{"schedule": "gradual"}, {"schedule": "iterative", "rounds": 2}])
def test_no_schedule_of_pruning_brings_one_back(more):
    result = Prune(keep=0.2, training=Training(1, 0.02), **more).apply(PRUNED, work())
    after = masks_of(result)
    assert not any((after[name] & ~mask).any() for name, mask in masks_of(PRUNED).items())


@pytest.mark.parametrize("every", [0, 1])
def test_the_nuclear_operator_fills_zeros_and_the_mask_follows_it(every):
    """The operator by itself fills them: without that the tests above would prove nothing."""
    training = Training(epochs=1)
    (hook,) = penalty_hooks(PRUNED, work(), Penalties(tau=0.5, every=every), training)
    name = "conv2.weight"
    filled = hook.prox(name, PRUNED.tensors[name], 0.01)
    zero = PRUNED.tensors[name] == 0
    assert np.count_nonzero(filled[zero]) > 1000
    assert isinstance(hook, NuclearProxHook)
    weights = {name: torch.tensor(tensor) for name, tensor in PRUNED.tensors.items()}
    hook.after_step(weights, 0.01)
    hook.after_epoch(weights, 0.01, 1)
    found = weights[name].numpy()
    assert not found[zero].any() and (found[~zero] != PRUNED.tensors[name][~zero]).all()


def test_a_factorised_layer_keeps_what_is_zero_in_the_others():
    steps = [
        ("truncate", {"ranks": {"energy": 0.5, "skip": ["conv1"]}}),
        ("factorise", {"skip": ["conv1"], "training": SHORT}),
    ]
    log: list[str] = []
    network = PRUNED
    for method, options in steps:
        network = make_step(method, options).apply(network, work(log))
    assert "conv2.u" in {layer.name for layer in network.layers}
    zero = PRUNED.tensors["conv1.weight"] == 0
    assert zero.any() and not network.tensors["conv1.weight"][zero].any()
    assert (network.tensors["conv1.weight"] != PRUNED.tensors["conv1.weight"]).any()
    assert any("weights that were 0 are not any more: prune after the cut" in line for line in log)


@pytest.mark.parametrize("method", ["prune", "orthoreg", "low-rank-train", "low-rank", "factorise"])
def test_training_off_a_codebook_is_reported(method):
    log: list[str] = []
    quantised = recorded(PRUNED, make_step("pow2", {}))
    make_step(method, OPTIONS[method]).apply(quantised, work(log))
    assert "  the weights leave the codebook of pow2: let pow2 follow this step instead" in log
    log.clear()
    make_step(method, OPTIONS[method]).apply(PRUNED, work(log))
    assert not any("leave the codebook" in line for line in log)


@pytest.mark.parametrize("schedule", ["gradual", "surgery", "dns"])
def test_so_it_is_by_every_schedule_of_pruning(schedule):
    log: list[str] = []
    keep = {} if schedule == "dns" else {"keep": 0.2}
    Prune(**keep, schedule=schedule, training=Training(1, 0.02)).apply(
        recorded(PRUNED, make_step("kmeans", {"clusters": 4})), work(log)
    )
    assert sum("leave the codebook of kmeans" in line for line in log) == 1


@pytest.mark.parametrize(
    ("method", "options"),
    [
        *((name, OPTIONS[name]) for name in ("pow2", "kmeans", "ecsq-train")),
        ("equalise", {"exact": True}),
        ("truncate", {"ranks": {"energy": 0.5, "data_aware": True, "samples": 64}}),
    ],
)
def test_biases_off_their_grid_are_reported(method, options):
    log: list[str] = []
    make_step(method, options).apply(recorded(PRUNED, make_step("quantize-biases", {})), work(log))
    assert "  the biases leave the codebook of quantize-biases: let quantize-biases follow this step instead" in log


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("kmeans", {**OPTIONS["kmeans"], "biases": False}),
        ("kmeans", {"clusters": 8}),
        ("truncate", {"ranks": {"energy": 0.5}}),
        ("shrink-units", {}),
    ],
)
def test_biases_that_stay_are_not_said_to_leave(method, options):
    log: list[str] = []
    before = recorded(PRUNED, make_step("quantize-biases", {}))
    after = make_step(method, options).apply(before, work(log))
    assert not any("the biases leave" in line for line in log)
    kept = [name for name in after.tensors if name.endswith(".bias")]
    assert all(np.isin(after.tensors[name], before.tensors[name]).all() for name in kept)


def test_a_constant_in_the_biases_is_said_to_leave_their_grid():
    weight, bias = (PRUNED.tensors[f"conv2.{part}"].copy() for part in ("weight", "bias"))
    weight[0], bias[0] = 0, 0.3
    idle = dataclasses.replace(PRUNED, tensors={**PRUNED.tensors, "conv2.weight": weight, "conv2.bias": bias})
    log: list[str] = []
    make_step("shrink-units", {}).apply(recorded(idle, make_step("quantize-biases", {})), work(log))
    assert any("the biases leave the codebook of quantize-biases" in line for line in log)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("equalise", {}),
        ("truncate", {"ranks": {"energy": 0.5}}),
        ("low-rank", {"training": {"epochs": 0}, "retraining": {"epochs": 0}, "ranks": {"energy": 0.5}}),
    ],
)
def test_what_moves_weights_without_training_is_reported(method, options):
    log: list[str] = []
    make_step(method, options).apply(recorded(PRUNED, make_step("pow2", {})), work(log))
    assert "  the weights leave the codebook of pow2: let pow2 follow this step instead" in log


def test_the_latest_codebook_counts_and_every_quantiser_is_known():
    network = recorded(recorded(PRUNED, make_step("pow2", {})), make_step("kmeans", {"clusters": 4}))
    assert codebooks(network) == (("kmeans", "weights"),)
    assert codebooks(dataclasses.replace(NETWORK, metadata={"compression": "none"})) == ()
    rooms = ("quantize", "inq", "container")
    quantisers = {name for name in METHODS if step_class(name).__module__.split(".")[2] in rooms}
    assert quantisers == {name for name in METHODS if step_class(name).restricts}
    assert {name for name in METHODS if step_class(name).restricts == "biases"} == {"quantize-biases"}
