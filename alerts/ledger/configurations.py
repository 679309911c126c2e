"""I/O: configurations that were in force, and states of the rules for replays, in the tables of the ledger.

Input: the version of a configuration at the start of a program, states as bytes.
Output: the lists of both.
Not responsible for: the content of a configuration and of a state.
Rejects: nothing.
"""

from collections.abc import Callable

from sqlalchemy import insert, select

from alerts.alert import Snapshot
from alerts.ledger.ledger import InForce
from alerts.store import schema
from alerts.store.database import Database, upsert
from config.time_units import SECOND_NS

KEPT_STATES = 8
"""Number of states that are kept; assumed: with one a day they reach back further than the journal's 72 hours."""
STATE_EVERY_NS = 24 * 3600 * SECOND_NS
"""A state is kept this often, and whenever the configuration changes; assumed."""


class SqlReplaySnapshots:
    """`ReplaySnapshots` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_due(self, now_ns: int) -> bool:
        """Return whether the newest state is a day old, or there is none."""
        table = schema.replay_snapshots
        with self._database.read() as connection:
            newest = connection.execute(select(table.c.kept_ns).order_by(table.c.position.desc()).limit(1)).scalar()
        return newest is None or not 0 <= now_ns - newest < STATE_EVERY_NS

    def keep(self, state: Snapshot, now_ns: int) -> None:
        """Keep `state` of the rules, and delete the oldest beyond `KEPT_STATES`."""
        table = schema.replay_snapshots
        with self._database.write() as connection:
            upsert(connection, table, [{"position": state.position, "kept_ns": now_ns, "blob": state.blob}])
            positions = select(table.c.position).order_by(table.c.position.desc()).offset(KEPT_STATES).limit(1)
            oldest = connection.execute(positions).scalar()
            if oldest is not None:
                connection.execute(table.delete().where(table.c.position <= oldest))

    def read(self, after: int) -> list[Snapshot]:
        """Return the kept states at or behind journal position `after`, oldest first."""
        table = schema.replay_snapshots
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.position >= after).order_by(table.c.position))
            return [Snapshot(row.position, row.blob) for row in rows]


class SqlConfigurationRecords:
    """`ConfigurationRecords` in one database."""

    def __init__(self, database: Database, snapshots: SqlReplaySnapshots) -> None:
        """Use `database`; keep states in `snapshots`."""
        self._database, self._snapshots = database, snapshots

    def record(self, version: str, now_ns: int, state: Callable[[], bytes]) -> None:
        """Store that `version` judges every entry behind the ledger's position, beginning with `state` of the rules."""
        table = schema.configurations
        with self._database.write() as connection:
            newest = connection.execute(select(table.c.version).order_by(table.c.position.desc()).limit(1)).scalar()
            position = int(connection.execute(select(schema.cursor.c.position)).scalar_one())
            if newest != version:
                connection.execute(table.delete().where(table.c.position == position))
                connection.execute(insert(table).values(position=position, version=version, started_ns=now_ns))
        if newest != version or self._snapshots.is_due(now_ns):
            self._snapshots.keep(Snapshot(position, state()), now_ns)

    def read(self) -> list[InForce]:
        """Return every configuration that was in force, oldest first."""
        table = schema.configurations
        with self._database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.position))
            return [InForce(row.position, row.version, row.started_ns) for row in rows]
