from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hwsim.network import fold  # noqa: E402
from models import load_data, load_network  # noqa: E402
from models.compression.errors import CompressionError  # noqa: E402
from models.compression.quantize import CentresHook, JointCode, JointHook, KMeans  # noqa: E402
from models.compression.step import Training, Work  # noqa: E402
from models.compression.weights import weight_names, with_tensors  # noqa: E402
from models.training.forward import forward  # noqa: E402

NAMES = ("conv1.weight", "conv2.weight", "classify.weight")


@pytest.fixture(scope="module")
def data():
    torch.set_num_threads(1)
    return load_data("digits", "train").subset(160)


@pytest.fixture(scope="module")
def network(data):
    """Half of the weights pruned, the others on 5 values, some of them in more than one layer."""
    base = fold(load_network("digits-cnn"))
    pruned = {n: np.where(np.abs(base.tensors[n]) < 0.12, 0, base.tensors[n]) for n in NAMES}
    return KMeans(clusters=5).apply(with_tensors(base, pruned), Work(data, threads=1))


def leaves(network):
    return {name: torch.tensor(array).requires_grad_() for name, array in network.tensors.items()}


def loss_of(network, tensors, data):
    logits = forward(network, tensors, torch.tensor(data.images), training=True)
    return torch.nn.functional.cross_entropy(logits, torch.tensor(data.labels))


def centre_gradients(network, data, parts):
    """Autograd of the loss through weights that are gathered from their centres: nothing is summed by hand."""
    found = {}
    for names in parts:
        tensors = leaves(network)
        flat = np.concatenate([network.tensors[name].ravel() for name in names])
        values, index = np.unique(flat, return_inverse=True)
        centres = torch.tensor(values).requires_grad_()
        gathered = centres[torch.tensor(index)]
        at = 0
        for name in names:
            size = network.tensors[name].size
            tensors[name] = gathered[at : at + size].reshape(network.tensors[name].shape)
            at += size
        loss_of(network, tensors, data).backward()
        for name in names:
            for value, gradient in zip(values, centres.grad.numpy(), strict=True):
                found[name, float(value)] = float(gradient) if value else 0.0
    return found


@pytest.mark.parametrize("scope", ["network", "layer"])
@pytest.mark.parametrize("gradient", ["sum", "mean"])
def test_the_gradient_is_that_of_gathered_centres(network, data, scope, gradient) -> None:
    parts = [NAMES] if scope == "network" else [(name,) for name in NAMES]
    expected = centre_gradients(network, data, parts)
    weights, hook = leaves(network), CentresHook(scope, gradient)
    hook.begin(weights)
    loss_of(network, weights, data).backward()
    hook.after_backward(weights, 0.1)
    for names in parts:
        flat = np.concatenate([network.tensors[name].ravel() for name in names])
        for name in names:
            got, tensor = weights[name].grad.numpy(), network.tensors[name]
            for value in np.unique(tensor):
                members = int((flat == value).sum()) if gradient == "mean" else 1
                target = expected[name, float(value)] / members
                assert np.unique(got[tensor == value]).size == 1
                assert got[tensor == value][0] == pytest.approx(target, rel=2e-3, abs=1e-5)


def trained(network, data, hook, **options):
    work = Work(data, threads=1)
    training = Training(epochs=3, learning_rate=0.01, weight_decay=0.0, **options)
    return with_tensors(network, work.retrain(network, training, [hook]).tensors)


def partition(network, name):
    return np.unique(network.tensors[name], return_inverse=True)[1].ravel()


def test_members_stay_equal_and_zeros_stay_zero(network, data) -> None:
    after = trained(network, data, CentresHook())
    values = np.unique(np.concatenate([after.tensors[name].ravel() for name in NAMES]))
    assert values.size == 6
    for name in NAMES:
        old, new = network.tensors[name], after.tensors[name]
        assert ((old == 0) == (new == 0)).all()
        assert not np.array_equal(old, new)
        for value in np.unique(old):
            assert np.unique(new[old == value]).size == 1
    assert not np.array_equal(after.tensors["conv1.bias"], network.tensors["conv1.bias"])


def test_one_value_in_two_layers_is_one_centre_only_for_the_network(network, data) -> None:
    shared = np.intersect1d(network.tensors["conv1.weight"], network.tensors["conv2.weight"])
    value = shared[shared != 0][0]
    for scope, same in (("network", True), ("layer", False)):
        after = trained(network, data, CentresHook(scope))
        one, other = (
            after.tensors[name][network.tensors[name] == value][0] for name in ("conv1.weight", "conv2.weight")
        )
        assert bool(one == other) == same


def test_averaging_keeps_members_equal(network, data) -> None:
    after = trained(network, data, CentresHook(), averaging=0.9)
    for name in NAMES:
        for value in np.unique(network.tensors[name]):
            assert np.unique(after.tensors[name][network.tensors[name] == value]).size == 1


def test_weight_decay_keeps_members_equal(network, data) -> None:
    work = Work(data, threads=1)
    training = Training(epochs=2, learning_rate=0.02, weight_decay=0.01)
    after = work.retrain(network, training, [CentresHook()]).tensors
    for name in NAMES:
        for value in np.unique(network.tensors[name]):
            assert np.unique(after[name][network.tensors[name] == value]).size == 1


def test_biases_and_centres_can_be_held(network, data) -> None:
    no_bias = trained(network, data, CentresHook(biases=False))
    assert all(np.array_equal(no_bias.tensors[n], network.tensors[n]) for n in network.tensors if n not in NAMES)
    no_centres = trained(network, data, CentresHook(centres=False))
    assert all(np.array_equal(no_centres.tensors[n], network.tensors[n]) for n in NAMES)
    assert not np.array_equal(no_centres.tensors["conv2.bias"], network.tensors["conv2.bias"])


def test_members_that_the_optimiser_parts_are_joined(network) -> None:
    weights, hook = leaves(network), CentresHook()
    hook.begin(weights)
    with torch.no_grad():
        for name in NAMES:
            weights[name].add_(torch.linspace(0, 1e-6, weights[name].numel()).view_as(weights[name]))
        hook.after_step(weights, 0.1)
    values = torch.cat([weights[name].detach().ravel() for name in NAMES])
    assert torch.unique(values).numel() == 6
    for name in NAMES:
        assert ((weights[name].detach().numpy() == 0) == (network.tensors[name] == 0)).all()


def test_training_centres_lowers_the_loss(network, data) -> None:
    after = trained(network, data, CentresHook())
    losses = [loss_of(network, leaves(net), data).item() for net in (network, after)]
    assert losses[1] < losses[0]


@pytest.mark.parametrize(("options", "needle"), [({"scope": "all"}, "all"), ({"gradient": "max"}, "max")])
def test_unknown_options_of_the_hook(options, needle) -> None:
    with pytest.raises(CompressionError, match=needle):
        CentresHook(**options)


def joint(network, **options) -> JointHook:
    ones = {name: np.ones(network.tensors[name].shape) for name in weight_names(network)}
    return JointHook(JointCode(**{"multiplier": 0.002, "step": 0.2} | options), ones)


def test_the_forward_pass_sees_quantised_weights_and_gradients_pass_straight(network, data) -> None:
    base = fold(load_network("digits-cnn"))
    weights, hook = leaves(base), joint(base)
    hook.begin(weights)
    seen = hook.seen(weights)
    quantised = hook.quantised()
    for name in NAMES:
        assert np.array_equal(seen[name].detach().numpy(), quantised[name])
        assert not np.array_equal(quantised[name], base.tensors[name])
    loss_of(base, seen, data).backward()
    other = {**leaves(base), **{name: torch.tensor(array).requires_grad_() for name, array in quantised.items()}}
    loss_of(base, other, data).backward()
    for name in base.tensors:
        assert torch.allclose(weights[name].grad, other[name].grad, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shared", [True, False])
def test_the_assignment_is_the_cheapest(network, shared) -> None:
    base = fold(load_network("digits-cnn"))
    weights, hook = leaves(base), joint(base, shared=shared, grid=True, every=1)
    hook.begin(weights)
    before = {name: (book.centres.copy(), book.counts[name].copy()) for book in hook._books for name in book.names}
    hook.after_step(weights, 0.1)
    quantised = hook.quantised()
    for name in NAMES:
        centres, counts = before[name]
        prices = -0.002 * np.log2(np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum())
        flat = base.tensors[name].ravel().astype(np.float64)
        costs = (flat[:, None] - centres) ** 2 + prices
        expected = centres[np.argmin(costs, axis=1)]
        assert quantised[name].ravel() == pytest.approx(expected, abs=1e-6)


def test_the_grid_stays_a_grid_and_means_do_not(data) -> None:
    base = fold(load_network("digits-cnn"))
    for grid in (True, False):
        hook = joint(base, grid=grid)
        Work(data, threads=1).retrain(base, Training(epochs=2, learning_rate=0.02), [hook])
        values = np.unique(np.concatenate([array.ravel() for array in hook.quantised().values()]))
        on_grid = np.abs(values / 0.2 - np.round(values / 0.2)) < 1e-5
        assert 0.0 in values
        assert on_grid.all() == grid


def test_zero_weights_stay_zero_without_gradients_and_state_counts(network) -> None:
    weights, hook = leaves(network), joint(network)
    hook.begin(weights)
    state = hook.state()
    quantised = hook.quantised()
    nonzero = sum(int(np.count_nonzero(array)) for array in quantised.values())
    values = np.unique(np.concatenate([array.ravel() for array in quantised.values()]))
    assert (state.nonzero, state.clusters) == (nonzero, values.size)
    bits = 0.0
    for array in quantised.values():
        counts = np.unique(array, return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    assert state.entropy_bits == pytest.approx(bits / state.weights)


def test_a_dearer_bit_leaves_fewer_weights(data) -> None:
    base = fold(load_network("digits-cnn"))
    left = []
    for multiplier in (0.0, 0.002, 0.02):
        hook = joint(base, multiplier=multiplier)
        Work(data, threads=1).retrain(base, Training(epochs=3, learning_rate=0.02), [hook])
        left.append(hook.state().nonzero)
    assert left == sorted(left, reverse=True)
    assert left[0] > 2 * left[2]


def test_pruned_weights_come_back_only_where_they_may(network, data) -> None:
    came_back = []
    for regrow in (True, False):
        hook = joint(network, multiplier=1e-6, step=0.02, regrow=regrow)
        Work(data, threads=1).retrain(network, Training(epochs=2, learning_rate=0.05), [hook])
        quantised = hook.quantised()
        came_back.append(sum(int(quantised[name][network.tensors[name] == 0].astype(bool).sum()) for name in NAMES))
    assert came_back[0] > 0
    assert came_back[1] == 0


def test_a_training_that_diverges_says_so(network) -> None:
    weights, hook = leaves(network), joint(network)
    with torch.no_grad():
        weights["conv1.weight"][0] = float("nan")
    with pytest.raises(CompressionError, match=r"diverged: conv1\.weight.*learning_rate"):
        hook.begin(weights)
