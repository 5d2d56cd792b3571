"""Files as tables, JSON and text: whole or not at all, floats with the digits that read back to the same value."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.compression.errors import CompressionError


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a table as CSV; floats with the digits that read back to the same value.

    >>> csv_text(("bits", "file_bytes"), [(5, 33_600)])
    'bits,file_bytes\n5,33600\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, units in the names of the columns.

    Raises:
        CompressionError: the file cannot be written.
    """
    write_text(path, csv_text(header, rows))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write ``value`` as indented JSON.

    Raises:
        CompressionError: the file cannot be written.
    """
    write_text(path, json.dumps(value, indent=1, default=str) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all; the folder is made.

    Raises:
        CompressionError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise CompressionError(f"{path} cannot be written ({error.strerror or error}): name another folder") from error
