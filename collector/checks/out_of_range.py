"""`out_of_range`: is a value outside the range that a working instrument reports? It sets the bit OUT_OF_RANGE.

Input: a batch in canonical units, and `low` and `high` of the catalogue of quantities.
Output: the same batch with the bit.
Not responsible for: values that are only unusual; see `climatology`.
Rejects: nothing; a value at the limit itself is good.

Source: QARTOD manuals (IOOS), test 4, gross range.

>>> from collector.quality import check_series
>>> check_series([0.0, 10.0, 10.1], low=0.0, high=10.0)
['', '', 'OUT_OF_RANGE']
"""

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality, ReadingBatch
from collector.check_state.check import BatchCheck, CheckSetup


class OutOfRange:
    """The ranges of all sensors."""

    def __init__(self, setup: CheckSetup) -> None:
        """Take the range of each sensor's quantity."""
        self._low, self._high = setup.memory.bounds.low, setup.memory.bounds.high

    def flag(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with OUT_OF_RANGE where a value is outside its range."""
        return batch.add_flags(flag_range(batch.value, self._low[batch.sensor], self._high[batch.sensor]))


def flag_range(values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return OUT_OF_RANGE where a value is outside the range of its instrument, else 0.

    Args:
        values: float64[n], canonical unit.
        low: float64[n], lowest value of each reading's quantity; the limit itself is good.
        high: float64[n], highest.
    """
    outside = (values < low) | (values > high)
    return outside.astype(np.uint16) * np.uint16(Quality.OUT_OF_RANGE)


CHECK = BatchCheck(Quality.OUT_OF_RANGE, "QARTOD test 4, gross range", lambda setup: OutOfRange(setup).flag)
