"""`modes`: a structure that swings more slowly than before, by all its accelerometers at once: FDD with MAC.

Input: admitted readings, sampled evenly and together, 50 to 200 a second.
Output: transitions of hazard alarms, one alarm for each asset, of its first sensor.
Not responsible for: the wall clock; windows are stretches of event time.
Rejects: modes that cannot be seen, and sensors that show no shape.

A window of `span_s` is complete when the last sensor of an asset has ended it. Then the matrix of their cross-spectra
is decomposed at each line near `expected_hz` (frequency domain decomposition). The highest first singular value that
stands out is a mode, its singular vector the shape of the mode. It is the watched mode if its shape is like the shape
of the reference. That means that the modal assurance criterion (MAC) is at least `least_mac`. The judged value is the
change of its frequency, percent, with the sign for which more is worse. A window in which the mode is not identified is
not judged, but counted with its reason. It restarts each delay that waits for several windows in a row.

The reference is written, or learned from the first `learn_windows` identifications. Readings flagged SPIKE or RATE are
judged, as a blow is both. Readings that their device doubts are left out. `rules/spectral/mode_shapes.py` names the
papers. `least_mac` is assumed: shapes of one mode agree better, those of two modes of a structure are near 0.

>>> import numpy as np
>>> from collector.batch import make_batch
>>> from config.register import Asset, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> tower = Asset("T", "tower", "bridge", "T", "T", "R", 0.0, 0.0)
>>> floors = [Sensor(f"T.{i}", "T", "D", f"a{i}", "acceleration", 1.0, 0.0, 0.05, 5.0, "") for i in range(2)]
>>> options = ModesOptions.model_validate({"span_s": 60, "segment_s": 20, "expected_hz": 2.0, "reference_hz": 2.0,
...     "reference_shape": {"T.0": 0.6, "T.1": 1.0}, "levels": [{"level": "yellow", "limit": 5, "deadband": 2,
...     "on_delay_s": 0, "on_samples": 3, "source": "assumed for this example"}]})
>>> rule = Rule("soft", "modes", "软", "soft", "", "", None, (0, 1), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {"T": tower}, floors, {}, []))
>>> dice = np.random.default_rng(1)
>>> times = np.arange(0, 600, 0.05)
>>> swing = np.sin(2 * np.pi * np.where(times < 300, 2.0, 1.85) * times)
>>> values = np.outer(swing, [0.6, 1.0]) + 0.3 * dice.normal(size=(len(times), 2))
>>> nanoseconds = np.repeat(np.round(times * 1e9), 2)
>>> batch = make_batch(0, [0, 1] * len(times), nanoseconds, values.ravel(), [0] * 2 * len(times))
>>> events = engine.evaluate(batch, position=1)
>>> [(int(events.time_ns[i]) // 10**9, round(float(events.value[i]), 1)) for i in range(len(events))]
[(480, 7.5)]
"""

import typing
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from collector.batch import RECEIVED_CLOCK
from config.quantities import Quantity
from config.register import Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings, starts_of
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.windows import MOST_SEGMENT_SAMPLES
from rules.kind import BoundRule, Fault, State, Transitions
from rules.spectral.mode_options import ModeOptions
from rules.spectral.mode_shapes import (
    CELLS,
    SENSORS,
    EndedWindow,
    EndedWindows,
    ReferenceModes,
    SpectralLines,
    first_density,
    mac,
)
from rules.spectral.spectra import find_peak
from rules.statistics.rates import directions, towards

_WIDE = 3
"""The band in which a mode must stand out is so many times as wide as the search."""
_MARGIN = 2
"""Lines beside the band, as peaks are compared with their neighbours."""


class ModesOptions(ModeOptions):
    """Keys of a modes rule; limits are percent."""

    expected_hz: float = Field(gt=0, le=1000)
    """Where the mode is looked for, Hz: from a test or a model. Needed."""
    least_mac: float = Field(default=0.9, ge=0.5, le=1)
    """How like the reference the shape must be, MAC, 0.5 to 1; 0.9 by default (assumed)."""
    reference_shape: dict[str, float] | None = None
    """How far each sensor swings in the mode, by the sensor's id, in any unit, with its sign. Without it, it is
    learned."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the change of the frequency, percent."""
        return None if quantity is None else self.frequency_change(quantity, "mode")

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield modes that cannot be seen, and sensors that show no shape."""
        yield from super().faults(quantity, sensors)
        yield from self.unseen(self.expected_hz, sensors)
        for asset, own in _by_asset(sensors).items():
            if not 2 <= len(own) <= SENSORS or len({each.cadence_s for each in own}) > 1:
                got = f"{len(own)} at {asset}: {', '.join(each.id for each in own[:3])}"
                remedy = "narrow `where`; one accelerometer alone is watched by `spectrum`"
                yield Fault(("quantity",), f"2 to {SENSORS} sensors of an asset, all with one cadence_s", got, remedy)
                break
        too_many = [each.id for each in sensors if 2 * self.span_s / self.segment_s * self.band(each)[1] > CELLS]
        if too_many:
            remedy = "narrow search_percent, shorten span_s, or change segment_s"
            expected = f"at most {CELLS} lines: 2 span_s / segment_s segments, 6 search_percent of expected_hz each"
            yield Fault(("span_s",), expected, f"more for {too_many[0]}", remedy)
        shape = self.reference_shape
        unnamed = [] if shape is None else [each.id for each in sensors if each.id not in shape]
        if shape is not None and (unnamed or not any(shape.values())):
            got = f"no {unnamed[0]}" if unnamed else "zeros"
            yield Fault(("reference_shape",), "every sensor of the rule by its id", got, "add it, or narrow `where`")

    def n_segment(self, sensor: Sensor) -> int:
        """Return how many samples of `sensor` a segment has."""
        return min(max(round(self.segment_s / sensor.cadence_s), 2), MOST_SEGMENT_SAMPLES)

    def band(self, sensor: Sensor) -> tuple[int, int]:
        """Return (number of the first, number of) lines of a spectrum of `sensor` that are kept."""
        n = self.n_segment(sensor)
        place, reach = self.expected_hz * n * sensor.cadence_s, _WIDE * self.search_percent / 100
        first = max(int(place * (1 - reach)) - _MARGIN, 0)
        last = min(int(np.ceil(place * (1 + reach))) + _MARGIN, n // 2)
        return first, max(last - first + 1, 1)


@dataclass(frozen=True, slots=True)
class _Group:
    """The bindings of a rule at one asset; the first bears the alarm."""

    bindings: NDArray[np.intp]
    sensors: tuple[Sensor, ...]
    shape: NDArray[np.complex128] | None
    """As written."""

    @property
    def bearer(self) -> int:
        """The binding with the alarm of all of them."""
        return int(self.bindings[0])


class Modes:
    """All modes rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._options = [typing.cast("ModesOptions", each.rule.options) for each in bound]
        self._counts = counts
        pairs = [
            (o, register.sensors[i]) for o, each in zip(self._options, bound, strict=True) for i in each.rule.sensors
        ]
        span_ns = np.array([round(each.span_s * SECOND_NS) for each, _ in pairs], np.int64)
        # A value comes with each window: a window without identification restarts delays over several windows.
        self._level_evaluator = LevelEvaluator(bound, register, counts, span_ns * 3 // 2)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        self._n_segment = np.array([o.n_segment(s) for o, s in pairs], np.int64)
        bands = np.array([o.band(s) for o, s in pairs], np.int64).reshape(-1, 2)
        self._first, self._n_lines = bands[:, 0], bands[:, 1]
        self._lines = SpectralLines(span_ns, self._n_segment, self._first, self._n_lines)
        self._ended_windows = EndedWindows(len(pairs))
        self._direction = directions([each.direction for each in self._options])
        self._groups = _groups(self._options, bound, register)
        self._references = ReferenceModes(self._reference_keys())

    def _reference_keys(self) -> NDArray[np.int64]:
        """Return int64[n_bindings]: a digest of the options that a learned reference depends on."""
        keys = np.zeros(len(self._groups), np.int64)
        for b, group in enumerate(self._groups):
            options = self._options[int(self._level_evaluator.rule[b])]
            said = f"{[each.id for each in group.sensors]} {options.expected_hz} {options.search_percent}"
            keys[b] = zlib.crc32(said.encode())
        return keys

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        row, binding = self._level_evaluator.bindings_of(admitted)
        # In the order of the readings of all sensors: the last sensor of an asset ends its window.
        ended = sorted(self._find_ended(admitted, row, binding), key=lambda each: each[:2])
        values = [self._value(b, window) for _, b, window in ended]
        known = [i for i, value in enumerate(values) if not np.isnan(value)]
        rows = np.array([ended[i][0] for i in known], np.intp)
        bearers = np.array([self._groups[ended[i][1]].bearer for i in known], np.intp)
        return self._level_evaluator.evaluate(admitted, rows, bearers, np.array([values[i] for i in known], np.float64))

    def _find_ended(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> Iterator[tuple[int, int, EndedWindow]]:
        """Yield (row that ends it, binding, its ended window) of windows, binding by binding."""
        order = np.argsort(binding, kind="stable")
        firsts = np.flatnonzero(starts_of(binding[order]))
        clock = (admitted.quality & RECEIVED_CLOCK) != 0
        for own in np.split(order, firsts[1:]) if len(order) else ():
            b, rows = int(binding[own[0]]), row[own]
            for part in np.split(rows, self._lines.windows.cuts(b, admitted.time_ns[rows], clock[rows])):
                is_received = bool(clock[part[0]])
                window = self._lines.add(b, admitted.time_ns[part], admitted.value[part], clock=is_received)
                if window is not None:
                    yield int(part[0]), b, window

    def _value(self, b: int, window: EndedWindow) -> float:
        """Return the judged value of the window that `piece` completes for its asset, NaN where it is unknown."""
        group = self._groups[b]
        if self._ended_windows.is_waiting(b, group.bindings):
            self._count_held("not_together")
        self._ended_windows.put(b, window)
        if not self._ended_windows.is_complete(group.bindings, window.number):
            return np.nan
        if not self._ended_windows.is_whole(group.bindings):
            return self._count_held("lost_samples")
        combined = self._ended_windows.combine(group.bindings, int(self._n_lines[b]))
        if combined is None:
            return self._count_held("not_together")
        cover, lines = combined
        options = self._options[int(self._level_evaluator.rule[b])]
        hz, density, shapes = first_density(lines, cover.rate_hz, int(self._n_segment[b]), int(self._first[b]))
        found = find_peak(hz, density, options.expected_hz, options.search_percent / 100, options.prominence)
        if found is None:
            return self._count_held("no_mode")
        return self._change(group, options, found.hz, shapes[found.line])

    def _change(self, group: _Group, options: ModesOptions, hz: float, shape: NDArray[np.complex128]) -> float:
        """Return how far the frequency is from its reference, percent; NaN of another mode, and while it is learned."""
        b = group.bearer
        if group.shape is not None and mac(shape, group.shape) < options.least_mac:
            return self._count_held("another_mode")
        if options.reference_hz is None or group.shape is None:
            if self._references.n_learned(b) < options.learn_windows:
                return self._learn(group, options, hz, shape)
            if mac(shape, self._references.shape(b, len(shape))[0]) < options.least_mac:
                return self._count_held("another_mode")
        reference_hz = options.reference_hz or self._references.hz(b)
        rule = int(self._level_evaluator.rule[b])
        change = np.array([100 * (hz / reference_hz - 1)])
        return float(np.maximum(towards(change, self._direction[rule : rule + 1]), 0.0)[0])

    def _learn(self, group: _Group, options: ModesOptions, hz: float, shape: NDArray[np.complex128]) -> float:
        """Learn an identification, and return NaN; a reference of several modes is learned anew."""
        b = group.bearer
        self._references.learn(b, hz, shape)
        is_last = self._references.n_learned(b) == options.learn_windows
        if is_last and self._references.shape(b, len(shape))[1] < options.least_mac:
            self._references.forget(b)
            return self._count_held("another_mode")
        return np.nan

    def _count_held(self, reason: str) -> float:
        self._counts["readings_held", reason] += 1
        return np.nan

    def state(self) -> State:
        """Return the columns to keep."""
        own = {**self._lines.columns(), **self._ended_windows.columns(), **self._references.columns()}
        return State({}, {**self._level_evaluator.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._lines.rebuild()
        self._references.rebuild()
        self._level_evaluator.rebuild()


def _by_asset(sensors: Sequence[Sensor]) -> dict[str, list[Sensor]]:
    found: dict[str, list[Sensor]] = {}
    for each in sensors:
        found.setdefault(each.asset, []).append(each)
    return found


def _groups(options: Sequence[ModesOptions], bound: Sequence[BoundRule], register: Register) -> list[_Group]:
    """Return the group of each binding."""
    found: list[_Group] = []
    for own, each in zip(options, bound, strict=True):
        sensors = [register.sensors[number] for number in each.rule.sensors]
        first = len(found)
        places: dict[str, list[int]] = {}
        for i, sensor in enumerate(sensors):
            places.setdefault(sensor.asset, []).append(i)
        groups = {name: _group(own, [sensors[i] for i in of], first + np.array(of)) for name, of in places.items()}
        found += [groups[sensor.asset] for sensor in sensors]
    return found


def _group(options: ModesOptions, sensors: Sequence[Sensor], bindings: NDArray[np.intp]) -> _Group:
    shape = options.reference_shape
    written = None if shape is None else np.array([shape.get(each.id, 0.0) for each in sensors], np.complex128)
    return _Group(bindings, tuple(sensors), written)
