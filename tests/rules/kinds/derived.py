"""Kinds that climb the ladder with a value of their own: their slow references end in the oracle's threshold rules."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel

from config.register import Register
from rules.kinds import RULE_KINDS
from rules.kinds.threshold import ThresholdOptions
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.oracle import Oracle
from tests.rules.small_district import SECOND_NS

LEVEL_KEYS = ("level", "limit", "deadband", "on_delay_s", "off_delay_s", "on_samples", "off_samples")


def levels(written: Sequence[tuple]) -> list[dict]:
    """Return levels as they are written in YAML, each from (level, limit, deadband, on and off delay[, samples])."""
    return [{**dict(zip(LEVEL_KEYS, each, strict=False)), "source": "assumed"} for each in written]


def rule_of(kind: str, rule_id: str, sensors: Sequence[int], options: Mapping[str, object]) -> Rule:
    """Return a rule of `kind` with options as they are written in YAML."""
    checked: BaseModel = RULE_KINDS[kind].options.model_validate(options)
    return Rule(rule_id, kind, rule_id, rule_id, "", "", None, tuple(sensors), checked.limits(), checked)


def judged_slowly(
    case: Case,
    readings: Sequence[Reading],
    values_of: Callable[[Rule, Sequence[Reading]], list[Reading]],
    stale_s: Callable[[Rule], float] | None = None,
) -> list[tuple[float, int, int]]:
    """Return the transitions of threshold rules over the values that `values_of` derives for each rule of `case`.

    Each rule has one sensor. Alarms of one reading are in the order of the rules. A gap between derived values is
    longer than `stale_s` of their rule, by default than the sensor's stale time.
    """
    found = []
    for number, rule in enumerate(case.rules):
        keys = {"levels": [each.model_dump() for each in rule.options.levels], "side": rule.options.side}
        for each in keys["levels"]:
            each["level"] = each["level"].key
        options = ThresholdOptions.model_validate(keys)
        twin = Rule(rule.id, "threshold", "", "", "", "", None, rule.sensors, options.limits(), options)
        oracle = Oracle(RuleSet((twin,), "1"), _register(case.register, stale_s and stale_s(rule)))
        derived = values_of(rule, [each for each in readings if each[0] in rule.sensors])
        if derived:
            for batch in case.batches(derived):
                events = oracle.evaluate(batch)
                found += [(time / SECOND_NS, number, before, after) for _, time, _, before, after, _, _ in events]
    return [(time, before, after) for time, _, before, after in sorted(found)]


def _register(register: Register, stale_s: float | None) -> Register:
    if stale_s is None:
        return register
    sensors = [dataclasses.replace(each, stale_after_s=stale_s) for each in register.sensors]
    return Register({}, dict(register.assets), sensors, {}, [])
