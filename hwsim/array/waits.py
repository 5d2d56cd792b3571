"""What an array waits for in a layer, each kind by its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Waits:
    """Cycles that the array stands still in a layer, by what it waits for.

    Attributes:
        first_fill: until the first fold's operands are in double-buffered scratchpads.
        dram_in: for operands or sums from DRAM.
        dram_out: for outputs or sums to be gone.
        write_back: after the last fold, until its outputs are in DRAM.
        ifmap_port: for the port of the ifmap scratchpad.
        filter_port: the same, filter.
        ofmap_port: the same, ofmap.
    """

    first_fill: int = 0
    dram_in: int = 0
    dram_out: int = 0
    write_back: int = 0
    ifmap_port: int = 0
    filter_port: int = 0
    ofmap_port: int = 0

    @property
    def named(self) -> tuple[tuple[str, int], ...]:
        """The waits that happen, by the names that reports use."""
        return tuple((_NAMES[name], cycles) for name, cycles in vars(self).items() if cycles)


_NAMES = {
    "first_fill": "first fill",
    "dram_in": "dram in",
    "dram_out": "dram out",
    "write_back": "last write-back",
    "ifmap_port": "ifmap_sram port",
    "filter_port": "filter_sram port",
    "ofmap_port": "ofmap_sram port",
}
