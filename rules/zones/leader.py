"""`LeaderSelection`: the sensor of a zone that bears the alarm when the zone departs.

Input: the departures of each row of a zone.
Output: the danger of each sensor.
Not responsible for: the source of departures.
Rejects: nothing.

A zone has an *event* from the row in which a sensor reaches the lowest limit and is confirmed. The event ends when no
sum is half of that limit, or when a lasting shift has become normal. The sensor with the largest sum bears the alarm;
its danger is the largest sum of the zone. Another sensor also bears an alarm only with twice that sum. The event is
then elsewhere, or there is a second event. Other sensors confirm and bear no alarm. These sums have no ceiling, because
of two sums at a ceiling neither is larger.
"""

import numpy as np
from numpy.typing import NDArray

from rules.zones.options import Calls, Toward, Zone

_OVERTAKES = 2.0
"""Times the sum of the leading sensor; assumed."""
_OVER = 0.5
"""An event is over when no sum is this share of the lowest limit; assumed."""


class LeaderSelection:
    """The events of all zones, in columns by binding; each member has the values of its zone."""

    def __init__(self, n_bindings: int) -> None:
        n = n_bindings
        self.runs = np.zeros(n, np.bool_)
        """bool[n]: the zone has an event."""
        self.rows = np.zeros(n, np.int32)
        """int32[n]: rows since its start."""
        self._calls = np.zeros(n, np.bool_)
        self._leads = np.zeros(n, np.bool_)
        self._up, self._down = np.zeros(n), np.zeros(n)

    def add(self, zone: Zone, score: NDArray[np.float64], judged: NDArray[np.bool_]) -> None:
        """Add a row of departures in sigma where bool[k] `judged`."""
        m, slack = zone.members, zone.options.slack
        self._up[m] = np.where(judged, np.maximum(self._up[m] + score - slack, 0), self._up[m])
        self._down[m] = np.where(judged, np.maximum(self._down[m] - score - slack, 0), self._down[m])

    def update(self, zone: Zone, total: NDArray[np.float64]) -> bool:
        """Start, move or end the event of `zone` with float64[k] `total`, its sums; return whether it starts."""
        m, options = zone.members, zone.options
        if options.calls is Calls.EACH:
            return False
        departs = total >= options.confirm_at
        confirmed = (total >= zone.lowest) & (np.count_nonzero(departs) - departs >= options.confirmed_by)
        was = bool(self.runs[m[0]])
        if was and (total < _OVER * zone.lowest).all():
            self._end(m)
        elif was or confirmed.any():
            self.runs[m] = True
            self.rows[m] += 1
            self._lead(zone, total)
        return not was and bool(self.runs[m[0]])

    def _lead(self, zone: Zone, total: NDArray[np.float64]) -> None:
        """Let the sensor with the largest sum lead, if it is the first leader or far ahead."""
        m = zone.members
        size = np.maximum(self._up[m], self._down[m])
        first, led = int(np.argmax(size)), size[self._leads[m]]
        if len(led) and (self._leads[m[first]] or total[first] < zone.lowest or size[first] < _OVERTAKES * led[0]):
            return
        self._leads[m] = False
        self._leads[m[first]] = True
        is_high = self._up[m[first]] >= self._down[m[first]]
        if zone.options.toward in {Toward.BOTH, Toward.HIGH if is_high else Toward.LOW}:
            self._calls[m[first]] = True

    def danger(self, zone: Zone, total: NDArray[np.float64], confirmed: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return float64[k], the values to compare with limits; 0 for sensors that bear no alarm."""
        m, toward = zone.members, zone.options.toward
        if zone.options.calls is Calls.LEADER:
            return np.where(self._calls[m], total.max(), 0.0)
        is_high = self._up[m] >= self._down[m]
        meant = np.ones(len(m), np.bool_) if toward is Toward.BOTH else is_high == (toward is Toward.HIGH)
        return np.where(confirmed & meant, total, 0.0)

    def forget(self, b: NDArray[np.intp]) -> None:
        """Reset sensors with a shift that has become normal, and end their event."""
        self._up[b] = self._down[b] = 0.0
        self._end(b)

    def _end(self, b: NDArray[np.intp]) -> None:
        self.runs[b] = self._calls[b] = self._leads[b] = False
        self.rows[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart, by name; first axis: bindings."""
        return {
            "event_runs": self.runs,
            "event_rows": self.rows,
            "event_calls": self._calls,
            "event_leads": self._leads,
            "event_up": self._up,
            "event_down": self._down,
        }
