"""`vote`: a sensor's alarm counts for more while others near it are in alarm too.

Input: transitions of the rule that it names, and the times of readings.
Output: transitions of hazard alarms.
Not responsible for: values; the rule that it names has judged them.
Rejects: a reach that is not written exactly once, and faulty levels.

The value compared with the limits is a number of devices. It is 0 while the sensor's own alarm of the named rule does
not stand. Else it is 1 for its own device, and 1 for every other device near it with an alarm. That alarm stands, or
ended at most `within_s` ago. The number is counted with every reading of the sensor itself. So delays and proof of life
are those of its own device.

Gas crosses three manholes:

>>> import numpy as np
>>> from collector.batch import make_batch
>>> from config.register import Asset, Neighbour, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.kinds.threshold import ThresholdOptions
>>> from rules.rule import Rule, RuleSet
>>> wells = {name: Asset(name, "gas_manhole", "gas", name, name, "R", 0.0, 0.0) for name in "ABC"}
>>> sensors = [Sensor(f"{name}.ch4", name, name, "ch4", "methane", 1.0, 0.0, 60.0, 300.0, "") for name in wells]
>>> pipe = {"A": [Neighbour("B", 40.0)], "B": [Neighbour("A", 40.0), Neighbour("C", 40.0)], "C": [Neighbour("B", 40.0)]}
>>> gas = ThresholdOptions.model_validate({"side": "high", "levels": [{"level": "blue", "limit": 5, "deadband": 1,
...     "on_delay_s": 0, "source": "assumed"}]})
>>> three = VoteOptions.model_validate({"rule": "gas", "along_m": 100, "within_s": 1800, "levels": [{"level": "orange",
...     "limit": 3, "deadband": 1, "on_delay_s": 0, "source": "assumed"}]})
>>> rules = RuleSet((Rule("gas", "threshold", "气", "gas", "", "", None, (0, 1, 2), gas.limits(), gas),
...     Rule("crossing", "vote", "串", "crossing", "", "", None, (0, 1, 2), three.limits(), three)), "1")
>>> engine = RuleEngine(rules, Register({}, wells, sensors, {}, [], neighbours=pipe))
>>> minute = np.array([0, 10, 20, 21]) * 60_000_000_000
>>> events = engine.evaluate(make_batch(0, [0, 1, 2, 1], minute, [6.0, 7.0, 9.0, 8.0], [0] * 4), position=1)
>>> [(engine.alarms[events.alarm[i]].id, int(events.value[i])) for i in range(len(events))][-2:]
[('crossing/C.ch4', 3), ('crossing/B.ch4', 3)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.composite.voters import VotingRange, voters_of
from rules.kind import NEVER_NS, AlarmCatalogue, BoundRule, Fault, State, Transitions, UpstreamTransitions
from rules.level_options import LONGEST_S, LimitOptions, NamedLevel
from rules.references import Reference
from rules.rule import Side

_FARTHEST_M = 20_000.0
_VOTES = Quantity(
    "votes", "相邻报警设备数", "devices in alarm near each other", "", 0.0, 10_000.0, np.inf, 0, {}, "a count"
)


class VoteOptions(LimitOptions):
    """The keys of a vote rule besides those of its levels; limits are numbers of devices, itself included."""

    side: Side = Side.HIGH
    """Always `high`; need not be written."""
    rule: str
    """The rule of the alarms that are votes."""
    at_least: NamedLevel = WarningLevel.GREEN
    """The lowest level that counts."""
    hops: int | None = Field(default=None, ge=1, le=20)
    """Near are assets at most so many steps away along the register's neighbours; 1 is the next one."""
    along_m: float | None = Field(default=None, gt=0, le=_FARTHEST_M)
    """Or at most so many metres of pipe or span away."""
    around_m: float | None = Field(default=None, gt=0, le=_FARTHEST_M)
    """Or at most so many metres away by coordinates."""
    within_s: float = Field(ge=0, le=LONGEST_S, allow_inf_nan=False)
    """An alarm that has ended is a vote for so long."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity that is compared with the limits: the number of votes."""
        del quantity
        return _VOTES

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults of the levels, and a reach that is not written exactly once."""
        yield from super().faults(quantity, sensors)
        given = [name for name in ("hops", "along_m", "around_m") if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            yield Fault((), "one of `hops`, `along_m`, `around_m`", got, "say once who is near")
        if self.side is not Side.HIGH:
            yield Fault(("side",), "high", self.side.value, "remove it: many votes are dangerous, few are not")

    def references(self) -> Iterator[Reference]:
        """Yield the rule that is named."""
        yield Reference((), self.rule, self.at_least)


class Vote:
    """All vote rules over all their sensors."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        catalogue: AlarmCatalogue,
    ) -> None:
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        options = [typing.cast("VoteOptions", each.rule.options) for each in bound]
        rule = self._level_evaluator.rule
        self._at_least = np.array([each.at_least for each in options], np.int8)[rule]
        self._window_ns = np.array([round(each.within_s * SECOND_NS) for each in options], np.int64)[rule]
        self._order = np.array([each.order for each in bound], np.intp)[rule]
        reach = [VotingRange(each.hops, each.along_m, each.around_m) for each in options]
        self._near = voters_of([each.rule.sensors for each in bound], reach, register)
        self._device = [register.sensors[sensor].device for sensor in self._level_evaluator.sensor.tolist()]
        self._bindings_of_alarm = _bindings_by_alarm(options, rule, self._level_evaluator.sensor, catalogue)
        """The bindings that vote with an alarm."""
        self._is_vote = np.zeros(len(catalogue.alarms), np.bool_)
        self._is_vote[list(self._bindings_of_alarm)] = True
        n = len(self.alarm)
        self._is_active = np.zeros(n, np.bool_)
        self._ended_ns = np.full(n, NEVER_NS)

    def evaluate(self, admitted: AdmittedReadings, upstream: UpstreamTransitions, order: int) -> list[Transitions]:
        """Return the transitions of the rules with this `order`, after these votes."""
        of_order = self._order == order
        is_needed = (self._is_active | self._level_evaluator.is_active_or_pending) & of_order
        changes = [
            (int(upstream.place[i]), b, int(upstream.time_ns[i]), bool(upstream.level_after[i] >= self._at_least[b]))
            for i in np.flatnonzero(self._is_vote[upstream.alarm]).tolist()
            for b in self._bindings_of_alarm[int(upstream.alarm[i])]
            if of_order[b]
        ]
        is_needed[[b for _, b, _, _ in changes]] = True
        if not is_needed.any():
            return []
        row, binding = self._level_evaluator.bindings_of(admitted)
        kept = is_needed[binding]
        row, binding = row[kept], binding[kept]
        return self._level_evaluator.evaluate(admitted, row, binding, self._votes(admitted, row, binding, changes))

    def _votes(
        self,
        admitted: AdmittedReadings,
        row: NDArray[np.intp],
        binding: NDArray[np.intp],
        changes: Sequence[tuple[int, int, int, bool]],
    ) -> NDArray[np.float64]:
        """Return float64[n]: votes at each pair of arrival and binding, rows ascending; votes are cast."""
        votes, waiting = np.zeros(len(row)), list(reversed(changes))
        readings = zip(admitted.place[row].tolist(), binding.tolist(), admitted.time_ns[row].tolist(), strict=True)
        for i, (place, b, time_ns) in enumerate(readings):
            while waiting and waiting[-1][0] <= place:
                self._cast(*waiting.pop()[1:])
            votes[i] = self._count(b, time_ns)
        for each in reversed(waiting):
            self._cast(*each[1:])
        return votes

    def _cast(self, b: int, time_ns: int, is_active: bool) -> None:  # noqa: FBT001 - a column of the changes
        self._ended_ns[b] = time_ns if self._is_active[b] and not is_active else NEVER_NS
        self._is_active[b] = is_active

    def _count(self, b: int, time_ns: int) -> int:
        if not self._is_active[b]:
            return 0
        since_ns = time_ns - int(self._window_ns[b])
        near = (each for each in self._near[b] if self._is_active[each] or self._ended_ns[each] >= since_ns)
        return len({self._device[b], *(self._device[each] for each in near)})

    def state(self) -> State:
        """Return the columns to keep."""
        return State({}, {**self._level_evaluator.columns(), "ended_ns": self._ended_ns}, {})

    def rebuild(self, levels: NDArray[np.int8], seen: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept, and the standing alarms now: the rules may have changed."""
        del seen
        self._level_evaluator.rebuild()
        self._is_active[:] = False
        for alarm, voters in self._bindings_of_alarm.items():
            for b in voters:
                self._is_active[b] = levels[alarm] >= self._at_least[b]


def _bindings_by_alarm(
    options: Sequence[VoteOptions], rule: NDArray[np.intp], sensor: NDArray[np.intp], catalogue: AlarmCatalogue
) -> dict[int, list[int]]:
    """Return for each alarm of a named rule the bindings with this own alarm."""
    alarms = {(key.rule, key.sensor): alarm for alarm, key in enumerate(catalogue.alarms)}
    voters: dict[int, list[int]] = {}
    for b, (place, number) in enumerate(zip(rule.tolist(), sensor.tolist(), strict=True)):
        alarm = alarms.get((options[place].rule, number))
        if alarm is not None:
            voters.setdefault(alarm, []).append(b)
    return voters
