"""`HealthTransitions`: transitions of health alarms, one at a time.

Input: a reading and the binding of the alarm that it changes.
Output: `Transitions`, and the changed columns.
Not responsible for: why an alarm changes.
Rejects: nothing.

It is a Python loop, for rare transitions only.
"""

import numpy as np
from numpy.typing import NDArray

from rules.admission.admission import AdmittedReadings
from rules.events import TransitionReason
from rules.kind import Transitions


class HealthTransitions:
    """The transitions of one evaluation; changes `level` and `episode_ns` in place."""

    def __init__(self, alarm: NDArray[np.int32], level: NDArray[np.int8], episode_ns: NDArray[np.int64]) -> None:
        self._alarm, self._level, self._episode_ns = alarm, level, episode_ns
        self._rows: list[tuple[int, int, int, int, int, float, int]] = []

    def toggle(self, admitted: AdmittedReadings, row: int, binding: int, reason: TransitionReason) -> None:
        """Raise the alarm of `binding` if it is inactive, else clear it, at the time of reading `row`."""
        before, time_ns = int(self._level[binding]), int(admitted.time_ns[row])
        if before == 0:
            self._episode_ns[binding] = time_ns
        self._level[binding] = 1 - before
        place, value = int(admitted.place[row]), float(admitted.value[row])
        self._rows.append((place, binding, time_ns, int(self._episode_ns[binding]), before, value, int(reason)))

    def transitions(self) -> list[Transitions]:
        """Return the transitions as columns."""
        if not self._rows:
            return []
        place, binding, time_ns, episode_ns, before, value, reason = zip(*self._rows, strict=True)
        level_before = np.array(before, np.int8)
        return [
            Transitions(
                np.array(place, np.intp),
                self._alarm[np.array(binding, np.intp)],
                np.array(time_ns, np.int64),
                np.array(episode_ns, np.int64),
                level_before,
                (1 - level_before).astype(np.int8),
                np.array(value, np.float64),
                np.array(reason, np.uint8),
            )
        ]
