"""`Rule` and `RuleSet`: rules in words and numbers, bound to sensors of the register.

Input: entries checked by `rules.loading.loading`.
Output: frozen values for engine, messages and console.
Not responsible for: files, readings and people.
Rejects: nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Register
from rules.season import Season

WIDENED = 3.0
"""Widest deadband by noise, in times of the given one, where a rule has no other; assumed."""


class Side(StrEnum):
    """The dangerous side of a limit."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class LevelLimit:
    """One level of a rule, as people read it: limits in the unit of the compared value."""

    level: WarningLevel
    side: Side
    limit: float
    deadband: float
    """Distance back within the limit at which the condition ends, same unit."""
    on_delay_s: float
    off_delay_s: float
    source: str
    """The clause of the limit, or `assumed` or `unverified` and the reason."""
    on_samples: int = 1
    """Least number of consecutive readings that find the condition before the level is active."""
    off_samples: int = 1
    """Likewise before it ends."""
    because_zh: str = ""
    """The condition in words; of rules that name other rules, as their limit is no text for people."""
    because_en: str = ""
    of_samples: int = 0
    """`on_samples` of the last so many readings find the condition; 0: consecutive readings."""
    deadband_sigmas: float | None = None
    """The deadband is at least so many sigmas of the sensor's own noise; None: only as given."""
    deadband_most: float | None = None
    """The widest deadband by noise, same unit; None: three times the given one."""
    latch: bool = False
    """An alert that reached the level stays open after the end of the alarm, until it is acknowledged."""

    @property
    def reset(self) -> float:
        """The reset value, beyond which the condition ends, same unit."""
        return self.limit + self.deadband if self.side is Side.LOW else self.limit - self.deadband

    @property
    def widest(self) -> float:
        """The widest possible deadband, same unit."""
        if self.deadband_sigmas is None:
            return self.deadband
        return WIDENED * self.deadband if self.deadband_most is None else self.deadband_most


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule bound to its sensors."""

    id: str
    kind: str
    """Key in `rules.kinds.RULE_KINDS`."""
    title_zh: str
    title_en: str
    advice_zh: str
    advice_en: str
    quantity: Quantity | None
    """The quantity of its sensors; None for rules about devices."""
    sensors: tuple[int, ...]
    """Dense numbers of the watched sensors, ascending."""
    levels: tuple[LevelLimit, ...]
    """Lowest level first; empty for rules about devices."""
    options: BaseModel
    """The options of its kind, as checked when the file was loaded."""
    derived: Quantity | None = None
    """The quantity of the limits where it is not `quantity`: a rate, a time, a residual."""
    season: Season | None = None
    """The part of the year in which levels start; None: the whole year."""
    written_at: str = ""
    """file:line, for people."""

    @property
    def judged_quantity(self) -> Quantity | None:
        """The quantity of limits and of values of events; None for rules about devices."""
        return self.derived or self.quantity

    @property
    def source(self) -> str:
        """The sources of the numbers, each once, highest level first."""
        return "; ".join(dict.fromkeys(limit.source for limit in reversed(self.levels)))

    def limit_of(self, level: int) -> LevelLimit | None:
        """Return the limit of `level`, None where the rule has none."""
        return next((limit for limit in self.levels if limit.level == level), None)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of a district."""

    rules: tuple[Rule, ...]
    version: str
    """Changes whenever any word, number or binding changes."""

    def __iter__(self) -> Iterator[Rule]:
        """Iterate over the rules in the order of their alarms."""
        return iter(self.rules)

    def rule(self, rule_id: str) -> Rule:
        """Return the rule named `rule_id`.

        Raises:
            KeyError: there is none.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def capable_levels(ruleset: RuleSet, register: Register) -> Mapping[str, WarningLevel]:
    """Return the highest level that any rule can raise at each asset; assets without a hazard rule are absent."""
    highest: dict[str, WarningLevel] = {}
    for rule in ruleset.rules:
        if not rule.levels:
            continue
        top = max(limit.level for limit in rule.levels)
        for sensor in rule.sensors:
            asset = register.sensors[sensor].asset
            highest[asset] = max(top, highest.get(asset, top))
    return highest
