"""I/O: opens the history that the settings ask for.

Comes in: settings and register. Goes out: a `CountedHistory`. Refuses to know how either stores.
"""

from collections import Counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collector.history import History, Series
from collector.history.influxdb import InfluxHistory
from collector.history.sqlite import SqliteHistory
from config.register import Register
from config.settings import HistorySettings


class CountedHistory(History, Protocol):
    """A history that also counts its points and can be closed."""

    counts: Counter[tuple[str, str]]

    def read_all(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.int32], Series]:
        """Return the sensor of each reading, and the readings of all with start_ns <= time < end_ns."""
        ...

    def count(self, sensor: int | None = None) -> int:
        """Return how many distinct points are stored, of `sensor` or of all."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


def open_history(settings: HistorySettings, register: Register) -> CountedHistory:
    """Return the history of `settings.kind`; a server need not be up yet.

    Raises:
        ValueError: a name in the register cannot be written to InfluxDB.
    """
    if settings.kind == "influxdb":
        return InfluxHistory(settings, register)
    return SqliteHistory(settings.path, register.sensor_ids, settings.retention_days)
