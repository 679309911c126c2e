"""`displacement`: a slope or rock that creeps faster and faster, by its tangent angle or its time of failure.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; time is that of the buckets of one sensor.
Rejects: missing keys of the method, windows that are too long, and levels that a single step raises.

Readings become means of `step_s`; whenever such a bucket closes, one of two values is judged:

- `tangent_angle`: the rate over the last `rate_points` buckets, divided by the rate of uniform creep, as an angle. 45
  degrees is uniform, 80 is 5.7 times, 85 is 11 times as fast. The rate is the smaller of two: over all buckets, and
  over their newer half. So a step stops counting when half of the window has passed.
- `inverse_velocity`: hours until the line through the reciprocals of the last `points` rates is at zero. Each rate is
  over `rate_points` buckets of its own. The line counts only where its interval with `confidence` ends before
  `horizon_h`. Otherwise there is no forecast, and the value is the horizon.

Readings that intake or device doubt (SPIKE, RATE, DEVICE_SUSPECT) are left out. `rules/evaluation/creep.py` names the
papers.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> crack = Sensor("K.d", "K", "D", "d", "displacement", 1.0, 0.0, 3600.0, 7200.0, "")
>>> options = DisplacementOptions.model_validate({"method": "tangent_angle", "direction": "rise", "step_s": 3600,
...     "reference_rate": 2.4, "levels": [
...     {"level": "yellow", "limit": 60, "deadband": 5, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("creep", "displacement", "蠕变", "creep", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [crack], {}, []))
>>> hours = range(48)
>>> values = [0.1 * hour + 0.3 * max(0, hour - 24) for hour in hours]
>>> times = [hour * 3600 * 10**9 for hour in hours]
>>> events = engine.evaluate(make_batch(0, [0] * 48, times, values, [0] * 48), position=1)
>>> [(int(events.time_ns[i]) // (3600 * 10**9), round(float(events.value[i]), 1)) for i in range(len(events))]
[(27, 64.7)]
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import HOUR_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.bucket_evaluator import BucketEvaluator
from rules.evaluation.buckets import LEAST_SHARE, WIDTH
from rules.evaluation.creep import FEWEST_RATES, failures, rates, tangent_angles
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rates import Direction, Per, directions, towards


class CreepMethod(StrEnum):
    """The judged value."""

    TANGENT_ANGLE = "tangent_angle"
    """Speed against uniform creep, degrees."""
    INVERSE_VELOCITY = "inverse_velocity"
    """Time until failure, hours."""


class DisplacementOptions(LimitOptions):
    """Keys of a displacement rule; limits are degrees, or hours."""

    method: CreepMethod
    """`tangent_angle`: limits are degrees; `inverse_velocity`: limits are hours until failure. Needed."""
    direction: Direction
    """`fall`, `rise` or `either`: the direction of downhill. Needed. Movement the other way is rest."""
    per: Per = Per.DAY
    """The time in the unit of the rates below: `s`, `min`, `h` or `day` (default)."""
    step_s: float = Field(ge=1, le=7 * 86_400, allow_inf_nan=False)
    """How long a bucket is, seconds, 1 to a week. Needed. Several readings should fall into each."""
    rate_points: int = Field(default=6, ge=4, le=WIDTH)
    """A rate is the least-squares slope over so many buckets, 4 to 48; 6 by default."""
    reference_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Of `tangent_angle`: the rate of uniform creep of this slope, in the quantity's unit per `per`. Without it, it is
    learned."""
    least_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The largest rate that noise alone may show, same unit. Of `inverse_velocity`: at or below it there is no
    movement. Of `tangent_angle`: a learned reference is at least this. Needed where it is used."""
    learn_points: int = Field(default=48, ge=WIDTH // 4, le=100_000)
    """The reference is the mean of the first so many rates; 48 by default. Install in a quiet time, or give
    `reference_rate`."""
    points: int = Field(default=8, ge=FEWEST_RATES + 2, le=12)
    """Of `inverse_velocity`: rates on the line, 7 to 12; 8 by default. `points` times `rate_points` is at most 48."""
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    """Share of the intervals that hold the truth; 0.95 by default."""
    horizon_h: float = Field(default=168.0, gt=0, le=366 * 24)
    """Failures that may be later than this, hours, are not foreseen; 168 by default."""

    @model_validator(mode="before")
    @classmethod
    def _set_side(cls, written: object) -> object:
        """Let the method set the side: a larger angle, or fewer hours."""
        if not isinstance(written, Mapping) or "side" in written:
            return written
        is_low = written.get("method") == CreepMethod.INVERSE_VELOCITY
        return {**written, "side": Side.LOW if is_low else Side.HIGH}

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the angle of `quantity`, degrees, or the time until it fails, hours."""
        if quantity is None:
            return None
        is_angle = self.method is CreepMethod.TANGENT_ANGLE
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_{self.method}",
            zh=f"{quantity.zh}{'切线角' if is_angle else '预计失稳的时间'}",
            en=f"tangent angle of {quantity.en}" if is_angle else f"time until failure by {quantity.en}",
            unit="°" if is_angle else "h",
            low=0.0,
            high=90.0 if is_angle else self.horizon_h,
            max_rate=np.inf,
            decimals=1,
            accepts={},
        )

    def window_s(self, sensor: Sensor) -> float:
        """Return how long a danger may have to last, seconds: all buckets that a value is taken from."""
        del sensor
        rates = 1 if self.method is CreepMethod.TANGENT_ANGLE else self.points
        return rates * self.rate_points * self.step_s

    def cadence_s(self, sensor: Sensor) -> float:
        """Return how often a bucket closes: at its step, or with a slower sensor's readings."""
        return max(self.step_s, sensor.cadence_s)

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield keys missing for the method, windows longer than the kept past, and levels that a step raises."""
        yield from super().faults(quantity, sensors)
        is_angle = self.method is CreepMethod.TANGENT_ANGLE
        side = Side.HIGH if is_angle else Side.LOW
        if self.side is not side:
            yield Fault(("side",), side.value, self.side.value, "remove it: the method says it")
        if self.least_rate is None and (self.reference_rate is None or not is_angle):
            remedy = "give the rate below which nothing moves: what noise alone can look like"
            yield Fault(("least_rate",), "a rate", "nothing", remedy)
        if not is_angle and self.points * self.rate_points > WIDTH:
            got = f"{self.points} times {self.rate_points}"
            yield Fault(("points",), f"points times rate_points at most {WIDTH}", got, "choose smaller windows")
        yield from self._hasty()

    def _hasty(self) -> Iterator[Fault]:
        """Yield high levels that a single step of the curve, as after rain, would reach."""
        needed = self.rate_points // 2 + 1 if self.method is CreepMethod.TANGENT_ANGLE else 3
        for i, each in enumerate(self.levels):
            if each.level >= WarningLevel.ORANGE and each.on_samples < needed:
                remedy = "a single step, as after rain, would raise it: wait until the step has left the window"
                yield Fault(("levels", i, "on_samples"), f"at least {needed}", str(each.on_samples), remedy)
            if not self._can_end(each.limit + each.deadband):
                got = f"an end at {each.limit + each.deadband:g}"
                remedy = "choose a later horizon: it could never clear"
                yield Fault(("levels", i, "deadband"), f"less than the horizon, {self.horizon_h:g} h", got, remedy)

    def _can_end(self, reset: float) -> bool:
        return self.method is CreepMethod.TANGENT_ANGLE or reset != self.horizon_h


class Displacement:
    """All displacement rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._options = [typing.cast("DisplacementOptions", each.rule.options) for each in bound]
        self._bucket_evaluator = BucketEvaluator(bound, register, counts)
        level_evaluator = self._bucket_evaluator.level_evaluator
        self.alarm: NDArray[np.int32] = level_evaluator.alarm
        self.level: NDArray[np.int8] = level_evaluator.level
        self._direction = directions([each.direction for each in self._options])
        n = len(level_evaluator.sensor)
        self._learned_sum, self._learned = np.zeros(n), np.zeros(n, np.int64)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._bucket_evaluator.evaluate(admitted, self._values)

    def _values(self, now: Readings) -> NDArray[np.float64]:
        """Return float64[n]: the judged value of each sensor that closes a bucket, NaN where unknown."""
        values = np.full(len(now.binding), np.nan)
        rule = self._bucket_evaluator.level_evaluator.rule[now.binding]
        for number in np.unique(rule).tolist():
            rows = np.flatnonzero(rule == number)
            judge = self._angles if self._options[number].method is CreepMethod.TANGENT_ANGLE else self._hours
            values[rows] = judge(number, now.take(rows))
        return values

    def _angles(self, number: int, now: Readings) -> NDArray[np.float64]:
        options, b = self._options[number], now.binding
        series = self._series(b, options.rate_points)
        steps = options.per.seconds / options.step_s
        found = (rates(part) for part in (series, series[:, -(options.rate_points // 2) :]))
        whole, newer = (self._towards(number, each * steps) for each in found)
        rate = np.minimum(whole, newer)
        return tangent_angles(rate, self._references(options, b, rate))

    def _towards(self, number: int, rate: NDArray[np.float64]) -> NDArray[np.float64]:
        return towards(rate, self._direction[number])

    def _series(self, b: NDArray[np.intp], points: int) -> NDArray[np.float64]:
        """Return float64[n, points]: the newest means, oldest first."""
        return self._bucket_evaluator.buckets.means(b, np.full(len(b), points))[:, WIDTH - points :]

    def _references(
        self, options: DisplacementOptions, b: NDArray[np.intp], rate: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: rates of uniform creep, given or learned from the first known ones; NaN while learning."""
        if options.reference_rate is not None:
            return np.full(len(b), options.reference_rate)
        learns = (self._learned[b] < options.learn_points) & ~np.isnan(rate)
        self._learned_sum[b[learns]] += np.maximum(rate[learns], 0.0)
        self._learned[b[learns]] += 1
        is_learned = (self._learned[b] >= options.learn_points) & ~learns
        mean = self._learned_sum[b] / np.maximum(self._learned[b], 1)
        return np.where(is_learned, np.maximum(mean, options.least_rate or 0.0), np.nan)

    def _hours(self, number: int, now: Readings) -> NDArray[np.float64]:
        options, b = self._options[number], now.binding
        series = self._series(b, options.points * options.rate_points)
        slopes = rates(series.reshape(len(b), options.points, options.rate_points))
        rate = self._towards(number, slopes * options.per.seconds / options.step_s)
        least = options.least_rate or 0.0
        found = failures(rate, least, options.confidence)
        # The last rate is that of the middle of its buckets, the last of which ended before this reading.
        since_ns = (
            now.time_ns
            - self._bucket_evaluator.buckets.middle_ns(b)
            + (options.rate_points - 1) / 2 * self._bucket_evaluator.step_ns[b]
        )
        hours = options.rate_points * options.step_s / 3600
        eta, latest = (each * hours - since_ns / HOUR_NS for each in (found.eta, found.latest))
        is_foreseen = (latest < options.horizon_h) & (rate[:, -1] > least)
        hours_left = np.where(is_foreseen, np.maximum(eta, 0.0), options.horizon_h)
        enough = np.count_nonzero(~np.isnan(rate), axis=1) >= LEAST_SHARE * options.points
        return np.where(enough & ~np.isnan(rate[:, -1]), hours_left, np.nan)

    def state(self) -> State:
        """Return the columns to keep."""
        own = {"learned_sum": self._learned_sum, "learned": self._learned}
        return State({}, {**self._bucket_evaluator.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._bucket_evaluator.level_evaluator.rebuild()
