"""I/O: the three things on disk: journal, history, ledger; opened together or not at all.

Comes in: a configuration. Goes out: `Stores`. Refuses to read or write them.
"""

import contextlib
import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from alerts.database import LedgerVersionError
from alerts.ledger import Ledger, open_ledger
from collector.history.opening import CountedHistory, open_history
from collector.journal.sqlite import SqliteJournal
from config.register import Register
from config.settings import Settings
from lifeline.start_error import StartError

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Stores:
    """What survives the program."""

    journal: SqliteJournal
    history: CountedHistory
    ledger: Ledger


def open_stores(settings: Settings, register: Register, undo: contextlib.ExitStack) -> Stores:
    """Return the open stores; `undo` closes them.

    Raises:
        StartError: one of them cannot be opened.
    """
    try:
        wanted = settings.journal
        journal = SqliteJournal(wanted.path, register.sensor_ids, wanted.max_mb * _MIB, wanted.ballast_mb * _MIB)
        undo.callback(journal.close)
        history = open_history(settings.history, register)
        undo.callback(history.close)
        ledger = open_ledger(settings.ledger.url)
        undo.callback(ledger.close)
    except (OSError, sqlite3.Error, SQLAlchemyError, LedgerVersionError) as error:
        message = f"journal, history or ledger below {settings.data_dir}: expected them to open, got {error}"
        raise StartError(message) from error
    return Stores(journal, history, ledger)
