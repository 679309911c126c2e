"""I/O: opens the history that the settings ask for.

Input: settings and register.
Output: a `History`.
Not responsible for: the way that either history stores.
Rejects: a file that cannot be opened, and names that InfluxDB cannot store.
"""

import sqlite3

from collector.history import History, HistoryUnavailableError
from collector.history.influxdb import InfluxHistory
from collector.history.sqlite import SqliteHistory
from config.register import Register
from config.settings import HistorySettings


def open_history(settings: HistorySettings, register: Register) -> History:
    """Return the history of `settings.kind`; a server need not be up yet.

    Raises:
        OSError: the folder or the file cannot be used.
        HistoryUnavailableError: the file cannot be read.
        ValueError: a name in the register cannot be written to InfluxDB.
    """
    if settings.kind == "influxdb":
        return InfluxHistory(settings, register)
    try:
        return SqliteHistory(settings.path, register.sensor_ids, settings.retention_days)
    except sqlite3.Error as error:
        raise HistoryUnavailableError(str(error)) from error
