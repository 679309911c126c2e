"""`battery`: a device with a low charge will soon be silent: maintenance is informed before that.

Input: admitted readings.
Output: transitions of health alarms, level 1 while the charge is low.
Not responsible for: hazards; a low charge is never one, and makes no sensor blind.
Rejects: a limit plus deadband above 100 percent.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> charge = Sensor("D.bat", "M", "D", "bat", "battery", 1.0, 0.0, 3600.0, 10800.0, "")
>>> options = BatteryOptions(limit=20, deadband=10, source="assumed for this example")
>>> rule = Rule("low", "battery", "低", "low", "", "", None, (0,), (), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [charge], {}, []))
>>> events = engine.evaluate(make_batch(0, [0] * 4, [1, 2, 3, 4], [21.0, 20.0, 25.0, 90.0], [0] * 4), position=1)
>>> [(int(events.time_ns[i]), int(events.level_after[i])) for i in range(len(events))]
[(2, 1), (4, 0)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from config.quantities import Quantity
from config.register import Register, Sensor
from rules.admission.admission import AdmittedReadings
from rules.alarms.health_toggle import HealthTransitions
from rules.events import TransitionReason
from rules.fan_out import FanOut
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions, alarm_numbers
from rules.rule import LevelLimit


class BatteryOptions(BaseModel):
    """The keys of a battery rule besides those that every rule has."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    limit: float = Field(gt=0, le=100)
    """At or below it the charge is low, percent."""
    deadband: float = Field(gt=0, le=100)
    """Percent above the limit at which the charge is well again: with another battery, not on a warm afternoon."""
    source: str = Field(min_length=3)
    """The clause that the numbers come from, or `assumed` or `unverified` and why."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return no levels: a low charge is no hazard."""
        return ()

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity as it is: it is not compared with limits."""
        return quantity

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` is watched: charges are."""
        return sensor.quantity == "battery" and sensor.id not in heartbeats

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield an end that no battery reaches."""
        del quantity, sensors
        if self.limit + self.deadband > 100:
            got = f"an end at {self.limit + self.deadband:g} %"
            yield Fault(("deadband",), "an end at 100 % or below", got, "choose a smaller limit or deadband")


class Battery:
    """All battery rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        del counts
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        options = [typing.cast("BatteryOptions", each.rule.options) for each in bound]
        of_rule = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        self._limit = np.array([each.limit for each in options], np.float64)[of_rule]
        self._end = np.array([each.limit + each.deadband for each in options], np.float64)[of_rule]
        sensor = np.array([number for each in bound for number in each.rule.sensors], np.intp)
        self._reading_fan_out = FanOut(len(register.sensors), sensor, np.arange(len(sensor)))
        n = len(self.alarm)
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.full(n, NEVER_NS)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the charges that became low or well."""
        rows, binding = self._reading_fan_out.bindings_of(admitted.sensor)
        health = HealthTransitions(self.alarm, self.level, self._episode_ns)
        low = admitted.value[rows] <= self._limit[binding]
        well = admitted.value[rows] >= self._end[binding]
        for place in np.flatnonzero((low | well) & admitted.usable[rows]).tolist():
            row, b = int(rows[place]), int(binding[place])
            if low[place] != (self.level[b] > 0):
                health.toggle(
                    admitted, row, b, TransitionReason.BATTERY_LOW if low[place] else TransitionReason.BATTERY_WELL
                )
        return health.transitions()

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {"level": self.level, "episode_ns": self._episode_ns}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive nothing: all columns are kept."""
        del known
