"""The fatigue kind for the conformance suite."""

import random
from collections.abc import Iterator, Sequence

from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

STALE_S = 4.0
OPTIONS = {
    "worn": {
        "reference_range": 2.0,
        "reference_cycles": 1e3,
        "least_range": 0.3,
        "used_percent": 10,
        "levels": levels([("blue", 20, 1, 0, 0), ("yellow", 60, 1, 10, 0, 3)]),
    },
    "wears": {
        "reference_range": 2.0,
        "reference_cycles": 1e8,
        "slope": 5,
        "span_s": 15,
        "design_life_years": 1,
        "levels": levels([("blue", 40, 20, 0, 0), ("orange", 80, 30, 20, 20, 2, 1)]),
    },
}
RULES = tuple(rule_of("fatigue", name, [PLAIN], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a strain that swings more or less, drifts, and is silent now and then."""
    time_s = 1000.0
    size = 1.0
    middle = 0.0
    rows = []
    for i in range(700):
        size = dice.choice([0.3, 0.6, 1.5]) if i % 70 == 0 else size
        time_s += dice.choice([0.7, 1, 1, 1, 2] * 16 + [7, 25])
        middle += dice.gauss(0, 0.1)
        rows.append((PLAIN, time_s, round(middle + dice.gauss(0, size), 2), 0))
    return rows


def turning_points(values: Sequence[float], least: float) -> Iterator[tuple[int, float]]:
    """Yield (number of the value that shows it, turning point), the first value first."""
    tip, way = values[0], 0
    for i, value in enumerate(values):
        step = value - tip
        if step * way > 0:
            tip = value
        elif step != 0 and abs(step) >= least:
            yield i, tip
            tip, way = value, 1 if step > 0 else -1


def half_cycles(points: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield (range, 0.5 or 1) as ASTM E1049 5.4.4 says it, with its three points and its point S."""
    rest: list[float] = []
    for point in points:
        rest.append(point)
        while len(rest) >= 3:
            x, y = abs(rest[-1] - rest[-2]), abs(rest[-2] - rest[-3])
            if x < y:
                break
            if len(rest) == 3:
                yield y, 0.5
                rest.pop(0)
            else:
                yield y, 1.0
                del rest[-3:-1]
    for i in range(len(rest) - 1):
        yield abs(rest[i + 1] - rest[i]), 0.5


def damages(options, values: Sequence[float]) -> list[float]:
    """Return the damage after each value, in cycles of the reference range."""
    points: list[float] = []
    found, shown = [], dict(turning_points(values, options.least_range))
    damage = 0.0
    for i in range(len(values)):
        if i in shown:
            points.append(shown[i])
            damage = sum(
                weight * (size / options.reference_range) ** options.slope for size, weight in half_cycles(points)
            )
        found.append(damage)
    return found


def wear(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options = rule.options
    each = damages(options, [value for _, _, value, _ in readings])
    whole = [100 * damage / options.reference_cycles for damage in each]
    if options.span_s is None:
        return [(*row[:2], options.used_percent + used, 0) for row, used in zip(readings, whole, strict=True)]
    allowed = options.span_s / (options.design_life_years * 365.25 * 86_400)
    found = []
    number = None
    count = 0
    before = 0.0
    for row, used in zip(readings, whole, strict=True):
        now = row[1] // options.span_s
        if number is not None and now == number + 1 and count >= int(0.75 * options.span_s):
            found.append((*row[:2], (used - before) / allowed, 0))
        if now != number:
            number, count, before = now, 0, used
        count += 1
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, wear, stale_s=lambda rule: STALE_S + 2 * (rule.options.span_s or 0))


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
