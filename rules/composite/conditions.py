"""Conditions on alarms of other rules: all, any, not, nested, with None as the answer for unknown.

Input: conditions as they are written, and the known levels of alarms.
Output: true, false or None for unknown.
Not responsible for: time and delays.
Rejects: a condition that is not exactly one of rule, `all`, `any`, `not`.

The logic is Kleene's: `all` with a false part is false, with any unknown part. `not` of unknown is unknown.
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
"""None: unknown."""
IsActive = Callable[[int, WarningLevel], Truth]
"""Returns whether the alarm of a dense number is active at least at a level."""


class AlarmsOf(StrEnum):
    """The place of the alarms that a condition names, relative to the sensor of the composite alarm."""

    ASSET = "asset"
    NEIGHBOURS = "neighbours"
    DEVICE = "device"


class Condition(BaseModel):
    """One of: a rule with its level, or `all`, `any`, `not` of further conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rule: str | None = None
    """The id of the rule with the alarm that must be active."""
    at_least: NamedLevel = WarningLevel.GREEN
    """By default any level; alarms of devices have no other."""
    of: AlarmsOf = AlarmsOf.ASSET
    """The place of the alarms."""
    count: int = Field(default=1, ge=1)
    """So many of the named alarms must be active."""
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
        """Yield every condition that names a rule, in written order."""
        if self.rule is not None:
            yield self
        for each in self._inner():
            yield from each.leaves()

    def references(self, path: Path) -> Iterator[Reference]:
        """Yield the named rules; `path` is the place of this condition."""
        if self.rule is not None:
            yield Reference(path, self.rule, self.at_least)
        for word, inner in (("all", self.every), ("any", self.some)):
            for i, each in enumerate(inner or ()):
                yield from each.references((*path, word, i))
        if self.negated is not None:
            yield from self.negated.references((*path, "not"))

    def truth(self, alarms: Mapping["Condition", Sequence[int]], is_active: IsActive) -> Truth:
        """Return whether it holds, with the alarms that each leaf names."""
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
    """Return whether `count` are true; unknown where there are fewer alarms."""
    n_true = truths.count(True)
    if n_true >= count:
        return True
    return None if len(truths) < count or n_true + truths.count(None) >= count else False
