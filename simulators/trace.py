"""`DeviceTrace`: the samples of one device over a span of time, as columns, and the `Effect` that can change it.

Input: columns.
Output: the same columns, changed.
Not responsible for: lifelines, payloads and sockets.
Rejects: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.noise import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class DeviceTrace:
    """Messages of one device in order of measurement.

    Attributes:
        seed: of the district, for effects that add noise.
        device: id of the device.
        seq: int64[n], number of the message, up by one for each.
        measured_ns: int64[n], UTC nanoseconds.
        sent_ns: int64[n], UTC nanoseconds, when the message leaves towards the broker.
        values: channel to float64[n], canonical unit.
    """

    seed: int
    device: str
    seq: IntArray
    measured_ns: IntArray
    sent_ns: IntArray
    values: Mapping[str, FloatArray]

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.seq)

    def take(self, rows: NDArray[np.bool_]) -> "DeviceTrace":
        """Return the messages where `rows` (bool[n]) is true."""
        values = {channel: column[rows] for channel, column in self.values.items()}
        return replace(
            self, seq=self.seq[rows], measured_ns=self.measured_ns[rows], sent_ns=self.sent_ns[rows], values=values
        )

    def within(self, start_ns: int, end_ns: int) -> NDArray[np.bool_]:
        """Return bool[n]: measured at or after `start_ns` and before `end_ns`."""
        return np.asarray((self.measured_ns >= start_ns) & (self.measured_ns < end_ns))

    def with_values(self, changed: Mapping[str, FloatArray]) -> "DeviceTrace":
        """Return the trace with some channels replaced."""
        return replace(self, values={**self.values, **changed})

    def with_sent(self, sent_ns: IntArray) -> "DeviceTrace":
        """Return the trace with other sending times."""
        return replace(self, sent_ns=sent_ns)


class Effect(Protocol):
    """Something that happens to devices for a time: a hazard in the pipe or a fault in the box."""

    @property
    def devices(self) -> frozenset[str]:
        """Ids of the devices it happens to."""
        ...

    @property
    def start_ns(self) -> int:
        """When it begins, UTC nanoseconds."""
        ...

    @property
    def longest_delay_ns(self) -> int:
        """The longest time by which it holds a message back; 0 when it holds none."""
        ...

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return `trace` with the effect.

        `onset` is the device's last message before `start_ns`, one row. The result for one row may depend on
        that row and `onset` only: a span asked for in pieces is the same span.
        """
        ...
