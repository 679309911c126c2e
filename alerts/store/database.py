"""I/O: one database behind the ledger, SQLite or PostgreSQL: safe write transactions and reads that never block them.

Comes in: a URL. Goes out: connections inside a transaction. Refuses to know the tables' meaning.

SQLite: one connection writes and checkpoints under a lock of this process (`BEGIN IMMEDIATE`, WAL, synchronous=FULL);
all others are `query_only`, because before 3.51.3 two checkpointing connections can corrupt a WAL.
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from alerts.store import schema
from alerts.store.upgrade import NEW, LedgerVersionError, copy_sqlite, create, find_revision, upgrade

BUSY_TIMEOUT_MS = 30_000
"""How long a write waits for another process; assumed: far above the longest step."""

_CREATE_LOCK = 0x6C696665

_POSTGRESQL = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How soon a server that is gone without a word counts as away: seconds, the last in milliseconds. Assumed; what the
system does by itself takes hours, in which no warning would leave. What the URL says comes first."""


class Database:
    """A pool of connections with one way to write and one way to read."""

    def __init__(self, url: str, *, is_reader: bool = False) -> None:
        """Open `url`, e.g. `sqlite:////var/lib/lifeline/ledger.db` or `postgresql://user@host/lifeline`.

        Makes the tables of a new ledger, and upgrades an older one. `is_reader`: rejects both instead.

        Raises:
            LedgerVersionError: the tables there belong to a newer program, or to an older one of a reader.
        """
        self.url = url
        target = make_url(url)
        if target.drivername == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        self.is_sqlite = target.get_backend_name() == "sqlite"
        self.upgraded_from = ""
        """Revision before the upgrade at this start; empty where there was none."""
        self.copy: Path | None = None
        """Copy of an SQLite ledger made before that upgrade."""
        self._lock = threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        if self.is_sqlite:
            if target.database:
                Path(target.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = _sqlite_writer(target.render_as_string(hide_password=False))
            self._reader = _sqlite_reader(target.render_as_string(hide_password=False))
        else:
            patience = {name: value for name, value in _POSTGRESQL.items() if name not in target.query}
            self._writer = self._reader = create_engine(
                target, pool_pre_ping=True, pool_size=10, max_overflow=20, connect_args=patience
            )
        try:
            self._check(target) if is_reader else self._prepare(target)
        except BaseException:
            self.close()
            raise

    def _check(self, target: URL) -> None:
        place = target.render_as_string()
        with self.read() as connection:
            found = find_revision(connection, place)
        if found != schema.HEAD:
            message = (
                f"{place}: expected a ledger of revision {schema.HEAD}, got {found or 'no ledger'}; "
                "start this version of the program once, which upgrades it"
            )
            raise LedgerVersionError(message)

    def _prepare(self, target: URL) -> None:
        """Make or upgrade the tables in one transaction: a crash in it leaves the ledger as it was."""
        with self.write() as connection:
            if not self.is_sqlite:
                # Two programs that open one database at once would both create or upgrade the tables.
                connection.execute(select(func.pg_advisory_xact_lock(_CREATE_LOCK)))
            found = find_revision(connection, target.render_as_string())
            if found == NEW:
                create(connection)
            elif found != schema.HEAD:
                if self.is_sqlite and target.database:
                    self.copy = copy_sqlite(Path(target.database), found)
                upgrade(connection)
                self.upgraded_from = found

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in one transaction; on return it is durable, on an exception nothing happened."""
        with self._lock, self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state and changes nothing."""
        with self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        """Release every connection, readers first: the writer alone checkpoints."""
        self._reader.dispose()
        with self._lock:
            self._writer.dispose()


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
