"""QARTOD flags of quality bits, for exchange with the tools of ocean observers.

Input: `Quality` bits.
Output: one flag a reading, uint8: good 1, unknown 2, suspect 3, fail 4, missing 9.
Not responsible for: the checks.
Rejects: nothing.

Source of the flags: IOC Manuals and Guides 54, volume 3, as used by the QARTOD manuals (secondary).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality


class QartodFlag(IntEnum):
    """The flag that a data user gets."""

    GOOD = 1
    UNKNOWN = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


PRECEDENCE: tuple[tuple[Quality, QartodFlag], ...] = (
    (Quality.OUT_OF_RANGE, QartodFlag.FAIL),
    (
        Quality.RATE | Quality.SPIKE | Quality.FLAT | Quality.NEIGHBOUR | Quality.CLIMATOLOGY | Quality.DEVICE_SUSPECT,
        QartodFlag.SUSPECT,
    ),
    (Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST | Quality.UNCHECKED, QartodFlag.UNKNOWN),
)
"""The first line of which a bit is set decides; without any the reading is good.

A replaced time says nothing about the value, but the value was not judged against its time: not evaluated. Bits of
information alone are on no line: readings missing in a gap are 9, and the one behind the gap is as good as any.
"""


def qartod_flags(quality: NDArray[np.uint16], value: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """Return uint8[n], `QartodFlag` values.

    Args:
        quality: uint16[n], `Quality` bits.
        value: float64[n] where missing readings stand as NaN, as in a table with one row for every cadence.
    """
    flags = np.full(len(quality), QartodFlag.GOOD, np.uint8)
    for bits, flag in reversed(PRECEDENCE):
        flags[(quality & bits) != 0] = flag
    if value is not None:
        flags[np.isnan(value)] = QartodFlag.MISSING
    return flags
