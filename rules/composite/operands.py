"""`Operands`: the alarms of each condition of one composite alarm, and the sensors of these alarms.

Input: composite rules, the register, all alarms.
Output: the operands of each binding.
Not responsible for: levels and time.
Rejects: nothing.
"""

import typing
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.register import Register
from rules.composite.conditions import AlarmsOf, Condition
from rules.events import Dimension
from rules.kind import AlarmCatalogue, BoundRule


class _Level(Protocol):
    @property
    def level(self) -> int:
        """The level."""
        ...

    @property
    def when(self) -> Condition:
        """The condition of the level."""
        ...


class _Options(Protocol):
    @property
    def levels(self) -> Sequence[_Level]:
        """The levels of a composite rule."""
        ...


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of one composite alarm."""

    conditions: Mapping[int, Condition]
    """By level."""
    alarms: Mapping[Condition, Sequence[int]]
    """By condition that names a rule: dense alarm numbers, ascending."""
    sensors_of_alarm: Mapping[int, Sequence[int]]
    """By alarm: the sensors that must be seen before the alarm counts as not active."""
    sensors: frozenset[int]
    """All sensors of any of its alarms."""


def operands_of(bound: Sequence[BoundRule], register: Register, catalogue: AlarmCatalogue) -> list[Operands]:
    """Return the operands of each binding of composite rules, in the order of their alarms."""
    index = _Index(register, catalogue)
    operands: dict[int, Operands] = {}
    for each in sorted(bound, key=lambda each: each.order):
        for i, sensor in enumerate(each.rule.sensors):
            alarm = each.first_alarm + i
            operands[alarm] = _operands(typing.cast("_Options", each.rule.options), sensor, index, operands)
    return [operands[alarm] for alarm in sorted(operands)]


class _Index:
    """Finds alarms by rule and asset."""

    def __init__(self, register: Register, catalogue: AlarmCatalogue) -> None:
        self.register, self.catalogue = register, catalogue
        self._found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for alarm, key in enumerate(catalogue.alarms):
            self._found[key.rule, register.sensors[key.sensor].asset].append(alarm)

    def alarms(self, leaf: Condition, sensor: int) -> tuple[int, ...]:
        """Return the alarms that `leaf` names for `sensor`."""
        here, rule = self.register.sensors[sensor], leaf.rule or ""
        if leaf.of is AlarmsOf.NEIGHBOURS:
            near = self.register.neighbours.get(here.asset, ())
            return tuple(sorted(alarm for each in near for alarm in self._found.get((rule, each.asset), ())))
        alarms = self._found.get((rule, here.asset), ())
        return tuple(alarm for alarm in alarms if leaf.of is AlarmsOf.ASSET or self._device(alarm) == here.device)

    def _device(self, alarm: int) -> str:
        return self.register.sensors[self.catalogue.alarms[alarm].sensor].device


def _operands(options: _Options, sensor: int, index: _Index, operands: Mapping[int, Operands]) -> Operands:
    conditions = {int(each.level): each.when for each in options.levels}
    leaves = [leaf for each in conditions.values() for leaf in each.leaves()]
    alarms = {leaf: index.alarms(leaf, sensor) for leaf in leaves}
    named = {alarm for each in alarms.values() for alarm in each}
    sensors_of_alarm = {alarm: _sensors_of_alarm(alarm, index.catalogue, operands) for alarm in sorted(named)}
    return Operands(conditions, alarms, sensors_of_alarm, frozenset(_flatten(sensors_of_alarm.values())))


def _sensors_of_alarm(alarm: int, catalogue: AlarmCatalogue, operands: Mapping[int, Operands]) -> tuple[int, ...]:
    """Return the sensors of `alarm`: its own, or of another composite all sensors of its operands."""
    if alarm in operands:
        return tuple(sorted(operands[alarm].sensors))
    return (catalogue.alarms[alarm].sensor,)


def _flatten(parts: Iterable[Sequence[int]]) -> list[int]:
    return [each for part in parts for each in part]


def blinding_alarms_of(catalogue: AlarmCatalogue) -> Mapping[int, Sequence[int]]:
    """Return the blinding alarms of each sensor."""
    found: dict[int, list[int]] = defaultdict(list)
    for alarm, key in enumerate(catalogue.alarms):
        if catalogue.blinding[alarm] and key.dimension is Dimension.HEALTH:
            found[key.sensor].append(alarm)
    return found
