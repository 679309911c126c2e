"""The time series behind charts and dashboards: write batches, read one sensor's past.

Comes in: batches from the recorder. Goes out: `Series`. The same sensor and time written again replaces, so that a
repeated batch changes nothing. Two implementations: `history.sqlite` (embedded) and `history.influxdb`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter


class HistoryUnavailableError(Exception):
    """The store cannot take anything now; try the identical batches again."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        """Keep what the store said and, if it did, after how many seconds to come back."""
        self.retry_after_s = retry_after_s
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Series:
    """One sensor's readings in time order."""

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]


class History(Protocol):
    """A store of time series."""

    def write(self, batches: Sequence[ReadingBatch]) -> list[DeadLetter]:
        """Store the readings durably; returns the points that the store will never take, each with its reason.

        Raises:
            HistoryUnavailableError: nothing is known to be stored; the caller repeats the same batches.
        """
        ...

    def read(self, sensor: int, start_ns: int, end_ns: int, step_ns: int = 0) -> Series:
        """Return readings of `sensor` with start_ns <= time < end_ns; with `step_ns` the mean of each step."""
        ...
