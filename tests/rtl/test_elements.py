"""The processing elements, register by register, against a model in Python that knows the contract only."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from core_cases import Case, answers

from hwsim.rtl import element_sources
from hwsim.rtl.icarus import hex_lines, icarus_model

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")

BENCH = Path(__file__).parent / "element_bench.sv"
CASE = Case("pow2<4>@2^0", "fixed<5,5>", "fixed<10,7>")
CYCLES = 400


def core(act: int, weight: int, total: int) -> int:
    (code,) = answers(CASE, ((act, weight, total),))
    assert code is not None
    return code


def run(
    top: str, fields: list[list[tuple[int, int]]], options: dict[str, int], sources: Sequence[Path]
) -> list[list[int]]:
    """Drive lines of (value, bits) fields; return the outputs after each cycle."""
    lines = []
    for line in fields:
        word = 0
        for value, bits in line:
            word = (word << bits) | value
        lines.append(word)
    parameters = CASE.parameters.as_dict() | options | {"COUNT": len(lines)}
    with icarus_model([*sources, BENCH], top, parameters) as model:
        text = hex_lines(lines, sum(bits for _, bits in fields[0]))
        done = model.run({"cycles.hex": text}, ["results.txt"]).files["results.txt"]
    return [[-1 if "x" in word else int(word, 16) for word in line.split()] for line in done.splitlines()]


@pytest.mark.parametrize("shadow", [0, 1])
@pytest.mark.parametrize("gate", [0, 1])
def test_an_element_that_holds(shadow: int, gate: int) -> None:
    got, wanted = held(shadow, gate, element_sources())
    assert got == wanted


@pytest.mark.parametrize("overlap", [0, 1])
@pytest.mark.parametrize("gate", [0, 1])
def test_an_element_whose_sum_stays(overlap: int, gate: int) -> None:
    got, wanted = stays(overlap, gate, element_sources())
    assert got == wanted


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pe_held.sv", "if (!moving_zero) moving_out", "moving_out"),
        ("pe_held.sv", "moving_zero ? sum_in : sum_core", "sum_core"),
        ("pe_held.sv", "if (swap) current <= load ? held_in : shadow", "if (swap) current <= shadow"),
        ("pe_held.sv", "assign held_out = shadow", "assign held_out = current"),
        ("pe_os.sv", "first_in ? start_in : total", "total"),
        ("pe_os.sv", "valid_in && !last_in && (first_in || !skip)", "valid_in && !last_in && !skip"),
        ("pe_os.sv", "if (!act_zero) act_out", "act_out"),
        ("pe_os.sv", "assign skip = act_zero | weight_zero", "assign skip = act_zero"),
        ("pe_os.sv", "if (drain) total <= sum_in", "if (drain) total <= sum_next"),
    ],
)
def test_a_planted_fault_is_caught(file: str, old: str, new: str, tmp_path: Path) -> None:
    sources = []
    for source in element_sources():
        text = source.read_text()
        if source.name == file:
            assert text.count(old) == 1
            text = text.replace(old, new)
        sources.append(tmp_path / source.name)
        sources[-1].write_text(text)
    check = held if file == "pe_held.sv" else stays
    results = [check(option, 1, sources) for option in (0, 1)]
    assert any(got != wanted for got, wanted in results)


def held(shadow: int, gate: int, sources: Sequence[Path]) -> tuple[list[list[int]], list[list[int]]]:
    """What pe_held gave and what it should."""
    weights, acts, acc, _ = CASE.formats
    draw = random.Random(shadow + 2 * gate)
    codes = list(weights.codes())
    kept = chain = moving = None
    lines, wanted = [], []
    for cycle in range(CYCLES):
        load, swap = (1, 1) if cycle < 2 else (int(draw.random() < 0.2), int(draw.random() < 0.2))
        zero = int(draw.random() < 0.3) if cycle > 2 else 0
        held_in, moving_in, sum_in = draw.choice(codes), draw.randrange(1 << acts.bits), draw.randrange(1 << acc.bits)
        fields = [(load, 1), (swap, 1), (zero, 1), (held_in, weights.bits), (moving_in, acts.bits), (sum_in, acc.bits)]
        lines.append(fields)
        skipped = gate and zero
        # The code beside a raised flag is stale: anything.
        total = sum_in if skipped else -1 if kept is None else core(moving_in, kept, sum_in)
        moving = moving if skipped else moving_in
        chain = held_in if load else chain
        kept = chain if swap or not shadow else kept
        wanted.append([chain, moving, zero if gate else 0, total])
    got = run("held_bench", lines, {"SHADOW": shadow, "GATE_ZERO": gate}, sources)
    return got[3:], wanted[3:]


def stays(overlap: int, gate: int, sources: Sequence[Path]) -> tuple[list[list[int]], list[list[int]]]:
    """What pe_os gave and what it should."""
    weights, acts, acc, _ = CASE.formats
    draw = random.Random(7 + overlap + 2 * gate)
    codes = list(weights.codes())
    total = drained = act = weight = 0
    lines, wanted = [], []
    for cycle in range(CYCLES):
        # The first cycles give every register a value.
        valid, first, last, drain = (int(draw.random() < p) for p in (0.8, 0.2, 0.2, 0.15))
        if cycle < 3:
            valid, first, last, drain = (1, 1, 0, 0) if cycle < 2 else (1, 1, 1, 0)
        act_zero, weight_zero = (int(cycle > 3 and draw.random() < 0.25) for _ in range(2))
        act_in, weight_in = draw.randrange(1 << acts.bits), draw.choice(codes)
        start, above = draw.randrange(1 << acc.bits), draw.randrange(1 << acc.bits)
        flags = [(valid, 1), (first, 1), (last, 1), (drain, 1), (act_zero, 1), (weight_zero, 1)]
        words = [(act_in, acts.bits), (weight_in, weights.bits), (start, acc.bits), (above, acc.bits)]
        lines.append(flags + words)
        base = start if first else total
        skipped = gate and (act_zero or weight_zero)
        summed = base if skipped else core(act_in, weight_in, base)
        act, weight = act if gate and act_zero else act_in, weight if gate and weight_zero else weight_in
        if overlap:
            drained = summed if valid and last else above if drain else drained
            total = summed if valid and not last else total
        else:
            total = above if drain else summed if valid else total
        travelled = valid << 4 | first << 3 | last << 2 | (gate and act_zero) << 1 | (gate and weight_zero)
        wanted.append([act, weight, travelled, drained if overlap else total])
    got = run("os_bench", lines, {"OVERLAP": overlap, "GATE_ZERO": gate}, sources)
    return got[4:], wanted[4:]
