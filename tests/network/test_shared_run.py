"""Configurations run together against each run alone, and against a plain pass through the layers."""

from __future__ import annotations

import itertools
import time
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.arith import kernels
from hwsim.errors import DataError, FormatError, HwsimError
from hwsim.network import (
    Activation,
    Add,
    AvgPool2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Relu6,
)
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.numerics import NumericsResult
from hwsim.network.prepare import StepCache, prepare, quantized_weights
from hwsim.network.resolve import Resolver, resolve
from hwsim.network.run import run_numerics
from hwsim.network.shared_run import run_many

RNG = np.random.default_rng(77)
PLACES = ("input", "first", "left", "sum", "both", "out")


def random_tensors(network: Network) -> Network:
    tensors = {}
    for layer in network.layers:
        needed = layer.op.tensor_shapes(tuple(network.shapes[name] for name in layer.inputs))
        tensors |= {f"{layer.name}.{k}": (RNG.standard_normal(v) * 0.5).astype(np.float32) for k, v in needed.items()}
    return Network(network.name, network.input_shape, network.layers, tensors)


#: A residual sum and a concatenation read maps from several layers back.
NETWORK = random_tensors(
    Network(
        "net",
        (2, 6, 5),
        (
            Layer("first", Conv2d(4, (3, 3), padding=(1, 1), activation=Activation.RELU), ("input",)),
            Layer("left", Conv2d(4, (3, 3), padding=(1, 1), groups=2, bias=False), ("first",)),
            Layer("sum", Add(Activation.RELU), ("first", "left")),
            Layer("clip", Relu6(), ("sum",)),
            Layer("mean", AvgPool2d((2, 2), (2, 2)), ("clip",)),
            Layer("most", MaxPool2d((2, 2), (2, 2)), ("first",)),
            Layer("both", Concat(), ("mean", "most")),
            Layer("global", GlobalAvgPool(), ("both",)),
            Layer("flat", Flatten(), ("global",)),
            Layer("out", Linear(3), ("flat",)),
        ),
        {},
    )
)
IMAGES = (RNG.standard_normal((7, 2, 6, 5)) * 1.5).astype(np.float32)
LABELS = np.arange(7) % 3
SR = LayerFormats.of(*["fixed<9,5,sr,seed=7>"] * 4)
FLOAT = LayerFormats.of(*["float<4,3>"] * 4)
SHIFT = LayerFormats.of("pow2<4>", "fixed<8,4>", "fixed<20,10>")
INT8 = LayerFormats.of("int8", "int8", "int32")


def per_layer(*choices: LayerFormats, places: Sequence[str] = PLACES) -> list[Assignment]:
    """Every combination of the choices over the places that matter."""
    found = itertools.product(choices, repeat=len(places))
    return [Assignment(choices[0], tuple(zip(places, combination, strict=True))) for combination in found]


MIXED = [
    *per_layer(SHIFT, SR, places=("input", "first", "left", "out")),
    *per_layer(SHIFT, INT8, places=("left", "out")),
    *(Assignment(formats) for formats in (SR, FLOAT, SHIFT, INT8)),
]


def same(one: Any, other: Any) -> None:
    assert isinstance(one, NumericsResult), one
    np.testing.assert_array_equal(one.logits, other.logits)
    assert one.logits.dtype == other.logits.dtype
    np.testing.assert_array_equal(one.correct_mask, other.correct_mask)
    assert (one.correct, one.total, one.nan_images) == (other.correct, other.total, other.nan_images)
    assert one.layers == other.layers


@pytest.fixture(scope="module")
def alone() -> list[NumericsResult]:
    return [run_numerics(NETWORK, assignment, IMAGES, LABELS, IMAGES, batch=3) for assignment in MIXED]


@pytest.mark.parametrize(
    ("threads", "limit", "order"), [(1, 1 << 30, 1), (1, 0, 1), (1, 30_000, -1), (2, 1 << 30, -1), (3, 30_000, 1)]
)
def test_together_equals_alone(alone: list[NumericsResult], threads: int, limit: int, order: int) -> None:
    together = run_many(
        NETWORK, MIXED[::order], IMAGES, LABELS, IMAGES, batch=3, threads=threads, memory_limit_bytes=limit
    )
    for one, other in zip(together[::order], alone, strict=True):
        same(one, other)


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_any_batch_gives_the_same(alone: list[NumericsResult], batch: int) -> None:
    for one, other in zip(run_many(NETWORK, MIXED, IMAGES, LABELS, IMAGES, batch=batch, threads=2), alone, strict=True):
        assert isinstance(one, NumericsResult)
        np.testing.assert_array_equal(one.logits, other.logits)
        assert [layer.effectual_macs for layer in one.layers] == [layer.effectual_macs for layer in other.layers]


@pytest.mark.parametrize("number", range(0, len(MIXED), 3))
def test_alone_equals_a_plain_pass_through_the_layers(alone: list[NumericsResult], number: int) -> None:
    resolved = resolve(NETWORK, MIXED[number], IMAGES)
    lanes = np.moveaxis(IMAGES, 0, -1)
    maps = {"input": kernels.quantize(lanes, resolved.input_format, images_last=True)}
    effectual = []
    for layer in resolved.layers:
        step = prepare(NETWORK, layer, kernels, quantized_weights(NETWORK, layer, kernels))
        output = step.run([maps[name] for name in layer.layer.inputs], 0)
        maps[layer.layer.name] = output.values
        effectual.append(output.effectual_macs)
    np.testing.assert_array_equal(alone[number].logits, maps["out"].reshape(3, -1).T)
    assert [layer.effectual_macs for layer in alone[number].layers] == effectual


def test_equal_numbers_under_other_names_are_computed_once_and_said_to_be() -> None:
    fitted = Resolver(NETWORK, IMAGES).resolve(Assignment(INT8))
    names = ("first", "left", "sum", "mean", "both", "global", "out")
    layers = {layer.layer.name: layer for layer in fitted.layers}
    spelled = Assignment(
        INT8,
        tuple(
            (name, replace(INT8, acts=layers[name].output, acc=layers[name].dot.acc if layers[name].dot else INT8.acc))
            for name in names
            if name != "out"
        ),
    )
    other = Assignment(SHIFT)
    found = run_many(NETWORK, [other, Assignment(INT8), spelled, other], IMAGES, LABELS, IMAGES)
    assert [r.computed_as for r in found if isinstance(r, NumericsResult)] == [None, None, 1, 0]
    assert [r.computed_macs > 0 for r in found if isinstance(r, NumericsResult)] == [True, True, False, False]
    same(found[2], run_numerics(NETWORK, spelled, IMAGES, LABELS, IMAGES))
    same(found[1], run_numerics(NETWORK, Assignment(INT8), IMAGES, LABELS, IMAGES))


def test_equal_grids_that_are_spelled_differently_keep_their_own_spelling() -> None:
    small = random_tensors(Network("small", (3,), (Layer("out", Linear(2), ("input",)),), {}))
    pixels = RNG.standard_normal((4, 3)).astype(np.float32)
    formats = [Assignment(LayerFormats.of("fixed<8,4>", acts, "fixed<20,9>")) for acts in ("fixed<8,4>", "int8@2^-4")]
    one, other = run_many(small, formats, pixels, np.zeros(4, np.int64), pixels)
    assert isinstance(other, NumericsResult)
    assert other.computed_as == 0
    assert other.layers[0].inputs == ("int8@2^-4",)
    same(other, run_numerics(small, formats[1], pixels, np.zeros(4, np.int64), pixels))


BASE = LayerFormats.of("fixed<6,3>", "fixed<7,4>", "fixed<9,5>", "fixed<8,5>", "fixed<6,3>")
ROLES = {
    "weights": "fixed<5,3>",
    "acts": "fixed<5,3>",
    "acc": "fixed<8,5>",
    "product": "fixed<7,6>",
    "bias": "fixed<3,2>",
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("place", ["first", "left", "sum", "mean", "both", "out"])
def test_one_role_of_one_layer_makes_a_configuration_of_its_own(role: str, place: str) -> None:
    other = LayerFormats.from_dict({**BASE.to_dict(), role: ROLES[role]})
    assignments = [Assignment(BASE), Assignment(BASE, ((place, other),))]
    for assignment, outcome in zip(assignments, run_many(NETWORK, assignments, IMAGES, LABELS, IMAGES), strict=True):
        same(outcome, run_numerics(NETWORK, assignment, IMAGES, LABELS, IMAGES))


def test_a_failure_is_told_in_the_words_of_each_configuration() -> None:
    small = random_tensors(
        Network("small", (3,), (Layer("a", Linear(4), ("input",)), Layer("out", Linear(2), ("a",))), {})
    )
    pixels, labels = RNG.standard_normal((4, 3)).astype(np.float32), np.zeros(4, np.int64)
    wide = {"weights": "float<8,23>", "acts": "fixed<8,4>", "acc": "float<8,23>"}
    assignments = [
        Assignment(LayerFormats.of(wide["weights"], acts, wide["acc"]), (("out", LayerFormats.of(w, acts, "fp32")),))
        for acts in ("fixed<40,20>", "int40@2^-20")
        for w in ("float<8,23>", "float<8,22>")
    ]
    found = run_many(small, assignments, pixels, labels, pixels)
    for assignment, outcome in zip(assignments, found, strict=True):
        with pytest.raises(HwsimError) as caught:
            run_numerics(small, assignment, pixels, labels, pixels)
        assert str(outcome) == str(caught.value)
    assert len({str(outcome) for outcome in found}) > 1


TOO_WIDE = LayerFormats.of("float<8,23>", "fixed<40,20>", "float<8,23>")  # products of 64 bits
BAD = LayerFormats.of("int8", "int8", "pow2<4>@2^0")


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_failure_is_its_own_and_says_the_same_as_alone(threads: int, limit: int) -> None:
    assignments = [
        Assignment(SHIFT, (("left", TOO_WIDE), ("first", replace(SHIFT, acts=TOO_WIDE.acts)))),
        Assignment(SHIFT),
        Assignment(SHIFT, (("left", TOO_WIDE), ("first", replace(SHIFT, acts=TOO_WIDE.acts)), ("out", INT8))),
        Assignment(SHIFT, (("out", BAD),)),
        Assignment(SHIFT, (("nowhere", SHIFT),)),
        Assignment(SHIFT, (("out", INT8),)),
    ]
    found = run_many(NETWORK, assignments, IMAGES, LABELS, IMAGES, batch=2, threads=threads, memory_limit_bytes=limit)
    for assignment, outcome in zip(assignments, found, strict=True):
        try:
            expected = run_numerics(NETWORK, assignment, IMAGES, LABELS, IMAGES, batch=2)
        except HwsimError as error:
            assert type(outcome) is type(error)
            assert str(outcome) == str(error)
        else:
            same(outcome, expected)
    assert [isinstance(outcome, FormatError) for outcome in found] == [True, False, True, True, True, False]


class Late:
    """Kernels whose dot products fail for one format from some image on: a failure that depends on the data."""

    def __init__(self, image: int, part: str) -> None:
        self.image, self.part, self.runs = image, part, 0
        self.quantize = kernels.quantize

    def DotProduct(self, w: Any, bias: Any, formats: Any) -> Any:
        late = self

        class Failing(kernels.DotProduct):
            def run(self, x: Any, base: Any, tap: Any, first_image: int = 0) -> Any:
                late.runs += 1
                if first_image >= late.image and late.part in str(self.formats.weights):
                    raise FormatError(f"{self.formats.weights} fails at image {first_image}")
                return super().run(x, base, tap, first_image)

        return Failing(w, bias, formats)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("image", [0, 2, 5])
def test_a_failure_in_a_later_batch_leaves_shared_prefixes_to_the_others(threads: int, image: int) -> None:
    late: Any = Late(image, "float")
    assignments = per_layer(SHIFT, FLOAT, places=("first", "left", "out"))
    found = run_many(NETWORK, assignments, IMAGES, LABELS, IMAGES, batch=2, threads=threads, arithmetic=late)
    for number, (assignment, outcome) in enumerate(zip(assignments, found, strict=True)):
        if number == 0:
            same(outcome, run_numerics(NETWORK, assignment, IMAGES, LABELS, IMAGES, batch=2))
            continue
        with pytest.raises(FormatError) as caught:
            run_numerics(NETWORK, assignment, IMAGES, LABELS, IMAGES, batch=2, arithmetic=late)
        assert str(outcome) == str(caught.value)


def test_a_failure_costs_the_others_nothing() -> None:
    chain = random_tensors(
        Network("chain", (3,), (Layer("a", Linear(4), ("input",)), Layer("out", Linear(2), ("a",))), {})
    )
    pixels, labels = RNG.standard_normal((6, 3)).astype(np.float32), np.zeros(6, np.int64)
    choices = [LayerFormats.of(*[text] * 4) for text in ("fixed<8,4>", "float<4,3>", "fixed<9,4>")]
    assignments = per_layer(*choices, places=("a", "out"))
    late: Any = Late(2, "float")
    found = run_many(chain, assignments, pixels, labels, pixels, batch=2, arithmetic=late, activity_images=0)
    good = [number not in (1, 3, 4, 5, 7) for number in range(9)]
    assert [isinstance(outcome, NumericsResult) for outcome in found] == good
    # Batch 0: 3 + 9 products. Batch 1: "a" in float fails once for three leaves; four others run, two fail at "out".
    # Batch 2: only what four leaves need.
    assert late.runs == (3 + 9) + (1 + 2 + 6) + (2 + 4)


class Counting:
    """Kernels that count what is asked of them."""

    def __init__(self) -> None:
        self.quantized: Counter[tuple[int, str]] = Counter()
        self.runs = 0

    def quantize(self, values: Any, fmt: Any, **options: Any) -> Any:
        if options.get("block_axis"):
            self.quantized[values.size, str(fmt)] += 1
        return kernels.quantize(values, fmt, **options)

    def DotProduct(self, w: Any, bias: Any, formats: Any) -> Any:
        counting = self

        class Counted(kernels.DotProduct):
            def run(self, *arguments: Any) -> Any:
                counting.runs += 1
                return super().run(*arguments)

        return Counted(w, bias, formats)


class Slow:
    """Kernels that take their time and name the images that they saw."""

    quantize = staticmethod(kernels.quantize)

    def DotProduct(self, w: Any, bias: Any, formats: Any) -> Any:
        class Named(kernels.DotProduct):
            def run(self, x: Any, base: Any, tap: Any, first_image: int = 0) -> Any:
                own = f"from {first_image}"
                self.paths.append(own)
                time.sleep(0.004)
                out = kernels.DotProduct(w, bias, formats).run(x, base, tap, first_image)
                assert self.paths == [own], "another thread's notes"
                return out

        return Named(w, bias, formats)


def test_threads_do_not_mix_up_what_they_note() -> None:
    slow: Any = Slow()
    (result,) = run_many(NETWORK, [Assignment(SHIFT)], IMAGES, LABELS, IMAGES, batch=2, threads=4, arithmetic=slow)
    assert isinstance(result, NumericsResult)
    assert {layer.path for layer in result.layers if layer.path} == {"from 0, from 2, from 4, from 6"}


def test_steps_that_are_not_kept_are_freed() -> None:
    cache = StepCache(NETWORK, kernels)
    (first, other) = resolve(NETWORK, Assignment(SHIFT), IMAGES).layers[:2]
    dropped, kept = weakref.ref(cache.step(first)), weakref.ref(cache.step(other))
    weights = weakref.ref(cache.step(first).weights)
    cache.keep({other.key})
    assert (dropped(), weights()) == (None, None)
    assert kept() is cache.step(other)


def test_weights_are_quantized_once_and_every_prefix_is_computed_once() -> None:
    chain = random_tensors(
        Network(
            "chain",
            (3,),
            (
                Layer("a", Linear(4, activation=Activation.RELU), ("input",)),
                Layer("b", Linear(5), ("a",)),
                Layer("c", Linear(2), ("b",)),
            ),
            {},
        )
    )
    pixels = RNG.standard_normal((6, 3)).astype(np.float32)
    choices = [LayerFormats.of(*[f"fixed<{width},4>"] * 4) for width in (7, 8, 9)]
    assignments = per_layer(*choices, places=("input", "a", "b", "c"))
    counting: Any = Counting()
    announced: list[Any] = []
    run_many(chain, assignments, pixels, np.zeros(6, np.int64), pixels, batch=3, arithmetic=counting,
             announce=announced.append, activity_images=0)  # fmt: skip
    assert set(counting.quantized.values()) == {1}
    assert len(counting.quantized) == 3 * 3
    assert counting.runs == 2 * (9 + 27 + 81)
    (work,) = announced
    assert (work.configurations, work.distinct, work.groups) == (81, 81, 1)
    assert work.macs_asked == 81 * 6 * (12 + 20 + 10)
    assert work.macs_computed == 6 * (9 * 12 + 27 * 20 + 81 * 10)
    found = run_many(chain, assignments, pixels, np.zeros(6, np.int64), pixels)
    assert sum(r.computed_macs for r in found if isinstance(r, NumericsResult)) == work.macs_computed


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_stays_below_what_is_announced(threads: int) -> None:
    network = random_tensors(
        Network(
            "wide",
            (4, 12, 12),
            (
                Layer("a", Conv2d(8, (3, 3), padding=(1, 1)), ("input",)),
                Layer("b", Conv2d(8, (3, 3), padding=(1, 1)), ("a",)),
                Layer("flat", Flatten(), ("b",)),
                Layer("out", Linear(10), ("flat",)),
            ),
            {},
        )
    )
    pixels = RNG.standard_normal((256, 4, 12, 12)).astype(np.float32)
    choices = [LayerFormats.of(*[f"fixed<{width},4>"] * 4) for width in (7, 8)]
    assignments = per_layer(*choices, places=("input", "a", "b", "out"))
    labels, announced = np.zeros(256, np.int64), list[Any]()
    run_many(network, assignments, pixels[:2], labels[:2], pixels[:2])  # compiles
    tracemalloc.start()
    run_many(network, assignments, pixels, labels, pixels[:2], batch=64, threads=threads, memory_limit_bytes=1 << 20,
             announce=announced.append)  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert announced[0].groups > 1
    assert announced[0].prepared_bytes <= 1 << 20
    assert 0.2 * announced[0].peak_bytes < peak < announced[0].peak_bytes + (1 << 20)


def test_scales_survive_from_call_to_call_and_activations_do_not() -> None:
    resolver = Resolver(NETWORK, IMAGES)
    first = run_many(NETWORK, [Assignment(INT8)], IMAGES, LABELS, IMAGES, resolver=resolver)
    again = run_many(NETWORK, [Assignment(INT8), Assignment(SHIFT)], IMAGES, LABELS, IMAGES, resolver=resolver)
    same(first[0], again[0])
    assert resolver._activations is None


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"threads": 0}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DataError, match="at least 1"):
        run_many(NETWORK, [Assignment(INT8)], IMAGES, LABELS, IMAGES, **wrong)


def test_nothing_asked_is_nothing_done() -> None:
    assert run_many(NETWORK, [], IMAGES, LABELS, IMAGES) == ()
