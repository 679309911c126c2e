"""`equal_times`: do several readings of one sensor claim the same time? They get distinct times; no bit is set.

Input: a batch.
Output: the same readings. A further value at the newest time of its sensor is one nanosecond behind the one before.
Not responsible for: values, and times that are the received time.
Rejects: nothing; the readings are counted (`readings_same_time`).

History and rules know a reading by sensor and time. Think of ten readings in one second of a clock that counts seconds.
Without this check the history would keep the last of them, and the rules would judge the first. An equal value at an
equal time is the same reading again and gets its time again. Cutting readings into other batches changes nothing. The
state does not outlive the program.

Source: a rule of this program (docs/quality.md).

>>> from collector.quality import check_series
>>> check_series([5.0, 6.0], times_s=[0, 0])
['', '']
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK, Quality, ReadingBatch
from collector.check_state.check import BatchCheck, CheckSetup

MOST = 999
"""Readings of one time of one sensor that get distinct times, at most; all further readings share one more time.
Assumed: a signal of 1 kHz under a clock of seconds, and below the microseconds that the finest clocks count."""
_ROOM = 100_000
"""Values remembered of all sensors; then all are forgotten, so that no sender can fill the memory. Assumed: 10 MB."""
_NEVER_NS = np.iinfo(np.int64).min


class EqualTimes:
    """Remembers the newest time of each sensor's own clock, and the values at it."""

    def __init__(self, n_sensors: int, counts: Counter[tuple[str, str]]) -> None:
        """Count into `counts`."""
        self._newest_ns = np.full(n_sensors, _NEVER_NS, np.int64)
        self._first = np.zeros(n_sensors)
        """The value that the newest time was first said with."""
        self._places: dict[int, tuple[int, dict[float, int]]] = {}
        """Of sensors that have said several values at their newest time: that time, and the place of each value."""
        self._held = 0
        self._row = np.zeros(n_sensors, np.int32)
        self._counts = counts

    def separate(self, batch: ReadingBatch) -> ReadingBatch:
        """Return `batch` with distinct times wherever one sensor says different values at its newest time."""
        own = np.flatnonzero((batch.quality & RECEIVED_CLOCK) == 0)
        sensor, time_ns = batch.sensor[own], batch.time_ns[own]
        if self._are_distinct(sensor) and bool((time_ns > self._newest_ns[sensor]).all()):
            self._newest_ns[sensor], self._first[sensor] = time_ns, batch.value[own]
            return batch
        order = np.argsort(sensor, kind="stable")
        if not self._are_newer(sensor[order], time_ns[order]):
            order = np.lexsort((time_ns, sensor))
        twice = self._said_twice(sensor[order], time_ns[order])
        if not len(twice):
            self._remember(sensor[order], time_ns[order], batch.value[own[order]])
            return batch
        is_twice = np.isin(sensor, twice)
        once = order[~is_twice[order]]
        self._remember(sensor[once], time_ns[once], batch.value[own[once]])
        apart = batch.time_ns.copy()
        rows = own[is_twice]
        apart[rows] += self._shifts(batch.take(rows))
        return ReadingBatch(batch.received_ns, batch.sensor, apart, batch.value, batch.quality)

    def _are_distinct(self, sensor: NDArray[np.int32]) -> bool:
        rows = np.arange(len(sensor), dtype=np.int32)
        self._row[sensor] = rows
        return bool((self._row[sensor] == rows).all())

    def _are_newer(self, sensor: NDArray[np.int32], time_ns: NDArray[np.int64]) -> bool:
        """Return whether each reading, grouped by sensor, is newer than the one before it."""
        before = np.empty_like(time_ns)
        before[1:] = time_ns[:-1]
        start = np.append(True, sensor[1:] != sensor[:-1])[: len(sensor)]
        before[start] = self._newest_ns[sensor[start]]
        return bool((time_ns > before).all())

    def _said_twice(self, sensor: NDArray[np.int32], time_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the sensors with two readings of one time, here or here and before; sorted by sensor and time."""
        again = time_ns == self._newest_ns[sensor]
        again[1:] |= (sensor[1:] == sensor[:-1]) & (time_ns[1:] == time_ns[:-1])
        return np.unique(sensor[again])

    def _remember(self, sensor: NDArray[np.int32], time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Take over the last reading of each sensor if it is newer; sorted by sensor and time."""
        end = np.append(sensor[1:] != sensor[:-1], True)[: len(sensor)]
        sensor, time_ns, value = sensor[end], time_ns[end], value[end]
        newer = time_ns > self._newest_ns[sensor]
        self._newest_ns[sensor[newer]] = time_ns[newer]
        self._first[sensor[newer]] = value[newer]

    def _shifts(self, batch: ReadingBatch) -> NDArray[np.int64]:
        """Return int64[n], nanoseconds; one reading after the other."""
        shifts: list[int] = []
        rows = zip(batch.sensor.tolist(), batch.time_ns.tolist(), batch.value.tolist(), strict=True)
        for number, time_ns, value in rows:
            newest_ns = int(self._newest_ns[number])
            if time_ns > newest_ns:
                self._newest_ns[number], self._first[number] = time_ns, value
            shifts.append(self._place(number, time_ns, value) if time_ns == newest_ns else 0)
        return np.array(shifts, np.int64)

    def _place(self, number: int, time_ns: int, value: float) -> int:
        """Return the place of `value` among those that the sensor has said at its newest time."""
        said_ns, places = self._places.get(number, (time_ns, {}))
        if said_ns != time_ns:
            del self._places[number]
            self._held -= len(places)
            places = {}
        places = places or {float(self._first[number]): 0}
        place = places.get(value)
        if place is not None:
            return place
        self._counts["readings_same_time", "kept_apart" if len(places) < MOST else "replaced"] += 1
        if len(places) == MOST:
            return MOST
        self._hold(number, time_ns, places)
        return places.setdefault(value, len(places))

    def _hold(self, number: int, time_ns: int, places: dict[float, int]) -> None:
        """Remember `places`, to which one more is about to be added."""
        if number in self._places:
            self._held += 1
            return
        if self._held >= _ROOM:
            self._places.clear()
            self._held = 0
        self._places[number] = time_ns, places
        self._held += len(places) + 1


def _prepare(setup: CheckSetup) -> Callable[[ReadingBatch], ReadingBatch]:
    return EqualTimes(len(setup.register.sensors), setup.counts).separate


CHECK = BatchCheck(Quality.GOOD, "a rule of this program, docs/quality.md", _prepare)
