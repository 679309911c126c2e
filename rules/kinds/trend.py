"""`trend`: a value that drifts for hours or days, if that is no chance.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; buckets are stretches of event time of one sensor.
Rejects: faulty levels.

Readings become means of `step_s`. When such a bucket closes, the last `points` of them are judged. The judged value is
the Theil-Sen slope if a Mann-Kendall test finds it significant at `alpha`, else 0. With fewer than three quarters of
the points it is unknown. Readings that intake or device doubt (SPIKE, RATE, DEVICE_SUSPECT) are left out.

Source: `rules/statistics/mann_kendall.py` names the papers.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> pier = Sensor("P.s", "P", "D", "s", "settlement", 1.0, 0.0, 600.0, 3600.0, "")
>>> options = TrendOptions.model_validate({"direction": "either", "per": "day", "step_s": 3600, "levels": [
...     {"level": "blue", "limit": 0.5, "deadband": 0.2, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("sinks", "trend", "沉降", "sinks", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [pier], {}, []))
>>> hours = range(48)
>>> readings = [10 - 0.05 * max(0, hour - 20) + 0.01 * (hour % 3) for hour in hours]
>>> times = [hour * 3600 * 10**9 for hour in hours]
>>> events = engine.evaluate(make_batch(0, [0] * 48, times, readings, [0] * 48), position=1)
>>> [(int(events.time_ns[i]) // (3600 * 10**9), round(float(events.value[i]), 2)) for i in range(len(events))]
[(32, 0.56)]
"""

import typing
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.bucket_evaluator import BucketEvaluator
from rules.evaluation.buckets import LEAST_SHARE, WIDTH
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.autocorrelation import FEWEST_POINTS
from rules.statistics.mann_kendall import sen_slopes
from rules.statistics.rates import Direction, Per, directions, slope_of, towards

_FEWEST = round(FEWEST_POINTS / LEAST_SHARE)


class TrendOptions(LimitOptions):
    """Keys of a trend rule; limits are positive, in the quantity's unit per `per`."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse, in either direction: there is no choice."""
    direction: Direction
    """`fall`, `rise` or `either`. Needed. Limits are always positive: with `fall`, a limit of 2 means falling by 2."""
    per: Per = Per.HOUR
    """The time in the unit of limits and deadbands: `s`, `min`, `h` (default) or `day`."""
    step_s: float = Field(ge=1, le=7 * 86_400, allow_inf_nan=False)
    """How long a bucket is, seconds, 1 to a week. Needed. Several readings should fall into each: `3600` for a sensor
    that reads every ten minutes."""
    points: int = Field(default=24, ge=_FEWEST, le=WIDTH)
    """How many buckets are looked at, 20 to 48; 24 by default. `step_s: 3600` and 24 points are a day."""
    alpha: float = Field(default=0.01, gt=0, le=0.2, allow_inf_nan=False)
    """How often chance alone may look like a trend, up to 0.2; 0.01 by default."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the slope of `quantity`."""
        return None if quantity is None else slope_of(quantity, self.per, self.direction)

    def window_s(self, sensor: Sensor) -> float:
        """Return how long it takes until the points hold no older time."""
        del sensor
        return self.points * self.step_s

    def cadence_s(self, sensor: Sensor) -> float:
        """Return how often a bucket closes: at its step, or with a slower sensor's readings."""
        return max(self.step_s, sensor.cadence_s)


class Trend:
    """All trend rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("TrendOptions", each.rule.options) for each in bound]
        self._bucket_evaluator = BucketEvaluator(bound, register, counts)
        level_evaluator = self._bucket_evaluator.level_evaluator
        self.alarm: NDArray[np.int32] = level_evaluator.alarm
        self.level: NDArray[np.int8] = level_evaluator.level
        rule = level_evaluator.rule
        self._points = np.array([each.points for each in options], np.int64)[rule]
        self._alpha = np.array([each.alpha for each in options])[rule]
        self._direction = directions([each.direction for each in options])[rule]
        per_ns = np.array([each.per.seconds * SECOND_NS for each in options])[rule]
        self._steps = per_ns / self._bucket_evaluator.step_ns
        """Buckets in the time unit of slopes."""

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._bucket_evaluator.evaluate(admitted, self._slopes)

    def _slopes(self, now: Readings) -> NDArray[np.float64]:
        """Return float64[n]: the trend of each closed bucket, 0 where chance explains it, NaN where it is unknown."""
        slopes = np.full(len(now.binding), np.nan)
        rows, means = self._bucket_evaluator.known_means(now.binding, self._points[now.binding])
        if len(rows) == 0:
            return slopes
        b = now.binding[rows]
        slope, p_value = sen_slopes(means[:, WIDTH - int(self._points[b].max()) :])
        significant = np.where(p_value < self._alpha[b], slope * self._steps[b], 0.0)
        slopes[rows] = towards(significant, self._direction[b])
        return slopes

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, self._bucket_evaluator.columns(), {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._bucket_evaluator.level_evaluator.rebuild()
