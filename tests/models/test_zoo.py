"""The structures of the zoo against the numbers that are published for them."""

import numpy as np
import pytest

from hwsim.network import Add, BatchNorm, Conv2d, Linear, Network, fold, forward_float
from models.training.recipe import RECIPES
from models.zoo import ZOO


def parameters(network: Network) -> int:
    """Trained numbers: everything but the stored statistics of batch-norms."""
    return sum(t.size for name, t in network.tensors.items() if not name.endswith((".mean", ".variance")))


def macs(network: Network) -> int:
    """Slow twin: outputs of each product layer times the products in one of them."""
    shapes, total = {"input": network.input_shape}, 0
    for layer in network.layers:
        shapes[layer.name] = shape = layer.op.output_shape(tuple(shapes[name] for name in layer.inputs))
        if isinstance(layer.op, Conv2d | Linear):
            weight = network.tensors[f"{layer.name}.weight"]
            total += int(np.prod(shape)) * int(np.prod(weight.shape[1:]))
    return total


@pytest.mark.parametrize(
    ("name", "numbers", "products"),
    [
        ("digits-cnn", 6_090, 84_224),
        ("lenet300", 266_610, 266_200),  # published: 267K parameters (Han et al. 2015, table 1)
        ("lenet5", 431_080, 2_293_000),  # published: 431K (the same)
        ("resnet20", 272_474, 40_813_184),  # published: 0.27M (He et al. 2015, table 6)
    ],
)
def test_parameters_and_multiply_accumulates(name: str, numbers: int, products: int) -> None:
    network = ZOO[name](1)
    network.validate()
    assert (parameters(network), macs(network)) == (numbers, products)


def test_every_network_has_a_recipe_and_its_own_name() -> None:
    assert set(ZOO) == set(RECIPES)
    assert all(ZOO[name](1).name == name for name in ZOO)


def test_resnet20_less_its_projections_is_the_published_count() -> None:
    """Option A has no weights in its shortcuts: the 269,722 parameters of published implementations of it.

    Counted by hand: 3x3 convolutions 432 + 6 * 2304 + (4608 + 5 * 9216) + (18432 + 5 * 36864), two numbers a channel
    for 19 batch-norms, and the classifier's 650.
    """
    network = ZOO["resnet20"](1)
    option_b = sum(t.size for name, t in network.tensors.items() if ".shortcut" in name) - 2 * (32 + 64)
    convolutions = 432 + 6 * 2304 + (4608 + 5 * 9216) + (18432 + 5 * 36864)
    norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert parameters(network) - option_b == convolutions + norms + 650 == 269_722
    assert option_b == 16 * 32 + 32 * 64 + 2 * (32 + 64)
    # 40.55M multiply-accumulates without the two projections, each 131,072.
    assert macs(network) - 2 * 131_072 == 40_551_040


def test_resnet20_is_three_stages_of_three_blocks() -> None:
    network = ZOO["resnet20"](1)
    ops = {layer.name: layer.op for layer in network.layers}
    assert network.input_shape == (3, 32, 32) and network.metadata["dataset"] == "cifar10"
    assert sum(isinstance(op, Add) for op in ops.values()) == 9
    # 20 layers with weights on the longest path: 19 3x3 convolutions and the classifier; two 1x1 beside it.
    kernels = [op.kernel for op in ops.values() if isinstance(op, Conv2d)]
    assert (kernels.count((3, 3)), kernels.count((1, 1))) == (19, 2)
    assert sum(isinstance(op, BatchNorm) for op in ops.values()) == 21
    strided = [name for name, op in ops.items() if isinstance(op, Conv2d) and op.stride == (2, 2)]
    assert strided == ["stage2.0.conv1", "stage2.0.shortcut", "stage3.0.conv1", "stage3.0.shortcut"]
    shapes = {"input": network.input_shape}
    for layer in network.layers:
        shapes[layer.name] = layer.op.output_shape(tuple(shapes[name] for name in layer.inputs))
    assert shapes["stage1.2.add"] == (16, 32, 32)
    assert shapes["stage2.2.add"] == (32, 16, 16) and shapes["stage3.2.add"] == (64, 8, 8)
    assert shapes[network.layers[-1].name] == (10,)


def test_resnet20_against_torch_modules() -> None:
    """The whole network written out with torch's own modules, weights copied, statistics that are not 0 and 1."""
    torch = pytest.importorskip("torch")
    network = ZOO["resnet20"](1)
    random = np.random.default_rng(2)
    drawn = {
        name: random.uniform(0.5, 1.5, t.shape).astype(np.float32) if t.ndim == 1 else t
        for name, t in network.tensors.items()
    }
    network = Network(network.name, network.input_shape, network.layers, drawn)
    nn = torch.nn

    def conv(name: str, stride: int, size: int) -> "torch.nn.Module":
        weight = torch.tensor(drawn[f"{name}.weight"])
        module = nn.Conv2d(weight.shape[1], weight.shape[0], size, stride, size // 2, bias=False)
        norm = nn.BatchNorm2d(weight.shape[0])
        with torch.no_grad():
            module.weight.copy_(weight)
            pairs = (("weight", "gamma"), ("bias", "beta"), ("running_mean", "mean"), ("running_var", "variance"))
            for own, ours in pairs:
                getattr(norm, own).copy_(torch.tensor(drawn[f"{name}.bn.{ours}"]))
        return nn.Sequential(module, norm).double().eval()

    images = random.normal(size=(2, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        x = conv("conv1", 1, 3)(torch.tensor(images, dtype=torch.float64)).relu()
        for stage in (1, 2, 3):
            for block in range(3):
                name, stride = f"stage{stage}.{block}", 2 if stage > 1 and block == 0 else 1
                main = conv(f"{name}.conv2", 1, 3)(conv(f"{name}.conv1", stride, 3)(x).relu())
                x = (main + (conv(f"{name}.shortcut", 2, 1)(x) if stride == 2 else x)).relu()
        weight, bias = (torch.tensor(drawn[f"fc.{part}"], dtype=torch.float64) for part in ("weight", "bias"))
        logits = torch.nn.functional.linear(x.mean((2, 3)), weight, bias).numpy()
    np.testing.assert_allclose(forward_float(network, images), logits, rtol=1e-9)
    np.testing.assert_allclose(forward_float(fold(network), images), logits, rtol=1e-4)


def test_lenet300_is_three_linear_layers() -> None:
    network = ZOO["lenet300"](1)
    shapes = [tensor.shape for tensor in network.tensors.values() if tensor.ndim == 2]
    assert sorted(shapes) == [(10, 100), (100, 300), (300, 784)]
    random = np.random.default_rng(1)
    images = random.normal(size=(4, 1, 28, 28)).astype(np.float32)
    x = images.reshape(4, -1).astype(float)
    for number in (1, 2, 3):
        weight, bias = (network.tensors[f"ip{number}.{part}"] for part in ("weight", "bias"))
        x = x @ weight.T.astype(float) + bias
        x = np.maximum(x, 0) if number < 3 else x
    np.testing.assert_allclose(forward_float(network, images), x, rtol=1e-9)
