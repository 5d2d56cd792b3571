"""Layer tables that every simulator is given alike, written out here and not taken from any of them.

A convolution on padding is a convolution without padding on the padded map: ``height`` and ``width`` are those, cut to
what the windows reach ((outputs - 1) * stride + kernel), so that rounding up or down gives the same number of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableLayer:
    """A convolution, or a fully connected layer as one of a single window.

    Attributes:
        name: as networks call it.
        channels: of the input.
        outputs: height and width of the output.
        kernel: height and width of a filter.
        filters: channels of the output.
        stride: step of the windows.
    """

    name: str
    channels: int
    outputs: int
    kernel: int
    filters: int
    stride: int = 1

    @property
    def side(self) -> int:
        """Height and width of the part of the padded input that windows reach."""
        return (self.outputs - 1) * self.stride + self.kernel

    @property
    def gemm(self) -> tuple[int, int, int]:
        """M, N, K of the matrix product."""
        return self.outputs**2, self.filters, self.channels * self.kernel**2

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those on padding included."""
        m, n, k = self.gemm
        return m * n * k


def fully_connected(name: str, inputs: int, outputs: int) -> TableLayer:
    """Return a fully connected layer."""
    return TableLayer(name, inputs, 1, 1, outputs)


def lenet5() -> list[TableLayer]:
    """Return LeNet-5 as Caffe has it: 20 and 50 filters of 5 x 5, 500 and 10 units."""
    return [
        TableLayer("conv1", 1, 24, 5, 20),
        TableLayer("conv2", 20, 8, 5, 50),
        fully_connected("ip1", 800, 500),
        fully_connected("ip2", 500, 10),
    ]


def resnet18() -> list[TableLayer]:
    """Return ResNet-18 for 224 x 224 pixels (He et al. 2016, table 1; shortcuts of kind B)."""
    layers = [TableLayer("conv1", 3, 112, 7, 64, 2)]
    channels = 64
    for stage, (filters, outputs) in enumerate(((64, 56), (128, 28), (256, 14), (512, 7)), start=1):
        for block in range(2):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            layers.append(TableLayer(f"{name}.conv1", channels, outputs, 3, filters, stride))
            layers.append(TableLayer(f"{name}.conv2", filters, outputs, 3, filters))
            if channels != filters:
                layers.append(TableLayer(f"{name}.downsample", channels, outputs, 1, filters, stride))
            channels = filters
    return [*layers, fully_connected("fc", 512, 1000)]


TABLES = {"lenet5": lenet5, "resnet18": resnet18}
