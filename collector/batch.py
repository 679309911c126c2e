"""`ReadingBatch`: equal-length columns of readings, the one shape that travels from the intake to rules and history.

Input: columns from decoders and quality checks.
Output: the same columns, frozen.
Not responsible for: topics, files and rules.
Rejects: columns of different lengths.
"""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray


class Quality(IntFlag):
    """Why a reading is not simply good; 0 is good. Several reasons can hold at once."""

    GOOD = 0
    OUT_OF_RANGE = 1
    """Outside the range that a working instrument of this quantity reports."""
    TIME_SERVER = 2
    """The device gave no time; the received time stands in."""
    TIME_FUTURE = 4
    """The device's time was too far ahead; the received time stands in."""
    TIME_PAST = 8
    """The device's time was too old to be believed; the received time stands in."""
    DEVICE_SUSPECT = 16
    """The device itself marked the reading as doubtful."""
    RATE = 32
    """Farther from the readings before it than its quantity can move in that time."""
    SPIKE = 64
    """Far from its sensor's level, measured by how much this sensor usually changes; nothing has confirmed it yet."""
    FLAT = 128
    """Equal to its predecessors for longer than this sensor, which usually changes, ever was."""
    HISTORICAL = 256
    """The device itself says that it is not of now; stored, never judged."""
    LATE = 512
    """Too old to be of now, by a clock that may be right: it comes out of a buffer, or no proof is there yet."""
    NEIGHBOUR = 1024
    """Its sensor has hardly moved for long while those beside it moved as usual: a blocked or frozen line."""
    CLIMATOLOGY = 2048
    """Outside the usual range of its month and hour, where the district gives such a range."""
    UNCHECKED = 4096
    """One of so many readings of its sensor received together that nothing compared it with those before it."""
    GAP = 8192
    """The first one after a gap longer than its sensor's stale time; information, no doubt about the value."""


RECEIVED_CLOCK = np.uint16(Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST)
"""Any of these bits: the time is not the device's own but when the reading was received."""

INFORMATION = np.uint16(Quality.GAP | Quality.HISTORICAL | Quality.LATE)
"""These bits say something about the reading without any doubt about its value or its time."""

NOT_OF_NOW = np.uint16(Quality.HISTORICAL | Quality.LATE)
"""Any of these bits: it is stored with its time. No rule and no page takes it for the state of now."""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings received together.

    Attributes:
        received_ns: when the intake took them in, UTC nanoseconds; the only clock behind the journal.
        sensor: int32[n], dense number in the register.
        time_ns: int64[n], when measured, UTC nanoseconds.
        value: float64[n], canonical unit of the sensor's quantity, never NaN or infinite.
        quality: uint16[n], `Quality` bits.

    An empty batch is a clock tick: the intake was listening and nothing came.
    """

    received_ns: int
    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.sensor)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "ReadingBatch":
        """Return the readings at `index` (int, bool mask or slice), received at the same time."""
        return ReadingBatch(
            self.received_ns, self.sensor[index], self.time_ns[index], self.value[index], self.quality[index]
        )

    def add_flags(self, flags: NDArray[np.uint16]) -> "ReadingBatch":
        """Return the readings with the bits of `flags`, uint16[n], added."""
        return ReadingBatch(self.received_ns, self.sensor, self.time_ns, self.value, self.quality | flags)


def tick(received_ns: int) -> ReadingBatch:
    """Return an empty batch: only the clock moves."""
    return make_batch(received_ns, [], [], [], [])


def make_batch(received_ns: int, sensor: object, time_ns: object, value: object, quality: object) -> ReadingBatch:
    """Return a batch of anything numpy turns into the four columns.

    Raises:
        ValueError: the columns differ in length.
    """
    batch = ReadingBatch(
        received_ns,
        np.asarray(sensor, np.int32),
        np.asarray(time_ns, np.int64),
        np.asarray(value, np.float64),
        np.asarray(quality, np.uint16),
    )
    lengths = {len(batch.sensor), len(batch.time_ns), len(batch.value), len(batch.quality)}
    if len(lengths) != 1:
        message = f"columns of one batch: expected equal lengths, got {sorted(lengths)}"
        raise ValueError(message)
    return batch
