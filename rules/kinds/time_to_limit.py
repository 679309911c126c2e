"""`time_to_limit`: how many minutes until a moving value reaches a limit, if that is sure enough to act on.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; time is that of the buckets of one sensor.
Rejects: limits that no value can reach, and levels that could never end.

Readings become means of `step_s`. When such a bucket closes, a line through the last `points` of them is followed to
the limit. The judged value is the time until then, in minutes from the reading that closed the bucket. It counts only
where its interval with `confidence` ends before `horizon_min`. If the rule asks for it, the points must also be worth
`worth` independent ones. Otherwise there is no forecast, and the value is the horizon. So the value of an alarm always
stands for a time with a late end before the horizon too. Where the line already is beyond the limit, the value is 0.

Source: `rules/statistics/line_forecast.py` names the papers.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> gas = Sensor("M.ch4", "M", "D", "ch4", "methane", 1.0, 0.0, 30.0, 180.0, "")
>>> options = TimeToLimitOptions.model_validate({"to": 50, "direction": "rise", "step_s": 60, "horizon_min": 90,
...     "levels": [{"level": "orange", "limit": 30, "deadband": 15, "on_delay_s": 0, "source": "assumed here"}]})
>>> rule = Rule("soon", "time_to_limit", "将达限", "soon", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [gas], {}, []))
>>> minutes = range(40)
>>> values = [5 + 1.0 * minute + 0.2 * (-1) ** minute for minute in minutes]
>>> events = engine.evaluate(make_batch(0, [0] * 40, [m * 60 * 10**9 for m in minutes], values, [0] * 40), position=1)
>>> [(int(events.time_ns[i]) // (60 * 10**9), round(float(events.value[i]))) for i in range(len(events))]
[(18, 28)]
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import MINUTE_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.bucket_evaluator import BucketEvaluator
from rules.evaluation.buckets import LEAST_SHARE, WIDTH
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.autocorrelation import FEWEST_POINTS
from rules.statistics.line_forecast import crossings
from rules.statistics.rates import Direction

_FEWEST = round(FEWEST_POINTS / LEAST_SHARE)


class TimeToLimitOptions(LimitOptions):
    """Keys of a time-to-limit rule; limits of levels are minutes."""

    side: typing.Literal[Side.LOW] = Side.LOW
    """Fewer minutes are worse: there is no choice."""
    to: float = Field(allow_inf_nan=False)
    """The limit that the value moves to, in the unit of the quantity."""
    direction: typing.Literal[Direction.RISE, Direction.FALL]
    """`rise` or `fall`: from which side it is reached. Needed."""
    step_s: float = Field(ge=1, le=7 * 86_400, allow_inf_nan=False)
    """How long a bucket is, seconds, 1 to a week. Needed."""
    points: int = Field(default=24, ge=_FEWEST, le=WIDTH)
    """How many buckets the line goes through, 20 to 48; 24 by default."""
    worth: float = Field(default=0, ge=0, le=WIDTH)
    """How many independent points the points must be worth; 0 by default: the interval is enough, see below."""
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    """How many of the intervals shall hold the truth, 0.5 to 0.999; 0.95 by default."""
    horizon_min: float = Field(gt=0, le=366 * 1440)
    """How far ahead the forecast goes, minutes. Needed. Limits of levels, with their deadbands, must be shorter."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the time until `quantity` is at its limit: 0 to the horizon, minutes."""
        if quantity is None:
            return None
        limit = f"{self.to:g} {quantity.unit}"
        return dataclasses.replace(
            quantity,
            name=f"time_to_{quantity.name}",
            zh=f"{quantity.zh}预计到达{limit}的时间",
            en=f"time until {quantity.en} is at {limit}",
            unit="min",
            low=0.0,
            high=self.horizon_min,
            max_rate=np.inf,
            decimals=0,
            accepts={},
        )

    def window_s(self, sensor: Sensor) -> float:
        """Return how long it takes until the points hold no older time."""
        del sensor
        return self.points * self.step_s

    def cadence_s(self, sensor: Sensor) -> float:
        """Return how often a bucket closes: at its step, or with a slower sensor's readings."""
        return max(self.step_s, sensor.cadence_s)

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield limits that no value can reach, and levels that could never end."""
        yield from super().faults(quantity, sensors)
        if quantity is not None and not quantity.low <= self.to <= quantity.high:
            expected = f"{quantity.low:g} to {quantity.high:g} {quantity.unit} ({quantity.name})"
            yield Fault(("to",), expected, f"{self.to:g}", f"no working instrument reports it; give {quantity.unit}")
        if self.worth > self.points:
            expected = f"at most `points`, {self.points}"
            yield Fault(("worth",), expected, f"{self.worth:g}", "points are worth no more than they are")
        for i, each in enumerate(self.levels):
            if each.limit + each.deadband == self.horizon_min:
                expected, got = f"less than the horizon, {self.horizon_min:g} min", f"an end at {self.horizon_min:g}"
                yield Fault(("levels", i, "deadband"), expected, got, "choose a later horizon: it could never clear")


class TimeToLimit:
    """All time-to-limit rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("TimeToLimitOptions", each.rule.options) for each in bound]
        self._bucket_evaluator = BucketEvaluator(bound, register, counts)
        level_evaluator = self._bucket_evaluator.level_evaluator
        self.alarm: NDArray[np.int32] = level_evaluator.alarm
        self.level: NDArray[np.int8] = level_evaluator.level
        rule = level_evaluator.rule
        self._points = np.array([each.points for each in options], np.int64)[rule]
        self._to = np.array([each.to for each in options])[rule]
        self._sign = np.array([1.0 if each.direction is Direction.RISE else -1.0 for each in options])[rule]
        self._worth = np.array([each.worth for each in options])[rule]
        self._confidence = np.array([each.confidence for each in options])[rule]
        self._horizon_min = np.array([each.horizon_min for each in options])[rule]

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        foreseen: dict[tuple[int, int], tuple[float, float]] = {}
        found = self._bucket_evaluator.evaluate(admitted, lambda now: self._minutes(now, foreseen))
        return [_with_intervals(each, foreseen) for each in found] if foreseen else found

    def _minutes(self, now: Readings, foreseen: dict[tuple[int, int], tuple[float, float]]) -> NDArray[np.float64]:
        """Return float64[n]: minutes to the limit of each sensor that closes a bucket, NaN where that is not known.

        Add each forecast to `foreseen`: the ends of its interval, by alarm and event time.
        """
        minutes = np.full(len(now.binding), np.nan)
        rows, means = self._bucket_evaluator.known_means(now.binding, self._points[now.binding])
        if len(rows) == 0:
            return minutes
        b = now.binding[rows]
        sign = self._sign[b]
        found = crossings(means * sign[:, np.newaxis], self._to[b] * sign, self._confidence[b])
        # The last point stands in the middle of its bucket; the reading is somewhere in the next one.
        since_ns = now.time_ns[rows] - self._bucket_evaluator.buckets.middle_ns(b)
        step_min, since_min = self._bucket_evaluator.step_ns[b] / MINUTE_NS, since_ns / MINUTE_NS
        # Infinite times stay infinite.
        eta, soonest, latest = (each * step_min - since_min for each in (found.eta, found.soonest, found.latest))
        is_there = found.level >= self._to[b] * sign
        # A line below the limit that moves away from it has crossed it before: no crossing is to come.
        is_foreseen = (found.worth >= self._worth[b]) & (latest < self._horizon_min[b]) & (found.eta >= 0)
        minutes_left = np.where(is_foreseen, np.maximum(eta, 0.0), self._horizon_min[b])
        minutes[rows] = np.where(is_there, 0.0, minutes_left)
        for i in np.flatnonzero(is_foreseen & ~is_there).tolist():
            key = int(self.alarm[b[i]]), int(now.time_ns[rows[i]])
            foreseen[key] = max(float(soonest[i]), 0.0), float(latest[i])
        return minutes

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, self._bucket_evaluator.columns(), {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._bucket_evaluator.level_evaluator.rebuild()


def _with_intervals(found: Transitions, foreseen: Mapping[tuple[int, int], tuple[float, float]]) -> Transitions:
    keys = zip(found.alarm.tolist(), found.time_ns.tolist(), strict=True)
    ends = np.array([foreseen.get(key, (np.nan, np.nan)) for key in keys]).reshape(-1, 2)
    return dataclasses.replace(found, low=ends[:, 0], high=ends[:, 1])
