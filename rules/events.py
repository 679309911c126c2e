"""`AlarmEvents`: columns of alarm transitions, the only output of the rules engine.

Input: transitions of rule kinds.
Output: frozen columns and their canonical text.
Not responsible for: people.
Rejects: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray


class Dimension(StrEnum):
    """The subject of an alarm; the two are never mixed: silence is not all-clear, and a dead sensor is not a hazard."""

    HAZARD = "hazard"
    """The lifeline is in danger; levels are `WarningLevel` values."""
    HEALTH = "health"
    """The device cannot be trusted; level is 1 while it is blind."""


class Transition(IntEnum):
    """The change of an alarm."""

    RAISED = 1
    ESCALATED = 2
    LOWERED = 3
    CLEARED = 4


class TransitionReason(IntEnum):
    """The cause of a transition; messages and `explain` have words for each."""

    LIMIT_HELD = 1
    """Beyond the limit for the whole on-delay."""
    BACK_WITHIN = 2
    """Back within limit and deadband for the whole off-delay."""
    NO_READING = 3
    """No usable reading for longer than the sensor's stale time."""
    NO_HEARTBEAT = 4
    """Readings arrive, but the device's heartbeat does not advance."""
    NEVER_SEEN = 5
    """Registered, and never seen while the program listened."""
    HEARD_AGAIN = 6
    """A usable reading and heartbeat are back."""
    DEVICE_OFFLINE = 7
    """The device, its gateway or the broker reported it offline."""
    FLAT_LINE = 8
    """Constant for longer than ever before, and no other value of the device changes."""
    MOVES_AGAIN = 9
    """The value, or another of its device, changes again."""
    BATTERY_LOW = 10
    """The charge is at or below the limit."""
    BATTERY_WELL = 11
    """The charge is back above limit and deadband."""
    ATTENUATED = 12
    """Nearly constant for a long time while its neighbours change as usual."""
    CONDITIONS_HOLD = 30
    """The condition on other alarms has held for the whole on-delay."""
    CONDITIONS_END = 31
    """The condition has not held for the whole off-delay."""
    SHIFTS_ALONE = 32
    """The sensor has departed from the prediction of its zone, and no other sensor confirms it."""
    AGREES_AGAIN = 33
    """The sensor agrees with the prediction of its zone again."""


OF_DEADBAND = -2
"""In `AlarmEvents.towards`: low and high are the ends of a deadband."""
_DEADBAND = "deadband"


@dataclass(frozen=True, slots=True)
class Extent:
    """The interval of a value or of a place along a pipe, or the width of a deadband."""

    low: float
    high: float
    """Ends of the interval: of the value in its unit; of a place in metres from the asset of the sensor. Of a deadband
    they are the limit and the reset value in force."""
    towards: str = ""
    """Of a place: the alarm of the sensor towards which the metres count. Of a deadband: the word `deadband`."""

    @property
    def is_deadband(self) -> bool:
        """Whether it is a deadband in force."""
        return self.towards == _DEADBAND

    @property
    def is_place(self) -> bool:
        """Whether it is a place along a pipe."""
        return bool(self.towards) and not self.is_deadband


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """The alarm of a dense number."""

    rule: str
    sensor: int
    """Dense number in the register."""
    dimension: Dimension
    id: str
    """`<rule id>/<sensor id>`: stable over restarts and register changes."""


@dataclass(frozen=True, slots=True)
class AlarmEvents:
    """Transitions in the order in which the readings and the clock caused them.

    Attributes:
        alarm: int32[n], place in `RuleEngine.alarms`.
        time_ns: int64[n], event time of the reading that completed the transition, or the end of the stale time.
        episode_ns: int64[n], event time at which this episode of the alarm was raised: its identity.
        transition: uint8[n], `Transition`.
        level_before, level_after: int8[n], `WarningLevel` value, 0 for inactive.
        value: float64[n], the reading, canonical unit; NaN where silence caused it.
        reason: uint8[n], `TransitionReason`.
        position: int64[n], journal position of the batch that caused it.
        low, high: float64[n], ends of an `Extent`; NaN where the kind gives none.
        towards: int32[n], alarm of an `Extent`; -1 where there is none, `OF_DEADBAND` of a deadband.
    """

    alarm: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    episode_ns: NDArray[np.int64]
    transition: NDArray[np.uint8]
    level_before: NDArray[np.int8]
    level_after: NDArray[np.int8]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]
    position: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    towards: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of transitions."""
        return len(self.alarm)

    def lines(self, alarms: Sequence[AlarmKey]) -> list[str]:
        """Return each transition as one canonical JSON line; equal histories are equal bytes."""
        return [
            f'{{"alarm":"{alarms[self.alarm[i]].id}","time_ns":{self.time_ns[i]},"episode_ns":{self.episode_ns[i]},'
            f'"transition":"{Transition(self.transition[i]).name.lower()}",'
            f'"level_before":{self.level_before[i]},"level_after":{self.level_after[i]},'
            f'"value":{_number(float(self.value[i]))},"reason":"{TransitionReason(self.reason[i]).name.lower()}",'
            f'"position":{self.position[i]}{extent_text(self.extent(i, alarms))}}}'
            for i in range(len(self))
        ]

    def extent(self, i: int, alarms: Sequence[AlarmKey]) -> Extent | None:
        """Return the extent of transition `i`; None where its kind has none."""
        if np.isnan(self.low[i]):
            return None
        towards = int(self.towards[i])
        name = alarms[towards].id if towards >= 0 else _DEADBAND if towards == OF_DEADBAND else ""
        return Extent(float(self.low[i]), float(self.high[i]), name)


def join_events(parts: Sequence[AlarmEvents]) -> AlarmEvents:
    """Return the transitions of all `parts` in order; of no part, no transitions."""
    of_extent = (np.float64, np.float64, np.int32)
    dtypes = (np.int32, np.int64, np.int64, np.uint8, np.int8, np.int8, np.float64, np.uint8, np.int64, *of_extent)
    columns = [
        np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])
        for name, dtype in zip(AlarmEvents.__slots__, dtypes, strict=True)
    ]
    return AlarmEvents(*columns)


def extent_text(extent: Extent | None) -> str:
    """Return the part of an extent in the canonical line of its transition."""
    if extent is None:
        return ""
    towards = f',"towards":"{extent.towards}"' if extent.towards else ""
    return f',"low":{extent.low!r},"high":{extent.high!r}{towards}'


def _number(value: float) -> str:
    return "null" if np.isnan(value) else repr(value)
