"""`rate`: is a reading farther from those before it than its quantity can move in that time? It sets the bit RATE.

Input: the step of a reading, and `max_rate` of the catalogue of quantities.
Output: the readings that get the bit.
Not responsible for: danger; a burst main moves fast, so every rule still uses the reading.
Rejects: nothing; across a received time it does not compare.

Source: QARTOD manuals (IOOS), test 7, rate of change. Here the largest rate belongs to the quantity, not to a site.

>>> from collector.quality import check_series
>>> check_series([5.0, 5.4, 9.0, 5.4], max_rate=0.04, times_s=[0, 60, 120, 180])
['', '', 'RATE', '']
"""

from collector.batch import Quality
from collector.check_state.check import SensorCheck
from collector.check_state.memory import Bools, SensorStep
from config.time_units import SECOND_NS


def flag(step: SensorStep) -> Bools:
    """Return whether each reading is too far from the reading before it and from the level.

    The return from a spike is fast as well, but it leads back to the level.
    """
    before = step.before
    dt_s = step.math.maximum(step.time_ns - before.time_ns, 1) * 1.0 / SECOND_NS
    is_fast = step.math.minimum(step.change, step.away) > step.bounds.rate * dt_s
    return is_fast & step.math.invert(step.stands_in | before.stands_in)


CHECK = SensorCheck(Quality.RATE, "QARTOD test 7, rate of change", lambda _: flag)
