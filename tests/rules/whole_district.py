"""A district in which every kind of rule is bound, with windows so short that all raise within minutes.

`warm()` is an engine after nine days; `stories()` are the possible events after it. Time goes on in seconds, or from
night to night: rules that look at nights and weeks would else never raise.
"""

import copy
import itertools
import math
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch, make_batch
from config.loading import load_quantities
from config.register import Asset, Neighbour, Register, Sensor
from rules.engine import RuleEngine
from rules.loading.loading import load_rules
from rules.rule import RuleSet
from tests.rules.small_district import SECOND_NS

DAY_S = 86_400
START_S = 20_000 * DAY_S
N_WARM_DAYS = 9
LATER_S = START_S + N_WARM_DAYS * DAY_S
"""Where streams begin, at midnight UTC: the hours of the night rule."""

FLAGS = {flag.name.lower(): int(flag) for flag in Quality if flag.name}

RULES = (Path(__file__).parent / "whole_district.yaml").read_text(encoding="utf-8")


@cache
def register() -> Register:
    """Return 21 sensors: a tower, three manholes, four places of a main, a bridge, slope, tank and meter."""
    second = (1.0, 0.0, 1.0, 5.0)
    sensors = [
        Sensor("T.p", "T", "T", "p", "fire_water_pressure", *second, "T.beat"),
        Sensor("T.beat", "T", "T", "beat", "heartbeat", *second, ""),
        Sensor("T.bat", "T", "T", "bat", "battery", *second, ""),
        Sensor("T.online", "T", "T", "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
        *[Sensor(f"{well}.ch4", well, well, "ch4", "methane", *second, "") for well in ("A", "B", "C")],
        *[Sensor(f"M.{i}", f"M{i}", f"M{i}", "p", "water_main_pressure", *second, "") for i in range(4)],
        Sensor("B.strain", "B", "B1", "e", "strain", *second, "", reorder_s=3.0),
        Sensor("B.heat", "B", "B1", "t", "temperature", *second, ""),
        Sensor("B.shake", "B", "B2", "a", "acceleration", 1.0, 0.0, 0.25, 5.0, ""),
        Sensor("B.sway", "B", "B4", "a", "acceleration", 1.0, 0.0, 0.25, 5.0, ""),
        Sensor("B.stress", "B", "B3", "s", "stress", *second, ""),
        Sensor("L.d", "L", "L", "d", "displacement", *second, ""),
        Sensor("K.level", "K", "K1", "h", "tank_level", *second, ""),
        Sensor("K.chlorine", "K", "K2", "cl", "residual_chlorine", *second, ""),
        Sensor("K.valve", "K", "K3", "v", "valve_position", *second, ""),
        Sensor("W.q", "W", "W", "q", "water_flow", 1.0, 0.0, 3600.0, 10_800.0, ""),
    ]
    names = dict.fromkeys(sensor.asset for sensor in sensors)
    assets = {
        name: Asset(name, "water_main", "water", name, name, "R", 29.5 + 0.0001 * i, 106.5)
        for i, name in enumerate(names)
    }
    near = {"A": "B", "B": "AC", "C": "B"}
    neighbours = {name: [Neighbour(other, 50.0) for other in others] for name, others in near.items()}
    mains = ["M0", "M1", "M2", "M3"]
    for one, other in itertools.pairwise(mains):
        neighbours.setdefault(one, []).append(Neighbour(other, 500.0))
        neighbours.setdefault(other, []).append(Neighbour(one, 500.0))
    return Register({}, assets, sensors, {}, [], neighbours=neighbours)


def rules_of(text: str) -> RuleSet:
    """Return the rules that `text`, a rules file, says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(text, encoding="utf-8")
        return load_rules(path, register(), load_quantities())


@cache
def rules() -> RuleSet:
    """Return all rules of the district."""
    return rules_of(RULES)


def engine() -> RuleEngine:
    """Return a new engine."""
    return RuleEngine(rules(), register())


@cache
def nine_days() -> tuple[ReadingBatch, ...]:
    """Return hourly flows of nine days, a batch a day, and two minutes in which everything is usual."""
    dice, batches = random.Random(1), []  # noqa: S311 - the same stream every time
    number = register().sensor_index["W.q"]
    for day in range(N_WARM_DAYS):
        times = [START_S + day * DAY_S + hour * 3600 for hour in range(24)]
        rows = [(number, time, 10 + dice.gauss(0, 0.2), 0) for time in times]
        batches.append(_batch(times[-1], rows))
    world = World(dice, LATER_S - 130)
    return (*batches, *[world.moment(1.0, {}) for _ in range(120)])


@cache
def _warmed() -> RuleEngine:
    judge = engine()
    for i, each in enumerate(nine_days(), 1):
        judge.evaluate(each, i)
    return judge


def warm() -> RuleEngine:
    """Return an engine over all rules after `nine_days`, that shares nothing that changes with any other."""
    shared: list[object] = [rules(), register(), *register().sensors, *register().assets.values()]
    for rule in rules():
        shared += [rule, rule.options, rule.quantity, rule.judged_quantity]
    return copy.deepcopy(_warmed(), {id(each): each for each in shared})


class World:
    """The values that the sensors see, as time goes on."""

    def __init__(self, dice: random.Random, now_s: float) -> None:
        self.dice = dice
        self.now_s = now_s
        self.beat = 0
        self.slid = 0.0
        self.filled = 5.0
        self.speed = 0.0

    def moment(self, step_s: float, trouble: Mapping[str, str]) -> ReadingBatch:
        """Go on by `step_s` and return the batch received then; `trouble` names the faults and their sensors."""
        self.now_s += step_s
        self.beat += 1
        rows: list[tuple] = []
        for number, sensor in enumerate(register().sensors):
            what = trouble.get(sensor.id, "")
            if what == "silent" or (sensor.id == "T.online" and self.beat % 7) or (sensor.id == "W.q" and step_s < 900):
                continue
            n = min(round(step_s / sensor.cadence_s), 8) if sensor.cadence_s < 1 else 1
            for i in range(n):
                time_s = round(self.now_s - 0.4 + 0.01 * number - (n - 1 - i) * sensor.cadence_s, 3)
                value = self._value(sensor.id, what, step_s, time_s)
                row = (number, time_s, value, int(Quality.FLAT) * (what == "flat"))
                rows += disturbed(row, what, self.now_s, self.dice)
        return _batch(self.now_s, rows)

    def _value(self, sensor: str, what: str, step_s: float, time_s: float) -> float:
        """Return the value of `sensor` at `time_s`; `what` is `bad`, `worse` or anything else, which is usual."""
        bad, noise = {"bad": 1, "worse": 2}.get(what, 0), self.dice.gauss(0, 1)
        heat = 20 + 5 * math.sin(self.now_s / 17)
        if sensor == "L.d":
            self.speed = min(max(self.speed * 1.5, 0.1), 50.0) if bad else 0.02
            self.slid = (self.slid + self.speed * min(step_s, 2.0)) % 1500
        if sensor == "K.level":
            self.filled = (self.filled + 0.2 * bad * min(step_s, 2.0)) % 20 if bad else 5.0
        usual = {
            "T.p": 0.5 - 0.24 * bad,
            "T.beat": self.beat * (not bad),
            "T.bat": 80 - 35 * bad,
            "T.online": float(not bad),
            "B.strain": 100 + 3 * heat + 40 * bad,
            "B.heat": heat,
            "B.shake": (1 + bad) * math.sin(2 * math.pi * time_s * (1 - 0.1 * bool(bad))),
            "B.sway": (1 + bad) * math.sin(2 * math.pi * time_s * (1 - 0.1 * bool(bad))),
            "B.stress": (2 + 40 * bad) * (-1) ** self.beat,
            "L.d": self.slid,
            "K.level": self.filled,
            "K.chlorine": 0.5 + 0.3 * bad,
            "K.valve": float(bad),
            "W.q": 10 + 8 * bad,
        }
        if sensor.startswith("M."):
            return 0.4 + 0.02 * math.sin(self.now_s / 9) + 0.002 * noise - 0.05 * bad
        if sensor.endswith(".ch4"):
            return 1 + 4 * bad + 0.05 * noise
        scale = {"T.p": 0.002, "T.beat": 0, "T.online": 0, "K.valve": 0, "K.level": 0.01, "K.chlorine": 0.01}
        return round(usual[sensor] + scale.get(sensor, 0.05) * noise, 6)


def disturbed(row: tuple, what: str, received_s: float, dice: random.Random) -> list[tuple]:
    """Return a reading as it arrives from a device with `what`."""
    number, time_s, value, bits = row
    old = (number, time_s - dice.choice([0.5, 3, 60]), value + 1000, bits)
    no_number = (number, time_s, dice.choice([math.nan, math.inf, -math.inf]), bits)
    unusual = {
        "repeats": [row, row],
        "late": [row, old],
        "poisoned": [no_number, row],
        "no clock": [(number, received_s, value, bits | int(Quality.TIME_SERVER))],
        "clock ahead": [(number, time_s + dice.choice([2, 30]), value, bits)],
        "clock behind": [(number, time_s - 20, value, bits)],
    }
    return unusual.get(what, [(number, time_s, value, bits | FLAGS.get(what, 0))])


TROUBLES = [
    *["bad"] * 6,
    *["worse"] * 3,
    *["silent"] * 2,
    *["repeats", "late", "poisoned", "no clock", "clock ahead", "clock behind", "flat"],
    *[flag.name.lower() for flag in Quality if flag.name],
]


@cache
def troubled_days() -> list[ReadingBatch]:
    """Return days in which everything goes wrong and well again, one thing after another and in groups."""
    world = World(random.Random(3), LATER_S)  # noqa: S311 - the same stream every time
    names, batches = [sensor.id for sensor in register().sensors], []
    for i in range(12):
        chosen = world.dice.sample(names, 10)
        batches += episode(world, (1.0, 25), {name: world.dice.choice(["bad", "worse", "flat"]) for name in chosen})
        batches += episode(world, (1.0, 25), {"T.p": "silent"} if i % 2 else {})
    moving = dict.fromkeys(["B.stress", "B.shake", "B.sway", "K.level", "L.d", "M.0", "M.1"], "bad")
    batches += episode(world, (1.0, 80), moving) + episode(world, (1.0, 80), {})
    for hours in (8, 26):
        batches += episode(world, (3600.0, hours), {"W.q": "bad"}) + episode(world, (3600.0, 50), {})
    return batches


def episode(world: World, steps: tuple[float, int], trouble: Mapping[str, str]) -> list[ReadingBatch]:
    """Return `steps`, (how long in s, how many), of trouble, and some readings of unknown sensors."""
    found = []
    for i in range(steps[1]):
        each = world.moment(steps[0], trouble)
        found.append(each)
        if i == steps[1] // 2:
            found.append(_batch(world.now_s, [(-1, world.now_s, 1.0, 0), (10_000, world.now_s, 1.0, 0)]))
    return found


@dataclass(frozen=True)
class Story:
    """The event, in few words."""

    seed: int
    episodes: tuple[tuple[float, int, Mapping[str, str], float, int], ...]
    """Length of a step in s, number of steps, faults of sensors, and two numbers more. Those are how far our own clock
    is then set forward in s, and how many steps are received together."""

    def batches(self) -> list[ReadingBatch]:
        """Return the received batches."""
        world, batches = World(random.Random(self.seed), LATER_S), []  # noqa: S311 - the same stream every time
        for step_s, n_steps, trouble, jump_s, n_together in self.episodes:
            found = episode(world, (step_s, n_steps), trouble)
            batches += [joined(found[i : i + n_together]) for i in range(0, len(found), n_together)]
            world.now_s += jump_s
        return batches


@st.composite
def stories(draw) -> Story:
    """Return up to four episodes, in which some sensors are in trouble; our own clock may be set back between."""
    names, episodes = [sensor.id for sensor in register().sensors], []
    for _ in range(draw(st.integers(1, 4))):
        troubled = draw(st.lists(st.sampled_from(names), max_size=10, unique=True))
        trouble = {name: draw(st.sampled_from(TROUBLES)) for name in troubled}
        step_s = draw(st.sampled_from([1.0, 1.0, 1.0, 0.5, 2.0, 9.0, 3600.0, 12 * 3600.0]))
        jump_s = draw(st.sampled_from([0, 0, 0, 0, -1, -30, 600]))
        n_together = draw(st.sampled_from([1, 1, 1, 2, 5]))
        episodes.append((step_s, draw(st.integers(1, 25)), trouble, jump_s, n_together))
    return Story(draw(st.integers(0, 2**32)), tuple(episodes))


def joined(batches: Sequence[ReadingBatch]) -> ReadingBatch:
    """Return all readings of `batches`, received with the last."""
    columns = [
        np.concatenate([getattr(each, name) for each in batches]) for name in ("sensor", "time_ns", "value", "quality")
    ]
    return ReadingBatch(batches[-1].received_ns, *columns)


def _batch(received_s: float, rows: list[tuple]) -> ReadingBatch:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    times = [round(time * SECOND_NS) for time in columns[1]]
    return make_batch(round(received_s * SECOND_NS), columns[0], times, columns[2], columns[3])
