"""Networks through a file and back, bit for bit, read by the package and by a decoder that shares nothing with it."""

from __future__ import annotations

import numpy as np
import pytest
from container_decoder import decode
from container_networks import one_matrix, pruned, small
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.network import Network
from models.compression.container import CODERS, pack, sizes, unpack

SUBNORMAL = np.float32(1e-45)
SPECIAL = [0.0, -0.0, 1.0, -1.0, SUBNORMAL, -SUBNORMAL, np.finfo(np.float32).max, 2.0**-126, 0.1, -3.0]


def check(network: Network, coder: str, slow: bool = True) -> bytes:
    data = pack(network, coder)
    for found in (unpack(data), *([decode(data)] if slow else [])):
        assert found.content_hash == network.content_hash
        assert (found.name, found.layers, found.input_shape) == (network.name, network.layers, network.input_shape)
        assert dict(found.metadata) == dict(network.metadata)
    assert sizes(data).file_bytes == len(data)
    return data


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.3, 1.0])
@pytest.mark.parametrize("values", [1, 6])
def test_pruned_and_quantised_tensors(coder: str, share: float, values: int) -> None:
    tensors = {
        "conv.weight": pruned((4, 2, 3, 3), share, values, 1),
        "line.weight": pruned((5, 24), share, values, 2),
        "conv.bias": pruned((4,), 1.0, 9, 3, structured=False),
    }
    check(small(tensors), coder)


@pytest.mark.parametrize("coder", CODERS)
def test_plain_floats_and_special_values(coder: str) -> None:
    rng = np.random.default_rng(1)
    special = np.resize(np.array(SPECIAL, np.float32), (4, 2, 3, 3))
    check(small({"conv.weight": special, "line.weight": rng.normal(size=(5, 24)).astype(np.float32)}), coder)
    half = rng.normal(size=(5, 24)).astype(np.float16).astype(np.float32)
    check(small({"line.weight": half * (rng.random((5, 24)) < 0.5)}), coder)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("where", [(0, 0), (2, 3), (4, 23)])
def test_a_single_nonzero_anywhere(coder: str, where: tuple[int, int]) -> None:
    weight = np.zeros((5, 24), np.float32)
    weight[where] = -0.7
    check(small({"line.weight": weight}), coder)


@pytest.mark.parametrize("coder", CODERS)
def test_every_mask_of_a_tiny_matrix(coder: str) -> None:
    for number in range(1 << 6):
        mask = np.array([number >> place & 1 for place in range(6)], np.float32).reshape(2, 3)
        network = one_matrix(mask * np.array([[1, -1, 1], [1, 2, -1]]) + 0.0)
        assert unpack(pack(network, coder)).content_hash == network.content_hash


VALUES = st.one_of(
    st.sampled_from([float(value) for value in SPECIAL]),
    st.integers(-6, 6).map(lambda count: count * 0.25),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@settings(max_examples=60)
@given(st.sampled_from(list(CODERS)), st.integers(1, 6), st.integers(1, 9), st.data())
def test_any_matrix(coder: str, rows: int, columns: int, data: st.DataObject) -> None:
    pool = data.draw(st.lists(VALUES, min_size=1, max_size=5))
    drawn = data.draw(st.lists(st.sampled_from(pool), min_size=rows * columns, max_size=rows * columns))
    bias = data.draw(st.lists(VALUES, min_size=rows, max_size=rows))
    check(one_matrix(np.array(drawn, np.float32).reshape(rows, columns), np.array(bias)), coder)


@pytest.mark.parametrize("steps", [0, 3, 24, 200])
def test_many_values_reach_every_part_of_the_rank_code(steps: int) -> None:
    rng = np.random.default_rng(steps)
    counts = np.rint(rng.laplace(0, 1 + steps, (30, 40)))
    network = one_matrix((counts * 2.0**-7 + 0.0).astype(np.float32))
    check(network, "arithmetic")


@pytest.mark.parametrize("coder", CODERS)
def test_dead_rows_and_columns(coder: str) -> None:
    weight = pruned((40, 60), 0.3, 4, 5, structured=False)
    weight[::3], weight[:, 20:] = 0, 0
    check(one_matrix(weight), coder)


def test_dead_lines_cost_almost_nothing() -> None:
    dense = pruned((60, 80), 0.3, 4, 6, structured=False)
    spread = np.zeros((300, 800), np.float32)
    spread[np.ix_(range(0, 300, 5), range(0, 800, 10))] = dense
    alone, among = (sizes(pack(one_matrix(weight))).tensors["line.weight"].mask for weight in (dense, spread))
    # 300 + 800 flags, one in five and one in ten set: about 0.72 and 0.47 bits each, in bytes.
    assert among - alone < (300 * 0.75 + 800 * 0.5) / 8


def test_the_mask_is_smaller_where_rows_and_columns_differ() -> None:
    weight = pruned((200, 300), 0.05, 3, 7)
    part = sizes(pack(one_matrix(weight))).tensors["line.weight"]
    assert part.mask < 0.85 * part.mask_bound


def test_without_structure_the_code_is_close_to_the_entropy() -> None:
    rng = np.random.default_rng(8)
    weight = np.where(rng.random((300, 400)) < 0.1, rng.choice([-0.2, -0.1, 0.1, 0.3], (300, 400)), 0).astype(
        np.float32
    )
    data = pack(one_matrix(weight))
    part = sizes(data).tensors["line.weight"]
    assert part.mask <= 1.01 * part.mask_bound
    assert part.codes <= 1.02 * part.codes_bound


def test_huffman_codes_are_within_a_bit_of_the_entropy() -> None:
    weight = pruned((200, 300), 0.1, 6, 9, structured=False)
    part = sizes(pack(one_matrix(weight), "huffman")).tensors["line.weight"]
    assert part.codes_bound <= part.codes <= part.codes_bound + part.nonzeros / 8
    assert part.mask <= 1.06 * part.mask_bound


def test_layers_share_a_table_where_that_pays() -> None:
    rng = np.random.default_rng(10)
    centres = rng.normal(size=12).astype(np.float32)
    weights = {"conv.weight": rng.choice(centres, (4, 2, 3, 3)), "line.weight": rng.choice(centres, (5, 24))}
    found = sizes(pack(small(weights)))
    assert found.shared_table > 24
    assert all(found.tensors[name].table <= 1 for name in weights)
    weights["line.weight"] = rng.choice(rng.normal(size=3).astype(np.float32), (5, 24))
    assert sizes(pack(small(weights))).shared_table <= 1


def test_equal_networks_give_equal_bytes() -> None:
    weight = pruned((4, 2, 3, 3), 0.4, 3, 11)
    for coder in CODERS:
        assert pack(small({"conv.weight": weight}), coder) == pack(small({"conv.weight": weight.copy()}), coder)


def test_powers_of_two_take_little_more_than_their_entropy() -> None:
    rng = np.random.default_rng(12)
    exponents = np.minimum(rng.geometric(0.5, (100, 100)), 8)
    weight = (rng.choice([-1, 1], (100, 100)) * 2.0**-exponents).astype(np.float32)
    part = sizes(pack(one_matrix(weight))).tensors["line.weight"]
    assert part.mask <= 1
    assert part.table <= 10
    assert part.codes <= 1.02 * part.codes_bound
