"""The shift kind for the conformance suite."""

import math
import random
from collections.abc import Sequence

from config.register import Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

MAIN = Sensor("M.p", "M", "D", "p", "fire_water_pressure", 1.0, 0.0, 1.0, 20.0, "")
CUSUM = {
    "direction": "fall",
    "baseline_s": 60,
    "levels": levels([("blue", 8.0, 4.0, 0, 3), ("yellow", 16.0, 8.0, 0, 3)]),
}
EWMA = {"method": "ewma", "baseline_s": 90, "rebaseline_s": 40, "levels": levels([("blue", 4.0, 1.0, 2, 3)])}
PAGE = {"method": "page_hinkley", "direction": "rise", "slack": 0.3, "baseline_s": 60, "clip_sigmas": 3}
MEANS = {
    "mean_s": 5,
    "slack": 0.4,
    "baseline_s": 120,
    "rebaseline_s": 60,
    "levels": levels([("orange", 5.0, 2.0, 5, 0)]),
}
RULES = (
    rule_of("shift", "cusum", [0], CUSUM),
    rule_of("shift", "ewma", [0], EWMA),
    rule_of("shift", "means", [0], MEANS),
    rule_of("shift", "page", [0], {**PAGE, "levels": levels([("blue", 9.0, 3.0, 0, 2)])}),
)
STALE_S = 20.0


def stream(dice: random.Random) -> list[Reading]:
    """Return a noisy level that shifts now and then, for a while or for good, and silences."""
    level, shift, time_s, rows = 2.0, 0.0, 1000.0, []
    for _ in range(400):
        shift = dice.choice([shift] * 40 + [0.0, 0.0, 0.3, -0.3])
        level += dice.choice([0.0] * 300 + [0.4])
        time_s += dice.choice([0.5, 1, 1, 1, 2] * 20 + [30])
        rows.append((0, time_s, level + shift + dice.gauss(0, 0.1), 0))
    return rows


class Usual:
    """Mean and variance."""

    def __init__(self) -> None:
        self.mean, self.variance, self.n, self.learned_s = 0.0, 0.0, 0, 0.0

    def sigma(self) -> float:
        """Return the sigma."""
        return max(math.sqrt(self.variance), 1e-6)

    def add(self, value: float, weight_s: float, options) -> None:
        """Learn a sample."""
        share = max(weight_s / (weight_s + options.baseline_s), 1 / (self.n + 1))
        off = value - self.mean
        if self.learned_s >= options.baseline_s:
            most = options.clip_sigmas * self.sigma()
            off = min(max(off, -most), most)
        self.mean += share * off
        self.variance = (1 - share) * (self.variance + share * off * off)
        self.n, self.learned_s = self.n + 1, self.learned_s + weight_s


class Evidence:
    """One side of one method."""

    def __init__(self, options, cap: float) -> None:
        self.options, self.cap, self.sum, self.lowest = options, cap, 0.0, 0.0

    def add(self, residual: float) -> float:
        """Return the evidence with one more residual."""
        options = self.options
        if options.method == "ewma":
            self.sum = (1 - options.weight) * self.sum + options.weight * residual
            return max(self.sum / math.sqrt(options.weight / (2 - options.weight)), 0.0)
        if options.method == "cusum":
            self.sum = min(max(0.0, self.sum + residual - options.slack), self.cap)
            return self.sum
        self.sum = 0.9999 * self.sum + residual - options.slack
        self.lowest = max(min(self.lowest, self.sum), self.sum - self.cap)
        return self.sum - self.lowest


def samples(options, readings: Sequence[Reading]) -> list[tuple[float, float, float, float]]:
    """Return (time, value, seconds seen since the sample before or 0 where broken, weight in s) of each sample."""
    found, part, before = [], None, None
    for _, time, value, _ in readings:
        is_broken = before is None or time - before > STALE_S
        seen = 0.0 if is_broken else time - before
        before = time
        if not options.mean_s:
            found.append((time, value, seen, 1.0 if is_broken else seen))
            continue
        number = time // options.mean_s
        if part and part[0] != number:
            found.append((time, sum(part[1]) / len(part[1]), 0.0 if part[3] else part[2], options.mean_s))
            part = None
        part = part or [number, [], 0.0, False]
        part[1].append(value)
        part[2] += seen
        part[3] |= is_broken
    return found


def distances(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the evidence that `rule` judges, one reading after the other."""
    options = rule.options
    cap = 2 * max(each.limit for each in rule.levels)
    usual, rise, fall = Usual(), Evidence(options, cap), Evidence(options, cap)
    beyond_s, found = 0.0, []
    for time, value, seen, weight in samples(options, readings):
        far = None
        if usual.learned_s >= options.baseline_s:
            residual = (value - usual.mean) / usual.sigma()
            residual = min(max(residual, -options.clip_sigmas), options.clip_sigmas)
            up, down = rise.add(residual), fall.add(-residual)
            far = {"rise": up, "fall": down, "either": max(up, down)}[options.direction]
            found.append((0, time, far, 0))
        beyond_s = beyond_s + seen if seen else 0.0
        if far is not None and far >= min(each.reset for each in rule.levels):
            if beyond_s >= options.rebaseline_s:
                usual, rise, fall, beyond_s = Usual(), Evidence(options, cap), Evidence(options, cap), 0.0
        else:
            beyond_s = 0.0
            usual.add(value, weight, options)
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, distances)


CASE = Case(Register({}, {}, [MAIN], {}, []), RuleSet(RULES, "1"), stream, reference)
