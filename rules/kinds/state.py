"""`state`: a valve that is open, a pump that is off, a fire alarm that rings; or one that changes too often.

Input: admitted readings of discrete quantities.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; delays and windows are differences of event times of one sensor.
Rejects: states that no reading can be in, and limits where there is nothing to count.

A reading is in one of the states of `is` or in one of `normal`. Where `normal` is given, it may also be in an unknown
state. Then it is held, and neither begins nor ends anything. With `changes_within_s` the states themselves are no
danger. The danger is the number of times that one of them began (without `is`: that the state changed).

Doubts about values (SPIKE, RATE) do not matter to states, so all readings are judged but those out of range.

Source: discrete alarms and their delays as in OPC UA Part 9 (10000-9), DiscreteAlarmType and OffNormalAlarmType.
Changes are counted as for chattering alarms in ISA-18.2.

>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> cover = Sensor("C.open", "C", "D", "open", "manhole_cover_open", 1.0, 0.0, 10.0, 60.0, "")
>>> options = StateOptions.model_validate({"is": [1], "levels": [
...     {"level": "yellow", "on_delay_s": 20, "source": "assumed for this example"}]})
>>> rule = Rule("open", "state", "井盖开启", "cover open", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [cover], {}, []))
>>> second = [i * 10_000_000_000 for i in range(5)]
>>> events = engine.evaluate(make_batch(0, [0] * 5, second, [0, 1, 1, 1, 0], [0] * 5), position=1)
>>> [(int(events.time_ns[i]) // 10**9, int(events.level_after[i])) for i in range(len(events))]
[(30, 3), (40, 0)]
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, FiniteFloat

from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.continuity import Continuity
from rules.evaluation.per_sensor import Readings, SequentialEvaluator
from rules.events import TransitionReason
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions
from rules.level_options import LevelOptions, LimitOptions
from rules.rule import LevelLimit, Side
from rules.rule_file import Text

MOST_CHANGES = 32
"""So many changes are remembered of each sensor; assumed: a sensor with more changes has long been in alarm."""
_MOST_STATES = 64

States = tuple[FiniteFloat, ...]


class StateLevelOptions(LevelOptions):
    """One level of a state rule."""

    limit: float = Field(default=1.0, allow_inf_nan=False)
    """With `changes_within_s`, so many changes, at most 32; else there is no choice."""
    deadband: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    """With `changes_within_s`: how many fewer changes than `limit` end it. 0.5 by default, so that one fewer does. Else
    there is no choice, and it is left out."""


class StateOptions(LimitOptions):
    """Keys of a state rule."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """There is no choice."""
    # The key is `is`; Python reserves this word.
    is_: States | None = Field(default=None, alias="is", min_length=1, max_length=_MOST_STATES)
    """The states that are dangerous, e.g. `[1]` or `[2, 5]`, at most 64. Needed, but with `changes_within_s`."""
    normal: States | None = Field(default=None, min_length=1, max_length=_MOST_STATES)
    """Optional: the states in which all is well. A reading in neither list is then in an unknown state, and is held.
    Without it every other state is normal."""
    called: Text | None = None
    """Optional: `{zh: ..., en: ...}`, the name of the state in messages, e.g. `the cover is open`. Else they name its
    number."""
    changes_within_s: float | None = Field(default=None, gt=0, le=30 * 86_400, allow_inf_nan=False)
    """Optional, seconds, at most 30 days. The judged value is then not the state but how often one of `is` began within
    this time. Without `is`, it is how often the state changed."""
    levels: tuple[StateLevelOptions, ...] = Field(min_length=1, max_length=5)

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels, lowest first; those of a state have its words."""
        ordered = sorted(self.levels, key=lambda each: each.level)
        listed = ", ".join(f"{each:g}" for each in self.is_ or ())
        zh, en = (self.called.zh, self.called.en) if self.called else (f"状态为{listed}", f"Its state is {listed}")
        if self.changes_within_s is not None:
            zh = en = ""
        en = f"{en[:1].upper()}{en[1:]}"
        return tuple(LevelLimit(side=self.side, because_zh=zh, because_en=en, **each.model_dump()) for each in ordered)

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity of the state, 0 or 1, or of the number of changes."""
        if quantity is None:
            return None
        if self.changes_within_s is None:
            return dataclasses.replace(quantity, unit="", low=0.0, high=1.0, decimals=0, accepts={})
        span, called = f"{self.changes_within_s:g}", self.called or Text(zh=quantity.zh, en=quantity.en)
        zh, en = f"{span}秒内“{called.zh}”变化次数", f"changes of {called.en} within {span} s"
        name = f"{quantity.name}_changes"
        return dataclasses.replace(
            quantity, name=name, zh=zh, en=en, unit="count", low=0.0, high=MOST_CHANGES, decimals=0, accepts={}
        )

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield states that no reading can be in, and limits where there is nothing to count."""
        yield from super().faults(quantity, sensors)
        if self.is_ is None and self.changes_within_s is None:
            yield Fault(("is",), "a list of states", "nothing", "write `is: [1]`, or `changes_within_s`")
        both = sorted(set(self.is_ or ()) & set(self.normal or ()))
        if both:
            yield Fault(("normal",), "states that are not in `is`", f"{both[0]:g}", "remove it from one of the two")
        if quantity is not None:
            yield from self._foreign(quantity)
        for i, each in enumerate(self.levels if self.changes_within_s is None else ()):
            if each.limit != 1.0:
                remedy = "remove it: a state holds or not; with `changes_within_s` it is a number of changes"
                yield Fault(("levels", i, "limit"), "none", f"{each.limit:g}", remedy)

    def _foreign(self, quantity: Quantity) -> Iterator[Fault]:
        for key, states in (("is", self.is_), ("normal", self.normal)):
            for i, each in enumerate(states or ()):
                if not quantity.low <= each <= quantity.high:
                    expected = f"{quantity.low:g} to {quantity.high:g} ({quantity.name})"
                    yield Fault((key, i), expected, f"{each:g}", "no device reports it; correct the state")


class StateKind:
    """All state rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._counts = counts
        options = [typing.cast("StateOptions", each.rule.options) for each in bound]
        rule, sensor = self._level_evaluator.rule, self._level_evaluator.sensor
        self._asked = _pad([each.is_ or () for each in options])
        self._normal = _pad([each.normal or () for each in options])
        self._any_state = np.array([each.is_ is None for each in options])
        self._any_normal = np.array([each.normal is None for each in options])
        self._rule = rule
        within_s = [each.changes_within_s or 0.0 for each in options]
        self._within_ns = np.array([round(each * SECOND_NS) for each in within_s], np.int64)[rule]
        self._sequential = SequentialEvaluator(self._level_evaluator, remembers=self._within_ns > 0)
        stale_s = np.array([each.stale_after_s for each in register.sensors])[sensor]
        self._continuity = Continuity(np.round(stale_s * SECOND_NS).astype(np.int64))
        self._before = np.zeros(len(sensor))
        self._changed_ns = np.full((len(sensor), MOST_CHANGES), NEVER_NS)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause; those of a state name it instead of comparing numbers."""
        return [self._set_reason(each) for each in self._sequential.evaluate(admitted, self._values)]

    def _set_reason(self, found: Transitions) -> Transitions:
        b = np.searchsorted(self.alarm, found.alarm)
        holds = np.where(
            found.level_after > found.level_before, TransitionReason.CONDITIONS_HOLD, TransitionReason.CONDITIONS_END
        )
        reason = np.where(self._within_ns[b] > 0, found.reason, holds).astype(np.uint8)
        return dataclasses.replace(found, reason=reason)

    def _values(self, readings: Readings) -> NDArray[np.float64]:
        """Return float64[n]: 1 where a state of `is` holds, else 0, or how often it began; NaN where it is unknown."""
        rule, value = self._rule[readings.binding], readings.value[:, np.newaxis]
        asked = (value == self._asked[rule]).any(axis=1)
        known = asked | self._any_normal[rule] | (value == self._normal[rule]).any(axis=1)
        self._counts["readings_held", "unknown_state"] += int(np.count_nonzero(~known))
        values = np.where(known, asked.astype(np.float64), np.nan)
        counted = np.flatnonzero(known & (self._within_ns[readings.binding] > 0))
        if len(counted):
            state = np.where(self._any_state[rule], readings.value, asked)
            values[counted] = self._changes(readings.take(counted), state[counted])
        return values

    def _changes(self, now: Readings, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: how often the states of distinct bindings changed, or states of `is` began, of late."""
        b = now.binding
        step = self._continuity.step(b, now.time_ns, now.clock)
        # Times of another clock, or of a clock that was set, are no part of this window; those before a gap are.
        foreign = b[step.broken & ((step.elapsed_ns < 0) | ~step.same_clock)]
        self._changed_ns[foreign] = NEVER_NS
        changed = ~step.broken & (state != self._before[b]) & (self._any_state[self._rule[b]] | (state > 0))
        self._before[b] = state
        at = b[changed]
        self._changed_ns[at, 1:] = self._changed_ns[at, :-1]
        self._changed_ns[at, 0] = now.time_ns[changed]
        ages = now.time_ns[:, np.newaxis] - self._changed_ns[b]
        n_recent: NDArray[np.float64] = (ages < self._within_ns[b][:, np.newaxis]).sum(axis=1, dtype=np.float64)
        return n_recent

    def state(self) -> State:
        """Return the columns to keep."""
        own = {**self._continuity.columns(), "before_state": self._before, "changed_ns": self._changed_ns}
        return State({}, {**self._level_evaluator.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._level_evaluator.rebuild()


def _pad(states: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return float64[n, longest]: the states of each rule, the rest NaN, which equals nothing."""
    columns = np.full((len(states), max((len(each) for each in states), default=0)), np.nan)
    for row, each in enumerate(states):
        columns[row, : len(each)] = each
    return columns
