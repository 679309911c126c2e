"""`ConditionLevels`: alarms with a condition for each level that is true, false or unknown, with delays.

Input: answers of conditions, at their changes and at later times.
Output: transitions of the alarms.
Not responsible for: where a condition comes from.
Rejects: nothing.

Each level of each alarm is a row of `LevelStates` with a single limit of 1: 1 is true and 0 is false. The alarm is at
its highest active level. Times come from the clocks of several sensors, so they may go back a little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.levels import WarningLevel
from rules.alarms.level_state import N_LEVELS, LevelStates, LimitTable
from rules.events import TransitionReason
from rules.kind import Transitions
from rules.rule import LevelLimit, Side


@dataclass(frozen=True, slots=True)
class ConditionSamples:
    """Answers of conditions, one row for each level of a binding at a time.

    Attributes:
        place: intp[n], place in the batch.
        level_row: intp[n], binding * 5 + level - 1.
        time_ns: int64[n].
        value: float64[n], 1 true, 0 false, NaN unknown.
    """

    place: NDArray[np.intp]
    level_row: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]


class ConditionLevels:
    """The levels of all bindings of a kind."""

    def __init__(
        self,
        limits: Sequence[Sequence[LevelLimit]],
        rule: NDArray[np.intp],
        stale_ns: NDArray[np.int64],
        alarm: NDArray[np.int32],
    ) -> None:
        """Make one inactive alarm for each binding.

        Args:
            limits: the levels of each rule.
            rule: intp[n], place in `limits` of each binding's rule.
            stale_ns: int64[n], a longer gap between two answers restarts a running delay.
            alarm: int32[n], dense alarm numbers.
        """
        n = len(rule)
        table = LimitTable(
            [(_limit_of(each, level),) for each in limits for level in WarningLevel], [False] * N_LEVELS * len(limits)
        )
        rows = (rule[:, np.newaxis] * N_LEVELS + np.arange(N_LEVELS)).ravel()
        stale_ns = np.repeat(stale_ns, N_LEVELS)
        levels = np.arange(n * N_LEVELS, dtype=np.int32)
        self._states = LevelStates(table, rows, stale_ns, levels, np.zeros(len(levels), np.bool_), slack_ns=stale_ns)
        self._alarm = alarm
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.zeros(n, np.int64)
        self._active_bits = np.zeros(n, np.int64)
        """A bit for each active level: 1 << level."""
        self.pending: NDArray[np.bool_] = np.zeros(n, np.bool_)
        """A delay runs."""

    def evaluate(self, samples: ConditionSamples) -> list[Transitions]:
        """Return the transitions that answers complete."""
        no = np.zeros(len(samples.place), np.bool_)
        found = self._states.apply(
            samples.place,
            samples.level_row,
            time_ns=samples.time_ns,
            value=samples.value,
            received_clock=no,
            is_heartbeat=no,
        )
        b = samples.level_row // N_LEVELS
        self.pending[b] = self._states.pending.reshape(-1, N_LEVELS)[b].any(axis=1)
        changes = sorted(
            row
            for each in found
            for row in zip(
                each.place.tolist(),
                (each.alarm // N_LEVELS).tolist(),
                each.time_ns.tolist(),
                (each.alarm % N_LEVELS + 1).tolist(),
                (each.level_after > 0).tolist(),
                strict=True,
            )
        )
        return self._combine(changes)

    def _combine(self, changes: Sequence[tuple[int, int, int, int, bool]]) -> list[Transitions]:
        """Return the transitions of alarms after changes of levels (place, binding, time, level, begins), in order."""
        rows: list[tuple[int, int, int, int, int, int]] = []
        for i, (place, b, time_ns, level, begins) in enumerate(changes):
            self._active_bits[b] = (
                self._active_bits[b] | (1 << level) if begins else self._active_bits[b] & ~(1 << level)
            )
            if i + 1 < len(changes) and changes[i + 1][:2] == (place, b):
                continue
            before, after = int(self.level[b]), max(int(self._active_bits[b]).bit_length() - 1, 0)
            if after == before:
                continue
            self._episode_ns[b] = time_ns if before == 0 else self._episode_ns[b]
            self.level[b] = after
            rows.append((place, b, time_ns, int(self._episode_ns[b]), before, after))
        return [self._transitions(rows)] if rows else []

    def _transitions(self, rows: Sequence[tuple[int, int, int, int, int, int]]) -> Transitions:
        place, b, time_ns, episode_ns, before, after = (np.array(each) for each in zip(*rows, strict=True))
        reason = np.where(after > before, TransitionReason.CONDITIONS_HOLD, TransitionReason.CONDITIONS_END).astype(
            np.uint8
        )
        return Transitions(
            place.astype(np.intp),
            self._alarm[b],
            time_ns.astype(np.int64),
            episode_ns.astype(np.int64),
            before.astype(np.int8),
            after.astype(np.int8),
            np.full(len(rows), np.nan),
            reason,
        )

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart, by name; first axis: bindings."""
        kept = {name: each.reshape(-1, N_LEVELS, *each.shape[1:]) for name, each in self._states.columns().items()}
        levels: dict[str, NDArray[np.generic]] = {f"rung_{name}": each for name, each in kept.items()}
        return {"level": self.level, "episode_ns": self._episode_ns, **levels}

    def rebuild(self) -> None:
        """Derive the other columns."""
        self._states.rebuild()
        self.pending[:] = np.any(self._states.pending.reshape(-1, N_LEVELS), axis=1)
        active = self._states.level.reshape(-1, N_LEVELS) > 0
        self._active_bits[:] = (active * (1 << np.arange(1, N_LEVELS + 1))).sum(axis=1)


def _limit_of(limits: Sequence[LevelLimit], level: WarningLevel) -> LevelLimit:
    """Return the limit of `level`; one that is never reached where the rule has no such level."""
    for each in limits:
        if each.level == level:
            return each
    return LevelLimit(level, Side.HIGH, np.inf, 0.5, 0.0, 0.0, "")
