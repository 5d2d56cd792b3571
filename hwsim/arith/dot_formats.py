"""The formats of one dot product: both operands, the product if it is rounded, and the accumulator."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.errors import FormatError, all_faults
from hwsim.formats import BlockFormat, CodebookFormat, NumberFormat, PowerSumFormat, ScaledFormat


@dataclass(frozen=True)
class DotFormats:
    """Fitted formats of a dot product; ``product`` None means that products reach the adder exactly.

    Raises:
        FormatError: a format is not fitted, or a product or accumulator format cannot be added in.
    """

    weights: NumberFormat
    acts: NumberFormat
    acc: NumberFormat
    product: NumberFormat | None = None

    def __post_init__(self) -> None:
        roles = {"weights": self.weights, "acts": self.acts, "acc": self.acc, "product": self.product}
        faults = [
            f"{role}: {fmt} is not fitted to a tensor yet" for role, fmt in roles.items() if fmt and not fmt.is_fitted
        ]
        faults += [
            f"{role}: {roles[role]} cannot be added in; use fixed<W,I>, int<W> or float<E,M>"
            for role in ("acc", "product")
            if not can_accumulate(roles[role])
        ]
        if faults:
            raise FormatError(all_faults("the formats of a dot product", faults))


def can_accumulate(fmt: NumberFormat | None) -> bool:
    """True for fixed and floating point, scaled or not, and for no format at all."""
    element = unscaled(fmt) if fmt is not None else None
    return not isinstance(element, PowerSumFormat | CodebookFormat | BlockFormat)


def unscaled(fmt: NumberFormat) -> NumberFormat:
    """Return the format of the codes, without a tensor's scale."""
    return fmt.element if isinstance(fmt, ScaledFormat) else fmt
