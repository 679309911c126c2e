"""The state kind for the conformance suite."""

import random
from collections.abc import Sequence

from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

LASTING = [{"level": "yellow", "on_delay_s": 2, "off_delay_s": 2, "source": "assumed"}]
CHATTER = levels([("blue", 3, 1.5, 0, 3), ("orange", 4, 1.5, 0, 3)])
OPTIONS = {
    "lasting": {"is": [1, 3], "normal": [0], "levels": LASTING},
    "often": {"changes_within_s": 7, "levels": CHATTER},
    "opened": {"is": [1], "changes_within_s": 20, "levels": CHATTER},
}
RULES = tuple(rule_of("state", name, [PLAIN], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a valve that stands for a while, plays now and then, and is silent sometimes."""
    state = 0.0
    time_s = 1000.0
    restless = False
    rows = []
    for _ in range(400):
        restless = restless if dice.random() < 0.95 else not restless
        if dice.random() < (0.6 if restless else 0.05):
            state = float(dice.choice([0, 0, 1, 1, 2, 3]))
        time_s += dice.choice([0.7, 1, 1, 1, 2, 3] * 8 + [7])
        rows.append((PLAIN, time_s, state, 0))
    return rows


def values(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges; the stale time is 4 s."""
    options = rule.options
    found = []
    changes = []
    before = None
    for sensor, time, value, _ in readings:
        is_asked = value in (options.is_ or ())
        if options.normal is not None and not is_asked and value not in options.normal:
            continue
        if options.changes_within_s is None:
            found.append((sensor, time, float(is_asked), 0))
            continue
        state = value if options.is_ is None else is_asked
        follows = before is not None and time - before[0] <= 4
        if follows and state != before[1] and (options.is_ is None or state):
            changes.append(time)
        before = time, state
        n_changes = sum(round((time - each) * 1e9) < options.changes_within_s * 1e9 for each in changes)
        found.append((sensor, time, float(n_changes), 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, values)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
