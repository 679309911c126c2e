"""The time_to_limit kind for the conformance suite."""

import math
import random
import zlib
from collections.abc import Sequence

import numpy as np
from scipy import stats

from rules.rule import Rule, RuleSet
from tests.rules.kinds.bucket_means import bucket_means
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

OPTIONS = {
    "full": {
        "to": 9.0,
        "direction": "rise",
        "step_s": 2,
        "points": 20,
        "worth": 8,
        "horizon_min": 4,
        "levels": levels([("yellow", 2, 1, 0, 4), ("orange", 1, 0.5, 3, 2)]),
    },
    "empty": {
        "to": -9.0,
        "direction": "fall",
        "step_s": 3,
        "points": 24,
        "confidence": 0.9,
        "horizon_min": 5,
        "levels": levels([("blue", 3, 1, 0, 4)]),
    },
}
RULES = tuple(rule_of("time_to_limit", name, [PLAIN], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a level that fills and empties a tank for minutes, is noisy, and is silent now and then."""
    value = 0.0
    time_s = 1000.0
    drift = 0.0
    rows = []
    for i in range(900):
        drift = dice.choice([-0.1, 0.0, 0.1]) - value / 100 if i % 90 == 0 else drift
        time_s += dice.choice([0.7, 1, 1, 1, 2] * 16 + [7, 25])
        value += drift
        rows.append((PLAIN, time_s, value + dice.gauss(0, 0.4), 0))
    return rows


def persistence(series: Sequence[float]) -> float:
    """Return the autocorrelation around a parabola, corrected for bias, of points without holes."""
    n, values = len(series), np.array(series)
    residuals = values - np.polyval(np.polyfit(np.arange(n), values, 2), np.arange(n))
    spread = float((residuals**2).sum())
    if spread <= 1e-9 * float(((values - values.mean()) ** 2).sum()):
        return 0.0
    lag_one = sum(residuals[i] * residuals[i + 1] for i in range(n - 1)) / spread
    return float(min(max((n * lag_one + 3) / (n - 7.5), 0.0), 0.95))


def crossing(series: Sequence[float], limit: float, confidence: float) -> tuple[float, float, float, float, float]:
    """Return (level, eta, soonest, latest, worth) of a line through points of which some are NaN."""
    points = [(i - len(series) + 1, each) for i, each in enumerate(series) if not math.isnan(each)]
    n = len(points)
    line = stats.linregress([t for t, _ in points], [y for _, y in points])
    r = persistence([y for _, y in points])
    worth = n * (1 - r) / (1 + r)
    if (limit - line.intercept) * line.slope <= 0:
        return line.intercept, math.inf, -math.inf, math.inf, worth
    inflation = (1 + r) / (1 - r)
    t = stats.t.ppf((1 + confidence) / 2, max(worth - 2, 4))
    middle = sum(t for t, _ in points) / n
    mean = sum(y for _, y in points) / n
    # As the quadratic that it is: ((limit - mean) - slope u)^2 = t^2 (var_mean + u^2 var_slope).
    var_slope = line.stderr**2 * inflation
    var_mean = var_slope * sum((each - middle) ** 2 for each, _ in points) / n
    a = line.slope**2 - t**2 * var_slope
    b = -2 * (limit - mean) * line.slope
    c = (limit - mean) ** 2 - t**2 * var_mean
    eta = -line.intercept / line.slope + limit / line.slope
    if a <= 0:
        return line.intercept, eta, -math.inf, math.inf, worth
    root = math.sqrt(b * b - 4 * a * c)
    return line.intercept, eta, middle + (-b - root) / (2 * a), middle + (-b + root) / (2 * a), worth


def minutes(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, found = rule.options, []
    step_s = options.step_s
    phase_s = zlib.crc32(b"P.p") * round(step_s * 1e9) // 2**32 / 1e9
    for (sensor, time, _, _), number, closed in bucket_means(readings, "P.p", step_s):
        series = [closed.get(each, math.nan) for each in range(number - options.points, number)]
        if sum(not math.isnan(each) for each in series) < 0.75 * options.points:
            continue
        level, eta, _, latest, worth = crossing(series, options.to, options.confidence)
        since_s = time - ((number - 0.5) * step_s + phase_s)
        told = options.horizon_min
        if worth >= options.worth and (latest * step_s - since_s) / 60 < options.horizon_min:
            told = max((eta * step_s - since_s) / 60, 0.0)
        if level >= options.to if options.direction == "rise" else level <= options.to:
            told = 0.0
        found.append((sensor, time, told, 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, minutes, stale_s=lambda rule: 4 + 2 * rule.options.step_s)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
