"""Rows of synthesised processing elements: what one element at given widths took on one cell library, per dataflow.

A table NAME.csv may have a companion NAME.pe.csv beside it, one line per (element, dataflow), with the columns of
``ElementRow`` in order. ``hwsim synth`` writes such files; ``hwsim.cost.element_price`` reads prices out of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hwsim.array.parts import Dataflow
from hwsim.formats.base import PeKind


@dataclass(frozen=True)
class ElementRow:
    """One processing element under one dataflow. A number that is None is unknown, not zero.

    Attributes:
        kind: shift_add, multi_shift_add, int_mac or float_mac.
        act_bits, act_significand, act_exponent: the activation, see ``Operand``.
        weight_bits: bits of the weight's code.
        factor_significand, factor_exponent: the weight as it reaches the multiplier.
        acc_bits, acc_significand, acc_exponent: the accumulator.
        terms: powers of two in a weight; 0 for multipliers.
        positions: shift distances; 0 for multipliers.
        saturating: the accumulator clamps (it wraps otherwise; a float overflows as its format says).
        subnormals: a float keeps subnormal numbers (it flushes them otherwise).
        dataflow: whose registers the element has and whose operands it was fed.
        area_um2: core and registers.
        core_area_um2: the combinational multiply-accumulate alone.
        delay_ns, delay_tight_ns: slowest register-to-register path, synthesised relaxed and as fast as possible.
        leakage_w: static power of core and registers.
        register_bits: flip-flops of the element.
        core_pj: energy of the core per multiply-accumulate, with glitches.
        core_zero_delay_pj: the same without glitches.
        core_gated_pj: the same with a zero activation held still.
        register_pj: energy of the element's flip-flops per cycle that depends on their data.
        clock_pj: energy of the clock pins of the element's flip-flops per cycle.
        base_pj, act_toggle_pj, weight_toggle_pj, sum_toggle_pj: core energy = base + slope x toggles per cycle (the
            Hamming distance of successive codes) on each bus.
        model_error: relative error of that line on streams that it was not fitted to.
        act_toggles, weight_toggles, sum_toggles: toggles per cycle of the row's own stream.
        node_nm, voltage_v, temperature_c, corner: technology and operating point.
        liberty_sha256, tools, recipe, rtl_sha256, wire_model: what made the netlist.
        stream, vectors, seed: what it was fed.
        place: file name and line.
        derived: the numbers were scaled to another node.
    """

    kind: PeKind
    act_bits: int
    act_significand: int
    act_exponent: int
    weight_bits: int
    factor_significand: int
    factor_exponent: int
    acc_bits: int
    acc_significand: int
    acc_exponent: int
    terms: int
    positions: int
    saturating: bool
    subnormals: bool
    dataflow: Dataflow
    area_um2: float
    core_area_um2: float
    delay_ns: float
    delay_tight_ns: float | None
    leakage_w: float | None
    register_bits: int
    core_pj: float
    core_zero_delay_pj: float
    core_gated_pj: float | None
    register_pj: float
    clock_pj: float
    base_pj: float | None
    act_toggle_pj: float | None
    weight_toggle_pj: float | None
    sum_toggle_pj: float | None
    model_error: float | None
    act_toggles: float | None
    weight_toggles: float | None
    sum_toggles: float | None
    node_nm: float
    voltage_v: float
    temperature_c: float
    corner: str
    liberty_sha256: str
    tools: str
    recipe: str
    rtl_sha256: str
    wire_model: str
    stream: str
    vectors: int
    seed: int
    place: str = ""
    derived: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two rows the same element under the same dataflow: everything down to the dataflow."""
        return tuple(getattr(self, name) for name in ELEMENT_COLUMNS[: ELEMENT_COLUMNS.index("dataflow") + 1])

    @property
    def has_model(self) -> bool:
        """True where the core's energy is known as a line in the toggles of its buses."""
        return self.base_pj is not None

    @property
    def source(self) -> str:
        """What made the numbers, in one line."""
        made = "scaled from synthesis" if self.derived else "synthesised"
        return (
            f"{made}: {self.corner} ({self.node_nm:g} nm, {self.voltage_v:g} V, {self.temperature_c:g} C), "
            f"liberty {self.liberty_sha256[:12]}, {self.tools}, recipe {self.recipe}, RTL {self.rtl_sha256[:12]}, "
            f"wires {self.wire_model}, stream {self.stream} of {self.vectors} vectors, seed {self.seed}"
        )


ELEMENT_COLUMNS = tuple(field.name for field in fields(ElementRow) if field.name not in ("place", "derived"))
