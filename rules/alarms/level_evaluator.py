"""`LevelEvaluator`: finds the bindings of readings, and lets values change the levels of hazard alarms.

Input: admitted readings, and for some of them a value to compare with limits.
Output: transitions of hazard alarms.
Not responsible for: where the value comes from; a kind derives it from the reading or uses the reading itself.
Rejects: nothing; it holds readings that the rule does not use, and counts them.
"""

import typing
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK
from config.register import Register
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings, heartbeat_numbers
from rules.alarms.level_state import LevelStates, LimitTable
from rules.fan_out import FanOut
from rules.kind import BoundRule, Transitions, alarm_numbers
from rules.level_options import LimitOptions, OnSuspect


class LevelEvaluator:
    """The alarms of all rules of one kind."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        stale_ns: NDArray[np.int64] | None = None,
        *,
        uses_ignored: NDArray[np.bool_] | None = None,
    ) -> None:
        """Make one inactive alarm for each binding of `bound`.

        Args:
            bound: rules with `LimitOptions`.
            register: the sensors.
            counts: of the engine.
            stale_ns: int64[n_bindings], a longer gap between two values restarts a running delay. The default is the
                stale time of each sensor. A kind with fewer values than readings must make it longer.
            uses_ignored: bool[n_rules], the rule also uses readings with flags that its kind ignores; none by default.
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
            stale_ns = np.round(stale_s[self.sensor] * SECOND_NS).astype(np.int64)
        table = LimitTable([each.rule.levels for each in bound], [each.live for each in options])
        heartbeat = heartbeat_numbers(register)[self.sensor]
        has_heartbeat = np.flatnonzero(heartbeat >= 0)
        self._states = LevelStates(table, self.rule, stale_ns, self.alarm, heartbeat >= 0)
        self.level: NDArray[np.int8] = self._states.level
        self._holds = np.array([each.on_suspect is OnSuspect.HOLD for each in options], np.bool_)[self.rule]
        self._live = np.array([each.live for each in options], np.bool_)[self.rule]
        uses_ignored = np.zeros(len(bound), np.bool_) if uses_ignored is None else uses_ignored
        ignored = [0 if uses else each.ignored for uses, each in zip(uses_ignored, bound, strict=True)]
        self._ignored = np.array(ignored, np.uint16)[self.rule]
        self._ignores_any = any(ignored)
        self._reading_fan_out = FanOut(len(register.sensors), self.sensor, np.arange(len(self.sensor)))
        self._heartbeat_fan_out = FanOut(len(register.sensors), heartbeat[has_heartbeat], has_heartbeat)
        self._touched = np.zeros(len(self.sensor), np.bool_)
        self._seasons = {i: each.rule.season for i, each in enumerate(bound) if each.rule.season is not None}

    def bindings_of(self, admitted: AdmittedReadings) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding that uses a reading, rows ascending."""
        row, binding = self._reading_fan_out.bindings_of(admitted.sensor)
        if not admitted.has_no_flags:
            row, binding = self._drop_held(admitted, row, binding)
        self._counts["rule_evaluations", self._kind] += len(binding)
        if self._ignores_any and not admitted.has_no_flags:
            used = ~self.is_ignored(admitted, row, binding)
            row, binding = row[used], binding[used]
        return row, binding

    def is_ignored(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Return bool[n]: the reading at `row` has a flag that the rule of `binding` ignores."""
        is_ignored: NDArray[np.bool_] = (admitted.quality[row] & self._ignored[binding]) != 0
        return is_ignored

    def _drop_held(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        if not admitted.usable.all():
            used = admitted.usable[row] | ~self._holds[binding]
            self._counts["readings_held", "out_of_range"] += int(np.count_nonzero(~used))
            row, binding = row[used], binding[used]
        if admitted.repeats_of_low_battery.any():
            used = ~(admitted.repeats_of_low_battery[row] & self._live[binding])
            self._counts["readings_held", "failing_power"] += int(np.count_nonzero(~used))
            row, binding = row[used], binding[used]
        return row, binding

    def evaluate(
        self,
        admitted: AdmittedReadings,
        row: NDArray[np.intp],
        binding: NDArray[np.intp],
        value: NDArray[np.float64],
        sigma: NDArray[np.float64] | None = None,
    ) -> list[Transitions]:
        """Return the transitions that values and heartbeats cause.

        Args:
            admitted: all admitted readings of the batch; its heartbeats prove that devices live.
            row: intp[n], the reading behind each value; ascending for each binding.
            binding: intp[n], the binding of each value.
            value: float64[n], finite, in the unit of the limits.
            sigma: float64[n], the noise known before each value; None where no deadband follows it.
        """
        states = self._states
        if len(value) == 0 and not states.n_unproven:
            return []
        # Written so that a value that compares with nothing does not count as inside.
        inside = (value >= states.low[binding]) & (value <= states.high[binding]) & ~states.pending[binding]
        if not states.n_unproven and inside.all():
            return []
        proof_row, proof_binding = self._heartbeat_fan_out.bindings_of(admitted.sensor[admitted.heartbeat_rows])
        touched = np.concatenate((binding[~inside], proof_binding[states.unproven[proof_binding]]))
        if len(touched) == 0:
            return []
        self._touched[touched] = True
        values, proofs = self._touched[binding], self._touched[proof_binding]
        self._touched[touched] = False
        n_values = int(np.count_nonzero(values))
        row = np.concatenate((row[values], admitted.heartbeat_rows[proof_row[proofs]]))
        binding = np.concatenate((binding[values], proof_binding[proofs]))
        time_ns = admitted.time_ns[row]
        return states.apply(
            admitted.place[row],
            binding,
            time_ns=time_ns,
            value=np.concatenate((value[values], admitted.value[row[n_values:]])),
            received_clock=(admitted.quality[row] & RECEIVED_CLOCK) != 0,
            is_heartbeat=np.arange(len(row)) >= n_values,
            off_season=self._is_off_season(binding, time_ns) if self._seasons else None,
            sigma=None if sigma is None else np.concatenate((sigma[values], np.zeros(len(row) - n_values))),
        )

    def _is_off_season(self, binding: NDArray[np.intp], time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return bool[n]: times outside the season of the rule of `binding`."""
        is_off_season = np.zeros(len(binding), np.bool_)
        rule = self.rule[binding]
        for number, season in self._seasons.items():
            rows = np.flatnonzero(rule == number)
            is_off_season[rows] = ~season.holds(time_ns[rows])
        return is_off_season

    @property
    def is_active_or_pending(self) -> NDArray[np.bool_]:
        """bool[n_bindings]: a level is active or a delay runs."""
        is_active_or_pending: NDArray[np.bool_] = self._states.pending | (self.level > 0)
        return is_active_or_pending

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart, by name; first axis: bindings."""
        return self._states.columns()

    def rebuild(self) -> None:
        """Derive the other columns; the next value shows a level that the rules changed."""
        self._states.rebuild()
