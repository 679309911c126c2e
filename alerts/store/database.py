"""I/O: the database of the ledger, SQLite or PostgreSQL: write transactions, and reads that never block them.

Input: a URL.
Output: connections inside a transaction, and two statements that SQLite and PostgreSQL spell differently.
Not responsible for: the meaning of the tables.
Rejects: a ledger of a newer program. The errors of the driver become `LedgerUnavailableError`.

SQLite: one connection writes and checkpoints under a lock of this process (`BEGIN IMMEDIATE`, WAL, synchronous=FULL).
All others are `query_only`, because before 3.51.3 two checkpointing connections can corrupt a WAL.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from alerts.store import schema
from alerts.store.errors import LedgerUnavailableError, LedgerVersionError
from alerts.store.upgrade import NEW, copy_sqlite, create, find_revision, upgrade

BUSY_TIMEOUT_MS = 30_000
"""Longest wait of a write for another process; assumed: far above the longest step."""

Row = dict[str, str | int | float | bytes | None]
"""Column name to value."""

_UPGRADE_LOCK = 0x6C696665
"""Key of the PostgreSQL advisory lock: "life" in ASCII."""

_POSTGRESQL = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How soon a server that is gone without a word counts as away: seconds, the last in milliseconds. Assumed; the
system's own limits are hours, in which no warning would leave. Options in the URL come first."""


class Database:
    """A pool of connections with one way to write and one way to read."""

    def __init__(self, url: str, *, is_reader: bool = False) -> None:
        """Open `url`, e.g. `sqlite:////var/lib/lifeline/ledger.db` or `postgresql://user@host/lifeline`.

        Makes the tables of a new ledger, and upgrades an older one. `is_reader`: rejects both instead.

        Raises:
            FileNotFoundError: `is_reader`, and the URL names a file that does not exist.
            LedgerVersionError: the ledger is of a newer program, or of an older one and `is_reader`.
            LedgerUnavailableError: the database cannot be reached.
        """
        self.url = url
        self.upgraded_from = ""
        """Revision before the upgrade at this start; empty where there was none."""
        self.copy: Path | None = None
        """Copy of an SQLite ledger that was made before the upgrade at this start."""
        with _translated_errors():
            self._target = _target(url)
            if is_reader:
                _check_file(self._target)
            self.is_sqlite = self._target.get_backend_name() == "sqlite"
            self._lock = threading.Lock() if self.is_sqlite else contextlib.nullcontext()
            self._writer, self._reader = _engines(self._target)
        try:
            if is_reader:
                self._check()
            else:
                self._prepare()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in one transaction; on return it is durable, on an exception nothing happened.

        Raises:
            LedgerUnavailableError: the database did not answer, or rejected a statement.
        """
        with _translated_errors(), self._lock, self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state and changes nothing.

        Raises:
            LedgerUnavailableError: the database did not answer, or rejected a statement.
        """
        with _translated_errors(), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        """Release every connection, readers first: the writer alone checkpoints."""
        self._reader.dispose()
        with self._lock:
            self._writer.dispose()

    def _check(self) -> None:
        place = self._target.render_as_string()
        with self.read() as connection:
            found = find_revision(connection, place)
        if found != schema.HEAD:
            message = (
                f"{place}: expected a ledger of revision {schema.HEAD}, got {found or 'no ledger'}; "
                "start this version of the program once, which upgrades it"
            )
            raise LedgerVersionError(message)

    def _prepare(self) -> None:
        """Make or upgrade the tables in one transaction: a crash in it leaves the ledger as it was."""
        with self.write() as connection:
            if not self.is_sqlite:
                # Two programs that open one database at once would both create or upgrade the tables.
                connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            found = find_revision(connection, self._target.render_as_string())
            if found == NEW:
                create(connection)
            elif found != schema.HEAD:
                if self.is_sqlite and self._target.database:
                    self.copy = copy_sqlite(Path(self._target.database), found)
                upgrade(connection)
                self.upgraded_from = found


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows with a primary key that is not there yet; returns their number."""
    # Not every driver counts the rows of an INSERT unless it is asked to.
    statement = _insert(connection, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return sum(connection.execute(statement, row).rowcount for row in rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows; a row with a known primary key replaces every other column of the stored one."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise LedgerUnavailableError(str(error.orig), type(error).__name__) from error
    except SQLAlchemyError as error:
        raise LedgerUnavailableError(str(error), type(error).__name__) from error


def _target(url: str) -> URL:
    target = make_url(url)
    return target.set(drivername="postgresql+psycopg") if target.drivername == "postgresql" else target


def _check_file(target: URL) -> None:
    is_file = target.get_backend_name() == "sqlite" and target.database
    if is_file and not Path(str(target.database)).is_file():
        raise FileNotFoundError("expected a database, got none; name the settings of the program that ran")


def _engines(target: URL) -> tuple[Engine, Engine]:
    """Return the engine that writes and the engine that reads."""
    if target.get_backend_name() != "sqlite":
        patience = {name: value for name, value in _POSTGRESQL.items() if name not in target.query}
        engine = create_engine(target, pool_pre_ping=True, pool_size=10, max_overflow=20, connect_args=patience)
        return engine, engine
    if target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    url = target.render_as_string(hide_password=False)
    return _sqlite_writer(url), _sqlite_reader(url)


def _sqlite_writer(url: str) -> Engine:
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    _on_sqlite_connect(engine, ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}"))
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def _sqlite_reader(url: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False})
    _on_sqlite_connect(engine, (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=1", "wal_autocheckpoint=0"))
    _begin_with(engine, "BEGIN")
    return engine


def _on_sqlite_connect(engine: Engine, pragmas: tuple[str, ...]) -> None:
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own transaction control begins too late, and never IMMEDIATE.
        connection.isolation_level = None
        statements = connection.cursor()
        for pragma in pragmas:
            statements.execute(f"PRAGMA {pragma}")
        statements.close()

    event.listen(engine, "connect", prepare)


def _begin_with(engine: Engine, statement: str) -> None:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", begin)
