"""The compressed file: a network packed into as few bytes as decode to the same bits."""

from models.compression.container.biases import QuantizeBiases, quantized_bias
from models.compression.container.pack import CODERS, pack, unpack
from models.compression.container.paper import paper_ratio
from models.compression.container.sizes import FileSizes, TensorSizes, sizes, weight_bits, weight_bits_per_parameter
from models.compression.container.store import SUFFIX, load_compressed, save_compressed

__all__ = [
    "CODERS",
    "SUFFIX",
    "FileSizes",
    "QuantizeBiases",
    "TensorSizes",
    "load_compressed",
    "pack",
    "paper_ratio",
    "quantized_bias",
    "save_compressed",
    "sizes",
    "unpack",
    "weight_bits",
    "weight_bits_per_parameter",
]
