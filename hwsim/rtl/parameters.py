"""The integers that a multiply-accumulate module of the RTL is elaborated with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

#: The values of KIND, by the name of the core.
KINDS = {"mac_shift_add": 0, "mac_multi_shift_add": 1, "mac_int": 2, "mac_float": 3}


@dataclass(frozen=True)
class CoreParameters:
    """One value for each parameter of ``mac_parameters.svh``, which says what they mean; names in lower case here."""

    kind: int = 0
    act_bits: int = 8
    act_signed: int = 1
    weight_bits: int = 4
    weight_signed: int = 1
    acc_bits: int = 24
    acc_signed: int = 1
    shifts: int = 4
    terms: int = 1
    term_bits: int = 0
    product_bits: int = 0
    product_signed: int = 1
    product_align: int = 0
    product_round: int = 0
    product_saturate: int = 1
    align: int = 0
    round: int = 0
    saturate: int = 1
    style: int = 0
    act_exponent_bits: int = 0
    act_bias: int = 0
    act_specials: int = 0
    act_subnormals: int = 1
    weight_exponent_bits: int = 0
    weight_bias: int = 0
    weight_specials: int = 0
    weight_subnormals: int = 1
    product_exponent_bits: int = 0
    product_bias: int = 0
    product_specials: int = 0
    product_subnormals: int = 1
    acc_exponent_bits: int = 0
    acc_bias: int = 0
    acc_specials: int = 0
    acc_subnormals: int = 1

    @property
    def core(self) -> str:
        """Name of the module that KIND selects.

        >>> CoreParameters(kind=2).core
        'mac_int'
        """
        return next(name for name, kind in KINDS.items() if kind == self.kind)

    def as_dict(self) -> dict[str, int]:
        """Return name -> value, as the modules spell the names.

        >>> CoreParameters().as_dict()["ACT_BITS"]
        8
        """
        return {field.name.upper(): getattr(self, field.name) for field in dataclasses.fields(self)}

    def defines(self) -> str:
        """Return a SystemVerilog parameter list: ``.KIND(0), .ACT_BITS(8), ...``.

        >>> CoreParameters().defines()[:23]
        '.KIND(0), .ACT_BITS(8),'
        """
        return ", ".join(f".{name}({value})" for name, value in self.as_dict().items())

    def structural(self) -> CoreParameters:
        """Return the same core built from structural rows, as synthesis wants it."""
        return dataclasses.replace(self, style=1)
