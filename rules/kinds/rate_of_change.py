"""`rate_of_change`: a value that falls or rises too fast, between two readings or over a span of time.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; time is the difference of two event times of one sensor.
Rejects: faulty levels.

Without `over_s` the rate is that of the last two readings. With it, two medians of three readings are compared: the
newest, and one at least `over_s` older. So one bad sample changes nothing. Readings that intake or device doubt (SPIKE,
RATE, DEVICE_SUSPECT) are left out. A jump is judged as soon as a second reading confirms it. With `noise_sigmas` a rate
that this sensor's own noise can explain counts as 0.

Source: the rate of change test of QARTOD, test 7. The manual is IOOS, real-time quality control of in-situ temperature
and salinity data. It compares with multiples of the sensor's own standard deviation. Here the scale is of absolute
deviations, which an outlier moves less.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 60.0, 180.0, "")
>>> options = RateOfChangeOptions.model_validate({"direction": "fall", "per": "min", "levels": [
...     {"level": "yellow", "limit": 0.02, "deadband": 0.01, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("burst", "rate_of_change", "突降", "burst", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [main], {}, []))
>>> minute = [i * 60_000_000_000 for i in range(4)]
>>> events = engine.evaluate(make_batch(0, [0] * 4, minute, [0.35, 0.34, 0.29, 0.29], [0] * 4), position=1)
>>> [(int(events.level_after[i]), round(float(events.value[i]), 3)) for i in range(len(events))]
[(3, 0.05), (0, 0.0)]
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
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.continuity import Continuity
from rules.evaluation.per_sensor import Readings, SequentialEvaluator
from rules.kind import NEVER_NS, BoundRule, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rates import Direction, Per, directions, slope_of, towards

_OWN_LEAST_NS = 1_000_000
"""Two readings closer than this have no rate; assumed: clocks of devices count milliseconds."""
_RECEIVED_LEAST = 0.5
"""By received times likewise this share of the cadence; assumed: a held-up message then at most doubles a rate."""
_PARTS = 8
"""Into so many parts a span is cut; the past that a rate refers to is at most one part older than the span."""
_ANCHORS = _PARTS + 2
_LEARNING = 30
"""So many rates are enough for a sensor's noise; assumed: the scale of 30 normal numbers is known to about 10 %."""
_MEMORY = 200
"""And about so many are remembered; assumed: minutes to hours at the cadences of the district."""
_CLIP = 3.0
"""A rate counts as at most so many sigma when the noise is learned, as in Huber's estimators."""
_SIGMA_OF_MEAN = 1.2533141373155003
"""Of normal numbers: standard deviation over mean absolute deviation, sqrt(pi / 2)."""


class RateOfChangeOptions(LimitOptions):
    """Keys of a rate-of-change rule; limits are positive, in the quantity's unit per `per`."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse, in either direction: there is no choice."""
    direction: Direction
    """`fall`, `rise` or `either`. Needed. Limits are always positive: with `fall`, a limit of 0.02 means falling by
    0.02."""
    per: Per = Per.MINUTE
    """The time in the unit of limits and deadbands: `s`, `min` (default), `h` or `day`. 0.02 with `per: min` and
    pressures in MPa is 0.02 MPa/min."""
    over_s: float = Field(default=0, ge=0, le=86_400, allow_inf_nan=False)
    """The span that the rate is taken over, seconds, at most a day. 0, the default: two consecutive readings."""
    noise_sigmas: float | None = Field(default=None, gt=0, le=100, allow_inf_nan=False)
    """Optional. A rate below so many sigma of the sensor's own usual rates counts as 0: nothing but noise."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the slope of `quantity`."""
        return None if quantity is None else slope_of(quantity, self.per, self.direction)

    def window_s(self, sensor: Sensor) -> float:
        """Return the span and its part, and the readings that a difference or a median takes."""
        return self.over_s * (1 + 1 / _PARTS) + sensor.cadence_s * (2 if self.over_s else 1)


class RateOfChange:
    """All rate-of-change rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._sequential = SequentialEvaluator(self._level_evaluator)
        options = [typing.cast("RateOfChangeOptions", each.rule.options) for each in bound]
        rule, sensor = self._level_evaluator.rule, self._level_evaluator.sensor
        per_s = np.array([each.per.seconds for each in options])[rule]
        self._per_ns = per_s * SECOND_NS
        self._direction = directions([each.direction for each in options])[rule]
        self._over_ns = np.array([round(each.over_s * SECOND_NS) for each in options], np.int64)[rule]
        cadence = np.array([each.cadence_s for each in register.sensors])[sensor]
        stale = np.array([each.stale_after_s for each in register.sensors])[sensor]
        own = np.full(len(sensor), _OWN_LEAST_NS)
        received = np.maximum(np.round(cadence * _RECEIVED_LEAST * SECOND_NS).astype(np.int64), own)
        stale_ns = np.round(stale * SECOND_NS).astype(np.int64)
        self._continuity = Continuity(stale_ns, np.stack((own, received), axis=1))
        self._value = np.zeros(len(sensor))
        self._past = _Past(len(sensor))
        self._noise = _Noise(bound, rule)
        self._counts = counts

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._sequential.evaluate(admitted, self._rates)

    def _rates(self, readings: Readings) -> NDArray[np.float64]:
        """Return float64[n]: the rate of each reading, more is worse, NaN where it is unknown."""
        step = self._continuity.step(readings.binding, readings.time_ns, readings.clock)
        kept = np.flatnonzero(~step.too_soon)
        self._counts["readings_held", "too_soon"] += len(step.too_soon) - len(kept)
        change, elapsed = np.full(len(step.too_soon), np.nan), step.elapsed_ns.copy()
        b = readings.binding[kept]
        spans = self._over_ns[b] > 0
        plain = kept[~spans & ~step.broken[kept]]
        change[plain] = readings.value[plain] - self._value[readings.binding[plain]]
        self._value[b] = readings.value[kept]
        if spans.any():
            spanned = kept[spans]
            now, over_ns = readings.take(spanned), self._over_ns[b[spans]]
            change[spanned], elapsed[spanned] = self._past.change(now, step.broken[spanned], over_ns)
        rates = change / np.where(np.isnan(change), 1.0, elapsed / self._per_ns[readings.binding])
        return self._noise.gate(readings.binding, towards(rates, self._direction[readings.binding]))

    def state(self) -> State:
        """Return the columns to keep."""
        own = {**self._continuity.columns(), "before_value": self._value}
        return State(
            {}, {**self._level_evaluator.columns(), **own, **self._past.columns(), **self._noise.columns()}, {}
        )

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._level_evaluator.rebuild()


class _Past:
    """Of each binding the last two readings, and medians of three an eighth of its span apart, newest first."""

    def __init__(self, n: int) -> None:
        self._last_ns, self._last = np.full((n, 2), NEVER_NS), np.zeros((n, 2))
        self._anchor_ns, self._anchor = np.full((n, _ANCHORS), NEVER_NS), np.zeros((n, _ANCHORS))

    def change(
        self, now: Readings, broken: NDArray[np.bool_], over_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return (change, in how many nanoseconds), both [n]: over the span, NaN before there was one; and remember."""
        self._forget(now.binding[broken])
        b, rows = now.binding, np.arange(len(now.binding))
        times = np.concatenate((self._last_ns[b], now.time_ns[:, np.newaxis]), axis=1)
        values = np.concatenate((self._last[b], now.value[:, np.newaxis]), axis=1)
        self._last_ns[b], self._last[b] = times[:, 1:], values[:, 1:]
        middle = _middle(*values.T)
        time_ns, value = times[rows, middle], values[rows, middle]
        has_three = times[:, 0] != NEVER_NS
        ages = time_ns[:, np.newaxis] - self._anchor_ns[b]
        place = np.count_nonzero(ages < over_ns[:, np.newaxis], axis=1)
        found = np.minimum(place, _ANCHORS - 1)
        known = has_three & (place < _ANCHORS) & (self._anchor_ns[b, found] != NEVER_NS)
        change = np.where(known, value - self._anchor[b, found], np.nan)
        # Not by a product: eight times the age since "not yet" does not fit.
        self._anchor_at(b, time_ns, value, has_three & (ages[:, 0] >= -(-over_ns // _PARTS)))
        return change, ages[rows, found]

    def _anchor_at(
        self,
        b: NDArray[np.intp],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        wanted: NDArray[np.bool_],
    ) -> None:
        b = b[wanted]
        for column, newest in ((self._anchor_ns, time_ns), (self._anchor, value)):
            column[b, 1:] = column[b, :-1]
            column[b, 0] = newest[wanted]

    def _forget(self, b: NDArray[np.intp]) -> None:
        self._last_ns[b], self._anchor_ns[b] = NEVER_NS, NEVER_NS
        self._last[b], self._anchor[b] = 0, 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "last_ns": self._last_ns,
            "last_value": self._last,
            "anchor_ns": self._anchor_ns,
            "anchor_value": self._anchor,
        }


def _middle(first: NDArray[np.float64], second: NDArray[np.float64], third: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return intp[n]: which of three holds their median; the last that does."""
    median = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))
    return np.where(third == median, 2, (second == median).astype(np.intp))


class _Noise:
    """How fast each sensor changes while there is no danger."""

    def __init__(self, bound: Sequence[BoundRule], rule: NDArray[np.intp]) -> None:
        options = [typing.cast("RateOfChangeOptions", each.rule.options) for each in bound]
        self._sigmas = np.array([each.noise_sigmas or 0.0 for each in options])[rule]
        self._limit = np.array([each.rule.levels[0].limit for each in bound])[rule]
        self._reset = np.array([each.rule.levels[0].reset for each in bound])[rule]
        self._sigma, self._n = np.zeros(len(rule)), np.zeros(len(rule), np.int16)

    def gate(self, b: NDArray[np.intp], rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: 0 for a rate that is noise, NaN while noise is being learned; and learn from the rest."""
        if not self._sigmas[b].any():
            return rate
        judged = np.flatnonzero((self._sigmas[b] > 0) & ~np.isnan(rate))
        b, size, gated_rate = b[judged], np.abs(rate[judged]), rate[judged]
        gated_rate = np.where((gated_rate > 0) & (gated_rate < self._sigmas[b] * self._sigma[b]), 0.0, gated_rate)
        gated_rate[self._n[b] < _LEARNING] = np.nan
        # A dangerous rate is not learned: NaN, while learning, compares as calm.
        is_normal = ~(gated_rate >= self._reset[b])
        self._learn(b[is_normal], size[is_normal])
        gated = rate.copy()
        gated[judged] = gated_rate
        return gated

    def _learn(self, b: NDArray[np.intp], size: NDArray[np.float64]) -> None:
        # Never clipped below the lowest limit: else a sensor that stood still could never learn again.
        size = np.minimum(size, np.maximum(_CLIP * self._sigma[b], self._limit[b]))
        self._n[b] = np.minimum(self._n[b] + 1, _MEMORY)
        self._sigma[b] += (_SIGMA_OF_MEAN * size - self._sigma[b]) / self._n[b]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"noise_sigma": self._sigma, "noise_n": self._n}
