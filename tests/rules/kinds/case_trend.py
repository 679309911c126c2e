"""The trend kind for the conformance suite."""

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
from scipy import stats

from rules.rule import Rule, RuleSet
from tests.rules.kinds.bucket_means import bucket_means
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

LEVELS = levels([("blue", 0.05, 0.02, 0, 5), ("yellow", 0.1, 0.02, 3, 3)])
OPTIONS = {
    "rises": {"direction": "rise", "per": "s", "step_s": 3, "points": 20, "alpha": 0.05, "levels": LEVELS},
    "drifts": {
        "direction": "either",
        "per": "min",
        "step_s": 4,
        "points": 20,
        "levels": levels([("blue", 3, 1, 0, 2)]),
    },
}
RULES = tuple(rule_of("trend", name, [PLAIN], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a pressure that rises and falls for minutes, is noisy, and is silent now and then."""
    value = 3.0
    time_s = 1000.0
    drift = 0.0
    rows = []
    for i in range(600):
        drift = dice.choice([-0.2, 0.0, 0.2]) if i % 80 == 0 else drift
        time_s += dice.choice([0.7, 1, 1, 1, 2] * 16 + [7, 25])
        value += drift
        rows.append((PLAIN, time_s, value + dice.gauss(0, 0.5), 0))
    return rows


def sen_slope(series: Sequence[float]) -> tuple[float, float]:
    """Return (slope a step, p-value) of points of which some are NaN, one pair at a time."""
    points = [(i, each) for i, each in enumerate(series) if not math.isnan(each)]
    n = len(points)
    slope = stats.theilslopes([y for _, y in points], [t for t, _ in points])[0]
    score = sum(np.sign(after - before) for i, (_, before) in enumerate(points) for _, after in points[i + 1 :])
    _, ties = np.unique([y for _, y in points], return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    ranks = stats.rankdata([y for _, y in points]) - (n + 1) / 2
    residuals = ranks - np.polyval(np.polyfit(np.arange(n), ranks, 2), np.arange(n))
    spread = sum(each * each for each in residuals)
    r = 0.0
    if spread > 1e-9 * sum(each * each for each in ranks):
        lag_one = sum(a * b for a, b in itertools.pairwise(residuals)) / spread
        r = min(max((n * lag_one + 3) / (n - 7.5), 0.0), 0.95)
    total = sum((n - k) * (n - k - 1) * (n - k - 2) * r**k for k in range(1, n))
    variance *= 1 + 2 * total / (n * (n - 1) * (n - 2))
    z = max(abs(score) - 1, 0) / math.sqrt(variance)
    return float(slope), float(2 * stats.norm.sf(z))


def trends(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, found = rule.options, []
    for (sensor, time, _, _), number, closed in bucket_means(readings, "P.p", options.step_s):
        series = [closed.get(each, math.nan) for each in range(number - options.points, number)]
        if sum(not math.isnan(each) for each in series) < 0.75 * options.points:
            continue
        slope, p_value = sen_slope(series)
        told = slope * {"s": 1, "min": 60}[options.per] / options.step_s if p_value < options.alpha else 0.0
        found.append((sensor, time, abs(told) if options.direction == "either" else told, 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, trends, stale_s=lambda rule: 4 + 2 * rule.options.step_s)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
