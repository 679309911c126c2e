"""I/O: how often each alarm was raised and cleared, as the ledger keeps it.

Input: transition counts of a step.
Output: the counts of every alarm for a restart, and of the worst alarms for people.
Not responsible for: counting.
Rejects: nothing.
"""

from dataclasses import asdict

from sqlalchemy import RowMapping, select

from alerts.chatter import TransitionCounts
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.upsert import Row

_TABLE = schema.transition_counts


def row_of(tally: TransitionCounts) -> Row:
    """Return the row of `transition_counts`."""
    return asdict(tally) | {"is_chattering": int(tally.is_chattering)}


def read_tallies(database: Database) -> dict[str, TransitionCounts]:
    """Return the tally of every alarm that ever turned, by alarm id: at most one for each alarm of the rules."""
    with database.read() as connection:
        found = [_tally(row) for row in connection.execute(select(_TABLE)).mappings()]
    return {tally.alarm: tally for tally in found}


def worst_tallies(database: Database, limit: int) -> list[TransitionCounts]:
    """Return the alarms that chattered or were fleeting most often, the worst first."""
    order = (_TABLE.c.chattering.desc(), _TABLE.c.fleeting.desc(), _TABLE.c.transitions.desc(), _TABLE.c.alarm)
    bad = (_TABLE.c.chattering > 0) | (_TABLE.c.fleeting > 0)
    with database.read() as connection:
        rows = connection.execute(select(_TABLE).where(bad).order_by(*order).limit(limit)).mappings()
        return [_tally(row) for row in rows]


def _tally(row: RowMapping) -> TransitionCounts:
    return TransitionCounts(**{**row, "is_chattering": bool(row["is_chattering"])})
