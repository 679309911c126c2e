"""The baseline kind for the conformance suite."""

import random
from collections.abc import Sequence

from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.small_district import PLAIN, register

RISE = {"direction": "rise", "baseline_s": 60, "levels": levels([("blue", 1.0, 0.3, 0, 3), ("yellow", 1.8, 0.3, 2, 2)])}
FALL = {"direction": "fall", "baseline_s": 90, "rebaseline_s": 20, "levels": levels([("blue", 0.8, 0.2, 1, 3)])}
EITHER = {"baseline_s": 40, "quantile": 0.4, "rebaseline_s": 30, "levels": levels([("orange", 1.2, 0.4, 0, 3)])}
VARIES = {**RISE, "varies": 0.2}
NAMED = {"rise": RISE, "fall": FALL, "either": EITHER, "varies": VARIES}
RULES = tuple(rule_of("baseline", name, [PLAIN], each) for name, each in NAMED.items())


class Varying:
    """An excess, reading by reading, and whether its steps have been a share of it."""

    def __init__(self, rule: Rule) -> None:
        self.share, self.reset = rule.options.varies, min(each.reset for each in rule.levels)
        self.before = self.step = self.size = 0.0
        self.n_calm, self.varied = 0, False

    def told(self, far: float, *, is_broken: bool) -> float:
        """Return the judged values instead of `far`."""
        before = 0.0 if is_broken else self.before
        if before > 0:
            self.step += 0.25 * (abs(far - before) - self.step)
            self.size += 0.25 * (max(far, before) - self.size)
        self.varied |= self.size > 0 and self.step >= self.share * self.size
        is_calm = far < self.reset
        self.n_calm = self.n_calm + 1 if is_calm else 0
        if self.n_calm >= 15:
            self.step, self.size, self.varied = 0.0, 0.0, False
        self.before = 0.0 if is_calm else far
        return far if is_calm or self.varied or not self.share else min(far, 0.0)


def stream(dice: random.Random) -> list[Reading]:
    """Return a level that wanders, with plumes, a lasting step now and then, and silences."""
    level = 2.0
    time_s = 1000.0
    plume = 0.0
    rows = []
    for _ in range(500):
        level = min(max(level + dice.gauss(0, 0.02) + dice.choice([0.0] * 150 + [1.5, -1.5]), 0.0), 4.0)
        plume = dice.choice([plume] * 8 + [0.0, 0.0, 0.0, 1.5])
        time_s += dice.choice([0.5, 1, 1, 1, 2] * 10 + [7])
        rows.append((PLAIN, time_s, level + plume + dice.gauss(0, 0.1), 0))
    return rows


def distances(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the distances that `rule` judges, one reading after the other; cadence 1 s, stale time 4 s."""
    options = rule.options
    parts = []
    part = None
    beyond_s = 0.0
    before = None
    needed = max(min(int(options.baseline_s), 30) // 2, 3)
    quantile = options.quantile or {"rise": 0.1, "fall": 0.9}[options.direction]
    found: list[Reading] = []
    varying = Varying(rule)
    for sensor, time, value, _ in readings:
        usual = None
        if len(parts) >= needed:
            means = sorted(parts[-30:])
            usual = means[int(quantile * (len(means) - 1))]
        far = None
        if usual is not None:
            far = {"rise": value - usual, "fall": usual - value, "either": abs(value - usual)}[options.direction]
            is_broken = before is None or time - before > 4
            found.append((sensor, time, varying.told(far, is_broken=is_broken), 0))
        elapsed = 0 if before is None or time - before > 4 else time - before
        beyond_s = beyond_s + elapsed if elapsed else 0
        before = time
        if far is not None and far >= min(each.reset for each in rule.levels):
            if beyond_s >= options.rebaseline_s:
                parts, part, beyond_s = [], None, 0.0
            continue
        beyond_s = 0.0
        number = int(time // (options.baseline_s / 30))
        if part is not None and part[0] != number:
            parts.append(sum(part[1]) / len(part[1]))
            part = None
        part = part or (number, [])
        part[1].append(value)
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, distances)


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
