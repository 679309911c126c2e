"""`LevelEvaluator`: the half of every hazard kind that does not differ: readings find their bindings and levels change.

Comes in: arrivals, and for some of them a value to compare with limits. Goes out: transitions of hazard alarms. Refuses
to know where the value comes from: the kind's own half derives it from the reading, or takes the reading itself.
"""

import typing
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from config.register import Register
from rules.admission.admission import AdmittedReadings, heartbeat_numbers
from rules.alarms.inputs import Inputs, inputs_of, join_inputs
from rules.alarms.level_state import LevelStates, LimitTable
from rules.fan_out import FanOut
from rules.kind import BoundRule, Transitions, alarm_numbers
from rules.level_options import LimitOptions, OnSuspect

_SECOND_NS = 1_000_000_000


class LevelEvaluator:
    """The alarms of all rules of one kind."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        stale_ns: NDArray[np.int64] | None = None,
    ) -> None:
        """Make one inactive alarm for each binding of `bound`.

        Args:
            bound: rules whose options are `LimitOptions`.
            register: the sensors.
            counts: of the engine.
            stale_ns: int64[n_bindings], a longer gap between two values restarts a running delay; by default the
                sensors' stale times, which a kind that gives values more rarely than readings come must widen.
        """
        self._counts = counts
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        options = [typing.cast("LimitOptions", each.rule.options) for each in bound]
        self.sensor = np.array([i for each in bound for i in each.rule.sensors], np.intp)
        """intp[n_bindings]: the sensor of each binding."""
        self.rule = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        """intp[n_bindings]: the place in `bound` of each binding's rule."""
        self._kind = bound[0].rule.kind if bound else ""
        if stale_ns is None:
            stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)
            stale_ns = np.round(stale_s[self.sensor] * _SECOND_NS).astype(np.int64)
        table = LimitTable([each.rule.levels for each in bound], [each.live for each in options])
        beat = heartbeat_numbers(register)[self.sensor]
        has_beat = np.flatnonzero(beat >= 0)
        self._states = LevelStates(table, self.rule, stale_ns, self.alarm, beat >= 0)
        self.level: NDArray[np.int8] = self._states.level
        self._holds = np.array([each.on_suspect is OnSuspect.HOLD for each in options], np.bool_)[self.rule]
        self._live = np.array([each.live for each in options], np.bool_)[self.rule]
        self._reading_fan_out = FanOut(len(register.sensors), self.sensor, np.arange(len(self.sensor)))
        self._heartbeat_fan_out = FanOut(len(register.sensors), beat[has_beat], has_beat)
        self._touched = np.zeros(len(self.sensor), np.bool_)
        self._seasons = {i: each.rule.season for i, each in enumerate(bound) if each.rule.season is not None}

    def bindings_of(self, admitted: AdmittedReadings) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding that a reading may be judged by, rows ascending."""
        row, binding = self._reading_fan_out.bindings_of(admitted.sensor)
        if not admitted.has_no_flags:
            row, binding = self._drop_held(admitted, row, binding)
        self._counts["rule_evaluations", self._kind] += len(binding)
        return row, binding

    def _drop_held(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        if not admitted.usable.all():
            judged = admitted.usable[row] | ~self._holds[binding]
            self._counts["readings_held", "out_of_range"] += int(np.count_nonzero(~judged))
            row, binding = row[judged], binding[judged]
        if admitted.repeats_of_low_battery.any():
            evidence = ~(admitted.repeats_of_low_battery[row] & self._live[binding])
            self._counts["readings_held", "failing_power"] += int(np.count_nonzero(~evidence))
            row, binding = row[evidence], binding[evidence]
        return row, binding

    def evaluate(
        self,
        admitted: AdmittedReadings,
        row: NDArray[np.intp],
        binding: NDArray[np.intp],
        value: NDArray[np.float64],
        sigma: NDArray[np.float64] | None = None,
    ) -> list[Transitions]:
        """Return the transitions that values and heartbeats of `admitted` cause.

        Args:
            admitted: what was admitted of the batch, all of it: its heartbeats prove life.
            row: intp[n], the arrival that brought each value; ascending for each binding.
            binding: intp[n], whom it concerns.
            value: float64[n], finite, in the unit of what the rule judges.
            sigma: float64[n], the noise known before each; None where no deadband follows it.
        """
        states = self._states
        if len(value) == 0 and not states.n_unproven:
            return []
        # Written so that a value that compares with nothing counts as not calm.
        calm = (value >= states.low[binding]) & (value <= states.high[binding]) & ~states.pending[binding]
        if not states.n_unproven and calm.all():
            return []
        beat_row, beat_binding = self._heartbeat_fan_out.bindings_of(admitted.sensor[admitted.heartbeat_rows])
        touched = np.concatenate((binding[~calm], beat_binding[states.unproven[beat_binding]]))
        if len(touched) == 0:
            return []
        self._touched[touched] = True
        values, proofs = self._touched[binding], self._touched[beat_binding]
        self._touched[touched] = False
        row, binding, value = row[values], binding[values], value[values]
        beat_row, beat_binding = admitted.heartbeat_rows[beat_row[proofs]], beat_binding[proofs]
        parts = (
            inputs_of(admitted, row, binding, value, is_beat=False),
            inputs_of(admitted, beat_row, beat_binding, admitted.value[beat_row], is_beat=True),
        )
        inputs = join_inputs(parts)
        if sigma is not None:
            inputs = replace(inputs, sigma=np.concatenate((sigma[values], np.zeros(len(beat_row)))))
        return states.apply(self._mark_off_season(inputs) if self._seasons else inputs)

    def _mark_off_season(self, inputs: Inputs) -> Inputs:
        """Return `inputs` where those outside the season of their rule are marked."""
        off_season = np.zeros(len(inputs.binding), np.bool_)
        rule = self.rule[inputs.binding]
        for number, season in self._seasons.items():
            rows = np.flatnonzero(rule == number)
            off_season[rows] = ~season.holds(inputs.time_ns[rows])
        return replace(inputs, off_season=off_season)

    @property
    def is_active_or_pending(self) -> NDArray[np.bool_]:
        """bool[n_bindings]: a level is active or a delay runs."""
        is_active_or_pending: NDArray[np.bool_] = self._states.pending | (self.level > 0)
        return is_active_or_pending

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart, by name; first axis: bindings."""
        return self._states.columns()

    def rebuild(self) -> None:
        """Derive what is not kept; the next value announces what changed with the rules."""
        self._states.rebuild()
