"""`AlarmView`: the present levels of alarms of other rules, and the sensors that are not known.

Input: transitions and first readings in their order.
Output: whether an alarm is active at a level, or None for unknown.
Not responsible for: the conditions that use the answer.
Rejects: nothing.

An active alarm is known with a silent sensor too: it stays active until its end is seen. An alarm that is not active is
known only while each of its sensors is seen and not blind: silence is never all-clear.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.levels import WarningLevel
from rules.composite.conditions import Truth
from rules.events import Dimension
from rules.kind import AlarmCatalogue


class AlarmView:
    """The levels of all alarms, one transition after the other."""

    def __init__(self, catalogue: AlarmCatalogue, n_sensors: int) -> None:
        self._alarms, self._blinding = catalogue.alarms, catalogue.blinding
        self.levels: NDArray[np.int8] = np.zeros(len(catalogue.alarms), np.int8)
        self.seen: NDArray[np.bool_] = np.zeros(n_sensors, np.bool_)
        self._blind = np.zeros(n_sensors, np.int16)
        """Number of active blinding alarms of each sensor."""

    def load(self, levels: NDArray[np.int8], seen: NDArray[np.bool_]) -> None:
        """Replace the state by int8[n_alarms] `levels` and bool[n_sensors] `seen`."""
        self.levels[:], self.seen[:], self._blind[:] = levels, seen, 0
        for alarm in np.flatnonzero(self._blinding & (levels > 0)).tolist():
            self._blind[self._alarms[alarm].sensor] += 1

    def apply(self, alarm: int, level: int) -> None:
        """Apply a transition."""
        if self._blinding[alarm]:
            self._blind[self._alarms[alarm].sensor] += int(level > 0) - int(self.levels[alarm] > 0)
        self.levels[alarm] = level

    def is_active(self, alarm: int, at_least: WarningLevel, sensors_of_alarm: Sequence[int] | None = None) -> Truth:
        """Return whether `alarm` is active at least at a level; None while unknown.

        Args:
            alarm: dense number.
            at_least: the level.
            sensors_of_alarm: the sensors that it depends on; by default its own sensor.
        """
        if self.levels[alarm] >= at_least:
            return True
        key = self._alarms[alarm]
        if key.dimension is Dimension.HEALTH:
            return False
        sensors = (key.sensor,) if sensors_of_alarm is None else sensors_of_alarm
        return False if all(self.seen[each] and not self._blind[each] for each in sensors) else None
