"""I/O: how often each alarm has turned, as the ledger keeps it.

Comes in: tallies of a step. Goes out: all of them for a restart, the worst of them for people. Refuses to count.
"""

from sqlalchemy import RowMapping, select

from alerts.chatter import Tally
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.upsert import Row

_TABLE = schema.transition_counts


def row_of(tally: Tally) -> Row:
    """Return the row of `transition_counts`."""
    return {
        "alarm": tally.alarm,
        "latest_ns": tally.latest_ns,
        "before_ns": tally.before_ns,
        "is_chattering": int(tally.is_chattering),
        "transitions": tally.turns,
        "chattering": tally.chattering,
        "fleeting": tally.fleeting,
    }


def read_tallies(database: Database) -> dict[str, Tally]:
    """Return the tally of every alarm that ever turned, by alarm id: at most one for each alarm of the rules."""
    with database.read() as connection:
        found = [_tally(row) for row in connection.execute(select(_TABLE)).mappings()]
    return {tally.alarm: tally for tally in found}


def worst_tallies(database: Database, limit: int) -> list[Tally]:
    """Return the alarms that chattered or were fleeting most often, the worst first."""
    order = (_TABLE.c.chattering.desc(), _TABLE.c.fleeting.desc(), _TABLE.c.transitions.desc(), _TABLE.c.alarm)
    bad = (_TABLE.c.chattering > 0) | (_TABLE.c.fleeting > 0)
    with database.read() as connection:
        rows = connection.execute(select(_TABLE).where(bad).order_by(*order).limit(limit)).mappings()
        return [_tally(row) for row in rows]


def _tally(row: RowMapping) -> Tally:
    return Tally(
        row["alarm"],
        row["latest_ns"],
        row["before_ns"],
        bool(row["is_chattering"]),
        row["transitions"],
        row["chattering"],
        row["fleeting"],
    )
