"""I/O: the program as a target: one attack at a time, and its exact outcome."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from collector.batch import RECEIVED_CLOCK, Quality
from collector.journal.reader import JournalReader
from simulators.load import send_load
from tests.services.program import Program

_SAID = Quality.OUT_OF_RANGE | Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST | Quality.DEVICE_SUSPECT
"""Flags that depend on the reading alone; the other flags depend on the readings before it."""
_PATIENCE_S = 30.0
DEVICE = "lifeline/v1/fire/T-0001/FT-0001"
UP = f"{DEVICE}/up"
_WITNESS = "lifeline/v1/fire/T-0002/FT-0002/up"
_WITNESS_SENSOR = "FT-0002.pressure_kpa"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading in the journal."""

    sensor: str
    value: float
    """Canonical unit."""
    time_ns: int
    received_ns: int
    quality: Quality
    """Without the flags that depend on the readings before it."""

    @property
    def is_at_received_time(self) -> bool:
        """Whether the received time stands in for the device's."""
        return bool(self.quality & Quality(int(RECEIVED_CLOCK)))


@dataclass(frozen=True, slots=True)
class Effect:
    """The outcome of an attack."""

    refused: tuple[str, ...]
    """Reason of each new dead letter, oldest first."""
    stored: tuple[Reading, ...]
    lost_connections: int


class Target:
    """A running program on an open broker. A good reading behind each blow tells when the blow is through."""

    def __init__(self, program: Program, port: int) -> None:
        """Aim at `program`, which is ready; `port` is its broker's."""
        self.program, self._port = program, port
        configuration = program.configuration
        self._sensor_ids = configuration.register.sensor_ids
        self.reader = JournalReader(configuration.settings.journal.path, self._sensor_ids)
        self._numbers = count(1)

    def strike(self, *messages: tuple[str, bytes]) -> Effect:
        """Return the outcome of `messages`."""
        position, before = self.reader.last_position(), self.metrics()
        send_load("127.0.0.1", self._port, messages)
        stored = self._after_witness(position)
        after = self.metrics()
        n_refused = int(_sum(after, "dead_letters_total") - _sum(before, "dead_letters_total"))
        letters = self.reader.dead_letters(n_refused) if n_refused else []
        return Effect(
            tuple(str(letter.reason) for letter in reversed(letters)),
            tuple(stored),
            int(after["connections_total", ""] - before["connections_total", ""]),
        )

    def metrics(self) -> Counter[tuple[str, str]]:
        """Return the program's numbers."""
        return self.program.metrics()

    def total(self, name: str) -> float:
        """Return one of the program's numbers over all reasons."""
        return _sum(self.metrics(), name)

    def close(self) -> None:
        """Let go of the journal."""
        self.reader.close()

    def witness(self) -> float:
        """Send one good reading; returns its value in the canonical unit."""
        kpa = 400 + next(self._numbers) / 1000
        send_load("127.0.0.1", self._port, [(_WITNESS, payload(kpa))])
        return kpa / 1000

    def _after_witness(self, position: int) -> Iterator[Reading]:
        """Return the stored entries behind `position` up to a reading that is sent now."""
        value = self.witness()
        found: list[Reading] = []

        def has_come() -> bool:
            nonlocal position
            for entry in self.reader.read(position, 1000):
                position = entry.position
                batch = entry.batch
                rows = zip(batch.sensor, batch.value, batch.time_ns, batch.quality, strict=True)
                for sensor, one, time_ns, quality in rows:
                    kept = Quality(int(quality)) & _SAID
                    name = self._sensor_ids[sensor]
                    found.append(Reading(name, float(one), int(time_ns), batch.received_ns, kept))
            return bool(found) and _is_witness(found[-1], value)

        self.program.wait_until(has_come, _PATIENCE_S)
        return iter([each for each in found if each.sensor != _WITNESS_SENSOR])


def payload(kpa: object, **changes: object) -> bytes:
    """Return a message of now with `kpa` as its pressure; keys changed, and left out where the change is `...`."""
    body = {"v": 1, "ts": time.time_ns() // 1_000_000, "m": {"pressure_kpa": kpa}} | changes
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


def subscriptions_of_target() -> dict[str, object]:
    """Return the subscriptions of the target: those of devices, and one for packed payloads."""
    device = "lifeline/v1/{domain}/{asset}/{device}"
    return {
        "subscriptions": [
            {"filter": "lifeline/v1/+/+/+/up", "template": f"{device}/up", "decoder": "lifeline_json"},
            {
                "filter": "lifeline/v1/+/+/+/+/value",
                "template": f"{device}/{{channel}}/value",
                "decoder": "plain_value",
            },
            {
                "filter": "packed/+/up",
                "template": "packed/{device}/up",
                "decoder": "lifeline_json",
                "compression": "gzip",
            },
            {
                "filter": "gateway/+/telemetry",
                "template": "gateway/{gateway}/telemetry",
                "decoder": "thingsboard_gateway",
                "devices": ["FT-000?"],
            },
        ]
    }


def _is_witness(reading: Reading, value: float) -> bool:
    return reading.sensor == _WITNESS_SENSOR and abs(reading.value - value) < 1e-9


def _sum(metrics: Counter[tuple[str, str]], name: str) -> float:
    return sum(value for (each, _), value in metrics.items() if each == name)
