"""I/O: read-only connections to a journal file, one for each thread that reads at the same time.

Comes in: a path. Goes out: connections that can neither write nor checkpoint. Refuses to know the tables.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class ReadPool:
    """Connections that are idle; a new one is opened when all are in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for the time of a `with` block."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _open(self._path)
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def first(self, query: str, values: tuple[int | str, ...] = ()) -> tuple[int, ...] | None:
        """Return the first row of `query`, None when there is none."""
        with self.connection() as connection, closing(connection.execute(query, values)) as cursor:
            row: tuple[int, ...] | None = cursor.fetchone()
            return row

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a journal file, got none; check the path")
    address = path.resolve().as_uri()
    try:
        return _connect(f"{address}?mode=ro")
    except sqlite3.OperationalError:
        # A copy on a medium that cannot be written has no room for a -shm file; without a WAL it needs none.
        if path.with_name(path.name + "-wal").exists():
            raise
        return _connect(f"{address}?immutable=1")


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.OperationalError:
        connection.close()
        raise
    return connection
