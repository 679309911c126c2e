"""Quality flags of whole columns: values no working instrument says, and times nobody can believe.

Comes in: arrays in canonical units. Goes out: `Quality` bits and repaired times, same length. Refuses to drop
readings.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK, Quality
from collector.payload import NO_TIME


def flag_range(values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return OUT_OF_RANGE where a value is outside what its instrument can report, else 0.

    Args:
        values: float64[n], canonical unit.
        low: float64[n], lowest value of each reading's quantity; the limit itself is good.
        high: float64[n], highest.
    """
    outside = (values < low) | (values > high)
    return outside.astype(np.uint16) * np.uint16(Quality.OUT_OF_RANGE)


def settle_times(
    time_ns: NDArray[np.int64], received_ns: int, future_ns: int, past_ns: int, clock: NDArray[np.uint16] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return times that timers may run on, and TIME_SERVER, TIME_FUTURE or TIME_PAST where the received time stands in.

    The reading at place i gets received_ns + i: the nanosecond digits keep readings of one sensor apart, which the
    history would otherwise take for one reading written again.

    Args:
        time_ns: int64[n], UTC nanoseconds, `NO_TIME` where the device gave none.
        received_ns: when they were received, UTC nanoseconds.
        future_ns: believed up to this far ahead, nanoseconds, inclusive.
        past_ns: believed up to this far back, nanoseconds, inclusive.
        clock: uint16[n], TIME_FUTURE or TIME_PAST where the clock of the device is known to be wrong.
    """
    missing = time_ns == NO_TIME
    future = time_ns > received_ns + future_ns
    past = (time_ns < received_ns - past_ns) & ~missing
    flags = missing * np.uint16(Quality.TIME_SERVER)
    flags += future * np.uint16(Quality.TIME_FUTURE) + past * np.uint16(Quality.TIME_PAST)
    if clock is not None:
        flags |= clock & RECEIVED_CLOCK
    if not flags.any():
        return time_ns, flags
    stand_in = received_ns + np.arange(len(time_ns), dtype=np.int64)
    return np.where(flags, stand_in, time_ns), flags


def flag_late(time_ns: NDArray[np.int64], received_ns: int, late_ns: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return LATE where a time is too far back to be of now, else 0.

    Args:
        time_ns: int64[n], settled times, UTC nanoseconds.
        received_ns: when they were received, UTC nanoseconds.
        late_ns: int64[n], how old a reading of each one's sensor may be, inclusive.
    """
    return (received_ns - time_ns > late_ns).astype(np.uint16) * np.uint16(Quality.LATE)


def in_time_order(time_ns: NDArray[np.int64], lengths: Sequence[int]) -> NDArray[np.intp] | None:
    """Return the places of readings so that each message tells its own in the order of their times, None if all do.

    A device may write what it gathered newest first: judged in that order, all but the newest would come too late.

    Args:
        time_ns: int64[n], UTC nanoseconds, message after message.
        lengths: how many of them are in each message.
    """
    falls = np.diff(time_ns) < 0
    if not falls.any():
        return None
    message = np.repeat(np.arange(len(lengths)), lengths)
    if not (falls & (message[1:] == message[:-1])).any():
        return None
    return np.lexsort((time_ns, message))
