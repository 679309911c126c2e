"""The flat kind for the conformance suite."""

import random
from collections.abc import Sequence

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


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Follow the flag: nothing else of this device is measured."""
    flags = [0, *(int(bits > 0) for _, _, _, bits in readings)]
    return [
        (each[1], before, now) for each, before, now in zip(readings, flags, flags[1:], strict=False) if before != now
    ]


RULE = Rule("frozen", "flat", "冻结", "frozen", "", "", None, (PLAIN,), (), FlatOptions())
CASE = Case(register(), RuleSet((RULE,), "1"), stream, reference)
