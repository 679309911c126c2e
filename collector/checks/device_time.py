"""`device_time`: can the time of a device be believed, and is it of now? TIME_SERVER, TIME_FUTURE, TIME_PAST, LATE.

Input: a batch with times as sent, the clocks of the devices, and the tolerances of the settings.
Output: the same batch with times that delays may run on; the received time stands in for an unbelievable time.
Not responsible for: the proof that a clock is wrong; see `collector.devices.clocks`.
Rejects: nothing; each reading is kept.

A reading is late when its time is too old to be of now; rules never judge it. It is also late where a clock that is
known to be wrong tells a time of long ago.
Source: QARTOD manuals (IOOS), test 1, timing or gap. The tolerances are assumed (`intake` in the settings).

>>> from collector.quality import check_series
>>> check_series([5.0, 5.1], times_s=[400, 0], received_s=0)
['TIME_FUTURE', '']
>>> check_series([5.0, 5.1], times_s=[0, 60], received_s=950)
['LATE', '']
"""

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK, Quality, ReadingBatch
from collector.check_state.check import BatchCheck, CheckSetup
from collector.check_state.limits import make_late_ns
from collector.payload import NO_TIME
from config.time_units import DAY_NS, SECOND_NS


class DeviceTime:
    """The policy of times."""

    def __init__(self, setup: CheckSetup) -> None:
        """Take the tolerances and the clocks; of each sensor the age from which on its readings are late."""
        self._late_ns = make_late_ns(setup.register, setup.intake)
        self._clocks = setup.clocks
        self._future_ns = int(setup.intake.future_tolerance_s * SECOND_NS)
        self._past_ns = int(setup.intake.past_tolerance_days * DAY_NS)

    def flag(self, batch: ReadingBatch) -> ReadingBatch:
        """Return the batch with settled times and the bits of the times that were replaced; learn the clocks."""
        sent_ns, received_ns = batch.time_ns, batch.received_ns
        clock = self._clocks.judge(batch.sensor, sent_ns, batch.quality, received_ns)
        time_ns, flags = settle_times(sent_ns, received_ns, self._future_ns, self._past_ns, clock)
        flags |= clock | flag_late(time_ns, received_ns, self._late_ns[batch.sensor])
        return ReadingBatch(received_ns, batch.sensor, time_ns, batch.value, batch.quality | flags)


def settle_times(
    time_ns: NDArray[np.int64], received_ns: int, future_ns: int, past_ns: int, clock: NDArray[np.uint16] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return times that timers may run on, and TIME_SERVER, TIME_FUTURE or TIME_PAST where the received time stands in.

    The reading at place i gets received_ns + i. The nanosecond digits keep readings of one sensor apart; else the
    history would take them for one reading written again.

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


CHECK = BatchCheck(
    Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST | Quality.LATE,
    "QARTOD test 1, timing or gap",
    lambda setup: DeviceTime(setup).flag,
)
