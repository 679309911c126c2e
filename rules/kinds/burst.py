"""`burst`: a pressure that drops within seconds, as when a pipe bursts. One sensor sees it, or two along the pipe.

Input: admitted readings.
Output: transitions of hazard alarms; a transition beyond a limit has the place of the burst, if known by then.
Not responsible for: the wall clock; event times separate the waves.
Rejects: sensors that read too rarely, and a level `alone` that the rule does not have.

The judged value is the drop against the level of the seconds before. It is 0 where it is no more than `sigmas` of the
sensor's own noise. It is measured from the level before for as long as it lasts. A drop reaches no higher level than
`alone` until another sensor of the rule confirms it. That sensor is within `reach_m` along the pipe and sees the drop
within the time that a wave needs. Readings flagged SPIKE or by their device are left out. Readings flagged RATE are
judged, because a burst is faster than any usual change. `rules/evaluation/transients.py` and
`rules/statistics/wavefronts.py` have the details.

>>> from collector.batch import make_batch
>>> from config.register import Asset, Neighbour, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> ends = {name: Asset(name, "water_main", "water", name, name, "R", 0.0, 0.0) for name in "AB"}
>>> sensors = [Sensor(f"{name}.p", name, name, "p", "water_main_pressure", 1.0, 0.0, 0.1, 5.0, "") for name in ends]
>>> joined = {"A": (Neighbour("B", 1000.0),), "B": (Neighbour("A", 1000.0),)}
>>> options = BurstOptions.model_validate({"within_s": 1, "wave_speed_m_s": 1000, "levels": [
...     {"level": "yellow", "limit": 0.05, "deadband": 0.02, "on_delay_s": 0, "source": "assumed for this example"},
...     {"level": "red", "limit": 0.1, "deadband": 0.05, "on_delay_s": 0, "source": "assumed for this example"}]})
>>> rule = Rule("burst", "burst", "爆管", "burst", "", "", None, (0, 1), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, ends, sensors, {}, [], {}, joined))
>>> rows = [(tenth, i, 0.4 - 0.2 * (tenth >= 200 + 6 * i)) for tenth in range(220) for i in (0, 1)]
>>> times = [tenth * 10**8 for tenth, _, _ in rows]
>>> batch = make_batch(0, [i for _, i, _ in rows], times, [value for _, _, value in rows], [0] * len(rows))
>>> events = engine.evaluate(batch, position=1)
>>> for i in range(len(events)):
...     at_s, value = events.time_ns[i] / 10**9, round(float(events.value[i]), 2)
...     print(at_s, engine.alarms[events.alarm[i]].id, events.level_after[i], value)
20.0 burst/A.p 3 0.2
20.6 burst/B.p 5 0.2
20.7 burst/A.p 5 0.2
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from collector.batch import RECEIVED_CLOCK
from collector.passes import CostModel, PassSplitter
from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.per_sensor import Readings
from rules.evaluation.transients import SLOTS, Sudden, Transients
from rules.events import TransitionReason
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions
from rules.level_options import LimitOptions, NamedLevel
from rules.rule import Side
from rules.statistics.rates import Direction, directions
from rules.statistics.wavefronts import Place, Wavefronts, pipe_neighbours

_Known = tuple[int, Place | None]
"""The row of the batch from which it is known, and the place of the burst."""
_ALWAYS_PASSES = CostModel(pass_us=1.0, run_us=1e12, reading_us=1e12)
_WORDS = {
    Direction.FALL: ("{zh}骤降", "sudden drop of {en}"),
    Direction.RISE: ("{zh}骤升", "sudden rise of {en}"),
    Direction.EITHER: ("{zh}突变", "sudden change of {en}"),
}


class BurstOptions(LimitOptions):
    """Keys of a burst rule; limits are drops in the unit of the quantity."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse: there is no choice."""
    direction: Direction = Direction.FALL
    """`fall` (default), `rise` or `either`."""
    within_s: float = Field(gt=0.01, le=600)
    """The drop happens within so many seconds, up to 600. Needed."""
    sigmas: float = Field(default=6.0, ge=1, le=1000)
    """Smaller drops than so many sigma of the sensor's own noise are 0; 6 by default."""
    hold_s: float = Field(default=3600.0, gt=0, le=31 * 86_400)
    """A drop that has lasted so long is the new normal, and ends; an hour by default."""
    alone: NamedLevel | None = None
    """The highest level of a drop that no other sensor confirms; by default the lowest of the rule."""
    reach_m: float = Field(default=2000.0, ge=0, le=100_000)
    """How far along the pipe another sensor may be to confirm a drop, metres; 2,000 by default."""
    wave_speed_m_s: float = Field(default=1000.0, ge=50, le=2000)
    """Speed of pressure waves in the pipe, metres per second; 1,000 by default, 300 to 400 in gas."""
    tolerance_s: float = Field(default=1.0, ge=0, le=600)
    """How much clocks and samples may differ, seconds, besides the time that a wave needs; 1 by default."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the sudden change of `quantity`, in its unit."""
        if quantity is None:
            return None
        zh, en = _WORDS[self.direction]
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_transient",
            zh=zh.format(zh=quantity.zh),
            en=en.format(en=quantity.en),
            low=0.0,
            high=quantity.high - quantity.low,
            max_rate=np.inf,
            accepts={},
        )

    def highest_alone(self) -> float:
        """Return the largest value that is below the levels that need another sensor; inf where none does."""
        alone = self.alone or min(each.level for each in self.levels)
        above = [each.limit for each in self.levels if each.level > alone]
        return float(np.nextafter(min(above), -np.inf)) if above else np.inf

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield levels for lone sensors that the rule does not have, and sensors that read too rarely."""
        yield from super().faults(quantity, sensors)
        if self.alone is not None and self.alone not in {each.level for each in self.levels}:
            yield Fault(("alone",), "a level of the rule", self.alone.key, "name one of them, or remove it")
        slow = [each.id for each in sensors if each.cadence_s * 2 > self.within_s]
        if slow:
            remedy = "allow more seconds, or narrow `where`: a sudden drop needs readings before and after it"
            yield Fault(("within_s",), "two readings within it", f"{', '.join(slow[:3])} reads less often", remedy)


class Burst:
    """All burst rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        options = [typing.cast("BurstOptions", each.rule.options) for each in bound]
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        rule = self._level_evaluator.rule
        self._splitter = PassSplitter(len(rule), _ALWAYS_PASSES)
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)[self._level_evaluator.sensor]
        self._transients = Transients(_sudden_of(bound, options, rule), np.round(stale_s * SECOND_NS).astype(np.int64))
        self._wavefronts = Wavefronts(
            pipe_neighbours(bound, register, [each.reach_m for each in options]),
            np.array([each.wave_speed_m_s for each in options], np.float64)[rule],
            np.array([round(each.tolerance_s * SECOND_NS) for each in options], np.int64)[rule],
        )
        self._highest_alone = np.array([each.highest_alone() for each in options], np.float64)[rule]

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        row, binding = self._level_evaluator.bindings_of(admitted)
        change, episode_ns, begins = self._changes(admitted, row, binding)
        confirmed, moved = self._confirm(admitted, row, binding, episode_ns, begins)
        capped_change = np.where(confirmed, change, np.minimum(change, self._highest_alone[binding]))
        known = np.flatnonzero(~np.isnan(change))
        found = self._level_evaluator.evaluate(admitted, row[known], binding[known], capped_change[known])
        capped = np.flatnonzero(capped_change < change)
        # The level is that of a lone sensor; the displayed value is the measured one.
        measured = {(int(admitted.place[row[i]]), int(self.alarm[binding[i]])): float(change[i]) for i in capped}
        found = [_restore_measured(each, measured) for each in found] if measured else found
        return [self._add_place(each, moved) for each in found]

    def _changes(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return (change, begin of its episode, whether the reading begins it) after each reading."""
        quality = admitted.quality[row]
        clock = (quality & RECEIVED_CLOCK) != 0
        zeros = np.zeros(len(row), np.intp)
        readings = Readings(binding, admitted.time_ns[row], admitted.value[row], clock, quality, zeros)
        change, episode_ns = np.full(len(row), np.nan), np.full(len(row), NEVER_NS)
        begins = np.zeros(len(row), np.bool_)
        for chosen in self._splitter.split(binding)[0]:
            change[chosen], begins[chosen] = self._transients.add(readings.take(chosen))
            episode_ns[chosen] = self._transients.episode_ns[binding[chosen]]
        return change, episode_ns, begins

    def _confirm(
        self,
        admitted: AdmittedReadings,
        row: NDArray[np.intp],
        binding: NDArray[np.intp],
        episode_ns: NDArray[np.int64],
        begins: NDArray[np.bool_],
    ) -> tuple[NDArray[np.bool_], Mapping[int, Sequence[_Known]]]:
        """Return (bool[n], readings of episodes that another sensor had confirmed by then; changed places).

        The second, by binding with a changed place: the place known before these readings, and after each of them.
        """
        runs = episode_ns != NEVER_NS
        moved: dict[int, list[_Known]] = {}
        confirmed: NDArray[np.bool_] = runs & (episode_ns == self._wavefronts.confirmed_ns[binding])
        for i in np.flatnonzero(begins).tolist():
            is_received = bool(admitted.quality[row[i]] & RECEIVED_CLOCK)
            touched = self._wavefronts.touched_by(int(binding[i]))
            for each in touched:
                moved.setdefault(each, [(-1, self._wavefronts.place(each))])
            for other, seen_ns in self._wavefronts.arrive(int(binding[i]), int(episode_ns[i]), clock=is_received):
                confirmed |= (binding == other) & (episode_ns == seen_ns) & (row >= row[i])
            for each in touched:
                moved[each].append((int(admitted.place[row[i]]), self._wavefronts.place(each)))
        return confirmed, moved

    def _add_place(self, found: Transitions, moved: Mapping[int, Sequence[_Known]]) -> Transitions:
        """Return `found` with the place of the burst, as far as known at that time, for values beyond."""
        low, high = np.full(len(found.place), np.nan), np.full(len(found.place), np.nan)
        towards = np.full(len(found.place), -1, np.int32)
        for i in np.flatnonzero(found.reason == TransitionReason.LIMIT_HELD).tolist():
            b, at = int(np.searchsorted(self.alarm, found.alarm[i])), int(found.place[i])
            known = [each for since, each in moved.get(b, ()) if since <= at] or [self._wavefronts.place(b)]
            if (place := known[-1]) is not None:
                low[i] = max(place.from_m - place.error_m, 0.0)
                high[i] = min(place.from_m + place.error_m, place.length_m)
                towards[i] = self.alarm[place.other]
        return dataclasses.replace(found, low=low, high=high, towards=towards)

    def state(self) -> State:
        """Return the columns to keep."""
        own = {**self._transients.columns(), **self._wavefronts.columns()}
        return State({}, {**self._level_evaluator.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._level_evaluator.rebuild()


def _sudden_of(bound: Sequence[BoundRule], options: Sequence[BurstOptions], rule: NDArray[np.intp]) -> Sudden:
    firsts = [min((level.limit for level in each.rule.levels), default=np.inf) for each in bound]
    backs = [min((level.reset for level in each.rule.levels), default=-np.inf) for each in bound]
    finest = [10.0**-each.rule.quantity.decimals if each.rule.quantity else 1e-9 for each in bound]
    # A slot's length is a whole number of nanoseconds.
    within_ns = [round(each.within_s * SECOND_NS / SLOTS) * SLOTS for each in options]
    return Sudden(
        np.array(within_ns, np.int64)[rule],
        np.array([each.sigmas for each in options], np.float64)[rule],
        np.array(firsts, np.float64)[rule],
        np.array(backs, np.float64)[rule],
        np.array([round(each.hold_s * SECOND_NS) for each in options], np.int64)[rule],
        np.array(finest, np.float64)[rule],
        directions([each.direction for each in options])[rule],
    )


def _restore_measured(found: Transitions, measured: dict[tuple[int, int], float]) -> Transitions:
    value = found.value.copy()
    for i, key in enumerate(zip(found.place.tolist(), found.alarm.tolist(), strict=True)):
        value[i] = measured.get(key, value[i])
    return dataclasses.replace(found, value=value)
