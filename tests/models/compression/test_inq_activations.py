"""Activations in few bits: as hwsim rounds them, clipped gradients, the same logits on the array bit by bit."""

from typing import Any

import numpy as np
import pytest

from hwsim import simulate
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.network import Activation, Add, Conv2d, Flatten, GlobalAvgPool, Layer, Linear, Network, Relu
from hwsim.network.resolve import resolve
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.inq import ActivationHook, Inq, activation_formats
from models.compression.on_array import array_assignment
from models.compression.recipe import ArraySettings
from models.compression.step import Training, Work
from models.compression.weights import with_tensors
from models.training.forward import forward

torch = pytest.importorskip("torch")

NETWORK = load_network("digits-cnn")
DATA = load_data("digits", "train")
TEST = load_data("digits", "test").subset(300)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_rectified_maps_are_unsigned_and_the_answer_stays_as_it_is() -> None:
    formats = activation_formats(NETWORK, DATA.images[:200], bits=4, input_bits=5)
    assert list(formats) == ["input", "conv1", "conv2"]
    assert [str(fmt).partition("@")[0] for fmt in formats.values()] == ["uint5", "uint4", "uint4"]
    signed = activation_formats(NETWORK, DATA.images[:200] - np.float32(0.5), bits=4)
    assert str(signed["input"]).startswith("int8@")


def branched() -> Network:
    layers = (
        Layer("a", Conv2d(2, (1, 1)), ("input",)),
        Layer("ra", Relu(), ("a",)),
        Layer("twice", Add(), ("ra", "ra")),
        Layer("mixed", Add(), ("ra", "a")),
        Layer("sum", Add(activation=Activation.RELU), ("twice", "mixed")),
        Layer("mean", GlobalAvgPool(), ("sum",)),
        Layer("flat", Flatten(), ("mean",)),
        Layer("fc", Linear(3), ("flat",)),
    )
    tensors = {"a.weight": np.full((2, 1, 1, 1), 0.5), "a.bias": np.zeros(2), "fc.weight": np.ones((3, 2))}
    tensors["fc.bias"] = np.zeros(3)
    return Network("branched", (1, 4, 4), layers, {n: t.astype(np.float32) for n, t in tensors.items()}, {})


def test_signs_follow_the_structure_and_not_the_luck_of_the_images() -> None:
    images = np.random.default_rng(2).random((9, 1, 4, 4)).astype(np.float32)
    kinds = {name: str(fmt).partition("@")[0] for name, fmt in activation_formats(branched(), images, 4).items()}
    unsigned = dict.fromkeys(("twice", "sum", "mean"), "uint4")
    assert kinds == {"input": "uint8", "a": "int4", "mixed": "int4"} | unsigned


@pytest.mark.parametrize("spelled", ["uint4@2^-3", "int4@2^-2", "uint8@2^0", "int8@2^-7", "fixed<6,3>", "uint2@2^1"])
def test_rounding_is_that_of_hwsim_ties_and_clipping_included(spelled: str) -> None:
    fmt = parse(spelled)
    step = float(2.0 ** fmt.grid().quantum)
    values = np.arange(-1200, 1201).astype(np.float32) * np.float32(step / 4)
    values = np.concatenate(
        [values, np.random.default_rng(1).normal(size=2000).astype(np.float32) * np.float32(20 * step)]
    )
    seen = ActivationHook({"x": fmt}).view("x", torch.tensor(values, requires_grad=True))
    np.testing.assert_array_equal(seen.detach().numpy(), quantize(values, fmt))
    narrow = torch.tensor(values).bfloat16()
    exact = quantize(narrow.float().numpy(), fmt)
    np.testing.assert_array_equal(ActivationHook({"x": fmt}).view("x", narrow).float().numpy(), exact)


def test_the_gradient_passes_where_nothing_is_clipped() -> None:
    value = torch.tensor([-0.3, 0.0, 0.4, 1.8, 1.95, 7.0], requires_grad=True)
    ActivationHook({"x": parse("uint4@2^-3")}).view("x", value).sum().backward()  # 0 to 1.875
    assert value.grad is not None and value.grad.tolist() == [0, 1, 1, 1, 0, 0]


def test_other_layers_go_through() -> None:
    value = torch.tensor([0.3])
    assert ActivationHook({"x": parse("uint4@2^-3")}).view("y", value) is value


@pytest.mark.parametrize("spelled", ["int9@2^0", "e4m3", "fixed<8,4,rtz>", "fixed<8,4,wrap>"])
def test_formats_that_training_does_not_round_to(spelled: str) -> None:
    with pytest.raises(CompressionError, match="at most 8 bits that rounds to nearest even and saturates"):
        ActivationHook({"conv1": parse(spelled)})


def with_biases_on_the_grid(network: Network, acc: str) -> Network:
    """Round each bias to a multiple of the last bit of its accumulator, as the array does."""
    resolved = resolve(network, array_assignment(network, ArraySettings(acc=acc))[0], DATA.images[:100])
    units = {layer.layer.name: layer.dot.acc for layer in resolved.layers if layer.dot is not None}
    biases = {f"{name}.bias": quantize(network.tensors[f"{name}.bias"], fmt) for name, fmt in units.items()}
    return with_tensors(network, biases)


@pytest.mark.parametrize(("bits", "act_bits"), [(5, 4), (3, 8), (2, 2)])
def test_the_array_computes_what_the_training_saw_bit_for_bit(bits: int, act_bits: int) -> None:
    training = Training(epochs=1, learning_rate=0.01)
    step = Inq(bits=bits, portions=(0.5, 1.0), act_bits=act_bits, input_bits=5, training=training)
    network = with_biases_on_the_grid(step.apply(NETWORK, Work(DATA, threads=1)), "int32")
    assignment = array_assignment(network, ArraySettings())[0]
    report = simulate(network, assignment, "16x16-ws", TEST.images, TEST.labels, DATA.images[:100])
    noted = network.metadata["compression"][0]["facts"]["activations"]  # type: ignore[index]
    hook = ActivationHook({name: parse(fmt) for name, fmt in noted.items()})
    tensors = {name: torch.tensor(tensor) for name, tensor in network.tensors.items()}
    seen = forward(network, tensors, torch.tensor(TEST.images), view=hook.view).numpy()
    np.testing.assert_array_equal(report.numerics.logits, seen)


@pytest.mark.parametrize(("bits", "act_bits"), [(5, 4), (2, 2)])
def test_sums_with_a_fine_unit_need_no_biases_on_their_grid(bits: int, act_bits: int) -> None:
    """Biases are rounded to the unit of the sums: by default the product of two steps, coarse with few bits."""
    training = Training(epochs=1, learning_rate=0.01)
    step = Inq(bits=bits, portions=(0.5, 1.0), act_bits=act_bits, training=training)
    network = step.apply(NETWORK, Work(DATA, threads=1))
    noted = network.metadata["compression"][0]["facts"]["activations"]  # type: ignore[index]
    hook = ActivationHook({name: parse(fmt) for name, fmt in noted.items()})
    tensors = {name: torch.tensor(tensor) for name, tensor in network.tensors.items()}
    seen = forward(network, tensors, torch.tensor(TEST.images), view=hook.view).numpy()
    far = {}
    for acc in ("int32", "int32@2^-20"):
        assignment = array_assignment(network, ArraySettings(acc=acc))[0]
        report = simulate(network, assignment, "16x16-ws", TEST.images, TEST.labels, DATA.images[:100])
        far[acc] = float(np.abs(report.numerics.logits - seen).max())
    assert far["int32@2^-20"] < 1e-5 < 0.1 < far["int32"]


def test_retraining_sees_the_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[float]] = {}

    def view(self: ActivationHook, name: str, value: Any) -> Any:
        rounded = plain(self, name, value)
        seen.setdefault(name, set()).update(np.unique(rounded.detach().numpy()).tolist())
        return rounded

    plain = ActivationHook.view
    monkeypatch.setattr(ActivationHook, "view", view)
    training = Training(epochs=1, learning_rate=0.01)
    step = Inq(bits=5, portions=(0.5, 1.0), act_bits=2, input_bits=3, training=training)
    step.apply(NETWORK, Work(DATA.subset(64), threads=1))
    assert len(seen["input"]) == 8 and len(seen["conv1"]) == len(seen["conv2"]) == 4 and len(seen["classify"]) > 100
