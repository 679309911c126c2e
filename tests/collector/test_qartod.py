import numpy as np
import pytest

from collector.batch import INFORMATION, Quality
from collector.qartod import QartodFlag, qartod_flags


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (Quality.GOOD, QartodFlag.GOOD),
        (Quality.OUT_OF_RANGE, QartodFlag.FAIL),
        (Quality.RATE, QartodFlag.SUSPECT),
        (Quality.SPIKE, QartodFlag.SUSPECT),
        (Quality.FLAT, QartodFlag.SUSPECT),
        (Quality.DEVICE_SUSPECT, QartodFlag.SUSPECT),
        (Quality.TIME_SERVER, QartodFlag.UNKNOWN),
        (Quality.TIME_FUTURE, QartodFlag.UNKNOWN),
        (Quality.TIME_PAST, QartodFlag.UNKNOWN),
        (Quality.UNCHECKED, QartodFlag.UNKNOWN),
        (Quality.CLIMATOLOGY, QartodFlag.SUSPECT),
        (Quality.GAP, QartodFlag.GOOD),
        (Quality.GAP | Quality.FLAT, QartodFlag.SUSPECT),
        (Quality.OUT_OF_RANGE | Quality.SPIKE, QartodFlag.FAIL),
        (Quality.TIME_PAST | Quality.FLAT, QartodFlag.SUSPECT),
        (Quality.OUT_OF_RANGE | Quality.TIME_SERVER, QartodFlag.FAIL),
    ],
)
def test_qartod_worst_bit_decides(bits, expected):
    """Fail before suspect before unknown before good."""
    assert [expected] == qartod_flags(np.array([bits], np.uint16)).tolist()


def test_qartod_nan_in_a_table_is_missing():
    """Where a row has no reading nothing else is said."""
    flags = qartod_flags(np.array([0, int(Quality.SPIKE)], np.uint16), np.array([1.0, np.nan]))

    assert [QartodFlag.GOOD, QartodFlag.MISSING] == flags.tolist()


def test_qartod_every_bit_has_a_flag():
    """No bit that is ever set passes as good, but those that say nothing against the value."""
    passed = [bit for bit in Quality if bit and qartod_flags(np.array([int(bit)], np.uint16))[0] == QartodFlag.GOOD]

    assert INFORMATION == sum(passed)
