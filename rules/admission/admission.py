"""`Admission`: the readings of a batch that are new, and the heartbeats that prove a device alive.

Input: `ReadingBatch`.
Output: `AdmittedReadings` in the order of the batch. A reading with its received time is new because it arrives.
Not responsible for: rules.
Rejects: readings that are not newer than their sensor's newest, not finite, not of now, or of an unknown sensor. Each
is counted with a reason.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality, ReadingBatch
from config.register import Register
from rules.admission.low_battery import LowBattery

AHEAD_NS = 5 * 1_000_000_000
"""A time this far ahead of now comes from a clock that is ahead; assumed: good clocks are within a second or two."""
RECENT_NS = 60 * 1_000_000_000
"""After it, a time at most this far behind now comes from the same clock, corrected; assumed."""


@dataclass(frozen=True, slots=True)
class AdmittedReadings:
    """Readings admitted from one batch, in its order.

    Times of one sensor by its device's clock strictly increase. Received times are in the order of arrival, and go back
    where the receiving machine's clock was set back.

    Attributes:
        received_ns: when the batch was received, UTC nanoseconds.
        place: intp[n], place in the batch.
        sensor: intp[n], dense number in the register.
        time_ns: int64[n], event time, UTC nanoseconds.
        value: float64[n], canonical unit, finite.
        quality: uint16[n], `Quality` bits.
        usable: bool[n], not flagged OUT_OF_RANGE.
        heartbeat_advances: bool[n], a usable heartbeat with another value than the one before.
        first_heartbeat: bool[n], the first usable value of a heartbeat, which does not prove yet that it advances.
        repeats_of_low_battery: bool[n], the same value as before, of a device with a failing battery.
        heartbeat_rows: intp[k], the rows where `heartbeat_advances`, ascending.
        has_no_flags: no reading carries a flag, and none is in `repeats_of_low_battery`.
        one_per_sensor: no sensor occurs twice.
    """

    received_ns: int
    place: NDArray[np.intp]
    sensor: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    usable: NDArray[np.bool_]
    heartbeat_advances: NDArray[np.bool_]
    first_heartbeat: NDArray[np.bool_]
    repeats_of_low_battery: NDArray[np.bool_]
    heartbeat_rows: NDArray[np.intp]
    has_no_flags: bool
    one_per_sensor: bool

    def part(self, start: int, end: int) -> "AdmittedReadings":
        """Return the readings from `start` to before `end`."""
        rows = slice(start, end)
        return AdmittedReadings(
            self.received_ns,
            self.place[rows],
            self.sensor[rows],
            self.time_ns[rows],
            self.value[rows],
            self.quality[rows],
            self.usable[rows],
            self.heartbeat_advances[rows],
            self.first_heartbeat[rows],
            self.repeats_of_low_battery[rows],
            self.heartbeat_advances[rows].nonzero()[0],
            self.has_no_flags,
            self.one_per_sensor,
        )


class Admission:
    """The newest time of every sensor, the last value of every heartbeat, and a `LowBattery`."""

    def __init__(self, register: Register, counts: Counter[tuple[str, str]]) -> None:
        n = len(register.sensors)
        self.newest_ns = np.full(n, np.iinfo(np.int64).min, np.int64)
        """Newest event time admitted of each sensor by its device's own clock."""
        self.is_seen = np.zeros(n, np.bool_)
        """A reading was admitted."""
        self.beat = np.full(n, np.nan)
        """Last usable value of each heartbeat, NaN before the first."""
        self.low_battery = LowBattery(register)
        heartbeats = heartbeats_of(register)
        self._is_heartbeat = np.array([sensor.id in heartbeats for sensor in register.sensors], np.bool_)
        self._row = np.zeros(n, np.intp)
        self._counts = counts

    def admit(self, batch: ReadingBatch) -> AdmittedReadings:
        """Return the new readings of `batch`, and remember them."""
        sensor = batch.sensor.astype(np.intp)
        place = self._select_judgeable(sensor, batch.value, batch.quality)
        one_per_sensor = self._is_one_per_sensor(sensor[place])
        if len(place):
            place = place[self._is_new(batch, place, one_per_sensor=one_per_sensor)]
        time_ns, value, quality = batch.time_ns, batch.value, batch.quality
        if len(place) < len(sensor):
            sensor = sensor[place]
            time_ns = time_ns[place]
            value = value[place]
            quality = quality[place]
        self.is_seen[sensor] = True
        usable = (quality & Quality.OUT_OF_RANGE) == 0
        heartbeat_advances, first_heartbeat = self._find_heartbeats(
            sensor, value, usable, one_per_sensor=one_per_sensor
        )
        repeats_of_low_battery = self.low_battery.is_repeat(sensor, value, usable)
        return AdmittedReadings(
            batch.received_ns,
            place,
            sensor,
            time_ns,
            value,
            quality,
            usable,
            heartbeat_advances,
            first_heartbeat,
            repeats_of_low_battery,
            heartbeat_rows=heartbeat_advances.nonzero()[0],
            has_no_flags=not (quality.any() or repeats_of_low_battery.any()),
            one_per_sensor=one_per_sensor,
        )

    def _select_judgeable(
        self, sensor: NDArray[np.intp], value: NDArray[np.float64], quality: NDArray[np.uint16]
    ) -> NDArray[np.intp]:
        """Return the places of readings that a rule can use; a value that is not finite never reaches the columns."""
        good = (sensor >= 0) & (sensor < len(self.newest_ns))
        self._count("unknown_sensor", ~good)
        finite = np.isfinite(value)
        self._count("not_finite", good & ~finite)
        good &= finite
        if (quality & NOT_OF_NOW).any():
            historical = (quality & Quality.HISTORICAL) != 0
            late = (quality & Quality.LATE) != 0
            self._count("historical", good & historical)
            self._count("not_of_now", good & late & ~historical)
            good &= ~(historical | late)
        return good.nonzero()[0]

    def _is_new(self, batch: ReadingBatch, place: NDArray[np.intp], *, one_per_sensor: bool) -> NDArray[np.bool_]:
        """Return bool[n] for the readings at `place`, and remember the newest times.

        A received time is not a time of measurement. Compared with the device's own times, it would
        keep readings out for as long as the receiving machine's clock was set back.
        """
        own = (batch.quality[place] & RECEIVED_CLOCK) == 0
        is_new: NDArray[np.bool_] = ~own
        place = place if own.all() else place[own]
        sensor, time_ns = batch.sensor[place].astype(np.intp), batch.time_ns[place]
        is_new[own] = self._is_newer(sensor, time_ns, batch.received_ns, one_per_sensor=one_per_sensor)
        return is_new

    def _is_newer(
        self, sensor: NDArray[np.intp], time_ns: NDArray[np.int64], received_ns: int, *, one_per_sensor: bool
    ) -> NDArray[np.bool_]:
        """Return bool[n]: later than every reading of the same sensor before it, in this batch and in earlier ones."""
        before = self.newest_ns[sensor] if one_per_sensor else self._running_newest(sensor, time_ns)
        newer = time_ns > before
        if newer.all():
            # Times of one sensor then ascend: the last one written is the newest.
            self.newest_ns[sensor] = time_ns
            return newer
        corrected = _is_corrected(time_ns, before, received_ns)
        if corrected.any():
            self._compare_in_order(sensor, time_ns, before, received_ns)
            newer = (time_ns > before) | _is_corrected(time_ns, before, received_ns)
        else:
            np.maximum.at(self.newest_ns, sensor[newer], time_ns[newer])
        self._count("duplicate", time_ns == before)
        self._count("late", ~newer & (time_ns != before))
        return newer

    def _compare_in_order(
        self, sensor: NDArray[np.intp], time_ns: NDArray[np.int64], before: NDArray[np.int64], received_ns: int
    ) -> None:
        """Write into `before` the time to compare each reading with, one by one, where a clock was corrected."""
        for row, (number, time) in enumerate(zip(sensor.tolist(), time_ns.tolist(), strict=True)):
            newest = int(self.newest_ns[number])
            before[row] = newest
            is_recent = received_ns - RECENT_NS <= time <= received_ns
            if time > newest or (is_recent and newest > received_ns + AHEAD_NS):
                self.newest_ns[number] = time

    def _is_one_per_sensor(self, sensor: NDArray[np.intp]) -> bool:
        rows = np.arange(len(sensor))
        self._row[sensor] = rows
        return bool((self._row[sensor] == rows).all())

    def _running_newest(self, sensor: NDArray[np.intp], time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return int64[n]: the newest time of the same sensor before each reading."""
        order = np.argsort(sensor, kind="stable")
        grouped, newest = sensor[order], time_ns[order].copy()
        first = np.flatnonzero(starts_of(grouped))
        newest[first] = np.maximum(newest[first], self.newest_ns[grouped[first]])
        shift = 1
        while shift < len(grouped) and bool((newest[1:] < newest[:-1])[grouped[1:] == grouped[:-1]].any()):
            # Doubling the distance each time makes a running maximum within groups in log2(n) passes.
            same = grouped[shift:] == grouped[:-shift]
            newest[shift:] = np.where(same, np.maximum(newest[shift:], newest[:-shift]), newest[shift:])
            shift *= 2
        before = np.empty_like(newest)
        before[1:] = newest[:-1]
        before[first] = self.newest_ns[grouped[first]]
        result = np.empty_like(before)
        result[order] = before
        return result

    def _find_heartbeats(
        self, sensor: NDArray[np.intp], value: NDArray[np.float64], usable: NDArray[np.bool_], *, one_per_sensor: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (heartbeat_advances, first_heartbeat), both bool[n], and remember the last value of each heartbeat."""
        heartbeat_advances, first_heartbeat = np.zeros(len(sensor), np.bool_), np.zeros(len(sensor), np.bool_)
        rows = (self._is_heartbeat[sensor] & usable).nonzero()[0]
        if len(rows) == 0:
            return heartbeat_advances, first_heartbeat
        if not one_per_sensor:
            rows = rows[np.argsort(sensor[rows], kind="stable")]
        beat = value[rows]
        before = values_before_each(self.beat, sensor[rows], beat, one_per_sensor=one_per_sensor)
        is_first = np.isnan(before)
        first_heartbeat[rows] = is_first
        heartbeat_advances[rows] = ~is_first & (beat != before)
        return heartbeat_advances, first_heartbeat

    def _count(self, reason: str, rejected: NDArray[np.bool_]) -> None:
        n_rejected = int(np.count_nonzero(rejected))
        if n_rejected:
            self._counts["readings_not_judged", reason] += n_rejected


def _is_corrected(time_ns: NDArray[np.int64], newest_ns: NDArray[np.int64], received_ns: int) -> NDArray[np.bool_]:
    """Return bool[n]: times of now after a time of the same sensor that no good clock can show yet.

    The clock has then been corrected. Without this a clock that was some minutes ahead would keep readings of its
    sensor out for these minutes.
    """
    is_recent = (time_ns <= received_ns) & (time_ns >= received_ns - RECENT_NS)
    corrected: NDArray[np.bool_] = is_recent & (newest_ns > received_ns + AHEAD_NS)
    return corrected


def values_before_each(
    newest: NDArray[np.float64], grouped: NDArray[np.intp], value: NDArray[np.float64], *, one_per_sensor: bool
) -> NDArray[np.float64]:
    """Return float64[n], the value before each of the same sensor, and write the last ones into `newest`.

    Args:
        newest: float64[n_sensors], the values before the first ones.
        grouped: intp[n], sensors, equal numbers adjacent.
        value: float64[n], in order.
        one_per_sensor: no sensor occurs twice.
    """
    before = newest[grouped]
    if not one_per_sensor:
        same = ~starts_of(grouped)
        before[same] = value[:-1][same[1:]]
    # Of a sensor that occurs twice the later value is written last.
    newest[grouped] = value
    return before


def starts_of(grouped: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return bool[n]: where a new group begins in `grouped`, [n] with equal numbers adjacent."""
    start = np.ones(len(grouped), np.bool_)
    start[1:] = grouped[1:] != grouped[:-1]
    return start


def ends_of(grouped: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return bool[n]: where a group ends in `grouped`, intp[n] with equal numbers adjacent."""
    end = np.ones(len(grouped), np.bool_)
    end[:-1] = grouped[1:] != grouped[:-1]
    return end


def heartbeats_of(register: Register) -> frozenset[str]:
    """Return the ids of the sensors that another sensor names as the heartbeat of its device."""
    return frozenset(sensor.heartbeat for sensor in register.sensors if sensor.heartbeat)


def heartbeat_numbers(register: Register) -> NDArray[np.intp]:
    """Return intp[n_sensors]: dense number of each sensor's heartbeat, -1 where it has none."""
    numbers = [register.sensor_index[each.heartbeat] if each.heartbeat else -1 for each in register.sensors]
    return np.array(numbers, np.intp)
