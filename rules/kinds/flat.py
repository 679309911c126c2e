"""`flat`: a sensor without its own noise is frozen, also one at zero on a device without other changes.

Input: admitted readings with their quality.
Output: transitions of health alarms, level 1 while frozen.
Not responsible for: hazards; other rules judge the value as if this one did not exist.
Rejects: nothing.

The intake flags a reading FLAT if its value has stood still for longer than this sensor ever did. At zero the device
may still measure: an empty pipe reads 0.000 for as long as it is empty. So a sensor at zero is no fault if another
measured value of the same device has changed. That change must lie in the later half of the time at zero. At any other
value noise has left the sensor, even if other values move. With `neighbours: true` a reading flagged NEIGHBOUR is a
fault as well.

>>> from collector.batch import Quality, make_batch
>>> from config.register import Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> main = Sensor("M.p", "M", "D", "p", "water_main_pressure", 1.0, 0.0, 2.0, 6.0, "")
>>> rule = Rule("frozen", "flat", "冻结", "frozen", "", "", None, (0,), (), FlatOptions())
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [main], {}, []))
>>> quality = [0, 0, Quality.FLAT, Quality.FLAT, 0]
>>> events = engine.evaluate(make_batch(0, [0] * 5, [1, 2, 3, 4, 5], [0.3, 0.3, 0.3, 0.3, 0.31], quality), position=1)
>>> [(int(events.time_ns[i]), int(events.level_after[i])) for i in range(len(events))]
[(3, 1), (5, 0)]
"""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from collector.batch import Quality
from config.quantities import ONLINE, Quantity
from config.register import Register, Sensor
from rules.admission.admission import AdmittedReadings, heartbeats_of, values_before_each
from rules.alarms.health_toggle import HealthTransitions
from rules.events import TransitionReason
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions, alarm_numbers
from rules.rule import LevelLimit

_NOT_MEASURED = frozenset({"heartbeat", "battery", ONLINE})


class FlatOptions(BaseModel):
    """Each sensor's own past says how long is too long."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    neighbours: bool = False
    """Whether a sensor is faulty too if it hardly moves while its neighbours do. Other values of its device do not
    matter then."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return no levels: a frozen device is no hazard."""
        return ()

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity as it is: it is not compared with limits."""
        return quantity

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` is watched: measured values are."""
        return sensor.id not in heartbeats and sensor.quantity not in _NOT_MEASURED

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield nothing: a flat rule works for any sensor of the register."""
        del quantity, sensors
        yield from ()


class Flat:
    """All flat rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        del counts
        n_sensors = len(register.sensors)
        self.alarm: NDArray[np.int32] = alarm_numbers(bound)
        self._binding = np.full(n_sensors, -1, np.intp)
        watched = [number for each in bound for number in each.rule.sensors]
        self._binding[watched] = np.arange(len(watched))
        self._heeds_neighbours = [
            typing.cast("FlatOptions", each.rule.options).neighbours for each in bound for _ in each.rule.sensors
        ]
        self._fault_flags = np.uint16(Quality.FLAT | (Quality.NEIGHBOUR if any(self._heeds_neighbours) else 0))
        self._device, self._members = _devices(register, watched)
        self.level: NDArray[np.int8] = np.zeros(len(watched), np.int8)
        self._episode_ns = np.full(len(watched), NEVER_NS)
        self._value = np.full(n_sensors, np.nan)
        self._moved_ns = np.full(n_sensors, NEVER_NS)
        self._is_active = np.zeros(n_sensors, np.bool_)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the sensors that froze or moved again."""
        sensor = admitted.sensor
        rows = (admitted.usable & (self._device[sensor] >= 0)).nonzero()[0]
        flagged = rows[((admitted.quality[rows] & self._fault_flags) != 0) | self._is_active[sensor[rows]]]
        flagged = flagged[self._binding[sensor[flagged]] >= 0]
        if len(flagged) == 0:
            self._remember(admitted, rows)
            return []
        # Few devices are ever flat: their sensors are checked one by one, in order.
        slow = np.isin(self._device[sensor[rows]], self._device[sensor[flagged]])
        self._remember(admitted, rows[~slow])
        health = HealthTransitions(self.alarm, self.level, self._episode_ns)
        for row in rows[slow].tolist():
            self._look_at(admitted, row, health)
        return health.transitions()

    def _look_at(self, admitted: AdmittedReadings, row: int, health: HealthTransitions) -> None:
        number, value, time_ns = int(admitted.sensor[row]), float(admitted.value[row]), int(admitted.time_ns[row])
        if value != self._value[number]:
            self._value[number], self._moved_ns[number] = value, time_ns
        b = int(self._binding[number])
        if b < 0:
            return
        is_flat = bool(admitted.quality[row] & Quality.FLAT)
        is_frozen = is_flat and not (value == 0.0 and self._moves_elsewhere(number, time_ns))
        is_attenuated = self._heeds_neighbours[b] and bool(admitted.quality[row] & Quality.NEIGHBOUR)
        is_faulty = is_frozen or is_attenuated
        if is_faulty != (self.level[b] > 0):
            fault = TransitionReason.FLAT_LINE if is_frozen else TransitionReason.ATTENUATED
            health.toggle(admitted, row, b, fault if is_faulty else TransitionReason.MOVES_AGAIN)
            self._is_active[number] = is_faulty

    def _moves_elsewhere(self, number: int, time_ns: int) -> bool:
        """Return whether another value of the device changed in the later half of this one's standing still."""
        half_ns = (int(self._moved_ns[number]) + time_ns) // 2
        return any(self._moved_ns[each] > half_ns for each in self._members[self._device[number]] if each != number)

    def _remember(self, admitted: AdmittedReadings, rows: NDArray[np.intp]) -> None:
        """Note the last value of each sensor, and when it last changed."""
        if not admitted.one_per_sensor:
            rows = rows[np.argsort(admitted.sensor[rows], kind="stable")]
        sensor, value = admitted.sensor[rows], admitted.value[rows]
        moved = value != values_before_each(self._value, sensor, value, one_per_sensor=admitted.one_per_sensor)
        np.maximum.at(self._moved_ns, sensor[moved], admitted.time_ns[rows[moved]])

    def state(self) -> State:
        """Return the columns to keep."""
        by_sensor: dict[str, NDArray[np.generic]] = {"value": self._value, "moved_ns": self._moved_ns}
        return State(by_sensor, {"level": self.level, "episode_ns": self._episode_ns}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the sensors that may end an alarm with their next reading."""
        del known
        is_watched = self._binding >= 0
        self._is_active[is_watched] = self.level[self._binding[is_watched]] > 0


def _devices(register: Register, watched: Sequence[int]) -> tuple[NDArray[np.intp], list[list[int]]]:
    """Return the number of each measured sensor's device, -1 where no sensor of it is watched, and their sensors."""
    heartbeats = heartbeats_of(register)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(register.sensors[each].device for each in watched))}
    device = np.full(len(register.sensors), -1, np.intp)
    members: list[list[int]] = [[] for _ in numbers]
    for number, each in enumerate(register.sensors):
        if each.id not in heartbeats and each.quantity not in _NOT_MEASURED and each.device in numbers:
            device[number] = numbers[each.device]
            members[device[number]].append(number)
    return device, members
