"""The text of `lifeline check` about a valid configuration: watched sensors, detection times, and gaps.

Input: register and rules.
Output: lines of text.
Not responsible for: loading and printing.
Rejects: nothing.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from config.register import Register, Sensor
from rules.admission.reordering import reorder_s
from rules.level_options import LimitOptions
from rules.loading.lint import lint, unwatched_assets, unwatched_sensors
from rules.rule import LevelLimit, Rule, RuleSet, capable_levels

_MOST_NAMED = 10
"""Sensors of one quantity named on a line."""


def describe_configuration(register: Register, ruleset: RuleSet) -> list[str]:
    """Return the watched sensors, the worst-case detection time of each level, and the assets without a rule."""
    kinds = Counter(asset.kind for asset in register.assets.values())
    lines = [
        f"assets {len(register.assets)} ({', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))})",
        f"sensors {len(register.sensors)}, contacts {len(register.contacts)}, duties {len(register.duties)}",
        f"rules {len(ruleset.rules)}, version {ruleset.version}",
    ]
    waits_s = reorder_s(register)
    for rule in ruleset.rules:
        if rule.sensors:
            lines += _list_rule_lines(rule, register, waits_s[list(rule.sensors)])
    idle = [rule.id for rule in ruleset.rules if not rule.sensors]
    if idle:
        lines.append(f"rules of packs that find no sensor here: {', '.join(idle)}")
    lines += _list_unwatched(register, ruleset)
    lines += (f"WARNING: {finding}" for finding in lint(ruleset, register))
    return lines


def describe_size(register: Register) -> str:
    """Return the number of rows of each table."""
    parts = {
        "regions": register.regions,
        "assets": register.assets,
        "sensors": register.sensors,
        "contacts": register.contacts,
        "duties": register.duties,
    }
    return ", ".join(f"{len(part)} {name}" for name, part in parts.items())


def worst_detection_s(limit: LevelLimit, sensor: Sensor, waits_s: float = 0.0) -> float:
    """Return the longest time from the onset of a danger to the alarm, seconds.

    At worst the onset falls just behind a reading, and the on-delay ends with a reading. Each costs up to one cadence.
    Where readings are counted, each reading behind the first takes one cadence. The last one waits `waits_s` for older
    readings.
    """
    n_later = max(math.ceil(limit.on_delay_s / sensor.cadence_s), limit.on_samples - 1)
    return waits_s + sensor.cadence_s + n_later * sensor.cadence_s


def _find_worst_s(rule: Rule, limit: LevelLimit, sensor: Sensor, waits_s: float) -> float:
    """Return `worst_detection_s` of the value of the rule, which may need several readings and come more rarely."""
    options = rule.options
    if not isinstance(options, LimitOptions):
        return worst_detection_s(limit, sensor, waits_s)
    judged = dataclasses.replace(sensor, cadence_s=options.cadence_s(sensor))
    return options.window_s(sensor) + worst_detection_s(limit, judged, waits_s)


def _format_delay(limit: LevelLimit) -> str:
    if limit.of_samples:
        return f"in {limit.on_samples} of {limit.of_samples} readings"
    readings = f" and {limit.on_samples} readings" if limit.on_samples > 1 else ""
    return f"for {limit.on_delay_s:g} s{readings}"


def _list_rule_lines(rule: Rule, register: Register, waits_s: NDArray[np.float64]) -> Iterator[str]:
    yield f"rule {rule.id} ({rule.kind}) {rule.title_zh} / {rule.title_en}: {len(rule.sensors)} sensors"
    sensors = [(register.sensors[n], wait_s) for n, wait_s in zip(rule.sensors, waits_s.tolist(), strict=True)]
    for limit in reversed(rule.levels):
        worst = max((_find_worst_s(rule, limit, *each) for each in sensors), default=0.0)
        sign = "<=" if limit.side == "low" else ">="
        unit = rule.judged_quantity.unit if rule.judged_quantity else ""
        yield (
            f"  {limit.level.key}: {sign} {limit.limit:g} {unit} {_format_delay(limit)}; "
            f"worst-case detection {worst:g} s; source: {limit.source}"
        )
    if not rule.levels and sensors:
        worst = max(sensor.stale_after_s + sensor.cadence_s + wait_s for sensor, wait_s in sensors)
        yield f"  device fault: worst-case detection {worst:g} s (stale time and one cadence)"


def _list_unwatched(register: Register, ruleset: RuleSet) -> Iterator[str]:
    watched = capable_levels(ruleset, register)
    alone = set(unwatched_assets(ruleset, register))
    for asset in register.assets.values():
        if asset.id not in watched:
            word = "ANY" if asset.id in alone else "A HAZARD"
            yield f"WITHOUT {word} RULE: {asset.id} {asset.name_zh} / {asset.name_en}"
    for quantity, sensors in unwatched_sensors(ruleset, register).items():
        more = f", and {len(sensors) - _MOST_NAMED} more" if len(sensors) > _MOST_NAMED else ""
        yield f"NOT JUDGED BY A HAZARD RULE: {quantity}: {', '.join(sensors[:_MOST_NAMED])}{more}"
