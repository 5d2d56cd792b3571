"""Biases on a power-of-two grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.network import fold
from models import load_data, load_network
from models.compression.container import QuantizeBiases, pack, quantized_bias, sizes
from models.compression.errors import CompressionError
from models.compression.step import Work


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30), st.integers(2, 16))
def test_the_step_is_the_smallest_power_of_two_that_fits(values: list[float], bits: int) -> None:
    bias = np.array(values, np.float32)
    found, step = quantized_bias(bias, bits)
    most = 2 ** (bits - 1) - 1
    counts = found.astype(np.float64) / step
    assert (counts == np.rint(counts)).all()
    assert np.abs(counts).max() <= most
    assert np.abs(found.astype(np.float64) - bias).max() <= step / 2
    assert np.log2(step) == int(np.log2(step))
    assert not np.signbit(found[found == 0]).any()
    if bias.any() and step > 2.0**-126:
        assert np.rint(np.abs(bias.astype(np.float64)).max() / (step / 2)) > most


def test_only_biases_move_and_the_card_says_by_how_much() -> None:
    network = fold(load_network("digits-cnn"))
    lines: list[str] = []
    found = QuantizeBiases(bits=6).apply(network, Work(load_data("digits", "train"), lines.append))
    facts = found.metadata["compression"][-1]["facts"]
    largest = 0.0
    for name, tensor in network.tensors.items():
        if tensor.ndim > 1:
            assert np.array_equal(found.tensors[name], tensor)
        else:
            error = float(np.abs(found.tensors[name].astype(float) - tensor).max())
            assert 0 < error <= facts["steps"][name] / 2
            largest = max(largest, error)
    assert facts["largest_error"] == largest
    assert len(lines) == 1
    before, after = (sizes(pack(each)).tensors["conv2.bias"].file_bytes for each in (network, found))
    assert after < before / 3


@pytest.mark.parametrize("bits", [1, 17, 8.0, True])
def test_bits_out_of_bounds_are_refused(bits: object) -> None:
    with pytest.raises(CompressionError, match="from 2 to 16"):
        QuantizeBiases(bits=bits)
