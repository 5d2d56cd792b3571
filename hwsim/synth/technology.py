"""What a synthesiser must know of a cell library: its adder cells, its drivers and loads, the cells to leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwsim.errors import unknown_name
from hwsim.gates.wires import WireModel
from hwsim.synth.errors import SynthError


@dataclass(frozen=True)
class AdderCell:
    """A full-adder cell: which pins carry what, and with which polarity.

    Attributes:
        cell: its name in the liberty file.
        inputs: three pins of equal weight.
        sum: pin of the sum bit.
        carry: pin of the carry bit.
        inverted: both outputs are inverted (ASAP7).
    """

    cell: str
    inputs: tuple[str, str, str]
    sum: str
    carry: str
    inverted: bool = False


@dataclass(frozen=True)
class Technology:
    """The part of a technology that no liberty file states, or that is a choice of ours.

    Attributes:
        name: of the table made from it.
        node_nm: technology node.
        full_adder: the cell that carry-save rows are made of; None where the library has none.
        driver: cell that is taken to drive the inputs during mapping.
        load_ff: capacitance on every output, fF.
        slew_ns: transition time of inputs and clock, about that of a flip-flop's output.
        dont_use: shell patterns of cells that may not be used: scan and clock cells, delays, isolation, sizes that
            the library's own flows exclude.
        wire: capacitance of wires before routing: the library's own table where it has one.
        clue: a cell by which this technology is recognised.
    """

    name: str
    node_nm: float
    full_adder: AdderCell | None
    driver: str
    load_ff: float
    slew_ns: float
    dont_use: tuple[str, ...]
    wire: WireModel
    clue: str


def _patterns(words: str, prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + word for word in words.split())


#: Drivers, loads and cells to avoid: platform settings of OpenROAD-flow-scripts (sky130hd, asap7, ihp-sg13g2,
#: nangate45), with the smallest buffer as the driver, so that inputs are not faster than a register's output.
TECHNOLOGIES: dict[str, Technology] = {
    "sky130": Technology(
        "sky130",
        130,
        AdderCell("sky130_fd_sc_hd__fa_1", ("A", "B", "CIN"), "SUM", "COUT"),
        "sky130_fd_sc_hd__buf_1",
        5.0,
        0.05,
        _patterns(
            "lpflow* probe* clk* dly* dlc* dlx* dlr* sdf* sdl* sed* edf* ebuf* einv* bufbuf* bufinv* macro*",
            "sky130_fd_sc_hd__",
        ),
        WireModel("default"),
        "sky130_fd_sc_hd__inv_1",
    ),
    "asap7": Technology(
        "asap7",
        7,
        AdderCell("FAx1_ASAP7_75t_R", ("A", "B", "CI"), "SN", "CON", inverted=True),
        "BUFx2_ASAP7_75t_R",
        3.898,
        0.01,
        _patterns("*x1p* *xp* SDF* ICG* DFFASRHQN* DFFL* DHL* DLL* CKINV* HB*"),
        # No table in the library: 3 um of wire per net and 1 um per sink at about 0.17 fF/um, an assumption.
        WireModel(base_ff=0.5, per_sink_ff=0.17),
        "INVx1_ASAP7_75t_R",
    ),
    "ihp130": Technology(
        "ihp130",
        130,
        None,
        "sg13g2_buf_1",
        6.0,
        0.05,
        _patterns("lgcp* slgcp* sighold dfrbp_2 dlh* dll* sdf* ebufn* einvn* dlygate*", "sg13g2_"),
        WireModel("1k"),
        "sg13g2_inv_1",
    ),
    "nangate45": Technology(
        "nangate45",
        45,
        AdderCell("FA_X1", ("A", "B", "CI"), "S", "CO"),
        "BUF_X1",
        3.898,
        0.02,
        _patterns("CLKBUF* CLKGATE* SDFF* DLL* DLH* TLAT* TBUF* TINV* FILL* ANTENNA*"),
        WireModel("default"),
        "INV_X1",
    ),
}


def technology(name: str) -> Technology:
    """Return the technology called ``name``.

    Raises:
        SynthError: there is none; the nearest are named.

    >>> technology("sky130").full_adder.cell
    'sky130_fd_sc_hd__fa_1'
    """
    if name not in TECHNOLOGIES:
        raise SynthError(unknown_name("technology", name, TECHNOLOGIES))
    return TECHNOLOGIES[name]


def recognise(cells: Sequence[str]) -> Technology | None:
    """Return the technology that a library with these cells is, None for one that is not known.

    >>> recognise(["INV_X1", "FA_X1"]).name
    'nangate45'
    """
    return next((known for known in TECHNOLOGIES.values() if known.clue in cells), None)
