"""The vote kind for the conformance suite: five manholes along a pipe."""

import itertools
import random
from collections.abc import Sequence

from config.register import Asset, Neighbour, Register, Sensor
from rules.kinds.vote import VoteOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.oracle import Oracle
from tests.rules.small_district import SECOND_NS, threshold

WELLS = "ABCDE"
STEP_M = 50.0
WITHIN_S = 40.0
GAS = threshold("gas", range(5), [("blue", 1.0, 0.3, 0, 0)], side="high")
LEVELS = [("yellow", 2, 1, 0, 10), ("orange", 3, 1, 4, 10)]


def register() -> Register:
    """Return manholes that are 50 m apart."""
    assets = {
        name: Asset(name, "gas_manhole", "gas", name, name, "R", 29.5 + 0.00045 * i, 106.5)
        for i, name in enumerate(WELLS)
    }
    sensors = [Sensor(f"{name}.ch4", name, name, "ch4", "methane", 1.0, 0.0, 2.0, 300.0, "") for name in WELLS]
    neighbours: dict[str, list[Neighbour]] = {name: [] for name in WELLS}
    for one, other in itertools.pairwise(WELLS):
        neighbours[one].append(Neighbour(other, STEP_M))
        neighbours[other].append(Neighbour(one, STEP_M))
    return Register({}, assets, sensors, {}, [], neighbours=neighbours)


def vote(rule_id: str, levels: Sequence[tuple] = LEVELS, **options: object) -> Rule:
    """Return a vote rule over all manholes; each level is (level, limit, deadband, on and off delay in s)."""
    names = ("level", "limit", "deadband", "on_delay_s", "off_delay_s")
    written = [{**dict(zip(names, level, strict=True)), "source": "assumed"} for level in levels]
    checked = VoteOptions.model_validate({"rule": "gas", "within_s": WITHIN_S, "levels": written, **options})
    return Rule(rule_id, "vote", rule_id, rule_id, "", "", None, tuple(range(5)), checked.limits(), checked)


def stream(dice: random.Random) -> list[Reading]:
    """Return methane that comes and goes in each of them."""
    values, time_s, rows = [0.5] * 5, 1000.0, []
    for _ in range(500):
        time_s += dice.choice([0.25, 0.5, 1, 2])
        sensor = dice.randrange(5)
        values[sensor] = min(max(values[sensor] + dice.gauss(0, 0.4), 0.0), 2.0)
        rows.append((sensor, time_s, values[sensor], 0))
    return rows


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Count hands one reading at a time, and let a threshold rule judge the counts."""
    stands, ended, counts = [False] * 5, [float("-inf")] * 5, []
    gas: list[tuple[float, int, int, int]] = []
    for sensor, time_s, value, _ in readings:
        was = stands[sensor]
        stands[sensor] = value >= 1.0 or (was and value >= 0.7)
        if was != stands[sensor]:
            gas.append((time_s, 0, 2 if was else 0, 0 if was else 2))
            ended[sensor] = time_s if was else float("-inf")
        near = [each for each in (sensor - 1, sensor + 1) if 0 <= each < 5]
        voting = [each for each in near if stands[each] or time_s - ended[each] <= WITHIN_S]
        counts.append((sensor, time_s, float(1 + len(voting)) if stands[sensor] else 0.0, 0))
    twin = RuleSet((threshold("twin", range(5), LEVELS, side="high"),), "1")
    oracle = Oracle(twin, register())
    votes = [
        (time / SECOND_NS, 1, before, after)
        for each in CASE.batches(counts)
        for _, time, _, before, after, _, _ in oracle.evaluate(each)
    ]
    return [(time, before, after) for time, _, before, after in sorted([*gas, *votes])]


CASE = Case(register(), RuleSet((GAS, vote("crossing", hops=1)), "1"), stream, reference)
