"""I/O: the events of the demonstration, as short lines with time stamps.

Input: the running world.
Output: lines for the terminal.
Not responsible for: their look.
Rejects: nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from config.levels import WarningLevel
from lifeline.demo.world import DemoWorld
from lifeline.text.formats import mask_address
from rules.events import Dimension
from simulators.sms import Sms

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One line of the story."""

    clock: str
    """Local time of day to the tenth of a second."""
    kind: str
    """story, alarm, sms or check."""
    text: str
    level: WarningLevel | None = None


class Feed:
    """Collects lines and hands each to `show` once."""

    def __init__(self, world: DemoWorld, show: Callable[[FeedLine], None]) -> None:
        """Begin with the events from now on."""
        self._world, self._show = world, show
        self._hazards = {key.id for key in world.app.stages.engine.alarms if key.dimension is Dimension.HAZARD}
        self._position = 0
        self._messages = 0
        self.lines: list[FeedLine] = []

    def say(self, text: str, kind: str = "story", level: WarningLevel | None = None) -> None:
        """Add a line of now."""
        self._add(FeedLine(self._format_clock(time.time_ns()), kind, text, level))

    def pause(self) -> None:
        """Wait a tenth of a second and report the events meanwhile."""
        time.sleep(_LOOK_S)
        self._report_alarms()
        self._report_sms()

    def _format_clock(self, time_ns: int) -> str:
        city = self._world.configuration.register.city
        return f"{city.text(time_ns, '%H:%M:%S')}.{time_ns % 1_000_000_000 // 100_000_000}"

    def _add(self, line: FeedLine) -> None:
        self.lines.append(line)
        self._show(line)

    def _report_alarms(self) -> None:
        for event in self._world.app.stores.ledger.alarm_events.read(after=self._position):
            self._position = max(self._position, event.position)
            level = WarningLevel(event.level_after) if event.level_after and event.alarm in self._hazards else None
            shown = f"{level.colour_zh} {level.zh}" if level else ("设备故障" if event.level_after else "—")
            text = f"{event.alarm} {event.transition.name.lower()} {shown} ({event.reason.name.lower()})"
            self._add(FeedLine(self._format_clock(time.time_ns()), "alarm", text, level))

    def _report_sms(self) -> None:
        messages = self._world.gateway.inbox()
        for message in messages[self._messages :]:
            clock, text = self._format_clock(message.received_ns), f"{mask_address(message.to)} {message.text}"
            self._add(FeedLine(clock, "sms", text, message_level(message)))
        self._messages = len(messages)


def message_level(message: Sms) -> WarningLevel | None:
    """Return the level that a message names, None for notices about devices and returns to normal."""
    if "恢复" in message.text or "设备故障" in message.text:
        return None
    return next((level for level in reversed(WarningLevel) if level.zh in message.text), None)
