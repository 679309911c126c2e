"""`night_flow`: more water flows in the quiet hours of a night than in the best past nights: a leak.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; nights are event time of one sensor at a given distance from UTC.
Rejects: nights without length, and sensors that read too rarely to have any night.

A night has the mean of the readings between `from_hour` and `until_hour`. It is compared with the lowest, or a low
quantile, of the last `nights` good ones. The judged value is its rise, in percent or in the quantity's unit. It is
known with the first reading after the hours. A night is good, and remembered, if it has not risen to the reset value of
the lowest level. The reason: the nights of a leak must not be learned. After `rebaseline_nights` others in a row the
usual night is forgotten. Readings that intake or device doubt (SPIKE, RATE, DEVICE_SUSPECT) are left out.

Source: Vrachimis et al., LeakDB, 1st WDSA/CCWI joint conference 2018. It compares the minimum night flow between 2 and
4 h with the lowest of the last ten nights. Its limits are 10 to 30 percent.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("Z.q", "Z", "D", "q", "water_flow", 1.0, 0.0, 3600.0, 7200.0, "")
>>> options = NightFlowOptions.model_validate({"in": "percent", "least_flow": 1, "fewest_nights": 3, "levels": [
...     {"level": "blue", "limit": 20, "deadband": 5, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("leak", "night_flow", "漏", "leak", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [main], {}, []))
>>> hours = range(6 * 24)
>>> local = [(hour + 8) % 24 for hour in hours]
>>> flows = [10 + 20 * (6 < clock < 23) + 4 * (hour > 80) for hour, clock in zip(hours, local, strict=True)]
>>> times = [hour * 3600 * 10**9 for hour in hours]
>>> events = engine.evaluate(make_batch(0, [0] * 144, times, flows, [0] * 144), position=1)
>>> [(int(events.time_ns[i]) // (3600 * 10**9), float(events.value[i])) for i in range(len(events))]
[(92, 40.0)]
"""

import dataclasses
import math
import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import HOUR_S, SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.night_minimum import MOST_NIGHTS, NightMinimum
from rules.evaluation.per_sensor import Readings, SequentialEvaluator
from rules.kind import BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side

_LEAST_SHARE = 0.75
"""So many of the readings of a night must be there; assumed."""
_MOST_PERCENT = 10_000.0
"""Assumed: a hundred times the usual is another pipe."""
_VALUE_GAP_NS = 36 * 3600 * SECOND_NS
"""A value comes with each night: one and a half without one is a gap."""


class Unit(StrEnum):
    """The unit of a rise."""

    PERCENT = "percent"
    FLOW = "flow"


class NightFlowOptions(LimitOptions):
    """Keys of a night-flow rule; limits are rises above the usual night."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse: there is no choice."""
    unit: Unit = Field(default=Unit.PERCENT, alias="in")
    """The unit of limits."""
    from_hour: float = Field(default=2.0, ge=0, lt=24)
    """The quiet hours by the clock of the place, 0 to 24; 2 to 4 by default. They may pass midnight."""
    until_hour: float = Field(default=4.0, ge=0, le=24)
    """The quiet hours by the clock of the place, 0 to 24; 2 to 4 by default. They may pass midnight."""
    utc_offset_h: float = Field(default=8.0, ge=-12, le=14)
    """How far that clock is ahead of UTC, hours; left out, the standard time of the city's time zone. Where
    clocks change in summer, choose hours that are quiet by both."""
    nights: int = Field(default=10, ge=2, le=MOST_NIGHTS)
    """The usual night is taken from the last so many good ones, 2 to 60; 10 by default."""
    fewest_nights: int = Field(default=5, ge=1, le=MOST_NIGHTS)
    """With fewer good nights nothing is known; 5 by default."""
    quantile: float = Field(default=0.0, ge=0, le=0.5)
    """0 (default): the lowest of them is usual. Up to 0.5, where single nights are oddly low: this share of them lies
    below the usual night."""
    least_flow: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """With `in: percent`, a usual night counts as at least this, in the quantity's unit. Needed there, because twice
    nearly nothing is nearly nothing."""
    rebaseline_nights: int = Field(default=14, ge=0, le=1000)
    """After so many nights in a row that were not good, the usual night is forgotten; 14 by default, 0 for never."""

    @property
    def length_s(self) -> float:
        """Length of the hours of a night, seconds; they may pass midnight."""
        return (self.until_hour - self.from_hour) % 24 * HOUR_S

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the rise of `quantity` at night, percent or in its unit."""
        if quantity is None:
            return None
        is_percent = self.unit is Unit.PERCENT
        span = quantity.high - quantity.low
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_night_rise",
            zh=f"夜间{quantity.zh}比平时增加",
            en=f"rise of {quantity.en} at night",
            unit="%" if is_percent else quantity.unit,
            low=-_MOST_PERCENT if is_percent else -span,
            high=_MOST_PERCENT if is_percent else span,
            max_rate=np.inf,
            decimals=1 if is_percent else quantity.decimals,
            accepts={},
        )

    def window_s(self, sensor: Sensor) -> float:
        """Return how long a danger may have to last, seconds: to the end of the next night."""
        del sensor
        return 24.0 * HOUR_S

    def cadence_s(self, sensor: Sensor) -> float:
        """Return how often a value is judged, seconds: once a night."""
        del sensor
        return 24.0 * HOUR_S

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield nights without length, and sensors that read too rarely to have any."""
        yield from super().faults(quantity, sensors)
        if self.length_s == 0:
            yield Fault(("until_hour",), "another hour than from_hour", f"{self.until_hour:g}", "name the quiet hours")
        if self.fewest_nights > self.nights:
            got = str(self.fewest_nights)
            yield Fault(("fewest_nights",), f"at most `nights`, {self.nights}", got, "they would never be there")
        if self.unit is Unit.PERCENT and self.least_flow is None:
            remedy = "give the flow that a percentage is of where nights are nearly dry"
            yield Fault(("least_flow",), "a flow beside in: percent", "nothing", remedy)
        rare = [each.id for each in sensors if each.cadence_s > self.length_s]
        if rare:
            remedy = "widen the hours, or narrow `where`"
            yield Fault(("from_hour",), "a reading in each night", f"{', '.join(rare[:3])} reads less often", remedy)


class NightFlow:
    """All night-flow rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("NightFlowOptions", each.rule.options) for each in bound]
        n = sum(len(each.rule.sensors) for each in bound)
        self._level_evaluator = LevelEvaluator(bound, register, counts, np.full(n, _VALUE_GAP_NS))
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._sequential = SequentialEvaluator(self._level_evaluator)
        rule = self._level_evaluator.rule
        begins = [round((each.from_hour - each.utc_offset_h) * HOUR_S) * SECOND_NS for each in options]
        lengths = [round(each.length_s) * SECOND_NS for each in options]
        needed = [
            max(1, math.floor(_LEAST_SHARE * each.length_s / register.sensors[number].cadence_s))
            for each, bind in zip(options, bound, strict=True)
            for number in bind.rule.sensors
        ]
        self._nights = NightMinimum(
            np.array(begins, np.int64)[rule],
            np.array(lengths, np.int64)[rule],
            np.array(needed, np.int64),
            not_learned=bound[0].not_learned,
        )
        self._n_nights = np.array([each.nights for each in options], np.int64)[rule]
        self._fewest = np.array([each.fewest_nights for each in options], np.int64)[rule]
        self._quantile = np.array([each.quantile for each in options])[rule]
        self._is_percent = np.array([each.unit is Unit.PERCENT for each in options], np.bool_)[rule]
        self._least = np.array([each.least_flow or 0.0 for each in options])[rule]
        self._longest = np.array([each.rebaseline_nights for each in options], np.int64)[rule]
        resets = [min((level.reset for level in each.rule.levels), default=np.inf) for each in bound]
        self._normal_below = np.array(resets, np.float64)[rule]
        self._flagged = np.zeros(len(rule), np.int64)
        """Nights in a row that were not good."""

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        return self._sequential.evaluate(admitted, self._rises)

    def _rises(self, readings: Readings) -> NDArray[np.float64]:
        """Return float64[n]: the rise of the night that a reading closes, NaN where that is not known."""
        mean, may_learn = self._nights.add(readings)
        rises = np.full(len(mean), np.nan)
        closes = (~np.isnan(mean)).nonzero()[0]
        if len(closes) == 0:
            return rises
        b, mean, may_learn = readings.binding[closes], mean[closes], may_learn[closes]
        usual = self._nights.usual(b, self._n_nights[b], self._fewest[b], self._quantile[b])
        rise = mean - usual
        share = 100 * rise / np.maximum(usual, np.where(self._is_percent[b], self._least[b], np.inf))
        rises[closes] = np.where(self._is_percent[b], share, rise)
        self._learn(b, mean, ~(rises[closes] >= self._normal_below[b]), may_learn)
        return rises

    def _learn(
        self, b: NDArray[np.intp], mean: NDArray[np.float64], is_normal: NDArray[np.bool_], may_learn: NDArray[np.bool_]
    ) -> None:
        self._flagged[b] = np.where(is_normal, 0, self._flagged[b] + 1)
        must_forget = ~is_normal & (self._longest[b] > 0) & (self._flagged[b] >= self._longest[b])
        self._nights.forget(b[must_forget])
        self._flagged[b[must_forget]] = 0
        good = may_learn & (is_normal | must_forget)
        self._nights.keep(b[good], mean[good], self._n_nights[b[good]])

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {**self._level_evaluator.columns(), **self._nights.columns(), "flagged": self._flagged}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._nights.rebuild(self._n_nights)
        self._level_evaluator.rebuild()
