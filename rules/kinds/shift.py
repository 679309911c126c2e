"""`shift`: a small lasting change of a sensor against its own recent mean and scale: EWMA, CUSUM or Page-Hinkley.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: other sensors and the wall clock.
Rejects: faulty levels.

A sample is a reading, or the mean of the readings of `mean_s` seconds. It becomes a residual z, its distance from the
mean learned before it in sigmas, clipped at `clip_sigmas`. The three methods, one-sided here for a rise:

- `ewma`: e = (1 - w) e + w z; judged is e over its own standard deviation sqrt(w / (2 - w)).
- `cusum`: s = min(cap, max(0, s + z - k)); judged is s.
- `page_hinkley`: m = 0.9999 m + z - k; judged is m less its lowest value so far, at most the cap.

Mean and variance fade exponentially with `baseline_s`. Samples of the first `baseline_s` count equally. No sample is
judged before that time is over, or `warm_s`. The cap, twice the highest limit, lets an alarm end soon after the shift
does. With a `cycle` the mean is that of the same hour. With `slow_s` the mean of the last residuals is judged too. It
is divided by its own standard deviation and multiplied by `slow_weight`. That deviation is right even where readings
echo each other.

Sources: Roberts 1959 (EWMA; w 0.2 within the usual 0.05 to 0.25). Page 1954 (CUSUM; k 0.5 finds shifts of one sigma
best). Hinkley 1971 with the forgetting of streaming implementations. Hour-of-week means are the usual seasonal naive
reference (Hyndman and Athanasopoulos, Forecasting, 5.2). Clip and cap are assumed.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 60.0, 180.0, "")
>>> options = ShiftOptions.model_validate({"direction": "fall", "method": "cusum", "baseline_s": 3600, "levels": [
...     {"level": "blue", "limit": 8, "deadband": 4, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("leak", "shift", "压力下移", "leak", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [main], {}, []))
>>> minute = [i * 60_000_000_000 for i in range(100)]
>>> value = [0.300 + 0.001 * (-1) ** i - 0.002 * (i >= 80) for i in range(100)]
>>> events = engine.evaluate(make_batch(0, [0] * 100, minute, value, [0] * 100), position=1)
>>> [(int(events.level_after[i]), int(events.time_ns[i]) // 60_000_000_000) for i in range(len(events))]
[(2, 85)]
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register
from config.time_units import HOUR_NS, SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.evaluation.continuity import ValueStep
from rules.evaluation.distance import DistanceEvaluator, DistanceOptions, distance_of, in_sigmas, least_sigma
from rules.evaluation.per_sensor import Readings
from rules.kind import BoundRule, State, Transitions
from rules.level_options import OnSuspect
from rules.statistics.hour_profile import Cycle, HourProfile
from rules.statistics.mean_and_scale import LearningSpans, MeanAndScale
from rules.statistics.rates import Direction, directions

_FORGETTING = 0.9999
_CAP = 2.0
"""Times the highest limit."""
_LONGEST_S = 366 * 86_400
_WORDS = {
    Direction.RISE: ("rising_shift", "持续上移", "shifted upwards"),
    Direction.FALL: ("falling_shift", "持续下移", "shifted downwards"),
    Direction.EITHER: ("shift", "持续偏移", "shifted"),
}


class ShiftMethod(StrEnum):
    """How evidence is added up."""

    EWMA = "ewma"
    CUSUM = "cusum"
    PAGE_HINKLEY = "page_hinkley"


class Learns(StrEnum):
    """The samples that teach mean and scale."""

    CALM = "calm"
    ALL = "all"


class ShiftOptions(DistanceOptions):
    """Keys of a shift rule; limits are in sigmas."""

    method: ShiftMethod = ShiftMethod.CUSUM
    """How evidence is added up: `cusum`, the default; `ewma`; `page_hinkley`."""
    mean_s: float = Field(default=0, ge=0, le=86_400, allow_inf_nan=False)
    """Samples are means over so many seconds; 0, the default: each reading. Choose it longer than a wave of the
    process: readings that follow each other closely are no independent evidence."""
    baseline_s: float = Field(default=86_400, ge=1, le=_LONGEST_S, allow_inf_nan=False)
    """How long mean and scale are learned before the first judgement, and the time with which they fade; a day by
    default (assumed)."""
    warm_s: float | None = Field(default=None, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    """How long they are learned before the first judgement, if that is not `baseline_s`."""
    learns: Learns = Learns.CALM
    """Which samples teach. `calm`, the default: those that are good and not beyond. `all`: all judged samples, so that
    a frequent event becomes usual and raises no alarm again. The scale then holds the values that were far off before.
    Use `all` for values that you know nothing about. A danger that begins slowly is then learned as it comes, and
    `rebaseline_s` has no effect."""
    on_doubt: OnSuspect = OnSuspect.HOLD
    """The effect of a reading that the intake flags SPIKE or RATE, or that its device doubts. `hold`, the default: no
    effect. `judge`: it is judged like any other, where a value may really leap and come back at once."""
    cycle: Cycle = Cycle.NONE
    """Whether the usual value depends on the clock. `none`, the default. `day`: it is the mean of the same hour of the
    day where that has been seen twice. `week`: of the week, and until then of the day."""
    utc_offset_h: float = Field(default=8, ge=-12, le=14, allow_inf_nan=False)
    """Of the clock of a `cycle`; left out, the standard time of the city's time zone."""
    slow_s: float = Field(default=0, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    """Judge also the mean of residuals that fades with so many seconds, in units of its own variation. It finds a small
    shift that lasts, however closely readings echo each other. 0, the default: do not."""
    slow_weight: float = Field(default=1, gt=0, le=100, allow_inf_nan=False)
    """How many sigmas of evidence a sigma of the slow mean counts; 1 by default."""
    weight: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)
    """Of the newest sample in `ewma`; 0.2 by default."""
    slack: float = Field(default=0.5, ge=0, le=10, allow_inf_nan=False)
    """k of `cusum` and `page_hinkley`: half of the smallest shift that matters, sigmas; 0.5 by default."""
    clip_sigmas: float = Field(default=6, ge=1, le=1000, allow_inf_nan=False)
    """A sample counts as at most so far off, sigmas; 6 by default (assumed)."""
    rebaseline_s: float = Field(default=3 * 86_400, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    """Assumed: after three days a shift is either mended or the new normal."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the evidence for a shift of `quantity`, sigmas."""
        return None if quantity is None else in_sigmas(distance_of(quantity, *_WORDS[self.direction]))


class Shift:
    """All shift rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("ShiftOptions", each.rule.options) for each in bound]
        rule = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        part_ns = np.array([round(each.mean_s * SECOND_NS) for each in options], np.int64)[rule]
        stale_s = [register.sensors[number].stale_after_s for each in bound for number in each.rule.sensors]
        # A part is closed by the first reading after it, and one may be missing.
        stale_ns = np.round(np.array(stale_s) * SECOND_NS).astype(np.int64) + 2 * part_ns
        uses_ignored = np.array([each.on_doubt is OnSuspect.JUDGE for each in options], np.bool_)
        self._distance_evaluator = DistanceEvaluator(bound, register, counts, stale_ns, uses_ignored=uses_ignored)
        self.alarm: NDArray[np.int32] = self._distance_evaluator.level_evaluator.alarm
        self.level: NDArray[np.int8] = self._distance_evaluator.level_evaluator.level
        self._parts = _Parts(part_ns, self._distance_evaluator.cadence_ns)
        memory = _memory_of(bound, options, rule)
        cycle = np.array([list(Cycle).index(each.cycle) for each in options], np.int8)[rule]
        offset_ns = np.array([round(each.utc_offset_h * HOUR_NS) for each in options], np.int64)[rule]
        self._usual = MeanAndScale(memory, HourProfile(cycle, offset_ns))
        self._learns_all = np.array([each.learns is Learns.ALL for each in options], np.bool_)[rule]
        self._evidence = _Evidence(bound, options, rule)
        self._slow = _Slow(memory, options, rule)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._distance_evaluator.evaluate(admitted, self._distances)

    def _distances(self, readings: Readings, step: ValueStep) -> NDArray[np.float64]:
        """Return float64[n]: the evidence after each reading, NaN where it completes no sample or none is known."""
        distances = np.full(len(readings.binding), np.nan)
        sample = self._parts.collect(readings, step)
        b, weight_ns = sample.readings.binding, sample.weight_ns
        off = self._usual.distance(b, sample.readings.time_ns, sample.readings.value)
        residual, off = self._usual.residual(b, off), self._usual.clip(b, off)
        slow = self._distance_evaluator.signed(b, self._slow.add(b, off, weight_ns))
        distance = np.maximum(self._evidence.add(b, residual), slow)
        mask = self._distance_evaluator.learning_mask(sample.readings, sample.step, distance, self._learns_all[b])
        self._learn(sample, off, mask.may_learn)
        for part in (self._usual, self._evidence, self._slow):
            part.forget(b[mask.must_forget])
        distances[sample.row] = distance
        return distances

    def _learn(self, sample: "_Sample", off: NDArray[np.float64], may_learn: NDArray[np.bool_]) -> None:
        readings, weight_ns = sample.readings.take(may_learn), sample.weight_ns[may_learn]
        b = readings.binding
        self._slow.learn(b, self._usual.share(b, weight_ns))
        self._usual.learn(b, readings.time_ns, readings.value, off[may_learn], weight_ns)

    def state(self) -> State:
        """Return the columns to keep."""
        newer = {**self._slow.columns(), **self._usual.by_hour()}
        own = {**self._parts.columns(), **self._usual.columns(), **self._evidence.columns(), **newer}
        return State({}, {**self._distance_evaluator.columns(), **own}, {}, optional=frozenset(newer))

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._distance_evaluator.level_evaluator.rebuild()


def _memory_of(bound: Sequence[BoundRule], options: Sequence[ShiftOptions], rule: NDArray[np.intp]) -> LearningSpans:
    def time_ns(seconds: Sequence[float]) -> NDArray[np.int64]:
        return np.array([round(each * SECOND_NS) for each in seconds], np.int64)[rule]

    return LearningSpans(
        time_ns([each.baseline_s for each in options]),
        time_ns([each.baseline_s if each.warm_s is None else each.warm_s for each in options]),
        np.array([least_sigma(each.rule.quantity) for each in bound], np.float64)[rule],
        np.array([each.clip_sigmas for each in options], np.float64)[rule],
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    """The samples that some readings completed: themselves, or means of the readings before them."""

    row: NDArray[np.intp]
    """The places of the readings that completed them."""
    readings: Readings
    step: ValueStep
    weight_ns: NDArray[np.int64]
    """The time that each stands for."""


class _Parts:
    """The open part of each binding with means as samples."""

    def __init__(self, part_ns: NDArray[np.int64], cadence_ns: NDArray[np.int64]) -> None:
        n = len(part_ns)
        self._part_ns, self._cadence_ns = part_ns, cadence_ns
        self._part, self._sum, self._count = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int32)
        self._quality = np.zeros(n, np.uint16)
        self._elapsed_ns, self._broken = np.zeros(n, np.int64), np.zeros(n, np.bool_)

    def collect(self, readings: Readings, step: ValueStep) -> _Sample:
        """Return the samples that readings of distinct bindings complete, and begin new ones with the readings."""
        b = readings.binding
        part_ns = self._part_ns[b]
        weight_ns = np.where(step.broken, self._cadence_ns[b], step.elapsed_ns)
        if not part_ns.any():
            return _Sample(np.arange(len(b)), readings, step, weight_ns)
        is_mean = part_ns > 0
        part = readings.time_ns // np.maximum(part_ns, 1)
        row = np.flatnonzero(~is_mean | ((part != self._part[b]) & (self._count[b] > 0)))
        closed = self._close(readings, step, row)
        weight_ns = np.where(is_mean, part_ns, weight_ns)[row]
        self._empty(b[row])
        self._add(readings.take(is_mean), step.elapsed_ns[is_mean], step.broken[is_mean], part[is_mean])
        return _Sample(row, *closed, weight_ns)

    def _close(self, readings: Readings, step: ValueStep, row: NDArray[np.intp]) -> tuple[Readings, ValueStep]:
        b = readings.binding[row]
        is_mean = self._part_ns[b] > 0
        value = np.where(is_mean, self._sum[b] / np.maximum(self._count[b], 1), readings.value[row])
        quality = np.where(is_mean, self._quality[b], readings.quality[row])
        time_ns = np.where(is_mean, self._part[b] * self._part_ns[b], readings.time_ns[row])
        elapsed = np.where(is_mean, self._elapsed_ns[b], step.elapsed_ns[row])
        broken = np.where(is_mean, self._broken[b], step.broken[row])
        closed = dataclasses.replace(readings.take(row), time_ns=time_ns, value=value, quality=quality)
        return closed, dataclasses.replace(step, elapsed_ns=elapsed, broken=broken, too_soon=step.too_soon[row])

    def _add(
        self,
        readings: Readings,
        elapsed_ns: NDArray[np.int64],
        broken: NDArray[np.bool_],
        part: NDArray[np.int64],
    ) -> None:
        b = readings.binding
        self._part[b] = part
        self._sum[b] += readings.value
        self._count[b] += 1
        self._quality[b] |= readings.quality
        self._elapsed_ns[b] += np.where(broken, 0, elapsed_ns)
        self._broken[b] |= broken

    def _empty(self, b: NDArray[np.intp]) -> None:
        for column in self.columns().values():
            column[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "part": self._part,
            "part_sum": self._sum,
            "part_count": self._count,
            "part_quality": self._quality,
            "part_elapsed_ns": self._elapsed_ns,
            "part_broken": self._broken,
        }


class _Evidence:
    """The evidence that each binding's method has added up: column 0 for a rise, 1 for a fall."""

    def __init__(self, bound: Sequence[BoundRule], options: Sequence[ShiftOptions], rule: NDArray[np.intp]) -> None:
        def column(numbers: Sequence[float]) -> NDArray[np.float64]:
            return np.array(numbers, np.float64)[rule][:, np.newaxis]

        self._method = np.array([list(ShiftMethod).index(each.method) for each in options], np.int8)[rule]
        self._weight, self._slack = column([each.weight for each in options]), column([each.slack for each in options])
        self._cap = column([_CAP * max(limit.limit for limit in each.rule.levels) for each in bound])
        direction = directions([each.direction for each in options])[rule]
        self._watched = np.stack((direction >= 0, direction <= 0), axis=1)
        self._sum, self._lowest = np.zeros((len(rule), 2)), np.zeros((len(rule), 2))

    def add(self, b: NDArray[np.intp], residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: the evidence with residuals of distinct bindings; NaN adds none and gives NaN."""
        known = np.flatnonzero(~np.isnan(residual))
        evidence = np.full(len(b), np.nan)
        method = self._method[b[known]]
        for number, judge in enumerate((self._ewma, self._cusum, self._page_hinkley)):
            rows = known[method == number]
            if len(rows):
                both = judge(b[rows], np.stack((residual[rows], -residual[rows]), axis=1))
                # No side is ever below 0, so that the unwatched side never counts.
                evidence[rows] = (both * self._watched[b[rows]]).max(axis=1)
        return evidence

    def _ewma(self, b: NDArray[np.intp], residual: NDArray[np.float64]) -> NDArray[np.float64]:
        weight = self._weight[b]
        self._sum[b] = (1 - weight) * self._sum[b] + weight * residual
        both: NDArray[np.float64] = self._sum[b] / np.sqrt(weight / (2 - weight))
        return np.maximum(both, 0)

    def _cusum(self, b: NDArray[np.intp], residual: NDArray[np.float64]) -> NDArray[np.float64]:
        self._sum[b] = np.minimum(np.maximum(self._sum[b] + residual - self._slack[b], 0), self._cap[b])
        return self._sum[b]

    def _page_hinkley(self, b: NDArray[np.intp], residual: NDArray[np.float64]) -> NDArray[np.float64]:
        total = _FORGETTING * self._sum[b] + residual - self._slack[b]
        lowest = np.maximum(np.minimum(self._lowest[b], total), total - self._cap[b])
        self._sum[b], self._lowest[b] = total, lowest
        return total - lowest

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin anew for bindings `b`."""
        self._sum[b], self._lowest[b] = 0, 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"evidence": self._sum, "lowest": self._lowest}


class _Slow:
    """The mean of the last residuals of each binding, and its variance about zero."""

    def __init__(self, memory: LearningSpans, options: Sequence[ShiftOptions], rule: NDArray[np.intp]) -> None:
        self._least = memory.least
        self._slow_ns = np.array([each.slow_s * SECOND_NS for each in options], np.float64)[rule]
        self._weight = np.array([each.slow_weight for each in options], np.float64)[rule]
        self._is_used = bool(self._slow_ns.any())
        self._mean, self._variance = np.zeros(len(rule)), np.zeros(len(rule))

    def add(self, b: NDArray[np.intp], off: NDArray[np.float64], weight_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[n]: signed evidence, with residuals of distinct bindings in their unit; 0 where not wanted."""
        evidence = np.zeros(len(b))
        if not self._is_used:
            return evidence
        wanted = self._slow_ns[b] > 0
        b = b[wanted]
        share = -np.expm1(-weight_ns[wanted] / self._slow_ns[b])
        self._mean[b] += share * (off[wanted] - self._mean[b])
        sigma = np.maximum(np.sqrt(self._variance[b]), self._least[b])
        evidence[wanted] = self._weight[b] * self._mean[b] / sigma
        return evidence

    def learn(self, b: NDArray[np.intp], share: NDArray[np.float64]) -> None:
        """Let the means of distinct bindings `b` teach how much they vary, by float64[n] `share`."""
        if self._is_used:
            mean = self._mean[b]
            self._variance[b] = (1 - share) * self._variance[b] + share * mean * mean

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin anew for bindings `b`."""
        self._mean[b], self._variance[b] = 0, 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"slow_mean": self._mean, "slow_variance": self._variance}
