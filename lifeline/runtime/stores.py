"""I/O: the three stores on disk: journal, history, ledger; opened together or not at all.

Input: settings and register.
Output: `Stores`.
Not responsible for: reading and writing them.
Rejects: a store that does not open, as `StartError` with the remedy.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.store.errors import LedgerUnavailableError, LedgerVersionError
from collector.history import History, HistoryUnavailableError
from collector.history.opening import open_history
from collector.journal import Journal, JournalBrokenError, JournalFullError, JournalInUseError
from collector.journal.opening import open_journal
from config.register import Register
from config.settings import Settings
from config.validation import mask_url
from lifeline.start_error import StartError

_CAUSES = (
    OSError,
    ValueError,
    HistoryUnavailableError,
    JournalBrokenError,
    JournalFullError,
    JournalInUseError,
    LedgerUnavailableError,
    LedgerVersionError,
)
"""Causes of a failed opening that a person can remove; each message has expected, got and remedy."""

_REMEDY = (
    "nothing before is told again; a danger that lasts is raised anew by its next readings. If the ledger was lost or "
    "named wrongly: stop, put it back, start"
)

_log = structlog.get_logger()

_Store = TypeVar("_Store")


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores that survive the program."""

    journal: Journal
    history: History
    ledger: Ledger


def open_stores(settings: Settings, register: Register, undo: contextlib.ExitStack) -> Stores:
    """Return the open stores; `undo` closes them.

    Raises:
        StartError: one of them cannot be opened.
    """
    kept = settings.journal
    journal = _open(f"journal {kept.path}", lambda: open_journal(kept, register))
    undo.callback(journal.close)
    past = settings.history
    place = mask_url(past.url) if past.kind == "influxdb" else past.path
    history = _open(f"history {place}", lambda: open_history(past, register))
    undo.callback(history.close)
    url, last = settings.ledger.url, journal.last_position()
    ledger = _open(f"ledger {mask_url(url)}", lambda: open_ledger(url, last))
    undo.callback(ledger.close)
    if ledger.upgraded_from:
        copy = str(ledger.copy or "")
        _log.warning("ledger_upgraded", ledger=mask_url(url), from_revision=ledger.upgraded_from, copy=copy)
    if ledger.begins_behind:
        _log.error("ledger_new_beside_old_journal", ledger=mask_url(url), begins_behind=last, remedy=_REMEDY)
    return Stores(journal, history, ledger)


def _open(what: str, opening: Callable[[], _Store]) -> _Store:
    try:
        return opening()
    except _CAUSES as error:
        raise StartError(f"{what}: expected it to open, got {error}") from error
