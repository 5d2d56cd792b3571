"""Writes tiny.lib: a library of invented numbers, so that tests need no foundry's data.

Run ``python tests/gates/tiny_liberty.py`` after a change; a test holds the file to what this writes.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

PATH = Path(__file__).with_name("tiny.lib")
SLEWS = (0.01, 0.05, 0.2)
LOADS = (1.0, 4.0, 16.0)


def both(sense: str) -> dict[str, str]:
    return {"A": sense, "B": sense}


# name: (area, leakage nW, {input: fF}, {output: (function, {input: sense})}, intrinsic ps, ps per fF, fJ)
GATES = {
    "INV": (0.6, 10.0, {"A": 1.5}, {"Y": ("!A", {"A": "negative_unate"})}, 8.0, 3.0, 0.9),
    "BUF": (0.9, 14.0, {"A": 1.2}, {"Y": ("A", {"A": "positive_unate"})}, 20.0, 2.5, 1.6),
    "NAND2": (0.8, 16.0, {"A": 1.6, "B": 1.7}, {"Y": ("!(A & B)", both("negative_unate"))}, 10.0, 3.4, 1.2),
    "NOR2": (0.8, 18.0, {"A": 1.7, "B": 1.6}, {"Y": ("!(A | B)", both("negative_unate"))}, 13.0, 4.6, 1.3),
    "AND2": (1.1, 22.0, {"A": 1.0, "B": 1.0}, {"Y": ("A B", both("positive_unate"))}, 27.0, 2.6, 2.0),
    "OR2": (1.1, 21.0, {"A": 1.0, "B": 0.9}, {"Y": ("A + B", both("positive_unate"))}, 33.0, 2.6, 2.1),
    "AOI21": (
        1.1, 23.0, {"A": 1.6, "B": 1.5, "C": 1.6},
        {"Y": ("!((A * B) + C)", dict.fromkeys("ABC", "negative_unate"))}, 15.0, 4.9, 1.5,
    ),
    "XOR2": (1.6, 36.0, {"A": 2.2, "B": 2.6}, {"Y": ("A ^ B", both("xor"))}, 30.0, 3.6, 2.8),
    "MUX2": (
        1.9, 32.0, {"A": 0.9, "B": 1.0, "S": 1.9},
        {"Y": ("(A & S') | (B & S)", {"A": "positive_unate", "B": "positive_unate", "S": "xor"})}, 45.0, 2.8, 3.2,
    ),
    "HA": (
        2.6, 54.0, {"A": 3.0, "B": 2.8},
        {"CO": ("A & B", both("positive_unate")), "S": ("A ^ B", both("xor"))}, 40.0, 3.1, 3.7,
    ),
    "FA": (
        4.3, 110.0, {"A": 3.6, "B": 3.4, "CI": 2.7},
        {
            "CO": ("(A & B) | (CI & (A | B))", dict.fromkeys(("A", "B", "CI"), "positive_unate")),
            "S": ("A ^ B ^ CI", dict.fromkeys(("A", "B", "CI"), "xor")),
        }, 80.0, 2.9, 6.0,
    ),
}  # fmt: skip


def table(kind: str, template: str, values: list[list[float]], indent: str) -> str:
    rows = ", \\\n".join(f'{indent}    "' + ", ".join(f"{v:.6g}" for v in row) + '"' for row in values)
    return f"{indent}{kind} ({template}) {{\n{indent}  values ( \\\n{rows});\n{indent}}}\n"


def delays(intrinsic: float, per_ff: float, rank: int, rises: bool) -> tuple[list[list[float]], list[list[float]]]:
    """Delay and output slew in ns: rise and fall, and each input, differ."""
    factor = (1.15 if rises else 0.9) * (1 + 0.07 * rank)
    slow = 0.25 if rises else 0.18
    delay = [[1e-3 * factor * (intrinsic + per_ff * c) + slow * s + 0.004 * s * c for c in LOADS] for s in SLEWS]
    after = [[1e-3 * factor * (0.5 * intrinsic + 2.1 * per_ff * c) + 0.1 * s for c in LOADS] for s in SLEWS]
    return delay, after


def energies(base: float, rank: int, rises: bool) -> list[list[float]]:
    return [[base * (1.3 if rises else 0.8) * (1 + 0.1 * rank) + 2.0 * s - 0.003 * c for c in LOADS] for s in SLEWS]


def arc(pin: str, sense: str, when: str, intrinsic: float, per_ff: float, rank: int, kind: str = "") -> str:
    text = f'      timing () {{\n        related_pin : "{pin}";\n        timing_sense : {sense};\n'
    text += f"        timing_type : {kind};\n" if kind else ""
    text += f'        when : "{when}";\n' if when else ""
    for edge in ("rise", "fall"):
        delay, after = delays(intrinsic, per_ff, rank, edge == "rise")
        text += table(f"cell_{edge}", "delay_3x3", delay, "        ")
        text += table(f"{edge}_transition", "delay_3x3", after, "        ")
    return text + "      }\n"


def power(pin: str, when: str, base: float, rank: int) -> str:
    text = "      internal_power () {\n" + (f'        related_pin : "{pin}";\n' if pin else "")
    text += f'        when : "{when}";\n' if when else ""
    for edge in ("rise", "fall"):
        text += table(f"{edge}_power", "power_3x3", energies(base, rank, edge == "rise"), "        ")
    return text + "      }\n"


def hidden(when: str, rise: float, fall: float) -> str:
    """Energy of an input pin itself."""
    text = "      internal_power () {\n" + (f'        when : "{when}";\n' if when else "")
    for edge, base in (("rise", rise), ("fall", fall)):
        text += table(f"{edge}_power", "hidden_3", [[base + s for s in SLEWS]], "        ")
    return text + "      }\n"


def input_pin(pin: str, ff: float, extra: str = "") -> str:
    named = {"capacitance": ff, "rise_capacitance": ff * 1.05, "fall_capacitance": ff * 0.95}
    caps = "".join(f"      {name} : {value:g};\n" for name, value in named.items())
    return f"    pin ({pin}) {{\n      direction : input;\n{caps}{extra}    }}\n"


def gate(name: str) -> str:
    area, leakage, caps, outputs, intrinsic, per_ff, base = GATES[name]
    text = f"  cell ({name}) {{\n    area : {area};\n    cell_leakage_power : {leakage};\n"
    for pin, ff in caps.items():
        # The select of a multiplexer costs something even where both data inputs agree.
        extra = hidden("A & B", 0.7, 0.4) + hidden("!A & !B", 0.6, 0.5) if (name, pin) == ("MUX2", "S") else ""
        text += input_pin(pin, ff, extra)
    for output, (function, senses) in outputs.items():
        text += f'    pin ({output}) {{\n      direction : output;\n      function : "{function}";\n'
        for rank, (pin, sense) in enumerate(senses.items()):
            others = [other for other in caps if other != pin]
            if sense != "xor":
                text += arc(pin, sense, "", intrinsic, per_ff, rank) + power(pin, "", base, rank)
                continue
            for number, values in enumerate(product((False, True), repeat=len(others))):
                when = " & ".join(other if value else f"!{other}" for other, value in zip(others, values, strict=True))
                sense_here = sense_of(name, pin, dict(zip(others, values, strict=True)))
                if sense_here is not None:
                    text += arc(pin, sense_here, when, intrinsic + 3 * number, per_ff, rank)
                    text += power(pin, when, base * (1 + 0.2 * number), rank)
        text += "    }\n"
    return text + "  }\n"


def sense_of(name: str, pin: str, others: dict[str, bool]) -> str | None:
    """Sense of the exclusive-or like inputs for values of the others."""
    if name == "MUX2":
        return None if others["A"] == others["B"] else ("positive_unate" if others["B"] else "negative_unate")
    return "negative_unate" if sum(others.values()) % 2 else "positive_unate"


def constraint(kind: str, base: float) -> str:
    text = f'      timing () {{\n        related_pin : "CK";\n        timing_type : {kind};\n'
    for edge, factor in (("rise", 1.0), ("fall", 1.4)):
        values = [[1e-3 * base * factor + 0.2 * s - 0.1 * c for c in SLEWS] for s in SLEWS]
        text += table(f"{edge}_constraint", "constraint_3x3", values, "        ")
    return text + "      }\n"


def flip_flop(name: str, reset: bool) -> str:
    text = f"  cell ({name}) {{\n    area : {4.9 if reset else 4.2};\n"
    for number, (ck, d, q) in enumerate(product("01", repeat=3)):
        when = " & ".join(
            ("" if bit == "1" else "!") + pin for bit, pin in zip((ck, d, q), ("CK", "D", "Q"), strict=True)
        )
        text += f'    leakage_power () {{\n      when : "{when}";\n      value : {70 + 2 * number};\n    }}\n'
    clear = '      clear : "!RN";\n' if reset else ""
    text += f'    ff (IQ, IQN) {{\n      next_state : "D";\n      clocked_on : "CK";\n{clear}    }}\n'
    data = constraint("setup_rising", 30.0) + constraint("hold_rising", 5.0)
    data += hidden("!CK & !Q", 3.1, 4.2) + hidden("!CK & Q", 3.0, 4.1) + hidden("CK", -0.5, 0.7)
    clock = hidden("D & Q", 2.6, 4.2) + hidden("!D & !Q", 2.4, 4.4)
    clock += hidden("D & !Q", 0.0, 7.5) + hidden("!D & Q", 0.0, 7.6)
    text += input_pin("D", 1.1, data) + input_pin("CK", 0.9, "      clock : true;\n" + clock)
    if reset:
        text += input_pin("RN", 1.4, constraint("recovery_rising", 20.0) + hidden("", 0.8, 0.9))
    for output, function in (("Q", "IQ"), ("QN", "IQN")):
        text += f'    pin ({output}) {{\n      direction : output;\n      function : "{function}";\n'
        text += arc("CK", "non_unate", "", 75.0 if output == "Q" else 60.0, 2.7, 0, "rising_edge")
        text += power("CK", "", 4.1, 0)
        if reset:
            text += arc("RN", "positive_unate" if output == "Q" else "negative_unate", "", 50.0, 2.7, 1, "clear")
            text += power("RN", "", 3.9, 1)
        text += "    }\n"
    return text + "  }\n"


def template(kind: str, name: str, *axes: tuple[str, tuple[float, ...]]) -> str:
    text = f"  {kind} ({name}) {{\n"
    text += "".join(f"    variable_{k} : {variable};\n" for k, (variable, _) in enumerate(axes, 1))
    text += "".join(f'    index_{k} ("{", ".join(map(str, points))}");\n' for k, (_, points) in enumerate(axes, 1))
    return text + "  }\n"


def library() -> str:
    head = """/* Invented numbers: no process, no foundry. Written by tiny_liberty.py. */
library (tiny) {
  delay_model : table_lookup;
  time_unit : "1ns";
  voltage_unit : "1V";
  current_unit : "1mA";
  leakage_power_unit : "1nW";
  pulling_resistance_unit : "1kohm";
  capacitive_load_unit (1, ff);
  nom_process : 1;
  nom_temperature : 25;
  nom_voltage : 1.0;
  default_output_pin_cap : 0;
  slew_lower_threshold_pct_rise : 30;
  slew_lower_threshold_pct_fall : 30;
  slew_upper_threshold_pct_rise : 70;
  slew_upper_threshold_pct_fall : 70;
  input_threshold_pct_rise : 50;
  input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50;
  output_threshold_pct_fall : 50;
  wire_load ("short") {
    capacitance : 0.2;
    resistance : 0;
    slope : 4;
    fanout_length (1, 2);
    fanout_length (2, 5);
    fanout_length (4, 12);
  }
  default_wire_load : "short";
"""
    head += template(
        "lu_table_template", "delay_3x3", ("input_net_transition", SLEWS), ("total_output_net_capacitance", LOADS)
    )
    head += template(
        "power_lut_template", "power_3x3", ("input_transition_time", SLEWS), ("total_output_net_capacitance", LOADS)
    )
    head += template("power_lut_template", "hidden_3", ("input_transition_time", SLEWS))
    head += template(
        "lu_table_template", "constraint_3x3", ("constrained_pin_transition", SLEWS), ("related_pin_transition", SLEWS)
    )
    cells = [gate(name) for name in GATES] + [flip_flop("DFF", False), flip_flop("DFFR", True)]
    return head + "".join(cells) + "}\n"


if __name__ == "__main__":
    PATH.write_text(library())
