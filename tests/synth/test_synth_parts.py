"""The parts of the synthesis room that need no tool: codes, oracle, streams, benches, fits, library texts."""

from __future__ import annotations

import lzma
import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.parts import Dataflow
from hwsim.formats import Special, parse
from hwsim.gates import read_liberty
from hwsim.synth.bench import held_bench, os_bench
from hwsim.synth.benches import Unit, fit_specs, held_out_specs
from hwsim.synth.codes import codes_of, values_of
from hwsim.synth.detect import detect
from hwsim.synth.errors import SynthError
from hwsim.synth.grid import grid
from hwsim.synth.liberty_text import read_liberty_text
from hwsim.synth.macromodel import fit_model, non_negative_least_squares
from hwsim.synth.oracle import Oracle
from hwsim.synth.point import make_point
from hwsim.synth.recipe import RECIPES, adder_text, recipe, yosys_script
from hwsim.synth.rows import row_key
from hwsim.synth.sources import rtl_sources, sources_sha256
from hwsim.synth.streams import FLOWS, StreamSpec, gated_stream, hamming, make_stream
from hwsim.synth.technology import TECHNOLOGIES, technology
from hwsim.synth.vectors import corner_codes

TINY = Path(__file__).parents[1] / "gates" / "tiny.lib"
FORMATS = ("fixed<5,3>", "ufixed<5,2>", "int6@2^-3", "float<3,2>", "e4m3", "e5m2", "float<4,3,ftz>", "pow2<4>@2^1")


@pytest.mark.parametrize("text", FORMATS)
def test_codes_and_values_equal_the_formats_own(text: str) -> None:
    fmt = parse(text)
    codes = np.array([code for code in fmt.codes() if not isinstance(fmt.decode(code), Special)])
    values = values_of(codes, fmt)
    assert values.tolist() == [float(fmt.decode(code)) for code in codes.tolist()]
    between = np.concatenate([values, values * 1.07, values * 0.51, [1e6, -1e6] if text[0] in "fiu" else []])
    finite = [value for value in between.tolist() if not isinstance(fmt.decode(fmt.encode(value)), Special)]
    assert codes_of(np.array(finite), fmt).tolist() == [fmt.encode(value) for value in finite]


POINTS = (
    ("pow2<4>", "int8", "int24"),
    ("int8", "int8", "int16<wrap>"),
    ("apot<4>", "int6", "int16"),
    ("int4", "uint4", "int9"),
)


@pytest.mark.parametrize("texts", POINTS)
def test_the_integer_oracle_equals_the_reference_step_by_step(texts: tuple[str, str, str]) -> None:
    point = make_point(*texts)
    oracle = Oracle(point)
    stream = make_stream(point, StreamSpec("uniform"), 300, 0)
    triples = zip(stream.act.tolist(), stream.weight.tolist(), stream.sum_in.tolist(), strict=True)
    assert [oracle.step(*triple) for triple in triples] == stream.sum_out.tolist()
    start = np.arange(300) % 50 == 0
    total, expected = 0, []
    for a, w, first in zip(stream.act.tolist(), stream.weight.tolist(), start.tolist(), strict=True):
        total = oracle.step(a, w, 0 if first else total)
        expected.append(total)
    assert oracle.accumulate(stream.act, stream.weight, start).tolist() == expected


@pytest.mark.parametrize(("texts", "flow"), list(product([*POINTS, ("e4m3", "e4m3", "fp16")], FLOWS)))
def test_every_sum_of_a_stream_is_the_references(texts: tuple[str, str, str], flow: str) -> None:
    point = make_point(*texts)
    stream, again = (make_stream(point, StreamSpec(flow, reuse=16), 120, 5) for _ in range(2))
    assert (stream.act == again.act).all() and (stream.sum_out == again.sum_out).all()
    assert (stream.act != make_stream(point, StreamSpec(flow), 120, 6).act).any()
    triples = zip(stream.act.tolist(), stream.weight.tolist(), stream.sum_in.tolist(), strict=True)
    assert [Oracle(point).step(*triple) for triple in triples] == stream.sum_out.tolist()
    if flow == "os":
        inside = ~stream.start[1:]
        assert (stream.sum_in[1:][inside] == stream.sum_out[:-1][inside]).all()


def test_streams_do_what_their_flow_says() -> None:
    point = make_point("int8", "int8", "int24")
    ws, input_held = (make_stream(point, StreamSpec(flow), 500, 0) for flow in ("ws", "is"))
    assert (np.diff(ws.weight) != 0).nonzero()[0].tolist() == [
        k for k in range(49, 499, 50) if ws.weight[k] != ws.weight[k + 1]
    ]
    assert len(set(input_held.act[:50].tolist())) == 1
    assert 0.45 < (ws.act == 0).mean() < 0.6  # the ReLU
    thin = make_stream(point, StreamSpec("ws", zeros=0.9), 500, 0)
    assert (thin.act == 0).mean() > 0.9 and thin.toggles()[0] < 0.4 * ws.toggles()[0]
    still = gated_stream(point, StreamSpec("os"), 50, 0)
    assert still.toggles() == (0.0, 0.0, 0.0)
    passing = gated_stream(point, StreamSpec("ws"), 500, 0)
    assert passing.toggles()[:2] == (0.0, 0.0) and passing.toggles()[2] > 1
    assert hamming(np.array([0, 7, 7])) == 1.5


@pytest.mark.parametrize("weights", ["pow2<2>", "pow2<3>", "pow2<4>", "apot<3>", "int2"])
def test_few_bits_do_not_mean_that_most_weights_are_zero(weights: str) -> None:
    stream = make_stream(make_point(weights, "int8", "int24"), StreamSpec("os"), 2000, 0)
    assert (stream.weight == 0).mean() < 0.45


def test_streams_grade_activity() -> None:
    for flow in Dataflow:
        spec = Unit(make_point("int8", "int8", "int24"), flow).spec
        point = make_point("int8", "int8", "int24")
        toggles = np.array([make_stream(point, one, 400, 0).toggles() for one in fit_specs(spec)])
        assert np.linalg.matrix_rank(np.column_stack([np.ones(len(toggles)), toggles])) == 4
        assert not set(fit_specs(spec)) & set(held_out_specs(spec))


def test_benches_say_when_a_result_must_be_seen() -> None:
    point = make_point("int4", "int4", "int9")
    stream = make_stream(point, StreamSpec("ws", hold=3), 9, 0)
    bench = held_bench(stream, held_act=False)
    loaded, held, seen = 0, [], bench.inputs
    for cycle in range(bench.cycles):  # the register holds what was loaded at the end of an earlier cycle
        held.append(loaded)
        loaded = int(seen["held_in"][cycle]) if seen["load"][cycle] else loaded
    assert held[1:10] == stream.weight.tolist()
    assert bench.checked.tolist() == list(range(2, 11))
    sums = os_bench(make_stream(point, StreamSpec("os", reuse=4), 9, 0))
    assert sums.inputs["first_in"].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert sums.inputs["last_in"].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 1, 0]


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=4, max_size=8))
def test_least_squares_without_negatives_is_optimal(rows: list[list[int]]) -> None:
    matrix, target = np.array(rows, dtype=np.float64), np.arange(1.0, len(rows) + 1)
    found = non_negative_least_squares(matrix, target)
    gradient = matrix.T @ (matrix @ found - target)
    assert (found >= 0).all()
    assert (gradient >= -1e-6).all() and (np.abs(gradient * found) <= 1e-6 * (1 + np.abs(found))).all()


def test_the_macro_model_wants_enough_streams() -> None:
    with pytest.raises(SynthError, match="needs 4 streams"):
        fit_model([(0, 0, 0)], [1.0], [])


def test_corners_of_a_float_hold_the_ends_of_its_ranges() -> None:
    fmt = parse("e5m2")
    values = {abs(fmt.decode(code)) for code in corner_codes(fmt)}
    grid_of = fmt.grid()
    assert grid_of.max_abs in values and 0 in values and 1 in values
    assert not any(isinstance(fmt.decode(code), Special) for code in corner_codes(fmt))


@pytest.mark.parametrize("name", ["small", "default", "wide"])
def test_grids_name_each_row_once(name: str) -> None:
    keys = [row_key(Unit(point, Dataflow.OUTPUT_STATIONARY)) for point in grid(name)]
    assert len(set(keys)) == len(keys)


def test_grids_refuse_what_they_do_not_know() -> None:
    with pytest.raises(SynthError, match="2 faults"):
        grid("smal", ["int_mc"])
    with pytest.raises(SynthError, match="cannot hold one product of 16 bits"):
        make_point("int8", "int8", "int12")
    with pytest.raises(SynthError, match="did you mean 'bw-fa'"):
        recipe("bw-fs")


def test_library_texts(tmp_path: Path) -> None:
    text = read_liberty_text([TINY])
    assert set(text.names) == set(read_liberty(TINY).cells)
    fewer = text.without(["DFF*", "FA"])
    assert "FA" not in fewer.names and "NAND2" in fewer.names
    short = tmp_path / "short.lib"
    short.write_text(fewer.mapping_text())
    assert "internal_power" not in short.read_text() and "cell_rise" in short.read_text()
    again = read_liberty(short)
    assert set(again.cells) == set(fewer.names)
    packed = tmp_path / "tiny.lib.xz"
    packed.write_bytes(lzma.compress(TINY.read_bytes()))
    assert read_liberty_text([packed]).names == text.names
    with pytest.raises(SynthError, match="defined twice"):
        read_liberty_text([TINY, packed])
    with pytest.raises(SynthError, match="cannot be read"):
        read_liberty_text([tmp_path / "none.lib"])


def test_adder_and_buffer_are_found_by_what_they_compute() -> None:
    found = detect(read_liberty(TINY), "tiny", 100)
    assert found.full_adder is not None
    assert (found.full_adder.cell, found.full_adder.sum, found.full_adder.carry) == ("FA", "S", "CO")
    assert found.driver == "BUF"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("sky130", "sky130_fd_sc_hd__tt_025C_1v80.lib*"),
        ("nangate45", "nangate45_typ.lib*"),
        ("ihp130", "sg13g2_stdcell_typ_1p20V_25C.lib*"),
        ("asap7", "asap7sc7p5t_*_RVT_TT_*.lib*"),
    ],
)
def test_the_adders_of_the_known_technologies_are_what_detection_finds(name: str, files: str) -> None:
    folder = os.environ.get("HWSIM_LIBERTY_DIR")
    liberty = sorted(Path(folder).glob(files)) if folder else []
    if not liberty:
        pytest.skip(f"HWSIM_LIBERTY_DIR names no folder with {files} in it")
    library = read_liberty(*liberty)
    assert detect(library, name, 1).full_adder == technology(name).full_adder
    assert technology(name).clue in library.cells


def test_scripts_of_recipes_differ_where_they_should() -> None:
    cell = TECHNOLOGIES["asap7"].full_adder
    assert "assign X[i] = ~carry;" in adder_text(cell, RECIPES["bw-fa"])
    assert "$alu" in adder_text(cell, RECIPES["bw-fa-ripple"])
    assert adder_text(None, RECIPES["bw-fa"]).startswith("// no full-adder cell")
    script = yosys_script("top", ["a.sv"], {"BITS": 4}, RECIPES["bw"])
    assert "-chparam BITS 4" in script and "adders.v" not in script
    assert script.index("-D 10000") < script.index("-D 1 ")


def test_the_hash_of_rtl_is_that_of_its_kind() -> None:
    kinds = {point.kind for point in grid("small")}
    assert len({sources_sha256(rtl_sources(kind, "pe_os")) for kind in kinds}) == len(kinds) == 4
    names = {path.name for path in rtl_sources(make_point("int8", "int8", "int24").kind, "pe_os")}
    assert "mac_int.sv" in names and "pe_os.sv" in names
    assert not names & {"mac_float.sv", "mac_shift_add.sv", "pe_held.sv"}
