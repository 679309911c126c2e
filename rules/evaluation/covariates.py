"""`Covariates`: the other sensors that explain each binding, and their last readings.

Input: readings of these sensors in the order of arrival.
Output: features for a regression, and whether they are fresh.
Not responsible for: the value that they explain.
Rejects: a covariate that is not exactly one other sensor, as a fault of the rule.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.evaluation.per_sensor import ReferenceReadings
from rules.fan_out import FanOut
from rules.kind import NEVER_NS, Fault
from rules.statistics.regression import FEATURES


class SensorOf(StrEnum):
    """The place of another sensor."""

    DEVICE = "device"
    ASSET = "asset"


class Covariate(BaseModel):
    """One other sensor, by its quantity or by its id."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    quantity: str | None = None
    """The quantity of the other sensor; or `sensor`."""
    of: SensorOf = SensorOf.ASSET
    """Where it is."""
    sensor: str | None = None
    """Its id; or `quantity`."""
    lag_s: float = Field(default=0, ge=0, le=30 * 86_400, allow_inf_nan=False)
    """The value of so long ago counts, seconds."""


@dataclass(slots=True)
class Finder:
    """Finds covariates in a register."""

    register: Register
    _by_quantity: Mapping[tuple[str, str], list[int]] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the sensors once."""
        found: dict[tuple[str, str], list[int]] = {}
        for number, each in enumerate(self.register.sensors):
            found.setdefault((each.asset, each.quantity), []).append(number)
        self._by_quantity = found

    def candidates(self, sensor: Sensor, covariate: Covariate) -> list[int]:
        """Return the numbers of the sensors that `covariate` can mean for `sensor`; a good rule has exactly one."""
        if covariate.sensor is not None:
            number = self.register.sensor_index.get(covariate.sensor, -1)
            return [number] if number >= 0 and covariate.sensor != sensor.id else []
        numbers = self._by_quantity.get((sensor.asset, covariate.quantity or ""), [])
        numbers = [number for number in numbers if self.register.sensors[number].id != sensor.id]
        same = [number for number in numbers if self.register.sensors[number].device == sensor.device]
        # A strain gauge with a thermometer on its own device means that thermometer.
        return same if covariate.of is SensorOf.DEVICE or len(same) == 1 else numbers


def covariate_faults(covariates: Sequence[Covariate], sensors: Sequence[Sensor], register: Register) -> Iterator[Fault]:
    """Yield each covariate that is not exactly one other sensor for every one of `sensors`, once."""
    finder = Finder(register)
    for i, each in enumerate(covariates):
        path = ("against", i)
        if (each.quantity is None) == (each.sensor is None):
            yield Fault(
                path, "either `quantity` or `sensor`", "both" if each.sensor else "neither", "write one of them"
            )
            continue
        for sensor in sensors:
            found = [register.sensors[number].id for number in finder.candidates(sensor, each)]
            if len(found) != 1:
                what = each.sensor or f"of {each.quantity} at the {each.of} of {sensor.id}"
                got = ", ".join(found[:3]) or "none"
                remedy = "name it with `sensor` in a rule of its own, or narrow `where`"
                yield Fault(path, f"one other sensor {what}", got, remedy)
                break


class Covariates:
    """The newest readings of the covariates of each binding."""

    def __init__(self, covariates: Sequence[Sequence[Covariate]], sensor: Sequence[int], register: Register) -> None:
        """Make a place for each covariate of each binding: `covariates[i]` explain the sensor numbered `sensor[i]`."""
        n, finder = len(sensor), Finder(register)
        links: list[tuple[int, int, int]] = []
        meant = [""] * n
        self._stale_ns, self._lag_ns = np.zeros((n, FEATURES), np.int64), np.zeros((n, FEATURES), np.int64)
        self._exists = np.zeros((n, FEATURES), np.bool_)
        for b, (number, each) in enumerate(zip(sensor, covariates, strict=True)):
            for slot, covariate in enumerate(each, 1):
                (other, *_) = finder.candidates(register.sensors[number], covariate)
                links.append((other, b, slot))
                self._exists[b, slot] = True
                meant[b] += f"{register.sensors[other].id} {covariate.lag_s} "
                self._stale_ns[b, slot] = round(register.sensors[other].stale_after_s * SECOND_NS)
                self._lag_ns[b, slot] = round(covariate.lag_s * SECOND_NS)
        self._used = 1 + max((len(each) for each in covariates), default=0)
        columns = np.array(links, np.intp).reshape(-1, 3)
        self._binding, self._slot = columns[:, 1], columns[:, 2]
        self._fan_out = FanOut(len(register.sensors), columns[:, 0], np.arange(len(links)))
        self._time_ns, self._value = np.full((n, FEATURES), NEVER_NS), np.zeros((n, FEATURES))
        self._value[:, 0] = 1
        self._clock = np.zeros((n, FEATURES), np.bool_)
        self._meant = np.array([zlib.crc32(each.encode()) for each in meant], np.int64)
        self._learned = self._meant.copy()

    def reference_readings(self, sensor: NDArray[np.intp]) -> ReferenceReadings:
        """Return one row for each binding that `sensor[row]` explains."""
        row, link = self._fan_out.bindings_of(sensor)
        return ReferenceReadings(row, self._binding[link], self._slot[link])

    def remember(
        self,
        binding: NDArray[np.intp],
        slot: NDArray[np.intp],
        *,
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        clock: NDArray[np.bool_],
    ) -> None:
        """Remember a reading of each of distinct pairs of `binding` and `slot`."""
        place = binding, slot
        elapsed, lag_ns = time_ns - self._time_ns[place], self._lag_ns[place]
        is_first = self._time_ns[place] == NEVER_NS
        passed = np.where((elapsed < 0) | (clock != self._clock[place]), 0, elapsed)
        share = np.where(is_first | (lag_ns == 0), 1.0, passed / np.maximum(passed + lag_ns, 1))
        self._value[place] += share * (value - self._value[place])
        self._time_ns[place], self._clock[place] = time_ns, clock

    def features(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n, FEATURES]: 1, and the covariates of bindings `b`, 0 where there is none."""
        return self._value.take(b, axis=0)

    def are_fresh(self, b: NDArray[np.intp], time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return bool[n]: every covariate has a reading within its stale time around `time_ns`."""
        fresh = np.ones(len(b), np.bool_)
        for slot in range(1, self._used):
            age_ns = np.abs(time_ns - self._time_ns[b, slot])
            fresh &= (age_ns <= self._stale_ns[b, slot]) | ~self._exists[b, slot]
        return fresh

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "covariate_ns": self._time_ns,
            "covariate_value": self._value,
            "covariate_clock": self._clock,
            "covariate_meant": self._learned,
        }

    def rebuild(self) -> NDArray[np.intp]:
        """Return the bindings with other covariates than in the restored columns, and drop their readings."""
        changed = np.flatnonzero(self._learned != self._meant)
        self._time_ns[changed], self._clock[changed] = NEVER_NS, False
        self._value[changed, 1:] = 0
        self._learned[changed] = self._meant[changed]
        return changed
