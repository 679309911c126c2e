"""`threshold`: a value beyond a limit for a time, with up to five levels in one rule.

Comes in: admitted readings. Goes out: transitions of hazard alarms. Refuses to know the wall clock: every delay is a
difference of event times of one sensor.

For each level of each binding: the *condition* begins with a value at or beyond the limit and ends with one back
beyond limit and deadband. A level becomes active with the reading that finds the condition unbroken since a reading
at least `on_delay_s` older, and inactive likewise after `off_delay_s`. The alarm stands at its highest active level.
Where the device has a heartbeat, becoming inactive also takes one that advances after that older reading: a good value
from a dead device is no all-clear. Where the rule is `live`, becoming active takes one too.
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
from rules.arrivals import Arrivals, heartbeat_numbers
from rules.inputs import inputs_of, joined
from rules.kind import BoundRule, Fault, Found, State, alarm_numbers
from rules.ladder import Ladder, LimitTable
from rules.links import Links
from rules.rule import LevelLimit, Side

_SECOND_NS = 1_000_000_000


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
    """A dead device raises nothing: zero from it is no hazard. That it clears nothing does not depend on this."""
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
        deaf = [sensor.id for sensor in sensors if sensor.heartbeat in {"", sensor.id}] if self.live else []
        if deaf:
            remedy = "give the device a heartbeat channel in sensors.csv, narrow `where`, or remove `live`"
            yield Fault(("live",), "a heartbeat beside every sensor", f"none for {', '.join(deaf[:3])}", remedy)

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


class Threshold:
    """All threshold rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._counts = counts
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        options = [typing.cast("ThresholdOptions", each.rule.options) for each in bound]
        sensor = np.array([i for each in bound for i in each.rule.sensors], np.intp)
        row = np.repeat(np.arange(len(bound)), [len(each.rule.sensors) for each in bound])
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)
        stale_ns = np.round(stale_s[sensor] * _SECOND_NS).astype(np.int64)
        table = LimitTable([each.rule.levels for each in bound], [each.live for each in options])
        beat = heartbeat_numbers(register)[sensor]
        has_beat = np.flatnonzero(beat >= 0)
        self._ladder = Ladder(table, row, stale_ns, self.alarm, beat >= 0)
        self.level: NDArray[np.int8] = self._ladder.level
        self._holds = np.array([each.on_suspect is OnSuspect.HOLD for each in options], np.bool_)[row]
        self._live = np.array([each.live for each in options], np.bool_)[row]
        self._fed = Links(len(register.sensors), sensor, np.arange(len(sensor)))
        self._proved = Links(len(register.sensors), beat[has_beat], has_beat)
        self._stirred = np.zeros(len(sensor), np.bool_)

    def evaluate(self, arrivals: Arrivals) -> list[Found]:
        """Return the transitions that `arrivals` cause."""
        row, binding = self._fed.reach(arrivals.sensor)
        if not arrivals.usable.all():
            judged = arrivals.usable[row] | ~self._holds[binding]
            self._counts["readings_held", "out_of_range"] += int(np.count_nonzero(~judged))
            row, binding = row[judged], binding[judged]
        if arrivals.stuck.any():
            evidence = ~(arrivals.stuck[row] & self._live[binding])
            self._counts["readings_held", "failing_power"] += int(np.count_nonzero(~evidence))
            row, binding = row[evidence], binding[evidence]
        self._counts["threshold_evaluations", ""] += len(binding)
        ladder, value = self._ladder, arrivals.value[row]
        # Written so that a value that compares with nothing counts as not calm.
        calm = (value >= ladder.low[binding]) & (value <= ladder.high[binding]) & ~ladder.pending[binding]
        advanced = np.flatnonzero(arrivals.advanced)
        beat_row, beat_binding = self._proved.reach(arrivals.sensor[advanced])
        stirred = np.concatenate((binding[~calm], beat_binding[ladder.unproven[beat_binding]]))
        if len(stirred) == 0:
            return []
        self._stirred[stirred] = True
        values, beats = self._stirred[binding], self._stirred[beat_binding]
        self._stirred[stirred] = False
        parts = (
            inputs_of(arrivals, row[values], binding[values], is_beat=False),
            inputs_of(arrivals, advanced[beat_row[beats]], beat_binding[beats], is_beat=True),
        )
        return ladder.climb(joined(parts))

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, self._ladder.columns(), {})

    def settle(self, known: NDArray[np.bool_]) -> None:
        """Derive what is not kept; the next reading announces what changed with the rules."""
        del known
        self._ladder.settle()
