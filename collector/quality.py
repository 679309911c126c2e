"""Quality flags of whole columns: values no working instrument says, and times nobody can believe.

Comes in: arrays in canonical units. Goes out: `Quality` bits and repaired times, same length. Refuses to drop
readings.
"""

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality
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
    time_ns: NDArray[np.int64], received_ns: int, future_ns: int, past_ns: int
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return times that timers may run on, and TIME_SERVER, TIME_FUTURE or TIME_PAST where the received time stands in.

    The reading at place i gets received_ns + i: the nanosecond digits keep readings of one sensor apart, which the
    history would otherwise take for one reading written again.

    Args:
        time_ns: int64[n], UTC nanoseconds, `NO_TIME` where the device gave none.
        received_ns: when they were received, UTC nanoseconds.
        future_ns: believed up to this far ahead, nanoseconds, inclusive.
        past_ns: believed up to this far back, nanoseconds, inclusive.
    """
    missing = time_ns == NO_TIME
    future = time_ns > received_ns + future_ns
    past = (time_ns < received_ns - past_ns) & ~missing
    flags = missing * np.uint16(Quality.TIME_SERVER)
    flags += future * np.uint16(Quality.TIME_FUTURE) + past * np.uint16(Quality.TIME_PAST)
    if not flags.any():
        return time_ns, flags
    stand_in = received_ns + np.arange(len(time_ns), dtype=np.int64)
    return np.where(flags, stand_in, time_ns), flags
