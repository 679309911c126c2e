"""The composite kind for the conformance suite: pressure and smoke of a tower, smoke next door, and all of it."""

import random
from collections.abc import Sequence

from config.register import Asset, Neighbour, Register, Sensor
from rules.composite.conditions import Truth
from rules.kinds.composite import CompositeOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.small_district import stale, threshold

PRESSURE, SMOKE, NEXT = range(3)
STALE_S = 1000.0


def register() -> Register:
    """Return two towers that are neighbours."""
    sensors = [
        Sensor("T.p", "T", "T1", "p", "fire_water_pressure", 1.0, 0.0, 2.0, STALE_S, ""),
        Sensor("T.s", "T", "T2", "s", "smoke_obscuration", 1.0, 0.0, 2.0, STALE_S, ""),
        Sensor("U.s", "U", "U1", "s", "smoke_obscuration", 1.0, 0.0, 2.0, STALE_S, ""),
    ]
    assets = {name: Asset(name, "residential_tower", "fire", name, name, "R", 0.0, 0.0) for name in "TU"}
    neighbours = {"T": [Neighbour("U", 30.0)], "U": [Neighbour("T", 30.0)]}
    return Register({}, assets, sensors, {}, [], neighbours=neighbours)


def level(name: str, when: object, on_delay_s: float = 0, off_delay_s: float = 0) -> dict:
    """Return one level as it is written."""
    words = {"zh": "条件成立", "en": f"{name} holds"}
    delays = {"on_delay_s": on_delay_s, "off_delay_s": off_delay_s}
    return {"level": name, "when": when, "because": words, "source": "assumed", **delays}


def composite(rule_id: str, sensors: Sequence[int], levels: Sequence[dict], **options: object) -> Rule:
    """Return a composite rule as the loader would make it."""
    checked = CompositeOptions.model_validate({"levels": levels, **options})
    return Rule(rule_id, "composite", rule_id, rule_id, "", "", None, tuple(sensors), checked.limits(), checked)


ZERO = {"rule": "zero", "at_least": "orange"}
RULES = (
    composite("later", [PRESSURE], [level("red", {"all": [{"rule": "dry", "at_least": "orange"}, {"rule": "near"}]})]),
    composite("near", [PRESSURE, NEXT], [level("blue", {"rule": "smoke", "of": "neighbours"}, 0, 5)]),
    composite(
        "dry",
        [PRESSURE],
        [
            level("yellow", {"all": [{"rule": "zero"}, {"not": {"rule": "smoke"}}]}, 3, 6),
            level("orange", {"any": [{"all": [ZERO, {"rule": "smoke"}]}, {"rule": "zero", "at_least": "red"}]}, 0, 4),
        ],
    ),
    threshold("zero", [PRESSURE], [("orange", 1.0, 0.2, 0, 0), ("red", 0.2, 0.2, 0, 0)], side="low"),
    threshold("smoke", [SMOKE, NEXT], [("yellow", 1.0, 0.2, 0, 0)], side="high"),
    stale("silent", [PRESSURE, SMOKE, NEXT]),
)


def stream(dice: random.Random) -> list[Reading]:
    """Return values that wander over all limits."""
    values, time_s, rows = {PRESSURE: 2.0, SMOKE: 0.0, NEXT: 0.0}, 1000.0, []
    for _ in range(400):
        time_s += dice.choice([0.25, 0.5, 1, 1, 2])
        sensor = dice.choice([PRESSURE, PRESSURE, SMOKE, NEXT])
        values[sensor] = min(max(values[sensor] + dice.gauss(0, 0.5), 0.0), 2.0)
        rows.append((sensor, time_s, values[sensor], 0))
    return rows


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time, in plain words; no sensor is silent in these streams."""
    twin, found = _Twin(), []
    for each in readings:
        found += twin.judge(*each[:3])
    return found


class _Timer:
    """A level that follows an answer after a delay."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self.on_s = on_s
        self.off_s = off_s
        self.active = False
        self.since = None

    def tell(self, answer: Truth, time_s: float) -> bool:
        if answer is None or answer == self.active:
            self.since = None
            return self.active
        self.since = time_s if self.since is None else self.since
        if time_s - self.since >= (self.on_s if answer else self.off_s):
            self.active, self.since = answer, None
        return self.active


class _Twin:
    """The rules of this case, once more."""

    def __init__(self) -> None:
        self.level = dict.fromkeys(["later", "near.T", "near.U", "dry", "zero", "smoke.T", "smoke.U"], 0)
        self.seen: set[int] = set()
        self.timers = {
            "yellow": _Timer(3, 6),
            "orange": _Timer(0, 4),
            "T": _Timer(0, 5),
            "U": _Timer(0, 5),
            "red": _Timer(0, 0),
        }

    def judge(self, sensor: int, time_s: float, value: float) -> list[tuple[float, int, int]]:
        before = dict(self.level)
        self.seen.add(sensor)
        if sensor == PRESSURE:
            old = self.level["zero"]
            red = value <= 0.2 or (old == 5 and value <= 0.4)
            self.level["zero"] = 5 if red else 4 if value <= 1.0 or (old >= 4 and value <= 1.2) else 0
        else:
            name = "smoke.T" if sensor == SMOKE else "smoke.U"
            self.level[name] = 3 if value >= 1.0 or (self.level[name] and value >= 0.8) else 0
        self._follow(sensor, time_s)
        turned = [name for name in self.level if before[name] != self.level[name]]
        return [(time_s, before[name], self.level[name]) for name in turned]

    def _follow(self, sensor: int, time_s: float) -> None:
        zero, smoke = self._known(self.level["zero"] >= 4, PRESSURE), self._known(self.level["smoke.T"] > 0, SMOKE)
        if sensor in {PRESSURE, SMOKE}:
            yellow = self.timers["yellow"].tell(_both(zero, _opposite(smoke)), time_s)
            empty = self._known(self.level["zero"] == 5, PRESSURE)
            orange = _opposite(_both(_opposite(_both(zero, smoke)), _opposite(empty)))
            self.level["dry"] = 4 if self.timers["orange"].tell(orange, time_s) else 3 if yellow else 0
        if sensor == NEXT:
            beside = self._known(self.level["smoke.U"] > 0, NEXT)
            self.level["near.T"] = 2 if self.timers["T"].tell(beside, time_s) else 0
        if sensor == SMOKE:
            self.level["near.U"] = 2 if self.timers["U"].tell(smoke, time_s) else 0
        dry = self._known(self.level["dry"] >= 4, PRESSURE, SMOKE)
        near = self._known(self.level["near.T"] > 0, NEXT)
        self.level["later"] = 5 if self.timers["red"].tell(_both(dry, near), time_s) else 0

    def _known(self, stands: Truth, *behind: int) -> Truth:
        return True if stands else False if self.seen >= set(behind) else None


def _both(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _opposite(truth: Truth) -> Truth:
    return None if truth is None else not truth


CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
