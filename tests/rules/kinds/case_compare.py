"""The compare kind for the conformance suite."""

import math
import random
from collections.abc import Sequence

import numpy as np

from config.register import Asset, Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

STRAIN, HEAT, SUN = range(3)
SENSORS = [
    Sensor("B.e", "B", "D", "e", "strain", 1.0, 0.0, 10.0, 40.0, ""),
    Sensor("B.t", "B", "D", "t", "temperature", 1.0, 0.0, 10.0, 30.0, ""),
    Sensor("B.s", "B", "F", "s", "temperature", 1.0, 0.0, 20.0, 60.0, ""),
]
UNITS = {"against": [{"quantity": "temperature", "of": "device"}], "memory_s": 3000, "warm_s": 600}
SIGMAS = {
    "against": [{"sensor": "B.s"}, {"quantity": "temperature", "of": "device", "lag_s": 120}],
    "in": "sigma",
    "direction": "rise",
    "memory_s": 3000,
    "warm_s": 600,
    "rebaseline_s": 400,
}
RULES = (
    rule_of("compare", "sigmas", [STRAIN], {**SIGMAS, "levels": levels([("blue", 6.0, 2.0, 0, 20)])}),
    rule_of("compare", "units", [STRAIN], {**UNITS, "levels": levels([("yellow", 20.0, 8.0, 10, 20)])}),
)


def stream(dice: random.Random) -> list[Reading]:
    """Return strain that follows two temperatures and is shifted now and then; days of 600 s, and silences."""
    rows, shift, slow = [], 0.0, 20.0
    for i in range(400):
        time_s = 1000.0 + 10 * i
        shift = dice.choice([shift] * 30 + [0.0, 30.0, -30.0])
        heat = 20 + 8 * math.sin(time_s / 600 * 2 * math.pi)
        sun = 15 + 5 * math.sin(time_s / 1700)
        slow += (heat - slow) * 10 / 130
        if not 100 < i % 150 < 110:
            rows.append((HEAT, time_s + dice.choice([-1.0, 1.0]), heat + dice.gauss(0, 0.1), 0))
        if i % 2:
            rows.append((SUN, time_s - 2, sun, 0))
        if not 130 < i % 170 < 137:
            rows.append((STRAIN, time_s, 100 + 3 * heat + 6 * slow - 2 * sun + shift + dice.gauss(0, 1), 0))
    return sorted(rows, key=lambda row: row[1])


class Other:
    """One covariate."""

    def __init__(self, written, register: Register) -> None:
        number = register.sensor_index[written.sensor] if written.sensor else HEAT
        self.number, self.lag, self.stale = number, written.lag_s, register.sensors[number].stale_after_s
        self.time, self.value = -math.inf, 0.0

    def hear(self, time: float, value: float) -> None:
        """Follow a reading."""
        passed = time - self.time
        share = 1.0 if math.isinf(passed) or not self.lag else passed / (passed + self.lag)
        self.value += share * (value - self.value)
        self.time = time


class Fit:
    """All that was learned, fitted again from the start for each reading."""

    def __init__(self) -> None:
        self.features, self.targets, self.elapsed = [], [], []
        self.variance, self.n_left = 0.0, 0

    def expect(self, feature: list[float], options) -> tuple[float | None, float]:
        """Return the expected value, None where too little is known, and the leverage."""
        if not self.targets:
            return None, 1e6
        kept = np.array([options.memory_s / (options.memory_s + each) for each in self.elapsed])
        weight = np.sqrt(np.append(np.cumprod(kept[:0:-1])[::-1], 1.0))
        origin, height = np.array(self.features[0]), self.targets[0]
        off = np.column_stack((np.ones(len(weight)), np.array(self.features) - origin))
        ridge = 1e-3 * np.eye(off.shape[1])
        design = np.vstack((off * weight[:, np.newaxis], ridge))
        target = np.append((np.array(self.targets) - height) * weight, np.zeros(len(ridge)))
        fitted = np.linalg.lstsq(design, target, rcond=None)[0]
        now = np.append(1.0, np.array(feature) - origin)
        leverage = float(now @ np.linalg.inv(design.T @ design) @ now)
        is_known = sum(self.elapsed) >= options.warm_s
        return (float(now @ fitted) + height if is_known else None), leverage

    def learn(self, feature: list[float], target: float, elapsed: float) -> None:
        """Add a reading."""
        self.features.append(feature)
        self.targets.append(target)
        self.elapsed.append(elapsed)


def left(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges, one reading after the other."""
    options = rule.options
    others = [Other(each, CASE.register) for each in options.against]
    fit = Fit()
    beyond_s = 0.0
    before = None
    found = []
    for sensor, time, value, _ in readings:
        for other in others:
            if other.number == sensor:
                other.hear(time, value)
        if sensor != STRAIN:
            continue
        is_broken = before is None or time - before > 40
        seen = 0.0 if is_broken else time - before
        before = time
        weight = 10.0 if is_broken else seen
        feature = [other.value for other in others]
        is_fresh = all(abs(time - other.time) <= other.stale for other in others)
        expected, leverage = fit.expect(feature, options)
        far, rest = None, None
        if expected is not None and is_fresh and leverage <= 1:
            rest = value - expected
            far = rest / max(math.sqrt(fit.variance), 1e-6) if options.in_ == "sigma" else rest
            far = far if options.direction == "rise" else abs(far)
            found.append((STRAIN, time, far, 0))
        beyond_s = beyond_s + seen if seen else 0.0
        if far is not None and far >= rule.levels[0].reset:
            if beyond_s >= options.rebaseline_s:
                fit, beyond_s = Fit(), 0.0
            continue
        beyond_s = 0.0
        if rest is not None:
            share = max(weight / (weight + options.memory_s), 1 / (fit.n_left + 1))
            fit.variance += share * (rest * rest - fit.variance)
            fit.n_left += 1
        if is_fresh:
            fit.learn(feature, value, weight)
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, lambda rule, _: left(rule, readings))


BRIDGE = {"B": Asset("B", "bridge", "bridge", "B", "B", "R", 0.0, 0.0)}
CASE = Case(Register({}, BRIDGE, SENSORS, {}, []), RuleSet(RULES, "1"), stream, reference, batch_s=100.0)
