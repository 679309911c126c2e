"""`deviation`: a value that is unusual for its hour of the week, by past weeks of its sensor.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: other sensors, holidays and the wall clock. The hour of the week is that of the reading's own time
at a fixed offset from UTC.
Rejects: faulty levels.

Each sensor has 168 hours of the week, each with a mean and a mean absolute deviation from it. An hour that has passed
moves the mean of its kind towards the mean of its calm readings. The move is at most three sigma; the deviation moves
likewise. The first weeks count equally, later ones fade with a memory of eight weeks. A sigma is 1.2533 mean absolute
deviations (the ratio of normal numbers). It is never less than the last displayed digit of the quantity.

Source: hour-of-week baselines are the usual seasonal naive reference (Hyndman and Athanasopoulos, Forecasting, 5.2).
Clipping at 3 sigma is Huber's; eight weeks and two weeks of warming up are assumed.

>>> import math
>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> flow = Sensor("W.q", "W", "D", "q", "flow", 1.0, 0.0, 1800.0, 7200.0, "")
>>> options = DeviationOptions.model_validate({"direction": "rise", "in": "unit", "warm_weeks": 1, "levels": [
...     {"level": "blue", "limit": 20, "deadband": 5, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("night", "deviation", "异常用水", "night", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [flow], {}, []))
>>> half_hour = [i * 1800 for i in range(400)]
>>> value = [100 - 90 * math.cos(second * 2 * math.pi / 86_400) for second in half_hour]
>>> value[386] += 50
>>> times = [second * 1_000_000_000 for second in half_hour]
>>> events = engine.evaluate(make_batch(0, [0] * 400, times, value, [0] * 400), position=1)
>>> [(int(events.level_after[i]), float(events.time_ns[i]) / 1.8e12) for i in range(len(events))]
[(2, 386.0), (0, 387.0)]
"""

import typing
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register
from config.time_units import HOUR_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.continuity import ValueStep
from rules.evaluation.distance import (
    SIGMA_OF_MEAN,
    DistanceEvaluator,
    DistanceOptions,
    In,
    distance_of,
    in_sigmas,
    least_sigma,
)
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, State, Transitions
from rules.statistics.hour_profile import WEEK_H, hour_of_week
from rules.statistics.rates import Direction

_MEMORY_WEEKS = 8
_CLIP = 3.0
_WORDS = {
    Direction.RISE: ("above_usual", "高出同时段常值", "above what is usual at this hour"),
    Direction.FALL: ("below_usual", "低于同时段常值", "below what is usual at this hour"),
    Direction.EITHER: ("off_usual", "偏离同时段常值", "away from what is usual at this hour"),
}


class DeviationOptions(DistanceOptions):
    """Keys of a deviation rule."""

    in_: In = Field(default=In.SIGMA, alias="in")
    """The unit of limits and deadbands. `sigma`, the default: the variation of this sensor at this hour; or `unit`, the
    unit of the quantity."""
    warm_weeks: int = Field(default=2, ge=1, le=52)
    """In how many weeks an hour of the week must have been seen before it is judged; 2 by default (assumed)."""
    utc_offset_h: float = Field(default=8, ge=-12, le=14, allow_inf_nan=False)
    """Local time less UTC, hours; left out, the standard time of the city's time zone."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the distance of `quantity` from its usual value."""
        if quantity is None:
            return None
        distance = distance_of(quantity, *_WORDS[self.direction])
        return distance if self.in_ is In.UNIT else in_sigmas(distance)


class Deviation:
    """All deviation rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._distance_evaluator = DistanceEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._distance_evaluator.level_evaluator.alarm
        self.level: NDArray[np.int8] = self._distance_evaluator.level_evaluator.level
        options = [typing.cast("DeviationOptions", each.rule.options) for each in bound]
        rule = self._distance_evaluator.level_evaluator.rule
        self._in_sigmas = np.array([each.in_ is In.SIGMA for each in options], np.bool_)[rule]
        offset_ns = np.array([round(each.utc_offset_h * HOUR_NS) for each in options], np.int64)[rule]
        warm_weeks = np.array([each.warm_weeks for each in options], np.uint8)[rule]
        least = np.array([least_sigma(each.rule.quantity) for each in bound], np.float64)[rule]
        self._weeks = _Weeks(offset_ns, warm_weeks, least)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._distance_evaluator.evaluate(admitted, self._distances)

    def _distances(self, readings: Readings, step: ValueStep) -> NDArray[np.float64]:
        """Return float64[n]: the distance of each reading from the usual value, NaN where that is unknown."""
        b = readings.binding
        usual, sigma = self._weeks.predict(b, readings.time_ns)
        distance = readings.value - usual
        distance = self._distance_evaluator.signed(b, np.where(self._in_sigmas[b], distance / sigma, distance))
        mask = self._distance_evaluator.learning_mask(readings, step, distance)
        self._weeks.forget(b[mask.must_forget])
        self._weeks.learn(readings.take(mask.may_learn))
        return distance

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {**self._distance_evaluator.columns(), **self._weeks.columns()}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._distance_evaluator.level_evaluator.rebuild()


class _Weeks:
    """The usual value in each hour of the week of each binding."""

    def __init__(self, offset_ns: NDArray[np.int64], warm_weeks: NDArray[np.uint8], least: NDArray[np.float64]) -> None:
        n = len(offset_ns)
        self._offset_ns, self._warm_weeks, self._least = offset_ns, warm_weeks, least
        self._mean, self._spread = np.zeros((n, WEEK_H), np.float32), np.zeros((n, WEEK_H), np.float32)
        self._n_weeks = np.zeros((n, WEEK_H), np.uint8)
        self._hour, self._count = np.zeros(n, np.int64), np.zeros(n, np.int32)
        """The hour since 1970 that is being learned, local time, and how many readings of it."""
        self._sum, self._sum_off = np.zeros(n), np.zeros(n)

    def _hours(self, b: NDArray[np.intp], time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        hours: NDArray[np.int64] = (time_ns + self._offset_ns[b]) // HOUR_NS
        return hours

    def _sigma(self, b: NDArray[np.intp], place: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.maximum(SIGMA_OF_MEAN * self._spread[b, place].astype(np.float64), self._least[b])

    def predict(
        self, b: NDArray[np.intp], time_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (mean, sigma), both float64[n]; NaN where too few weeks are known of the hour."""
        place = hour_of_week(self._hours(b, time_ns))
        is_known = self._n_weeks[b, place] >= self._warm_weeks[b]
        return np.where(is_known, self._mean[b, place].astype(np.float64), np.nan), self._sigma(b, place)

    def learn(self, readings: Readings) -> None:
        """Add readings of distinct bindings; an hour is closed by the first reading of another."""
        b = readings.binding
        hour = self._hours(b, readings.time_ns)
        self._close(b[(hour != self._hour[b]) & (self._count[b] > 0)])
        self._hour[b] = hour
        place, count = hour_of_week(hour), self._count[b]
        so_far = np.where(count > 0, self._sum[b] / np.maximum(count, 1), readings.value)
        middle = np.where(self._n_weeks[b, place] > 0, self._mean[b, place].astype(np.float64), so_far)
        self._sum[b] += readings.value
        self._sum_off[b] += np.abs(readings.value - middle)
        self._count[b] = count + 1

    def _close(self, b: NDArray[np.intp]) -> None:
        """Move the usual values towards the hours of bindings `b` that have passed."""
        place, count = hour_of_week(self._hour[b]), self._count[b]
        n_weeks = self._n_weeks[b, place]
        mean, spread = self._mean[b, place].astype(np.float64), self._spread[b, place].astype(np.float64)
        most = np.where(n_weeks > 0, _CLIP * self._sigma(b, place), np.inf)
        share = np.maximum(1 / (n_weeks + 1.0), 1 / _MEMORY_WEEKS)
        self._mean[b, place] = mean + share * np.clip(self._sum[b] / count - mean, -most, most)
        self._spread[b, place] = spread + share * (np.minimum(self._sum_off[b] / count, most) - spread)
        self._n_weeks[b, place] = np.minimum(n_weeks, np.iinfo(np.uint8).max - 1) + 1
        self._sum[b], self._sum_off[b], self._count[b] = 0, 0, 0

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin anew for bindings `b`."""
        for column in self.columns().values():
            column[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "mean": self._mean,
            "spread": self._spread,
            "n_weeks": self._n_weeks,
            "hour": self._hour,
            "hour_count": self._count,
            "hour_sum": self._sum,
            "hour_sum_off": self._sum_off,
        }
