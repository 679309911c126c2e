"""Readings of equal time, and means of steps, as every history handles them.

Input: columns.
Output: `Series` and indexes.
Not responsible for: the storage.
Rejects: nothing.
"""

import numpy as np
from numpy.typing import NDArray

from collector.history import Series


def last_of_equal(keys: NDArray[np.int64] | NDArray[np.int32], time_ns: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the order by key, then time, that keeps of equal pairs only the one written last.

    Args:
        keys: int[n], the sensor or block of each reading.
        time_ns: int64[n], in the order of writing.

    Returns:
        intp[m], m <= n, places in the columns.
    """
    if not len(keys):
        return np.empty(0, np.intp)
    order = np.lexsort((time_ns, keys))
    sorted_keys, sorted_times = keys[order], time_ns[order]
    differs = (sorted_keys[1:] != sorted_keys[:-1]) | (sorted_times[1:] != sorted_times[:-1])
    kept: NDArray[np.intp] = order[np.append(differs, True)]
    return kept


def in_time_order(series: Series) -> Series:
    """Return `series` by time, of equal times only the reading written last."""
    if len(series.time_ns) < 2 or bool(np.all(series.time_ns[1:] > series.time_ns[:-1])):
        return series
    keep = last_of_equal(np.zeros(len(series.time_ns), np.int32), series.time_ns)
    return Series(series.time_ns[keep], series.value[keep], series.quality[keep])


def between(series: Series, start_ns: int, end_ns: int) -> Series:
    """Return the readings of an ordered `series` with start_ns <= time < end_ns."""
    low, high = np.searchsorted(series.time_ns, (start_ns, end_ns))
    return Series(series.time_ns[low:high], series.value[low:high], series.quality[low:high])


def mean_of_steps(series: Series, step_ns: int) -> Series:
    """Return one reading for each step of an ordered `series` that has any.

    Steps start at multiples of `step_ns` since 1970, as InfluxDB's do. A reading has the step's start, the mean of its
    values and the highest of its qualities.
    """
    if not len(series.time_ns):
        return series
    steps = series.time_ns // step_ns
    starts = np.flatnonzero(np.append(True, steps[1:] != steps[:-1]))
    counts = np.diff(np.append(starts, len(steps)))
    means = np.add.reduceat(series.value, starts) / counts
    return Series(steps[starts] * step_ns, means, np.maximum.reduceat(series.quality, starts))
