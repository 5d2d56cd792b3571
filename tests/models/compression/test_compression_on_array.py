"""Formats read off the values of a network: exact wherever one of the array's formats holds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.formats.pe_kinds import pe_for
from hwsim.network import fold
from models import load_network
from models.compression.methods import make_step
from models.compression.on_array import array_assignment, on_array, weight_format
from models.compression.recipe import ArraySettings
from models.compression.step import Work
from models.compression.weights import weight_names, with_tensors
from models.data import load_data

NETWORK = fold(load_network("digits-cnn"))
WORK = Work(load_data("digits", "train"), threads=1)


def held(values: np.ndarray, fmt: object) -> bool:
    return quantize(values.astype(np.float64), fmt).astype(np.float32).tobytes() == (values + 0.0).tobytes()  # type: ignore[arg-type]


@given(
    exponents=hnp.arrays(np.int64, 40, elements=st.integers(0, 15)),
    signs=hnp.arrays(np.int64, 40, elements=st.integers(-1, 1)),
    scale=st.integers(-40, 40),
)
def test_powers_of_two_are_shifts_and_exact(exponents: np.ndarray, signs: np.ndarray, scale: int) -> None:
    values = (signs * 2.0 ** (scale - exponents)).astype(np.float32)
    fmt = weight_format(values)
    assert str(fmt).startswith("pow2<")
    assert held(values, fmt)
    used = exponents[signs != 0]
    if used.size:
        span = int(used.max() - used.min()) + 1
        assert 2 ** (fmt.bits - 2) >= span > (2 ** (fmt.bits - 3) if fmt.bits > 2 else 0)


@given(codes=hnp.arrays(np.int64, 40, elements=st.integers(-128, 127)), scale=st.integers(-50, 50))
def test_multiples_of_a_power_of_two_are_the_narrowest_integers(codes: np.ndarray, scale: int) -> None:
    codes[:2] = 3, -5  # no power of two, and odd
    values = (codes * 2.0**scale).astype(np.float32)
    fmt = weight_format(values)
    assert held(values, fmt)
    assert str(fmt) == f"int{fmt.bits}@2^{scale}"
    narrower = 2 ** (fmt.bits - 2)
    assert codes.min() < -narrower or codes.max() > narrower - 1


@given(
    centres=hnp.arrays(np.float32, 12, elements=st.floats(-2, 2, width=32), unique=True),
    codes=hnp.arrays(np.int64, 60, elements=st.integers(0, 11)),
    entries=st.sampled_from(["int8", "int16", "fp32"]),
)
def test_shared_values_are_a_codebook_of_the_stated_entries(
    centres: np.ndarray, codes: np.ndarray, entries: str
) -> None:
    values = np.where(np.arange(60) % 5 == 0, np.float32(0), centres[codes])
    values[:4] = 0.1, 0.3, 0.1, 0.3  # neither powers of two nor integers of 8 bits
    fmt = weight_format(values, ArraySettings(entries=entries))
    if str(fmt).startswith("codebook"):
        assert fmt.bits < parse(entries).bits
        moved = quantize(values.astype(np.float64), fmt)
        assert np.all(moved[values == 0] == 0)
        if entries == "fp32":
            assert held(values, fmt)
    else:
        assert str(fmt).startswith("int8@")


def test_anything_else_is_plain_and_a_stated_format_wins() -> None:
    weights = NETWORK.weight("conv2")
    assert str(weight_format(weights)) == "int8@2^-7"
    assert str(weight_format(weights, ArraySettings(plain="int6"))).startswith("int6@")
    assert str(weight_format(weights, ArraySettings(weights="pow2<4>"))).startswith("pow2<4>@")
    assert str(weight_format(np.zeros((2, 2), np.float32))) == "pow2<2>@2^0"


@pytest.mark.parametrize(
    ("method", "options", "kind"),
    [
        ("pow2", {"bits": 4}, "shift_add"),
        ("apot", {"bits": 5}, "multi_shift_add"),
        ("shiftcnn", {}, "multi_shift_add"),
        ("convert", {"weights": "int4"}, "int_mac"),
    ],
)
def test_conversions_run_exactly_in_the_element_that_they_were_made_for(
    method: str, options: dict[str, object], kind: str
) -> None:
    made = make_step(method, options).apply(NETWORK, WORK)
    _, weights = array_assignment(made, ArraySettings())
    assert all(own.exact for own in weights)
    for own in weights:
        assert pe_for(own.fmt, parse("int8@2^0"), parse("int32@2^0")).kind.value == kind
    for name in weight_names(made):
        assert on_array(made, weights).tensors[name].tobytes() == (made.tensors[name] + 0.0).tobytes()


def test_how_far_weights_move_is_said() -> None:
    values = np.tile(np.array([0.1, 0.3, -0.7], np.float32), 48).reshape(16, 1, 3, 3)
    network = with_tensors(NETWORK, {"conv1.weight": values})
    _, weights = array_assignment(network, ArraySettings())
    own = weights[0]
    assert str(own.fmt).startswith("codebook<3,int8")
    assert not own.exact
    expected = max(abs(float(np.float32(v)) - min(map(float, own.fmt.grid().levels), key=lambda x: abs(x - v)))
                   for v in (0.1, 0.3, -0.7))  # fmt: skip
    assert own.largest_change == pytest.approx(expected, abs=1e-7)


def test_activations_that_a_step_noted_keep_their_formats() -> None:
    card = {"compression": [{"method": "x", "facts": {"activations": {"input": "ufixed<4,0>", "gone": "int4@2^0"}}}]}
    assignment, _ = array_assignment(replace(NETWORK, metadata=card), ArraySettings(acts="int6"))
    assert str(assignment.of("input").acts) == "ufixed<4,0>"
    assert str(assignment.of("conv1").acts) == "int6"
    assert "gone" not in dict(assignment.overrides)
