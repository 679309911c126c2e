"""`ZoneModel`: a prediction of each sensor of a zone from the others, and the sum of its departures.

Input: readings in their order.
Output: for each binding a two-sided cumulative sum in sigma and the number of other departing sensors. Also the danger,
and the sum of lone departures.
Not responsible for: alarms.
Rejects: a row with fewer than three known sensors is counted and not evaluated.

A row has the mean of each sensor's readings in one step of event time. It closes with the first reading of a later
step. Rows enter sums with fading memory. From these a ridge regression of every sensor on all others is fitted now and
then. P is the inverse of the correlations plus the ridge, and the residual of sensor i is (P z)_i / P_ii. Rows are not
learned while any sensor of the zone is shifted: the model must not learn the danger that it finds. Departing sensors do
not predict others, or a single wrong device would make all of them depart.

A row in which one sensor departs far and alone is a fault of its device. It counts as a departure, so it is not
learned. It does not count as a shared departure, of which dangers are made.

Source: cumulative sums, Page 1954; residuals from the inverse of a covariance, Dempster 1972. One large contribution
among small ones is a fault of a sensor: Dunia, Qin, Edgar and McAvoy 1996, here row by row.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules.kind import NEVER_NS
from rules.zones.leader import LeaderSelection
from rules.zones.options import FEWEST_MEMBERS, MOST_MEMBERS, Zone, ZoneOptions

_ROWS_EACH = 4
"""Least rows for each sensor before a fit: with fewer, learned rows are predicted better than later rows."""
_LEAST_VARIANCE = 1e-6
"""Of a residual, as a share of the sensor's variance; assumed: no instrument agrees better than to a thousandth."""
_CEILING = 1.5
"""Largest sum in times of the lowest limit, so that the sum can come back; assumed."""


class ZoneModel:
    """The zones of all rules of a kind, in columns by binding; each member has the values of its zone."""

    def __init__(self, zones: Sequence[Zone], n_bindings: int, counts: Counter[tuple[str, str]]) -> None:
        n, self._counts = n_bindings, counts
        self.zones = zones
        self.zone_of = np.zeros(n, np.intp)
        for i, zone in enumerate(zones):
            self.zone_of[zone.members] = i
        self.step_ns = np.array([each.options.step_ns for each in zones], np.int64)[self.zone_of]
        self.fresh_ns = np.array([each.options.fresh_ns for each in zones], np.int64)[self.zone_of]
        self.up, self.down = np.zeros(n), np.zeros(n)
        self._shared_up, self._shared_down = np.zeros(n), np.zeros(n)
        self.alone = np.zeros(n)
        """float64[n], the sum of lone departures."""
        self.departure = np.full(n, np.nan)
        """float64[n], the larger sum; NaN while unknown."""
        self.confirming = np.zeros(n, np.int16)
        """int16[n], number of other departing sensors of the zone."""
        self.danger = np.full(n, np.nan)
        """float64[n], the value to compare with limits; NaN while unknown."""
        self._events = LeaderSelection(n)
        self._mark = np.zeros(n, np.int64)
        for zone in zones:
            self._mark[zone.members] = zone.mark
        self.open_step = np.full(n, NEVER_NS)
        self._sum, self._n = np.zeros(n), np.zeros(n, np.int32)
        self._last, self._last_ns = np.zeros(n), np.full(n, NEVER_NS)
        self._shift, self._drift, self._n_drift = np.zeros(n), np.zeros(n), np.zeros(n, np.int32)
        self._origin = np.full(n, np.nan)
        self._weight, self._rows, self._unfitted = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._first, self._second = np.zeros(n), np.zeros((n, MOST_MEMBERS))
        self._mean, self._sd = np.zeros(n), np.zeros(n)
        self._correlation = np.zeros((n, MOST_MEMBERS))

    def add(self, b: NDArray[np.intp], value: NDArray[np.float64], time_ns: NDArray[np.int64]) -> None:
        """Add readings to the open rows of their bindings, one after the other."""
        np.add.at(self._sum, b, value)
        np.add.at(self._n, b, 1)
        np.maximum.at(self._last_ns, b, time_ns)

    def close(self, zone: Zone, next_step: int) -> None:
        """Close the row of `zone` and open the row of `next_step`."""
        m = zone.members
        is_new = self._n[m] > 0
        self._last[m] = np.where(is_new, self._sum[m] / np.maximum(self._n[m], 1), self._last[m])
        end_ns = (self.open_step[m] + 1) * self.step_ns[m]
        fresh = (self._last_ns[m] > NEVER_NS) & (end_ns - self._last_ns[m] <= self.fresh_ns[m])
        self._origin[m] = np.where(np.isnan(self._origin[m]) & is_new, self._last[m], self._origin[m])
        row = np.where(fresh, self._last[m] - self._shift[m] - self._origin[m], np.nan)
        self._sum[m], self._n[m], self.open_step[m] = 0.0, 0, next_step
        if self._rows[m[0]] >= self._warm_rows(zone):
            self._add_departures(zone, row, is_new)
        if not (self._events.runs[m[0]] or (np.maximum(self.up[m], self.down[m]) >= zone.lowest).any()):
            self._learn(zone, row)

    def open(self, zone: Zone, step: int) -> None:
        """Drop the open row of `zone` and open the row of `step`."""
        m = zone.members
        self._sum[m], self._n[m], self.open_step[m] = 0.0, 0, step

    def _add_departures(self, zone: Zone, row: NDArray[np.float64], is_new: NDArray[np.bool_]) -> None:
        """Add the departure of each sensor with a new value from the prediction of the others."""
        m, options = zone.members, zone.options
        known = np.flatnonzero(~np.isnan(row) & (self._sd[m] > 0))
        residual, score, shared = np.zeros(len(m)), np.zeros(len(m)), np.zeros(len(m))
        judged = np.zeros(len(m), np.bool_)
        if len(known) < FEWEST_MEMBERS:
            self._counts["zone_rows_not_judged", "fewer_than_three_sensors"] += 1
        else:
            b = m[known]
            z = (row[known] - self._mean[b]) / self._sd[b]
            correlation = self._correlation[np.ix_(b, known)]
            residual[known], score[known] = find_residuals(correlation, z, options, up=self.up[b], down=self.down[b])
            judged[known] = is_new[known]
            shared = drop_lone_departure(score, judged, options)
            self._counts["zone_rows_alone", ""] += int((shared != score).any())
        for total, departs in (
            (self.up, score),
            (self.down, -score),
            (self._shared_up, shared),
            (self._shared_down, -shared),
            (self.alone, np.abs(score - shared)),
        ):
            after = np.clip(total[m] + departs - options.slack, 0, _CEILING * zone.lowest)
            total[m] = np.where(judged, after, total[m])
        self._events.add(zone, shared, judged)
        begins = self._events.update(zone, np.maximum(self._shared_up[m], self._shared_down[m]))
        self._rebase(zone, np.where(judged, residual * self._sd[m], 0.0), judged, begins=begins)
        self._publish(zone, judged)

    def _rebase(self, zone: Zone, departure: NDArray[np.float64], judged: NDArray[np.bool_], *, begins: bool) -> None:
        """Let a shift that has lasted long enough become normal: of one sensor, or of all sensors in an event."""
        m, lasts_rows = zone.members, zone.options.rebaseline_s / zone.options.step_s
        is_event = bool(self._events.runs[m[0]])
        shifted = (np.maximum(self.up[m], self.down[m]) >= zone.lowest) | is_event
        goes_on = shifted & (not begins)
        self._drift[m] = np.where(goes_on, self._drift[m], 0.0) + np.where(shifted, departure, 0.0)
        self._n_drift[m] = np.where(goes_on, self._n_drift[m], 0) + (shifted & judged)
        lasting = self._n_drift[m] >= lasts_rows
        if is_event:
            lasting[:] = self._events.rows[m[0]] >= lasts_rows
        b = m[lasting]
        self._shift[b] += self._drift[b] / np.maximum(self._n_drift[b], 1)
        for column in (self.up, self.down, self._shared_up, self._shared_down, self.alone, self._drift, self._n_drift):
            column[b] = 0
        self._events.forget(b)

    def _publish(self, zone: Zone, judged: NDArray[np.bool_]) -> None:
        m = zone.members
        self.departure[m] = np.where(judged, np.maximum(self.up[m], self.down[m]), self.departure[m])
        total = np.maximum(self._shared_up[m], self._shared_down[m])
        departs = total >= zone.options.confirm_at
        self.confirming[m] = np.count_nonzero(departs) - departs
        danger = self._events.danger(zone, total, self.confirming[m] >= zone.options.confirmed_by)
        self.danger[m] = np.where(np.isnan(self.departure[m]), np.nan, danger)

    def _learn(self, zone: Zone, row: NDArray[np.float64]) -> None:
        """Add a row to the fading sums, missing values as their means, and fit when it is time."""
        m, options = zone.members, zone.options
        keep = 1.0 - 1.0 / options.memory_rows
        mean = self._first[m] / max(float(self._weight[m[0]]), 1.0)
        row = np.where(np.isnan(row), mean, row)
        k = len(m)
        self._weight[m] = self._weight[m] * keep + 1.0
        self._first[m] = self._first[m] * keep + row
        self._second[m, :k] = self._second[m, :k] * keep + np.outer(row, row)
        self._rows[m] += 1
        self._unfitted[m] += 1
        warm, rows = self._warm_rows(zone), int(self._rows[m[0]])
        if rows == warm or (rows > warm and self._unfitted[m[0]] >= options.refit_rows):
            self._fit(zone)

    @staticmethod
    def _warm_rows(zone: Zone) -> int:
        return max(zone.options.warm_up_rows, _ROWS_EACH * len(zone.members))

    def _fit(self, zone: Zone) -> None:
        m, k = zone.members, len(zone.members)
        weight = float(self._weight[m[0]])
        mean = self._first[m] / weight
        covariance = self._second[m, :k] / weight - np.outer(mean, mean)
        variance = np.diag(covariance)
        # The rounding of a constant value is no variance.
        varies = variance > 1e-9 * (np.diag(self._second[m, :k]) / weight + 1e-12)
        sd = np.where(varies, np.sqrt(np.maximum(variance, 0.0)), 0.0)
        scale = np.where(varies, sd, 1.0)
        correlation = covariance / np.outer(scale, scale)
        self._mean[m], self._sd[m], self._unfitted[m] = mean, sd, 0
        self._correlation[m, :k] = correlation

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart, by name; first axis: bindings."""
        return {
            "up": self.up,
            "down": self.down,
            "shared_up": self._shared_up,
            "shared_down": self._shared_down,
            "alone": self.alone,
            "departure": self.departure,
            "confirming": self.confirming,
            "danger": self.danger,
            "mark": self._mark,
            "open_step": self.open_step,
            "row_sum": self._sum,
            "row_n": self._n,
            "last": self._last,
            "last_ns": self._last_ns,
            "shift": self._shift,
            "drift": self._drift,
            "n_drift": self._n_drift,
            "origin": self._origin,
            "weight": self._weight,
            "rows": self._rows,
            "unfitted": self._unfitted,
            "first": self._first,
            "second": self._second,
            "mean": self._mean,
            "sd": self._sd,
            "correlation": self._correlation,
            **self._events.columns(),
        }

    def rebuild(self) -> None:
        """Forget the model of a zone with other members or options; its alarms stay until it has a new one."""
        fresh = ZoneModel(self.zones, len(self._mark), self._counts).columns()
        for zone in self.zones:
            m = zone.members
            if (self._mark[m] != zone.mark).any():
                for name, column in self.columns().items():
                    column[m] = fresh[name][m]


def drop_lone_departure(
    score: NDArray[np.float64], judged: NDArray[np.bool_], options: ZoneOptions
) -> NDArray[np.float64]:
    """Return the departures of a row that others share, in sigma, float64[k]: 0 for a sensor that departs alone.

    >>> options = ZoneOptions(alone_at=12, alone_ratio=4)
    >>> for row in ([1.0, -20.0, 4.9], [1.0, -20.0, 5.1], [1.0, -11.0, 2.0]):
    ...     shared_of(np.array(row), np.ones(3, np.bool_), options).tolist()
    [1.0, 0.0, 4.9]
    [1.0, -20.0, 5.1]
    [1.0, -11.0, 2.0]
    """
    far = np.abs(score)
    *_, second, first = np.argsort(far, kind="stable")
    shared = score.copy()
    if judged[first] and far[first] >= max(options.alone_at, options.alone_ratio * far[second]):
        shared[first] = 0.0
    return shared


def find_residuals(
    correlation: NDArray[np.float64],
    z: NDArray[np.float64],
    options: ZoneOptions,
    *,
    up: NDArray[np.float64],
    down: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (residual, residual in its own sigma) of each sensor of a row, float64[k] each.

    Only sensors that do not depart predict others, at least the half with the smaller sums. A device that drifts must
    not make others depart. The farthest sensor beyond `alone_at` is left out when the departing ones are chosen.

    Args:
        correlation: float64[k, k] of the rows that were learned.
        z: float64[k], the row, standardised.
        options: of the zone.
        up: float64[k], the sums of rises before this row.
        down: float64[k], the sums of falls before this row.
    """
    residual, sigma = _predict_from_others(correlation, z, options.ridge)
    score = residual / sigma
    far = int(np.argmax(np.abs(score)))
    if abs(score[far]) >= options.alone_at:
        # It moves all that it predicts: other departing sensors are found without it.
        rest = np.delete(np.arange(len(z)), far)
        own, scale = _predict_from_others(correlation[np.ix_(rest, rest)], z[rest], options.ridge)
        score[rest], score[far] = own / scale, np.inf
    total = np.maximum(up + score, down - score)
    n_normal = max(int(np.count_nonzero(total < options.confirm_at)), (len(z) + 1) // 2)
    normal = np.sort(np.argsort(total, kind="stable")[:n_normal])
    if n_normal < len(z):
        rest = np.setdiff1d(np.arange(len(z)), normal)
        within, across = correlation[np.ix_(normal, normal)], correlation[np.ix_(normal, rest)]
        residual[normal], sigma[normal] = _predict_from_others(within, z[normal], options.ridge)
        weight = np.linalg.solve(within + options.ridge * np.eye(n_normal), across)
        residual[rest] = z[rest] - z[normal] @ weight
        variance = (
            np.diag(correlation)[rest] - 2 * (weight * across).sum(axis=0) + (weight * (within @ weight)).sum(axis=0)
        )
        sigma[rest] = np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
    return residual, residual / sigma


def _predict_from_others(
    correlation: NDArray[np.float64], z: NDArray[np.float64], ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return z of each sensor less its prediction by a ridge regression on all others, and the sigma of that."""
    inverse = np.linalg.inv(correlation + ridge * np.eye(len(z)))
    own = np.diag(inverse)
    variance = ((inverse @ correlation) * inverse).sum(axis=1) / own**2
    return (inverse @ z) / own, np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
