"""The modes kind for the conformance suite: two structures that lose stiffness, and swing in another mode at times."""

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
ASSETS = ("B", "B", "C", "B", "C")
SENSORS = [
    Sensor(f"{asset}.{i}", asset, "D", f"a{i}", "acceleration", 1.0, 0.0, STEP_S, 5.0, "")
    for i, asset in enumerate(ASSETS)
]
GROUPS = ([0, 1, 3], [2, 4])
SHAPES = (np.array([1.0, 0.8, 0.6, 0.5, 1.0]), np.array([0.7, -0.5, 1.0, -1.0, -0.6]))
COMMON = {
    "span_s": 10,
    "segment_s": 4,
    "expected_hz": 1.5,
    "search_percent": 30,
    "prominence": 2,
    "least_mac": 0.8,
    "levels": levels([("yellow", 5, 2, 0, 0, 3, 2)]),
}
OPTIONS = {
    "softer": {**COMMON, "learn_windows": 3},
    "other": {
        **COMMON,
        "direction": "either",
        "reference_hz": 1.5,
        "reference_shape": {each.id: float(a) for each, a in zip(SENSORS, SHAPES[0], strict=True)},
    },
}
RULES = tuple(rule_of("modes", name, [0, 1, 2, 3, 4], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return sensors that swing together, one of which loses a sample now and then."""
    rows = []
    phase = 0.0
    hz = 1.5
    mode = 0
    start_s = dice.choice([1000.0, 1003.3])
    for i in range(3000):
        time_s = start_s + i * STEP_S
        if i % 750 == 0:
            hz, mode = (1.5, 0) if i in {0, 1500} else (dice.choice([1.25, 1.75]), dice.choice([0, 0, 1]))
        phase += 2 * math.pi * hz * STEP_S
        heard = [k for k in range(5) if dice.random() > 0.0002]
        rows += [(k, time_s, SHAPES[mode][k] * math.sin(phase) + dice.gauss(0, 0.2), 0) for k in heard]
    return rows


def windows(options, readings: Sequence[Reading]) -> Iterator[tuple[float, Sequence[int], list]]:
    """Yield (time that ends it, sensors, samples of each) of each window in which no sensor lost a part."""
    open_windows: dict[int, tuple[int, list[tuple[float, float]]]] = {}
    ended: dict[int, tuple[int, list[tuple[float, float]] | None]] = {}
    for sensor, time, value, _ in readings:
        number = int(time // options.span_s)
        before, samples = open_windows.get(sensor, (number, []))
        if number != before:
            times = [at for at, _ in samples]
            steps = np.diff(times)
            covered = times[-1] - times[0]
            sound = number == before + 1 and covered >= 0.9 * options.span_s and steps.max() <= 1.5 * steps.mean()
            ended[sensor] = (before, samples if sound else None)
            samples = []
            (group,) = [each for each in GROUPS if sensor in each]
            parts = [ended.get(each, (None, None)) for each in group]
            if all(n == before and part is not None for n, part in parts):
                yield time, group, [part for _, part in parts]
        open_windows[sensor] = (number, [*samples, (time, value)])


def mode(options, parts: list) -> tuple[float, np.ndarray] | None:
    """Return frequency and shape of the mode by scipy's cross-spectra, one line at a time."""
    values = np.array([[value for _, value in part] for part in parts])
    if len({len(part) for part in parts}) > 1 or len({part[0][0] for part in parts}) > 1:
        return None
    rate = (len(parts[0]) - 1) / (parts[0][-1][0] - parts[0][0][0])
    n = round(options.segment_s / STEP_S)
    hz, cross = signal.csd(values[:, np.newaxis], values[np.newaxis], rate, nperseg=n)
    split = [np.linalg.svd(cross[:, :, i]) for i in range(len(hz))]
    top, share = [float(s[0]) for _, s, _ in split], options.search_percent / 100
    near = [i for i in range(1, len(hz) - 1) if abs(hz[i] - options.expected_hz) <= share * options.expected_hz]
    best = max(near, key=lambda i: top[i])
    wide = [s for f, s in zip(hz, top, strict=True) if abs(f - options.expected_hz) <= 3 * share * options.expected_hz]
    left, middle, right = top[best - 1 : best + 2]
    if not left < middle >= right or middle < options.prominence * np.median(wide):
        return None
    line = np.polyfit([-1, 0, 1], np.log([left, middle, right]), 2)
    return float(hz[best] - line[1] / line[0] / 2 * hz[1]), split[best][0][:, 0]


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Return the MAC of two shapes of length 1."""
    return abs(sum(x.conjugate() * y for x, y in zip(a, b, strict=True))) ** 2


def values(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, found = rule.options, []
    learned: dict[int, list[tuple[float, np.ndarray]]] = {group[0]: [] for group in GROUPS}
    for time, group, parts in windows(options, readings):
        own, identified = learned[group[0]], mode(options, parts)
        if identified is None:
            continue
        hz, shape = identified
        if options.reference_shape is None and len(own) < options.learn_windows:
            own.append(identified)
            if len(own) == options.learn_windows and alike_all(own)[1] < options.least_mac:
                own.clear()
            continue
        if options.reference_shape is None:
            reference_hz, reference = sum(each for each, _ in own) / len(own), alike_all(own)[0]
        else:
            reference = np.array([options.reference_shape[SENSORS[i].id] for i in group])
            reference_hz, reference = options.reference_hz, reference / np.linalg.norm(reference)
        if alike(reference, shape) >= options.least_mac:
            change = 100 * (hz / reference_hz - 1)
            found.append((group[0], time, max(-change, 0.0) if options.direction == "fall" else abs(change), 0))
    return found


def alike_all(learned: Sequence[tuple[float, np.ndarray]]) -> tuple[np.ndarray, float]:
    """Return the shape that is most like all, and its mean MAC."""
    shapes = np.array([shape for _, shape in learned]).T
    left, size, _ = np.linalg.svd(shapes)
    return left[:, 0], float(size[0] ** 2 / len(learned))


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, values, stale_s=lambda rule: 1.5 * rule.options.span_s)


PLACES = {name: Asset(name, "bridge", "bridge", name, name, "R", 0.0, 0.0) for name in ("B", "C")}
CASE = Case(Register({}, PLACES, SENSORS, {}, []), RuleSet(RULES, "1"), stream, reference)
