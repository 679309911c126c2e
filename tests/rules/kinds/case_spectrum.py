"""The spectrum kind for the conformance suite: two sensors on a bridge that loses stiffness, and gets it back."""

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import signal

from config.register import Asset, Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

STEP_S = 0.1
SENSORS = [Sensor(f"B.{i}", "B", f"D{i}", "a", "acceleration", 1.0, 0.0, STEP_S, 5.0, "") for i in range(2)]
COMMON = {"span_s": 10, "segment_s": 4}
OPTIONS = {
    "soft": {
        **COMMON,
        "judge": "frequency",
        "expected_hz": 1.5,
        "search_percent": 30,
        "prominence": 2,
        "agree": 1,
        "agree_percent": 5,
        "learn_windows": 3,
        "levels": levels([("yellow", 5, 2, 0, 0, 3, 2)]),
    },
    "shakes": {**COMMON, "judge": "rms", "levels": levels([("blue", 0.9, 0.2, 0, 0), ("orange", 1.3, 0.2, 10, 0)])},
}
RULES = tuple(rule_of("spectrum", name, [0, 1], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return two sensors that swing together, one of which loses a sample now and then."""
    rows = []
    phase = 0.0
    hz = 1.5
    size = 1.0
    start_s = dice.choice([1000.0, 1003.3])
    for i in range(3600):
        time_s = start_s + i * STEP_S
        if i % 900 == 0:
            hz, size = (1.5, 1.0) if i in {0, 1800} else (dice.choice([1.25, 1.7]), dice.choice([1.0, 2.2]))
        phase += 2 * math.pi * hz * STEP_S
        for k in (0, 1):
            if dice.random() > 0.0005:
                shape = (1.0, 0.7)[k]
                rows.append((k, time_s + 0.03 * k, size * shape * math.sin(phase) + dice.gauss(0, 0.3), 0))
    return rows


def windows(options, readings: Sequence[Reading]) -> Iterator[tuple[int, float, int, list[tuple[float, float]]]]:
    """Yield (sensor, time that ends it, number, samples) of each window that has lost nothing."""
    open_windows: dict[int, tuple[int, list[tuple[float, float]]]] = {}
    for sensor, time, value, _ in readings:
        number = int(time // options.span_s)
        before, samples = open_windows.get(sensor, (number, []))
        if number != before:
            times = [at for at, _ in samples]
            steps = np.diff(times)
            covered = times[-1] - times[0]
            if number == before + 1 and covered >= 0.9 * options.span_s and steps.max() <= 1.5 * steps.mean():
                yield sensor, time, before, samples
            samples = []
        open_windows[sensor] = (number, [*samples, (time, value)])


def mode(options, samples: Sequence[tuple[float, float]]) -> float:
    """Return the frequency of the mode by scipy's spectrum."""
    rate = (len(samples) - 1) / (samples[-1][0] - samples[0][0])
    n = round(options.segment_s / STEP_S)
    hz, density = signal.welch(np.array([value for _, value in samples]), rate, nperseg=n)
    share = options.search_percent / 100
    near = [i for i in range(1, len(hz) - 1) if abs(hz[i] - options.expected_hz) <= share * options.expected_hz]
    top = max(near, key=lambda i: density[i])
    wide = [
        p for f, p in zip(hz, density, strict=True) if abs(f - options.expected_hz) <= 3 * share * options.expected_hz
    ]
    left, middle, right = density[top - 1 : top + 2]
    if not left < middle >= right or middle < options.prominence * np.median(wide):
        return math.nan
    line = np.polyfit([-1, 0, 1], np.log([left, middle, right]), 2)
    return float(hz[top] - line[1] / line[0] / 2 * hz[1])


def values(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, found = rule.options, []
    newest: dict[int, tuple[int, float]] = {}
    learned: dict[int, list[float]] = {0: [], 1: []}
    for sensor, time, number, samples in windows(options, readings):
        if options.judge == "rms":
            found.append((sensor, time, float(np.std([value for _, value in samples])), 0))
            continue
        hz = mode(options, samples)
        if math.isnan(hz):
            continue
        newest[sensor] = (number, hz)
        other = newest.get(1 - sensor)
        if other is None or abs(other[0] - number) > 1 or abs(other[1] / hz - 1) > options.agree_percent / 100:
            continue
        if len(learned[sensor]) < options.learn_windows:
            learned[sensor].append(hz)
            continue
        reference = sum(learned[sensor]) / len(learned[sensor])
        found.append((sensor, time, max(100 * (1 - hz / reference), 0.0), 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, values, stale_s=lambda rule: 1.5 * rule.options.span_s)


BRIDGE = {"B": Asset("B", "bridge", "bridge", "B", "B", "R", 0.0, 0.0)}
CASE = Case(Register({}, BRIDGE, SENSORS, {}, []), RuleSet(RULES, "1"), stream, reference)
