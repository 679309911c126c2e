"""I/O: opens the journal that the settings ask for.

Input: settings and register.
Output: a `Journal`.
Not responsible for: reading and writing it.
Rejects: a file that cannot be opened.
"""

import sqlite3

from collector.journal import Journal, JournalBrokenError
from collector.journal.sqlite import SqliteJournal
from config.register import Register
from config.settings import JournalSettings

_MIB = 1 << 20


def open_journal(settings: JournalSettings, register: Register) -> Journal:
    """Return the journal of `settings`, for writing.

    Raises:
        OSError: the folder or the file cannot be used.
        JournalInUseError: another process writes it.
        JournalFullError: the disk is full.
        JournalBrokenError: the file cannot be read or repaired.
    """
    max_bytes, ballast_bytes = settings.max_mb * _MIB, settings.ballast_mb * _MIB
    try:
        return SqliteJournal(settings.path, register.sensor_ids, max_bytes, ballast_bytes)
    except sqlite3.Error as error:
        raise JournalBrokenError(str(error)) from error
