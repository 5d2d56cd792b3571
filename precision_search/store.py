"""The result file's one writer: each finished configuration is one transaction, so there are no half rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from precision_search.database import explained, open_for_writing
from precision_search.errors import StoreError
from precision_search.evaluate import Outcome
from precision_search.lock import WriterLock
from precision_search.records import Failure, HardwareRecord, NumericsRecord, Status
from precision_search.schema import check_identity, create_tables, upgrade
from precision_search.task import Subject, Task, canonical_json

_NUMERICS_VALUES = ("correct", "total", "correct_mask", "macs", "layers", "wall_s", "nan_images")


class Store:
    """A result file open for writing. Use it as a context manager; only one may exist per file.

    Everything that a method writes is on disk when it returns, and a process that is killed inside one leaves
    the file as it was before the call.
    """

    def __init__(self, path: Path, code_version: str) -> None:
        """Open or create ``path``.

        Raises:
            StoreError: unwritable, in use, damaged, foreign, or of a newer version.
        """
        self.path = path
        self._code_version = code_version
        _make_folder(path)
        self._lock = WriterLock(path)
        try:
            self._connection = self._open()
        except StoreError:
            self._lock.close()
            raise

    def _open(self) -> sqlite3.Connection:
        connection = open_for_writing(self.path)
        with explained(self.path):
            if check_identity(connection, self.path):
                upgrade(connection)
            else:
                create_tables(connection, self._code_version)
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and release the lock."""
        try:
            with explained(self.path):
                self._connection.close()
        finally:
            self._lock.close()

    def hardware_statuses(self) -> dict[str, Status]:
        """Return the status of every stored configuration by hardware key."""
        rows = self._rows("SELECT hardware_key, status FROM hardware")
        return {row["hardware_key"]: Status(row["status"]) for row in rows}

    def numerics(self, key: str) -> NumericsRecord | Failure | None:
        """Return a stored inference, or None."""
        rows = self._rows("SELECT * FROM numerics WHERE numerics_key = ?", key)
        return _numerics_record(rows[0]) if rows else None

    def has_baseline(self, subject: Subject) -> bool:
        """Return True if the floating-point result for exactly these images is stored."""
        return bool(self._rows("SELECT 1 FROM baseline WHERE baseline_key = ?", _baseline_key(subject)))

    def add_baseline(self, subject: Subject, record: NumericsRecord) -> None:
        """Store the floating-point result."""
        values = {
            "baseline_key": _baseline_key(subject),
            "network": subject.network,
            "network_hash": subject.network_hash,
            "dataset": subject.dataset,
            "split": subject.split,
            "images": subject.images,
            "data_hash": subject.data_hash,
            "correct": record.correct,
            "total": record.total,
            "correct_mask": record.mask,
            "wall_s": record.wall_s,
        }
        with self._transaction():
            self._insert("baseline", values)

    def add(self, outcome: Outcome) -> None:
        """Store an outcome, its inference and all its prices, in one transaction; replaces an earlier failure.

        Raises:
            StoreError: disk full or another fault of the file; nothing of this outcome is stored then.
        """
        with self._transaction():
            if outcome.fresh:
                self._insert("numerics", _numerics_values(outcome.tasks[0], outcome.numerics))
            for task, record in zip(outcome.tasks, outcome.hardware, strict=True):
                self._insert("hardware", _hardware_values(task, record))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise

    def _insert(self, table: str, values: Mapping[str, Any]) -> None:
        """Insert a row, or replace the values of the row with the same key (the first column)."""
        stamped = {**values, "code_version": self._code_version, "stored_at": datetime.now(UTC).isoformat()}
        columns = list(stamped)
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
        marks = ", ".join("?" for _ in columns)
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "
            f"ON CONFLICT ({columns[0]}) DO UPDATE SET {updates}",
            list(stamped.values()),
        )

    def _rows(self, query: str, *parameters: Any) -> list[sqlite3.Row]:
        with explained(self.path):
            cursor = self._connection.execute(query, parameters)
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"folder {str(path.parent)!r} cannot be made ({error.strerror}); choose a writable place with --store"
        ) from error


def _baseline_key(subject: Subject) -> str:
    return f"{subject.network_hash}/{subject.data_hash}/{subject.split}/{subject.images}"


def _numerics_record(row: sqlite3.Row) -> NumericsRecord | Failure:
    if row["status"] != Status.OK.value:
        return Failure(Status(row["status"]), row["error_type"], row["error"])
    return NumericsRecord(*(row[name] for name in _NUMERICS_VALUES))


def _numerics_values(task: Task, record: NumericsRecord | Failure) -> dict[str, Any]:
    subject, formats = task.subject, task.configuration.formats
    return {
        "numerics_key": task.numerics_key,
        "network": subject.network,
        "network_hash": subject.network_hash,
        "dataset": subject.dataset,
        "split": subject.split,
        "images": subject.images,
        "data_hash": subject.data_hash,
        "calibration_hash": subject.calibration_hash,
        **formats.to_dict(),
        "overrides": canonical_json(task.configuration.assignment()["overrides"]),
        "kernel_version": task.kernel_version,
        **_status_values(record),
        **(_no_values(_NUMERICS_VALUES) if isinstance(record, Failure) else _inference_values(record)),
    }


def _inference_values(record: NumericsRecord) -> dict[str, Any]:
    values = (record.correct, record.total, record.mask, record.macs, record.layers, record.wall_s, record.nan_images)
    return dict(zip(_NUMERICS_VALUES, values, strict=True))


def _hardware_values(task: Task, record: HardwareRecord | Failure) -> dict[str, Any]:
    return {
        "hardware_key": task.hardware_key,
        "numerics_key": task.numerics_key,
        "machine": task.configuration.machine,
        "price_table": task.configuration.table,
        "price_table_hash": task.table_hash,
        "simulator_version": task.simulator_version,
        **_status_values(record),
        **({} if isinstance(record, Failure) else _price_values(record)),
    }


def _price_values(record: HardwareRecord) -> dict[str, Any]:
    return {
        "cycles": record.cycles,
        "runtime_s": record.runtime_s,
        **{f"energy_{component}_pj": energy for component, energy in record.energy_pj},
        "energy_total_pj": record.energy_total_pj,
        "power_w": record.power_w,
        "area_um2": record.area_um2,
        "weight_bits": record.weight_bits,
        "unpriced": "; ".join(record.unpriced),
        "wall_s": record.wall_s,
        "built": record.built or None,
    }


def _status_values(record: NumericsRecord | HardwareRecord | Failure) -> dict[str, Any]:
    if isinstance(record, Failure):
        return {"status": record.status.value, "error_type": record.error_type, "error": record.message}
    return {"status": Status.OK.value, "error_type": None, "error": None}


def _no_values(names: tuple[str, ...]) -> dict[str, Any]:
    return dict.fromkeys(names)
