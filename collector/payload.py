"""What every decoder gives back: the readings of one payload as equal-length columns, or a `PayloadError`.

Comes in: nothing. Goes out: the contract between `decoders/` and the pipeline. Refuses to know topics and registers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.dead_letter import Reason

NO_TIME = -(2**63)
"""Stands in `time_ns` where the payload gave no time; the one int64 that is not a representable time."""


class PayloadError(Exception):
    """The sender's payload cannot be used; carries the reason and where, expected, got."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep both for the dead letter."""
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


@dataclass(slots=True)
class Columns:
    """The readings of one payload in its order; plain lists, because one numpy array a commit is cheaper than one each.

    Not frozen only because a frozen one costs three times as much to build, once a message.
    """

    channel: list[str]
    time_ns: list[int]
    """UTC nanoseconds, or `NO_TIME`."""
    value: list[float]
    """As sent, in the sensor's own unit; finite."""
    quality: list[int]
    """`Quality` bits that the device itself gave."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One payload format.

    `decode(payload, fields, max_readings)` raises `PayloadError` and nothing else, on any bytes; `fields` are the named
    levels of the topic. `encode(columns)` is its inverse, for simulators and tests.
    """

    decode: Callable[[bytes, Mapping[str, str], int], Columns]
    encode: Callable[[Columns], bytes]
    fields: frozenset[str] = frozenset({"device"})
    """Topic fields without which this format cannot name a sensor."""
    optional_channels: frozenset[str] = frozenset()
    """Channels that every device of this format may send without having them in the register."""
