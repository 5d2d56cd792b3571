"""Machines known by name, each as the text that it stands for, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A machine by name.

    Attributes:
        text: what ``parse_machine`` reads in its place.
        formats: number formats that the original works in, in words; a preset does not choose formats.
        table: the price table nearest to its technology.
        source: where the numbers come from.
        differs: in which way the model is not the original.
    """

    text: str
    formats: str
    table: str
    source: str
    differs: str


PRESETS: Mapping[str, Preset] = {
    "edge-16x16": Preset(
        text=(
            "16x16-ws@1000MHz,ifmap=128KiB/128b,filter=128KiB/128b,ofmap=64KiB/512b/1r1w,double,"
            "dram=lpddr4@12.8GB/s,tiling=energy,shadow"
        ),
        formats="int8 x int8, 32-bit sums",
        table="aladdin45",
        source=(
            "default configuration of Gemmini as published with it (Genc et al., DAC 2021; later versions of its "
            "source differ): 16x16 elements, scratchpad of 256 KiB in 4 single-ported banks one row of 16 operands "
            "wide, accumulator of 64 KiB in 2 banks that read and write, 1 GHz; one 32-bit LPDDR4-3200 channel is "
            "assumed"
        ),
        differs=(
            "its scratchpad is shared by both operands, here each has half of it, two banks as the halves of a double "
            "buffer; no L2 cache and no host"
        ),
    ),
    "eyeriss-12x14": Preset(
        text=(
            "12x14-ws@200MHz,ifmap=50KiB/64b/x12,filter=8KiB/64b/x4/double,ofmap=50KiB/64b/x12/1r1w,"
            "dram=0.48GB/s,tiling=energy"
        ),
        formats="16-bit fixed point",
        table="published45",
        source=(
            "Chen et al., Eyeriss, ISSCC 2016 and JSSC 2017: 12x14 elements at 200 MHz in 65 nm, 108 KB of global "
            "buffer, of which 100 KB for activations and sums in banks of 64 bits and 8 KB for weights; 64-bit link to "
            "the DRAM, 60 MHz is assumed"
        ),
        differs=(
            "weight stationary in place of row stationary, so without the reuse in its 0.5 KB register files; "
            "activations and sums share 100 KB, here each has half; that banks of sums read and write in one "
            "cycle is assumed; its run-length coding of activations is left out"
        ),
    ),
    "tpu-128x128": Preset(
        text=(
            "128x128-ws@700MHz,ifmap=8MiB/1024b/x2,filter=4MiB/2048b,ofmap=4MiB/4096b/1r1w,double,"
            "dram=hbm2@350GB/s,tiling=energy,lanes=1024,shadow"
        ),
        formats="bfloat16 x bfloat16, fp32 sums",
        table="aladdin45",
        source=(
            "one core of TPU v2 (Norrie et al., IEEE Micro 2021; Jouppi et al., CACM 2020): 128x128 elements at 700 "
            "MHz, 16 MiB of vector memory, half of the chip's 700 GB/s of HBM, a vector unit of 128 lanes x 8"
        ),
        differs=(
            "its vector memory is one, here it is cut in three; widths are those of one row of operands, banks and "
            "ports are assumed"
        ),
    ),
}
"""By name; ``parse_machine("edge-16x16@800MHz,tiling=time")`` replaces the clock and adds or replaces options."""
