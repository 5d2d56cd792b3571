"""The recipe: which Yosys commands turn RTL into a netlist. The adder style and the multiplier are part of its name.

``maccmap`` breaks sums of several words into rows of full adders (``$fa``), which become full-adder cells where no
input is constant; what is left goes through ABC. Two targets: relaxed (ABC may take its time: ``-D 10000`` ps) and
tight (as fast as ABC can: ``-D 1`` ps; ``-D 0`` makes the ABC of Yosys 0.23 fail).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwsim.errors import unknown_name
from hwsim.synth.errors import SynthError
from hwsim.synth.technology import AdderCell, Technology

#: Delay targets of ABC, ps.
TARGETS = {"relaxed": 10000, "tight": 1}

#: Files that a run finds in its folder.
LIBERTY_FILE, ADDER_FILE, CONSTRAINT_FILE = "mapping.lib", "adders.v", "abc.constr"


@dataclass(frozen=True)
class Recipe:
    """How integer arithmetic is built.

    Attributes:
        name: written into every row.
        full_adders: carry-save rows become full-adder cells where the library has them.
        ripple: carry-propagate adders are chains of full adders instead of Yosys' Brent-Kung trees.
        structural_multiplier: Baugh-Wooley rows of our own instead of Yosys' ``a * w + s``.
        split: the product is added up on its own before it meets the sum, instead of one array for both. The passing
            sum then does not disturb the array, for one carry chain more.
    """

    name: str
    full_adders: bool
    ripple: bool
    structural_multiplier: bool
    split: bool = False


RECIPES: dict[str, Recipe] = {
    "bw-fa": Recipe("bw-fa", full_adders=True, ripple=False, structural_multiplier=True),
    "bw-fa-ripple": Recipe("bw-fa-ripple", full_adders=True, ripple=True, structural_multiplier=True),
    "bw-fa-split": Recipe("bw-fa-split", full_adders=True, ripple=False, structural_multiplier=True, split=True),
    "bw-fa-split-ripple": Recipe(
        "bw-fa-split-ripple", full_adders=True, ripple=True, structural_multiplier=True, split=True
    ),
    "bw": Recipe("bw", full_adders=False, ripple=False, structural_multiplier=True),
    "naive": Recipe("naive", full_adders=False, ripple=False, structural_multiplier=False),
    "naive-fa": Recipe("naive-fa", full_adders=True, ripple=False, structural_multiplier=False),
}


def recipe(name: str) -> Recipe:
    """Return the recipe called ``name``. Raises SynthError where there is none.

    >>> recipe("bw-fa").ripple
    False
    """
    if name not in RECIPES:
        raise SynthError(unknown_name("recipe", name, RECIPES))
    return RECIPES[name]


def yosys_script(
    top: str,
    sources: Sequence[str],
    parameters: Mapping[str, int],
    how: Recipe,
    targets: Sequence[str] = tuple(TARGETS),
) -> str:
    """Return the script that writes ``TARGET.json`` for each target, from one common front end.

    Args:
        top: module to synthesise.
        sources: SystemVerilog files in the folder of the run.
        parameters: of ``top``, integers.
        how: the recipe.
        targets: keys of TARGETS.
    """
    chosen = "".join(f" -chparam {name} {value}" for name, value in parameters.items())
    # -chparam renames the module; the copy gets its old name back so that reports and readers find it.
    front = [
        *(f"read_verilog -sv -defer {source}" for source in sources),
        f"hierarchy -check -top {top}{chosen}",
        f"rename -top {top}",
        f"synth -flatten -top {top} -run begin:fine",
        "maccmap",
        *([f"techmap -map {ADDER_FILE}"] if how.full_adders or how.ripple else []),
        f"synth -flatten -top {top} -run fine:check",
        f"dfflibmap -liberty {LIBERTY_FILE}",
        "opt -fast",
        "design -save mapped",
    ]
    return "\n".join([*front, *(line for target in targets for line in _finish(target))]) + "\n"


def _finish(target: str) -> list[str]:
    return [
        "design -load mapped",
        f"abc -liberty {LIBERTY_FILE} -D {TARGETS[target]} -constr {CONSTRAINT_FILE}",
        # Yosys names what it writes to JSON and to Verilog differently unless every wire is one bit with a plain name.
        "splitnets",
        "opt_clean -purge",
        "rename -enumerate",
        f"write_json {target}.json",
    ]


def constraint_text(tech: Technology) -> str:
    """Return ABC's constraints: what drives the inputs, what loads the outputs (fF)."""
    return f"set_driving_cell {tech.driver}\nset_load {tech.load_ff:g} [all_outputs]\n"


def adder_text(cell: AdderCell | None, how: Recipe) -> str:
    """Return the technology mapping of ``$fa`` (and, for ripple adders, of ``$alu``)."""
    parts = [_RIPPLE_ALU] if how.ripple else []
    if how.full_adders and cell is not None:
        parts.append(_full_adder_map(cell))
    return "\n".join(parts) or "// no full-adder cell in this library\n"


def _full_adder_map(cell: AdderCell) -> str:
    a, b, c = cell.inputs
    flip = "~" if cell.inverted else ""
    return f"""(* blackbox *)
module {cell.cell} (input {a}, input {b}, input {c}, output {cell.carry}, output {cell.sum});
endmodule

(* techmap_celltype = "$fa" *)
module hwsim_fa (A, B, C, X, Y);
  parameter WIDTH = 1;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_A_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_B_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_C_ = 0;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    if (_TECHMAP_CONSTMSK_A_[i] || _TECHMAP_CONSTMSK_B_[i] || _TECHMAP_CONSTMSK_C_[i]) begin : logic_gates
      wire either = A[i] ^ B[i];
      assign X[i] = (A[i] & B[i]) | (C[i] & either);
      assign Y[i] = either ^ C[i];
    end else begin : adder_cell
      wire carry, total;
      {cell.cell} fa (.{a}(A[i]), .{b}(B[i]), .{c}(C[i]), .{cell.carry}(carry), .{cell.sum}(total));
      assign X[i] = {flip}carry;
      assign Y[i] = {flip}total;
    end
  end endgenerate
endmodule
"""


_RIPPLE_ALU = """(* techmap_celltype = "$alu" *)
module hwsim_ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire [Y_WIDTH-1:0] a_wide, b_wide;
  \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) a_extend (.A(A), .Y(a_wide));
  \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) b_extend (.A(B), .Y(b_wide));
  wire [Y_WIDTH-1:0] b_used = BI ? ~b_wide : b_wide;
  wire [Y_WIDTH:0] carries = {CO, CI};
  assign X = a_wide ^ b_used;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    \\$fa #(.WIDTH(1)) fa (.A(a_wide[i]), .B(b_used[i]), .C(carries[i]), .X(CO[i]), .Y(Y[i]));
  end endgenerate
endmodule
"""
