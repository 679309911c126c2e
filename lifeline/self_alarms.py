"""The alarms of the system about itself: start, end, and the answer of `/health`.

Input: claims about the stages, checked once a second.
Output: the current self-alarms with their start.
Not responsible for: looking at the stages; `lifeline.runtime.watchdog` does.
Rejects: nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symptom:
    """A claim that something is wrong with the system itself."""

    name: str
    """Bounded set, listed in docs/operations.md."""
    detail: str
    is_fatal: bool = False
    """Whether only a new process can help."""
    is_logged: bool = False
    """Whether the stage that it is about writes the two lines of its outage itself."""


@dataclass(frozen=True, slots=True)
class SelfAlarm:
    """A symptom that holds."""

    symptom: Symptom
    since_ns: int


@dataclass(frozen=True, slots=True)
class SymptomChange:
    """A symptom that began or ended."""

    symptom: Symptom
    began: bool
    lasted_s: float
    """0 at the beginning."""


class SelfAlarms:
    """Remembers which symptoms hold."""

    def __init__(self) -> None:
        self._active: dict[str, SelfAlarm] = {}

    @property
    def active(self) -> tuple[SelfAlarm, ...]:
        """Those that hold now, oldest first."""
        return tuple(self._active.values())

    def update(self, symptoms: Iterable[Symptom], now_ns: int) -> list[SymptomChange]:
        """Take the symptoms that hold at `now_ns`; returns the changes."""
        present = {symptom.name: symptom for symptom in symptoms}
        ended = [alarm for name, alarm in self._active.items() if name not in present]
        changes = [
            SymptomChange(alarm.symptom, began=False, lasted_s=(now_ns - alarm.since_ns) / 1e9) for alarm in ended
        ]
        began = [symptom for name, symptom in present.items() if name not in self._active]
        kept = {
            name: SelfAlarm(present[name], alarm.since_ns) for name, alarm in self._active.items() if name in present
        }
        self._active = kept | {symptom.name: SelfAlarm(symptom, now_ns) for symptom in began}
        return changes + [SymptomChange(symptom, began=True, lasted_s=0.0) for symptom in began]


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """The answer of `/health` and `/ready`."""

    is_alive: bool
    """No thread died and nothing is stuck."""
    is_ready: bool
    """Rules are restored and the broker is connected."""
    alarms: tuple[SelfAlarm, ...]

    @property
    def is_well(self) -> bool:
        """Alive and without any alarm about itself."""
        return self.is_alive and not self.alarms
