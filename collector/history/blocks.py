"""Readings packed for the embedded history: a raw log row as it came, and one block per sensor and minute.

Input: columns; bytes and keys.
Output: bytes and keys; and back.
Not responsible for: the database.
Rejects: nothing.

The key of a block holds minute, sensor and part in one integer. So the table is appended in time order, and a sensor's
minute is one look-up. A minute that gets readings again later gets another part; the higher part is newer.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.history import Series
from collector.history.series import last_of_equal

MINUTE_NS = 60 * 1_000_000_000
MAX_PARTS = 128
"""Parts that one minute can have; it is merged into one before (see `history.sqlite`)."""
KEYS_PER_MINUTE = 1 << 34
"""2**27 sensors of 2**7 parts; int64 nanoseconds are less than 2**29 minutes, so a key fits in int64."""

_READING = np.dtype([("time_ns", "<i8"), ("value", "<f8"), ("quality", "<u2")])
RAW = np.dtype([("sensor", "<i4"), *((name, _READING[name]) for name in ("time_ns", "value", "quality"))])
"""One reading in the raw log: 21 bytes, packed."""

RawReadings = NDArray[np.void]
"""Records of `RAW`."""

NO_READINGS: RawReadings = np.empty(0, RAW)


def raw_readings(
    sensor: NDArray[np.int32], time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray[np.uint16]
) -> RawReadings:
    """Return the columns as records of the raw log."""
    records = np.empty(len(sensor), RAW)
    records["sensor"] = sensor
    records["time_ns"] = time_ns
    records["value"] = value
    records["quality"] = quality
    return records


def minutes_of(time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the minute since 1970 of each time, rounded down."""
    return time_ns // MINUTE_NS


def fold(records: RawReadings, parts: Mapping[int, int]) -> Iterator[tuple[int, memoryview]]:
    """Give (key, block) for each sensor and minute in `records`, in the order of keys.

    Args:
        records: raw readings in the order of writing.
        parts: minute to the part number that its new blocks get.
    """
    keys = minutes_of(records["time_ns"]) * KEYS_PER_MINUTE + records["sensor"].astype(np.int64) * MAX_PARTS
    keep = last_of_equal(keys, records["time_ns"])
    keys, packed = keys[keep], np.empty(len(keep), _READING)
    for name in _READING.names or ():
        packed[name] = records[name][keep]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    ends = np.append(starts[1:], len(keys)) * _READING.itemsize
    view = memoryview(packed.tobytes())
    offsets = zip(keys[starts].tolist(), (starts * _READING.itemsize).tolist(), ends.tolist(), strict=True)
    for key, start, end in offsets:
        yield key + parts[key // KEYS_PER_MINUTE], view[start:end]


def unpack_block(blocks: Sequence[bytes]) -> Series:
    """Return the readings of `blocks` one behind the other."""
    packed = np.frombuffer(b"".join(blocks), _READING)
    return Series(packed["time_ns"], packed["value"], packed["quality"])


def unfold(rows: Sequence[tuple[int, bytes]]) -> RawReadings:
    """Return raw readings of (key, block) rows in the order given."""
    series = unpack_block([block for _, block in rows])
    keys = np.fromiter((key for key, _ in rows), np.int64, len(rows))
    lengths = np.fromiter((len(block) for _, block in rows), np.int64, len(rows)) // _READING.itemsize
    sensors = (keys % KEYS_PER_MINUTE // MAX_PARTS).astype(np.int32)
    return raw_readings(np.repeat(sensors, lengths), series.time_ns, series.value, series.quality)
