"""`residual`: a sensor and others of its zone depart together from the forecast by the zone: a danger.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock, and devices; a sensor that departs alone is for `residual_fault`.
Rejects: faulty levels, and a rule without a quantity.

One event of a zone is one alarm, of the sensor that departs most; the others confirm it. The value compared with the
limits is a cumulative sum in sigma. It grows by the departure of a row beyond the slack. So a small shift that lasts is
found as surely as a large one, and noise never adds up. `rules/zones/model.py` has the model, `rules/zones/leader.py`
the choice of the sensor that raises the alarm.

>>> import random
>>> from collector.batch import make_batch
>>> from config.register import Asset, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> dice = random.Random(1)
>>> place = Asset("S", "water_main", "water", "S", "S", "R", 0.0, 0.0)
>>> sensors = [Sensor(f"S.{i}", "S", f"D{i}", "p", "water_main_pressure", 1.0, 0.0, 1.0, 60.0, "") for i in range(6)]
>>> options = ResidualOptions.model_validate({"zone": {"step_s": 1, "warm_up_rows": 50}, "levels": [{"level": "yellow",
...     "limit": 30, "deadband": 10, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("leak", "residual", "漏", "leak", "", "", None, tuple(range(6)), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {"S": place}, sensors, {}, []))
>>> for second in range(100):
...     pressure, leak = 0.4 + 0.05 * dice.gauss(0, 1), 0.02 * (second >= 80)
...     values = [pressure + 0.001 * dice.gauss(0, 1) - leak * (i < 2) for i in range(6)]
...     moment = second * 10**9
...     events = engine.evaluate(make_batch(moment, range(6), [moment] * 6, values, [0] * 6), second)
...     for i in range(len(events)):
...         print(second, engine.alarms[events.alarm[i]].id, events.level_after[i])
82 leak/S.0 3
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from config.quantities import Quantity
from config.register import Register, Sensor
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.kind import BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.zones.model import ZoneModel
from rules.zones.options import ZoneOptions, zones_of
from rules.zones.rows import add_rows

_DEPARTURE = Quantity(
    "departure",
    "与同区测点推算值的累计偏离",
    "summed departure from the other sensors of the zone",
    "σ",
    0.0,
    1e6,
    np.inf,
    1,
    {},
    "derived",
)


class ResidualOptions(LimitOptions):
    """The keys of a residual rule; limits are sums in sigma."""

    side: Side = Side.HIGH
    """Always `high`; need not be written."""
    zone: ZoneOptions = ZoneOptions()
    """How sensors foretell each other, below."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity that is compared with the limits."""
        del quantity
        return _DEPARTURE

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults of the levels, and a rule without a quantity: it would bind heartbeats too."""
        yield from super().faults(quantity, sensors)
        if quantity is None:
            yield Fault(("quantity",), "a quantity", "nothing", "name whose sensors foretell each other")


class Residual:
    """All residual rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._model = ZoneModel(zones_of(bound, register, _zone_options), len(self.alarm), counts)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        row, binding = self._level_evaluator.bindings_of(admitted)
        danger = add_rows(self._model, admitted, row, binding).danger
        known = ~np.isnan(danger)
        return self._level_evaluator.evaluate(admitted, row[known], binding[known], danger[known])

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {**self._level_evaluator.columns(), **self._model.columns()}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._model.rebuild()
        self._level_evaluator.rebuild()


def _zone_options(options: BaseModel) -> tuple[ZoneOptions, float]:
    chosen = typing.cast("ResidualOptions", options)
    return chosen.zone, min(each.limit for each in chosen.levels)
