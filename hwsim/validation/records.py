"""Measurements as files: a CSV table under lines that say where its numbers come from.

    # source: Chen et al., JSSC 2017, Table V
    layer,power_mw
    conv1,332

A record is written once by what measured it, and read by everything that compares with it. Numbers stay text until a
comparison asks for them, so that what is read is what was written.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import HwsimError, all_faults, unknown_name

FOLDER = Path(__file__).parent / "data"


class RecordError(HwsimError, ValueError):
    """A record of measurements that is missing or malformed."""


@dataclass(frozen=True)
class Record:
    """Measurements and where they come from.

    Attributes:
        name: of the file, without its ending.
        provenance: what the lines at the top say, by key.
        rows: one mapping of column to text a line.
        sha256: hash of the whole file, in hexadecimal.
    """

    name: str
    provenance: Mapping[str, str]
    rows: tuple[Mapping[str, str], ...]
    sha256: str


def record_names() -> list[str]:
    """Return the names of the records that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def load_record(name: str) -> Record:
    """Return a record that comes with the package.

    Raises:
        RecordError: there is none of that name, or it is malformed.

    >>> load_record("eyeriss_alexnet").rows[0]["power_mw"]
    '332'
    """
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise RecordError(unknown_name("record", name, record_names()))
    return parse_record(name, path.read_text(encoding="utf-8"))


def parse_record(name: str, text: str) -> Record:
    r"""Return what the text of a record says.

    Raises:
        RecordError: with every fault.

    >>> record = parse_record("two", "# source: by hand\nlayer,cycles\na,10\nb,12\n")
    >>> record.provenance["source"], [row["cycles"] for row in record.rows]
    ('by hand', ['10', '12'])
    """
    lines = text.splitlines()
    heads = [line for line in lines if line.startswith("#")]
    pairs = [line.removeprefix("#").strip().partition(":") for line in heads]
    body = list(csv.reader(line for line in lines if line and not line.startswith("#")))
    header = body[0] if body else []
    faults = [f"line {line!r} is not '# key: value'" for line, pair in zip(heads, pairs, strict=True) if not pair[1]]
    if not any(key == "source" for key, _, _ in pairs):
        faults.append("no line '# source: ...' says where the numbers come from")
    faults += [
        f"row {row} has {len(row)} cells, the header {len(header)}" for row in body[1:] if len(row) != len(header)
    ]
    if len(body) < 2:
        faults.append("it holds no row")
    if faults:
        raise RecordError(all_faults(f"record {name!r}", faults))
    rows = tuple(dict(zip(header, row, strict=True)) for row in body[1:])
    provenance = {key.strip(): value.strip() for key, _, value in pairs}
    return Record(name, provenance, rows, hashlib.sha256(text.encode()).hexdigest())


def record_text(provenance: Mapping[str, str], rows: Iterable[Mapping[str, object]]) -> str:
    r"""Return the text of a record; ``parse_record`` reads it back.

    >>> record_text({"source": "by hand"}, [{"layer": "a", "cycles": 10}])
    '# source: by hand\nlayer,cycles\na,10\n'
    """
    out = io.StringIO()
    for key, value in provenance.items():
        out.write(f"# {key}: {value}\n")
    listed = [dict(row) for row in rows]
    writer = csv.DictWriter(out, list(listed[0]) if listed else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue()
