"""Small networks for the tests of compressed files."""

from __future__ import annotations

import numpy as np

from hwsim.network import Activation, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network


def small(tensors: dict[str, np.ndarray] | None = None, name: str = "small", card: dict | None = None) -> Network:
    """A convolution of 4 filters 3x3 on 2 channels, a pool, and a linear layer on the flattened 4 x 2 x 3 map."""
    layers = (
        Layer("conv", Conv2d(4, (3, 3), padding=(1, 1)), ("input",)),
        Layer("pool", MaxPool2d((2, 2), (2, 2)), ("conv",)),
        Layer("flat", Flatten(), ("pool",)),
        Layer("line", Linear(5, activation=Activation.RELU), ("flat",)),
    )
    shapes = {"conv.bias": (4,), "conv.weight": (4, 2, 3, 3), "line.bias": (5,), "line.weight": (5, 24)}
    own = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()} | (tensors or {})
    return Network(name, (2, 4, 6), layers, own, {"dataset": "digits"} if card is None else card)


def one_matrix(weight: np.ndarray, bias: np.ndarray | None = None) -> Network:
    """A linear layer alone."""
    tensors = {"line.weight": np.asarray(weight, np.float32)}
    if bias is not None:
        tensors["line.bias"] = np.asarray(bias, np.float32)
    op = Linear(weight.shape[0], bias=bias is not None)
    return Network("one", (weight.shape[1],), (Layer("line", op, ("input",)),), tensors, {})


def chain(weights: dict[str, np.ndarray]) -> Network:
    """Linear layers one after another, without biases."""
    names = ["input", *weights]
    layers = tuple(
        Layer(name, Linear(weight.shape[0], bias=False), (names[place],))
        for place, (name, weight) in enumerate(weights.items())
    )
    tensors = {f"{name}.weight": np.asarray(weight, np.float32) for name, weight in weights.items()}
    return Network("chain", (next(iter(weights.values())).shape[1],), layers, tensors, {})


def pruned(shape: tuple[int, ...], share: float, values: int, seed: int, structured: bool = True) -> np.ndarray:
    """A tensor with about ``share`` nonzeros on a grid of ``values`` values to either side; rows and columns differ."""
    rng = np.random.default_rng(seed)
    flat = (shape[0], int(np.prod(shape[1:])))
    chance = np.full(flat, share)
    if structured:
        chance = share * rng.exponential(size=(flat[0], 1)) * rng.exponential(size=(1, flat[1]))
    steps = np.clip(np.rint(rng.laplace(0, values / 3, flat)), -values, values)
    steps[steps == 0] = 1
    return np.where(rng.random(flat) < chance, steps * 0.03, 0).astype(np.float32).reshape(shape)
