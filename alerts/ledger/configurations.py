"""I/O: which configuration judged which part of the journal, and states of the rules to replay a part of it from.

Comes in: the version of a configuration when a program starts with it, states as bytes. Goes out: the lists of both.
Refuses to know what is in a configuration and in a state.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import insert, select

from alerts.alert import Snapshot
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.upsert import upsert

KEPT_STATES = 8
"""So many states are kept; assumed: with one a day they reach back further than the journal's 72 hours."""
STATE_EVERY_NS = 24 * 3600 * 1_000_000_000
"""A state is kept this often, and whenever the configuration changes; assumed."""


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration: every journal entry behind `position` is judged by it, until the next one."""

    position: int
    version: str
    started_ns: int


def record_configuration(database: Database, version: str, now_ns: int, state: Callable[[], bytes]) -> None:
    """Say that everything behind the ledger's position is judged by `version`, beginning with `state`.

    A start with the configuration that was in force before only keeps a state, when the last one is a day old.
    """
    with database.write() as connection:
        table = schema.configurations
        newest = connection.execute(select(table.c.version).order_by(table.c.position.desc()).limit(1)).scalar()
        position = int(connection.execute(select(schema.cursor.c.position)).scalar_one())
        if newest != version:
            connection.execute(table.delete().where(table.c.position == position))
            connection.execute(insert(table).values(position=position, version=version, started_ns=now_ns))
    if newest != version or is_state_due(database, now_ns):
        keep_state(database, Snapshot(position, state()), now_ns)


def configurations(database: Database) -> list[InForce]:
    """Return every configuration that was in force, oldest first."""
    with database.read() as connection:
        rows = connection.execute(select(schema.configurations).order_by(schema.configurations.c.position))
        return [InForce(row.position, row.version, row.started_ns) for row in rows]


def in_force_at(history: list[InForce], position: int) -> InForce | None:
    """Return the configuration that judged the journal entry at `position`, None where nobody wrote it down."""
    return next((each for each in reversed(history) if each.position < position), None)


def is_state_due(database: Database, now_ns: int) -> bool:
    """Tell whether the newest state is a day old, or there is none."""
    with database.read() as connection:
        table = schema.replay_snapshots
        newest = connection.execute(select(table.c.kept_ns).order_by(table.c.position.desc()).limit(1)).scalar()
    return newest is None or not 0 <= now_ns - newest < STATE_EVERY_NS


def keep_state(database: Database, state: Snapshot, now_ns: int) -> None:
    """Keep `state` of the rules for later replays, and forget the oldest beyond `KEPT_STATES`."""
    with database.write() as connection:
        table = schema.replay_snapshots
        upsert(connection, table, [{"position": state.position, "kept_ns": now_ns, "blob": state.blob}])
        positions = select(table.c.position).order_by(table.c.position.desc()).offset(KEPT_STATES).limit(1)
        oldest = connection.execute(positions).scalar()
        if oldest is not None:
            connection.execute(table.delete().where(table.c.position <= oldest))


def states(database: Database, after: int) -> list[Snapshot]:
    """Return the kept states at or behind journal position `after`, oldest first."""
    with database.read() as connection:
        table = schema.replay_snapshots
        rows = connection.execute(select(table).where(table.c.position >= after).order_by(table.c.position))
        return [Snapshot(row.position, row.blob) for row in rows]
