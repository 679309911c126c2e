"""Following: the order in which rules that name other rules are judged, and what is wrong with such names.

Comes in: rules. Goes out: a stage for each, faults, the transitions that a stage sees. Refuses to know what a rule
makes of the alarms that it follows.
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
    """Where, below the rule that names it."""
    rule: str
    at_least: WarningLevel
    """The level from which on its alarm counts."""


@runtime_checkable
class ReferencingOptions(Protocol):
    """What the options of a kind that follows others tell besides `KindOptions`."""

    def references(self) -> Iterator[Reference]:
        """Yield every rule that is named."""
        ...


def references_of(rule: Rule) -> tuple[Reference, ...]:
    """Return what `rule` names; nothing where its kind judges readings."""
    return tuple(rule.options.references()) if isinstance(rule.options, ReferencingOptions) else ()


def evaluation_order(rules: Sequence[Rule]) -> Mapping[str, int]:
    """Return the stage of each rule by id: 0, or one more than the latest that it names.

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
    """Yield names of rules that do not exist, that lead back to the rule itself, or that never reach their level."""
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
    """Return the ids of `start` and of all that it follows, however far."""
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
