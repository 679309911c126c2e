"""The end of a lone departure, exactly at half of the limit."""

import dataclasses
import math
import random

import numpy as np

from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.kinds.case_residual import N, register
from tests.rules.kinds.case_residual_fault import LIMIT, RULE
from tests.rules.small_district import batch

WRONG = 2
FIRST, LAST = 300, 310


def readings():
    """Return six pressures that follow a common demand, one of which is a little wrong for some seconds."""
    dice, demand, rows = random.Random(3), 0.0, []  # noqa: S311 - the same readings every time
    for i in range(420):
        demand = 0.95 * demand + dice.gauss(0, 0.3)
        for sensor in range(N):
            value = 40 + sensor + demand * (1 + 0.2 * sensor) + dice.gauss(0, 0.2)
            rows.append((sensor, 1000.0 + i + 0.1 * sensor, value + 0.45 * (sensor == WRONG and FIRST <= i < LAST), 0))
    return rows


def ends(limit):
    """Return (time in s, departure) of the first end of the alarm of the wrong sensor; None where it does not end."""
    zone = RULE.options.zone.model_copy(update={"confirmed_by": N - 1, "alone_at": 1e6})
    options = RULE.options.model_copy(update={"limit": limit, "zone": zone})
    engine = RuleEngine(RuleSet((dataclasses.replace(RULE, options=options),), "1"), register())
    for position, each in enumerate(readings(), 1):
        events = engine.evaluate(batch(each[1], [each]), position)
        if np.any((events.alarm == WRONG) & (events.level_after == 0)):
            columns = engine.columns_of(WRONG)
            assert columns["confirming"] < N - 1
            return each[1], float(columns["departure"])
    return None


def test_residual_fault_ends_only_below_half_of_its_limit():
    """A departure of just half of the limit is still one; half of a limit one step larger is more than it."""
    time_s, departure = ends(LIMIT)
    just_above = 2 * math.nextafter(departure, math.inf)

    assert (time_s, departure) == ends(just_above)
    assert ends(2 * departure)[0] > time_s
