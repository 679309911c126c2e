"""`composite`: levels that follow from other alarms of the asset, its neighbours or the device together.

Input: transitions of other rules, and the times of readings.
Output: transitions of hazard alarms.
Not responsible for: values; a value that is dangerous by itself belongs to the rules that this one names.
Rejects: a level that is written twice.

A condition is unknown while a sensor that it needs is blind, or was never heard. Its level then neither begins nor
ends, and a running delay begins again when it is known. Delays run on the times of the readings of all sensors of the
rule. None of these times is later than the reading was received.

Zero pressure is orange, and red while the fire alarm of the same building sounds:

>>> from collector.batch import make_batch
>>> from config.register import Asset, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.kinds.threshold import ThresholdOptions
>>> from rules.rule import Rule, RuleSet
>>> sensors = [Sensor(f"T.{name}", "T", name, name, name, 1.0, 0.0, 2.0, 60.0, "") for name in ("pressure", "smoke")]
>>> tower = Asset("T", "residential_tower", "fire", "T", "T", "R", 0.0, 0.0)
>>> def limit(name, sensor, side, limit):
...     options = ThresholdOptions.model_validate({"side": side, "levels": [{"level": "orange", "limit": limit,
...         "deadband": 0.01, "on_delay_s": 0, "source": "assumed for this example"}]})
...     return Rule(name, "threshold", name, name, "", "", None, (sensor,), options.limits(), options)
>>> both = CompositeOptions.model_validate({"levels": [{"level": "red", "on_delay_s": 0, "source": "assumed",
...     "because": {"zh": "管网无水且火灾报警", "en": "no water while the fire alarm sounds"},
...     "when": {"all": [{"rule": "zero", "at_least": "orange"}, {"rule": "smoke"}]}}]})
>>> rules = RuleSet((limit("zero", 0, "low", 0.02), limit("smoke", 1, "high", 1.0),
...     Rule("dry", "composite", "dry", "dry", "", "", None, (0,), both.limits(), both)), "1")
>>> engine = RuleEngine(rules, Register({}, {"T": tower}, sensors, {}, []))
>>> second = 1_000_000_000
>>> readings = [0, 1, 0, 1], [second, second, 3 * second, 4 * second], [0.4, 0.0, 0.0, 1.0]
>>> events = engine.evaluate(make_batch(5 * second, *readings, [0] * 4), position=1)
>>> [(engine.alarms[events.alarm[i]].rule, int(events.level_after[i])) for i in range(len(events))]
[('zero', 4), ('smoke', 4), ('dry', 5)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from config.quantities import ONLINE, Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.condition_levels import ConditionLevels
from rules.composite.condition_changes import ConditionChanges
from rules.composite.conditions import Condition
from rules.composite.operands import operands_of
from rules.kind import AlarmCatalogue, BoundRule, Fault, State, Transitions, UpstreamTransitions, alarm_numbers
from rules.level_options import LONGEST_S, NamedLevel
from rules.references import Reference
from rules.rule import LevelLimit, Side
from rules.rule_file import Text

_NOT_MEASURED = frozenset({"heartbeat", "battery", ONLINE})
_ANSWER = Quantity("condition", "条件", "condition", "", 0.0, 1.0, np.inf, 0, {}, "true is 1, false is 0")


class CompositeLevel(BaseModel):
    """One level: its condition, and the time that it must hold before the level begins."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    level: NamedLevel
    """`green`, `blue`, `yellow`, `orange` or `red`."""
    when: Condition
    """The condition, below."""
    because: Text
    """The meaning of the condition, in words for the recipients of the message."""
    on_delay_s: float = Field(ge=0, le=LONGEST_S, allow_inf_nan=False)
    """How long the condition must hold, and not hold, before the level begins or ends."""
    off_delay_s: float = Field(default=0, ge=0, le=LONGEST_S, allow_inf_nan=False)
    """How long the condition must hold, and not hold, before the level begins or ends."""
    latch: bool = False
    """Once it is active, the alert stays until somebody has acknowledged it."""
    source: str = Field(min_length=3)
    """As in every rule."""


class Each(StrEnum):
    """The thing that has one alarm."""

    ASSET = "asset"
    DEVICE = "device"


class CompositeOptions(BaseModel):
    """The keys of a composite rule."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    each: Each = Each.ASSET
    """`asset`, the default: one alarm for each asset. `device`: one for each device."""
    levels: tuple[CompositeLevel, ...] = Field(min_length=1, max_length=5)
    """A list; each level once."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels, lowest first: true is 1, beyond a limit of 1."""
        return tuple(
            LevelLimit(
                each.level,
                Side.HIGH,
                1.0,
                0.5,
                each.on_delay_s,
                each.off_delay_s,
                each.source,
                because_zh=each.because.zh,
                because_en=each.because.en,
                latch=each.latch,
            )
            for each in sorted(self.levels, key=lambda each: each.level)
        )

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity that is compared with the limits: whether the condition holds."""
        del quantity
        return _ANSWER

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` can stand for its asset: measured values can."""
        return sensor.id not in heartbeats and sensor.quantity not in _NOT_MEASURED

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield levels that are written twice."""
        del quantity, sensors
        for i, each in enumerate(self.levels):
            if each.level in [other.level for other in self.levels[:i]]:
                remedy = "combine the two with `any`"
                yield Fault(("levels", i, "level"), "each level once", f"{each.level.key} twice", remedy)

    def references(self) -> Iterator[Reference]:
        """Yield every rule that is named."""
        for i, each in enumerate(self.levels):
            yield from each.when.references(("levels", i, "when"))


def one_for(options: BaseModel, sensor: Sensor) -> str:
    """Return the asset or device that has one alarm; its first sensor of the register stands for it."""
    each = typing.cast("CompositeOptions", options).each
    return sensor.asset if each is Each.ASSET else sensor.device


class Composite:
    """All composite rules over all their assets."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        catalogue: AlarmCatalogue,
    ) -> None:
        del counts
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        rule = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        operands = operands_of(bound, register, catalogue)
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)
        gaps_s = [stale_s[list(own.sensors)].max(initial=0.0) for own in operands]
        gaps_ns = np.round(np.array(gaps_s, np.float64) * SECOND_NS).astype(np.int64)
        self._condition_levels = ConditionLevels([each.rule.levels for each in bound], rule, gaps_ns, self.alarm)
        self.level: NDArray[np.int8] = self._condition_levels.level
        order = np.array([each.order for each in bound], np.intp)[rule]
        self._condition_changes = {
            int(number): ConditionChanges(np.flatnonzero(order == number), operands, register, catalogue)
            for number in np.unique(order)
        }

    def evaluate(self, admitted: AdmittedReadings, upstream: UpstreamTransitions, order: int) -> list[Transitions]:
        """Return the transitions of the rules with this `order`."""
        changes = self._condition_changes.get(order)
        if changes is None:
            return []
        samples = changes.samples(admitted, upstream, self._condition_levels.pending)
        return [] if samples is None else self._condition_levels.evaluate(samples)

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, self._condition_levels.columns(), {})

    def rebuild(self, levels: NDArray[np.int8], seen: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        self._condition_levels.rebuild()
        for each in self._condition_changes.values():
            each.rebuild(levels, seen)
