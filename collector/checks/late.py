"""`late`: is a reading too old to be of now? It sets the bit LATE; rules never judge such a reading.

Input: a batch with settled times, the stale times of the register, and `intake.late_after_s`.
Output: the same batch with the bit.
Not responsible for: clocks that are wrong; see `device_time`.
Rejects: nothing; a late reading is stored with its time.

Source: a rule of this program (docs/quality.md); the 15 minutes of `intake.late_after_s` are assumed.

>>> from collector.quality import check_series
>>> check_series([5.0, 5.1], times_s=[0, 60], received_s=950)
['LATE', '']
"""

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality, ReadingBatch
from collector.check_state.check import BatchCheck, CheckSetup
from collector.check_state.limits import make_late_ns


class Late:
    """The age from which on a reading is late, for each sensor."""

    def __init__(self, setup: CheckSetup) -> None:
        """Take the ages; they are the larger one of the sensor's stale time and the setting of the intake."""
        self._late_ns = make_late_ns(setup.register, setup.intake)

    def flag(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with LATE where a reading is too old."""
        return batch.add_flags(flag_late(batch.time_ns, batch.received_ns, self._late_ns[batch.sensor]))


def flag_late(time_ns: NDArray[np.int64], received_ns: int, late_ns: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return LATE where a time is too far back to be of now, else 0.

    Args:
        time_ns: int64[n], settled times, UTC nanoseconds.
        received_ns: when they were received, UTC nanoseconds.
        late_ns: int64[n], how old a reading of each one's sensor may be, inclusive.
    """
    return (received_ns - time_ns > late_ns).astype(np.uint16) * np.uint16(Quality.LATE)


CHECK = BatchCheck(Quality.LATE, "a rule of this program, docs/quality.md", lambda setup: Late(setup).flag)
