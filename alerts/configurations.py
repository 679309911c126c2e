"""I/O: which configuration judged which part of the journal, in the ledger.

Comes in: the version of a configuration, when a program starts with it. Goes out: the list of them. Refuses to know
what is in a configuration.
"""

from dataclasses import dataclass

from sqlalchemy import insert, select

from alerts import schema
from alerts.database import Database


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration: every journal entry behind `position` is judged by it, until the next one."""

    position: int
    version: str
    started_ns: int


def record_configuration(database: Database, version: str, now_ns: int) -> None:
    """Say that everything behind the ledger's position is judged by the configuration `version`.

    A start with the configuration that was in force before changes nothing.
    """
    with database.write() as connection:
        table = schema.configurations
        newest = connection.execute(select(table.c.version).order_by(table.c.position.desc()).limit(1)).scalar()
        if newest == version:
            return
        position = connection.execute(select(schema.cursor.c.position)).scalar_one()
        connection.execute(table.delete().where(table.c.position == position))
        connection.execute(insert(table).values(position=position, version=version, started_ns=now_ns))


def configurations(database: Database) -> list[InForce]:
    """Return every configuration that was in force, oldest first."""
    with database.read() as connection:
        rows = connection.execute(select(schema.configurations).order_by(schema.configurations.c.position))
        return [InForce(row.position, row.version, row.started_ns) for row in rows]
