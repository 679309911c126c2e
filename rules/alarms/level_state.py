"""`LevelStates`: the state of up to five levels of each alarm: limit, deadband, on-delay and off-delay.

Input: values and heartbeats of many bindings, as columns.
Output: the transitions of their alarms.
Not responsible for: where a value comes from; a reading, a slope or a residual is compared with limits alike.
Rejects: nothing.

`rules/alarms/level_table.py` has the states of one level and the table of its transitions; here they are columns. For
each level of each binding two bits say whether the *condition* holds and whether the level is *active*. Where the two
differ, a delay runs. Each binding also has a closed range of values that change no condition, and an earliest end of
a delay. Inputs inside both change nothing, so only the others are computed one by one.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.levels import WarningLevel
from config.time_units import SECOND_NS
from rules.admission.admission import ends_of, starts_of
from rules.alarms.level_table import LevelState
from rules.events import OF_DEADBAND, TransitionReason
from rules.kind import Transitions
from rules.rule import LevelLimit, Side

N_LEVELS = len(WarningLevel)

_LEVELS = np.array(list(WarningLevel), np.int8)


class LimitTable:
    """The numbers of all rules of a kind, a row for each rule and a column for each level; low sides are mirrored."""

    def __init__(self, limits: Sequence[Sequence[LevelLimit]], live: Sequence[bool]) -> None:
        """Make one row for each of `limits`; where `live` is true its levels start only with a heartbeat."""
        shape = (len(limits), len(_LEVELS))
        self.limit = np.full(shape, np.inf)
        """Mirrored where the low side is dangerous; inf where the rule has no such level."""
        self.reset = np.full(shape, -np.inf)
        self.on_ns, self.off_ns = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.on_samples, self.off_samples = np.ones(shape, np.int32), np.ones(shape, np.int32)
        self.sigmas, self.widest = np.zeros(shape), np.zeros(shape)
        """Of deadbands that follow the noise; 0 where it is as given."""
        self.window = np.zeros(shape, np.uint32)
        """A bit for each of the last readings of which `on_samples` must be beyond; 0: they must be consecutive."""
        self.sign = np.array([-1.0 if each[0].side is Side.LOW else 1.0 for each in limits])
        self.live = np.array(live, np.bool_)[:, np.newaxis]
        for row, each in enumerate(limits):
            for limit in each:
                place = row, limit.level - 1
                self.limit[place] = self.sign[row] * limit.limit
                self.reset[place] = self.sign[row] * limit.reset
                self.on_ns[place] = round(limit.on_delay_s * SECOND_NS)
                self.off_ns[place] = round(limit.off_delay_s * SECOND_NS)
                self.on_samples[place], self.off_samples[place] = limit.on_samples, limit.off_samples
                self.window[place] = (1 << limit.of_samples) - 1
                self.sigmas[place] = limit.deadband_sigmas or 0.0
                self.widest[place] = limit.widest
        self.counts = bool((self.on_samples > 1).any() or (self.off_samples > 1).any())
        """Some level waits for a number of readings."""
        self.remembers = bool(self.window.any())
        """Some level counts among the last readings."""
        self.follows_noise = bool(self.sigmas.any())
        """Some level's deadband follows the noise."""

    def reset_by(self, rule: NDArray[np.intp], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n, 5]: the reset values of rows `rule` with noise `sigma`, 0 where it is not known."""
        by_noise = np.minimum(self.sigmas[rule] * sigma[:, np.newaxis], self.widest[rule])
        # Mirrored as the limit is: back is always down. Where the rule has no such level it stays -inf.
        follows = self.sigmas[rule] > 0
        wide = np.where(follows, self.limit[rule], np.inf) - by_noise
        reset: NDArray[np.float64] = np.minimum(self.reset[rule], wide)
        return reset


@dataclass(frozen=True, slots=True)
class _Inputs:
    """One row for each value or heartbeat of a binding, sorted by binding and place.

    Attributes:
        place: intp[n], place of the reading in its batch.
        binding: intp[n].
        time_ns: int64[n], event time.
        value: float64[n], in the unit of the limits; NaN where it is not known.
        received_clock: bool[n], the time is a received time.
        is_heartbeat: bool[n], an advancing heartbeat of the device and no value.
        off_season: bool[n], no condition begins with it; None: nowhere.
        sigma: float64[n], the noise of the binding before the reading; None where no deadband follows it.
        before_ns: int64[n], time of the value before of the same binding.
        before_value: float64[n], that value.
        after_gap: bool[n], the time since the value before does not count.
    """

    place: NDArray[np.intp]
    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    received_clock: NDArray[np.bool_]
    is_heartbeat: NDArray[np.bool_]
    off_season: NDArray[np.bool_] | None
    sigma: NDArray[np.float64] | None
    before_ns: NDArray[np.int64]
    before_value: NDArray[np.float64]
    after_gap: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "_Inputs":
        """Return the inputs at `rows`, int or bool mask."""
        return _Inputs(
            self.place[rows],
            self.binding[rows],
            self.time_ns[rows],
            self.value[rows],
            self.received_clock[rows],
            self.is_heartbeat[rows],
            None if self.off_season is None else self.off_season[rows],
            None if self.sigma is None else self.sigma[rows],
            self.before_ns[rows],
            self.before_value[rows],
            self.after_gap[rows],
        )


class _LastValues:
    """The newest value of each binding for which a delay runs; zero for the others."""

    def __init__(self, stale_ns: NDArray[np.int64], slack_ns: NDArray[np.int64]) -> None:
        n, self._stale_ns, self._slack_ns = len(stale_ns), stale_ns, slack_ns
        self.time_ns, self.value = np.zeros(n, np.int64), np.zeros(n)
        self.received_clock = np.zeros(n, np.bool_)

    def sort(
        self,
        place: NDArray[np.intp],
        binding: NDArray[np.intp],
        *,
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        received_clock: NDArray[np.bool_],
        is_heartbeat: NDArray[np.bool_],
        off_season: NDArray[np.bool_] | None,
        sigma: NDArray[np.float64] | None,
    ) -> _Inputs:
        """Return the inputs sorted by binding and place, each with the value before it."""
        order = np.lexsort((place, binding))
        b = binding[order]
        time_ns = time_ns[order]
        value = value[order]
        received_clock = received_clock[order]
        is_heartbeat = is_heartbeat[order]
        before = _row_before(b, is_heartbeat)
        is_first = before < 0
        before_ns = np.where(is_first, self.time_ns[b], time_ns[before])
        before_value = np.where(is_first, self.value[b], value[before])
        before_clock = np.where(is_first, self.received_clock[b], received_clock[before])
        after_gap = (time_ns - before_ns > self._stale_ns[b]) | (received_clock != before_clock)
        # Times of one sensor go back only where they are received times and the clock was set back.
        after_gap |= time_ns < before_ns - self._slack_ns[b]
        after_gap |= np.isnan(before_value)
        return _Inputs(
            place[order],
            b,
            time_ns,
            value,
            received_clock,
            is_heartbeat,
            None if off_season is None else off_season[order],
            None if sigma is None else sigma[order],
            before_ns,
            before_value,
            after_gap,
        )

    def remember(self, inputs: _Inputs, pending: NDArray[np.bool_]) -> None:
        """Keep the last values of `inputs`, sorted, where bool[n_bindings] `pending` says that a delay runs."""
        b = inputs.binding
        last = np.flatnonzero(~inputs.is_heartbeat)
        last = last[ends_of(b[last])]
        for column, value in (
            (self.time_ns, inputs.time_ns),
            (self.value, inputs.value),
            (self.received_clock, inputs.received_clock),
        ):
            column[b[last]] = value[last]
            column[b[~pending[b]]] = 0  # not by a product, which leaves -0.0 of a negative value


def _row_before(binding: NDArray[np.intp], is_heartbeat: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return intp[n]: the row of the nearest value before each input of the same binding, -1 where there is none."""
    row = np.arange(len(binding))
    first = np.maximum.accumulate(np.where(starts_of(binding), row, 0))
    newest = np.maximum.accumulate(np.where(is_heartbeat, -1, row))
    before = np.concatenate(([-1], newest[:-1]))[: len(row)]
    return np.where(before >= first, before, -1)


class _Deadbands:
    """The reset values of all bindings; deadbands that follow the noise use the noise known before the condition."""

    def __init__(self, table: LimitTable, row: NDArray[np.intp]) -> None:
        self._table, self._rule = table, row
        self._sigma = np.zeros(len(row) if table.follows_noise else 0)
        """The noise as it was known before the reading that began the first condition; 0 while none holds."""

    def reset(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n, 5]: the reset values of bindings `b`, mirrored."""
        if not self._table.follows_noise:
            return self._table.reset[self._rule[b]]
        return self._table.reset_by(self._rule[b], self._sigma[b])

    def fix_noise(self, b: NDArray[np.intp], sigma: NDArray[np.float64], in_use: NDArray[np.bool_]) -> None:
        """Use float64[n] `sigma` from now on for bindings of `b` without a level `in_use`, bool[n, 5]."""
        self._sigma[b] = np.where(in_use.any(axis=1), self._sigma[b], sigma)

    def release_noise(self, b: NDArray[np.intp], in_use: NDArray[np.bool_]) -> None:
        """Forget the noise of bindings of `b` without a level `in_use`, bool[n, 5]."""
        if self._table.follows_noise:
            self._sigma[b] *= in_use.any(axis=1)

    def add_extent(self, found: Transitions, b: NDArray[np.intp]) -> Transitions:
        """Return `found`, of bindings `b`, with limit and reset value of the level of each transition."""
        if not self._table.follows_noise:
            return found
        rule, level = self._rule[b], np.maximum(found.level_before, found.level_after) - 1
        follows = self._table.sigmas[rule, level] > 0
        ends = np.stack((self._table.limit[rule, level], self.reset(b)[np.arange(len(b)), level]))
        ends *= self._table.sign[rule]
        return dataclasses.replace(
            found,
            low=np.where(follows, ends.min(axis=0), np.nan),
            high=np.where(follows, ends.max(axis=0), np.nan),
            towards=np.where(follows, OF_DEADBAND, -1).astype(np.int32),
        )

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"sigma": self._sigma} if self._table.follows_noise else {}


class LevelStates:
    """The levels of all bindings of a kind."""

    def __init__(
        self,
        table: LimitTable,
        row: NDArray[np.intp],
        stale_ns: NDArray[np.int64],
        alarm: NDArray[np.int32],
        has_heartbeat: NDArray[np.bool_],
        *,
        slack_ns: NDArray[np.int64] | None = None,
    ) -> None:
        """Make one inactive alarm for each binding.

        A value of NaN is unknown: it breaks a running delay and changes nothing else.

        Args:
            table: the limits.
            row: intp[n], the row of each binding in `table`.
            stale_ns: int64[n], a longer gap between two values restarts a running delay.
            alarm: int32[n], dense alarm numbers.
            has_heartbeat: bool[n], levels end only with a heartbeat.
            slack_ns: int64[n], times may go back so far where they come from several clocks; none by default.
        """
        n = len(row)
        self._has_heartbeat = has_heartbeat[:, np.newaxis]
        self._table, self._rule, self._alarm = table, row, alarm
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.zeros(n, np.int64)
        self._beyond, self._active = np.zeros((n, 5), np.bool_), np.zeros((n, 5), np.bool_)
        self._lives, self._since_ns = np.zeros((n, 5), np.bool_), np.zeros((n, 5), np.int64)
        self._samples = np.zeros((n, 5), np.int32)
        self._hits = np.zeros((n, 5), np.uint32)
        """A bit for each of the last readings that found the condition, newest in the lowest bit; 0 while active."""
        self._deadbands = _Deadbands(table, row)
        self._last_values = _LastValues(stale_ns, np.zeros(n, np.int64) if slack_ns is None else slack_ns)
        self.low, self.high = np.zeros(n), np.zeros(n)
        """A value within changes no condition."""
        self.pending, self.unproven = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        """A delay runs; a level waits for a heartbeat."""
        self.n_unproven = 0
        self._due_ns, self._done = np.zeros(n, np.int64), np.zeros(n, np.intp)
        self._refresh(np.arange(n))

    def apply(
        self,
        place: NDArray[np.intp],
        binding: NDArray[np.intp],
        *,
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        received_clock: NDArray[np.bool_],
        is_heartbeat: NDArray[np.bool_],
        off_season: NDArray[np.bool_] | None = None,
        sigma: NDArray[np.float64] | None = None,
    ) -> list[Transitions]:
        """Return the transitions that inputs cause, which are all inputs of each of their bindings.

        Args:
            place: intp[n], place of the reading in its batch.
            binding: intp[n].
            time_ns: int64[n], event time.
            value: float64[n], in the unit of the limits; NaN where it is not known.
            received_clock: bool[n], the time is a received time.
            is_heartbeat: bool[n], an advancing heartbeat of the device and no value.
            off_season: bool[n], no condition begins with it; None: nowhere.
            sigma: float64[n], the noise of the binding before the reading; None where no deadband follows it.
        """
        found: list[Transitions] = []
        everything = self._last_values.sort(
            place,
            binding,
            time_ns=time_ns,
            value=value,
            received_clock=received_clock,
            is_heartbeat=is_heartbeat,
            off_season=off_season,
            sigma=sigma,
        )
        rest = everything
        while True:
            rows = np.flatnonzero(self._can_change(rest))
            rows = rows[starts_of(rest.binding[rows])]
            if len(rows) == 0:
                break
            # The first input of each binding that can change anything; the inputs before it cannot.
            now = rest.take(rows)
            steps = (self._apply_value, ~now.is_heartbeat), (self._apply_heartbeat, now.is_heartbeat)
            found += [step(now.take(chosen)) for step, chosen in steps if chosen.any()]
            self._done[rest.binding] = np.iinfo(np.intp).max
            self._done[now.binding] = now.place
            rest = rest.take(rest.place > self._done[rest.binding])
        self._last_values.remember(everything, self.pending)
        return found

    def _can_change(self, inputs: _Inputs) -> NDArray[np.bool_]:
        """Return bool[n]: inputs that can change the present states of their bindings."""
        b, value = inputs.binding, inputs.value
        is_inside = (value >= self.low[b]) & (value <= self.high[b])
        due = (inputs.time_ns >= self._due_ns[b]) | (inputs.after_gap & self.pending[b])
        return np.where(inputs.is_heartbeat, self.unproven[b], ~is_inside | due)

    def _apply_value(self, now: _Inputs) -> Transitions:
        """Apply one value for each of distinct bindings."""
        b, rule, time_ns = now.binding, self._rule[now.binding], now.time_ns[:, np.newaxis]
        after_gap = now.after_gap[:, np.newaxis]
        signed = (now.value * self._table.sign[rule])[:, np.newaxis]
        was, active = self._beyond[b], self._active[b]
        begins = signed >= self._table.limit[rule]
        if now.off_season is not None:
            begins &= ~now.off_season[:, np.newaxis]
        if now.sigma is not None:
            self._deadbands.fix_noise(b, now.sigma, was | active)
        beyond = begins | (was & ~(signed < self._deadbands.reset(b)))
        is_new = (was == active) | after_gap
        since = np.where(is_new, time_ns, self._since_ns[b])
        lives = self._lives[b] & ~is_new
        self._beyond[b], self._since_ns[b], self._lives[b] = beyond, since, lives
        if self._table.counts:
            self._samples[b] = np.where(is_new, 1, self._samples[b] + 1)
        if self._table.remembers:
            hits = np.where(after_gap | active, 0, self._hits[b]) << np.uint32(1)
            self._hits[b] = (hits | beyond) & self._table.window[rule]
        due = (beyond != active) & self._is_proven(b) & (time_ns - since >= self._delay_ns(b)) & self._is_counted(b)
        due &= ~np.isnan(signed)
        return self._flip(now, due, time_ns=now.time_ns, value=now.value)

    def _apply_heartbeat(self, now: _Inputs) -> Transitions:
        """Apply one heartbeat for each of distinct bindings.

        A level waits for a value that is not older than the heartbeat. In one device message both have the same time,
        so their order and the borders of batches do not matter.
        """
        b, before_ns, time_ns = now.binding, now.before_ns[:, np.newaxis], now.time_ns[:, np.newaxis]
        waits = (self._beyond[b] != self._active[b]) & ~self._lives[b]
        proves = waits & (time_ns > self._since_ns[b])
        self._lives[b] |= proves
        held = (before_ns - self._since_ns[b] >= self._delay_ns(b)) & (before_ns >= time_ns) & self._is_counted(b)
        held &= ~np.isnan(now.before_value)[:, np.newaxis]
        return self._flip(now, proves & held, time_ns=now.before_ns, value=now.before_value)

    def _is_proven(self, b: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return bool[n, 5]: levels with a transition that does not wait for a heartbeat."""
        waits = np.where(self._active[b], self._has_heartbeat[b], self._table.live[self._rule[b]])
        return self._lives[b] | ~waits

    def states(self) -> NDArray[np.int8]:
        """Return int8[n_bindings, 5]: the `LevelState` of each level."""
        beyond, active = self._beyond, self._active
        unproven = np.where(active, LevelState.OFF_DELAY_UNPROVEN, LevelState.ON_DELAY_UNPROVEN)
        steady = np.where(active, LevelState.ACTIVE, LevelState.INACTIVE)
        proven = self._is_proven(np.arange(len(self.level)))
        return np.where(beyond == active, steady, unproven + proven).astype(np.int8)

    def _is_counted(self, b: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return bool[n, 5]: levels with enough readings for the running delay."""
        rule = self._rule[b]
        if not self._table.counts:
            return np.ones((len(b), 5), np.bool_)
        needed = np.where(self._beyond[b], self._table.on_samples[rule], self._table.off_samples[rule])
        is_counted: NDArray[np.bool_] = self._samples[b] >= needed
        if not self._table.remembers:
            return is_counted
        begins = self._beyond[b] & (self._table.window[rule] != 0)
        return np.where(begins, np.bitwise_count(self._hits[b]) >= needed, is_counted)

    def _delay_ns(self, b: NDArray[np.intp]) -> NDArray[np.int64]:
        rule = self._rule[b]
        return np.where(self._beyond[b], self._table.on_ns[rule], self._table.off_ns[rule])

    def _flip(
        self, now: _Inputs, due: NDArray[np.bool_], *, time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> Transitions:
        """Flip the levels that are due, bool[n, 5], and return the alarms with another level.

        Args:
            now: the inputs of distinct bindings.
            due: bool[n, 5].
            time_ns: int64[n], event time of the transitions.
            value: float64[n], value of the transitions.
        """
        b = now.binding
        self._active[b] ^= due
        before = self.level[b]
        after = (self._active[b] * _LEVELS).max(axis=1, initial=0).astype(np.int8)
        is_raised = (before == 0) & (after > 0)
        self._episode_ns[b] = np.where(is_raised, time_ns, self._episode_ns[b])
        self.level[b] = after
        changed = before != after
        rows, before, after = b[changed], before[changed], after[changed]
        reason = np.where(after > before, TransitionReason.LIMIT_HELD, TransitionReason.BACK_WITHIN).astype(np.uint8)
        found = Transitions(
            now.place[changed],
            self._alarm[rows],
            time_ns[changed],
            self._episode_ns[rows],
            before,
            after,
            value[changed],
            reason,
        )
        found = self._deadbands.add_extent(found, rows)
        self._refresh(b)
        return found

    def _refresh(self, b: NDArray[np.intp]) -> None:
        """Derive the range of values and the time that change nothing for bindings `b`."""
        rule, beyond = self._rule[b], self._beyond[b]
        pending = beyond != self._active[b]
        # Columns of no running delay are zero, so that equal histories leave equal columns with any split of batches.
        self._since_ns[b] *= pending
        self._lives[b] &= pending
        self._samples[b] *= pending
        self._hits[b] *= ~self._active[b]
        self._deadbands.release_noise(b, beyond | self._active[b])
        low = np.where(beyond, self._deadbands.reset(b), -np.inf).max(axis=1, initial=-np.inf)
        high = np.where(beyond, np.inf, self._table.limit[rule]).min(axis=1, initial=np.inf)
        high = np.nextafter(high, -np.inf)
        is_low = self._table.sign[rule] < 0
        self.low[b], self.high[b] = np.where(is_low, -high, low), np.where(is_low, -low, high)
        proven = self._is_proven(b)
        ends = np.where(pending & proven, self._since_ns[b] + self._delay_ns(b), np.iinfo(np.int64).max)
        # After a change of rules the published level may differ from the active one: any value then publishes it.
        is_published = self.level[b] == (self._active[b] * _LEVELS).max(axis=1, initial=0)
        # While readings are counted, each of them matters.
        is_published &= ~((pending & ~self._is_counted(b)) | (self._hits[b] != 0)).any(axis=1)
        self._due_ns[b] = np.where(is_published, ends.min(axis=1), np.iinfo(np.int64).min)
        self.pending[b] = pending.any(axis=1) | ~is_published
        unproven = (pending & ~proven).any(axis=1)
        self.n_unproven += int(np.count_nonzero(unproven)) - int(np.count_nonzero(self.unproven[b]))
        self.unproven[b] = unproven

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart, by name; first axis: bindings."""
        return self._deadbands.columns() | {
            "level": self.level,
            "episode_ns": self._episode_ns,
            "beyond": self._beyond,
            "active": self._active,
            "lives": self._lives,
            "since_ns": self._since_ns,
            "samples": self._samples,
            "hits": self._hits,
            "newest_ns": self._last_values.time_ns,
            "newest_value": self._last_values.value,
            "newest_clock": self._last_values.received_clock,
        }

    def rebuild(self) -> None:
        """Derive the other columns after a restore; levels that the table no longer has are dropped."""
        has_level = np.isfinite(self._table.limit[self._rule])
        self._beyond &= has_level
        self._active &= has_level
        self._hits &= self._table.window[self._rule]
        self._refresh(np.arange(len(self.level)))
