"""The tables of the result file, and how a file is recognised as one.

A metric is NULL only where ``status`` is not ``ok``; the CHECK constraints hold that. SQLite would store NaN as
NULL, so a NaN never reaches a column: it is a status.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from precision_search.errors import StoreError

APPLICATION_ID = 0x68777369  # "hwsi": written into the file header
SCHEMA_VERSION = 2  # 2: hardware.built

ENERGY_COMPONENTS = ("pe", "register", "sram", "dram", "vector", "leakage")

_STATUS = "status TEXT NOT NULL CHECK (status IN ('ok', 'infeasible', 'nan', 'error')), error_type TEXT, error TEXT"
_ENERGY_COLUMNS = ", ".join(f"energy_{component}_pj REAL" for component in ENERGY_COMPONENTS)

TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"""CREATE TABLE numerics (
        numerics_key TEXT PRIMARY KEY,
        network TEXT NOT NULL, network_hash TEXT NOT NULL,
        dataset TEXT NOT NULL, split TEXT NOT NULL, images INTEGER NOT NULL,
        data_hash TEXT NOT NULL, calibration_hash TEXT NOT NULL,
        weights TEXT NOT NULL, acts TEXT NOT NULL, acc TEXT NOT NULL, product TEXT, bias TEXT,
        overrides TEXT NOT NULL, kernel_version TEXT NOT NULL,
        {_STATUS},
        correct INTEGER, total INTEGER, correct_mask BLOB, macs INTEGER, layers TEXT, wall_s REAL, nan_images INTEGER,
        code_version TEXT NOT NULL, stored_at TEXT NOT NULL,
        CHECK (status <> 'ok' OR (correct BETWEEN 0 AND total AND total = images AND macs IS NOT NULL
               AND length(correct_mask) = (total + 7) / 8 AND layers IS NOT NULL
               AND wall_s IS NOT NULL AND nan_images BETWEEN 0 AND total - correct)),
        CHECK ((status = 'ok') = (error IS NULL))
    ) WITHOUT ROWID""",
    f"""CREATE TABLE hardware (
        hardware_key TEXT PRIMARY KEY,
        numerics_key TEXT NOT NULL REFERENCES numerics (numerics_key),
        machine TEXT NOT NULL, price_table TEXT NOT NULL, price_table_hash TEXT NOT NULL,
        simulator_version TEXT NOT NULL,
        {_STATUS},
        cycles INTEGER, runtime_s REAL, {_ENERGY_COLUMNS}, energy_total_pj REAL,
        power_w REAL, area_um2 REAL, weight_bits INTEGER, unpriced TEXT, wall_s REAL, built TEXT,
        code_version TEXT NOT NULL, stored_at TEXT NOT NULL,
        CHECK (status <> 'ok' OR (cycles IS NOT NULL AND runtime_s IS NOT NULL AND energy_total_pj IS NOT NULL
               AND power_w IS NOT NULL AND area_um2 IS NOT NULL AND weight_bits IS NOT NULL
               AND unpriced IS NOT NULL AND wall_s IS NOT NULL)),
        CHECK ((status = 'ok') = (error IS NULL))
    ) WITHOUT ROWID""",
    "CREATE INDEX hardware_by_numerics ON hardware (numerics_key)",
    """CREATE TABLE baseline (
        baseline_key TEXT PRIMARY KEY,
        network TEXT NOT NULL, network_hash TEXT NOT NULL,
        dataset TEXT NOT NULL, split TEXT NOT NULL, images INTEGER NOT NULL, data_hash TEXT NOT NULL,
        correct INTEGER NOT NULL, total INTEGER NOT NULL, correct_mask BLOB NOT NULL, wall_s REAL NOT NULL,
        code_version TEXT NOT NULL, stored_at TEXT NOT NULL,
        CHECK (correct BETWEEN 0 AND total AND length(correct_mask) = (total + 7) / 8)
    ) WITHOUT ROWID""",
)


def check_identity(connection: sqlite3.Connection, path: Path) -> bool:
    """Return True if the file is a store of this version, False if it is empty.

    Raises:
        StoreError: it is another program's database, or was written by a newer version.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables == 0 and application in (0, APPLICATION_ID):
        return False
    if application != APPLICATION_ID:
        raise StoreError(
            f"{str(path)!r} is an SQLite database, but not a result store of precision-search "
            f"(application id {application:#x}, expected {APPLICATION_ID:#x}); name another file with --store"
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{str(path)!r} has schema version {version}, written by a newer precision-search; this one reads up to "
            f"{SCHEMA_VERSION}: upgrade hwsim, or name another file with --store"
        )
    return True


def has_built(connection: sqlite3.Connection) -> bool:
    """Return True unless the file is of version 1, which did not know machines given by their area."""
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] >= 2)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a store of an earlier version to this one, in one transaction; nothing that is stored changes."""
    if has_built(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ALTER TABLE hardware ADD COLUMN built TEXT")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(SCHEMA_VERSION),))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def create_tables(connection: sqlite3.Connection, code_version: str) -> None:
    """Create every table in one transaction: a file has all of them or none."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES:
        connection.execute(statement)
    rows = [("created_by", code_version), ("schema_version", str(SCHEMA_VERSION))]
    connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
