"""Losses and direction against autograd, finite differences, and the released Lua code written out step by step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.compression.orthoreg import direction, pair_loss
from models.compression.orthoreg.loss import EPSILON

torch = pytest.importorskip("torch")

SHAPES = [(6, 9), (5, 3, 2, 2), (8, 4)]  # the last has more filters than dimensions


def draw(shape: tuple[int, ...], seed: int = 1, shift: float = 0.3) -> "torch.Tensor":
    """Filters that lean one way, so that there are near pairs too."""
    return torch.tensor(np.random.default_rng(seed).normal(shift, 1, shape), dtype=torch.float64)


def lua(weight: np.ndarray, rate: float, beta: float, exponential: bool = True, sharpness: float = 10.0) -> np.ndarray:
    """The released code, line by line, on a (filters, fan-in) matrix; without ``exponential``, the PyTorch port."""
    filters = weight.copy()
    for i in range(len(filters)):
        filters[i] /= math.sqrt(sum(x * x for x in filters[i])) + 1e-7
    gram = filters @ filters.T
    if exponential:
        gram = np.exp(gram * sharpness)
    gram = gram * sharpness / (gram + math.exp(sharpness))
    for i in range(len(gram)):
        gram[i, i] = 0.0
    return weight - rate * beta * (gram @ filters)


def loss_by_loops(weight: np.ndarray, kind: str, sharpness: float) -> float:
    rows = [row / (np.linalg.norm(row) + EPSILON) for row in weight.reshape(len(weight), -1)]
    total = 0.0
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            if i != j:
                cosine = float(a @ b)
                total += math.log(1 + math.exp(sharpness * (cosine - 1))) if kind == "local" else cosine**2 / 2
    return total


@pytest.mark.parametrize("kind", ["local", "global"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_is_its_definition(shape: tuple[int, ...], kind: str) -> None:
    weight = draw(shape)
    for sharpness in (1.0, 7.0, 10.0):
        expected = loss_by_loops(weight.numpy(), kind, sharpness)
        assert float(pair_loss(weight, kind, sharpness)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [7.0, 10.0])
def test_the_direction_is_the_released_lua_code(shape: tuple[int, ...], sharpness: float) -> None:
    weight = draw(shape)
    moved = weight - 0.05 * 0.1 * direction(weight, "local", sharpness)
    expected = lua(weight.numpy().reshape(shape[0], -1), 0.05, 0.1, sharpness=sharpness)
    np.testing.assert_allclose(moved.reshape(shape[0], -1).numpy(), expected, rtol=1e-12)


def test_the_exponential_is_there() -> None:
    """The port that lacks it is another penalty: far weaker, and it pushes obtuse pairs together."""
    weight = draw((6, 9)).numpy()
    right, ported = ((lua(weight, 1.0, 1.0, exponential) - weight) for exponential in (True, False))
    ours = -direction(torch.tensor(weight)).numpy()
    np.testing.assert_allclose(ours, right, rtol=1e-10)
    assert np.abs(ours).max() > 30 * np.abs(ported).max()
    acute = torch.tensor([[1.0, 0.0], [math.cos(0.3), math.sin(0.3)]], dtype=torch.float64)
    # 0.3 rad apart: lambda * sigmoid(10 (cos - 1)) = 3.9; the port has 10 cos / (cos + exp(10)) = 0.0004.
    expected = 10 / (1 + math.exp(10 * (1 - math.cos(0.3))))
    assert float(direction(acute)[0] @ acute[1]) == pytest.approx(expected, rel=1e-5)
    assert expected > 5000 * np.linalg.norm(lua(acute.numpy(), 1, 1, exponential=False) - acute.numpy(), axis=1)[0]
    obtuse = np.array([[1.0, 0.0], [math.cos(2.5), math.sin(2.5)]])
    assert np.sign(lua(obtuse, 1, 1, exponential=False) - obtuse)[0, 0] == -1  # towards its opposite: closer to it
    assert float(direction(torch.tensor(obtuse)).abs().max()) < 1e-6


@pytest.mark.parametrize("kind", ["local", "global"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_direction_is_autograd_with_the_normalisation_constant(shape: tuple[int, ...], kind: str) -> None:
    """By f_i, of the terms that name i first: the other filter of each pair held; twice that for all terms."""
    weight = draw(shape)
    flat = weight.reshape(shape[0], -1)
    unit = flat / (flat.norm(dim=1, keepdim=True) + EPSILON)
    for held, times in ((unit.detach(), 1), (None, 2)):
        leaf = unit.clone().requires_grad_()
        cosine = leaf @ (leaf if held is None else held).T
        terms = torch.log1p(torch.exp(10 * (cosine - 1))) if kind == "local" else cosine**2 / 2
        off = terms.masked_fill(torch.eye(shape[0], dtype=torch.bool), 0.0)
        (gradient,) = torch.autograd.grad(off.sum(), leaf)
        ours = direction(weight, kind).reshape(shape[0], -1)
        torch.testing.assert_close(times * ours, gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", ["local", "global"])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_penalty_is_differentiated_through_the_normalisation(kind: str, groups: int) -> None:
    weight = draw((6, 2, 2, 1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda w: pair_loss(w, kind, 10.0, groups), (weight,))
    (gradient,) = torch.autograd.grad(pair_loss(weight, kind, 10.0, groups), weight)
    flat, g = weight.detach().reshape(6, -1), gradient.reshape(6, -1)
    # Nothing along the filter itself: the loss does not depend on its length.
    assert float((flat * g).sum(1).abs().max()) < 1e-5 * float(g.abs().max())
    # What is left of the direction is the part across the filter, over its length, twice.
    along = direction(weight, kind, 10.0, groups).reshape(6, -1)
    unit, length = flat / flat.norm(dim=1, keepdim=True), flat.norm(dim=1, keepdim=True)
    across = along - (along * unit).sum(1, keepdim=True) * unit
    torch.testing.assert_close(g, 2 * across / length, rtol=1e-5, atol=1e-6 * float(g.abs().max()))


def central(weight: np.ndarray, kind: str, place: tuple[int, ...]) -> float:
    ends = []
    for step in (1e-6, -1e-6):
        moved = weight.copy()
        moved[place] += step
        ends.append(loss_by_loops(moved, kind, 10.0))
    return (ends[0] - ends[1]) / 2e-6


@pytest.mark.parametrize("kind", ["local", "global"])
def test_the_gradient_is_the_finite_difference_of_the_loss_by_loops(kind: str) -> None:
    weight = draw((5, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad(pair_loss(weight, kind), weight)
    for place in np.ndindex(5, 3):
        assert float(gradient[place]) == pytest.approx(central(weight.detach().numpy(), kind, place), abs=1e-7)


def pair(radians: float) -> "torch.Tensor":
    return torch.tensor([[1.0, 0.0], [math.cos(radians), math.sin(radians)]], dtype=torch.float64)


def test_lambda_is_the_reach_of_the_local_loss() -> None:
    """At lambda 10 obtuse pairs are left alone; near pairs feel nearly half of lambda; a small lambda feels all."""
    strength = {degrees: float(direction(pair(math.radians(degrees)))[0].norm()) for degrees in (1, 30, 60, 90, 120)}
    assert strength[1] == pytest.approx(5, rel=0.01)
    assert list(strength.values()) == sorted(strength.values(), reverse=True)
    assert strength[90] == pytest.approx(10 / (1 + math.exp(10)), rel=1e-6) and strength[90] < 1e-3 * strength[1]
    assert strength[120] < 1e-5
    assert float(direction(pair(math.radians(120)), "local", 1.0)[0].norm()) > 0.1


def test_global_penalises_both_signs_alike_and_local_does_not() -> None:
    near, far = pair(0.5), pair(math.pi - 0.5)
    assert float(pair_loss(near, "global")) == pytest.approx(float(pair_loss(far, "global")), rel=1e-6)
    assert float(pair_loss(near)) > 1e4 * float(pair_loss(far))
    for weight, sign in ((near, -1), (far, 1)):
        moved = weight - 0.01 * direction(weight, "global")
        change = torch.cosine_similarity(moved[0], moved[1], 0) - torch.cosine_similarity(weight[0], weight[1], 0)
        assert float(change) * sign > 1e-4
    assert float(direction(far).abs().max()) < 1e-6


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 999), st.sampled_from(["local", "global"]))
def test_a_small_move_lowers_the_loss(filters: int, inputs: int, seed: int, kind: str) -> None:
    weight = draw((filters, inputs), seed)
    weight /= weight.norm(dim=1, keepdim=True)
    before = float(pair_loss(weight, kind))
    assert float(pair_loss(weight - 1e-4 * direction(weight, kind), kind)) <= before + 1e-12


def test_it_is_stable_where_the_exponential_overflows() -> None:
    weight = torch.ones((3, 4), requires_grad=True)  # float32, cosines of 1
    for sharpness in (10.0, 1000.0):
        loss = pair_loss(weight, "local", sharpness)
        assert float(loss.detach()) == pytest.approx(6 * math.log(2), rel=1e-2)
        assert torch.isfinite(torch.autograd.grad(loss, weight)[0]).all()
        assert torch.isfinite(direction(weight, "local", sharpness)).all()


@pytest.mark.parametrize("kind", ["local", "global"])
def test_filters_of_zeros_take_no_part(kind: str) -> None:
    weight = draw((4, 3, 2, 1))
    weight[1] = 0
    leaf = weight.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(pair_loss(leaf, kind), leaf)
    others = weight[[0, 2, 3]]
    assert float(pair_loss(weight, kind)) == pytest.approx(float(pair_loss(others, kind)), rel=1e-12)
    for moved in (gradient, direction(weight, kind)):
        assert torch.isfinite(moved).all() and not moved[1].any() and moved[0].any()
    torch.testing.assert_close(direction(weight, kind)[[0, 2, 3]], direction(others, kind))
    assert float(pair_loss(torch.zeros((2, 3)), kind)) == 0.0


@pytest.mark.parametrize("kind", ["local", "global"])
def test_groups_make_no_pairs_with_each_other(kind: str) -> None:
    weight = draw((6, 2, 3, 3))
    halves = weight[:3], weight[3:]
    whole = pair_loss(weight, kind, 10.0, 2)
    assert float(whole) == pytest.approx(sum(float(pair_loss(half, kind)) for half in halves), rel=1e-12)
    torch.testing.assert_close(
        direction(weight, kind, 10.0, 2), torch.cat([direction(half, kind) for half in halves]), rtol=1e-12, atol=0
    )
    assert float(pair_loss(weight, kind, 10.0, 6)) == 0.0 and not direction(weight, kind, 10.0, 6).any()


def test_channels_last_filters_give_the_same() -> None:
    weight = draw((6, 3, 2, 2))
    last = weight.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(direction(last), direction(weight))
    assert float(pair_loss(last)) == pytest.approx(float(pair_loss(weight)), rel=1e-12)
