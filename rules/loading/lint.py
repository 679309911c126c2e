"""Warnings about allowed rules: overlapping rules, levels that are never published, and blind spots.

Input: rules bound to a register.
Output: `LintFinding`s with the places where the rules are written.
Not responsible for: errors; loading rejects them.
Rejects: nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from config.quantities import ONLINE
from config.register import Register
from rules.kind import BoundRule
from rules.kinds import RULE_KINDS
from rules.rule import LevelLimit, Rule, RuleSet
from rules.zones.options import FEWEST_MEMBERS, ZoneOptions, zones_of

_ABOUT_DEVICES = frozenset({"heartbeat", "battery", ONLINE})


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One warning; the rule works."""

    where: str
    """file:line of the rule."""
    rule: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the one-line form."""
        return f"{self.where} {self.rule}: {self.what}; {self.remedy}"


def lint(ruleset: RuleSet, register: Register) -> list[LintFinding]:
    """Return overlaps of rules, levels that are never published, and zones that are too small, in rule order."""
    overlaps = _find_overlaps(ruleset, register)
    return [
        finding
        for rule in ruleset.rules
        for finding in (*_find_shadowed_levels(rule), *overlaps.get(rule.id, ()), *_find_small_zones(rule, register))
    ]


def _find_small_zones(rule: Rule, register: Register) -> Iterator[LintFinding]:
    """Yield the zones of a rule with too few sensors to find the wrong one."""
    zone = getattr(rule.options, "zone", None)
    if not isinstance(zone, ZoneOptions) or not rule.sensors:
        return
    for each in zones_of((BoundRule(rule, 0),), register, lambda _: (zone, 0.0)):
        if len(each.members) < FEWEST_MEMBERS:
            names = ", ".join(register.sensors[rule.sensors[i]].id for i in each.members)
            fewest = f"of fewer than {FEWEST_MEMBERS} sensors nobody can say which is wrong"
            what = f"its zone of {names} is never judged: {fewest}"
            yield LintFinding(rule.written_at, rule.id, what, "widen the zone with `by`, or watch them by limits")


def _find_shadowed_levels(rule: Rule) -> Iterator[LintFinding]:
    for i, low in enumerate(rule.levels):
        for high in rule.levels[i + 1 :]:
            if _is_always_there_before(high, low):
                what = f"{low.level.key} is never told: {high.level.key} has the same limit and is there no later"
                yield LintFinding(
                    rule.written_at, rule.id, what, f"give {high.level.key} a longer delay or another limit"
                )
                break


def _is_always_there_before(high: LevelLimit, low: LevelLimit) -> bool:
    alike = high.limit == low.limit and high.deadband >= low.deadband and not (high.of_samples or low.of_samples)
    words = (high.because_zh, high.because_en) == (low.because_zh, low.because_en)
    return alike and words and high.on_delay_s <= low.on_delay_s and high.on_samples <= low.on_samples


def _find_overlaps(ruleset: RuleSet, register: Register) -> dict[str, list[LintFinding]]:
    """Return overlaps by the later rule: one kind, quantity and side, and the same level of the same sensor."""
    found: dict[str, list[LintFinding]] = defaultdict(list)
    alike: dict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for rule in ruleset.rules:
        if rule.levels and rule.sensors and RULE_KINDS[rule.kind].build_derived is None:
            judged = rule.judged_quantity
            alike[rule.kind, judged.name if judged else "", judged.unit if judged else "", rule.levels[0].side].append(
                rule
            )
    for rules in alike.values():
        for i, later in enumerate(rules):
            for earlier in rules[:i]:
                finding = _find_overlap(earlier, later, register)
                if finding:
                    found[later.id].append(finding)
    return found


def _find_overlap(earlier: Rule, later: Rule, register: Register) -> LintFinding | None:
    levels = {limit.level for limit in earlier.levels} & {limit.level for limit in later.levels}
    shared = sorted(set(earlier.sensors) & set(later.sensors)) if levels else []
    if not shared:
        return None
    names = ", ".join(register.sensors[number].id for number in shared[:3]) + (", ..." if len(shared) > 3 else "")
    words = ", ".join(level.key for level in sorted(levels))
    what = f"raises {words} of {len(shared)} sensors ({names}) as {earlier.id} ({earlier.written_at}) does"
    return LintFinding(later.written_at, later.id, what, "narrow `where` of one of them, or leave one out")


def unwatched_sensors(ruleset: RuleSet, register: Register) -> dict[str, list[str]]:
    """Return the ids of sensors that no hazard rule watches, by quantity; quantities of devices are left out."""
    watched = {number for rule in ruleset.rules if rule.levels for number in rule.sensors}
    found: dict[str, list[str]] = defaultdict(list)
    for number, sensor in enumerate(register.sensors):
        if number not in watched and sensor.quantity not in _ABOUT_DEVICES:
            found[sensor.quantity].append(sensor.id)
    return dict(sorted(found.items()))


def unwatched_assets(ruleset: RuleSet, register: Register) -> list[str]:
    """Return the ids of assets without any rule, rules for devices included."""
    watched = {register.sensors[number].asset for rule in ruleset.rules for number in rule.sensors}
    return [asset for asset in register.assets if asset not in watched]
