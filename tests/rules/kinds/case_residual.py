"""The residual kind for the conformance suite: six pressures of a district that leaks now and then."""

import operator
import random
from collections.abc import Iterator, Sequence

from config.register import Asset, Register, Sensor
from rules.kinds.residual import ResidualOptions
from rules.rule import Rule, RuleSet
from rules.zones.options import ZoneOptions
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.zone_twin import Twin
from tests.rules.oracle import Oracle
from tests.rules.small_district import SECOND_NS, threshold

N = 6
ZONE = {
    "step_s": 5,
    "warm_up_rows": 40,
    "refit_rows": 10,
    "memory_rows": 200,
    "confirm_at": 4,
    "rebaseline_s": 150,
    "slack": 0.5,
}
LEVELS = [("yellow", 10.0, 5.0, 0, 6), ("orange", 14.0, 5.0, 5, 0)]
NAMES = ("level", "limit", "deadband", "on_delay_s", "off_delay_s")


def register() -> Register:
    """Return six pressures of one region."""
    sensors = [Sensor(f"S.{i}", "S", f"D{i}", "p", "water_main_pressure", 1.0, 0.0, 2.0, 60.0, "") for i in range(N)]
    return Register({}, {"S": Asset("S", "water_main", "water", "S", "S", "R", 0.0, 0.0)}, sensors, {}, [])


def residual(rule_id: str, **zone: object) -> Rule:
    """Return a residual rule over all of them."""
    written = [{**dict(zip(NAMES, level, strict=True)), "source": "assumed"} for level in LEVELS]
    options = ResidualOptions.model_validate({"zone": {**ZONE, **zone}, "levels": written})
    return Rule(rule_id, "residual", rule_id, rule_id, "", "", None, tuple(range(N)), options.limits(), options)


def stream(dice: random.Random) -> list[Reading]:
    """Return pressures that follow a common demand, with leaks near two sensors after the warm-up."""
    rows = []
    demand = 0.0
    leak_rows = 0
    near = 0
    for i in range(900):
        demand = 0.95 * demand + dice.gauss(0, 0.3)
        if leak_rows == 0 and i > 260 and dice.random() < 0.02:
            leak_rows, near = dice.randint(20, 60), dice.randrange(N)
        leak_rows = max(leak_rows - 1, 0)
        for sensor in range(N):
            if dice.random() < 0.9:
                lost = 1.5 if leak_rows and sensor in {near, (near + 1) % N} else 0.0
                value = 40 + sensor + demand * (1 + 0.2 * sensor) + dice.gauss(0, 0.2) - lost
                rows.append((sensor, 1000.0 + i + 0.1 * sensor, value, 0))
    return rows


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Let a threshold rule judge the findings of the slow model, for each rule."""
    found = [each for zone in ZONES for each in _alone(readings, zone)]
    return sorted(found, key=operator.itemgetter(0))


def _alone(readings: Sequence[Reading], zone: dict) -> Iterator[tuple[float, int, int]]:
    """Yield the sums of one rule with these options of a zone."""
    twin, sums = Twin(N, ZoneOptions.model_validate({**ZONE, **zone}), 10.0), []
    for each in readings:
        departure, _, danger, _ = twin.read(each)
        if departure is not None:
            sums.append((each[0], each[1], danger, 0))
    oracle = Oracle(RuleSet((threshold("twin", range(N), LEVELS, side="high"),), "1"), register())
    for each in CASE.batches(sums):
        yield from ((time / SECOND_NS, before, after) for _, time, _, before, after, _, _ in oracle.evaluate(each))


ZONES = ({}, {"calls": "each", "toward": "low"}, {"toward": "high", "confirmed_by": 2, "alone_at": 3, "alone_ratio": 2})
RULES = tuple(residual(f"leak{i}", **zone) for i, zone in enumerate(ZONES))
CASE = Case(register(), RuleSet(RULES, "1"), stream, reference)
