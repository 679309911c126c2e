"""`ConditionChanges`: changes of the conditions of composite alarms, and later times at which the answer is the same.

Input: admitted readings and transitions of one batch.
Output: `ConditionSamples` for `ConditionLevels`.
Not responsible for: delays.
Rejects: nothing.

Everything is applied in the order of the readings. All effects of one reading belong to its place, and nothing else of
the batch matters. A time later than its received time counts as that, so a clock that is ahead ends no delay early.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.levels import WarningLevel
from config.register import Register
from rules.admission.admission import AdmittedReadings
from rules.alarms.condition_levels import ConditionSamples
from rules.alarms.level_state import N_LEVELS
from rules.composite.alarm_view import AlarmView
from rules.composite.operands import Operands, blinding_alarms_of
from rules.fan_out import FanOut
from rules.kind import AlarmCatalogue, UpstreamTransitions


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the answers of one binding."""

    place: int
    binding: int
    time_ns: int
    answers: NDArray[np.float64]
    """float64[5]."""


@dataclass(frozen=True, slots=True)
class _Happening:
    """A transition of an alarm, or the first reading of a sensor."""

    alarm: int
    """-1 for a first reading."""
    level: int
    sensor: int
    time_ns: int


class ConditionChanges:
    """The bindings of composite rules with one evaluation order."""

    def __init__(
        self, bindings: NDArray[np.intp], operands: Sequence[Operands], register: Register, catalogue: AlarmCatalogue
    ) -> None:
        """Watch for `bindings`, int[n] into `views`; no alarm is active and no sensor is seen."""
        n_sensors = len(register.sensors)
        self._operands_of = {int(b): operands[b] for b in bindings}
        self._alarm_view = AlarmView(catalogue, n_sensors)
        self._by_alarm, self._by_sensor = _watchers(self._operands_of, catalogue)
        self._is_watched = np.zeros(len(catalogue.alarms), np.bool_)
        self._is_watched[list(self._by_alarm)] = True
        self._is_behind = np.zeros(n_sensors, np.bool_)
        self._is_behind[list(self._by_sensor)] = True
        pairs = [(sensor, b) for sensor, each in self._by_sensor.items() for b in each]
        columns = np.array(pairs, np.intp).reshape(-1, 2)
        self._reading_fan_out = FanOut(n_sensors, columns[:, 0], columns[:, 1])
        self._value = np.full((len(operands), N_LEVELS), np.nan)
        self._is_mine = np.zeros(len(operands), np.bool_)
        self._is_mine[bindings] = True
        self._must_sample = np.zeros(len(operands), np.bool_)
        """bool[n]: the present answers are not yet in `ConditionLevels`."""
        self._refresh()

    def rebuild(self, levels: NDArray[np.int8], seen: NDArray[np.bool_]) -> None:
        """Derive the answers from the levels of all alarms and the seen sensors."""
        self._alarm_view.load(levels, seen)
        self._refresh()

    def _refresh(self) -> None:
        for b in self._operands_of:
            self._value[b] = self._evaluate(b)
            self._must_sample[b] = True

    def samples(
        self, admitted: AdmittedReadings, upstream: UpstreamTransitions, pending: NDArray[np.bool_]
    ) -> ConditionSamples | None:
        """Return the answers for `ConditionLevels`, None if there are none; bool[n] `pending` are running delays."""
        before = self._value.copy() if self._has_changes(admitted, upstream) else self._value
        changes = self._changes(admitted, upstream) if before is not self._value else []
        concerned = (self._must_sample | pending) & self._is_mine
        concerned[[each.binding for each in changes]] = True
        place, binding, time_ns = self._readings_of(admitted, concerned)
        self._must_sample[binding] = False
        if len(place) + len(changes) == 0:
            return None
        return _join_samples(changes, before, place=place, binding=binding, time_ns=time_ns)

    def _has_changes(self, admitted: AdmittedReadings, upstream: UpstreamTransitions) -> bool:
        return bool(self._is_watched[upstream.alarm].any()) or bool(self._is_first_reading(admitted).any())

    def _is_first_reading(self, admitted: AdmittedReadings) -> NDArray[np.bool_]:
        """Return bool[n]: readings of sensors without a reading before."""
        return self._is_behind[admitted.sensor] & ~self._alarm_view.seen[admitted.sensor]

    def _changes(self, admitted: AdmittedReadings, upstream: UpstreamTransitions) -> list[_Change]:
        """Return the changes of answers, in order."""
        changes: list[_Change] = []
        for place, happens in self._changes_by_place(admitted, upstream):
            newest_ns: dict[int, int] = {}
            for each in happens:
                for b in self._apply(each):
                    newest_ns[b] = max(each.time_ns, newest_ns.get(b, each.time_ns))
            for b in sorted(newest_ns):
                answers = self._evaluate(b)
                if not np.array_equal(answers, self._value[b], equal_nan=True):
                    self._value[b] = answers
                    changes.append(_Change(place, b, min(newest_ns[b], admitted.received_ns), answers))
        return changes

    def _changes_by_place(
        self, admitted: AdmittedReadings, upstream: UpstreamTransitions
    ) -> Iterator[tuple[int, list[_Happening]]]:
        """Yield each place with transitions or first readings, in order, and these."""
        happens: dict[int, list[_Happening]] = defaultdict(list)
        for i in np.flatnonzero(self._is_watched[upstream.alarm]).tolist():
            alarm, level, time_ns = int(upstream.alarm[i]), int(upstream.level_after[i]), int(upstream.time_ns[i])
            happens[int(upstream.place[i])].append(_Happening(alarm, level, -1, time_ns))
        for i in np.flatnonzero(self._is_first_reading(admitted)).tolist():
            first = _Happening(-1, 0, int(admitted.sensor[i]), int(admitted.time_ns[i]))
            happens[int(admitted.place[i])].append(first)
        yield from sorted(happens.items())

    def _apply(self, each: _Happening) -> Sequence[int]:
        """Apply a transition or a first reading, and return the bindings that depend on it."""
        if each.alarm >= 0:
            self._alarm_view.apply(each.alarm, each.level)
            return self._by_alarm[each.alarm]
        self._alarm_view.seen[each.sensor] = True
        return self._by_sensor[each.sensor]

    def _evaluate(self, b: int) -> NDArray[np.float64]:
        """Return float64[5]: 1 true, 0 false or no such level, NaN unknown."""
        own, answers = self._operands_of[b], np.zeros(N_LEVELS)

        def is_active(alarm: int, at_least: WarningLevel) -> bool | None:
            return self._alarm_view.is_active(alarm, at_least, own.sensors_of_alarm[alarm])

        for level, condition in own.conditions.items():
            truth = condition.truth(own.alarms, is_active)
            answers[level - 1] = np.nan if truth is None else float(truth)
        return answers

    def _readings_of(
        self, admitted: AdmittedReadings, concerned: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
        """Return (place, binding, time) of readings of the sensors of bool[n] `concerned` bindings."""
        if not concerned.any():
            return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.int64)
        row, binding = self._reading_fan_out.bindings_of(admitted.sensor)
        wanted = concerned[binding]
        row, binding = row[wanted], binding[wanted]
        return admitted.place[row], binding, np.minimum(admitted.time_ns[row], admitted.received_ns)


def _watchers(
    operands: Mapping[int, Operands], catalogue: AlarmCatalogue
) -> tuple[Mapping[int, Sequence[int]], Mapping[int, Sequence[int]]]:
    """Return the bindings that depend on each alarm, and on each sensor."""
    by_alarm: dict[int, dict[int, None]] = defaultdict(dict)
    by_sensor: dict[int, list[int]] = defaultdict(list)
    blinding = blinding_alarms_of(catalogue)
    for b, own in operands.items():
        for alarm in own.sensors_of_alarm:
            by_alarm[alarm][b] = None
        for sensor in sorted(own.sensors):
            by_sensor[sensor].append(b)
            for alarm in blinding.get(sensor, ()):
                by_alarm[alarm][b] = None
    return {alarm: tuple(each) for alarm, each in by_alarm.items()}, by_sensor


def _join_samples(
    changes: Sequence[_Change],
    before: NDArray[np.float64],
    *,
    place: NDArray[np.intp],
    binding: NDArray[np.intp],
    time_ns: NDArray[np.int64],
) -> ConditionSamples:
    """Return changes and readings as samples; a reading has the answers of the last change before it.

    Args:
        changes: in order.
        before: float64[n_bindings, 5], the answers before the batch.
        place: intp[n], places of the readings.
        binding: intp[n].
        time_ns: int64[n].
    """
    change_place = np.array([each.place for each in changes], np.intp)
    change_binding = np.array([each.binding for each in changes], np.intp)
    answers = np.array([each.answers for each in changes], np.float64).reshape(-1, N_LEVELS)
    span = int(max(place.max(initial=0), change_place.max(initial=0))) + 2
    order = np.argsort(change_binding * span + change_place + 1, kind="stable")
    keys = (change_binding * span + change_place + 1)[order]
    last = np.searchsorted(keys, binding * span + place + 1, side="right") - 1
    is_changed = (last >= 0) & (len(order) > 0)
    source = order[np.maximum(last, 0)] if len(order) else np.zeros(len(place), np.intp)
    is_changed &= (change_binding[source] == binding) if len(order) else False
    value = before[binding]
    if len(order):
        value[is_changed] = answers[source[is_changed]]
    known = ~np.isnan(value)
    reading, level = np.nonzero(known)
    everything = np.arange(N_LEVELS)
    return ConditionSamples(
        np.concatenate((np.repeat(change_place, N_LEVELS), place[reading])),
        np.concatenate(
            ((change_binding[:, np.newaxis] * N_LEVELS + everything).ravel(), binding[reading] * N_LEVELS + level)
        ),
        np.concatenate((np.repeat(np.array([each.time_ns for each in changes], np.int64), N_LEVELS), time_ns[reading])),
        np.concatenate((answers.ravel(), value[known])),
    )
