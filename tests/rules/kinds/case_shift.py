"""The shift kind for the conformance suite."""

import math
import random
from collections.abc import Sequence

import numpy as np

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
SLOW = {
    "method": "ewma",
    "weight": 1.0,
    "slow_s": 4,
    "slow_weight": 2,
    "learns": "all",
    "baseline_s": 500,
    "warm_s": 30,
    "levels": levels([("blue", 5.0, 2.0, 0, 5), ("yellow", 8.0, 4.0, 0, 5)]),
}
CREEP = {"direction": "fall", "slow_s": 10, "baseline_s": 60, "rebaseline_s": 50, "slack": 1.5}
RULES = (
    rule_of("shift", "cusum", [0], CUSUM),
    rule_of("shift", "ewma", [0], EWMA),
    rule_of("shift", "means", [0], MEANS),
    rule_of("shift", "creep", [0], {**CREEP, "levels": levels([("blue", 4.0, 1.0, 0, 0)])}),
    rule_of("shift", "slow", [0], SLOW),
    rule_of("shift", "page", [0], {**PAGE, "levels": levels([("blue", 9.0, 3.0, 0, 2)])}),
)


def stream(dice: random.Random) -> list[Reading]:
    """Return a noisy level that shifts now and then, for a while or for good, and silences."""
    level = 2.0
    shift = 0.0
    time_s = 1000.0
    rows = []
    for _ in range(400):
        shift = dice.choice([shift] * 40 + [0.0, 0.0, 0.3, -0.3])
        level += dice.choice([0.0] * 300 + [0.4])
        time_s += dice.choice([0.5, 1, 1, 1, 2] * 20 + [30])
        rows.append((0, time_s, level + shift + dice.gauss(0, 0.1), 0))
    return rows


class Hour:
    """One hour of the day or of the week."""

    def __init__(self) -> None:
        self.mean, self.count, self.seen = 0.0, 0, []

    def knows(self, hour: int) -> bool:
        """Tell whether it was seen twice before `hour`."""
        return len([each for each in self.seen if each != hour]) >= 2

    def add(self, hour: int, value: float, least_share: float, most: float) -> None:
        """Learn a sample."""
        off = value - self.mean
        off = min(max(off, -most), most) if self.count else off
        self.mean = float(np.float32(self.mean + max(least_share, 1 / (self.count + 1)) * off))
        self.count += 1
        if hour not in self.seen:
            self.seen.append(hour)


class Usual:
    """Mean and variance, and means of hours."""

    def __init__(self, options) -> None:
        self.options, self.hours = options, {}
        self.mean = 0.0
        self.variance = 0.0
        self.n = 0
        self.learned_s = 0.0
        self.slow = 0.0
        self.slow_variance = 0.0

    def is_known(self) -> bool:
        """Tell whether anything may be judged."""
        warm_s = self.options.baseline_s if self.options.warm_s is None else self.options.warm_s
        return self.learned_s >= warm_s

    def sigma(self) -> float:
        """Return the sigma."""
        return max(math.sqrt(self.variance), 1e-6)

    def most(self) -> float:
        """Return by which a sample counts as off at most."""
        return self.options.clip_sigmas * self.sigma() if self.is_known() else math.inf

    def places(self, time: float) -> tuple[int, list[tuple[str, int]]]:
        """Return the hour since 1970, and its number in day and week, as far as the rule asks."""
        hour = math.floor((time + self.options.utc_offset_h * 3600) / 3600)
        # The first of January 1970 was a Thursday: its Monday is four days later.
        both = [("day", hour % 24), ("week", (hour - 96) % 168)]
        return hour, [] if self.options.cycle == "none" else both

    def off(self, time: float, value: float) -> float:
        """Return the distance of a sample from the usual value."""
        usual = self.mean
        hour, places = self.places(time)
        for place in places[: 1 if self.options.cycle == "day" else 2]:
            if place in self.hours and self.hours[place].knows(hour):
                usual = self.hours[place].mean
        return value - usual

    def clipped(self, off: float) -> float:
        """Return `off` as far as it counts."""
        return min(max(off, -self.most()), self.most())

    def creep(self, off: float, weight_s: float) -> float:
        """Return the evidence of the slow mean, signed."""
        if not self.options.slow_s:
            return 0.0
        self.slow += (1 - math.exp(-weight_s / self.options.slow_s)) * (off - self.slow)
        return self.options.slow_weight * self.slow / max(math.sqrt(self.slow_variance), 1e-6)

    def add(self, time: float, value: float, off: float, weight_s: float) -> None:
        """Learn a sample."""
        fading = weight_s / (weight_s + self.options.baseline_s)
        share, most = max(fading, 1 / (self.n + 1)), self.most()
        hour, places = self.places(time)
        for place in places:
            many = {"day": 24, "week": 168}[place[0]]
            of_hour = many * weight_s / (many * weight_s + self.options.baseline_s)
            self.hours.setdefault(place, Hour()).add(hour, value, of_hour, most)
        self.slow_variance = (1 - share) * self.slow_variance + share * self.slow * self.slow
        self.mean += share * min(max(value - self.mean, -most), most)
        self.variance = (1 - share) * (self.variance + share * off * off)
        self.n, self.learned_s = self.n + 1, self.learned_s + weight_s


class Evidence:
    """One side of one method."""

    def __init__(self, options, cap: float) -> None:
        self.options = options
        self.cap = cap
        self.sum = 0.0
        self.lowest = 0.0

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


def samples(options, readings: Sequence[Reading], sensor: Sensor) -> list[tuple[float, float, float, float, float]]:
    """Return (time of judgement, time of sample, value, seconds since the one before or 0, weight in s) of each."""
    found, part, before = [], None, None
    for _, time, value, _ in readings:
        is_broken = before is None or time - before > sensor.stale_after_s
        seen = 0.0 if is_broken else time - before
        before = time
        if not options.mean_s:
            found.append((time, time, value, seen, sensor.cadence_s if is_broken else seen))
            continue
        number = time // options.mean_s
        if part and part[0] != number:
            begin, mean = part[0] * options.mean_s, sum(part[1]) / len(part[1])
            found.append((time, begin, mean, 0.0 if part[3] else part[2], options.mean_s))
            part = None
        part = part or [number, [], 0.0, False]
        part[1].append(value)
        part[2] += seen
        part[3] |= is_broken
    return found


def distances(rule: Rule, readings: Sequence[Reading], sensor: Sensor = MAIN) -> list[Reading]:
    """Return the evidence that `rule` judges, one reading after the other."""
    options = rule.options
    cap = 2 * max(each.limit for each in rule.levels)
    usual, rise, fall = Usual(options), Evidence(options, cap), Evidence(options, cap)
    beyond_s, found = 0.0, []
    for time, of, value, seen, weight in samples(options, readings, sensor):
        far, raw = None, usual.off(of, value)
        off = usual.clipped(raw)
        creep = usual.creep(off, weight)
        if usual.is_known():
            residual = min(max(raw / usual.sigma(), -options.clip_sigmas), options.clip_sigmas)
            up, down = max(rise.add(residual), creep), max(fall.add(-residual), -creep)
            far = {"rise": up, "fall": down, "either": max(up, down)}[options.direction]
            found.append((0, time, far, 0))
        beyond_s = beyond_s + seen if seen else 0.0
        calm = far is None or far < min(each.reset for each in rule.levels) or options.learns == "all"
        if calm:
            beyond_s = 0.0
            usual.add(of, value, off, weight)
        elif beyond_s >= options.rebaseline_s:
            usual = Usual(options)
            rise = Evidence(options, cap)
            fall = Evidence(options, cap)
            beyond_s = 0.0
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, distances)


CASE = Case(Register({}, {}, [MAIN], {}, []), RuleSet(RULES, "1"), stream, reference)
