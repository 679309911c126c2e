"""The burst kind for the conformance suite: three sensors along a pipe."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.batch import RECEIVED_CLOCK
from config.register import Asset, Neighbour, Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

STALE_S = 5.0
AT_M = [0.0, 1000.0, 2500.0]
NAMES = "ABC"
ASSETS = {name: Asset(name, "water_main", "water", name, name, "R", 0.0, 0.0) for name in NAMES}
SENSORS = [Sensor(f"{name}.p", name, name, "p", "water_main_pressure", 1.0, 0.0, 0.5, STALE_S, "") for name in NAMES]
NEIGHBOURS = {
    "A": (Neighbour("B", 1000.0),),
    "B": (Neighbour("A", 1000.0), Neighbour("C", 1500.0)),
    "C": (Neighbour("B", 1500.0),),
}
OPTIONS = {
    "bursts": {
        "within_s": 4,
        "sigmas": 4,
        "hold_s": 60,
        "reach_m": 1600,
        "tolerance_s": 0.6,
        "levels": levels([("yellow", 0.8, 0.3, 0, 3), ("orange", 1.5, 0.3, 0, 3), ("red", 2.5, 0.5, 1, 0)]),
    },
    "jumps": {
        "direction": "either",
        "within_s": 3,
        "sigmas": 3,
        "hold_s": 20,
        "alone": "orange",
        "wave_speed_m_s": 500,
        "levels": levels([("blue", 1.0, 0.5, 0, 0), ("orange", 2.0, 0.5, 0, 0), ("red", 2.2, 0.5, 0, 0)]),
    },
}
RULES = tuple(rule_of("burst", name, [0, 1, 2], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return pressures that waves run through now and then, and sensors that jump alone or are silent."""
    begins_s, where_m, size = 1e9, 0.0, 0.0
    rows, time_s, alone = [], 1000.0, [0.0, 0.0, 0.0]
    for i in range(1500):
        time_s += dice.choice([0.1, 0.1, 0.2, 0.3])
        if i % 300 == 150:
            begins_s, where_m, size = time_s + 1, dice.uniform(0, 2500), dice.choice([0.0, 2.0, 3.5])
        if dice.random() < 0.003:
            alone[dice.randrange(3)] = dice.choice([-2.5, 2.5, 0.0])
        time_s += dice.choice([0.0] * 200 + [12.0])
        k = i % 3
        is_low = begins_s + abs(AT_M[k] - where_m) / 1000 <= time_s < begins_s + 30
        rows.append((k, time_s, 10 - size * is_low + alone[k] + dice.gauss(0, 0.15), 0))
    return rows


@dataclass
class Watched:
    """One sensor as the reference sees it."""

    slots: dict[int, list[float]] = field(default_factory=dict)
    newest: float | None = None
    sigma: float = 0.0
    learned: int = 0
    before: float = 0.0
    sign: int = 0
    held_ns: int = 0
    since: float | None = None
    seen: float | None = None
    confirmed: float | None = None

    def change(self, options, limits, time: float, value: float) -> tuple[float | None, bool]:
        """Return (how far from the level before, does an episode begin)."""
        broken = self.newest is None or time - self.newest > STALE_S
        elapsed_ns = 0 if self.newest is None else round(time * 1e9) - round(self.newest * 1e9)
        self.newest = time
        self.slots = {} if broken else self.slots
        number = round(time * 1e9) // round(options.within_s * 1e9 / 8)
        self.slots.setdefault(number, []).append(value)
        means = [sum(v) / len(v) for k, v in self.slots.items() if number - 8 <= k < number]
        known = bool(means)
        fall, rise = (max(means) - value, value - min(means)) if known else (0.0, 0.0)
        falls = options.direction == "fall" or (options.direction == "either" and fall >= rise)
        change = max(fall if falls else rise, 0.0)
        told = None
        if known and self.learned >= 50:
            told = change if change >= options.sigmas * max(self.sigma, 1e-9) else 0.0
        reset, first = limits[0].reset, limits[0].limit
        runs = self.since is not None
        begins = not runs and told is not None and told >= first
        if known and not runs and not (told is not None and told >= reset):
            size = min(change, 3 * max(self.sigma, 1e-9)) if self.learned >= 50 else change
            self.learned = min(self.learned + 1, 5000)
            self.sigma += (1.2533141373155003 * size - self.sigma) / self.learned
        if begins:
            self.since, self.sign = time, 1 if falls else -1
            self.before = value + fall if falls else value - rise
        if runs:
            held = (self.before - value) * self.sign
            self.held_ns += 0 if broken else elapsed_ns
            outlived = self.held_ns >= options.hold_s * 1e9
            if outlived or held < reset:
                self.since, self.held_ns = None, 0
            told = told if outlived else max(held, 0.0)
        return told, begins


def changes(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options, watched, found = rule.options, [Watched() for _ in AT_M], []
    alone = options.alone or rule.levels[0].level
    capped = min((each.limit for each in rule.levels if each.level > alone), default=1e9) - 1e-9
    for sensor, time, value, quality in readings:
        assert not quality & RECEIVED_CLOCK
        own = watched[sensor]
        told, begins = own.change(options, rule.levels, time, value)
        if begins:
            own.seen = time
            for k, other in enumerate(watched):
                length = abs(AT_M[k] - AT_M[sensor])
                near = other is not own and length <= options.reach_m and other.seen is not None
                if near and abs(other.seen - time) <= length / options.wave_speed_m_s + options.tolerance_s:
                    own.confirmed, other.confirmed = own.seen, other.seen
        if told is not None:
            is_confirmed = own.since is not None and own.confirmed == own.since
            found.append((sensor, time, told if is_confirmed else min(told, capped), 0))
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, changes)


CASE = Case(Register({}, ASSETS, SENSORS, {}, [], {}, NEIGHBOURS), RuleSet(RULES, "1"), stream, reference)
