"""Formats of a multiply-accumulate, vectors for it, the exact answer, and the answer of the RTL."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from hwsim.arith.reference import Number, exact_product, exact_sum, round_number
from hwsim.errors import FormatError
from hwsim.formats import NumberFormat, Special, parse
from hwsim.formats.grid import Grid
from hwsim.rtl import CoreParameters, core_parameters, element_sources
from hwsim.rtl.icarus import hex_lines, icarus_model, read_hex

BENCH = Path(__file__).parent / "core_bench.sv"
Vector = tuple[int, int, int]  #: codes of act, weight, sum


@dataclass(frozen=True)
class Case:
    """The formats of one core, by their spellings."""

    weights: str
    acts: str
    acc: str
    product: str | None = None

    def __str__(self) -> str:
        return f"{self.weights} x {self.acts} -> {self.product or 'exact'} -> {self.acc}"

    @property
    def formats(self) -> tuple[NumberFormat, NumberFormat, NumberFormat, NumberFormat | None]:
        return parse(self.weights), parse(self.acts), parse(self.acc), parse(self.product) if self.product else None

    @property
    def parameters(self) -> CoreParameters:
        return core_parameters(*self.formats)


@lru_cache(maxsize=4)
def answers(case: Case, vectors: tuple[Vector, ...]) -> tuple[int | None, ...]:
    """The codes that the contract demands; None where the contract raises."""
    weights, acts, acc, product = case.formats
    formats = zip((acts, weights, acc), map(set, zip(*vectors)))
    act_of, weight_of, sum_of = ({code: fmt.decode(code) for code in codes} for fmt, codes in formats)
    numbers: dict[Number | None, int] = {}  # equal products are added once
    products: dict[tuple[int, int], int] = {}
    for a, w in {vector[:2] for vector in vectors}:
        exact = _rounded(exact_product(act_of[a], weight_of[w]), product)
        products[a, w] = numbers.setdefault(exact, len(numbers))
    values = list(numbers)

    @cache
    def total(number: int, s: int) -> int | None:
        exact = values[number]
        rounded = None if exact is None else _rounded(exact_sum(sum_of[s], exact), acc)
        return None if rounded is None else _code(acc, rounded)

    return tuple(total(products[a, w], s) for a, w, s in vectors)


@cache
def _code(fmt: NumberFormat, value: Number) -> int:
    return fmt.code_of(value)


@cache
def _grid(fmt: NumberFormat) -> Grid:
    return fmt.grid()


def _rounded(value: Number, fmt: NumberFormat | None) -> Number | None:
    if fmt is None:
        return value
    try:
        return round_number(value, _grid(fmt), 0, 0, 0, fmt)
    except FormatError:
        return None


def simulated(
    case: Case, vectors: Sequence[Vector], style: int = 0, sources: Iterable[Path] | None = None
) -> list[int]:
    """What Icarus makes of the core on ``vectors``; other ``sources`` may hold planted faults."""
    p = case.parameters
    shifts = (p.weight_bits + p.acc_bits, p.acc_bits)
    lines = [(a << shifts[0]) | (w << shifts[1]) | s for a, w, s in vectors]
    parameters = p.as_dict() | {"COUNT": len(vectors), "STYLE": style}
    files = [*(element_sources() if sources is None else sources), BENCH]
    with icarus_model(files, "core_bench", parameters) as model:
        text = hex_lines(lines, p.act_bits + p.weight_bits + p.acc_bits)
        run = model.run({"vectors.hex": text}, ["results.hex"])
    return read_hex(run.files["results.hex"])


def mismatches(case: Case, vectors: Sequence[Vector], style: int = 0, sources: Iterable[Path] | None = None) -> list:
    """Vectors on which RTL and contract differ: (act, weight, sum, expected, got), as many as there are."""
    answered = zip(vectors, answers(case, tuple(vectors)), strict=True)
    wanted = [(vector, code) for vector, code in answered if code is not None]
    assert wanted, f"no vector of {case} has an answer"
    got = simulated(case, [vector for vector, _ in wanted], style, sources)
    assert len(got) == len(wanted)
    return [(*vector, code, out) for (vector, code), out in zip(wanted, got, strict=True) if code != out]


def assert_equal(case: Case, vectors: Sequence[Vector], style: int = 0) -> None:
    wrong = mismatches(case, vectors, style)
    weights, acts, acc, _ = case.formats
    shown = [
        f"{acts.decode(a)} * {weights.decode(w)} + {acc.decode(s)}: expected {acc.decode(e)} ({e:#x}), got {g:#x}"
        for a, w, s, e, g in wrong[:5]
    ]
    assert not wrong, f"{case}, style {style}: {len(wrong)} of {len(vectors)} differ\n" + "\n".join(shown)


def exhaustive(case: Case) -> list[Vector]:
    """Every code of every operand."""
    weights, acts, acc, _ = case.formats
    return list(itertools.product(acts.codes(), weights.codes(), acc.codes()))


def random_vectors(case: Case, count: int, seed: int = 1) -> list[Vector]:
    """Uniform codes; every other sum is close to minus the product, or to an end of the range."""
    weights, acts, acc, _ = case.formats
    draw = random.Random(f"{case} {seed}")
    codes = [list(fmt.codes()) if fmt.bits <= 12 else range(1 << fmt.bits) for fmt in (acts, weights)]
    vectors = []
    for index in range(count):
        a, w = draw.choice(codes[0]), draw.choice(codes[1])
        vectors.append((a, w, _sum_code(acc, acts.decode(a), weights.decode(w), index % 4, draw)))
    return vectors


def _sum_code(acc: NumberFormat, act, weight, how: int, draw: random.Random) -> int:
    """0, 1: any code; 2: near the negated product; 3: near an end of the accumulator."""
    if how < 2 or isinstance(act, Special) or isinstance(weight, Special):
        return draw.randrange(1 << acc.bits)
    if how == 2:
        near = acc.encode(-act * weight)
        return (near + draw.choice([-2, -1, 0, 0, 1, 2])) % (1 << acc.bits)
    edge = acc.encode(draw.choice([-1, 1]) * acc.grid().max_abs)
    return (edge + draw.choice([0, 0, 1, -1, -2, 2]) * draw.randrange(1, 20)) % (1 << acc.bits)


def around(codes: Callable[[NumberFormat], Iterable[int]], case: Case) -> list[Vector]:
    """All combinations of the chosen codes of each operand."""
    weights, acts, acc, _ = case.formats
    return list(itertools.product(codes(acts), codes(weights), codes(acc)))
