"""`gap`: is this the first reading after a gap longer than its sensor's stale time? It sets the bit GAP.

Input: the step of a reading, with the time of the reading before.
Output: the readings that get the bit.
Not responsible for: silence that still lasts; the rule kind `stale` finds it.
Rejects: nothing; between two clocks there is no gap, because their difference means nothing.

Source: QARTOD manuals (IOOS), test 1, timing or gap test. Here the stale time of the register is the limit.

>>> from collector.quality import check_series
>>> check_series([5.0, 5.1, 5.0], times_s=[0, 60, 3660])
['', '', 'GAP']
"""

from collector.batch import Quality
from collector.check_state.check import SensorCheck
from collector.check_state.memory import Bools, SensorStep


def flag(step: SensorStep) -> Bools:
    """Return whether each reading is the first one after a gap."""
    is_first: Bools = step.is_fresh & (step.before.count > 0) & (step.stands_in == step.before.stands_in)
    return is_first


CHECK = SensorCheck(Quality.GAP, "QARTOD test 1, timing or gap", lambda _: flag)
