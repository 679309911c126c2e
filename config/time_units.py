"""Lengths of time, each in one place.

Input: nothing.
Output: whole nanoseconds and whole seconds of the usual units.
Not responsible for: calendars; see `config.city_time`.
Rejects: nothing.
"""

MICROSECOND_NS = 1_000
MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
WEEK_NS = 7 * DAY_NS

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
WEEK_S = 7 * DAY_S
