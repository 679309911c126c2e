"""The kind that finds lone departures for the conformance suite: one of six pressures drifts now and then."""

import random
from collections.abc import Sequence

from rules.kinds.residual_fault import ResidualFaultOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.case_residual import ZONE, N, register
from tests.rules.kinds.case_residual import stream as leaks
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.zone_twin import Twin

LIMIT = 8.0
ALONE = {**ZONE, "alone_at": 3, "alone_ratio": 2}
OPTIONS = ResidualFaultOptions.model_validate({"zone": ALONE, "limit": LIMIT, "source": "assumed"})


def stream(dice: random.Random) -> list[Reading]:
    """Return pressures of which one is wrong for a while, among leaks."""
    start, wrong = dice.randint(300, 500), dice.randrange(N)
    return [
        (sensor, time_s, value + 1.5 * (sensor == wrong and start <= time_s - 1000 < start + 90), quality)
        for sensor, time_s, value, quality in leaks(dice)
    ]


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Raise while one sensor departs and no other confirms."""
    twin, level, found = Twin(N, OPTIONS.zone, LIMIT), [0] * N, []
    for each in readings:
        sensor, time_s = each[:2]
        departure, confirming, _, alone = twin.read(each)
        if departure is None:
            continue
        before, total = level[sensor], alone if confirming else departure
        if before == 0 and total >= LIMIT:
            level[sensor] = 1
        elif before and total < LIMIT / 2:
            level[sensor] = 0
        if before != level[sensor]:
            found.append((time_s, before, level[sensor]))
    return found


RULE = Rule("drift", "residual_fault", "漂移", "drift", "", "", None, tuple(range(N)), (), OPTIONS)
CASE = Case(register(), RuleSet((RULE,), "1"), stream, reference)
