"""`stale`: a sensor is blind if it is silent, or if its device has stopped counting or said goodbye.

Input: admitted readings and the received time of each batch.
Output: transitions of health alarms, level 1 while blind.
Not responsible for: hazards; a red sensor that falls silent stays red and is blind as well.
Rejects: nothing.

Silence is measured in *listening time*: the sum of the steps of `received_ns` from batch to batch. Each step is clamped
to 0..5 s, so that time without a listening program does not count. Silence is judged when a batch with another
`received_ns` arrives, at most once per second of listening time. It is judged up to the batch before it and before its
own readings. A step of more than 2 s means that listening was interrupted. A sensor that was not heard for its stale
time since then gets 10 s of listening time more. The reason: one clamped step alone can be longer than the stale time
of a fast sensor.

A device that is reported offline is blind at once. It stays blind until it is reported online and its readings and
heartbeat are heard again. Being online alone proves nothing.

>>> from collector.batch import make_batch, tick
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 2.0, 6.0, "")
>>> rule = Rule("silent", "stale", "失联", "silent", "", "", None, (0,), (), StaleOptions())
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [main], {}, []))
>>> def show(batch):
...     events = engine.evaluate(batch, position=1)
...     for i in range(len(events)):
...         print(events.time_ns[i] // 1_000_000_000, "s:", events.level_before[i], "->", events.level_after[i])
>>> show(make_batch(0, [0], [0], [0.3], [0]))
>>> for second in range(1, 10):
...     show(tick(second * 1_000_000_000))
6 s: 0 -> 1
>>> show(make_batch(9_000_000_000, [0], [9_000_000_000], [0.3], [0]))
9 s: 1 -> 0
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from config.quantities import ONLINE, Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings, heartbeat_numbers, starts_of
from rules.admission.presence import Presence
from rules.events import TransitionReason
from rules.fan_out import FanOut
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions, alarm_numbers
from rules.rule import LevelLimit

LONGEST_STEP_NS = 5 * SECOND_NS
"""More than this between two batches is not listening; assumed: five times the tick of the intake."""
INTERRUPTION_NS = 2 * SECOND_NS
"""A longer step interrupts listening; assumed: twice the tick of the intake."""
PATIENCE_NS = 2 * LONGEST_STEP_NS
"""Added to a stale time in which listening was interrupted; assumed: two interruptions in a row."""
_BLIND = np.int8(1)
_ABOUT_DEVICES = frozenset({"heartbeat", "battery", ONLINE})
"""Quantities that stand for the device: their silence is not the silence of one more sensor."""


class StaleOptions(BaseModel):
    """A stale rule has no keys of its own: cadence and stale time stand in the register."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return no levels: a device that is not heard is no hazard."""
        return ()

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity as it is: it is not compared with limits."""
        return quantity

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` is watched: not its device's heartbeat, battery or presence."""
        return sensor.id not in heartbeats and sensor.quantity not in _ABOUT_DEVICES

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield nothing: a stale rule works for any sensor of the register."""
        del quantity, sensors
        yield from ()


@dataclass(frozen=True, slots=True)
class _Signals:
    """Readings and heartbeats of blind bindings, sorted by binding and place."""

    place: NDArray[np.intp]
    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    is_heartbeat: NDArray[np.bool_]


class Stale:
    """All stale rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        del counts
        n_sensors = len(register.sensors)
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        n = len(self.alarm)
        self._sensor = np.array([i for each in bound for i in each.rule.sensors], np.intp)
        self._beat = heartbeat_numbers(register)[self._sensor]
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)
        self._stale_ns = np.round(stale_s * SECOND_NS).astype(np.int64)
        self._reading_fan_out = FanOut(n_sensors, self._sensor, np.arange(n))
        has_beat = np.flatnonzero(self._beat >= 0)
        self._heartbeat_fan_out = FanOut(n_sensors, self._beat[has_beat], has_beat)
        self._presence = Presence(register, self._sensor)
        self.level: NDArray[np.int8] = np.zeros(n, np.int8)
        self._episode_ns = np.full(n, NEVER_NS)
        self._changed_ns = np.full(n, NEVER_NS)
        # Per sensor: listening time, event time and value last heard; for a heartbeat, of its last advance.
        self._heard_ns, self._time_ns = np.zeros(n_sensors, np.int64), np.full(n_sensors, NEVER_NS)
        self._value = np.full(n_sensors, np.nan)
        self._advanced_ns, self._beat_time_ns = np.zeros(n_sensors, np.int64), np.full(n_sensors, NEVER_NS)
        self._clock = _Clock()
        self._earliest_ns = 0
        """Listening time up to which no more sensor can have fallen silent."""
        self._awaited = np.zeros(n_sensors, np.bool_)
        """Sensors that may end a blindness with their arrival."""

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return sensors that fell silent before these arrivals, and sensors gone or heard again with them."""
        found = []
        if self._clock.is_due(admitted.received_ns) and self._clock.listening_ns > self._earliest_ns:
            found.append(self._fall_silent(self._clock.received_ns))
        self._clock.step(admitted.received_ns)
        for part, is_presence in self._presence.split(admitted):
            rows = self._awaited[part.sensor].nonzero()[0]
            if is_presence:
                found.append(self._hear_presence(part))
            elif len(rows):
                found.append(self._hear_again(self._signals(part, rows)))
            self._remember(part)
        return found

    def _fall_silent(self, received_ns: int) -> Transitions:
        """Return the sensors that have become blind by the batch received at `received_ns`."""
        sensor, beat = self._sensor, self._beat
        unheard = self._clock.is_silence(self._heard_ns[sensor], self._stale_ns[sensor])
        no_heartbeat = (beat >= 0) & self._clock.is_silence(self._advanced_ns[beat], self._stale_ns[beat])
        b = np.flatnonzero((unheard | no_heartbeat) & (self.level == 0))
        sensor, beat, unheard = sensor[b], beat[b], unheard[b]
        last_ns = np.where(unheard, self._time_ns[sensor], self._beat_time_ns[beat])
        stale_ns = np.where(unheard, self._stale_ns[sensor], self._stale_ns[beat])
        is_new = last_ns == NEVER_NS
        time_ns = np.where(is_new, received_ns, last_ns + stale_ns)
        # One alarm's episodes never share a time, even where a device's clock is behind ours.
        time_ns = np.maximum(time_ns, self._changed_ns[b] + 1)
        silent = np.where(is_new, TransitionReason.NEVER_SEEN, TransitionReason.NO_READING)
        reason = np.where(unheard, silent, TransitionReason.NO_HEARTBEAT).astype(np.uint8)
        self._episode_ns[b] = time_ns
        return self._toggle(b, np.full(len(b), -1), time_ns, np.full(len(b), np.nan), reason)

    def _hear_again(self, signals: _Signals) -> Transitions:
        """Return the blind sensors for which a usable reading and, if they have one, an advancing heartbeat are back.

        The first arrival with which both are fresh ends the blindness, whichever of the two it is.
        """
        b, row = signals.binding, np.arange(len(signals.binding))
        first = np.maximum.accumulate(np.where(starts_of(b), row, 0))
        newest_reading = np.maximum.accumulate(np.where(signals.is_heartbeat, -1, row))
        newest_beat = np.maximum.accumulate(np.where(signals.is_heartbeat, row, -1))
        is_read = newest_reading >= first
        reads = is_read | self._is_fresh(self._heard_ns, self._time_ns, self._sensor[b])
        beats = (newest_beat >= first) | self._is_fresh(self._advanced_ns, self._beat_time_ns, self._beat[b])
        ends = np.flatnonzero(reads & beats)
        ends = ends[starts_of(b[ends])]
        b = b[ends]
        value = np.where(is_read[ends], signals.value[newest_reading[ends]], self._value[self._sensor[b]])
        time_ns = np.maximum(signals.time_ns[ends], self._changed_ns[b])
        return self._toggle(
            b, signals.place[ends], time_ns, value, np.full(len(b), TransitionReason.HEARD_AGAIN, np.uint8)
        )

    def _hear_presence(self, part: AdmittedReadings) -> Transitions:
        """Return sensors of devices that have gone, and sensors heard before their device was reported back."""
        row, b = self._presence.bindings_of(part.sensor)
        row, b = row[part.usable[row]], b[part.usable[row]]
        gone = part.value[row] == 0
        sensor, beat = self._sensor[b], self._beat[b]
        # A reading heard before the end is no sign of life after it.
        long_ago_ns = self._clock.listening_ns - 1 - self._stale_ns
        self._heard_ns[sensor[gone]] = long_ago_ns[sensor[gone]]
        self._advanced_ns[beat[gone & (beat >= 0)]] = long_ago_ns[beat[gone & (beat >= 0)]]
        blind = self.level[b] > 0
        fresh = self._is_fresh(self._heard_ns, self._time_ns, sensor)
        fresh &= self._is_fresh(self._advanced_ns, self._beat_time_ns, beat)
        changed = np.flatnonzero(np.where(gone, ~blind, blind & fresh))
        row, b, gone = row[changed], b[changed], gone[changed]
        time_ns = np.maximum(part.time_ns[row], self._changed_ns[b] + gone)
        self._episode_ns[b[gone]] = time_ns[gone]
        value = np.where(gone, np.nan, self._value[self._sensor[b]])
        reason = np.where(gone, TransitionReason.DEVICE_OFFLINE, TransitionReason.HEARD_AGAIN).astype(np.uint8)
        return self._toggle(b, part.place[row], time_ns, value, reason)

    def _signals(self, admitted: AdmittedReadings, rows: NDArray[np.intp]) -> _Signals:
        """Return the signals of `rows` of `admitted` for blind bindings, sorted by binding and then place."""
        readings = rows[admitted.usable[rows]]
        beats = rows[admitted.heartbeat_advances[rows] | admitted.first_heartbeat[rows]]
        row, binding = self._reading_fan_out.bindings_of(admitted.sensor[readings])
        beat_row, beat_binding = self._heartbeat_fan_out.bindings_of(admitted.sensor[beats])
        rows, bindings = np.concatenate((readings[row], beats[beat_row])), np.concatenate((binding, beat_binding))
        is_heartbeat = np.arange(len(rows)) >= len(row)
        awaited = ((self.level > 0) & ~self._presence.is_offline(self._value))[bindings]
        order = np.flatnonzero(awaited)
        order = order[np.lexsort((admitted.place[rows[order]], bindings[order]))]
        rows = rows[order]
        return _Signals(
            admitted.place[rows], bindings[order], admitted.time_ns[rows], admitted.value[rows], is_heartbeat[order]
        )

    def _is_fresh(
        self, heard_ns: NDArray[np.int64], time_ns: NDArray[np.int64], sensor: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Return whether each of `sensor` was heard within its stale time; without a stale time (-1) it was."""
        recent = self._clock.listening_ns - heard_ns[sensor] <= self._stale_ns[sensor]
        fresh: NDArray[np.bool_] = (sensor < 0) | (recent & (time_ns[sensor] != NEVER_NS))
        return fresh

    def _toggle(
        self,
        b: NDArray[np.intp],
        place: NDArray[np.intp],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        reason: NDArray[np.uint8],
    ) -> Transitions:
        before = self.level[b]
        after = (_BLIND - before).astype(np.int8)
        self.level[b], self._changed_ns[b] = after, time_ns
        self._await()
        return Transitions(place, self.alarm[b], time_ns, self._episode_ns[b], before, after, value, reason)

    def _await(self) -> None:
        """Derive when the next blindness may begin, and the sensors that may end one with their arrival."""
        sensor, beat, blind = self._sensor, self._beat, self.level > 0
        until_ns = self._heard_ns[sensor] + self._stale_ns[sensor]
        beats_until_ns = np.where(beat < 0, until_ns, self._advanced_ns[beat] + self._stale_ns[beat])
        until_ns = np.minimum(until_ns, beats_until_ns)[~blind]
        # Times of hearing only grow, so this bound holds until a sensor becomes blind or is heard again.
        self._earliest_ns = int(until_ns.min(initial=np.iinfo(np.int64).max))
        self._awaited[:] = False
        self._awaited[sensor[blind]] = True
        self._awaited[beat[blind & (beat >= 0)]] = True

    def _remember(self, admitted: AdmittedReadings) -> None:
        sensor, time_ns, value = admitted.sensor, admitted.time_ns, admitted.value
        if not admitted.has_no_flags:
            sensor, time_ns, value = sensor[admitted.usable], time_ns[admitted.usable], value[admitted.usable]
        self._heard_ns[sensor] = self._clock.listening_ns
        # If a sensor occurs twice, its later row counts.
        self._time_ns[sensor], self._value[sensor] = time_ns, value
        beats = (admitted.heartbeat_advances | admitted.first_heartbeat).nonzero()[0]
        sensor = admitted.sensor[beats]
        self._advanced_ns[sensor] = self._clock.listening_ns
        self._beat_time_ns[sensor] = admitted.time_ns[beats]

    def state(self) -> State:
        """Return the columns to keep."""
        by_sensor: dict[str, NDArray[np.generic]] = {
            "heard_ns": self._heard_ns,
            "time_ns": self._time_ns,
            "value": self._value,
            "advanced_ns": self._advanced_ns,
            "beat_time_ns": self._beat_time_ns,
        }
        by_alarm: dict[str, NDArray[np.generic]] = {
            "level": self.level,
            "episode_ns": self._episode_ns,
            "changed_ns": self._changed_ns,
        }
        return State(by_sensor, by_alarm, {"clock": self._clock.columns})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Begin to listen for sensors that the snapshot did not know."""
        self._heard_ns[~known] = self._clock.listening_ns
        self._advanced_ns[~known] = self._clock.listening_ns
        self._await()


class _Clock:
    """Listening time, kept in one small column so that a snapshot holds it."""

    def __init__(self) -> None:
        self.columns = np.array([NEVER_NS, 0, 0, 0], np.int64)
        """Received time of the last batch; listening time now, at the last judgement, and at the last interruption."""

    @property
    def received_ns(self) -> int:
        """Received time of the last batch."""
        return int(self.columns[0])

    @property
    def listening_ns(self) -> int:
        """Listening time now."""
        return int(self.columns[1])

    @property
    def since_interruption_ns(self) -> int:
        """Listening time since listening was last interrupted."""
        return int(self.columns[1] - self.columns[3])

    def is_silence(self, heard_ns: NDArray[np.int64], stale_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each sensor was last heard too long ago."""
        patience_ns = np.where(self.since_interruption_ns <= stale_ns, PATIENCE_NS, 0)
        silent: NDArray[np.bool_] = self.listening_ns - heard_ns > stale_ns + patience_ns
        return silent

    def is_due(self, received_ns: int) -> bool:
        """Return whether silence is to be judged before a batch received at `received_ns`; then it is taken as done."""
        due = received_ns != self.received_ns and self.columns[1] - self.columns[2] >= SECOND_NS
        if due:
            self.columns[2] = self.columns[1]
        return bool(due)

    def step(self, received_ns: int) -> None:
        """Move to a batch received at `received_ns`."""
        step_ns = 0 if self.received_ns == NEVER_NS else received_ns - self.received_ns
        self.columns[0] = received_ns
        self.columns[1] += min(max(step_ns, 0), LONGEST_STEP_NS)
        if step_ns > INTERRUPTION_NS:
            self.columns[3] = self.columns[1]
