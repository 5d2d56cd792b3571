"""Conversions to shifts, straight-through training, and the way back from tensors to formats."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arith.fit import fit as fitted
from hwsim.arith.quantize import quantize
from hwsim.formats import parse
from hwsim.formats.grid import floor_log2, power_of_two
from hwsim.network.resolve import resolve
from models import load_data, load_network
from models.accuracy import count_correct_float
from models.compression.errors import CompressionError
from models.compression.inq import (
    Apot,
    Codebook,
    Convert,
    Inq,
    Pow2,
    ShiftCnn,
    StraightThroughHook,
    assignment_formats,
)
from models.compression.inq.greedy import greedy
from models.compression.methods import make_step
from models.compression.on_array import array_assignment, weight_format
from models.compression.recipe import ArraySettings
from models.compression.step import Step, Training, Work
from models.compression.weights import weight_names, with_tensors

NETWORK = load_network("digits-cnn")
WEIGHTS = weight_names(NETWORK)
DATA, TEST = load_data("digits", "train"), load_data("digits", "test")
WORK = Work(DATA, threads=1)
SHORT = Training(epochs=2, learning_rate=0.01)
STEPS: list[Step] = [
    *(Pow2(bits) for bits in range(2, 7)),
    Pow2(3, rounding="nearest"),
    Pow2(2, scale="least-squares"),
    *(Apot(bits) for bits in (3, 4, 5, 8)),
    *(ShiftCnn(n, b, how) for n, b in ((1, 4), (2, 3), (2, 4), (3, 4)) for how in ("greedy", "nearest")),
    Convert("int8"),
    Convert("e4m3@auto"),
    Convert("codebook<15>"),
]
OWN_WAY = [*STEPS[5:7], *(step for step in STEPS if isinstance(step, ShiftCnn) and step.rounding == "greedy")]


def greedy_twin(weight: Fraction, terms: int, bits: int, scale: int) -> Fraction:
    """The released script, one weight at a time, its condition word by word and all in rationals."""
    rest, total = weight / power_of_two(scale), Fraction(0)
    for n in range(1, terms + 1):
        if rest == 0:
            break
        e = floor_log2(abs(rest))
        if abs(rest) > Fraction(3, 2) * power_of_two(e):
            e += 1
        e = min(e, 1 - n)
        term = Fraction(0) if (2 - n - e) > 2 ** (bits - 1) - 1 else power_of_two(e) * (1 if rest > 0 else -1)
        total, rest = total + term, rest - term
    return total * power_of_two(scale)


@pytest.mark.parametrize(("terms", "bits"), [(1, 2), (1, 4), (2, 3), (2, 4), (3, 4), (4, 3)])
@given(weights=st.lists(st.integers(-(2**12), 2**12), min_size=1, max_size=20), scale=st.integers(-3, 2))
def test_the_greedy_search_is_the_released_script(terms: int, bits: int, weights: list[int], scale: int) -> None:
    fmt = parse(f"shiftcnn<{terms},{bits}>@2^{scale}")
    values = np.ldexp(np.array(weights, dtype=np.float64), scale - 11)
    found = greedy(values, fmt)
    assert list(map(Fraction, found.tolist())) == [
        greedy_twin(Fraction(v), terms, bits, scale) for v in values.tolist()
    ]


@pytest.mark.parametrize(("terms", "bits"), [(1, 4), (2, 3), (2, 4), (3, 4)])
def test_greedy_sums_are_numbers_of_the_format_and_never_nearer_than_the_nearest(terms: int, bits: int) -> None:
    fmt = parse(f"shiftcnn<{terms},{bits}>@2^-1")
    values = np.linspace(-1.0, 1.0, 20001)
    found, nearest = greedy(values, fmt), quantize(values, fmt)
    members = {float(fmt.decode(code)) for code in fmt.codes()}  # type: ignore[arg-type]
    assert set(found.tolist()) <= members
    assert bool((np.abs(found - values) >= np.abs(nearest - values)).all())
    # The order of the terms costs something only where a term is too small for its place.
    assert np.mean(found == nearest) > 0.8


def test_the_greedy_search_takes_its_own_format_alone() -> None:
    for spelled in ("pow2<4>@2^0", "shiftcnn<2,4>@auto"):
        with pytest.raises(CompressionError, match="takes shiftcnn"):
            greedy(np.ones(1), parse(spelled))


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_every_weight_is_a_number_of_the_format_that_the_card_names(step: Step) -> None:
    result = step.apply(NETWORK, WORK)
    formats = result.metadata["compression"][0]["facts"]["formats"]  # type: ignore[index]
    assert set(formats) == {name.removesuffix(".weight") for name in WEIGHTS}
    for name in WEIGHTS:
        tensor, fmt = result.tensors[name], parse(formats[name.removesuffix(".weight")])
        np.testing.assert_array_equal(quantize(tensor, fmt), tensor)
        assert (tensor != NETWORK.tensors[name]).any()
    assert result.tensors["conv1.bias"] is NETWORK.tensors["conv1.bias"]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_no_bit_changes_in_the_formats_that_are_found_again(step: Step) -> None:
    result = step.apply(NETWORK, WORK)
    resolved = resolve(result, array_assignment(result, ArraySettings())[0], DATA.images[:50])
    weights = {layer.layer.name: layer.dot.weights for layer in resolved.layers if layer.dot is not None}
    for name in WEIGHTS:
        np.testing.assert_array_equal(
            quantize(result.tensors[name], weights[name.removesuffix(".weight")]), result.tensors[name]
        )


@pytest.mark.parametrize("step", [s for s in STEPS if s not in OWN_WAY], ids=str)
def test_conversions_round_as_hwsim_does_from_the_float_weights(step: Step) -> None:
    result = step.apply(NETWORK, WORK)
    spelled = {"pow2": "pow2<{bits}>", "apot": "apot<{bits}>", "shiftcnn": "shiftcnn<{terms},{term_bits}>"}
    fmt = parse(spelled.get(step.method, "{weights}").format(**step.options()))
    for name in WEIGHTS:
        expected = quantize(NETWORK.tensors[name], fitted(fmt, NETWORK.tensors[name])).astype(np.float32)
        np.testing.assert_array_equal(result.tensors[name], expected)


def test_zeros_stay_zeros_in_a_codebook_without_zero_too() -> None:
    pruned = with_tensors(NETWORK, {"conv2.weight": np.where(NETWORK.tensors["conv2.weight"] > 0.1, 0.3, 0.0)})
    for step in (Pow2(3), Convert("codebook<2>"), Pow2(3, training=replace(SHORT, epochs=1))):
        if isinstance(step, Pow2) and step.training.epochs:
            pytest.importorskip("torch")
        result = step.apply(pruned, WORK)
        assert not result.tensors["conv2.weight"][pruned.tensors["conv2.weight"] == 0].any()


def test_more_bits_are_nearer() -> None:
    def error(step: Step) -> float:
        result = step.apply(NETWORK, WORK)
        return sum(float(np.square(result.tensors[name] - NETWORK.tensors[name]).sum()) for name in WEIGHTS)

    assert error(Apot(3)) > error(Apot(4)) > error(Apot(5)) > error(Apot(7))
    assert error(ShiftCnn(1, 4)) > error(ShiftCnn(2, 4)) > error(ShiftCnn(3, 4))
    assert error(Pow2(2)) > error(Pow2(3)) > error(Pow2(4)) >= error(Pow2(5))


def test_faults_of_the_options() -> None:
    for build, text in (
        (lambda: Pow2(7, training=Training(epochs=-1)), r"(?s)bits is 7.*training.epochs is -1"),
        (lambda: Apot(2), "apot with 2 bits"),
        (lambda: ShiftCnn(4, 4), "12 bits in all"),
        (lambda: Convert("int99"), "int99|99"),
    ):
        with pytest.raises(CompressionError, match=text):
            build()  # type: ignore[no-untyped-call]
    broken = with_tensors(NETWORK, {name: NETWORK.tensors[name] * np.nan for name in WEIGHTS[:2]})
    with pytest.raises(CompressionError, match=r"(?s)conv1.weight: .*conv2.weight: "):
        Apot(4).apply(broken, WORK)


def test_a_format_without_zero_is_not_for_a_pruned_network() -> None:
    step = Convert("codebook<2,int8@2^-8>{-1/4;1/4}")
    assert set(np.unique(step.apply(NETWORK, WORK).tensors["conv1.weight"])) == {-0.25, 0.25}
    tensors = {name: NETWORK.tensors[name].copy() for name in WEIGHTS}
    for tensor in tensors.values():
        tensor.reshape(-1)[::2] = 0
    pruned = with_tensors(NETWORK, tensors)
    with pytest.raises(CompressionError, match=r"(?s)conv1\.weight: 72 weights are 0, which codebook.* does not have"):
        step.apply(pruned, WORK)


def test_methods_by_name() -> None:
    assert make_step("pow2", {"bits": 4}) == Pow2(4)
    assert make_step("apot", {}) == Apot() and make_step("shiftcnn", {"terms": 3}) == ShiftCnn(3)
    assert make_step("convert", {"weights": "int4"}) == Convert("int4")
    assert make_step("inq", {"portions": [0.5, 1], "training": {"epochs": 3}}) == Inq(
        portions=(0.5, 1.0), training=Training(epochs=3)
    )


@pytest.mark.parametrize("spelled", ["int8", "int3", "pow2<3>", "apot<4>", "shiftcnn<2,3>", "e4m3@auto", "codebook<5>"])
def test_the_forward_pass_sees_rounded_weights_and_gradients_pass_as_they_are(spelled: str) -> None:
    torch = pytest.importorskip("torch")
    values = NETWORK.tensors["conv1.weight"]
    fmt = fitted(parse(spelled), values)
    weights = {"w": torch.tensor(values, requires_grad=True), "b": torch.ones(2, requires_grad=True)}
    hook = StraightThroughHook({"w": fmt})
    hook.begin(weights)
    seen = hook.seen(weights)
    assert seen["b"] is weights["b"]
    np.testing.assert_array_equal(seen["w"].detach().numpy(), quantize(values, fmt))
    factor = torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    (seen["w"] * factor).sum().backward()
    np.testing.assert_array_equal(weights["w"].grad.numpy(), factor.numpy())


def test_names_and_scales_of_straight_through_formats_are_checked() -> None:
    with pytest.raises(CompressionError, match="conv1.weight: int8 has no scale"):
        StraightThroughHook({"conv1.weight": parse("int8")})
    with pytest.raises(CompressionError, match="did you mean 'conv1.weight'"):
        hook = StraightThroughHook({"conv.weight": parse("int8@2^-7")})
        hook.begin({"conv1.weight": None})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "step", [Pow2(2, training=SHORT), Apot(3, training=SHORT), ShiftCnn(2, 2, training=SHORT)], ids=str
)
def test_training_through_the_rounding_gains_over_rounding_alone(step: Any) -> None:
    pytest.importorskip("torch").set_num_threads(1)
    alone = replace(step, training=Training()).apply(NETWORK, WORK)
    result = step.apply(NETWORK, WORK)
    assert count_correct_float(result, TEST) > count_correct_float(alone, TEST)
    entries = [n.metadata["compression"][0]["facts"] for n in (result, alone)]  # type: ignore[index]
    assert entries[0]["formats"] == entries[1]["formats"] and entries[0]["epochs"] == 2
    assert set(assignment_formats(result)) == {"conv1", "conv2", "classify"}


def test_powers_of_two_are_recognised_from_the_tensors_alone() -> None:
    result = replace(Inq(bits=4, training=Training()).apply(NETWORK, WORK), metadata={})
    books = {name: Codebook.of(NETWORK.tensors[name], 4) for name in WEIGHTS}
    assert assignment_formats(result, bits=4) == {n.removesuffix(".weight"): str(b.format) for n, b in books.items()}


@given(st.integers(2, 6), st.integers(-20, 20), st.lists(st.integers(0, 40), max_size=9))
def test_the_fewest_bits_that_hold_a_layer(bits: int, top: int, picks: list[int]) -> None:
    levels = Codebook(bits, top).levels
    values = levels[np.array(picks, dtype=int) % len(levels)].astype(np.float32)
    fmt = weight_format(values)
    np.testing.assert_array_equal(quantize(values, fmt), values)
    assert str(fmt).startswith("pow2<") and fmt.bits <= bits
    powers = np.unique(np.abs(values[values != 0]))
    span = int(np.log2(powers.max() / powers.min())) + 1 if powers.size else 1
    assert span <= 1 << (fmt.bits - 2) and (fmt.bits == 2 or span > 1 << (fmt.bits - 3))


def test_weights_without_a_format_are_named() -> None:
    with pytest.raises(CompressionError, match=r"(?s)conv1: weights move by up to .* into int8.*conv2: .*classify: "):
        assignment_formats(NETWORK)
    five = Pow2(5).apply(NETWORK, WORK)
    with pytest.raises(CompressionError, match=r"conv2: its powers of two need pow2<5>@2\^0, more than 2 bits"):
        assignment_formats(five, bits=2)
    with pytest.raises(CompressionError, match="bits is 9"):
        assignment_formats(five, bits=9)
    later = with_tensors(ShiftCnn(3).apply(NETWORK, WORK), {"conv1.weight": NETWORK.tensors["conv1.weight"]})
    with pytest.raises(CompressionError, match="conv1: weights move"):
        assignment_formats(later)


def test_no_power_of_two_that_is_off_by_one_bit() -> None:
    off = np.array([0.5, np.nextafter(np.float32(0.5), np.float32(1))], dtype=np.float32)
    assert not str(weight_format(off)).startswith("pow2")
    assert str(weight_format(np.zeros(3, np.float32))) == "pow2<2>@2^0"
    assert not str(weight_format(np.array([1.0, 2.0**-16], np.float32))).startswith("pow2")
    assert str(weight_format(np.array([1.0, 2.0**-15], np.float32))) == "pow2<6>@2^0"
