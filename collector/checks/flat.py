"""`flat`: is a reading equal to its predecessors for longer than its sensor ever was? It sets the bit FLAT.

Input: the step of a reading, with the present and the longest run of equal readings of its sensor.
Output: the readings that get the bit; the runs after them.
Not responsible for: faults of devices; the rule kind `flat` decides on them.
Rejects: nothing; a sensor that is constant by nature gets no bit.

Source: QARTOD manuals (IOOS), test 8, flat line. Here the sensor's own runs replace the counts of a site.

>>> from collector.quality import check_series
>>> check_series([5.0, 5.1] * 60 + [5.0] * 9)[-2:]
['', 'FLAT']
"""

from functools import partial

import numpy as np

from collector.batch import Quality
from collector.check_state.check import CheckSetup, SensorCheck
from collector.check_state.limits import CheckLimits
from collector.check_state.memory import Bools, Floats, Ints, SensorStep


def flag(step: SensorStep, limits: CheckLimits) -> Bools:
    """Return whether the run of equal readings is too long for each sensor; remember the runs."""
    before = step.before
    after = step.after
    math = step.math
    bounds = step.bounds
    anchor, run = before.anchor, before.run
    is_same = math.invert(step.is_fresh) & (abs(step.value - anchor) <= bounds.same)
    has_ended = math.invert(is_same) & (run > 0)
    is_known = before.changes >= limits.flat_changes
    rests = (abs(anchor) <= bounds.same) | (anchor <= bounds.low + bounds.same) | (anchor >= bounds.high - bounds.same)
    least: Ints = math.where(rests, limits.rest_readings, limits.flat_readings)
    limit = math.maximum(least, limits.flat_ratio * before.longest)
    # A fault's own run counts only as far as it was not yet a fault.
    most: Floats = math.where(rests, limit, limits.flat_lesson * before.longest)
    counted = math.minimum(run, math.where(is_known & (run > limit), most, np.inf))
    longest = math.maximum(before.longest * limits.flat_forget, counted)
    after.longest = math.where(has_ended, longest, before.longest)
    after.run = math.where(is_same, run + 1, 1)
    after.run_ns = math.where(is_same, before.run_ns, step.time_ns)
    after.anchor = math.where(is_same, anchor, step.value)
    after.changes = before.changes + has_ended
    has_lasted = step.time_ns - after.run_ns >= math.where(rests, bounds.rest_ns, bounds.flat_ns)
    return is_same & is_known & (after.run > limit) & has_lasted


def _prepare(setup: CheckSetup) -> partial[Bools]:
    return partial(flag, limits=setup.limits)


CHECK = SensorCheck(
    Quality.FLAT, "QARTOD test 8, flat line", _prepare, ("anchor", "run", "run_ns", "longest", "changes")
)
