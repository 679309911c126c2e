"""I/O: the files of Lifeline 0.1.0, unpacked, and its ledgers in either database."""

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import psycopg
import sqlalchemy as sa

from alerts.store.migrations.versions.revision_0001 import TABLES_0_1_0

_ARCHIVE = Path(__file__).parent.parent / "files_of_0_1_0" / "files.tar.xz"
LEDGERS = {"ledger": "data/ledger.db", "incidents": "incidents.db"}
"""Name of the record file without `.json`, and path of the ledger."""


class OldFiles:
    """The unpacked archive; each method returns copies."""

    def __init__(self, folder: Path) -> None:
        """Unpack into `folder`."""
        self.folder = folder
        with tarfile.open(_ARCHIVE) as archive:
            archive.extractall(folder, filter="data")

    def data(self, folder: Path) -> Path:
        """Copy the data directory of the demo to `folder`."""
        return shutil.copytree(self.folder / "data", folder)

    def records(self, name: str) -> dict:
        """Return the records that 0.1.0 read from a ledger, or from the other files (`program`)."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def sqlite_ledger(self, name: str, folder: Path) -> Path:
        """Copy the ledger `name` to `folder`."""
        return shutil.copy(self.folder / LEDGERS[name], folder / f"{name}.db")

    def make_postgresql_tables(self, url: str) -> None:
        """Make the tables in an empty database as 0.1.0 did."""
        statements = (self.folder / "schema_postgresql.sql").read_bytes()
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statements)

    def postgresql_ledger(self, name: str, url: str) -> None:
        """Put the rows of the ledger `name` into the tables of 0.1.0 in an empty database."""
        self.make_postgresql_tables(url)
        engine = sa.create_engine(url)
        with closing(sqlite3.connect(self.folder / LEDGERS[name])) as source, engine.begin() as connection:
            source.row_factory = sqlite3.Row
            for table in TABLES_0_1_0.sorted_tables:
                rows = [dict(row) for row in source.execute(f"SELECT * FROM {table.name}")]  # noqa: S608
                if rows:
                    connection.execute(table.insert(), rows)
            for table in ("decisions", "labels"):
                highest = f"SELECT setval('{table}_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM {table}))"  # noqa: S608
                connection.exec_driver_sql(highest)
        engine.dispose()
