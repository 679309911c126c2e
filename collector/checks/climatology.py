"""`climatology`: is a value usual for its month and hour? It sets the bit CLIMATOLOGY.

Input: a batch, and the usual ranges of the register.
Output: the same batch with the bit.
Not responsible for: the range of a working instrument; see `out_of_range`.
Rejects: nothing; where no range speaks there is no bit, and each reading is judged by itself.

Source: QARTOD manuals (IOOS), test 5, climatology, as in ioos_qc's `climatology_test`. The periods are months and hours
of local time, with one range each.

>>> from collector.quality import check_series
>>> check_series([20.0, 31.0], usual=(0.0, 30.0))
['', 'CLIMATOLOGY']
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality, ReadingBatch
from collector.check_state.check import BatchCheck, CheckSetup
from config.city_time import CityTime
from config.climatology import UsualRange
from config.register import Register
from config.time_units import DAY_S, HOUR_S

_HOURS, _MONTHS = 24, 12
Place = tuple[NDArray[np.intp], NDArray[np.intp]]


class Climatology:
    """The usual ranges of every sensor that has some."""

    def __init__(self, register: Register) -> None:
        """Lay out a calendar of ranges for each quantity and each sensor that the register has ranges of."""
        ranges = register.usual_ranges
        self._city = register.city
        self._low = np.array([*(each.low for each in ranges), -np.inf], np.float64)
        self._high = np.array([*(each.high for each in ranges), np.inf], np.float64)
        of_quantity = _numbers(ranges, [each.quantity for each in ranges])
        of_sensor = _numbers(ranges, [each.sensor for each in ranges])
        calendars: list[NDArray[np.int32]] = []
        place: dict[tuple[str, str], int] = {}
        self._calendar_of = np.full(len(register.sensors), -1, np.intp)
        for number, sensor in enumerate(register.sensors):
            own = sensor.id if sensor.id in of_sensor else ""
            if not own and sensor.quantity not in of_quantity:
                continue
            key = (sensor.quantity, own)
            if key not in place:
                place[key] = len(calendars)
                calendars.append(_calendar(ranges, of_quantity.get(sensor.quantity, ()), of_sensor.get(own, ())))
            self._calendar_of[number] = place[key]
        self._calendars = np.array(calendars, np.int32).reshape(-1, _MONTHS, _HOURS)

    def flag(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with CLIMATOLOGY where a value is unusual."""
        return batch.add_flags(self.flags(batch.sensor.astype(np.intp), batch.time_ns, batch.value))

    def flags(
        self, sensor: NDArray[np.intp], time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.uint16]:
        """Return CLIMATOLOGY where a value is outside the range of its month and hour, else 0.

        Args:
            sensor: intp[n], numbers of the register.
            time_ns: int64[n], UTC nanoseconds.
            value: float64[n], canonical unit.
        """
        flags = np.zeros(len(sensor), np.uint16)
        if not len(self._calendars):
            return flags
        rows = np.flatnonzero(self._calendar_of[sensor] >= 0)
        month, hour = _local(self._city, time_ns[rows])
        each = self._calendars[self._calendar_of[sensor[rows]], month, hour]
        unusual = (value[rows] < self._low[each]) | (value[rows] > self._high[each])
        flags[rows] = unusual * np.uint16(Quality.CLIMATOLOGY)
        return flags


def _numbers(ranges: Sequence[UsualRange], names: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """Return the places of the ranges of each name."""
    found: dict[str, list[int]] = {}
    for i, name in zip(range(len(ranges)), names, strict=True):
        if name:
            found.setdefault(name, []).append(i)
    return found


def _calendar(ranges: Sequence[UsualRange], *parts: Sequence[int]) -> NDArray[np.int32]:
    """Return int32[12, 24]: the place of the range of each month and hour, later parts over earlier; -1: none."""
    calendar = np.full((_MONTHS, _HOURS), -1, np.int32)
    for part in parts:
        for i in part:
            calendar[np.ix_([month - 1 for month in ranges[i].months], ranges[i].hours)] = i
    return calendar


def _local(city: CityTime, time_ns: NDArray[np.int64]) -> Place:
    """Return months, 0 to 11, and hours, 0 to 23, of local time."""
    local_s = city.local_s(time_ns)
    days = (local_s // DAY_S).astype("datetime64[D]")
    month = days.astype("datetime64[M]").astype(np.int64) % _MONTHS
    return month.astype(np.intp), (local_s % DAY_S // HOUR_S).astype(np.intp)


def _prepare(setup: CheckSetup) -> Callable[[ReadingBatch], ReadingBatch] | None:
    return Climatology(setup.register).flag if setup.register.usual_ranges else None


CHECK = BatchCheck(Quality.CLIMATOLOGY, "QARTOD test 5, climatology", _prepare)
