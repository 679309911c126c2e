"""The time zone of the city: local time for messages, pages, climatology and simulators.

Input: an IANA name such as `Asia/Shanghai`; UTC nanoseconds.
Output: local times, of one time or of columns of times.
Not responsible for: the zone of a browser, and the clocks of devices.
Rejects: a name that the IANA time zone database does not have.

Source: IANA time zone database, by Python's `zoneinfo`.

>>> city = CityTime("Asia/Shanghai")
>>> city.text(1_742_774_462_000_000_000, "%Y-%m-%d %H:%M")
'2025-03-24 08:01'
>>> city.standard_offset_h
8.0
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from config.time_units import DAY_NS, HOUR_S, SECOND_NS

DEFAULT_ZONE = "Asia/Shanghai"
"""China Standard Time, UTC+08:00 all year."""

_REFERENCE = datetime(2026, 1, 1, tzinfo=UTC)
"""The standard offset is the one of this day: a rule must not change its clock while it runs."""


def is_time_zone(name: str) -> bool:
    """Return whether the time zone database has `name`."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class CityTime:
    """Local time of one city.

    Raises:
        ZoneInfoNotFoundError: the time zone database does not have `name`.
    """

    name: str = DEFAULT_ZONE
    """IANA name."""
    zone: ZoneInfo = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Look the zone up once."""
        object.__setattr__(self, "zone", ZoneInfo(self.name))

    @property
    def standard_offset_h(self) -> float:
        """Local time less UTC without summer time, hours; rules count by this clock, since it never jumps."""
        local = _REFERENCE.astimezone(self.zone)
        return ((local.utcoffset() or timedelta()) - (local.dst() or timedelta())) / timedelta(hours=1)

    def at(self, time_ns: int) -> datetime:
        """Return the local time of `time_ns`, UTC nanoseconds; parts of a second are dropped."""
        return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).astimezone(self.zone)

    def text(self, time_ns: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return the local time of `time_ns`, UTC nanoseconds, in the form of `strftime`."""
        return self.at(time_ns).strftime(form)

    def local_s(self, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the local clock, int64[n] seconds since 1970-01-01T00:00 local, of `time_ns`, int64[n] UTC."""
        utc_s = np.asarray(time_ns // SECOND_NS, np.int64)
        hours, place = np.unique(utc_s // HOUR_S, return_inverse=True)
        begins = np.array([self._offset_s(int(hour) * HOUR_S) for hour in hours], np.int64)
        ends = np.array([self._offset_s((int(hour) + 1) * HOUR_S) for hour in hours], np.int64)
        offset_s = begins[place]
        # in the hour of a change each second is looked up: some zones change at one minute past the hour
        for row in np.flatnonzero((begins != ends)[place]):
            offset_s[row] = self._offset_s(int(utc_s[row]))
        return np.asarray(utc_s + offset_s, np.int64)

    def hour_of_day(self, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the local hour of the day, float64[n] in 0..24, of `time_ns`, int64[n] UTC nanoseconds."""
        within = time_ns % SECOND_NS
        local_ns = self.local_s(time_ns) * SECOND_NS + within
        return np.asarray((local_ns % DAY_NS) / (HOUR_S * SECOND_NS), np.float64)

    def _offset_s(self, utc_s: int) -> int:
        offset = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=utc_s)).astimezone(self.zone).utcoffset()
        return round((offset or timedelta()).total_seconds())
