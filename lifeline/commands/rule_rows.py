"""Rules as lines of a list: by kind, with levels, number of sensors and quantity.

Input: rules.
Output: lines of text.
Not responsible for: loading and printing.
Rejects: nothing.
"""

from collections import defaultdict
from collections.abc import Iterator

from rules.rule import Rule, RuleSet


def list_rules(ruleset: RuleSet) -> Iterator[str]:
    """Yield a line for each kind that is used, and below it one for each of its rules."""
    by_kind: dict[str, list[Rule]] = defaultdict(list)
    for rule in ruleset.rules:
        by_kind[rule.kind].append(rule)
    for kind, rules in sorted(by_kind.items()):
        n_alarms = sum(len(rule.sensors) for rule in rules)
        yield f"{kind}: {len(rules)} rules, {n_alarms} alarms"
        for rule in rules:
            yield f"  {rule.id}: {_format_levels(rule)}, {len(rule.sensors)} sensors{_format_quantity(rule)}"
    n_alarms = sum(len(rule.sensors) for rule in ruleset.rules)
    yield f"{len(ruleset.rules)} rules, {n_alarms} alarms, version {ruleset.version}"


def _format_levels(rule: Rule) -> str:
    return " ".join(limit.level.key for limit in rule.levels) or "device fault"


def _format_quantity(rule: Rule) -> str:
    return f" of {rule.judged_quantity.en}, {rule.judged_quantity.unit}" if rule.judged_quantity else ""
