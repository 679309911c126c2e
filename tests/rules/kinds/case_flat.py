"""The flat kind for the conformance suite."""

import random

from collector.batch import Quality
from rules.kinds.flat import FlatOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.small_district import PLAIN, register


def stream(dice: random.Random) -> list[Reading]:
    """Return a pressure that freezes now and then, flagged as the intake flags it."""
    rows, value, frozen = [], 0.3, 0
    for i in range(300):
        frozen = frozen - 1 if frozen else dice.choice([0] * 20 + [30])
        value = value if frozen else dice.random()
        rows.append((PLAIN, 1000.0 + i, value, int(Quality.FLAT) if 0 < frozen < 20 else 0))
    return rows


RULE = Rule("frozen", "flat", "冻结", "frozen", "", "", None, (PLAIN,), (), FlatOptions())
CASE = Case(register(), RuleSet((RULE,), "1"), stream)
