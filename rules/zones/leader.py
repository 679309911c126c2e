"""`LeaderSelection`: which sensor of a zone calls when the zone departs.

Comes in: what each row of a zone departs. Goes out: what each sensor's departure is as a danger. Refuses to know where
departures come from.

A zone has an *event* from the row in which a sensor reaches the lowest limit and is confirmed, until no sum is as much
as half of that limit, or until what lasted has become usual. The sensor whose sum is largest calls; its danger is the
largest sum of the zone. It is joined by another only when that has twice its sum: then the event lies elsewhere, or
there is a second. Others confirm and say nothing. These sums have no ceiling: of two at a ceiling neither is larger.
"""

import numpy as np
from numpy.typing import NDArray

from rules.zones.options import Calls, Toward, Zone

_OVERTAKES = 2.0
"""So many times the sum of the sensor that leads; assumed."""
_OVER = 0.5
"""An event is over when no sum is this part of the lowest limit; assumed."""


class LeaderSelection:
    """The events of all zones, in columns by binding; what belongs to a zone stands with each member."""

    def __init__(self, n_bindings: int) -> None:
        n = n_bindings
        self.runs = np.zeros(n, np.bool_)
        """bool[n]: the zone has an event."""
        self.rows = np.zeros(n, np.int32)
        """int32[n]: rows that it has run for."""
        self._calls = np.zeros(n, np.bool_)
        self._leads = np.zeros(n, np.bool_)
        self._up, self._down = np.zeros(n), np.zeros(n)

    def add(self, zone: Zone, score: NDArray[np.float64], judged: NDArray[np.bool_]) -> None:
        """Add a row of departures in sigma where bool[k] `judged`."""
        m, slack = zone.members, zone.options.slack
        self._up[m] = np.where(judged, np.maximum(self._up[m] + score - slack, 0), self._up[m])
        self._down[m] = np.where(judged, np.maximum(self._down[m] - score - slack, 0), self._down[m])

    def update(self, zone: Zone, total: NDArray[np.float64]) -> bool:
        """Begin, move or end the event of `zone`, float64[k] `total` its sums below the ceiling; tell if it begins."""
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
        """Let the sensor with the largest sum call, if it is the first or far ahead."""
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
        """Return float64[k], what is compared with limits: of sensors that call, and 0 of the others."""
        m, toward = zone.members, zone.options.toward
        if zone.options.calls is Calls.LEADER:
            return np.where(self._calls[m], total.max(), 0.0)
        is_high = self._up[m] >= self._down[m]
        meant = np.ones(len(m), np.bool_) if toward is Toward.BOTH else is_high == (toward is Toward.HIGH)
        return np.where(confirmed & meant, total, 0.0)

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin at nothing for sensors whose shift has become usual, and end their event."""
        self._up[b] = self._down[b] = 0.0
        self._end(b)

    def _end(self, b: NDArray[np.intp]) -> None:
        self.runs[b] = self._calls[b] = self._leads[b] = False
        self.rows[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart, by name; first axis: bindings."""
        return {
            "event_runs": self.runs,
            "event_rows": self.rows,
            "event_calls": self._calls,
            "event_leads": self._leads,
            "event_up": self._up,
            "event_down": self._down,
        }
