"""Conditions on alarms of other rules: all, any, not, nested, with a third answer for what nobody knows.

Comes in: conditions as they are written, and what is known of alarms. Goes out: true, false or None for unknown.
Refuses to know time: delays belong to whoever asks.

The logic is Kleene's: `all` of something false is false whatever is unknown, `not` of unknown is unknown.
"""

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from config.document import Path
from config.levels import WarningLevel
from rules.level_options import NamedLevel
from rules.references import Reference

Truth = bool | None
"""None: nobody knows."""
IsActive = Callable[[int, WarningLevel], Truth]
"""Tells whether the alarm of a dense number stands at least at a level."""


class AlarmsOf(StrEnum):
    """Whose alarms a condition names, seen from the sensor that the composite alarm is bound to."""

    ASSET = "asset"
    NEIGHBOURS = "neighbours"
    DEVICE = "device"


class Condition(BaseModel):
    """One of: a rule with its level, or `all`, `any`, `not` of further conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rule: str | None = None
    """The id of the rule whose alarm must stand."""
    at_least: NamedLevel = WarningLevel.GREEN
    """By default any level; alarms of devices have no other."""
    of: AlarmsOf = AlarmsOf.ASSET
    """Whose alarms are meant."""
    count: int = Field(default=1, ge=1)
    """So many of the alarms that are named must stand."""
    every: tuple["Condition", ...] | None = Field(default=None, alias="all", min_length=1)
    """Conditions that must all hold."""
    some: tuple["Condition", ...] | None = Field(default=None, alias="any", min_length=1)
    """Conditions of which one must hold."""
    negated: typing.Optional["Condition"] = Field(default=None, alias="not")
    """A condition that must not hold."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> typing.Self:
        given = [each for each in (self.rule, self.every, self.some, self.negated) if each is not None]
        beside = self.rule is None and self.model_fields_set & {"at_least", "of", "count"}
        if len(given) != 1 or beside:
            context = {
                "expected": "one of `rule` (with at_least, of, count), `all`, `any`, `not`",
                "remedy": "nest conditions to combine them",
            }
            raise PydanticCustomError("condition", "not one condition", context)
        return self

    def leaves(self) -> Iterator["Condition"]:
        """Yield every condition that names a rule, in the order in which it is written."""
        if self.rule is not None:
            yield self
        for each in self._inner():
            yield from each.leaves()

    def references(self, path: Path) -> Iterator[Reference]:
        """Yield the rules that are named; `path` is where this condition stands."""
        if self.rule is not None:
            yield Reference(path, self.rule, self.at_least)
        for word, inner in (("all", self.every), ("any", self.some)):
            for i, each in enumerate(inner or ()):
                yield from each.references((*path, word, i))
        if self.negated is not None:
            yield from self.negated.references((*path, "not"))

    def truth(self, alarms: Mapping["Condition", Sequence[int]], is_active: IsActive) -> Truth:
        """Return whether it holds, given the alarms that each leaf names."""
        if self.every is not None:
            return _all(each.truth(alarms, is_active) for each in self.every)
        if self.some is not None:
            return _not(_all(_not(each.truth(alarms, is_active)) for each in self.some))
        if self.negated is not None:
            return _not(self.negated.truth(alarms, is_active))
        return _enough([is_active(each, self.at_least) for each in alarms[self]], self.count)

    def _inner(self) -> Sequence["Condition"]:
        return (*(self.every or ()), *(self.some or ()), *(() if self.negated is None else (self.negated,)))


def _all(truths: typing.Iterable[Truth]) -> Truth:
    found = list(truths)
    if False in found:
        return False
    return None if None in found else True


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _enough(truths: Sequence[Truth], count: int) -> Truth:
    """Return whether `count` are true; unknown where there are not so many to look at."""
    n_true = truths.count(True)
    if n_true >= count:
        return True
    return None if len(truths) < count or n_true + truths.count(None) >= count else False
