"""The table for people: size, accuracy, and one inference on the array, beside the float32 network."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hwsim.text import text_table, wilson_interval
from models.compression.row import Row


def table_text(*blocks: Sequence[Row]) -> str:
    """Return the table: sizes and accuracy, then one inference on each machine, then what they ran in.

    Args:
        blocks: The same networks on one machine after another.
    """
    first = blocks[0][0]
    images = f"{first.images} images of {first.data}, {first.split}"
    lines = [
        f"{images}; [ ]: 95 % interval (Wilson); p: exact McNemar test against {first.name} in float64",
        "",
        text_table(_SIZE_HEADER, [_size_cells(own) for own in blocks[0]]),
    ]
    for block in blocks:
        lines += [
            "",
            f"one inference on {block[0].machine}, prices {block[0].table}; ratios against {first.name}",
            "with its weights packed alike; in brackets: with its weights at the bits of their formats",
            "",
            text_table(_ARRAY_HEADER, [_array_cells(own) for own in block]),
            "",
            *_array_notes(block),
        ]
    return "\n".join([*lines, "", *(_formats(own) for own in blocks[0])])


_SIZE_HEADER = (
    "network", "parameters", "kept", "bits/weight", "file bytes", "ratio", "eq. (1)", "float64 right", "%",
    "lost/won", "p",
)  # fmt: skip
_ARRAY_HEADER = (
    "network", "right", "% [95 %]", "lost/won", "p", "MACs", "nonzero", "bits/w", "cycles", "ms", "uJ", "mW",
    "DRAM KiB", "SRAM KiB", "time", "energy",
)  # fmt: skip


def _size_cells(own: Row) -> tuple[object, ...]:
    low, high = wilson_interval(own.float_correct, own.images)
    return (
        own.name,
        own.parameters,
        f"{own.kept_weights / own.weights:.2%}",
        f"{own.bits_per_weight:.3f}",
        own.file_bytes,
        f"{own.file_ratio:.2f}",
        f"{own.paper_ratio:.2f}",
        own.float_correct,
        f"{100 * own.float_correct / own.images:.2f} [{100 * low:.2f}, {100 * high:.2f}]",
        f"{own.float_lost}/{own.float_won}",
        f"{own.float_p:.2g}",
    )


def _array_cells(own: Row) -> tuple[object, ...]:
    low, high = wilson_interval(own.array_correct, own.images)
    return (
        own.name,
        own.array_correct,
        f"{100 * own.array_correct / own.images:.2f} [{100 * low:.2f}, {100 * high:.2f}]",
        f"{own.array_lost}/{own.array_won}",
        f"{own.array_p:.2g}",
        own.macs,
        f"{own.effectual_macs / own.macs:.1%}",
        f"{own.array_bits_per_weight:.3f}",
        own.cycles,
        f"{own.runtime_ms:.4g}",
        f"{own.energy_uj:.4g}",
        f"{own.power_mw:.4g}",
        f"{own.dram_bits / 8192:.1f}",
        f"{own.sram_bits / 8192:.1f}",
        f"{own.time_ratio:.2f}x ({own.time_ratio_plain:.2f}x)",
        f"{own.energy_ratio:.2f}x ({own.energy_ratio_plain:.2f}x)",
    )


def _formats(own: Row) -> str:
    return f"{own.name}: {own.formats}; activations {own.acts}; {_change(own.weight_change)}"


def _array_notes(block: Sequence[Row]) -> list[str]:
    unpriced = dict.fromkeys(part for own in block for part in own.unpriced.split("; ") if part)
    lines = [f"bits/w in DRAM, {own.name}: {own.layer_bits}" for own in block]
    rate = max(own.decoder_rate for own in block)
    if rate:
        many = "as many weights a cycle as are asked for" if math.isinf(rate) else f"up to {rate:.1f} weights a cycle"
        means = [own.decoder_mean for own in block if own.decoder_rate and not math.isnan(own.decoder_mean)]
        average = f", {max(means):.2g} on average" if means else ""
        lines.append(f"the decoder of weights is taken to deliver {many}{average}: its time is not counted")
    return [*lines, *([f"not in the energy, for want of a price: {'; '.join(unpriced)}"] if unpriced else [])]


def _change(largest: float) -> str:
    return "every weight exact" if largest == 0 else f"weights moved by at most {largest:.2g}"
