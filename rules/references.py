"""Rules that name other rules: the order of evaluation, and faults of such names.

Input: rules.
Output: an order for each rule, faults, and the transitions that a later rule uses.
Not responsible for: the use of the named alarms.
Rejects: rules that name each other in a circle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from config.document import Path
from config.levels import WarningLevel
from rules.kind import Fault, Transitions, UpstreamTransitions
from rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule named by another."""

    path: Path
    """The place of the name, below the rule."""
    rule: str
    at_least: WarningLevel
    """The lowest level at which its alarm counts."""


@runtime_checkable
class ReferencingOptions(Protocol):
    """The methods of options that name other rules, besides `KindOptions`."""

    def references(self) -> Iterator[Reference]:
        """Yield every named rule."""
        ...


def references_of(rule: Rule) -> tuple[Reference, ...]:
    """Return the references of `rule`; none where its kind uses readings."""
    return tuple(rule.options.references()) if isinstance(rule.options, ReferencingOptions) else ()


def evaluation_order(rules: Sequence[Rule]) -> Mapping[str, int]:
    """Return the evaluation order of each rule by id: 0, or 1 more than the highest of its named rules.

    Raises:
        ValueError: rules name each other in a circle, or one that does not exist.
    """
    names = {rule.id: [each.rule for each in references_of(rule)] for rule in rules}
    order = {name: 0 for name, named in names.items() if not named}
    while len(order) < len(names):
        ready = [name for name in names if name not in order and all(each in order for each in names[name])]
        if not ready:
            stuck = ", ".join(sorted(names.keys() - order.keys()))
            raise ValueError(f"rules: expected names of rules that do not lead back, got {stuck}; correct their names")
        order |= {name: 1 + max(order[each] for each in names[name]) for name in ready}
    return order


def reference_faults(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Fault]]:
    """Yield names of missing rules, of rules that lead back to the rule itself, and of rules without the level."""
    by_id = {rule.id: rule for rule in rules}
    for rule in rules:
        for each in references_of(rule):
            fault = _fault(rule, each, by_id)
            if fault is not None:
                yield rule, fault


def _fault(rule: Rule, named: Reference, by_id: Mapping[str, Rule]) -> Fault | None:
    other = by_id.get(named.rule)
    path = (*named.path, "rule")
    if other is None:
        remedy = "correct the name, or add the rule or its pack"
        return Fault(path, "the id of a rule of this district", named.rule, remedy)
    if rule.id in _rules_behind(other, by_id):
        remedy = "a rule cannot follow itself; remove one of the names"
        return Fault(path, f"a rule that does not lead back to {rule.id}", named.rule, remedy)
    top = max((limit.level for limit in other.levels), default=WarningLevel.GREEN)
    if named.at_least > top:
        remedy = "name a lower level: this condition could never hold"
        return Fault(
            (*named.path, "at_least"), f"at most {top.key}, the highest of {other.id}", named.at_least.key, remedy
        )
    return None


def _rules_behind(start: Rule, by_id: Mapping[str, Rule]) -> set[str]:
    """Return the ids of `start` and of all rules that it names, at any depth."""
    reached, waiting = {start.id}, [start]
    while waiting:
        for each in references_of(waiting.pop()):
            if each.rule in by_id and each.rule not in reached:
                reached.add(each.rule)
                waiting.append(by_id[each.rule])
    return reached


def upstream_transitions(found: Sequence[Transitions]) -> UpstreamTransitions:
    """Return all transitions of `found` in the order of place, then alarm."""
    if not found:
        return UpstreamTransitions(
            np.zeros(0, np.intp), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int8)
        )
    place = np.concatenate([each.place for each in found])
    alarm = np.concatenate([each.alarm for each in found])
    order = np.lexsort((alarm, place))
    time_ns = np.concatenate([each.time_ns for each in found])
    level = np.concatenate([each.level_after for each in found])
    return UpstreamTransitions(place[order], alarm[order], time_ns[order], level[order])
