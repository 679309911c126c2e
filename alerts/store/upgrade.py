"""I/O: the schema of a ledger, made or brought to the revision of this program.

Input: a connection in a write transaction, under a lock that excludes other programs.
Output: the tables of revision `schema.HEAD`; of an older SQLite file also a copy beside it.
Not responsible for: the transaction; a failure in it must leave the ledger as it was.
Rejects: a ledger of a newer program, and a database that holds something else.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select

from alerts.store import schema
from alerts.store.errors import LedgerVersionError

FIRST = "0001"
"""The revision of 0.1.0; its ledgers name no revision."""
NEW = ""
"""Stands for the revision of a database without tables."""

_VERSION_0_1_0 = 1


def find_revision(connection: Connection, place: str) -> str:
    """Return the revision of the ledger behind `connection`, `NEW` where there are no tables.

    Raises:
        LedgerVersionError: this program does not know the revision.
    """
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None and inspect(connection).has_table(schema.ledger_version.name):
        versions = set(connection.execute(select(schema.ledger_version.c.version)).scalars())
        found = FIRST if versions <= {_VERSION_0_1_0} else f"of version {sorted(versions)}"
    if found in (None, schema.HEAD):
        return found or NEW
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        message = (
            f"{place}: expected a ledger of revision {schema.HEAD} or older, got {found}; "
            "install the newer Lifeline that wrote it, or restore the copy made before its upgrade"
        )
        raise LedgerVersionError(message)
    return found


def create(connection: Connection) -> None:
    """Make the tables of the newest revision in an empty database."""
    schema.METADATA.create_all(connection)
    connection.execute(insert(schema.ledger_version).values(version=schema.VERSION))
    MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(_config()), schema.HEAD)


def upgrade(connection: Connection, revision: str = schema.HEAD) -> None:
    """Run each migration up to `revision` inside the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def copy_sqlite(path: Path, revision: str) -> Path:
    """Copy the ledger in `path`, which is of `revision`, to a file beside it; return its path.

    Raises:
        LedgerVersionError: the copy cannot be made; the ledger is as it was.
    """
    copy = path.with_name(f"{path.name}.revision-{revision}")
    part = copy.with_name(f"{copy.name}.part")
    try:
        part.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)
            # One file, without a write-ahead log beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        _sync(part)
        part.replace(copy)
        _sync(copy.parent)
    except (OSError, sqlite3.Error) as error:
        size_mb = path.stat().st_size / 1e6
        message = f"{path}: expected room for a copy before the upgrade ({size_mb:.0f} MB), got {error}; free some room"
        raise LedgerVersionError(message) from error
    return copy


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _config() -> Config:
    config = Config()
    folder = Path(__file__).with_name("migrations")
    # Percent signs are placeholders to the parser behind it.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
