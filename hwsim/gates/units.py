"""The units of a liberty file, and the standard units that everything is brought to: ns, fF, pJ, W, V, um2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hwsim.gates.faults import LibertyError
from hwsim.gates.syntax import Group, as_number

_EXPONENTS = {"": 0, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18}
_UNIT = re.compile(r"\s*([0-9.eE+-]+)\s*([munpfa]?)([A-Za-z]+)\s*")
_WAYS = {
    "time_unit": ('time_unit : "1ns";', "s", -9),
    "voltage_unit": ('voltage_unit : "1V";', "V", 0),
    "leakage_power_unit": ('leakage_power_unit : "1nW";', "W", 0),
    "capacitive_load_unit": ("capacitive_load_unit (1, ff);", "F", -15),
}


@dataclass(frozen=True)
class Units:
    """What one library unit is in standard units.

    Attributes:
        time_ns: Of times and slews.
        load_ff: Of capacitances.
        energy_pj: Of ``internal_power`` tables, which hold energies: capacitive_load_unit x voltage_unit^2, by the
            Liberty User Guide (fJ where loads are in fF, pJ where they are in pF).
        leakage_w: Of leakage powers.
        voltage_v: Of voltages.
    """

    time_ns: float
    load_ff: float
    energy_pj: float
    leakage_w: float
    voltage_v: float


def read_units(path: Path, head: Group) -> Units:
    """Return the units that the library in ``path`` states.

    Raises:
        LibertyError: a unit is missing or unreadable; all of them are listed.
    """
    found: dict[str, float] = {}
    faults = []
    for name, (example, symbol, standard) in _WAYS.items():
        try:
            found[name] = _unit(head, name, symbol, standard)
        except LibertyError as error:
            faults.append(f"{error}; write for example: {example}")
    if faults:
        raise LibertyError("\n".join(f"{path}: {fault}" for fault in faults))
    volt, load_ff = found["voltage_unit"], found["capacitive_load_unit"]
    return Units(found["time_unit"], load_ff, load_ff * volt**2 / 1e3, found["leakage_power_unit"], volt)


def _unit(head: Group, name: str, symbol: str, standard: int) -> float:
    """Return the unit called ``name`` in multiples of 10 ** ``standard`` of its symbol."""
    text = head.get(name)
    if text is None:
        values = head.values(name)
        if values is None:
            raise LibertyError(f"{name} is missing")
        text = "".join(values)
    match = _UNIT.fullmatch(text)
    if match is None or match[3].upper() != symbol.upper():
        raise LibertyError(f"{name} is {text!r}, which is not a number and a unit of {symbol}")
    return as_number(match[1], name) * float(f"1e{_EXPONENTS[match[2].lower()] - standard}")
