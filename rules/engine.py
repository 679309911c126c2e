"""`RuleEngine`: batches in, alarm transitions out; equal batches always have equal transitions.

Input: `ReadingBatch` with its position in the journal.
Output: `AlarmEvents`, levels, health, a snapshot.
Not responsible for: the wall clock, files, people and the evaluation of a single kind of rule.
Rejects: a snapshot that is not intact.

Splitting the readings of one `received_ns` into batches changes nothing but `position`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from config.register import Register
from rules.admission.admission import Admission
from rules.admission.reordering import Reordering
from rules.events import AlarmEvents, AlarmKey, Dimension, Transition
from rules.kind import AlarmCatalogue, BoundRule, Transitions
from rules.kinds import RULE_KINDS
from rules.references import evaluation_order, upstream_transitions
from rules.rule import RuleSet
from rules.snapshot import EngineState, pack, unpack_snapshot

T = TypeVar("T", bound=np.generic)

UNSEEN, ALIVE, BLIND = 0, 1, 2
"""Values of `RuleEngine.health()`."""


class RuleEngine:
    """Evaluates every rule of a rule set over every sensor that it is bound to."""

    def __init__(self, ruleset: RuleSet, register: Register) -> None:
        self._ruleset = ruleset
        self.register = register
        """The sensors of the dense numbers in `alarms`."""
        self.alarms: tuple[AlarmKey, ...] = alarm_keys(ruleset, register)
        """The alarms of the dense numbers."""
        self._health = np.flatnonzero(blinding_of(ruleset, self.alarms))
        self._sensor = np.array([key.sensor for key in self.alarms], np.intp)
        self._last_order = 0
        self._nothing = _events([], 0)
        self.counts: Counter[tuple[str, str]] = Counter()
        """Counts by metric name and reason, since this engine was made; not part of a snapshot."""
        self.position = 0
        """Journal position of the last batch evaluated."""
        self._parts = self._build()

    def _build(self) -> EngineState:
        bound: dict[str, list[BoundRule]] = {kind: [] for kind in RULE_KINDS}
        first, order = 0, evaluation_order(self._ruleset.rules)
        self._last_order = max(order.values(), default=0)
        for rule in self._ruleset.rules:
            kind = RULE_KINDS[rule.kind]
            ignored, not_learned = kind.ignores.flags, kind.does_not_learn.flags
            bound[rule.kind].append(BoundRule(rule, first, order[rule.id], ignored, not_learned))
            first += len(rule.sensors)
        used = {name: kind for name, kind in RULE_KINDS.items() if bound[name]}
        catalogue = AlarmCatalogue(self.alarms, blinding_of(self._ruleset, self.alarms))
        return EngineState(
            Reordering(self.register, self.counts),
            Admission(self.register, self.counts),
            {name: kind.build(bound[name], self.register, self.counts) for name, kind in used.items() if kind.build},
            {
                name: kind.build_derived(bound[name], self.register, self.counts, catalogue)
                for name, kind in used.items()
                if kind.build_derived
            },
        )

    def evaluate(self, batch: ReadingBatch, position: int) -> AlarmEvents:
        """Return the transitions that `batch`, at `position` in the journal, causes.

        They are in the order of the readings that cause them, then of alarm numbers. Transitions by silence come first.
        """
        self.position = position
        admitted = self._parts.admission.admit(self._parts.reordering.reorder(batch))
        found = [each for evaluator in self._parts.evaluators.values() for each in evaluator.evaluate(admitted)]
        for order in range(1, self._last_order + 1):
            upstream = upstream_transitions(found)
            for derived in self._parts.derived_evaluators.values():
                found += derived.evaluate(admitted, upstream, order)
        found = [each for each in found if len(each.place)]
        if not found:
            return self._nothing
        events = _events(found, position)
        for transition, n in zip(*np.unique(events.transition, return_counts=True), strict=True):
            self.counts["alarm_events", Transition(transition).name.lower()] += int(n)
        return events

    def levels(self) -> NDArray[np.int8]:
        """Return int8[n_alarms]: the level of each alarm, 0 while inactive; 1 in the health dimension while blind."""
        return self._levels_of(self._parts)

    def health(self) -> NDArray[np.uint8]:
        """Return uint8[n_sensors]: `BLIND` while a blinding alarm is active, also if unseen; else `ALIVE` if seen."""
        health = np.where(self.seen(), ALIVE, UNSEEN).astype(np.uint8)
        blind = self._health[self.levels()[self._health] > 0]
        health[self._sensor[blind]] = BLIND
        return health

    def seen(self) -> NDArray[np.bool_]:
        """Return bool[n_sensors]: at least one reading has been admitted since the state began."""
        return self._parts.admission.is_seen.copy()

    def columns_of(self, alarm: int) -> dict[str, NDArray[np.generic]]:
        """Return the columns of the kind at `alarm`, dense number, by name; those of its sensor as `sensor.<name>`."""
        for evaluator in self._parts.all_evaluators().values():
            place = int(np.searchsorted(evaluator.alarm, alarm))
            if place < len(evaluator.alarm) and evaluator.alarm[place] == alarm:
                state = evaluator.state()
                of_sensor = {
                    f"sensor.{name}": column[self.alarms[alarm].sensor] for name, column in state.by_sensor.items()
                }
                return {**{name: column[place] for name, column in state.by_alarm.items()}, **of_sensor}
        return {}

    def snapshot(self) -> bytes:
        """Return the state that a later engine needs to go on from `position`; equal states are equal bytes."""
        return pack(self._parts, self.position, self.register.sensor_ids, [key.id for key in self.alarms])

    def restore(self, blob: bytes) -> None:
        """Go on from a snapshot: alarms and sensors that it has by id keep their state, new ones start now.

        Raises:
            SnapshotError: `blob` is not an intact snapshot; the engine is as it was.
        """
        parts = self._build()
        self.position = unpack_snapshot(blob, parts, self.register.sensor_ids, [key.id for key in self.alarms])
        for derived in parts.derived_evaluators.values():
            derived.rebuild(self._levels_of(parts), parts.admission.is_seen)
        self._parts = parts

    def _levels_of(self, parts: EngineState) -> NDArray[np.int8]:
        levels = np.zeros(len(self.alarms), np.int8)
        for evaluator in parts.all_evaluators().values():
            levels[evaluator.alarm] = evaluator.level
        return levels


def alarm_keys(ruleset: RuleSet, register: Register) -> tuple[AlarmKey, ...]:
    """Return the alarms of `ruleset`, rule by rule and then by sensor number."""
    return tuple(
        AlarmKey(rule.id, sensor, RULE_KINDS[rule.kind].dimension, f"{rule.id}/{register.sensors[sensor].id}")
        for rule in ruleset.rules
        for sensor in rule.sensors
    )


def blinding_of(ruleset: RuleSet, alarms: Sequence[AlarmKey]) -> NDArray[np.bool_]:
    """Return bool[n_alarms]: health alarms that make their sensor blind."""
    blinding = {rule.id for rule in ruleset.rules if RULE_KINDS[rule.kind].blinds}
    return np.array([key.dimension is Dimension.HEALTH and key.rule in blinding for key in alarms], np.bool_)


def _events(found: Sequence[Transitions], position: int) -> AlarmEvents:
    place = _column([each.place for each in found], np.intp)
    alarm = _column([each.alarm for each in found], np.int32)
    order = np.lexsort((alarm, place))
    before = _column([each.level_before for each in found], np.int8)[order]
    after = _column([each.level_after for each in found], np.int8)[order]
    return AlarmEvents(
        alarm=alarm[order],
        time_ns=_column([each.time_ns for each in found], np.int64)[order],
        episode_ns=_column([each.episode_ns for each in found], np.int64)[order],
        transition=_transitions(before, after),
        level_before=before,
        level_after=after,
        value=_column([each.value for each in found], np.float64)[order],
        reason=_column([each.reason for each in found], np.uint8)[order],
        position=np.full(len(order), position, np.int64),
        low=_column([_fill_absent(each.low, each, np.nan) for each in found], np.float64)[order],
        high=_column([_fill_absent(each.high, each, np.nan) for each in found], np.float64)[order],
        towards=_column([_fill_absent(each.towards, each, -1) for each in found], np.int32)[order],
    )


def _fill_absent(column: NDArray[T] | None, found: Transitions, absent: float) -> NDArray[T]:
    return np.full(len(found.place), absent) if column is None else column


def _transitions(before: NDArray[np.int8], after: NDArray[np.int8]) -> NDArray[np.uint8]:
    falling = np.where(after == 0, Transition.CLEARED, Transition.LOWERED)
    rising = np.where(before == 0, Transition.RAISED, Transition.ESCALATED)
    return np.where(after > before, rising, falling).astype(np.uint8)


def _column(parts: Sequence[NDArray[T]], dtype: type[T]) -> NDArray[T]:
    return np.concatenate([np.zeros(0, dtype), *parts])
