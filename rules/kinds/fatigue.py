"""`fatigue`: how much of the life of steel its load cycles have used, or how fast they use it.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock, and mean stress; a cycle counts by its range.
Rejects: ranges that hide every cycle, and windows in which no cycle fits.

Turning points of a strain or stress make cycles by rainflow counting. A cycle of range r uses 1 / `reference_cycles`
times (r / `reference_range`) ** `slope` of the life (Miner). Without `span_s` the judged value is the sum of all cycles
so far, percent of the life, with every reading. With `span_s` it is the use of a window of event time, with the first
reading after it. That is in percent of the use that `design_life_years` allow in such a time. Readings that intake or
device doubt (SPIKE, RATE, DEVICE_SUSPECT) are left out: a spike would be a large cycle.

Sources: ASTM E1049-85 (2017), 5.4.4 (rainflow). Miner, J. Appl. Mech. 12 (1945). `slope` 3 and 2 million cycles at the
reference range are as in the detail categories of EN 1993-1-9. Its second slope and cut-off are left out: small cycles
count for more than they do there.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> gauge = Sensor("B.s", "B", "D", "s", "stress", 1.0, 0.0, 1.0, 6.0, "")
>>> options = FatigueOptions.model_validate({"reference_range": 10, "reference_cycles": 100, "levels": [
...     {"level": "yellow", "limit": 1, "deadband": 0.5, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("worn", "fatigue", "疲劳", "worn", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [gauge], {}, []))
>>> values = [-2, 1, -3, 5, -1, 3, -4, 4, -2, 0]
>>> times = [second * 10**9 for second in range(10)]
>>> events = engine.evaluate(make_batch(0, [0] * 10, times, values, [0] * 10), position=1)
>>> [(int(events.time_ns[i]) // 10**9, round(float(events.value[i]), 4)) for i in range(len(events))]
[(9, 1.094)]
"""

import dataclasses
import math
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
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.per_sensor import Readings, SequentialEvaluator
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rainflow import Rainflow

_YEAR_S = 365.25 * 86_400
_LEAST_SHARE = 0.75
"""So many of the readings of a window must be there; assumed."""
_MOST_PERCENT = 1e6


class FatigueOptions(LimitOptions):
    """Keys of a fatigue rule; limits are percent."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse: there is no choice."""
    reference_range: float = Field(gt=0, allow_inf_nan=False)
    """The range that the detail bears `reference_cycles` times, in the unit of the quantity. Needed."""
    reference_cycles: float = Field(default=2e6, ge=1, allow_inf_nan=False)
    """How many cycles of that range are its life; 2,000,000 by default."""
    slope: float = Field(default=3.0, ge=1, le=20)
    """Exponent of the S-N curve, 1 to 20; 3 by default."""
    least_range: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Smaller ranges, in the unit of the quantity, are noise and no cycles. 0 (default) counts all."""
    used_percent: float = Field(default=0.0, ge=0, le=100)
    """The use of the years before the sensor, percent of the life; 0 by default. Not with `span_s`."""
    span_s: float | None = Field(default=None, ge=10, le=31 * 86_400)
    """Judge the wear of windows of so many seconds, 10 to 31 days, instead of the sum since the beginning."""
    design_life_years: float = Field(default=100.0, gt=0, le=1000)
    """With `span_s`: 100 % is the wear that uses up the life in so many years; 100 by default."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the damage by cycles of `quantity`, percent of the life or of the allowance of its design."""
        if quantity is None:
            return None
        is_whole = self.span_s is None
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_damage" if is_whole else f"{quantity.name}_damage_rate",
            zh=f"{quantity.zh}疲劳损伤占寿命比例" if is_whole else f"{quantity.zh}疲劳损伤占设计允许比例",
            en=f"life used by cycles of {quantity.en},"
            if is_whole
            else f"wear by cycles of {quantity.en}, of its design,",
            unit="%",
            low=0.0,
            high=_MOST_PERCENT,
            max_rate=np.inf,
            decimals=3 if is_whole else 1,
            accepts={},
        )

    def window_s(self, sensor: Sensor) -> float:
        """Return how long a danger may have to last, seconds: a window, where windows are judged."""
        del sensor
        return self.span_s or 0.0

    def cadence_s(self, sensor: Sensor) -> float:
        """Return how often a value is judged, seconds."""
        return max(self.span_s or 0.0, sensor.cadence_s)

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield ranges that hide every cycle, and windows in which no cycle fits."""
        yield from super().faults(quantity, sensors)
        if quantity is not None and self.least_range >= quantity.high - quantity.low:
            expected = f"less than {quantity.high - quantity.low:g} {quantity.unit}"
            yield Fault(("least_range",), expected, f"{self.least_range:g}", "no instrument reports such a cycle")
        slow = [each.id for each in sensors if self.span_s is not None and each.cadence_s * 10 > self.span_s]
        if slow:
            remedy = "lengthen the window, or narrow `where`"
            yield Fault(("span_s",), "ten readings in each", f"{', '.join(slow[:3])} reads less often", remedy)


class Fatigue:
    """All fatigue rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("FatigueOptions", each.rule.options) for each in bound]
        pairs = [(each, register.sensors[i]) for each, b in zip(options, bound, strict=True) for i in b.rule.sensors]
        stale_s = np.array([sensor.stale_after_s + 2 * (each.span_s or 0.0) for each, sensor in pairs])
        self._level_evaluator = LevelEvaluator(bound, register, counts, np.round(stale_s * SECOND_NS).astype(np.int64))
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._sequential = SequentialEvaluator(self._level_evaluator)
        rule = self._level_evaluator.rule
        least, reference, slope = (
            np.array([getattr(each, name) for each in options], np.float64)[rule]
            for name in ("least_range", "reference_range", "slope")
        )
        self._rainflow = Rainflow(least, reference, slope)
        lifes = [100 / each.reference_cycles / _allowance(each) for each in options]
        self._percent: NDArray[np.float64] = np.array(lifes, np.float64)[rule]
        """The damage of one reference cycle, percent."""
        used = [each.used_percent if each.span_s is None else 0.0 for each in options]
        self._used = np.array(used, np.float64)[rule]
        window_ns = [round((each.span_s or 0.0) * SECOND_NS) for each in options]
        self._window_ns = np.array(window_ns, np.int64)[rule]
        needed = [math.floor(_LEAST_SHARE * (each.span_s or 0.0) / sensor.cadence_s) for each, sensor in pairs]
        self._needed = np.array(needed, np.int64)
        self._number, self._clock = np.full(len(rule), NEVER_NS), np.zeros(len(rule), np.bool_)
        self._count, self._before = np.zeros(len(rule), np.int64), np.zeros(len(rule))

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._sequential.evaluate(admitted, self._wear)

    def _wear(self, readings: Readings) -> NDArray[np.float64]:
        """Return float64[n]: percent of the life, or of the allowance of each closed window, else NaN."""
        b = readings.binding
        damage = self._rainflow.add(b, readings.value)
        percent: NDArray[np.float64] = damage * self._percent[b] + self._used[b]
        is_window = self._window_ns[b] > 0
        if not is_window.any():
            return percent
        rows = np.flatnonzero(is_window)
        percent[rows] = self._windows(readings.take(rows), damage[rows])
        return percent

    def _windows(self, now: Readings, damage: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: damage of the window that each reading closes, percent of the allowance, else NaN.

        The damage of a reading belongs to the window that it closes: the cycle that it ends was in there.
        """
        b = now.binding
        number = now.time_ns // self._window_ns[b]
        ahead = self._number[b] - number
        is_known = (ahead == -1) & (now.clock == self._clock[b]) & (self._count[b] >= self._needed[b])
        percent = np.where(is_known, (damage - self._before[b]) * self._percent[b], np.nan)
        # A clock set back by a moment stays in the open window; one set back far, or another clock, opens one anew.
        opens = (ahead < 0) | (ahead > 1) | (now.clock != self._clock[b])
        fresh = b[opens]
        self._number[fresh], self._clock[fresh] = number[opens], now.clock[opens]
        self._before[fresh], self._count[fresh] = damage[opens], 0
        self._count[b] += 1
        return percent

    def state(self) -> State:
        """Return the columns to keep."""
        own: dict[str, NDArray[np.generic]] = {
            "window_number": self._number,
            "window_clock": self._clock,
            "window_count": self._count,
            "window_before": self._before,
        }
        return State({}, {**self._level_evaluator.columns(), **self._rainflow.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._level_evaluator.rebuild()


def _allowance(options: FatigueOptions) -> float:
    """Return the share of the life that limits are percent of."""
    if options.span_s is None:
        return 1.0
    return options.span_s / (options.design_life_years * _YEAR_S)
