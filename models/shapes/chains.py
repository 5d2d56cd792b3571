"""LeNet-5, AlexNet and VGG-16: one layer after another."""

from __future__ import annotations

from hwsim.network import Flatten, Network
from models.shapes.builder import Builder
from models.zoo import lenet5 as trained_lenet5

IMAGENET = (3, 224, 224)
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def lenet5() -> Network:
    """Return LeNet-5 as Caffe ships it, the structure of the network in ``models.zoo``."""
    network = trained_lenet5()
    source = "Caffe, examples/mnist/lenet_train_test.prototxt"
    return Network("lenet5", network.input_shape, network.layers, {}, {"source": source})


def alexnet() -> Network:
    """Return AlexNet as torchvision has it: the single tower of Krizhevsky, arXiv 1404.5997."""
    build = Builder()
    build.conv("conv1", 64, 11, 4, 2, relu=True)
    build.pool("pool1", 3, 2)
    build.conv("conv2", 192, 5, 1, 2, relu=True)
    build.pool("pool2", 3, 2)
    for place, filters in enumerate((384, 256, 256), start=3):
        build.conv(f"conv{place}", filters, 3, 1, 1, relu=True)
    build.pool("pool5", 3, 2)
    return _classifier(build, "alexnet", "torchvision.models.alexnet; Krizhevsky 2014, arXiv 1404.5997")


def vgg16() -> Network:
    """Return VGG-16 without batch-norm (configuration D)."""
    build = Builder()
    for block, filters in enumerate(VGG16, start=1):
        for place, count in enumerate(filters, start=1):
            build.conv(f"conv{block}_{place}", count, 3, 1, 1, relu=True)
        build.pool(f"pool{block}", 2, 2)
    return _classifier(build, "vgg16", "torchvision.models.vgg16; Simonyan and Zisserman 2014, arXiv 1409.1556, D")


def _classifier(build: Builder, name: str, source: str) -> Network:
    build.add("flatten", Flatten())
    build.linear("fc6", 4096, relu=True)
    build.linear("fc7", 4096, relu=True)
    build.linear("fc8", 1000)
    return build.network(name, IMAGENET, {"source": source})
