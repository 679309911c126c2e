"""`threshold`: a value beyond a limit for a time, with up to five levels in one rule.

Comes in: admitted readings. Goes out: transitions of hazard alarms. Refuses to know the wall clock: every delay is a
difference of event times of one sensor.

For each level of each binding: the *condition* begins with a value at or beyond the limit and ends with one back
beyond limit and deadband. A level becomes active with the reading that finds the condition unbroken since a reading
at least `on_delay_s` older, and inactive likewise after `off_delay_s`. The alarm stands at its highest active level.
`docs/rules.md` says what gaps, doubtful readings and doubtful clocks do.

Source of the terms: deadband, on-delay and off-delay as in OPC UA Part 9 (10000-9), annex B.1.5.

>>> import numpy as np
>>> from collector.batch import make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 2.0, 6.0, "")
>>> register = Register({}, {}, [main], {}, [])
>>> options = ThresholdOptions.model_validate({"side": "low", "levels": [
...     {"level": "yellow", "limit": 0.14, "deadband": 0.01, "on_delay_s": 4, "source": "assumed for this example"}]})
>>> rule = Rule("low", "threshold", "低", "low", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), register)
>>> second = np.array([0, 2, 4, 6, 8]) * 1_000_000_000
>>> events = engine.evaluate(make_batch(0, [0] * 5, second, [0.3, 0.14, 0.1, 0.1, 0.3], [0] * 5), position=1)
>>> for i in range(len(events)):
...     print(events.time_ns[i] // 1_000_000_000, "s:", events.level_before[i], "->", events.level_after[i])
6 s: 0 -> 3
8 s: 3 -> 0
"""

import itertools
import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.arrivals import Arrivals
from rules.events import Reason
from rules.inputs import Inputs, inputs_of, joined, rounds
from rules.kind import BoundRule, Fault, Found, State
from rules.links import Links
from rules.rule import LevelLimit, Side

_SECOND_NS = 1_000_000_000
_LEVELS = np.array(list(WarningLevel), np.int8)


class OnSuspect(StrEnum):
    """What a reading flagged OUT_OF_RANGE does."""

    HOLD = "hold"
    """Nothing: it is as if it had not come."""
    JUDGE = "judge"
    """It is judged like any other."""


def _level(word: object) -> object:
    levels = {level.key: level for level in WarningLevel}
    if not isinstance(word, str) or word not in levels:
        context = {"expected": f"one of {', '.join(levels)}", "remedy": "choose one of the five levels"}
        raise PydanticCustomError("level", "unknown level", context)
    return levels[word]


class LevelOptions(BaseModel):
    """One level of a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: typing.Annotated[WarningLevel, BeforeValidator(_level)]
    limit: float = Field(allow_inf_nan=False)
    """Canonical unit of the quantity."""
    deadband: float = Field(gt=0, allow_inf_nan=False)
    """Canonical unit; without one, noise at the limit makes an alarm chatter."""
    on_delay_s: float = Field(ge=0, le=30 * 86_400, allow_inf_nan=False)
    off_delay_s: float = Field(default=0, ge=0, le=30 * 86_400, allow_inf_nan=False)
    source: str = Field(min_length=3)


class ThresholdOptions(BaseModel):
    """The keys of a threshold rule besides those that every rule has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: Side
    live: bool = False
    on_suspect: OnSuspect = OnSuspect.HOLD
    levels: tuple[LevelOptions, ...] = Field(min_length=1, max_length=5)

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels, lowest first."""
        ordered = sorted(self.levels, key=lambda each: each.level)
        return tuple(LevelLimit(side=self.side, **each.model_dump()) for each in ordered)

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Tell whether `sensor` is watched: every sensor of the rule's quantity is."""
        del sensor, heartbeats
        return True

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield limits that can never be reached or that contradict each other, and devices without a heartbeat."""
        if quantity is None:
            yield Fault(("quantity",), "a quantity", "nothing", "name what is compared with the limits")
        else:
            yield from self._unreachable(quantity)
        yield from self._contradictions()
        deaf = [sensor.id for sensor in sensors if not sensor.heartbeat] if self.live else []
        if deaf:
            remedy = "give the device a heartbeat channel in sensors.csv, narrow `where`, or remove `live`"
            yield Fault(("live",), "a heartbeat for every sensor", f"none for {', '.join(deaf[:3])}", remedy)

    def _unreachable(self, quantity: Quantity) -> Iterator[Fault]:
        for i, each in enumerate(self.levels):
            reset = each.limit - each.deadband if self.side is Side.HIGH else each.limit + each.deadband
            expected = f"{quantity.low:g} to {quantity.high:g} {quantity.unit} ({quantity.name})"
            if not quantity.low <= each.limit <= quantity.high:
                remedy = f"no working instrument reports it; give the limit in {quantity.unit}"
                yield Fault(("levels", i, "limit"), expected, f"{each.limit:g}", remedy)
            elif not quantity.low <= reset <= quantity.high:
                remedy = "choose a smaller deadband: the level could never clear"
                got = f"an end at {reset:g}"
                yield Fault(("levels", i, "deadband"), expected, got, remedy)

    def _contradictions(self) -> Iterator[Fault]:
        sign = -1 if self.side is Side.LOW else 1
        places = sorted(range(len(self.levels)), key=lambda i: self.levels[i].level)
        for below, above in itertools.pairwise(places):
            low, high = self.levels[below], self.levels[above]
            if low.level == high.level:
                got, remedy = f"{high.level.key} twice", "remove one of the two"
                yield Fault(("levels", above, "level"), "each level once", got, remedy)
            elif sign * high.limit < sign * low.limit:
                word = "at or below" if self.side is Side.LOW else "at or above"
                remedy = "swap the two limits, or correct `side`"
                expected = f"{word} the limit of {low.level.key}, {low.limit:g}"
                yield Fault(("levels", above, "limit"), expected, f"{high.limit:g}", remedy)


class _Table:
    """The numbers of all rules, one row a rule and one column a level; `sign` turns low sides into high ones."""

    def __init__(self, bound: Sequence[BoundRule]) -> None:
        shape = (len(bound), len(_LEVELS))
        self.limit = np.full(shape, np.inf)
        """sign * limit; inf where the rule has no such level."""
        self.reset = np.full(shape, -np.inf)
        self.on_ns = np.zeros(shape, np.int64)
        self.off_ns = np.zeros(shape, np.int64)
        self.sign = np.ones(len(bound))
        self.live = np.zeros(len(bound), np.bool_)
        self.holds = np.zeros(len(bound), np.bool_)
        for row, each in enumerate(bound):
            options = typing.cast("ThresholdOptions", each.rule.options)
            self.sign[row] = -1.0 if options.side is Side.LOW else 1.0
            self.live[row] = options.live
            self.holds[row] = options.on_suspect is OnSuspect.HOLD
            for limit in each.rule.levels:
                column = limit.level - 1
                self.limit[row, column] = self.sign[row] * limit.limit
                self.reset[row, column] = self.sign[row] * limit.reset
                self.on_ns[row, column] = round(limit.on_delay_s * _SECOND_NS)
                self.off_ns[row, column] = round(limit.off_delay_s * _SECOND_NS)


class Threshold:
    """All threshold rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        sizes = [len(each.rule.sensors) for each in bound]
        n, self._table, self._counts = sum(sizes), _Table(bound), counts
        numbers = [
            np.arange(each.first_alarm, each.first_alarm + size) for each, size in zip(bound, sizes, strict=True)
        ]
        self.alarm: NDArray[np.int32] = np.concatenate([np.zeros(0), *numbers]).astype(np.int32)
        sensor = np.array([i for each in bound for i in each.rule.sensors], np.intp)
        self._rule = np.repeat(np.arange(len(bound)), sizes)
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)
        self._stale_ns = np.round(stale_s[sensor] * _SECOND_NS).astype(np.int64)
        self._fed = Links(len(register.sensors), sensor, np.arange(n))
        self._proved = _heartbeat_links(register, sensor, self._table.live[self._rule])
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.zeros(n, np.int64)
        self._beyond, self._active = np.zeros((n, 5), np.bool_), np.zeros((n, 5), np.bool_)
        self._lives = np.zeros((n, 5), np.bool_)
        self._since_ns = np.zeros((n, 5), np.int64)
        self._last_ns, self._last_value = np.zeros(n, np.int64), np.zeros(n)
        self._received_clock = np.zeros(n, np.bool_)
        self._hot, self._pending = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self._quiet_low, self._quiet_high = np.zeros(n), np.zeros(n)
        self._calm(np.arange(n))

    def evaluate(self, arrivals: Arrivals) -> list[Found]:
        """Return the transitions that `arrivals` cause."""
        values, beats = self._values(arrivals), self._beats(arrivals)
        self._counts["threshold_evaluations", ""] += len(values.binding)
        # Written so that a value that compares with nothing counts as not quiet.
        within = values.value >= self._quiet_low[values.binding]
        within &= values.value <= self._quiet_high[values.binding]
        waiting = beats.binding[self._pending[beats.binding]]
        if within.all() and len(waiting) == 0:
            return []
        self._hot[values.binding[~within]] = True
        self._hot[waiting] = True
        inputs = [each.take(self._hot[each.binding]) for each in (values, beats)]
        self._hot[values.binding] = False
        self._hot[waiting] = False
        return self._in_rounds(joined(inputs))

    def _values(self, arrivals: Arrivals) -> Inputs:
        row, binding = self._fed.reach(arrivals.sensor)
        if not arrivals.usable.all():
            judged = arrivals.usable[row] | ~self._table.holds[self._rule[binding]]
            self._counts["readings_held", "out_of_range"] += int(np.count_nonzero(~judged))
            row, binding = row[judged], binding[judged]
        return inputs_of(arrivals, row, binding, is_beat=False)

    def _beats(self, arrivals: Arrivals) -> Inputs:
        advanced = np.flatnonzero(arrivals.advanced)
        row, binding = self._proved.reach(arrivals.sensor[advanced])
        return inputs_of(arrivals, advanced[row], binding, is_beat=True)

    def _in_rounds(self, inputs: Inputs) -> list[Found]:
        found = []
        for rows in rounds(inputs.binding, inputs.place):
            now = inputs.take(rows)
            found.append(self._judge(now.take(~now.is_beat)))
            found.append(self._prove(now.take(now.is_beat)))
        return found

    def _judge(self, now: Inputs) -> Found:
        """Judge one value for each of distinct bindings."""
        b, rule, time_ns = now.binding, self._rule[now.binding], now.time_ns[:, np.newaxis]
        signed = (now.value * self._table.sign[rule])[:, np.newaxis]
        was, active = self._beyond[b], self._active[b]
        beyond = (signed >= self._table.limit[rule]) | (was & ~(signed < self._table.reset[rule]))
        pending = beyond != active
        is_new = (was == active) | self._is_broken(now)[:, np.newaxis]
        since = np.where(pending & is_new, time_ns, self._since_ns[b])
        lives = self._lives[b] & ~is_new
        delay = np.where(beyond, self._table.on_ns[rule], self._table.off_ns[rule])
        proven = lives | ~beyond | ~self._table.live[rule][:, np.newaxis]
        due = pending & proven & (time_ns - since >= delay)
        self._beyond[b], self._since_ns[b], self._lives[b] = beyond, since, lives
        self._last_ns[b], self._last_value[b], self._received_clock[b] = now.time_ns, now.value, now.received_clock
        return self._switch(now, due)

    def _is_broken(self, now: Inputs) -> NDArray[np.bool_]:
        """Tell where time since the last value must not count: too long without one, or told by another clock."""
        gap = now.time_ns - self._last_ns[now.binding] > self._stale_ns[now.binding]
        broken: NDArray[np.bool_] = gap | (now.received_clock != self._received_clock[now.binding])
        return broken

    def _prove(self, now: Inputs) -> Found:
        """Let heartbeats of distinct bindings complete what waits for them.

        A level waits for a value that is not older than the heartbeat: of one device message both have the same time,
        so that it does not matter which of them comes first or whether they come in one batch.
        """
        b, rule, time_ns = now.binding, self._rule[now.binding], now.time_ns[:, np.newaxis]
        waits = self._beyond[b] & ~self._active[b]
        lives = self._lives[b] | (waits & (time_ns > self._since_ns[b]))
        self._lives[b] = lives
        last_ns = self._last_ns[b]
        held = last_ns[:, np.newaxis] - self._since_ns[b] >= self._table.on_ns[rule]
        due = waits & lives & held & (last_ns >= now.time_ns)[:, np.newaxis]
        completed = Inputs(now.place, b, last_ns, self._last_value[b], now.received_clock, now.is_beat)
        return self._switch(completed, due)

    def _switch(self, now: Inputs, due: NDArray[np.bool_]) -> Found:
        """Flip the levels that are due, bool[n, 5], and return the alarms whose level that changes."""
        b = now.binding
        self._active[b] ^= due
        before = self.level[b]
        after = (self._active[b] * _LEVELS).max(axis=1, initial=0).astype(np.int8)
        self.level[b] = after
        is_raised = (before == 0) & (after > 0)
        self._episode_ns[b] = np.where(is_raised, now.time_ns, self._episode_ns[b])
        self._calm(b)
        turned = before != after
        b, before, after = b[turned], before[turned], after[turned]
        reason = np.where(after > before, Reason.LIMIT_HELD, Reason.BACK_WITHIN).astype(np.uint8)
        return Found(
            now.place[turned],
            self.alarm[b],
            now.time_ns[turned],
            self._episode_ns[b],
            before,
            after,
            now.value[turned],
            reason,
        )

    def _calm(self, b: NDArray[np.intp]) -> None:
        """Derive, for bindings `b`, the closed range of values within which no level can change."""
        rule, active = self._rule[b], self._active[b]
        low = np.where(active, self._table.reset[rule], -np.inf).max(axis=1, initial=-np.inf)
        high = np.where(active, np.inf, self._table.limit[rule]).min(axis=1, initial=np.inf)
        high = np.nextafter(high, -np.inf)
        is_low = self._table.sign[rule] < 0
        pending = self._beyond[b] != active
        is_pending = pending.any(axis=1)
        busy = is_pending | (self.level[b] != (active * _LEVELS).max(axis=1, initial=0))
        self._quiet_low[b] = np.where(busy, np.inf, np.where(is_low, -high, low))
        self._quiet_high[b] = np.where(busy, -np.inf, np.where(is_low, -low, high))
        self._pending[b] = is_pending
        # What no running delay needs is forgotten, so that equal histories leave equal columns however they were cut.
        self._since_ns[b] *= pending
        self._lives[b] &= pending
        self._last_ns[b] *= is_pending
        self._last_value[b] *= is_pending
        self._received_clock[b] &= is_pending

    def state(self) -> State:
        """Return the columns to keep."""
        by_alarm: dict[str, NDArray[np.generic]] = {
            "level": self.level,
            "episode_ns": self._episode_ns,
            "beyond": self._beyond,
            "active": self._active,
            "lives": self._lives,
            "since_ns": self._since_ns,
            "last_ns": self._last_ns,
            "last_value": self._last_value,
            "received_clock": self._received_clock,
        }
        return State({}, by_alarm, {})

    def settle(self, known: NDArray[np.bool_]) -> None:
        """Drop levels that the rules no longer have; the next reading then announces the difference."""
        del known
        has_level = np.isfinite(self._table.limit[self._rule])
        self._beyond &= has_level
        self._active &= has_level
        self._calm(np.arange(len(self.alarm)))


def _heartbeat_links(register: Register, sensor: NDArray[np.intp], is_live: NDArray[np.bool_]) -> Links:
    """Return the links from heartbeats to the live ones of the bindings of `sensor`, both [n_bindings]."""
    live = np.flatnonzero(is_live)
    beat = [register.sensor_index[register.sensors[i].heartbeat] for i in sensor[live]]
    return Links(len(register.sensors), np.array(beat, np.intp), live)
