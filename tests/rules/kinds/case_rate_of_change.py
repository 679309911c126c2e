"""The rate_of_change kind for the conformance suite."""

import random
import statistics
from collections.abc import Sequence

from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

KIND = "rate_of_change"
FALL = {"direction": "fall", "per": "s", "levels": levels([("yellow", 0.5, 0.1, 0, 3), ("orange", 0.9, 0.1, 0, 2)])}
SPAN = {"direction": "either", "over_s": 8, "levels": levels([("blue", 9.0, 2.0, 2, 4)])}
NOISY = {**FALL, "noise_sigmas": 2.0, "direction": "rise", "levels": levels([("yellow", 0.6, 0.2, 0, 2)])}
RULES = tuple(rule_of(KIND, name, [PLAIN], each) for name, each in (("fall", FALL), ("noisy", NOISY), ("span", SPAN)))


def stream(dice: random.Random) -> list[Reading]:
    """Return a pressure that drifts, jumps, and is silent now and then."""
    value, time_s, rows = 3.0, 1000.0, []
    drift = 0.0
    for _ in range(400):
        drift = dice.choice([drift] * 30 + [0.0, 0.3, -0.3])
        value += dice.gauss(0, 0.3) + drift
        time_s += dice.choice([0.7, 1, 1, 1, 2, 3] * 8 + [7])
        rows.append((PLAIN, time_s, value, 0))
    return rows


def slopes(rule: Rule, readings: Sequence[Reading]) -> list[tuple[float, float]]:
    """Return (time, change per second) of each reading that has a past to refer to; the stale time is 4 s."""
    found, run, anchors = [], [], []
    over_s = rule.options.over_s
    for _, time, value, _ in readings:
        if run and time - run[-1][0] > 4:
            run, anchors = [], []
        run.append((time, value))
        if over_s == 0 and len(run) > 1:
            found.append((time, (value - run[-2][1]) / (time - run[-2][0])))
        if over_s > 0 and len(run) > 2:
            middle = statistics.median(each for _, each in run[-3:])
            at = max(time for time, each in run[-3:] if each == middle)
            past = [each for each in anchors if at - each[0] >= over_s]
            if past:
                found.append((time, (middle - past[-1][1]) / (at - past[-1][0])))
            if not anchors or at - anchors[-1][0] >= over_s / 8:
                anchors.append((at, middle))
    return found


def rates(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the rates that `rule` judges."""
    found, sigma, n = [], 0.0, 0
    options = rule.options
    for time, slope in slopes(rule, readings):
        rate = slope * {"s": 1, "min": 60}[options.per]
        told = {"fall": -rate, "rise": rate, "either": abs(rate)}[options.direction]
        is_learned = n >= 30 or options.noise_sigmas is None
        if options.noise_sigmas is not None:
            told = 0.0 if 0 < told < options.noise_sigmas * sigma else told
            if not is_learned or told < rule.levels[0].reset:
                n = min(n + 1, 200)
                size = min(abs(rate), max(3 * sigma, rule.levels[0].limit))
                sigma += (1.2533141373155003 * size - sigma) / n
        if is_learned:
            found.append((readings[0][0], time, told, 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, rates)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
