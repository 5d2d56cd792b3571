"""Machines are values: their text round-trips and every fault is named at once."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.array.machine import Machine, parse_machine
from hwsim.array.parts import Compression, Dataflow, Dram, DramKind, Memory, Objective, PeArray, Ports
from hwsim.array.presets import PRESETS
from hwsim.errors import MachineError

WIDTHS, BANKS = st.none() | st.integers(1, 4096), st.integers(1, 64)
MEMORY_NAMES = ("ifmap", "filter", "ofmap")
BANDWIDTHS = st.none() | st.floats(1e-3, 1e5)


def memory(draw: st.DrawFn, name: str) -> Memory:
    width, banks = draw(WIDTHS), draw(BANKS)
    capacity = draw(st.integers(max((width or 1) * banks, 2), 2**40))
    return Memory(name, capacity, width, banks, draw(st.sampled_from(Ports)), draw(st.booleans()))


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    array = PeArray(draw(st.integers(1, 300)), draw(st.integers(1, 300)), draw(st.sampled_from(Dataflow)))
    stays = array.dataflow is Dataflow.OUTPUT_STATIONARY
    overlapping = (
        [{}, {"drain_registers": True}, {"direct_outputs": True}] if stays else [{}, {"shadow_registers": True}]
    )
    overlap = draw(st.sampled_from(overlapping))
    compression = draw(st.sampled_from(Compression))
    return Machine(
        draw(st.text(max_size=5)),
        array,
        clock_mhz=draw(st.floats(1e-3, 1e5)),
        ifmap_sram=memory(draw, "ifmap_sram"),
        filter_sram=memory(draw, "filter_sram"),
        ofmap_sram=memory(draw, "ofmap_sram"),
        dram=Dram(kind=draw(st.none() | st.sampled_from(DramKind)), bandwidth_gb_s=draw(BANDWIDTHS)),
        tiling=draw(st.sampled_from(Objective)),
        compression=compression,
        packed_weight_bits=draw(st.floats(1e-3, 1e3)) if compression is Compression.STATED else None,
        unpack_at_edge=compression is not Compression.NONE and draw(st.booleans()),
        zero_gating=draw(st.booleans()),
        output_register="direct_outputs" not in overlap and draw(st.booleans()),
        vector_lanes=draw(st.integers(1, 1000)),
        **overlap,
    )


@given(machines())
def test_text_round_trips(machine: Machine) -> None:
    again = parse_machine(str(machine))
    assert again == machine
    assert hash(again) == hash(machine)
    assert str(again) == str(machine) == again.name


def test_defaults_are_those_of_the_plain_text() -> None:
    machine = parse_machine("16x8-is")
    assert (machine.array.rows, machine.array.columns, machine.array.dataflow) == (16, 8, Dataflow.INPUT_STATIONARY)
    assert machine.array.pes == 128
    assert machine.clock_mhz == 500
    assert (machine.zero_gating, machine.output_register) == (True, False)
    assert machine.capacities == dict.fromkeys(("ifmap_sram", "filter_sram", "ofmap_sram"), 64 * 1024 * 8)


def test_options_change_one_thing_each() -> None:
    plain = parse_machine("4x4-ws")
    changes: dict[str, dict[str, Any]] = {
        "4x4-ws@800MHz": {"clock_mhz": 800.0},
        "4x4-ws@1.2GHz": {"clock_mhz": 1200.0},
        "4x4-ws,ifmap=4096b": {"ifmap_sram": Memory("ifmap_sram", 4096)},
        "4x4-ws,filter=2KiB": {"filter_sram": Memory("filter_sram", 16384)},
        "4x4-ws,ofmap=1MiB": {"ofmap_sram": Memory("ofmap_sram", 8 * 1024**2)},
        "4x4-ws,nogating": {"zero_gating": False},
        "4x4-ws,outreg": {"output_register": True},
        "4x4-ws,shadow": {"shadow_registers": True},
        "4x4-ws,lanes=4": {"vector_lanes": 4},
        "4x4-ws,ifmap=1KiB/32b/x2/1r1w/double": {
            "ifmap_sram": Memory("ifmap_sram", 8192, 32, 2, Ports.ONE_R_ONE_W, double_buffered=True)
        },
        "4x4-ws,double": {f"{n}_sram": Memory(f"{n}_sram", 2**19, double_buffered=True) for n in MEMORY_NAMES},
        "4x4-ws,dram=lpddr4": {"dram": Dram(kind=DramKind.LPDDR4)},
        "4x4-ws,dram=3.2GB/s": {"dram": Dram(bandwidth_gb_s=3.2)},
        "4x4-ws,dram=hbm2@256GB/s": {"dram": Dram(kind=DramKind.HBM2, bandwidth_gb_s=256.0)},
        "4x4-ws,tiling=time": {"tiling": Objective.TIME},
        "4x4-ws,compress=bitmap": {"compression": Compression.BITMAP},
        "4x4-ws,compress=layers@dram": {"compression": Compression.LAYERS, "unpack_at_edge": True},
    }
    for text, change in changes.items():
        assert parse_machine(text) == dataclasses.replace(plain, **change), text


def test_label_takes_no_part_in_equality_but_everything_else_does() -> None:
    machine = parse_machine("4x4-ws")
    assert dataclasses.replace(machine, name="edge") == machine
    assert dataclasses.replace(machine, clock_mhz=501.0) != machine
    assert dataclasses.replace(machine, dram=Dram("hbm")) != machine


def test_a_machine_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse_machine("4x4-ws").clock_mhz = 1.0  # type: ignore[misc]


def test_runtime_follows_the_clock() -> None:
    assert parse_machine("4x4-ws@800MHz").runtime_s(800) == pytest.approx(1e-6, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["cannot be read", "16x16-ws"]),
        ("16x16", ["cannot be read", "ROWSxCOLUMNS-DATAFLOW"]),
        ("-1x4-ws", ["cannot be read"]),
        ("4x4-wz", ["unknown dataflow 'wz'", "'ws'"]),
        ("4x4-ws@fast", ["clock 'fast'", "800MHz"]),
        ("4x4-ws,ifmap=64kB", ["size '64kB'", "64KiB"]),
        ("4x4-ws,ifmap=0KiB", ["'ifmap_sram' is 0 bits", "at least 1 bit"]),
        ("4x4-ws,nogate", ["unknown option 'nogate'", "'nogating'"]),
        ("4x4-ws,lanes=none", ["lanes=none"]),
        ("4x4-os,shadow", ["shadow: os holds no operand", "take ws or is"]),
        ("4x4-ws,overlap", ["overlap: in ws", "take os", "shadow"]),
        ("4x4-is,direct", ["direct: in is", "take os"]),
        ("4x4-os,direct,overlap,outreg", ["has 2 faults", "keep one", "leave outreg out"]),
        ("4x4-ws,lanes=4,lanes=8", ["given twice"]),
        ("0x4-ws", ["rows is 0", "1 to 65536"]),
        ("4x70000-ws", ["columns is 70000", "65536"]),
        ("4x4-ws@0MHz", ["clock is 0.0 MHz"]),
        ("4x4-ws@1e999MHz", ["clock is inf MHz"]),
        ("4x4-ws,ifmap=1KiB/fast", ["unknown part of a memory 'fast'", "x2 (banks)"]),
        ("4x4-ws,ifmap=1KiB/8b/16b", ["gives its width twice"]),
        ("4x4-ws,ifmap=64b/128b", ["1 words of 128 bits", "holds 64 bits"]),
        ("4x4-ws,dram=ddr9", ["unknown kind of DRAM 'ddr9'", "'ddr3'"]),
        ("4x4-ws,dram=lpddr4@fast", ["bandwidth 'fast'", "12.8GB/s"]),
        ("4x4-ws,dram=12.8Gb/s", ["bandwidth '12.8Gb/s'", "10^9 bytes a second"]),  # bits: eight times less
        ("4x4-ws,dram=lpddr4@12.8gb/s", ["bandwidth '12.8gb/s'", "12.8GB/s"]),
        ("4x4-ws,dram=400MB/s", ["bandwidth '400MB/s'", "12.8GB/s"]),
        ("4x4-ws,dram=0GB/s", ["bandwidth of 'dram' is 0.0 GB/s"]),
        ("4x4-ws,tiling=best", ["unknown tiling 'best'", "energy"]),
        ("4x4-ws,compress=zip", ["unknown compress 'zip'", "entropy", "compress=3.2b"]),
        ("4x4-ws,compress=stated", ["unknown compress 'stated'"]),
        ("4x4-ws,compress=3b@sram", ["compress=3b@sram", "compress=3b@dram"]),
        ("4x4-ws,compress=none@dram", ["compress=none", "give a packing, or leave it out"]),
        ("4x4-ws,compress=0b", ["packed weights are 0.0 bits", "more than 0"]),
        ("edge-16x16,turbo", ["unknown option 'turbo'"]),
        ("edge-16x16@fast,turbo", ["has 2 faults", "clock 'fast'", "unknown option 'turbo'"]),
        ("edge-16x8", ["unknown machine 'edge-16x8'", "did you mean 'edge-16x16'", "ROWSxCOLUMNS-DATAFLOW"]),
    ],
)
def test_bad_text_says_what_and_how_to_mend(text: str, parts: list[str]) -> None:
    with pytest.raises(MachineError) as caught:
        parse_machine(text)
    for part in parts:
        assert part in str(caught.value)


def test_all_faults_of_a_text_are_listed() -> None:
    with pytest.raises(MachineError, match="has 4 faults") as caught:
        parse_machine("4x4-wz@slow,ifmap=big,turbo")
    for part in ("'wz'", "'slow'", "'big'", "'turbo'"):
        assert part in str(caught.value)


def test_all_faults_of_a_machine_are_listed() -> None:
    twin = Memory("sram", 0)
    with pytest.raises(MachineError, match="has 7 faults") as caught:
        Machine(
            "broken",
            PeArray(0, True, Dataflow.OUTPUT_STATIONARY),
            clock_mhz=float("nan"),
            ifmap_sram=twin,
            filter_sram=twin,
            vector_lanes=0,
        )
    for part in ("rows is 0", "columns is True", "0 bits", "2 memories are called 'sram'", "nan MHz", "lanes are 0"):
        assert part in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_gives_a_machine_or_a_machine_error(text: str) -> None:
    try:
        machine = parse_machine(text)
    except MachineError:
        return
    assert parse_machine(str(machine)) == machine


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_machines_whose_text_round_trips(name: str) -> None:
    machine = parse_machine(name)
    assert machine.name == name
    assert parse_machine(str(machine)) == machine
    assert str(machine) == PRESETS[name].text
    assert PRESETS[name].source


def test_stated_bits_need_a_number_and_a_number_needs_them() -> None:
    plain = parse_machine("4x4-ws")
    for change in ({"compression": Compression.STATED}, {"packed_weight_bits": 3.0}):
        with pytest.raises(MachineError, match="give both or none"):
            dataclasses.replace(plain, **change)
    packed = parse_machine("4x4-ws,compress=3.2b")
    assert (packed.compression, packed.packed_weight_bits) == (Compression.STATED, 3.2)


def test_options_replace_those_of_a_preset() -> None:
    plain, changed = parse_machine("edge-16x16"), parse_machine("edge-16x16,dram=hbm2,ifmap=1MiB,double,tiling=energy")
    assert changed.dram == Dram(kind=DramKind.HBM2)
    assert changed.ifmap_sram == Memory("ifmap_sram", 2**23, double_buffered=True)
    assert (changed.filter_sram, changed.tiling) == (plain.filter_sram, Objective.ENERGY)
    slower = parse_machine("edge-16x16@0.8GHz,nogating")
    assert slower == dataclasses.replace(plain, clock_mhz=800.0, zero_gating=False)
    assert slower.name == "edge-16x16@0.8GHz,nogating"


def test_bandwidth_is_exact_bits_a_cycle() -> None:
    assert parse_machine("4x4-ws@300MHz,dram=0.1GB/s").dram_bits_per_cycle == Fraction(8, 3)
    assert parse_machine("4x4-ws").dram_bits_per_cycle is None
    assert parse_machine("4x4-ws").unlimited
    assert not parse_machine("4x4-ws,ofmap=1KiB/8b").unlimited


def test_a_capacity_may_leave_half_a_bit_unused() -> None:
    assert Memory("m", 9, double_buffered=True).usable_bits == 4
