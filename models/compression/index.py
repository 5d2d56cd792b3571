"""The index of stored runs and studies, as a Markdown page."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.text import wilson_interval
from models.compression.container import load_compressed
from models.compression.errors import CompressionError
from models.compression.results import CARD, FILE, ROW
from models.compression.row import Row, read_row
from models.compression.studies import STUDIES
from models.provenance import is_dirty


@dataclass(frozen=True)
class StoredRun:
    """A run that was stored.

    Attributes:
        folder: Its name.
        network: Name of the network that was compressed.
        row: Of the table.
        command: That made it.
        others: Steps that other code made than the run, code in no commit, or a GPU, in words.
    """

    folder: str
    network: str
    row: Row
    command: str
    others: tuple[str, ...]

    @property
    def measurement(self) -> str:
        """What its row was measured on, which one table has in common."""
        own = self.row
        images = f"{own.images} images of {own.data}, {own.split}"
        return f"{images}; one inference on `{own.machine}`, prices `{own.table}`."


def stored_runs(folder: Path) -> list[StoredRun]:
    """Return every stored run below ``folder``: network by network, the largest file first.

    Raises:
        CompressionError: a run is damaged, or made by a version with other columns.
    """
    found = [_read(path) for path in sorted(folder.glob(f"*/{ROW}"))]
    return sorted(found, key=lambda run: (run.network, -run.row.file_bytes, run.folder))


def index_text(folder: Path) -> str:
    """Return a Markdown page of the stored runs and studies below ``folder``.

    Runs of one network stand in one table where they were measured on the same images, machine and prices.

    Raises:
        CompressionError: nothing is stored there, or a run is damaged.
    """
    runs = stored_runs(folder)
    answered = [(name, own.question) for name, own in STUDIES.items() if (folder / name / "provenance.json").exists()]
    if not runs and not answered:
        raise CompressionError(f"{folder} holds no stored run: make one with --results {folder}/NAME")
    lines = ["# Compression", "", *_INTRODUCTION]
    for network in dict.fromkeys(run.network for run in runs):
        own = [run for run in runs if run.network == network]
        lines += ["", f"## {network}"]
        for measurement in dict.fromkeys(run.measurement for run in own):
            lines += _table(measurement, [run for run in own if run.measurement == measurement])
    if answered:
        lines += ["", "## Studies", "", "| study | question | command |", "|---|---|---|"]
        lines += [f"| [{name}]({name}) | {question} | `models study {name}` |" for name, question in answered]
    return "\n".join(lines) + "\n"


_INTRODUCTION = (
    "Stored runs of `models compress … --results` and of `models study`; this page is what `models compare",
    "--results` prints. What the columns mean is in [docs/compression.md](../../docs/compression.md). The folder",
    "of a run has the file itself (`network.hwz`), the card with options and findings of every step, command,",
    "commit and machine (`card.json`), all columns (`row.csv`), the log and the recipe. Ratios are against 4",
    "bytes for every parameter of the float32 network, and against its time and energy in int8 on the same array with",
    "weights packed by the same code (in brackets: with 8 bits a weight). p is the exact McNemar test of the array's",
    "answers against those of the float32 network in float64. Formats stand without their exponents, which `row.csv`",
    "has.",
)
_HEADER = (
    "run", "file bytes", "ratio", "bits/weight", "kept", "float64 right", "array right [95 %]", "p", "DRAM bits/weight",
    "cycles", "ms", "uJ", "mW", "time", "energy", "weights on the array", "command",
)  # fmt: skip


def _table(measurement: str, runs: list[StoredRun]) -> list[str]:
    header = [f"| {' | '.join(_HEADER)} |", f"|{'---|' * len(_HEADER)}"]
    lines = ["", measurement, "", *header, *(f"| {' | '.join(_cells(run))} |" for run in runs)]
    notes = [f"* `{run.folder}`: {', '.join(run.others)}" for run in runs if run.others]
    return [
        *lines,
        *(["", "Steps that were made before, by other code than their run, or on a GPU:", "", *notes] if notes else []),
    ]


def _cells(run: StoredRun) -> list[str]:
    row = run.row
    return [
        f"[{run.folder}]({run.folder})",
        f"{row.file_bytes:,}",
        f"{row.file_ratio:.2f}",
        f"{row.bits_per_weight:.3f}",
        f"{row.kept_weights / row.weights:.2%}",
        f"{row.float_correct} ({100 * row.float_correct / row.images:.2f} %)",
        _share(row.array_correct, row.images),
        f"{row.array_p:.2g}",
        f"{row.array_bits_per_weight:.3f}",
        f"{row.cycles:,}",
        f"{row.runtime_ms:.4g}",
        f"{row.energy_uj:.4g}",
        f"{row.power_mw:.4g}",
        f"{row.time_ratio:.2f}x ({row.time_ratio_plain:.2f}x)",
        f"{row.energy_ratio:.2f}x ({row.energy_ratio_plain:.2f}x)",
        f"{format_kinds(row.formats)}{'' if row.weight_change == 0 else f', moved by at most {row.weight_change:.2g}'}",
        f"`{run.command}`",
    ]


def format_kinds(formats: str) -> str:
    """Return what kinds of formats layers have, without their exponents, and codebooks of all sizes together.

    Args:
        formats: ``layer=format``, separated by spaces, as the column ``formats`` of a row has them.

    >>> format_kinds("a=pow2<4>@2^-1 b=codebook<9,int8@2^-8> c=codebook<14,int8@2^-7> d=codebook<9,int8@2^-7>")
    '3 codebook<9 to 14,int8>, 1 pow2<4>'
    >>> format_kinds("a=int8@2^-7 b=int8@2^-9")
    'int8'
    """
    plain = [re.sub(r"@2\^-?\d+", "", cell.partition("=")[2]) for cell in formats.split()]
    kinds: dict[str, list[int]] = {}
    for text in plain:
        sized = re.fullmatch(r"codebook<(\d+),(.*)>", text)
        kinds.setdefault(f"codebook<{{}},{sized[2]}>" if sized else text, []).append(int(sized[1]) if sized else 0)
    found = []
    for kind, sizes in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        ends = (min(sizes), max(sizes))
        text = kind.format(ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}")
        found.append(text if len(kinds) == 1 else f"{len(sizes)} {text}")
    return ", ".join(found)


def _share(correct: int, images: int) -> str:
    low, high = wilson_interval(correct, images)
    return f"{correct} ({100 * correct / images:.2f} % [{100 * low:.2f}, {100 * high:.2f}])"


def _read(path: Path) -> StoredRun:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            (cells,) = csv.DictReader(file)
        card = json.loads((path.parent / CARD).read_text(encoding="utf-8"))
        network, command = _network_name(card, path.parent), str(card["provenance"]["command"])
        others = _others(card)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompressionError(f"{path.parent} is no whole stored run ({error}): make it again") from error
    try:
        return StoredRun(path.parent.name, network, read_row(cells), command, others)
    except CompressionError as error:
        raise CompressionError(f"{path}: {error}") from error


def _others(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the steps that other code made than that which stored the run, code in no commit, or a GPU."""
    code, found = card["provenance"]["code"], []
    for place, step in enumerate(card["network"].get("compression", []), 1):
        made = step.get("made", {})
        own = made.get("code", "unknown")
        facts = [f"{own}, not {code}"] if own != code else [own] if is_dirty(own) else []
        facts += [made["accelerator"]] if "accelerator" in made else []
        found += [f"step {place}, {step['method']} ({'; '.join(facts)})"] if facts else []
    return tuple(found)


def _network_name(card: Mapping[str, Any], folder: Path) -> str:
    """Return the name on the card, or in the file where an older card has none."""
    return str(card["name"] if "name" in card else load_compressed(folder / FILE).name)
