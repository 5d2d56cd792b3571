"""The compression ratio by the formula of Choi, El-Khamy and Lee (ICLR 2017), which is no size of a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Conv2d, Network
from models.compression.container.huffman import huffman_lengths

_BITS = 32  # b of the formula
_CONV_GAP, _LINEAR_GAP = 8, 5  # bits of a gap in Deep Compression: in convolutions, and elsewhere

Counts = NDArray[np.int64]


def paper_ratio(network: Network) -> float:
    """Return the ratio by equation (1), with the sparsity index coded as in Deep Compression.

    Equation (1): N b / (sum over clusters of (|C_i| + 1) b_i + k b), with b = 32 bits, b_i the length of the Huffman
    code of cluster i, and "+ 1" and k b for the decoding table. N counts the weights of all layers, which share one
    codebook (tensors with two axes or more; biases are on neither side). Zeros are no cluster, but for those that the
    index makes explicit: where there are zeros, the denominator has, layer by layer, Huffman codes of the gaps between
    the weights that are kept as well, with their table: the same (count + 1) x length, and 8 bits for each gap that
    occurs. A gap is below 2^8 in convolutions and below 2^5 elsewhere; before a weight that lies further on come
    fillers (Han, Mao and Dally, ICLR 2016): kept weights of zero, 2^8 or 2^5 places apart, which cost a gap and a
    weight's code each and are members of a cluster of zeros. No graph, no header, no bias, no rounding to bytes: see
    ``sizes`` for a file.

    >>> from models import load_network
    >>> round(paper_ratio(load_network("digits-cnn")), 2)  # nearly all weights differ: the table is all there is
    0.56
    """
    layers = {layer.name: layer for layer in network.layers}
    weights = {name: tensor for name, tensor in network.tensors.items() if tensor.ndim > 1}
    every = np.concatenate([np.zeros(0, np.float32), *(tensor.ravel() for tensor in weights.values())])
    fillers, bits = 0, 0
    for name, tensor in weights.items():
        if not tensor.all():
            is_conv = isinstance(layers[name.rpartition(".")[0]].op, Conv2d)
            gaps, own = gap_counts(tensor.ravel() != 0, _CONV_GAP if is_conv else _LINEAR_GAP)
            bits += _huffman_bits(gaps) + 8 * int(np.count_nonzero(gaps))
            fillers += own
    clusters = np.append(np.unique(every[every != 0], return_counts=True)[1], fillers)
    bits += _huffman_bits(clusters) + _BITS * int(np.count_nonzero(clusters))
    return _BITS * every.size / max(1, bits)


def gap_counts(kept: NDArray[np.bool_], width: int) -> tuple[Counts, int]:
    """Return how often each gap of 0 to 2^width - 1 zeros occurs before a kept weight, fillers too, and the fillers.

    >>> counts, fillers = gap_counts(np.array([1, 0, 0, 0, 0, 0, 1], bool), 2)
    >>> counts.tolist(), fillers  # at once; three zeros and a filler; one zero
    ([1, 1, 0, 1], 1)
    """
    gaps = np.diff(np.flatnonzero(kept), prepend=-1) - 1
    counts = np.bincount(gaps % (1 << width), minlength=1 << width)
    fillers = int((gaps >> width).sum())
    counts[-1] += fillers
    return counts, fillers


def _huffman_bits(counts: Counts) -> int:
    """Return sum of (count + 1) x length."""
    return int(((counts + 1) * huffman_lengths(counts)).sum())
