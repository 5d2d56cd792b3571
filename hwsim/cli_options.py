"""Command-line options that several commands share: the formats of every tensor."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hwsim.errors import FormatError

if TYPE_CHECKING:
    from hwsim.network.assignment import Assignment

TABLE_HELP = "price table, a .csv file, or either at another node as in sky130@45nm"
ROLES = ("weights", "acts", "acc", "product", "bias")


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """Add --all, --weights, --acts, --acc and --product to ``parser``."""
    parser.add_argument("--all", metavar="FORMAT", help="one format for weights, activations, products and sums")
    parser.add_argument("--weights", metavar="FORMAT", help="of the weights")
    parser.add_argument("--acts", metavar="FORMAT", help="of the activations")
    parser.add_argument("--acc", metavar="FORMAT", help="of the accumulators")
    parser.add_argument("--product", metavar="FORMAT", help="of each product (default: exact)")


def assignment_of(arguments: argparse.Namespace) -> Assignment:
    """Return the formats that the options name.

    Raises:
        FormatError: formats missing, unreadable, or for no role; all faults at once.
    """
    from hwsim.errors import all_faults
    from hwsim.network.assignment import Assignment, LayerFormats

    base = {role: getattr(arguments, role, None) or arguments.all for role in ("weights", "acts", "acc", "product")}
    missing = [f"--{role}" for role in ("weights", "acts", "acc") if base[role] is None]
    if missing:
        raise FormatError(f"{', '.join(missing)} missing: name a format for each, or one for everything with --all")
    default = LayerFormats.from_dict({**base, "bias": getattr(arguments, "bias", None)})
    overrides: dict[str, dict[str, Any]] = {}
    faults = []
    for text in getattr(arguments, "layer", []):
        target, equals, spelled = text.partition("=")
        name, dot, role = target.rpartition(".")
        if not (equals and dot and role in ROLES):
            faults.append(f"--layer {text!r}: write LAYER.ROLE=FORMAT with ROLE one of {', '.join(ROLES)}")
            continue
        overrides.setdefault(name, dict(default.to_dict()))[role] = spelled
    if faults:
        raise FormatError(all_faults("the choice of formats for single layers", faults))
    return Assignment(default, tuple((name, LayerFormats.from_dict(roles)) for name, roles in overrides.items()))
