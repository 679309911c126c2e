"""`Columns`, `Blocks` and `PayloadError`: the result of every decoder, as equal-length columns or as an error.

Input: nothing.
Output: the contract between `decoders/` and the pipeline.
Not responsible for: topics and registers.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collector.dead_letter import DeadLetterReason

NO_TIME = -(2**63)
"""Stands in `time_ns` where the payload gave no time; the one int64 that is not a representable time."""


MAX_DETAIL = 1000
"""Longest detail of a problem, characters; assumed: a path into nested lists has no end."""


class PayloadError(Exception):
    """The sender's payload cannot be used; carries the reason and where, expected, got."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        """Keep both for the dead letter, the detail cut to `MAX_DETAIL`."""
        self.reason = reason
        self.detail = detail if len(detail) <= MAX_DETAIL else f"{detail[: MAX_DETAIL - 3]}..."
        super().__init__(f"{reason}: {self.detail}")


@dataclass(slots=True)
class Mark:
    """The number of a message, and the run and firmware of its device."""

    number: int = -1
    """Its sequence number; -1, as `collector.devices.sequence_numbers.NO_NUMBER`, where it has none."""
    boot: int = 0
    """Checksum, 32 bits, of the device's name of its present run; 0 where it gives none."""
    firmware: str = ""
    """The device's name of its firmware; empty where it gives none."""


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
    device: list[str] | None = None
    """Device of each reading, where the payload names it; None where only the topic does."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """(device, channel) of values that are no number, empty device: the topic's; a dead letter if it is registered."""
    relative: bool = False
    """Whether `time_ns` counts from the moment of reception, as without a clock; `NO_TIME` is that moment."""
    mark: Mark | None = None
    """The mark of the message; None where the format or the message has none."""


@dataclass(slots=True)
class Blocks:
    """The same for sampled signals: thousands of readings of few channels, as arrays, without an object for each."""

    channels: list[str]
    channel: NDArray[np.intp]
    """intp[n], place in `channels`."""
    time_ns: NDArray[np.int64]
    """int64[n], UTC nanoseconds."""
    value: NDArray[np.float64]
    """float64[n], as sent, finite."""
    quality: NDArray[np.uint16]
    """uint16[n], `Quality` bits that the device itself gave."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message that a format wants sent to its devices, with QoS 0 and never retained."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Decoder:
    """One payload format.

    `decode(payload, fields, max_readings)` raises `PayloadError` and nothing else, on any bytes; `fields` are the named
    levels of the topic. `encode(columns)` is its inverse, for simulators and tests.
    """

    decode: Callable[[bytes, Mapping[str, str], int], Columns | Blocks]
    encode: Callable[[Columns], bytes]
    fields: frozenset[str] = frozenset({"device"})
    """Topic fields without which this format cannot name a sensor."""
    optional_channels: frozenset[str] = frozenset()
    """Channels that every device of this format may send without having them in the register."""
    with_options: Callable[[Mapping[str, object]], "Decoder"] | None = None
    """The same format as the options of one subscription want it; None where there is nothing to choose.

    Raises `pydantic.ValidationError`.
    """
    names_devices: bool = False
    """Whether the payload names the devices: then the topic need not, if the subscription says who may be named."""
    speaks_for_topic: bool = False
    """Whether the topic alone makes the names of its devices, so that no subscription need list them."""
    tells_state: bool = False
    """Whether a retained message counts: it tells the state of now, which the broker keeps for whoever comes later."""
    open: Callable[[Mapping[str, Collection[str]], Counter[tuple[str, str]]], "Decoder"] | None = None
    """The same format with a memory of its own, for formats of which one message explains the next.

    Given are the channels of each device of the register, and where to count. None where each message stands alone.
    """
    requests: Callable[[float, int], Sequence[Publication]] | None = None
    """The messages that an opened format sends now; given are monotonic seconds and UTC nanoseconds."""
