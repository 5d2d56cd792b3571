"""ResNet-18 and -50, MobileNetV2 and GoogLeNet: networks whose maps are read more than once."""

from __future__ import annotations

from hwsim.network import Network
from models.shapes.builder import Builder
from models.shapes.chains import IMAGENET

STAGES = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}

#: expansion t, channels c, repetitions n, stride s of the first: Sandler et al. 2018, arXiv 1801.04381, Table 2.
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

#: 1x1; 1x1 and 3x3; 1x1 and "5x5"; 1x1 after the pool: Szegedy et al. 2014, arXiv 1409.4842, Table 1.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_AFTER = {"3b": (3, 2), "4e": (2, 2)}


def resnet18() -> Network:
    """Return ResNet-18: two 3x3 convolutions a block."""
    return _resnet("resnet18", bottleneck=False)


def resnet50() -> Network:
    """Return ResNet-50 v1.5: the stride of a bottleneck is in its 3x3 convolution."""
    return _resnet("resnet50", bottleneck=True)


def _resnet(name: str, bottleneck: bool) -> Network:
    build = Builder()
    build.conv("conv1", 64, 7, 2, 3, norm=True, relu=True)
    build.pool("maxpool", 3, 2, 1)
    channels = 64
    for stage, blocks in enumerate(STAGES[name], start=1):
        width = 32 << stage
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            channels = _block(build, f"layer{stage}.{block}", channels, width, stride, bottleneck)
    build.classify(1000)
    return build.network(name, IMAGENET, {"source": f"torchvision.models.{name}; He et al. 2015, arXiv 1512.03385"})


def _block(build: Builder, name: str, channels: int, width: int, stride: int, bottleneck: bool) -> int:
    """Add a residual block; return its output channels."""
    source, wide = build.last, 4 * width if bottleneck else width
    if bottleneck:
        build.conv(f"{name}.conv1", width, 1, norm=True, relu=True)
        build.conv(f"{name}.conv2", width, 3, stride, 1, norm=True, relu=True)
        main = build.conv(f"{name}.conv3", wide, 1, norm=True)
    else:
        build.conv(f"{name}.conv1", width, 3, stride, 1, norm=True, relu=True)
        main = build.conv(f"{name}.conv2", width, 3, 1, 1, norm=True)
    if stride != 1 or channels != wide:
        source = build.conv(f"{name}.downsample", wide, 1, stride, source=source, norm=True)
    build.sum(f"{name}.add", main, source, relu=True)
    return wide


def mobilenet_v2() -> Network:
    """Return MobileNetV2 of width 1: inverted residuals around depthwise convolutions."""
    build = Builder()
    build.conv("conv1", 32, 3, 2, 1, norm=True, relu=6)
    channels = 32
    for stage, (expansion, filters, repetitions, stride) in enumerate(MOBILENET_V2, start=1):
        for block in range(repetitions):
            _inverted(build, f"block{stage}.{block}", channels, expansion, filters, stride if block == 0 else 1)
            channels = filters
    build.conv("conv_last", 1280, 1, norm=True, relu=6)
    build.classify(1000)
    card = {"source": "torchvision.models.mobilenet_v2; Sandler et al. 2018, arXiv 1801.04381"}
    return build.network("mobilenetv2", IMAGENET, card)


def _inverted(build: Builder, name: str, channels: int, expansion: int, filters: int, stride: int) -> None:
    source, hidden = build.last, channels * expansion
    if expansion > 1:
        build.conv(f"{name}.expand", hidden, 1, norm=True, relu=6)
    build.conv(f"{name}.depthwise", hidden, 3, stride, 1, groups=hidden, norm=True, relu=6)
    main = build.conv(f"{name}.project", filters, 1, norm=True)
    if stride == 1 and channels == filters:
        build.sum(f"{name}.add", main, source)


def googlenet() -> Network:
    """Return GoogLeNet (Inception v1) as torchvision has it: batch-norm, and 3x3 where the paper has 5x5 filters."""
    build = Builder()
    build.conv("conv1", 64, 7, 2, 3, norm=True, relu=True)
    build.pool("pool1", 3, 2, ceil=True)
    build.conv("conv2", 64, 1, norm=True, relu=True)
    build.conv("conv3", 192, 3, 1, 1, norm=True, relu=True)
    build.pool("pool2", 3, 2, ceil=True)
    for name, widths in INCEPTION.items():
        _inception(build, f"inception{name}", widths)
        if name in POOL_AFTER:
            build.pool(f"pool{name}", *POOL_AFTER[name], ceil=True)
    build.classify(1000)
    card = {"source": "torchvision.models.googlenet without auxiliary heads; Szegedy et al. 2014, arXiv 1409.4842"}
    return build.network("googlenet", IMAGENET, card)


def _inception(build: Builder, name: str, widths: tuple[int, ...]) -> None:
    source, (one, reduce3, three, reduce5, five, pooled) = build.last, widths
    ends = [build.conv(f"{name}.1x1", one, 1, source=source, norm=True, relu=True)]
    for label, reduced, filters in (("3x3", reduce3, three), ("5x5", reduce5, five)):
        build.conv(f"{name}.{label}reduce", reduced, 1, source=source, norm=True, relu=True)
        ends.append(build.conv(f"{name}.{label}", filters, 3, 1, 1, norm=True, relu=True))
    build.last = source
    build.pool(f"{name}.pool", 3, 1, 1, ceil=True)
    ends.append(build.conv(f"{name}.poolproj", pooled, 1, norm=True, relu=True))
    build.concat(f"{name}.concat", *ends)
