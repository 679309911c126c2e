"""The stale kind for the conformance suite."""

import random

from rules.rule import RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.small_district import GAS, PLAIN, register, stale


def stream(dice: random.Random) -> list[Reading]:
    """Return a sensor that is silent now and then, beside one that is not."""
    time_s, rows = 1000.0, []
    for _ in range(200):
        time_s += 1.0
        rows.append((GAS, time_s, dice.random(), 0))
        if time_s % 60 < 30:
            rows.append((PLAIN, time_s, dice.random(), 0))
    return rows


CASE = Case(register(), RuleSet((stale("silent", [PLAIN]),), "1"), stream, batch_s=1.0)
