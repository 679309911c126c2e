"""The displacement kind for the conformance suite."""

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

ANGLE = {"method": "tangent_angle", "per": "s", "step_s": 3, "rate_points": 8}
OPTIONS = {
    "creeps": {
        **ANGLE,
        "direction": "rise",
        "reference_rate": 0.1,
        "levels": levels([("yellow", 60, 10, 0, 5), ("orange", 75, 5, 0, 3, 5, 2)]),
    },
    "moves": {
        **ANGLE,
        "direction": "either",
        "least_rate": 0.01,
        "learn_points": 12,
        "levels": levels([("blue", 50, 20, 4, 4)]),
    },
    "fails": {
        "method": "inverse_velocity",
        "direction": "rise",
        "per": "min",
        "step_s": 2,
        "rate_points": 4,
        "least_rate": 0.5,
        "confidence": 0.8,
        "horizon_h": 0.2,
        "levels": levels([("orange", 0.05, 0.03, 0, 4, 3, 2)]),
    },
}
RULES = tuple(rule_of("displacement", name, [PLAIN], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a slope that creeps and stops, with short fast times, steps and gaps."""
    value = 0.0
    time_s = 1000.0
    rate = 0.1
    rows = []
    for i in range(900):
        if i % 90 == 0:
            rate, bend = dice.choice([0.0, 0.02, 0.1]), dice.choice([0.0, 0.0, 0.06, 0.06])
        step_s = dice.choice([0.7, 1, 1, 1, 2] * 16 + [7, 25])
        time_s += step_s
        rate = min(rate * (1 + bend) ** step_s, 4.0)
        value += rate * step_s + (dice.random() < 0.005) * 3
        rows.append((PLAIN, time_s, value + dice.gauss(0, 0.02), 0))
    return rows


def rate_of(series: Sequence[float]) -> float:
    """Return the slope a step of points of which some are NaN."""
    points = [(i, each) for i, each in enumerate(series) if not math.isnan(each)]
    if len(points) < max(2, math.ceil(0.75 * len(series))):
        return math.nan
    return float(np.polyfit([t for t, _ in points], [y for _, y in points], 1)[0])


def failure(rates: Sequence[float], least: float, confidence: float) -> tuple[float, float]:
    """Return (eta, latest) in steps after the last of rates."""
    points = [(i - len(rates) + 1, 1 / each) for i, each in enumerate(rates) if each > least]
    if len(points) < 5:
        return math.inf, math.inf
    line = stats.linregress([t for t, _ in points], [y for _, y in points])
    if line.slope >= 0:
        return math.inf, math.inf
    middle, mean = np.mean([t for t, _ in points]), np.mean([y for _, y in points])
    spread = sum((t - middle) ** 2 for t, _ in points)
    t = stats.t.ppf((1 + confidence) / 2, len(points) - 2)
    # Fieller as the quadratic that it is: (mean + slope u)^2 = t^2 (var_mean + u^2 var_slope).
    a = line.slope**2 - t**2 * line.stderr**2
    b = 2 * mean * line.slope
    c = mean**2 - t**2 * line.stderr**2 * spread / len(points)
    eta = middle - mean / line.slope
    return eta, middle + max(np.roots([a, b, c]).real) if a > 0 else math.inf


def hours(options, closed: dict[int, float], number: int, since_s: float) -> float:
    """Return the hours until failure; `since_s` after the end of the last closed bucket."""
    n = options.rate_points
    first = number - options.points * n
    parts = [[closed.get(first + k * n + i, math.nan) for i in range(n)] for k in range(options.points)]
    rates = [rate_of(part) * 60 / options.step_s for part in parts]
    if sum(not math.isnan(each) for each in rates) < 0.75 * options.points or math.isnan(rates[-1]):
        return math.nan
    eta, latest = failure(rates, options.least_rate, options.confidence)
    shift_s = since_s + n / 2 * options.step_s
    in_h = [(each * n * options.step_s - shift_s) / 3600 for each in (eta, latest)]
    is_foreseen = in_h[1] < options.horizon_h and rates[-1] > options.least_rate
    return max(in_h[0], 0.0) if is_foreseen else options.horizon_h


def values(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, found, learned = rule.options, [], []
    for (sensor, time, _, _), number, closed in bucket_means(readings, "P.p", options.step_s):
        if options.method == "inverse_velocity":
            phase_s = _phase_s(options.step_s)
            told = hours(options, closed, number, time - phase_s - number * options.step_s)
        else:
            series = [closed.get(number - options.rate_points + i, math.nan) for i in range(options.rate_points)]
            both = [rate_of(part) / options.step_s for part in (series, series[-(options.rate_points // 2) :])]
            rate = min(abs(each) for each in both) if options.direction == "either" else min(both)
            rate = math.nan if math.isnan(sum(both)) else rate
            reference = options.reference_rate
            if reference is None and not math.isnan(rate) and len(learned) < options.learn_points:
                learned.append(max(rate, 0.0))
                continue
            reference = reference or max(sum(learned) / max(len(learned), 1), options.least_rate)
            told = math.degrees(math.atan2(max(rate, 0.0), reference))
        if not math.isnan(told):
            found.append((sensor, time, told, 0))
    return found


def _phase_s(step_s: float) -> float:

    step_ns = round(step_s * 1e9)
    return zlib.crc32(b"P.p") * step_ns // 2**32 / 1e9


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, values, stale_s=lambda rule: 4 + 2 * rule.options.step_s)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
