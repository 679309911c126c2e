"""`QualityChecks`: runs the table of quality checks over batches of readings.

Input: a batch with times as sent, or a batch out of the journal.
Output: the same readings with the bits of the checks, and with settled times; the state of the sensors after them.
Not responsible for: any single check (`collector.checks`), files, and rules.
Rejects: nothing; each reading is kept. A sensor with too many readings in one batch gets UNCHECKED.

Each sensor is compared with its own readings, in their order. Cutting them into batches changes nothing. A reading
that is not newer than the newest of its sensor gets no bit of a sensor check. The newest one repeated gets the same
bits again. docs/quality.md describes each check and the choice of its numbers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality, ReadingBatch, make_batch
from collector.check_state.check import BatchCheck, CheckSetup, SensorCheck
from collector.check_state.limits import CheckLimits, make_bounds, make_late_ns
from collector.check_state.memory import Bools, Floats, Ints, SensorMemory, SensorStep
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
_Columns = tuple[NDArray[np.intp], Ints, Bools, Floats]
"""Sensor, time, whether the time is the received time, and value of readings."""
_SIGNAL_S = 0.1
"""A sensor read more often sends a signal, in which no single reading is a level; assumed: ten a second."""


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
        self.memory = SensorMemory(register.sensor_ids, make_bounds(register, quantities, self._limits))
        """The state of the sensors."""
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
            self._is_compared,
            Counter() if counts is None else counts,
        )
        self._sensor_checks = _prepare_sensor_checks(checks, setup)
        is_of_now = (check for check in checks.values() if isinstance(check, SensorCheck) and check.is_of_now)
        self._bits_of_now = sum(int(check.bit) for check in is_of_now)
        self._stages = _order_stages(checks, setup, self.compare)

    def check(self, batch: ReadingBatch) -> ReadingBatch:
        """Return a batch with times as sent, with settled times and the bits of all checks."""
        for stage in self._stages:
            batch = stage(batch)
        return batch

    def compare(self, batch: ReadingBatch) -> ReadingBatch:
        """Return a batch with settled times, with the bits of the sensor checks; a stored batch teaches again.

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
        columns = (sensor, time_ns, stands_in, batch.value)
        passes, runs = self._splitter.split(sensor[rows])
        for piece in passes:
            flags[rows[piece]] |= self._check_pass(_take(columns, rows[piece]), batch.received_ns)
        if len(runs):
            flags[rows[runs]] |= self._check_runs(_take(columns, rows[runs]), batch.received_ns)
        if self._bits_of_now:
            flags[(flags & NOT_OF_NOW) != 0] &= ~np.uint16(self._bits_of_now)
        return ReadingBatch(batch.received_ns, batch.sensor, batch.time_ns, batch.value, flags)

    def _check_pass(self, columns: _Columns, received_ns: int) -> NDArray[np.uint16]:
        """Return the bits of at most one reading of each sensor."""
        _, time_ns, stands_in, value = columns
        step = self.memory.begin_step(*columns, received_ns)
        before = step.before
        newer = (time_ns > before.time_ns) | (stands_in & (time_ns == before.time_ns))
        if newer.all():
            _measure(step, self._limits)
            flags = np.zeros(len(value), np.uint16)
            for bit, check in self._sensor_checks:
                flags |= check(step) * np.uint16(bit)
            _move_on(step, flags)
            self.memory.finish_step(step)
            return flags
        again = (time_ns == before.time_ns) & (value == before.last)
        flags = np.where(again, before.flags, np.uint16(0))
        if newer.any():
            flags[newer] = self._check_pass(_take(columns, newer), received_ns)
        return flags

    def _check_runs(self, columns: _Columns, received_ns: int) -> NDArray[np.uint16]:
        """Return the bits of readings that are sorted by sensor, one reading after the other."""
        numbers, *rest = (column.tolist() for column in columns)
        readings = list(zip(*rest, strict=True))
        ends = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1]]
        bits: list[int] = []
        for begin, end in pairwise([0, *ends, len(numbers)]):
            bits += self._check_run(numbers[begin], readings[begin:end], received_ns)
        return np.array(bits, np.uint16)

    def _check_run(self, number: int, readings: Iterable[tuple[Ints, Bools, Floats]], received_ns: int) -> list[int]:
        """Return the bits of the readings of one sensor; each formula computes with plain numbers."""
        step = self.memory.begin_run(number, received_ns)
        bits: list[int] = []
        for time_ns, stands_in, value in readings:
            state = step.before
            if time_ns > state.time_ns or (stands_in and time_ns == state.time_ns):
                step.time_ns, step.stands_in, step.value = time_ns, stands_in, value
                _measure(step, self._limits)
                flags = 0
                for bit, check in self._sensor_checks:
                    if check(step):
                        flags |= bit
                _move_on(step, flags)
                step.before, step.after = step.after, state
                bits.append(flags)
            else:
                bits.append(int(state.flags) if time_ns == state.time_ns and value == state.last else 0)
        self.memory.finish_run(step)
        return bits


def _take(columns: _Columns, rows: NDArray[np.intp] | NDArray[np.bool_]) -> _Columns:
    sensor, time_ns, stands_in, value = columns
    return sensor[rows], time_ns[rows], stands_in[rows], value[rows]


def _measure(step: SensorStep, limits: CheckLimits) -> None:
    """Fill in everything that several checks need of the reading and the state before it."""
    before, bounds, math_ = step.before, step.bounds, step.math
    step.is_fresh = fresh = step.time_ns - before.time_ns > bounds.gap_ns
    step.change = change = math_.where(fresh, 0.0, abs(step.value - before.last))
    step.away = math_.where(fresh, 0.0, abs(step.value - before.level))
    step.is_learned = learned = before.count >= limits.learn_readings
    step.scale = scale = math_.maximum(before.fast, math_.sqrt(before.slow))
    # The scales alone measure a sensor that changes with every reading, however wide its range.
    trembles = (before.changes > limits.noisy_share * before.count) & bounds.is_measured
    step.floor = floor = math_.where(trembles, 0.0, bounds.floor)
    step.lesson = math_.where(learned, math_.minimum(change, math_.maximum(limits.clip * scale, floor)), change)


def _move_on(step: SensorStep, flags: NDArray[np.uint16] | int) -> None:
    """Write the columns that every reading moves on."""
    after = step.after
    after.time_ns, after.stands_in, after.last = step.time_ns, step.stands_in, step.value
    after.flags, after.count = flags, step.before.count + 1  # type: ignore[assignment]


def _prepare_sensor_checks(
    checks: Mapping[str, BatchCheck | SensorCheck], setup: CheckSetup
) -> list[tuple[int, Callable[[SensorStep], NDArray[np.bool_]]]]:
    """Return the bit and the function of each sensor check that has something to do in the register."""
    of_sensor = [check for check in checks.values() if isinstance(check, SensorCheck)]
    return [(int(check.bit), run) for check in of_sensor if (run := check.prepare(setup)) is not None]


def _order_stages(
    checks: Mapping[str, BatchCheck | SensorCheck], setup: CheckSetup, compare: Callable[[ReadingBatch], ReadingBatch]
) -> list[Callable[[ReadingBatch], ReadingBatch]]:
    """Return the stages of a batch: each batch check, and all sensor checks at the place of the first of them."""
    stages: list[Callable[[ReadingBatch], ReadingBatch]] = []
    for check in checks.values():
        if isinstance(check, BatchCheck):
            prepared = check.prepare(setup)
            stages += [] if prepared is None else [prepared]
        elif compare not in stages:
            stages.append(compare)
    return stages


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
