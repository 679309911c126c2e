"""The night_flow kind for the conformance suite: a main that reads every half hour for three months."""

import datetime as dt
import random
from collections.abc import Sequence

from config.register import Asset, Register, Sensor
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.kinds.derived import judged_slowly, levels, rule_of

DAY_S = 86_400
REGISTER = Register(
    {},
    {"Z": Asset("Z", "water_main", "water", "Z", "Z", "R", 0.0, 0.0)},
    [Sensor("Z.q", "Z", "D", "q", "water_flow", 1.0, 0.0, 1800.0, 5400.0, "")],
    {},
    [],
)
OPTIONS = {
    "share": {
        "in": "percent",
        "least_flow": 2.0,
        "nights": 7,
        "fewest_nights": 3,
        "rebaseline_nights": 6,
        "levels": levels([("blue", 20, 10, 0, 0), ("yellow", 40, 10, 0, 0, 2, 2)]),
    },
    "flow": {
        "in": "flow",
        "from_hour": 23,
        "until_hour": 3.5,
        "utc_offset_h": -5,
        "nights": 12,
        "quantile": 0.3,
        "rebaseline_nights": 0,
        "levels": levels([("blue", 3, 1, 100_000, 80_000)]),
    },
}
RULES = tuple(rule_of("night_flow", name, [0], options) for name, options in OPTIONS.items())


def stream(dice: random.Random) -> list[Reading]:
    """Return a flow that leaks for some days now and then, is noisy, and is silent now and then."""
    time_s, leak, rows = 20_000 * DAY_S, 0.0, []
    for i in range(4000):
        leak = dice.choice([0.0, 0.0, 2.0, 4.0, 8.0]) if i % 240 == 0 else leak
        time_s += dice.choice([1500, 1800, 1800, 2100] * 60 + [10_000, 200_000])
        rows.append((0, float(time_s), 10 + leak + dice.gauss(0, 1.5), 0))
    return rows


def nights_of(options, readings: Sequence[Reading]) -> list[tuple[float, float]]:
    """Return (time that tells it, mean) of each night."""
    zone = dt.timezone(dt.timedelta(hours=options.utc_offset_h))
    found, night, values = [], None, []
    for _, time, value, _ in readings:
        clock = dt.datetime.fromtimestamp(time, zone)
        begin = clock.replace(hour=0, minute=0, second=0, microsecond=0)
        begin += dt.timedelta(hours=options.from_hour)
        begin -= dt.timedelta(days=1) if clock < begin else dt.timedelta()
        is_inside = clock < begin + dt.timedelta(seconds=options.length_s)
        if values and (begin != night or not is_inside):
            if len(values) >= int(0.75 * options.length_s / 1800):
                found.append((time, sum(values) / len(values)))
            values = []
        if is_inside:
            night = begin
            values.append(value)
    return found


def rises(rule: Rule, readings: Sequence[Reading]) -> list[Reading]:
    """Return the values that `rule` judges."""
    options = rule.options
    found = []
    good = []
    flagged = 0
    for time, mean in nights_of(options, readings):
        recent, told = sorted(good[-options.nights :]), None
        if len(recent) >= options.fewest_nights:
            usual = recent[int(options.quantile * (len(recent) - 1))]
            told = mean - usual
            told = 100 * told / max(usual, options.least_flow) if options.least_flow else told
            found.append((0, time, told, 0))
        is_calm = told is None or told < rule.levels[0].reset
        flagged = 0 if is_calm else flagged + 1
        if options.rebaseline_nights and flagged >= options.rebaseline_nights:
            good, flagged, is_calm = [], 0, True
        if is_calm:
            good.append(mean)
    return found


def reference(readings: Sequence[Reading]) -> list[tuple[float, int, int]]:
    """Judge one reading at a time."""
    return judged_slowly(CASE, readings, rises, stale_s=lambda _: 36 * 3600)


CASE = Case(REGISTER, RuleSet(RULES, "1"), stream, reference, batch_s=40_000.0)
