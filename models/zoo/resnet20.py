"""ResNet-20 for 32x32 images: three stages of three basic blocks, 16, 32 and 64 channels.

Source: He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2, with n = 3. The two
shortcuts that change the shape are 1x1 convolutions (option B of the paper), which an array of multipliers can run.
"""

from __future__ import annotations

from hwsim.network import Network
from models.shapes.builder import Builder
from models.zoo.initial import initial_tensors

INPUT_SHAPE = (3, 32, 32)
STAGES = (16, 32, 64)
BLOCKS = 3


def resnet20(seed: int = 1) -> Network:
    """Return the untrained network with its batch-norms; 40,813,184 multiply-accumulates per image.

    >>> sum(tensor.size for name, tensor in resnet20().tensors.items() if not name.endswith((".mean", ".variance")))
    272474
    """
    build = Builder()
    build.conv("conv1", STAGES[0], 3, 1, 1, norm=True, relu=True)
    channels = STAGES[0]
    for stage, width in enumerate(STAGES, start=1):
        for block in range(BLOCKS):
            _block(build, f"stage{stage}.{block}", channels, width)
            channels = width
    build.classify(10)
    layers = tuple(build.layers)
    return Network("resnet20", INPUT_SHAPE, layers, initial_tensors(INPUT_SHAPE, layers, seed), {"dataset": "cifar10"})


def _block(build: Builder, name: str, channels: int, width: int) -> None:
    source, stride = build.last, 1 if channels == width else 2
    build.conv(f"{name}.conv1", width, 3, stride, 1, norm=True, relu=True)
    main = build.conv(f"{name}.conv2", width, 3, 1, 1, norm=True)
    if stride == 2:
        source = build.conv(f"{name}.shortcut", width, 1, 2, source=source, norm=True)
    build.sum(f"{name}.add", main, source, relu=True)
