"""The compression ratio by the formula of Choi, El-Khamy and Lee (ICLR 2017), which is no size of a file."""

from __future__ import annotations

import numpy as np

from hwsim.network import Conv2d, Network
from models.compression.container.gaps import gap_symbols
from models.compression.container.huffman import code_lengths

_BITS = 32  # b of the formula
_CONV_LIMIT, _LINEAR_LIMIT = 255, 31  # Deep Compression: gaps of 8 bits in convolutions, of 5 bits elsewhere


def paper_ratio(network: Network) -> float:
    """Return the ratio by equation (1), with the sparsity index coded as in Deep Compression.

    Equation (1): N b / (sum over clusters of (|C_i| + 1) b_i + k b), with b = 32 bits, b_i the length of the Huffman
    code of cluster i, and "+ 1" and k b for the decoding table. N counts the weights of all layers, which share one
    codebook (tensors with two axes or more; biases are on neither side). Zeros are no cluster: where there are any,
    the denominator has, layer by layer, Huffman codes of the gaps between the others as well, with their table: the
    same (count + 1) x length, and 8 bits for each gap that occurs. Gaps end at 255 in convolutions and at 31 elsewhere,
    then a filler follows. No graph, no header, no bias, no rounding to bytes: see ``sizes`` for a file.

    >>> from models import load_network
    >>> round(paper_ratio(load_network("digits-cnn")), 2)  # nearly all weights differ: the table is all there is
    0.56
    """
    layers = {layer.name: layer for layer in network.layers}
    weights = {name: tensor for name, tensor in network.tensors.items() if tensor.ndim > 1}
    every = np.concatenate([np.zeros(0, np.float32), *(tensor.ravel() for tensor in weights.values())])
    counts = np.unique(every[every != 0], return_counts=True)[1]
    bits = _huffman_bits(counts) + _BITS * counts.size
    for name, tensor in weights.items():
        if not tensor.all():
            is_conv = isinstance(layers[name.rpartition(".")[0]].op, Conv2d)
            limit = _CONV_LIMIT if is_conv else _LINEAR_LIMIT
            gaps = np.unique(gap_symbols((tensor != 0).astype(np.uint8).ravel(), limit), return_counts=True)[1]
            bits += _huffman_bits(gaps) + 8 * gaps.size
    return _BITS * every.size / max(1, bits)


def _huffman_bits(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> int:
    """Return sum of (count + 1) x length."""
    return int(((counts + 1) * code_lengths(counts)).sum())
