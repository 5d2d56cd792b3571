"""Statistics of cosines, the hook in training, and the step in a chain."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from hwsim.network import Conv2d, Flatten, Layer, Linear, Network, fold
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.methods import make_step, step_class
from models.compression.orthoreg import (
    Decorrelation,
    OrthoReg,
    OrthoRegHook,
    decorrelated_layers,
    direction,
    pair_loss,
    pairwise_cosine,
    train_with,
)
from models.compression.orthoreg.cosine import cosines
from models.compression.step import Training, Work
from models.compression.weights import with_tensors
from models.training.hooks import Hook
from models.training.loop import fit
from models.training.recipe import Recipe
from models.zoo import ZOO
from models.zoo.initial import initial_tensors

torch = pytest.importorskip("torch")

RECIPE = Recipe(epochs=3, batch=32, learning_rate=0.05, averaging=0.0, threads=1)
STRONG = {"local": 3.0, "global": 0.3}


def train_data():  # type: ignore[no-untyped-def]
    return load_data("digits", "train").subset(320)


def test_statistics_are_those_of_every_pair_once() -> None:
    network = load_network("digits-cnn")
    found = pairwise_cosine(network)
    everything = []
    for name in ("conv1", "conv2"):
        rows = network.tensors[f"{name}.weight"].reshape(len(network.tensors[f"{name}.weight"]), -1).astype(float)
        values = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.combinations(rows, 2)]
        everything += values
        statistics = found[name]
        assert statistics.pairs == len(values)
        assert statistics.mean_absolute == pytest.approx(np.mean(np.abs(values)))
        assert statistics.mean_positive == pytest.approx(np.mean([v for v in values if v > 0]))
        assert statistics.maximum == pytest.approx(max(values))
        assert statistics.share_acute == pytest.approx(np.mean(np.array(values) > 0))
    assert found["all layers"].mean_absolute == pytest.approx(np.mean(np.abs(everything)))


def test_cosines_of_known_angles() -> None:
    weight = np.float32([[1, 0], [0, 2], [-3, 0], [5, 5]])
    np.testing.assert_allclose(cosines(weight), [0, -1, 0.5**0.5, 0, 0.5**0.5, -(0.5**0.5)], atol=1e-12)
    np.testing.assert_allclose(cosines(weight, 2), [0, -(0.5**0.5)], atol=1e-12)
    assert cosines(np.full((2, 3), 1e-30, np.float32)) == pytest.approx([1.0])
    assert cosines(np.zeros((3, 3))).size == 0


def grouped() -> Network:
    layers = (
        Layer("a", Conv2d(4, (3, 3), groups=2), ("input",)),
        Layer("flat", Flatten(), ("a",)),
        Layer("b", Linear(5), ("flat",)),
        Layer("c", Linear(3), ("b",)),
    )
    return Network("grouped", (2, 5, 5), layers, initial_tensors((2, 5, 5), layers, 1))


def test_layers_are_all_but_the_classifier_or_those_that_are_named() -> None:
    assert decorrelated_layers(grouped()) == {"a": 2, "b": 1}
    assert decorrelated_layers(grouped(), ("c", "a")) == {"a": 2, "c": 1}
    assert list(decorrelated_layers(ZOO["lenet300"](1))) == ["ip1", "ip2"]
    assert len(decorrelated_layers(ZOO["resnet20"](1))) == 21
    assert pairwise_cosine(grouped(), ["a"])["a"].pairs == 2
    with pytest.raises(CompressionError, match="2 faults(.|\n)*'d'(.|\n)*'flat'"):
        decorrelated_layers(grouped(), ("d", "flat"))
    only = Network("only", (2, 5, 5), (Layer("x", Conv2d(4, (5, 5)), ("input",)),), {})
    with pytest.raises(CompressionError, match="no layer to decorrelate but the one that classifies"):
        decorrelated_layers(only)


def test_options_list_every_fault() -> None:
    with pytest.raises(CompressionError) as caught:
        Decorrelation("all", "both", -1.0, 0.0)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "4 faults" in message and "kind is 'all'; needed: local or global" in message and "beta is -1.0" in message
    with pytest.raises(CompressionError, match="beta is nan"):
        Decorrelation(beta=float("nan"))


@pytest.mark.parametrize("kind", ["local", "global"])
def test_one_step_of_the_update_is_the_plain_step_and_then_the_move(kind: str) -> None:
    network, data = ZOO["digits-cnn"](1), train_data().subset(32)
    recipe = replace(RECIPE, epochs=1, warmup_epochs=0.0)
    plain = fit(network, data, recipe).tensors
    moved = train_with(network, data, recipe, Decorrelation(kind, beta=0.5)).tensors  # type: ignore[arg-type]
    for name, tensor in plain.items():
        expected = torch.tensor(tensor)
        if name in ("conv1.weight", "conv2.weight"):
            expected = expected - 0.05 * 0.5 * direction(expected, kind)
        np.testing.assert_allclose(moved[name], expected.numpy(), rtol=1e-6, atol=1e-8, err_msg=name)
    assert (moved["conv2.weight"] != plain["conv2.weight"]).any()


class Gradients(Hook):
    def __init__(self) -> None:
        self.first: dict[str, np.ndarray] = {}

    def after_backward(self, weights, rate):  # type: ignore[no-untyped-def]
        self.first = self.first or {name: tensor.grad.numpy().copy() for name, tensor in weights.items()}


@pytest.mark.parametrize("kind", ["local", "global"])
def test_the_penalty_adds_beta_times_the_gradient_of_the_loss(kind: str) -> None:
    network, data = ZOO["digits-cnn"](1), train_data().subset(32)
    plain, penalised = Gradients(), Gradients()
    options = Decorrelation(kind, "penalty", beta=0.7)  # type: ignore[arg-type]
    fit(network, data, replace(RECIPE, epochs=1), hooks=(plain,))
    fit(network, data, replace(RECIPE, epochs=1), hooks=(OrthoRegHook(network, options), penalised))
    for name, gradient in plain.first.items():
        expected = gradient
        if name in ("conv1.weight", "conv2.weight"):
            leaf = torch.tensor(network.tensors[name]).requires_grad_()
            expected = gradient + 0.7 * torch.autograd.grad(pair_loss(leaf, kind), leaf)[0].numpy()
        np.testing.assert_allclose(penalised.first[name], expected, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("form", ["update", "penalty"])
def test_beta_0_changes_no_bit(form: str) -> None:
    network, data = ZOO["digits-cnn"](1), train_data()
    nothing = Decorrelation(form=form, beta=0.0)  # type: ignore[arg-type]
    for name, tensor in train_with(network, data, RECIPE, nothing).tensors.items():
        np.testing.assert_array_equal(tensor, fit(network, data, RECIPE).tensors[name])


@pytest.mark.parametrize("kind", ["local", "global"])
@pytest.mark.parametrize("form", ["update", "penalty"])
def test_training_with_it_leaves_the_filters_further_apart(kind: str, form: str) -> None:
    network, data = ZOO["digits-cnn"](1), train_data()
    strong = Decorrelation(kind, form, beta=STRONG[kind] * (0.1 if form == "penalty" else 1))  # type: ignore[arg-type]
    found = {}
    for options in (Decorrelation(beta=0.0), strong):
        fitted = train_with(network, data, RECIPE, options)
        found[options.beta] = pairwise_cosine(with_tensors(network, fitted.tensors))["conv2"]
        assert fitted.curve[-1].train_loss < 0.75 * fitted.curve[0].train_loss
    plain, apart = found[0.0], found[strong.beta]
    assert apart.maximum < plain.maximum and apart.mean_positive < plain.mean_positive


def test_local_leaves_obtuse_pairs_where_global_does_not() -> None:
    """Two filters that point nearly opposite ways: global turns them, local does not."""
    network = ZOO["digits-cnn"](1)
    weight = network.tensors["conv1.weight"].copy()
    weight[1] = 0.2 * weight[2] - weight[0]

    def after(kind: str) -> float:
        tensor = {"conv1.weight": torch.tensor(weight), "conv2.weight": torch.zeros((2, 2))}
        hook = OrthoRegHook(network, Decorrelation(kind, beta=1.0, layers=("conv1",)))  # type: ignore[arg-type]
        for _ in range(200):
            hook.after_step(tensor, 0.05)
        a, b = tensor["conv1.weight"][:2].reshape(2, -1)
        return float(torch.cosine_similarity(a, b, 0))

    assert after("local") < -0.9 and after("global") > -0.5


def pruned() -> Network:
    network = fold(load_network("digits-cnn"))
    weight = network.tensors["conv2.weight"].copy()
    weight[np.abs(weight) < np.quantile(np.abs(weight), 0.5)] = 0
    weight[3] = 0
    return with_tensors(network, {"conv2.weight": weight})


@pytest.mark.parametrize("form", ["update", "penalty"])
def test_the_step_keeps_zeros_and_writes_the_card(form: str) -> None:
    lines: list[str] = []
    step = OrthoReg(Decorrelation("local", form, beta=1.0), Training(epochs=1))  # type: ignore[arg-type]
    network = step.apply(pruned(), Work(train_data(), lines.append, threads=1))
    before, after = pruned().tensors["conv2.weight"], network.tensors["conv2.weight"]
    np.testing.assert_array_equal(after == 0, before == 0)
    assert np.isfinite(after).all() and (after != before).any()
    (entry,) = network.metadata["compression"]
    assert entry["method"] == "orthoreg" and entry["options"]["decorrelation"]["form"] == form
    cosine = entry["facts"]["mean_absolute_cosine"]
    assert cosine["after"] == pairwise_cosine(network)["all layers"].mean_absolute < cosine["before"]
    assert lines[-1].startswith("  mean absolute cosine")


def test_without_epochs_the_step_only_measures() -> None:
    network = fold(load_network("digits-cnn"))
    after = OrthoReg(training=Training(epochs=0)).apply(network, Work(train_data(), threads=1))
    assert all((after.tensors[name] == tensor).all() for name, tensor in network.tensors.items())
    facts = after.metadata["compression"][0]["facts"]["mean_absolute_cosine"]
    assert facts["before"] == facts["after"] > 0


def test_the_method_by_name_with_its_options() -> None:
    assert step_class("orthoreg") is OrthoReg
    options = {"decorrelation": {"kind": "global", "beta": 1, "layers": ["conv2"]}, "training": {"epochs": 2}}
    step = make_step("orthoreg", options)
    assert step == OrthoReg(Decorrelation("global", beta=1.0, layers=("conv2",)), Training(epochs=2))
    with pytest.raises(CompressionError, match="kind"):
        make_step("orthoreg", {"decorrelation": {"kind": "globl"}})
    with pytest.raises(CompressionError, match="no layer|convolution or linear layer 'conv9'"):
        OrthoReg(Decorrelation(layers=("conv9",))).apply(
            fold(load_network("digits-cnn")), Work(train_data(), threads=1)
        )


def test_it_takes_part_in_reduced_precision_and_beside_batch_norms() -> None:
    layers = ZOO["resnet20"](1).layers[:3]
    tail = (Layer("flat", Flatten(), (layers[-1].name,)), Layer("out", Linear(10), ("flat",)))
    network = Network("small", (1, 8, 8), (*layers, *tail), initial_tensors((1, 8, 8), (*layers, *tail), 1))
    recipe = replace(RECIPE, reduced=True, epochs=2)
    for form in ("update", "penalty"):
        options = Decorrelation(form=form, beta=1.0)  # type: ignore[arg-type]
        fitted = train_with(network, train_data(), recipe, options)
        trained = replace(network, tensors=fitted.tensors)
        plain = replace(network, tensors=fit(network, train_data(), recipe).tensors)
        assert pairwise_cosine(trained)["conv1"].maximum < pairwise_cosine(plain)["conv1"].maximum
