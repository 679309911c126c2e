"""The threshold kind for the conformance suite."""

import random
from collections.abc import Sequence

from rules.rule import RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.oracle import Oracle
from tests.rules.small_district import PLAIN, SECOND_NS, register, threshold

NOISY = {"deadband_sigmas": 3, "deadband_most": 0.9}
LEVELS = [("yellow", 2.0, 0.5, 4, 6), ("orange", 1.0, 0.5, 2, 4, 2, 2), ("red", 0.5, 0.5, 0, 4, 3, 1, 9)]


def stream(dice: random.Random) -> list[Reading]:
    """Return a pressure that is calm and then falls and rises again and again."""
    value, time_s = 3.0, 1000.0
    rows = [(PLAIN, 950.0 + i, 3.2 + dice.gauss(0, 0.1), 0) for i in range(50)]
    for _ in range(300):
        value = min(max(value + dice.gauss(0, 0.6), 0.0), 4.0)
        time_s += dice.choice([1, 1, 1, 2, 3, 7])
        rows.append((PLAIN, time_s, value, 0))
    return rows


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    oracle, found = Oracle(CASE.rules, CASE.register), []
    for each in CASE.batches(readings):
        found += [(time / SECOND_NS, before, after) for _, time, _, before, after, _, _ in oracle.evaluate(each)]
    return found


RULES = (
    threshold("low", [PLAIN], LEVELS, side="low"),
    threshold("noisy", [PLAIN], [("blue", 2.5, 0.1, 0, 0), ("red", 0.5, 0.2, 0, 3)], NOISY, side="low"),
)
CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
