"""Batch-norm in training against torch's own module: outputs, gradients, running statistics, and evaluation."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.network import BatchNorm, Conv2d, Flatten, Layer, Linear, Network, Relu, fold, forward_float
from models import load_data
from models.training.forward import BATCH_NORM_MOMENTUM, forward
from models.training.loop import fit
from models.training.recipe import Recipe
from models.training.step import TrainingRun
from models.zoo.initial import initial_tensors

torch = pytest.importorskip("torch")

SHAPE = (3, 5, 4)
NORM = Network(
    "norm",
    SHAPE,
    (Layer("bn", BatchNorm(1e-3), ("input",)),),
    {
        "bn.gamma": np.float32([0.5, -1, 2]),
        "bn.beta": np.float32([0.1, 0, -3]),
        "bn.mean": np.float32([1, -2, 0]),
        "bn.variance": np.float32([4, 1, 0.25]),
    },
)
LAYERS = (
    Layer("conv", Conv2d(6, (3, 3), padding=(1, 1), bias=False), ("input",)),
    Layer("bn", BatchNorm(), ("conv",)),
    Layer("relu", Relu(), ("bn",)),
    Layer("flat", Flatten(), ("relu",)),
    Layer("out", Linear(10), ("flat",)),
)
SMALL = Network("small", (1, 8, 8), LAYERS, initial_tensors((1, 8, 8), LAYERS, 1), {"dataset": "digits"})
RECIPE = Recipe(epochs=2, batch=50, learning_rate=0.05, averaging=0.0, threads=1)


def tensors_of(network: Network, dtype: "torch.dtype") -> dict[str, "torch.Tensor"]:
    made = {name: torch.tensor(array, dtype=dtype) for name, array in network.tensors.items()}
    return {n: t.requires_grad_(not n.endswith((".mean", ".variance"))) for n, t in made.items()}


def oracle(dtype: "torch.dtype") -> "torch.nn.BatchNorm2d":
    module = torch.nn.BatchNorm2d(3, eps=1e-3, dtype=dtype)
    with torch.no_grad():
        for name, own in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "mean"), ("running_var", "variance")):
            getattr(module, name).copy_(torch.tensor(NORM.tensors[f"bn.{own}"]))
    return module


def batches(dtype: "torch.dtype", count: int = 3) -> list["torch.Tensor"]:
    random = np.random.default_rng(5)
    return [torch.tensor(random.normal(1.5, 2, (7, *SHAPE)), dtype=dtype) for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_is_torchs_batch_norm(dtype: "torch.dtype") -> None:
    tensors, module = tensors_of(NORM, dtype), oracle(dtype)
    for images in batches(dtype):
        out, expected = forward(NORM, tensors, images, training=True), module(images)
        torch.testing.assert_close(out, expected)
        (out**2).sum().backward()
        (expected**2).sum().backward()
    torch.testing.assert_close(tensors["bn.mean"], module.running_mean)
    torch.testing.assert_close(tensors["bn.variance"], module.running_var)
    torch.testing.assert_close(tensors["bn.gamma"].grad, module.weight.grad)
    torch.testing.assert_close(tensors["bn.beta"].grad, module.bias.grad)


def test_the_statistics_by_their_definition() -> None:
    """The batch divides by n, the stored variance moves a tenth of the way towards that which divides by n - 1."""
    tensors, (images,) = tensors_of(NORM, torch.float64), batches(torch.float64, 1)
    out = forward(NORM, tensors, images, training=True).detach().numpy()
    x = images.numpy()
    mean, biased, unbiased = x.mean((0, 2, 3)), x.var((0, 2, 3)), x.var((0, 2, 3), ddof=1)
    gamma, beta, old_mean, old_variance = (
        NORM.tensors[f"bn.{part}"][:, None, None].astype(float) for part in ("gamma", "beta", "mean", "variance")
    )
    normal = (x - mean[:, None, None]) / np.sqrt(biased[:, None, None] + 1e-3)
    np.testing.assert_allclose(out, gamma * normal + beta, rtol=1e-9, atol=1e-9)
    m = BATCH_NORM_MOMENTUM
    assert m == 0.1
    np.testing.assert_allclose(tensors["bn.mean"], (1 - m) * old_mean.ravel() + m * mean)
    np.testing.assert_allclose(tensors["bn.variance"], (1 - m) * old_variance.ravel() + m * unbiased)


def test_evaluation_uses_the_stored_statistics_and_leaves_them() -> None:
    tensors, module = tensors_of(NORM, torch.float64), oracle(torch.float64).eval()
    (images,) = batches(torch.float64, 1)
    out = forward(NORM, tensors, images)
    torch.testing.assert_close(out, module(images))
    np.testing.assert_allclose(out.detach(), forward_float(NORM, images.float().numpy()), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(tensors["bn.mean"], NORM.tensors["bn.mean"])
    np.testing.assert_array_equal(tensors["bn.variance"], NORM.tensors["bn.variance"])


def test_statistics_are_no_leaves_and_gamma_and_beta_are_not_decayed() -> None:
    run = TrainingRun(SMALL, load_data("digits", "train").subset(50), RECIPE)
    trained = {name for name, tensor in run.weights.items() if tensor.requires_grad}
    assert trained == {"conv.weight", "bn.gamma", "bn.beta", "out.weight", "out.bias"}
    decayed, plain = run.optimizer.param_groups
    assert [tensor.ndim for tensor in decayed["params"]] == [4, 2] and decayed["weight_decay"] == 5e-4
    assert len(plain["params"]) == 3 and plain["weight_decay"] == 0.0


def test_a_training_step_is_that_of_a_torch_module() -> None:
    """The whole step, optimiser and statistics included, against torch modules written out by hand."""
    data = load_data("digits", "train").subset(50)
    recipe = replace(RECIPE, epochs=3, batch=50)
    run = TrainingRun(SMALL, data, recipe)
    nn = torch.nn
    conv, norm, out = nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.Linear(384, 10)
    with torch.no_grad():
        conv.weight.copy_(run.weights["conv.weight"])
        out.weight.copy_(run.weights["out.weight"])
        out.bias.zero_()
    model = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), out)
    decayed, plain = [conv.weight, out.weight], [norm.weight, norm.bias, out.bias]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, {"params": plain}], lr=0.05, momentum=0.9, nesterov=True
    )
    images, labels = torch.tensor(data.images), torch.tensor(data.labels)
    for epoch in range(3):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(epoch, 1)
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        assert run.epoch(epoch) == pytest.approx(float(loss.detach()), rel=1e-5)
    pairs = {
        "bn.mean": norm.running_mean,
        "bn.variance": norm.running_var,
        "bn.gamma": norm.weight,
        "bn.beta": norm.bias,
    }
    for name, expected in {**pairs, "conv.weight": conv.weight, "out.bias": out.bias}.items():
        torch.testing.assert_close(run.weights[name].detach(), expected.detach(), rtol=1e-3, atol=1e-5)


def test_a_network_with_batch_norms_learns_and_folds() -> None:
    train, test = load_data("digits", "train"), load_data("digits", "test")
    fitted = fit(SMALL, train, replace(RECIPE, epochs=8, averaging=0.9))
    network = replace(SMALL, tensors=fitted.tensors)
    assert (network.tensors["bn.variance"] > 0).all() and network.tensors["bn.mean"].any()
    logits = forward_float(network, test.images)
    assert (logits.argmax(1) == test.labels).mean() > 0.85
    np.testing.assert_allclose(forward_float(fold(network), test.images), logits, rtol=1e-3, atol=1e-3)


def test_reduced_precision_trains_float32_weights() -> None:
    """bfloat16 products (where the processor has them) and maps channels-last: other bits, nearly the same training."""
    train, test = load_data("digits", "train"), load_data("digits", "test")
    recipe = replace(RECIPE, epochs=8, averaging=0.9)
    whole, reduced = (fit(SMALL, train, replace(recipe, reduced=value)) for value in (False, True))
    assert {tensor.dtype for tensor in reduced.tensors.values()} == {np.dtype(np.float32)}
    assert all(tensor.flags.c_contiguous for tensor in reduced.tensors.values())
    assert reduced.tensors["conv.weight"].shape == whole.tensors["conv.weight"].shape
    assert reduced.curve[-1].train_loss == pytest.approx(whole.curve[-1].train_loss, rel=0.2)
    logits = forward_float(replace(SMALL, tensors=reduced.tensors), test.images)
    assert (logits.argmax(1) == test.labels).mean() > 0.85
    again = fit(SMALL, train, replace(recipe, reduced=True))
    for name, tensor in reduced.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])
