"""`QualityChecks`: runs the table of quality checks over batches of readings.

Input: a batch with times as sent, or a batch out of the journal.
Output: the same readings with the bits of the checks, and with settled times; the state of the sensors after them.
Not responsible for: any single check (`collector.checks`), files, and rules.
Rejects: nothing; each reading is kept. A sensor with too many readings in one batch gets UNCHECKED.

Each sensor is compared with its own readings, in their order. Cutting them into batches changes nothing. A reading
that is not newer than the newest of its sensor gets no bit of a sensor check, except that the newest one repeated gets
the same bits again. docs/quality.md says what each check means and how its numbers were chosen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality, ReadingBatch, make_batch
from collector.check_state.check import (
    Arithmetic,
    BatchCheck,
    CheckSetup,
    ColumnArithmetic,
    PlainArithmetic,
    SensorCheck,
    Step,
    begin_step,
)
from collector.check_state.limits import CheckLimits, SensorBounds, make_bounds, make_late_ns
from collector.check_state.memory import SensorMemory, SensorStates
from collector.checks import CHECKS
from collector.devices.clocks import DeviceClocks
from collector.passes import CostModel, PassSplitter
from config.climatology import UsualRange
from config.quantities import ONLINE, Quantity
from config.register import Neighbour, Register, Sensor
from config.settings import IntakeSettings
from config.time_units import SECOND_NS

MAX_BURST = 16_384
"""Readings of one sensor in one batch, at most, that are compared; assumed: nine hours at 2 s, some 100 ms."""
_SIGNAL_S = 0.1
"""A sensor read more often sends a signal, in which no single reading is a level; assumed: ten a second."""


@dataclass(frozen=True, slots=True)
class _Readings:
    """Columns of readings that are compared together."""

    sensor: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    stands_in: NDArray[np.bool_]
    """Whether the time is the received time."""
    value: NDArray[np.float64]
    received_ns: int

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "_Readings":
        """Return the readings at `rows`."""
        return _Readings(
            self.sensor[rows], self.time_ns[rows], self.stands_in[rows], self.value[rows], self.received_ns
        )

    def list_columns(self) -> tuple[list[int], list[bool], list[float]]:
        """Return times, whether each stands in, and values as plain numbers."""
        return self.time_ns.tolist(), self.stands_in.tolist(), self.value.tolist()


class QualityChecks:
    """The checks of one register and the state that they share; belongs to one thread."""

    def __init__(
        self,
        register: Register,
        quantities: Mapping[str, Quantity],
        limits: CheckLimits | None = None,
        costs: CostModel | None = None,
        *,
        intake: IntakeSettings | None = None,
        counts: Counter[tuple[str, str]] | None = None,
        checks: Mapping[str, BatchCheck | SensorCheck] = CHECKS,
    ) -> None:
        """Begin without any state; `costs` change only the speed."""
        self._limits = limits or CheckLimits()
        intake = intake or IntakeSettings()
        self.clocks = DeviceClocks(register, make_late_ns(register, intake), int(intake.future_tolerance_s * SECOND_NS))
        """The state of the devices' clocks."""
        self.memory = SensorMemory(register.sensor_ids)
        """The state of the sensors."""
        self._bounds = make_bounds(register, quantities, self._limits)
        self._bound_rows = self._bounds.to_rows()
        self._is_compared = np.array(
            [each.quantity != ONLINE and each.cadence_s >= _SIGNAL_S for each in register.sensors], np.bool_
        )
        self._splitter = PassSplitter(len(register.sensors), costs)
        setup = CheckSetup(
            register,
            quantities,
            self._limits,
            intake,
            self.clocks,
            self.memory,
            self._bounds,
            self._is_compared,
            Counter() if counts is None else counts,
        )
        self._sensor_checks = _prepare_sensor_checks(checks, setup)
        is_of_now = (check for check in checks.values() if isinstance(check, SensorCheck) and check.is_of_now)
        self._bits_of_now = sum(int(check.bit) for check in is_of_now)
        self._stages = _order_stages(checks, setup, self.compare)

    def check(self, batch: ReadingBatch) -> ReadingBatch:
        """Return a batch, whose times are as sent, with settled times and the bits of all checks."""
        for stage in self._stages:
            batch = stage(batch)
        return batch

    def compare(self, batch: ReadingBatch) -> ReadingBatch:
        """Return a batch, whose times are settled, with the bits of the sensor checks; a stored batch teaches again.

        A reading that is OUT_OF_RANGE is neither compared nor remembered. Neither are readings of a sensor that has
        more than `MAX_BURST` of them in the batch; they get UNCHECKED: the intake must not stand still.
        """
        sensor, flags = batch.sensor.astype(np.intp), batch.quality.copy()
        rows = np.flatnonzero(self._is_compared[sensor] & ((flags & Quality.OUT_OF_RANGE) == 0))
        if len(rows) > MAX_BURST:
            burst = np.bincount(sensor[rows])[sensor[rows]] > MAX_BURST
            flags[rows[burst]] |= np.uint16(Quality.UNCHECKED)
            rows = rows[~burst]
        stands_in = (flags & RECEIVED_CLOCK) != 0
        # The digits that keep stand-in times apart depend on the batch, so that nothing may depend on them.
        time_ns = np.where(stands_in, batch.received_ns, batch.time_ns)
        readings = _Readings(sensor, time_ns, stands_in, batch.value, batch.received_ns)
        passes, runs = self._splitter.split(sensor[rows])
        for piece in passes:
            flags[rows[piece]] |= self._check_pass(readings.take(rows[piece]))
        if len(runs):
            flags[rows[runs]] |= self._check_runs(readings.take(rows[runs]))
        if self._bits_of_now:
            flags[(flags & NOT_OF_NOW) != 0] &= ~np.uint16(self._bits_of_now)
        return ReadingBatch(batch.received_ns, batch.sensor, batch.time_ns, batch.value, flags)

    def _check_pass(self, new: _Readings) -> NDArray[np.uint16]:
        """Return the bits of at most one reading of each sensor."""
        before = self.memory.take(new.sensor)
        newer = (new.time_ns > before.time_ns) | (new.stands_in & (new.time_ns == before.time_ns))
        if newer.all():
            step = _make_step(new, before, replace(before), self._bounds.take(new.sensor), ColumnArithmetic())
            flags = np.zeros(len(new.sensor), np.uint16)
            begin_step(step, self._limits)
            for bit, check in self._sensor_checks:
                flags |= check(step) * np.uint16(bit)
            step.after.flags = flags
            _finish_step(step)
            self.memory.put(new.sensor, step.after)
            return flags
        again = (new.time_ns == before.time_ns) & (new.value == before.last)
        flags = np.where(again, before.flags, np.uint16(0))
        if newer.any():
            flags[newer] = self._check_pass(new.take(newer))
        return flags

    def _check_runs(self, new: _Readings) -> NDArray[np.uint16]:
        """Return the bits of readings that are sorted by sensor, one reading after the other."""
        numbers, readings = new.sensor.tolist(), list(zip(*new.list_columns(), strict=True))
        ends = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1]]
        bits: list[int] = []
        for begin, end in pairwise([0, *ends, len(numbers)]):
            bits += self._check_run(new, numbers[begin], readings[begin:end])
        return np.array(bits, np.uint16)

    def _check_run(self, new: _Readings, number: int, readings: Iterable[tuple[int, bool, float]]) -> list[int]:
        """Return the bits of the readings of one sensor; each formula computes with plain numbers."""
        state = self.memory.take_one(number)
        spare, bounds = replace(state), SensorBounds(*self._bound_rows[number].item())
        step = _make_step(new, state, spare, bounds, cast("Arithmetic", PlainArithmetic()))
        step.sensor = number  # type: ignore[assignment]
        bits: list[int] = []
        for time_ns, stands_in, value in readings:
            if time_ns > state.time_ns or (stands_in and time_ns == state.time_ns):
                step.time_ns, step.stands_in, step.value = time_ns, stands_in, value  # type: ignore[assignment]
                step.before, step.after = state, spare
                begin_step(step, self._limits)
                flags = 0
                for bit, check in self._sensor_checks:
                    if check(step):
                        flags |= bit
                step.after.flags = flags  # type: ignore[assignment]
                _finish_step(step)
                state, spare = spare, state
                bits.append(flags)
            else:
                bits.append(int(state.flags) if time_ns == state.time_ns and value == state.last else 0)
        self.memory.put_one(number, state)
        return bits


def _prepare_sensor_checks(
    checks: Mapping[str, BatchCheck | SensorCheck], setup: CheckSetup
) -> list[tuple[int, Callable[[Step], NDArray[np.bool_]]]]:
    """Return the bit and the function of each sensor check that has something to do in the register."""
    of_sensor = [check for check in checks.values() if isinstance(check, SensorCheck)]
    return [(int(check.bit), run) for check in of_sensor if (run := check.prepare(setup)) is not None]


def _order_stages(
    checks: Mapping[str, BatchCheck | SensorCheck], setup: CheckSetup, compare: Callable[[ReadingBatch], ReadingBatch]
) -> list[Callable[[ReadingBatch], ReadingBatch]]:
    """Return the stages of a batch: each batch check, and at the place of the first sensor check all of them."""
    stages: list[Callable[[ReadingBatch], ReadingBatch]] = []
    for check in checks.values():
        if isinstance(check, BatchCheck):
            stages.append(check.prepare(setup))
        elif compare not in stages:
            stages.append(compare)
    return stages


def _make_step(
    new: _Readings, before: SensorStates, after: SensorStates, bounds: SensorBounds, math: Arithmetic
) -> Step:
    """Return the step of `new`; `begin_step` fills in the rest."""
    none = new.value
    is_none = new.stands_in
    return Step(
        new.sensor,
        new.time_ns,
        new.stands_in,
        new.value,
        new.received_ns,
        before,
        after,
        bounds,
        math,
        is_none,
        none,
        none,
        none,
        none,
        is_none,
        none,
    )


def _finish_step(step: Step) -> None:
    """Write the columns that every reading moves on; the flags are those of the checks."""
    after = step.after
    after.time_ns, after.stands_in, after.last = step.time_ns, step.stands_in, step.value
    after.count = step.before.count + 1


def check_series(
    values: Sequence[float],
    times_s: Sequence[float] | None = None,
    *,
    received_s: float | None = None,
    cadence_s: float = 60.0,
    low: float = -1000.0,
    high: float = 1000.0,
    max_rate: float = np.inf,
    usual: tuple[float, float] | None = None,
    beside: Sequence[Sequence[float]] = (),
) -> list[str]:
    """Return the names of the bits of one sensor's readings, for examples.

    Args:
        values: readings in the order of receipt.
        times_s: their times; without them, one reading every `cadence_s`.
        received_s: when all of them are received; without it, each reading is received at its time.
        cadence_s: cadence of the sensor; its stale time is three cadences.
        low: lowest value of a working instrument.
        high: highest.
        max_rate: largest change in a second.
        usual: lowest and highest usual value.
        beside: readings of neighbours, received together with those of the sensor.
    """
    quantity = Quantity("level", "水位", "level", "m", low, high, max_rate, 2, {}, "example")
    names = [f"A{i}" for i in range(1 + len(beside))]
    sensors = [Sensor(each, each, each, "x", "level", 1.0, 0.0, cadence_s, 3 * cadence_s, "") for each in names]
    near = {one: [Neighbour(other, 1.0) for other in names if other != one] for one in names}
    ranges = (
        [] if usual is None else [UsualRange("level", "", tuple(range(1, 13)), tuple(range(24)), *usual, "example")]
    )
    register = Register({}, {}, sensors, {}, [], neighbours=near, usual_ranges=ranges)
    checks = QualityChecks(register, {"level": quantity})
    found = []
    for place, row in enumerate(zip(values, *beside, strict=True)):
        time_ns = round((cadence_s * place if times_s is None else times_s[place]) * SECOND_NS)
        received_ns = time_ns if received_s is None else round(received_s * SECOND_NS)
        n = len(row)
        bits = int(checks.check(make_batch(received_ns, range(n), [time_ns] * n, row, [0] * n)).quality[0])
        found.append("|".join(str(each.name) for each in Quality if each and bits & each))
    return found
