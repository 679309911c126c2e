"""`compare`: the part of a value that other sensors do not explain: strain without temperature, level without rain.

Input: admitted readings of sensors and of the sensors that explain them.
Output: transitions of hazard alarms.
Not responsible for: the wall clock.
Rejects: covariates that are not exactly one sensor, times that do not fit each other, and faulty levels.

A reading y is expected as a + b x + ... Each x is the newest reading of another sensor. Or x follows that sensor like a
body with the time constant `lag_s` (dx/dt = (reading - x) / lag_s). Coefficients are least squares over calm readings
that fade with `memory_s`. The method is recursive least squares with exponential forgetting, in the form of normal
equations.

Source: recursive least squares with forgetting (Ljung, System identification, 11.2). Removing temperature from strain
before judging it is usual in bridge monitoring. Memory and warming-up time are assumed.

>>> import math
>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> strain = Sensor("B.e", "B", "D", "e", "strain", 1.0, 0.0, 600.0, 1800.0, "")
>>> heat = Sensor("B.t", "B", "D", "t", "temperature", 1.0, 0.0, 600.0, 1800.0, "")
>>> options = CompareOptions.model_validate({"against": [{"quantity": "temperature"}], "warm_s": 86_400, "levels": [
...     {"level": "yellow", "limit": 15, "deadband": 5, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("support", "compare", "支座沉降", "support", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [strain, heat], {}, []))
>>> times = [i * 600 for i in range(400)]
>>> celsius = [20 + 8 * math.sin(time * 2 * math.pi / 86_400) for time in times]
>>> gauge = [100 + 10 * c + 30 * (i >= 300) for i, c in enumerate(celsius)]
>>> rows = [row for t, c, e in zip(times, celsius, gauge) for row in ((1, t, c), (0, t, e))]
>>> sensor, second, value = zip(*rows)
>>> nanoseconds = [each * 1_000_000_000 for each in second]
>>> events = engine.evaluate(make_batch(0, sensor, nanoseconds, value, [0] * len(rows)), position=1)
>>> [(int(events.level_after[i]), int(events.time_ns[i]) // 600_000_000_000) for i in range(len(events))]
[(3, 300)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.covariates import Covariate, Covariates, covariate_faults
from rules.evaluation.distance import (
    DistanceEvaluator,
    DistanceOptions,
    In,
    distance_of,
    in_sigmas,
    least_sigma,
)
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, Fault, State, Transitions
from rules.statistics.rates import Direction
from rules.statistics.regression import FEATURES, Regression

_LONGEST_S = 366 * 86_400
_MOST_LEVERAGE = 1.0
_WORDS = {
    Direction.RISE: ("above_explained", "高出环境影响", "above what others explain"),
    Direction.FALL: ("below_explained", "低于环境影响", "below what others explain"),
    Direction.EITHER: ("unexplained", "扣除环境影响后的偏差", "away from what others explain"),
}


class CompareOptions(DistanceOptions):
    """Keys of a compare rule."""

    against: tuple[Covariate, ...] = Field(min_length=1, max_length=FEATURES - 1)
    """One to three other sensors that explain the value. Each is one sensor of a `quantity`, `of: asset` (the default)
    or `of: device`, or the `sensor` of that id. One of the same device goes before others of the asset."""
    in_: In = Field(default=In.UNIT, alias="in")
    """The unit of limits and deadbands: `unit`, the default, the unit of the quantity. Or `sigma`, the usual size of
    the unexplained part."""
    memory_s: float = Field(default=30 * 86_400, ge=60, le=10 * _LONGEST_S, allow_inf_nan=False)
    """Older readings fade with this time constant; 30 days by default (assumed)."""
    warm_s: float = Field(default=2 * 86_400, ge=1, le=_LONGEST_S, allow_inf_nan=False)
    """Learned time before the first judgement; two days by default (assumed), so that a daily swing was seen twice."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the part of `quantity` that is not explained."""
        if quantity is None:
            return None
        distance = distance_of(quantity, *_WORDS[self.direction])
        return distance if self.in_ is In.UNIT else in_sigmas(distance)

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults of the levels, and times that do not fit each other."""
        yield from super().faults(quantity, sensors)
        if self.warm_s > self.memory_s:
            remedy = "what has faded before it is used is never known"
            yield Fault(("warm_s",), f"at most memory_s, {self.memory_s:g}", f"{self.warm_s:g}", remedy)
        for i, each in enumerate(self.against):
            if each.lag_s > self.warm_s:
                remedy = "lengthen warm_s: what follows slowly is not known sooner"
                yield Fault(("against", i, "lag_s"), f"at most warm_s, {self.warm_s:g}", f"{each.lag_s:g}", remedy)


def among(options: BaseModel, sensors: Sequence[Sensor], register: Register) -> Iterator[Fault]:
    """Yield covariates that are not exactly one sensor of `register`."""
    return covariate_faults(typing.cast("CompareOptions", options).against, sensors, register)


class Compare:
    """All compare rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._distance_evaluator = DistanceEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._distance_evaluator.level_evaluator.alarm
        self.level: NDArray[np.int8] = self._distance_evaluator.level_evaluator.level
        self._counts = counts
        options = [typing.cast("CompareOptions", each.rule.options) for each in bound]
        rule, sensor = (
            self._distance_evaluator.level_evaluator.rule,
            self._distance_evaluator.level_evaluator.sensor.tolist(),
        )
        self._covariates = Covariates([options[number].against for number in rule.tolist()], sensor, register)
        self._in_sigmas = np.array([each.in_ is In.SIGMA for each in options], np.bool_)[rule]
        memory_ns = np.array([round(each.memory_s * SECOND_NS) for each in options], np.int64)[rule]
        warm_ns = np.array([round(each.warm_s * SECOND_NS) for each in options], np.int64)[rule]
        least = np.array([least_sigma(each.rule.quantity) for each in bound], np.float64)[rule]
        n_features = 1 + max((len(each.against) for each in options), default=0)
        self._regression = Regression(memory_ns, warm_ns, least, n_features)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._distance_evaluator.evaluate_with_references(
            admitted, self._covariates.reference_readings(admitted.sensor), self._distances
        )

    def _distances(self, readings: Readings) -> NDArray[np.float64]:
        """Return float64[n]: the unexplained part of each judged reading, NaN of others and where it is unknown."""
        distances = np.full(len(readings.binding), np.nan)
        others = readings.slot.nonzero()[0]
        if len(others):
            seen = readings.take(others)
            self._covariates.remember(seen.binding, seen.slot, time_ns=seen.time_ns, value=seen.value, clock=seen.clock)
        if len(others) < len(distances):
            judged = (readings.slot == 0).nonzero()[0]
            distances[judged] = self._residuals(readings.take(judged))
        return distances

    def _residuals(self, readings: Readings) -> NDArray[np.float64]:
        b = readings.binding
        step = self._distance_evaluator.step(readings)
        fresh = self._covariates.are_fresh(b, readings.time_ns)
        features = self._covariates.features(b)
        expected, leverage = self._regression.predict(b, features)
        left = readings.value - expected
        distance = np.where(fresh & (leverage <= _MOST_LEVERAGE), left, np.nan)
        self._count("no_covariate", ~fresh)
        self._count("extrapolated", fresh & ~np.isnan(expected) & (leverage > _MOST_LEVERAGE))
        distance = self._distance_evaluator.signed(
            b, np.where(self._in_sigmas[b], distance / self._regression.sigma(b), distance)
        )
        mask = self._distance_evaluator.learning_mask(readings, step, distance)
        elapsed_ns = np.where(step.broken, self._distance_evaluator.cadence_ns[b], step.elapsed_ns)
        scaled = np.flatnonzero(mask.may_learn & ~np.isnan(distance))
        self._regression.learn_scale(b[scaled], left[scaled], elapsed_ns[scaled])
        taught = np.flatnonzero(mask.may_learn & fresh)
        self._regression.learn(b[taught], features[taught], readings.value[taught], elapsed_ns[taught])
        self._regression.forget(b[mask.must_forget])
        return distance

    def _count(self, reason: str, is_held: NDArray[np.bool_]) -> None:
        n_held = int(np.count_nonzero(is_held))
        if n_held:
            self._counts["readings_held", reason] += n_held

    def state(self) -> State:
        """Return the columns to keep."""
        own = {**self._covariates.columns(), **self._regression.columns()}
        return State({}, {**self._distance_evaluator.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept; facts learned from other sensors are of no use."""
        del known
        self._regression.forget(self._covariates.rebuild())
        self._distance_evaluator.level_evaluator.rebuild()
