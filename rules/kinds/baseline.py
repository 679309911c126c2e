"""`baseline`: a value too far above or below the recent past of its own sensor.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock and other sensors.
Rejects: sensors that are too slow for the time of the baseline, and faulty levels.

The baseline is a quantile of the means of thirty equal parts of the last `baseline_s` of calm time. Where rising is the
danger, the default is a low quantile, so that short plumes never lift the baseline. Where falling is the danger, it is
a high quantile; else it is the median. Time that is beyond, and time without readings, is not calm time. Readings that
intake or device doubt (SPIKE, RATE, DEVICE_SUSPECT) are left out. Readings flagged FLAT, CLIMATOLOGY or UNCHECKED are
judged and not learned.

Source: a running low quantile as the background of a trace gas is the usual practice of fence-line monitoring. An
example is the lowest sample of a period in 40 CFR 63.658 (unverified). 30 parts and quantile 0.1 are assumed;
recordings of controlled methane releases led to them.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> gas = Sensor("G.ch4", "M", "G", "ch4", "methane", 1.0, 0.0, 60.0, 180.0, "")
>>> options = BaselineOptions.model_validate({"direction": "rise", "baseline_s": 1800, "levels": [
...     {"level": "blue", "limit": 0.02, "deadband": 0.01, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("plume", "baseline", "甲烷异常", "plume", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [gas], {}, []))
>>> minute = [i * 60_000_000_000 for i in range(40)]
>>> value = [0.04 + 0.001 * (i % 3) for i in range(38)] + [0.09, 0.04]
>>> events = engine.evaluate(make_batch(0, [0] * 40, minute, value, [0] * 40), position=1)
>>> [(int(events.level_after[i]), round(float(events.value[i]), 3)) for i in range(len(events))]
[(2, 0.05), (0, 0.0)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.continuity import ValueStep
from rules.evaluation.distance import DistanceEvaluator, DistanceOptions, distance_of
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, Fault, State, Transitions
from rules.statistics.rates import Direction

_PARTS = 30
_WEIGHT = 0.25
"""Of the newest step in how much an excess varies; assumed."""
_NORMAL_READINGS = 15
"""After so many calm readings in a row an excess is a new one; assumed."""
_LEAST_PARTS = 3
"""With fewer means there is no baseline; assumed."""
_WORDS = {
    Direction.RISE: ("above_baseline", "高出本底", "above its baseline"),
    Direction.FALL: ("below_baseline", "低于本底", "below its baseline"),
    Direction.EITHER: ("off_baseline", "偏离本底", "away from its baseline"),
}
_QUANTILES = {Direction.RISE: 0.1, Direction.FALL: 0.9, Direction.EITHER: 0.5}


class BaselineOptions(DistanceOptions):
    """Keys of a baseline rule; limits are in the unit of the quantity."""

    baseline_s: float = Field(default=1800, ge=1, le=30 * 86_400, allow_inf_nan=False)
    """How much of the past counts, seconds; 1800 by default, at least six readings of the slowest sensor."""
    quantile: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Which of the thirty means is the baseline, 0 the lowest, 1 the highest. Default 0.1 for `rise`, 0.9 for `fall`,
    0.5 for `either` (assumed)."""

    varies: float = Field(default=0, ge=0, le=1, allow_inf_nan=False)
    """An excess begins a level only if its steps between readings are on average this share of it. Gas in moving air
    comes and goes; the excess of an instrument with an offset stays. 0, the default: no such condition. Do not use it
    where the danger itself stands still; absolute limits belong beside it."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the distance of `quantity` from its baseline."""
        return None if quantity is None else distance_of(quantity, *_WORDS[self.direction])

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults of the levels, and sensors that are too slow for the time of the baseline."""
        yield from super().faults(quantity, sensors)
        slow = [each for each in sensors if self.baseline_s < 2 * _LEAST_PARTS * each.cadence_s]
        if slow:
            least_s = 2 * _LEAST_PARTS * max(each.cadence_s for each in slow)
            got, remedy = f"{self.baseline_s:g} s", f"a reading of {slow[0].id} comes too rarely: lengthen it"
            yield Fault(("baseline_s",), f"at least {least_s:g} s", got, remedy)


class Baseline:
    """All baseline rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._distance_evaluator = DistanceEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._distance_evaluator.level_evaluator.alarm
        self.level: NDArray[np.int8] = self._distance_evaluator.level_evaluator.level
        options = [typing.cast("BaselineOptions", each.rule.options) for each in bound]
        rule = self._distance_evaluator.level_evaluator.rule
        span_ns = np.array([round(each.baseline_s * SECOND_NS) for each in options], np.int64)[rule]
        quantile = np.array([_quantile(each) for each in options], np.float64)[rule]
        self._past = _Past(span_ns, quantile, self._distance_evaluator.cadence_ns)
        resets = [min((level.reset for level in each.rule.levels), default=np.inf) for each in bound]
        share = np.array([each.varies for each in options], np.float64)
        self._excess = _Excess(share[rule], np.array(resets, np.float64)[rule])

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._distance_evaluator.evaluate(admitted, self._distances)

    def _distances(self, readings: Readings, step: ValueStep) -> NDArray[np.float64]:
        """Return float64[n]: the distance of each reading beyond its baseline, NaN while that is being learned."""
        b = readings.binding
        distance = self._distance_evaluator.signed(b, readings.value - self._past.baseline(b))
        mask = self._distance_evaluator.learning_mask(readings, step, distance)
        self._past.forget(b[mask.must_forget])
        self._past.learn(readings.take(mask.may_learn))
        return self._excess.cap_constant(b, distance, step.broken)

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {**self._distance_evaluator.columns(), **self._past.columns(), **self._excess.columns()}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._past.rebuild()
        self._distance_evaluator.level_evaluator.rebuild()


class _Past:
    """Means of parts of calm time, the newest thirty of each binding."""

    def __init__(
        self, span_ns: NDArray[np.int64], quantile: NDArray[np.float64], cadence_ns: NDArray[np.int64]
    ) -> None:
        n = len(span_ns)
        self._part_ns = np.maximum(span_ns // _PARTS, 1)
        self._quantile = quantile
        possible = np.minimum(span_ns // cadence_ns, _PARTS)
        self._needed = np.maximum(possible // 2, _LEAST_PARTS).astype(np.int32)
        """Half of the parts that can have a reading: an early baseline is better than none; assumed."""
        self._means, self._n_means = np.zeros((n, _PARTS)), np.zeros(n, np.int32)
        self._next = np.zeros(n, np.int8)
        self._part, self._sum, self._count = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int32)
        self._baseline = np.full(n, np.nan)

    def baseline(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: the baselines of bindings `b`, NaN while too little is known."""
        return self._baseline[b]

    def learn(self, readings: Readings) -> None:
        """Add readings of distinct bindings; a part is closed by the first reading of another."""
        b = readings.binding
        part = readings.time_ns // self._part_ns[b]
        closes = (part != self._part[b]) & (self._count[b] > 0)
        self._close(b[closes])
        self._part[b] = part
        self._sum[b] += readings.value
        self._count[b] += 1

    def _close(self, b: NDArray[np.intp]) -> None:
        if len(b) == 0:
            return
        self._means[b, self._next[b]] = self._sum[b] / self._count[b]
        self._next[b] = (self._next[b] + 1) % _PARTS
        self._n_means[b] = np.minimum(self._n_means[b] + 1, _PARTS)
        self._sum[b], self._count[b] = 0, 0
        self._derive(b)

    def _derive(self, b: NDArray[np.intp]) -> None:
        n_means = self._n_means[b]
        is_known = np.arange(_PARTS) < n_means[:, np.newaxis]
        ordered = np.sort(np.where(is_known, self._means[b], np.inf), axis=1)
        place = np.floor(self._quantile[b] * (np.maximum(n_means, 1) - 1)).astype(np.intp)
        self._baseline[b] = np.where(n_means >= self._needed[b], ordered[np.arange(len(b)), place], np.nan)

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin anew for bindings `b`."""
        for column in (self._means, self._n_means, self._next, self._part, self._sum, self._count):
            column[b] = 0
        self._baseline[b] = np.nan

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "means": self._means,
            "n_means": self._n_means,
            "next": self._next,
            "part": self._part,
            "sum": self._sum,
            "count": self._count,
        }

    def rebuild(self) -> None:
        """Derive the baselines."""
        self._derive(np.arange(len(self._n_means)))


class _Excess:
    """How much the excess of each binding varies from reading to reading."""

    def __init__(self, share: NDArray[np.float64], normal_below: NDArray[np.float64]) -> None:
        n = len(share)
        self._share, self._normal_below = share, normal_below
        self._before, self._step, self._size = np.zeros(n), np.zeros(n), np.zeros(n)
        self._n_normal, self._varied = np.zeros(n, np.int32), np.zeros(n, np.bool_)

    def cap_constant(
        self, b: NDArray[np.intp], distance: NDArray[np.float64], broken: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the distances, at most 0 for an excess that has not varied yet.

        The step into an excess proves nothing, because an instrument that jumps makes one too. The steps within it and
        back count. An excess that has varied once counts until it has been calm for long: standing still does not end
        it.
        """
        asked = np.flatnonzero((self._share[b] > 0) & ~np.isnan(distance))
        if len(asked) == 0:
            return distance
        b, found = b[asked], distance[asked]
        is_normal = found < self._normal_below[b]
        before = np.where(broken[asked], 0.0, self._before[b])
        follows = before > 0
        step, size = np.abs(found - before), np.maximum(found, before)
        self._step[b] += np.where(follows, _WEIGHT * (step - self._step[b]), 0.0)
        self._size[b] += np.where(follows, _WEIGHT * (size - self._size[b]), 0.0)
        self._varied[b] |= (self._size[b] > 0) & (self._step[b] >= self._share[b] * self._size[b])
        self._n_normal[b] = np.where(is_normal, np.minimum(self._n_normal[b] + 1, _NORMAL_READINGS), 0)
        over = b[self._n_normal[b] == _NORMAL_READINGS]
        self._step[over], self._size[over], self._varied[over] = 0.0, 0.0, False
        self._before[b] = np.where(is_normal, 0.0, found)
        capped = distance.copy()
        capped[asked] = np.where(is_normal | self._varied[b], found, np.minimum(found, 0.0))
        return capped

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "excess_before": self._before,
            "excess_step": self._step,
            "excess_size": self._size,
            "excess_n_calm": self._n_normal,
            "excess_varied": self._varied,
        }


def _quantile(options: BaselineOptions) -> float:
    return _QUANTILES[options.direction] if options.quantile is None else options.quantile
