"""`Rule` and `RuleSet`: what is watched, in words and numbers, already bound to sensors of the register.

Comes in: entries checked by `rules.loading.loading`. Goes out: frozen values for engine, messages and console.
Refuses to
know files, readings and people.
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
"""Times the given deadband: the widest that noise makes it where a rule does not say; assumed."""


class Side(StrEnum):
    """On which side of a limit the danger lies."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class LevelLimit:
    """One level of a rule, as people read it: limits in the unit of what the rule judges."""

    level: WarningLevel
    side: Side
    limit: float
    deadband: float
    """How far back within the limit a value must be before the condition ends, same unit."""
    on_delay_s: float
    off_delay_s: float
    source: str
    """The clause behind the limit, or `assumed` or `unverified` and why."""
    on_samples: int = 1
    """Readings in a row, at least, that must find the condition before the level is active."""
    off_samples: int = 1
    """Likewise before it ends."""
    because_zh: str = ""
    """What must hold, in words; of rules that follow others, whose limit says nothing to people."""
    because_en: str = ""
    of_samples: int = 0
    """Instead of in a row, `on_samples` of the last so many readings; 0: in a row."""
    deadband_sigmas: float | None = None
    """The deadband is at least so many sigmas of the sensor's own noise; None: it is as given."""
    deadband_most: float | None = None
    """The widest that noise makes it, same unit; None: three times as wide as given."""
    latch: bool = False
    """An alert that reached the level stays, also when all is well again, until somebody has acknowledged it."""

    @property
    def reset(self) -> float:
        """The value beyond which the condition ends, same unit."""
        return self.limit + self.deadband if self.side is Side.LOW else self.limit - self.deadband

    @property
    def widest(self) -> float:
        """The widest deadband that there can be, same unit."""
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
    """What is judged; None for rules that judge devices."""
    sensors: tuple[int, ...]
    """Dense numbers of the watched sensors, ascending."""
    levels: tuple[LevelLimit, ...]
    """Lowest level first; empty for rules that judge devices."""
    options: BaseModel
    """The options of its kind, as checked when the file was loaded."""
    derived: Quantity | None = None
    """What is compared with the limits where it is not the quantity itself: a rate, a time, a residual."""
    season: Season | None = None
    """The part of the year in which levels begin; None: all of it."""
    written_at: str = ""
    """file:line, for people."""

    @property
    def judged_quantity(self) -> Quantity | None:
        """What limits and the values of events are in; None for rules that judge devices."""
        return self.derived or self.quantity

    @property
    def source(self) -> str:
        """Where the numbers come from, each source once, highest level first."""
        return "; ".join(dict.fromkeys(limit.source for limit in reversed(self.levels)))

    def limit_of(self, level: int) -> LevelLimit | None:
        """Return the limit behind `level`, None when the rule has none."""
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
