"""`spike`: is a reading far from its sensor's level, measured by how much the sensor usually changes? The bit is SPIKE.

Input: the step of a reading, with level and scales of its sensor.
Output: the readings that get the bit; level and scales after them.
Not responsible for: danger; a burst main is a spike first, so every rule still uses the reading.
Rejects: nothing; a sensor that is still learning gets no bit.

Source: QARTOD manuals (IOOS), test 6, spike. Here two scales of the sensor's own changes replace the thresholds of a
site. They were chosen on half of a public set of river sensors (docs/quality.md).

>>> from collector.quality import check_series
>>> check_series([5.0, 5.1] * 60 + [9.0, 5.0])[-2:]
['SPIKE', '']
"""

from functools import partial

from collector.batch import Quality
from collector.check_state.check import CheckSetup, SensorCheck
from collector.check_state.limits import CheckLimits
from collector.check_state.memory import Bools, SensorStep


def flag(step: SensorStep, limits: CheckLimits) -> Bools:
    """Return whether each reading is a spike; move the level and learn the scales."""
    before = step.before
    after = step.after
    math = step.math
    fresh = step.is_fresh
    bound = math.maximum(limits.spike_scales * step.scale, step.floor)
    is_beyond = step.is_learned & (step.away > bound)
    # Two readings in a row at the same new place are a new level, not two spikes.
    is_spike = is_beyond & math.invert(before.pending & (step.change <= bound))
    level = before.level + limits.level_weight * (step.value - before.level)
    after.level = math.where(is_spike, before.level, math.where(is_beyond | fresh, step.value, level))
    after.pending = is_spike
    # The first readings weigh the same, later ones fade.
    known = 1.0 / (before.count + 1.0)
    fast_weight = math.where(fresh, 0.0, math.maximum(1.0 / limits.fast_readings, known))
    slow_weight = math.where(fresh, 0.0, math.maximum(1.0 / limits.slow_readings, known))
    lesson = step.lesson
    after.fast = before.fast + fast_weight * (lesson - before.fast)
    after.slow = before.slow + slow_weight * (lesson * lesson - before.slow)
    return is_spike


def _prepare(setup: CheckSetup) -> partial[Bools]:
    return partial(flag, limits=setup.limits)


CHECK = SensorCheck(Quality.SPIKE, "QARTOD test 6, spike", _prepare, ("level", "pending", "fast", "slow"))
