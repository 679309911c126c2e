"""The longest outage before a queue or the journal overflows, computed from the cadences of the register.

Input: register and settings.
Output: lines of text.
Not responsible for: the limits of the broker, which only its administrator knows.
Rejects: nothing.
"""

import math
from dataclasses import dataclass

from config.register import Register
from config.settings import Settings

_TOPIC_AND_PAYLOAD_BYTES = 250
"""One message in the broker's memory; assumed, above every topic with payload of the demo district."""
_READING_BYTES = 21
"""One reading in the journal: sensor, time, value, quality. Source: collector/journal/frame.py."""
_COMMIT_BYTES = 70
"""One commit in the journal beside its readings: header of the frame, key and row; measured."""
_MOSQUITTO_DEFAULT = 1000
"""Default of `max_queued_messages` of Mosquitto. Source: mosquitto.conf(5)."""
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class MessageRates:
    """The messages of all devices of a register when they keep to their cadences."""

    messages_per_s: float
    """Each device sends one message with all its channels at its shortest cadence."""
    readings_per_s: float


def estimate_rates(register: Register) -> MessageRates:
    """Return the load of all devices together."""
    shortest: dict[str, float] = {}
    for sensor in register.sensors:
        shortest[sensor.device] = min(sensor.cadence_s, shortest.get(sensor.device, math.inf))
    readings_per_s = sum(1 / sensor.cadence_s for sensor in register.sensors)
    return MessageRates(sum(1 / cadence_s for cadence_s in shortest.values()), readings_per_s)


def queue_messages(load: MessageRates, outage_s: float) -> int:
    """Return `max_queued_messages` that keeps an outage of the collector of `outage_s`: rate times outage."""
    return math.ceil(load.messages_per_s * outage_s)


def journal_hours(load: MessageRates, max_bytes: int, commit_age_s: float) -> float:
    """Return how long the journal takes everything while the history stores nothing, hours."""
    commits_per_s = min(load.messages_per_s, 1 / commit_age_s) if commit_age_s else load.messages_per_s
    # One empty batch a second at least: the clock of the rules.
    bytes_per_s = load.readings_per_s * _READING_BYTES + max(commits_per_s, 1.0) * _COMMIT_BYTES
    return max_bytes / bytes_per_s / _HOUR_S


def describe_outage_capacity(register: Register, settings: Settings) -> list[str]:
    """Return the limits of an outage of collector or history, and the settings that raise them."""
    load = estimate_rates(register)
    hours = journal_hours(load, settings.journal.max_mb << 20, settings.intake.commit_age_ms / 1000)
    lines = [
        f"load by cadences: {load.messages_per_s:.4g} messages/s, {load.readings_per_s:.4g} readings/s",
        *_describe_broker(load),
        f"journal: takes {hours:.3g} h while the history is away (journal.max_mb {settings.journal.max_mb})",
    ]
    if hours < settings.journal.retention_h:
        lines.append(
            f"JOURNAL SMALLER THAN ITS RETENTION: journal.retention_h is {settings.journal.retention_h:g}: entries "
            "that all have read go sooner; raise journal.max_mb to keep them"
        )
    return lines


def _describe_broker(load: MessageRates) -> list[str]:
    if not load.messages_per_s:
        return []
    hour = queue_messages(load, _HOUR_S)
    lasts_s = _MOSQUITTO_DEFAULT / load.messages_per_s
    needed = f"{hour} for 1 h, {queue_messages(load, 24 * _HOUR_S)} for 24 h"
    in_bytes = f"max_queued_bytes 0 or at least {hour * _TOPIC_AND_PAYLOAD_BYTES} for 1 h"
    return [
        f"broker: max_queued_messages >= messages/s x seconds that this program may be away: {needed}; {in_bytes}",
        f"broker: Mosquitto's default of {_MOSQUITTO_DEFAULT} is full after {lasts_s:.3g} s, and the rest is lost",
    ]
