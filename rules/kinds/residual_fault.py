"""`residual_fault`: a sensor departs alone from the forecast by its zone: its device drifts or is wrong.

Input: admitted readings.
Output: transitions of health alarms, level 1 while it departs alone.
Not responsible for: hazards; a departure that others confirm is for `residual`, and absolute limits judge the sensor as
ever.
Rejects: a rule without a quantity.

>>> import random
>>> from collector.batch import make_batch
>>> from config.register import Asset, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> dice = random.Random(1)
>>> place = Asset("S", "water_main", "water", "S", "S", "R", 0.0, 0.0)
>>> sensors = [Sensor(f"S.{i}", "S", f"D{i}", "p", "water_main_pressure", 1.0, 0.0, 1.0, 60.0, "") for i in range(4)]
>>> options = ResidualFaultOptions.model_validate({"limit": 30, "source": "assumed for this example",
...     "zone": {"step_s": 1, "warm_up_rows": 50, "confirm_at": 29}})
>>> rule = Rule("drift", "residual_fault", "漂移", "drift", "", "", None, (0, 1, 2, 3), (), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {"S": place}, sensors, {}, []))
>>> for second in range(100):
...     pressure = 0.4 + 0.05 * dice.gauss(0, 1)
...     values = [pressure + 0.001 * dice.gauss(0, 1) + 0.01 * (second >= 80 and i == 2) for i in range(4)]
...     moment = second * 10**9
...     events = engine.evaluate(make_batch(moment, [0, 1, 2, 3], [moment] * 4, values, [0] * 4), second)
...     for i in range(len(events)):
...         print(second, engine.alarms[events.alarm[i]].id)
84 drift/S.2
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
from rules.zones.model import ZoneModel
from rules.zones.options import ZoneOptions, zones_of
from rules.zones.rows import add_rows

_BACK = 0.5
"""It agrees again below this part of the limit; assumed."""


class ResidualFaultOptions(BaseModel):
    """The keys of a rule that finds sensors that depart alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    zone: ZoneOptions = ZoneOptions()
    """As in residual; give both rules the same zone. With `confirmed_by` others at a sum of `confirm_at` it is no
    device fault. The exception is a sensor that departs far and alone row by row (`alone_at`)."""
    limit: float = Field(gt=0, le=1e6)
    """Sum of departures in sigma."""
    source: str = Field(min_length=3)
    """As in every rule."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return no levels: a device that drifts is no hazard."""
        return ()

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity as it is: it is not compared with limits of levels."""
        return quantity

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` is watched: every sensor of the rule's quantity is."""
        del heartbeats, sensor
        return True

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield a rule without a quantity: one rule cannot forecast sensors of different quantities by each other."""
        del sensors
        if quantity is None:
            yield Fault(("quantity",), "a quantity", "nothing", "name whose sensors foretell each other")


class ResidualFault:
    """All such rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        n = len(self.alarm)
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.full(n, NEVER_NS)
        sensor = np.array([i for each in bound for i in each.rule.sensors], np.intp)
        self._reading_fan_out = FanOut(len(register.sensors), sensor, np.arange(n))
        self._model = ZoneModel(zones_of(bound, register, _zone_options), n, counts)
        options = [typing.cast("ResidualFaultOptions", each.rule.options) for each in bound]
        rule = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        self._limit = np.array([each.limit for each in options], np.float64)[rule]
        self._ignored = np.array([each.ignored for each in bound], np.uint16)[rule]
        self._needed = np.array([each.zone.confirmed_by for each in options], np.int64)[rule]

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the sensors that depart alone, or agree again."""
        row, binding = self._reading_fan_out.bindings_of(admitted.sensor)
        good = (admitted.quality[row] & self._ignored[binding]) == 0
        row, binding = row[good], binding[good]
        known = add_rows(self._model, admitted, row, binding)
        departure = np.where(known.confirming < self._needed[binding], known.departure, known.alone)
        departure[np.isnan(known.departure)] = np.nan
        begins = departure >= self._limit[binding]
        ends = departure < _BACK * self._limit[binding]
        health = HealthTransitions(self.alarm, self.level, self._episode_ns)
        for i in np.flatnonzero(begins | (ends & (self.level[binding] > 0)) | (ends & self._begun(binding, begins))):
            b = int(binding[i])
            if self.level[b] == 0 and begins[i]:
                health.toggle(admitted, int(row[i]), b, TransitionReason.SHIFTS_ALONE)
            elif self.level[b] > 0 and ends[i]:
                health.toggle(admitted, int(row[i]), b, TransitionReason.AGREES_AGAIN)
        return health.transitions()

    def _begun(self, binding: NDArray[np.intp], begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return bool[n]: bindings that may begin in this batch, so that they may end in it too."""
        begun = np.zeros(len(self.level), np.bool_)
        begun[binding[begins]] = True
        return begun[binding]

    def state(self) -> State:
        """Return the columns to keep."""
        kept: dict[str, NDArray[np.generic]] = {"level": self.level, "episode_ns": self._episode_ns}
        return State({}, {**kept, **self._model.columns()}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._model.rebuild()


def _zone_options(options: BaseModel) -> tuple[ZoneOptions, float]:
    chosen = typing.cast("ResidualFaultOptions", options)
    return chosen.zone, chosen.limit
