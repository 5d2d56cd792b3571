"""The exact diagonal and the whole Hessian against second differences and against torch's own Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hessian_networks import NETWORKS, branched, images, perceptron, pooled

from hwsim.errors import MissingExtraError
from hwsim.network import BatchNorm, Layer, Network, fold, forward_float
from models.compression.errors import CompressionError
from models.compression.hessian import diagonal
from models.compression.hessian.full import LARGEST, full_hessian, gauss_newton
from models.compression.hessian.unfused import unfused
from models.compression.weights import flat_weights, split_flat, weight_names, with_tensors
from models.data import Dataset

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def loss(network: Network, data: Dataset) -> float:
    logits = forward_float(network, data.images)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return float(-np.log(shares[np.arange(len(data)), data.labels]).mean())


def flat(network: Network, values: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([values[name].ravel() for name in weight_names(network)])


def torch_hessian(network: Network, data: Dataset) -> np.ndarray:
    """The Hessian by torch.autograd.functional, all weights in one vector."""
    from models.training.forward import forward

    names = weight_names(network)
    sizes = [network.tensors[name].size for name in names]
    fixed = {name: torch.tensor(array, dtype=torch.float64) for name, array in network.tensors.items()}
    pixels, labels = torch.tensor(data.images, dtype=torch.float64), torch.tensor(data.labels)

    def mean_loss(vector: torch.Tensor) -> torch.Tensor:
        parts = torch.split(vector, sizes)
        moved = {name: part.reshape(fixed[name].shape) for name, part in zip(names, parts, strict=True)}
        return torch.nn.functional.cross_entropy(forward(network, fixed | moved, pixels), labels)

    start = torch.tensor(flat_weights(network))
    return torch.autograd.functional.hessian(mean_loss, start).numpy()


@pytest.mark.parametrize("make", NETWORKS)
def test_the_diagonal_is_that_of_torchs_hessian(make: Callable[[], Network]) -> None:
    network, data = make(), images(make())
    expected = np.diag(torch_hessian(network, data))
    found = flat(network, diagonal(network, data))
    assert expected.max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", NETWORKS)
def test_the_diagonal_is_that_of_second_differences_of_the_loss_in_numpy(make: Callable[[], Network]) -> None:
    network, data = make(), images(make())
    found, weights = flat(network, diagonal(network, data)), flat_weights(network)
    middle, step = loss(network, data), 2.0**-10

    def at(index: int, change: float) -> float:
        moved = weights.copy()
        moved[index] += change
        return loss(with_tensors(network, split_flat(moved, network)), data)

    smooth = 0
    for index in range(0, weights.size, 3):
        near, far = ((at(index, s) - 2 * middle + at(index, -s)) / s**2 for s in (step, 2 * step))
        if abs(near - far) < 1e-6 + 1e-3 * abs(near):  # no unit switches within the step
            smooth += 1
            assert near == pytest.approx(found[index], rel=1e-2, abs=1e-5)
    assert smooth > 0.5 * weights.size / 3


@pytest.mark.parametrize("make", NETWORKS)
def test_the_whole_hessian_is_torchs(make: Callable[[], Network]) -> None:
    network, data = make(), images(make())
    expected = torch_hessian(network, data)
    found = full_hessian(network, data)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("make", NETWORKS)
def test_gauss_newton_has_the_hessians_blocks_of_layers_and_no_negative_eigenvalue(make: Callable[[], Network]) -> None:
    network, data = make(), images(make())
    hessian, gauss = torch_hessian(network, data), gauss_newton(network, data)
    ends = np.cumsum([0, *(network.tensors[name].size for name in weight_names(network))])
    for start, end in zip(ends[:-1], ends[1:], strict=True):
        np.testing.assert_allclose(gauss[start:end, start:end], hessian[start:end, start:end], atol=1e-12)
    assert np.abs(gauss - hessian).max() > 1e-4  # layers bend each other, which Gauss-Newton leaves out
    assert np.linalg.eigvalsh(gauss).min() > -1e-12
    np.testing.assert_allclose(np.diag(gauss), flat(network, diagonal(network, data)), atol=1e-12)


def test_biases_have_their_second_derivatives_too() -> None:
    network, data = branched(), images(branched())
    found = diagonal(network, data, biases=True)
    assert set(found) == set(network.tensors)
    step, middle = 2.0**-8, loss(network, data)

    def at(change: float) -> float:
        moved = network.tensors["out.bias"].copy()
        moved[1] += change
        return loss(with_tensors(network, {"out.bias": moved}), data)

    second = (at(step) - 2 * middle + at(-step)) / step**2
    assert found["out.bias"][1] == pytest.approx(second, rel=1e-3)


def test_it_is_a_mean_over_images_whatever_fits_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = pooled(), images(pooled(), 9)
    whole = diagonal(network, data)
    monkeypatch.setattr("models.compression.hessian.exact.images_at_once", lambda *_: 2)
    in_pairs = diagonal(network, data)
    alone = [
        diagonal(network, Dataset("one", "train", data.images[i : i + 1], data.labels[i : i + 1])) for i in range(9)
    ]
    for name in whole:
        np.testing.assert_allclose(in_pairs[name], whole[name], rtol=1e-12)
        np.testing.assert_allclose(np.mean([one[name] for one in alone], axis=0), whole[name], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(
        gauss_newton(network, data), gauss_newton(network, Dataset("all", "train", data.images, data.labels))
    )


def test_the_diagonal_does_not_depend_on_labels_and_the_fisher_does() -> None:
    network, data = pooled(), images(pooled())
    other = Dataset("other", "train", data.images, (data.labels + 1) % 4)
    for method, same in (("exact", True), ("fisher", False)):
        one, two = (flat(network, diagonal(network, part, method=method)) for part in (data, other))
        assert np.array_equal(one, two) == same


def test_the_empirical_fisher_is_the_mean_square_of_single_gradients() -> None:
    from models.compression.hessian.hutchinson import loss_gradient

    network, data = pooled(), images(pooled(), 6)
    singles = [Dataset("one", "train", data.images[i : i + 1], data.labels[i : i + 1]) for i in range(6)]
    gradients = [loss_gradient(network, single) for single in singles]
    found = diagonal(network, data, method="fisher", biases=True)
    for name in network.tensors:
        np.testing.assert_allclose(found[name], np.mean([g[name] ** 2 for g in gradients], axis=0), atol=1e-14)


def test_a_smaller_draw_begins_the_larger_one() -> None:
    from models.compression.hessian.unfused import drawn

    data = images(pooled(), 30)
    large, small, all_of_them = drawn(data, 20, 3), drawn(data, 7, 3), drawn(data, 1000, 3)
    np.testing.assert_array_equal(large.images[:7], small.images)
    assert len(all_of_them) == 30 and len({image.tobytes() for image in all_of_them.images}) == 30
    assert not np.array_equal(drawn(data, 7, 4).images, small.images)


def test_what_cannot_be_done_is_said() -> None:
    network = perceptron()
    norm = Layer("norm", BatchNorm(), ("flatten",))
    with pytest.raises(CompressionError, match="fold them first"):
        unfused(Network("n", (1, 2, 3), (network.layers[0], norm), {}))
    with pytest.raises(CompressionError, match="2 faults") as raised:
        diagonal(network, images(network), samples=0, method="exakt")
    assert "did you mean 'exact'" in str(raised.value) and "samples is 0" in str(raised.value)
    from models.zoo import ZOO

    with pytest.raises(CompressionError, match=f"at most {LARGEST} weights"):
        full_hessian(fold(ZOO["lenet5"](1)), images(network))


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="hwsim\\[train\\]"):
        diagonal(perceptron(), images(perceptron()))
    ones = diagonal(perceptron(), images(perceptron()), method="ones")
    assert all((value == 1).all() for value in ones.values())
