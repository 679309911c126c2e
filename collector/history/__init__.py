"""`History`: the time series behind charts and dashboards; writes batches, reads the past of one sensor.

Input: batches from the recorder.
Output: `Series`.
Not responsible for: the way of storing them. `collector.history.opening` opens one of two implementations.
Rejects: single points that the store will never take, each with its reason.

The same sensor and time written again replaces, so that a repeated batch changes nothing.
"""

from collections import Counter
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
        """Keep the reason of the store and, if it gave one, the time of the next try in seconds."""
        self.retry_after_s = retry_after_s
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Series:
    """One sensor's readings in time order."""

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]


class History(Protocol):
    """A store of time series.

    Attributes:
        counts: (metric, reason) to number.
    """

    counts: Counter[tuple[str, str]]

    def write(self, batches: Sequence[ReadingBatch]) -> list[DeadLetter]:
        """Store the readings durably; returns the points that the store will never take, each with its reason.

        Raises:
            HistoryUnavailableError: nothing is known to be stored; the caller repeats the same batches.
        """
        ...

    def read(self, sensor: int, start_ns: int, end_ns: int, step_ns: int = 0) -> Series:
        """Return readings of `sensor` with start_ns <= time < end_ns; with `step_ns` the mean of each step."""
        ...

    def read_all(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.int32], Series]:
        """Return the sensor of each reading, and the readings of all with start_ns <= time < end_ns."""
        ...

    def count(self, sensor: int | None = None) -> int:
        """Return how many distinct points are stored, of `sensor` or of all."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
