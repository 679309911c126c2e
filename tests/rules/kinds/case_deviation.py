"""The deviation kind for the conformance suite."""

import math
import random
from collections.abc import Sequence

import numpy as np

from config.register import Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

FLOW = Sensor("W.q", "W", "D", "q", "flow", 1.0, 0.0, 1200.0, 3600.0, "")
SIGMAS = {"direction": "rise", "warm_weeks": 1, "levels": levels([("blue", 6.0, 2.0, 0, 1800)])}
UNITS = {"in": "unit", "warm_weeks": 2, "utc_offset_h": -3.5, "rebaseline_s": 20_000}
RULES = (
    rule_of("deviation", "sigmas", [0], SIGMAS),
    rule_of("deviation", "units", [0], {**UNITS, "levels": levels([("yellow", 20.0, 5.0, 1800, 0)])}),
)


def stream(dice: random.Random) -> list[Reading]:
    """Return four weeks of a daily flow, with bursts of some hours and silences."""
    time_s, burst, rows = 1_000_000.0, 0.0, []
    while time_s < 1_000_000 + 4 * 7 * 86_400:
        burst = (
            dice.choice([burst] * 20 + [0.0, 0.0, dice.choice([30.0, -30.0])]) if burst or dice.random() < 0.1 else 0.0
        )
        usual = 100 - 60 * math.cos(time_s * 2 * math.pi / 86_400)
        rows.append((0, time_s, usual + burst + dice.gauss(0, 3), 0))
        time_s += dice.choice([1200.0] * 20 + [1500.0, 900.0, 20_000.0])
    return rows


class Hour:
    """One hour of the week."""

    def __init__(self) -> None:
        self.weeks, self.mean, self.spread = 0, 0.0, 0.0

    def sigma(self) -> float:
        """Return the sigma."""
        return max(1.2533141373155003 * self.spread, 1e-6)

    def add(self, values: list[float], offs: list[float]) -> None:
        """Learn one hour of readings."""
        most = 3 * self.sigma() if self.weeks else math.inf
        share = max(1 / (self.weeks + 1), 1 / 8)
        step = min(max(sum(values) / len(values) - self.mean, -most), most)
        spread = min(sum(offs) / len(offs), most)
        self.mean = float(np.float32(self.mean + share * step))
        self.spread = float(np.float32(self.spread + share * (spread - self.spread)))
        self.weeks += 1


def distances(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the distances that `rule` judges, one reading after the other; the stale time is an hour."""
    options = rule.options
    hours = {}
    now = None
    beyond_s = 0.0
    before = None
    found = []
    for sensor, time, value, _ in readings:
        number = int((time + options.utc_offset_h * 3600) // 3600)
        hour = hours.setdefault((number + 72) % 168, Hour())
        far = None
        if hour.weeks >= options.warm_weeks:
            far = value - hour.mean
            far = far / hour.sigma() if options.in_ == "sigma" else far
            far = far if options.direction == "rise" else abs(far)
            found.append((sensor, time, far, 0))
        elapsed = 0.0 if before is None or time - before > 3600 else time - before
        beyond_s = beyond_s + elapsed if elapsed else 0.0
        before = time
        if far is not None and far >= rule.levels[0].reset:
            if beyond_s >= options.rebaseline_s:
                hours, now, beyond_s = {}, None, 0.0
            continue
        beyond_s = 0.0
        if now is not None and now[0] != number:
            hours.setdefault((now[0] + 72) % 168, Hour()).add(now[1], now[2])
            now = None
        now = now or (number, [], [])
        so_far = sum(now[1]) / len(now[1]) if now[1] else value
        now[2].append(abs(value - (hour.mean if hour.weeks else so_far)))
        now[1].append(value)
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, distances)


CASE = Case(Register({}, {}, [FLOW], {}, []), RuleSet(RULES, "1"), stream, reference, batch_s=14_400.0)
