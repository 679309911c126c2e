"""`Season`: the days of the year in which the levels of a rule may start.

Input: plain values from YAML; event times.
Output: the event times in the season.
Not responsible for: the wall clock; a day is that of a reading's own time.
Rejects: a day that is not MM-DD.

>>> flood = Season.model_validate({"from": "05-01", "to": "10-15"})
>>> flood.holds(np.array([1_767_225_600, 1_782_864_000]) * 1_000_000_000).tolist()
[False, True]
>>> Season.model_validate({"from": "11-01", "to": "02-28"}).holds(np.array([1_767_225_600_000_000_000])).tolist()
[True]
"""

import re
import typing
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from config.city_time import CityTime
from config.time_units import HOUR_NS

_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of the months, in a leap year."""


def _day(text: object) -> object:
    found = re.fullmatch(r"(\d\d)-(\d\d)", text) if isinstance(text, str) else None
    if found is None or not 1 <= int(found[1]) <= 12 or not 1 <= int(found[2]) <= _LONGEST[int(found[1]) - 1]:
        context = {"expected": 'a day of the year such as "05-01"', "remedy": "write month and day in quotes: MM-DD"}
        raise PydanticCustomError("day", "no day of the year", context)
    return text


Day = typing.Annotated[str, BeforeValidator(_day)]
"""A day of the year, MM-DD."""


class Season(BaseModel):
    """A part of the year, both days included; it may reach over the new year."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # People say `from`; it is a reserved word of Python.
    from_: Day = Field(alias="from")
    """First day, month and day: 06-01."""
    to: Day
    """Last day, month and day."""
    utc_offset_h: float = Field(default=8, ge=-12, le=14, allow_inf_nan=False)
    """Local time less UTC, hours; left out, the standard time of the city's time zone."""

    def at_home(self, city: CityTime) -> Self:
        """Return the season by the standard time of `city`, unless an offset is written."""
        if "utc_offset_h" in self.model_fields_set:
            return self
        return self.model_copy(update={"utc_offset_h": city.standard_offset_h})

    def holds(self, time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return bool[n]: times of `time_ns`, int64[n] UTC nanoseconds, in the season."""
        local = (time_ns + round(self.utc_offset_h * HOUR_NS)).astype("datetime64[ns]")
        month = local.astype("datetime64[M]")
        day = (local.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1
        number = (month.astype(np.int64) % 12 + 1) * 100 + day
        first, last = _number(self.from_), _number(self.to)
        if first <= last:
            return np.asarray((number >= first) & (number <= last))
        return np.asarray((number >= first) | (number <= last))


def _number(day: str) -> int:
    return int(day[:2]) * 100 + int(day[3:])
