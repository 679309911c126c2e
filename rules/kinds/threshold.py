"""`threshold`: a value beyond a limit for a time, with up to five levels in one rule.

Comes in: admitted readings. Goes out: transitions of hazard alarms. Refuses to know the wall clock: every delay is a
difference of event times of one sensor.

For each level of each binding: the *condition* begins with a value at or beyond the limit and ends with one back
beyond limit and deadband. A level becomes active with the reading that finds the condition unbroken since a reading
at least `on_delay_s` older, and inactive likewise after `off_delay_s`. The alarm stands at its highest active level.
Where the device has a heartbeat, becoming inactive also takes one that advances after that older reading: a good value
from a dead device is no all-clear. Where the rule is `live`, becoming active takes one too.
`docs/rules.md` says what gaps, doubtful readings and doubtful clocks do.

Source of the terms: deadband, on-delay and off-delay as in OPC UA Part 9 (10000-9), annex B.1.5.

>>> import numpy as np
>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 2.0, 6.0, "")
>>> register = Register({}, {}, [main], {}, [])
>>> options = ThresholdOptions.model_validate({"side": "low", "levels": [
...     {"level": "yellow", "limit": 0.14, "deadband": 0.01, "on_delay_s": 4, "source": "assumed for this example"}]})
>>> rule = Rule("low", "threshold", "低", "low", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), register)
>>> second = np.array([0, 2, 4, 6, 8]) * 1_000_000_000
>>> events = engine.evaluate(make_batch(0, [0] * 5, second, [0.3, 0.14, 0.1, 0.1, 0.3], [0] * 5), position=1)
>>> for i in range(len(events)):
...     print(events.time_ns[i] // 1_000_000_000, "s:", events.level_before[i], "->", events.level_after[i])
6 s: 0 -> 3
8 s: 3 -> 0
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.register import Register
from rules.arrivals import Arrivals
from rules.climber import Climber
from rules.kind import BoundRule, Found, State
from rules.levels import LadderOptions


class ThresholdOptions(LadderOptions):
    """A threshold rule has no keys but those of its levels: the reading itself is judged."""


class Threshold:
    """All threshold rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._climber = Climber(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._climber.alarm
        self.level: NDArray[np.int8] = self._climber.level

    def evaluate(self, arrivals: Arrivals) -> list[Found]:
        """Return the transitions that `arrivals` cause."""
        row, binding = self._climber.reach(arrivals)
        return self._climber.climb(arrivals, row, binding, arrivals.value[row])

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, self._climber.columns(), {})

    def settle(self, known: NDArray[np.bool_]) -> None:
        """Derive what is not kept."""
        del known
        self._climber.settle()
