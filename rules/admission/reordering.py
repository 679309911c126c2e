"""`Reordering`: readings of chosen sensors wait for older ones, and leave in the order of their times.

Input: `ReadingBatch` in the order of the journal.
Output: the batch to evaluate instead: readings that have waited long enough, in time order, then the others.
Not responsible for: any clock but the journal's.
Rejects: nothing; where too many readings wait, the earliest leave early and are counted.

A reading waits until the received time of the journal is later than its time plus its `reorder_s`. A time
that is ahead of the arrival counts as the arrival. Readings with their received time, or not of now, never wait.
Readings leave only when the received time changes, so splitting a batch changes nothing. When the clock of this machine
was set back, all readings leave at once, in order: the time that they wait for may be far away.
"""

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, ReadingBatch
from config.register import Register
from config.time_units import SECOND_NS

MAX_WAITING = 200_000
"""Readings that wait, at most; the earliest of more leave early. Assumed: 8 MB."""
_NEVER_NS = np.iinfo(np.int64).min


@dataclass(slots=True)
class WaitingReadings:
    """Readings that wait, in the order of arrival."""

    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    due_ns: NDArray[np.int64]
    """Each reading leaves with the first received time after this."""

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "WaitingReadings":
        """Return the readings at `rows`, int or bool mask."""
        return WaitingReadings(*(getattr(self, each.name)[rows] for each in fields(self)))

    def join(self, other: "WaitingReadings") -> "WaitingReadings":
        """Return these and then the others."""
        return WaitingReadings(
            np.concatenate((self.sensor, other.sensor)),
            np.concatenate((self.time_ns, other.time_ns)),
            np.concatenate((self.value, other.value)),
            np.concatenate((self.quality, other.quality)),
            np.concatenate((self.due_ns, other.due_ns)),
        )


def no_readings() -> WaitingReadings:
    """Return no readings."""
    return WaitingReadings(
        np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16), np.zeros(0, np.int64)
    )


class Reordering:
    """Readings that wait; `waiting` and `clock` are its whole state."""

    def __init__(self, register: Register, counts: Counter[tuple[str, str]], max_waiting: int = MAX_WAITING) -> None:
        self.wait_ns = np.round(reorder_s(register) * SECOND_NS).astype(np.int64)
        """int64[n_sensors], how long each sensor's readings wait."""
        self.waiting = no_readings()
        self.clock = np.array([_NEVER_NS], np.int64)
        """The last received time of the journal."""
        self._is_used = bool(self.wait_ns.any())
        self._counts, self._max_waiting = counts, max_waiting

    def reorder(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the readings to evaluate now, in order."""
        if not self._is_used and not len(self.waiting.sensor):
            return batch
        leaving = self._release(batch.received_ns) if batch.received_ns != self.clock[0] else no_readings()
        self.clock[0] = batch.received_ns
        waits, due_ns = self._find_waiting(batch)
        if waits.any():
            new = WaitingReadings(
                batch.sensor[waits], batch.time_ns[waits], batch.value[waits], batch.quality[waits], due_ns[waits]
            )
            self.waiting = self.waiting.join(new)
            batch = batch.take(~waits)
        if not len(leaving.sensor):
            return batch
        return ReadingBatch(
            batch.received_ns,
            np.concatenate((leaving.sensor, batch.sensor)),
            np.concatenate((leaving.time_ns, batch.time_ns)),
            np.concatenate((leaving.value, batch.value)),
            np.concatenate((leaving.quality, batch.quality)),
        )

    def _find_waiting(self, batch: ReadingBatch) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which readings wait, bool[n], and until when, int64[n]."""
        known = (batch.sensor >= 0) & (batch.sensor < len(self.wait_ns))
        wait_ns = np.where(known, self.wait_ns[np.where(known, batch.sensor, 0)], 0)
        waits = (wait_ns > 0) & ((batch.quality & (RECEIVED_CLOCK | NOT_OF_NOW)) == 0)
        due_ns = np.minimum(batch.time_ns, batch.received_ns) + wait_ns
        return waits & (due_ns >= batch.received_ns), due_ns

    def _release(self, received_ns: int) -> WaitingReadings:
        """Return the readings that have waited long enough at a new received time, in time order."""
        waiting = self.waiting
        if received_ns < self.clock[0]:
            leaves = np.ones(len(waiting.sensor), np.bool_)
            self._counts["readings_released_early", "clock_set_back"] += len(leaves)
        else:
            leaves = waiting.due_ns < received_ns
            leaves[self._find_excess(leaves)] = True
        self.waiting = waiting.take(~leaves)
        leaving = waiting.take(leaves)
        # By sensor where times are equal, so that the order of arrival does not matter.
        return leaving.take(np.lexsort((leaving.sensor, leaving.time_ns)))

    def _find_excess(self, leaves: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the places of the readings that must leave early."""
        stay = np.flatnonzero(~leaves)
        excess = len(stay) - self._max_waiting
        if excess <= 0:
            return stay[:0]
        self._counts["readings_released_early", "too_many"] += excess
        due_ns, sensor = self.waiting.due_ns[stay], self.waiting.sensor[stay]
        return stay[np.lexsort((sensor, due_ns))[:excess]]


def reorder_s(register: Register) -> NDArray[np.float64]:
    """Return float64[n_sensors]: how long each sensor's readings wait, seconds: the longest wait of its device.

    All sensors of a device wait alike. Otherwise a heartbeat would prove the device alive before its reading is used.
    """
    longest: dict[str, float] = {}
    for sensor in register.sensors:
        longest[sensor.device] = max(sensor.reorder_s, longest.get(sensor.device, 0.0))
    return np.array([longest[sensor.device] for sensor in register.sensors], np.float64)
