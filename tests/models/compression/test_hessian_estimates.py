"""What stands in for the diagonal: random probes, Becker & LeCun's recursion, Adam's moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hessian_networks import NETWORKS, branched, images, perceptron, pooled

from hwsim.network import Activation, Conv2d, Linear, Network
from models.compression.errors import CompressionError
from models.compression.hessian import Diagonal, diagonal, diagonal_of
from models.compression.hessian.full import full_hessian
from models.compression.hessian.hutchinson import hutchinson, loss_gradient
from models.compression.hessian.unfused import unfused
from models.compression.weights import weight_names
from models.data import Dataset

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def flat(network: Network, values: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([values[name].ravel() for name in weight_names(network)])


@pytest.mark.parametrize("make", NETWORKS)
def test_random_probes_are_unbiased_within_their_own_error(make: Callable[[], Network]) -> None:
    network, data = make(), images(make())
    exact = diagonal(network, data, biases=True)
    found = hutchinson(network, data, probes=400, seed=2)
    for name in network.tensors:
        error = found.standard_error[name]
        assert (np.abs(found.diagonal[name] - exact[name]) <= 5 * error + 1e-12).all(), name
    scores = [
        (found.diagonal[n] - exact[n])[e > 1e-9] / e[e > 1e-9]
        for n, e in found.standard_error.items()
        if (e > 1e-9).any()
    ]
    assert 0.6 < np.mean(np.concatenate(scores) ** 2) < 1.6  # neither too small nor too large an error is stated


def test_the_error_of_probes_is_that_of_the_theory() -> None:
    network, data = perceptron(), images(perceptron())
    names = tuple(network.tensors)
    whole = full_hessian(network, data, names=names)
    others = np.sqrt((whole**2).sum(1) - np.diag(whole) ** 2)
    found = hutchinson(network, data, probes=500, seed=4)
    stated = np.concatenate([found.standard_error[name].ravel() for name in names])
    np.testing.assert_allclose(stated, others / 500**0.5, rtol=0.25, atol=1e-9)


def test_probes_follow_their_seed() -> None:
    network, data = perceptron(), images(perceptron())
    one, same, other = (
        flat(network, diagonal(network, data, method="hutchinson", probes=3, seed=s)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def dense_recursion(network: Network, data: Dataset) -> dict[str, np.ndarray]:
    """Becker & LeCun by definition: each operation's dense Jacobian, squared entry by entry, image by image."""
    from models.training.forward import forward

    linear = unfused(network)
    tensors = {name: torch.tensor(array, dtype=torch.float64) for name, array in network.tensors.items()}
    sums = {name: np.zeros(array.shape) for name, array in network.tensors.items()}
    for pixels in data.images:
        values: dict[str, torch.Tensor] = {}

        def keep(name: str, value: torch.Tensor, values: dict[str, torch.Tensor] = values) -> torch.Tensor:
            values[name] = value
            return value

        logits = forward(linear, tensors, torch.tensor(pixels[None], dtype=torch.float64), view=keep)
        shares = logits.softmax(1)
        curvature = {name: torch.zeros_like(value) for name, value in values.items()}
        curvature[linear.output] = shares * (1 - shares)
        for layer in reversed(linear.layers):
            inputs = tuple(values[name] for name in layer.inputs)
            alone = replace(layer, inputs=tuple(f"i{n}" for n in range(len(inputs))))

            def run(*xs: torch.Tensor, layer: object = alone) -> torch.Tensor:
                from models.training.forward import _OPERATIONS

                return _OPERATIONS[type(layer.op)](layer.op, xs, tensors, layer.name)

            jacobians = torch.autograd.functional.jacobian(run, inputs)
            out = curvature[layer.name]
            for name, jacobian in zip(layer.inputs, jacobians, strict=True):
                squares = jacobian.reshape(out.numel(), -1) ** 2
                curvature[name] = curvature[name] + (out.flatten() @ squares).reshape(curvature[name].shape)
            add_products(sums, layer.name, layer.op, inputs[0][0].numpy(), out[0].numpy())
    return {name: total / len(data) for name, total in sums.items()}


def add_products(sums: dict[str, np.ndarray], name: str, op: object, x: np.ndarray, out: np.ndarray) -> None:
    """d2L/dw2 = sum over the places of (d2L/da2) x2, by loops."""
    if isinstance(op, Linear):
        sums[f"{name}.weight"] += np.outer(out, x**2)
        sums[f"{name}.bias"] += out
    if isinstance(op, Conv2d):
        padded = np.pad(x, ((0, 0), *((p, p) for p in op.padding))) ** 2
        weight = sums[f"{name}.weight"]
        group_in, group_out = weight.shape[1], weight.shape[0] // op.groups
        for f, i, j in np.ndindex(out.shape):
            first = f // group_out * group_in
            top, left = i * op.stride[0], j * op.stride[1]
            window = padded[first : first + group_in, top : top + op.kernel[0], left : left + op.kernel[1]]
            weight[f] += out[f, i, j] * window
        if f"{name}.bias" in sums:
            sums[f"{name}.bias"] += out.sum((1, 2))


@pytest.mark.parametrize("make", NETWORKS)
def test_the_recursion_is_that_of_becker_and_lecun(make: Callable[[], Network]) -> None:
    network, data = make(), images(make(), 5)
    expected, found = dense_recursion(network, data), diagonal(network, data, method="backprop", biases=True)
    assert set(found) == set(network.tensors)
    for name, values in expected.items():
        assert values.max() > 0
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(("make", "last"), [(perceptron, "c"), (pooled, "out"), (branched, "out")])
def test_the_recursion_is_exact_in_the_last_layer_and_not_before(make: Callable[[], Network], last: str) -> None:
    network, data = make(), images(make())
    exact, recursion = (diagonal(network, data, method=method) for method in ("exact", "backprop"))
    for name in exact:
        same = np.allclose(exact[name], recursion[name], rtol=1e-9)
        assert same == (name == f"{last}.weight")


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_adams_moment_at_fixed_weights_is_its_formula(power: float) -> None:
    network, data = pooled(), images(pooled(), 11)
    options = Diagonal(method="adam", samples=11, seed=3, passes=2, batch=4, power=power)
    found = diagonal_of(network, data, options, biases=True)
    order, moment, steps = np.random.default_rng(3), dict.fromkeys(network.tensors, 0.0), 0
    drawn = data.images[np.random.default_rng(3).permutation(11)], data.labels[np.random.default_rng(3).permutation(11)]
    for _ in range(2):
        shuffled = order.permutation(11)
        for start in (0, 4, 8):
            chosen = shuffled[start : start + 4]
            gradient = loss_gradient(network, Dataset("b", "train", drawn[0][chosen], drawn[1][chosen]))
            moment = {name: 0.999 * v + 0.001 * gradient[name] ** 2 for name, v in moment.items()}
            steps += 1
    for name, value in moment.items():
        expected = (value / (1 - 0.999**steps)) ** power
        np.testing.assert_allclose(found[name], expected, rtol=1e-8, atol=1e-14)


def test_adams_moment_while_it_trains_differs_and_leaves_the_network_alone() -> None:
    network, data = pooled(), images(pooled())
    before = {name: tensor.copy() for name, tensor in network.tensors.items()}
    still, moved = (flat(network, diagonal(network, data, method="adam", rate=rate)) for rate in (0.0, 0.01))
    assert (still >= 0).all() and not np.allclose(still, moved)
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensor, network.tensors[name])


def test_activations_become_layers_and_the_function_stays() -> None:
    from hwsim.network import forward_float

    network, data = branched(), images(branched())
    split = unfused(network)
    assert all(getattr(layer.op, "activation", Activation.NONE) is Activation.NONE for layer in split.layers)
    np.testing.assert_allclose(forward_float(split, data.images), forward_float(network, data.images), rtol=1e-12)


@pytest.mark.parametrize(
    "bad", [{"samples": 0}, {"probes": 1}, {"passes": 0}, {"batch": 0}, {"rate": -1.0}, {"power": 0.0}, {"method": "x"}]
)
def test_options_out_of_bounds_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(CompressionError, match=next(iter(bad))):
        Diagonal(**bad)
