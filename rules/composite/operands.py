"""`View`: what one composite alarm looks at: the alarms behind each of its conditions, and the sensors behind those.

Comes in: composite rules, the register, all alarms. Goes out: one view for each binding. Refuses to know levels and
time.
"""

import typing
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.register import Register
from rules.composite.conditions import Condition, Of
from rules.events import Dimension
from rules.kind import BoundRule, Followed


class _Level(Protocol):
    @property
    def level(self) -> int:
        """The level."""
        ...

    @property
    def when(self) -> Condition:
        """When it holds."""
        ...


class _Options(Protocol):
    @property
    def levels(self) -> Sequence[_Level]:
        """The levels of a composite rule."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """What one alarm looks at."""

    conditions: Mapping[int, Condition]
    """By level."""
    alarms: Mapping[Condition, Sequence[int]]
    """By condition that names a rule: dense alarm numbers, ascending."""
    behind: Mapping[int, Sequence[int]]
    """By alarm: the sensors that must be heard for its not standing to mean anything."""
    sensors: frozenset[int]
    """All sensors behind any of its alarms."""


def views_of(bound: Sequence[BoundRule], register: Register, followed: Followed) -> list[View]:
    """Return the view of each binding of composite rules, in the order of their alarms."""
    index = _Index(register, followed)
    views: dict[int, View] = {}
    for each in sorted(bound, key=lambda each: each.stage):
        for i, sensor in enumerate(each.rule.sensors):
            alarm = each.first_alarm + i
            views[alarm] = _view(typing.cast("_Options", each.rule.options), sensor, index, views)
    return [views[alarm] for alarm in sorted(views)]


class _Index:
    """Finds alarms by rule and asset."""

    def __init__(self, register: Register, followed: Followed) -> None:
        self.register, self.followed = register, followed
        self._found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for alarm, key in enumerate(followed.alarms):
            self._found[key.rule, register.sensors[key.sensor].asset].append(alarm)

    def alarms(self, leaf: Condition, sensor: int) -> tuple[int, ...]:
        """Return the alarms that `leaf` names, seen from `sensor`."""
        here, rule = self.register.sensors[sensor], leaf.rule or ""
        if leaf.of is Of.NEIGHBOURS:
            near = self.register.neighbours.get(here.asset, ())
            return tuple(sorted(alarm for each in near for alarm in self._found.get((rule, each.asset), ())))
        alarms = self._found.get((rule, here.asset), ())
        return tuple(alarm for alarm in alarms if leaf.of is Of.ASSET or self._device(alarm) == here.device)

    def _device(self, alarm: int) -> str:
        return self.register.sensors[self.followed.alarms[alarm].sensor].device


def _view(options: _Options, sensor: int, index: _Index, views: Mapping[int, View]) -> View:
    conditions = {int(each.level): each.when for each in options.levels}
    leaves = [leaf for each in conditions.values() for leaf in each.leaves()]
    alarms = {leaf: index.alarms(leaf, sensor) for leaf in leaves}
    named = {alarm for each in alarms.values() for alarm in each}
    behind = {alarm: _behind(alarm, index.followed, views) for alarm in sorted(named)}
    return View(conditions, alarms, behind, frozenset(_joined(behind.values())))


def _behind(alarm: int, followed: Followed, views: Mapping[int, View]) -> tuple[int, ...]:
    """Return the sensors behind `alarm`: its own, or of another composite those behind all that it looks at."""
    if alarm in views:
        return tuple(sorted(views[alarm].sensors))
    return (followed.alarms[alarm].sensor,)


def _joined(parts: Iterable[Sequence[int]]) -> list[int]:
    return [each for part in parts for each in part]


def health_of(followed: Followed) -> Mapping[int, Sequence[int]]:
    """Return the blinding alarms of each sensor."""
    found: dict[int, list[int]] = defaultdict(list)
    for alarm, key in enumerate(followed.alarms):
        if followed.blinding[alarm] and key.dimension is Dimension.HEALTH:
            found[key.sensor].append(alarm)
    return found
