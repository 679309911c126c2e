"""`spectrum`: a structure that swings more slowly than before, or shakes more: stiffness lost, a part loose.

Input: admitted readings, sampled evenly, 50 to 200 a second.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; windows are stretches of event time of one sensor.
Rejects: segments that do not fit, modes that cannot be seen, and levels that one window would raise.

The first sample after a window of `span_s` ends it, and one of two values is judged:

- `frequency`: the place of the mode near `expected_hz`. It is a change from the reference, percent, with the sign for
  which more is worse. The mode must stand out. `agree` other sensors of the rule at the same asset must find it within
  `agree_percent` of the same place. Their newest windows count. A window without such a mode is not judged. It restarts
  each delay that waits for several windows in a row.
- `rms`: the root mean square of the samples about their mean, in their unit.

A window with a lost sample is not judged. Readings flagged SPIKE or RATE are judged, as a blow is both. Readings that
their device doubts are left out. `rules/spectral/spectra.py` names the paper.

>>> import numpy as np
>>> from collector.batch import make_batch
>>> from config.register import Asset, Register, Sensor
>>> from rules.engine import RuleEngine
>>> from rules.rule import Rule, RuleSet
>>> bridge = Asset("B", "bridge", "bridge", "B", "B", "R", 0.0, 0.0)
>>> deck = Sensor("B.a", "B", "D", "a", "acceleration", 1.0, 0.0, 0.02, 5.0, "")
>>> options = SpectrumOptions.model_validate({"judge": "frequency", "span_s": 60, "segment_s": 20, "expected_hz": 2.0,
...     "reference_hz": 2.0, "levels": [{"level": "yellow", "limit": 5, "deadband": 2, "on_delay_s": 0,
...     "on_samples": 3, "source": "assumed for this example"}]})
>>> rule = Rule("soft", "spectrum", "软", "soft", "", "", None, (0,), options.limits(), options)
>>> engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {"B": bridge}, [deck], {}, []))
>>> dice = np.random.default_rng(1)
>>> times = np.arange(0, 600, 0.02)
>>> values = np.sin(2 * np.pi * np.where(times < 300, 2.0, 1.85) * times) + dice.normal(size=len(times))
>>> batch = make_batch(0, [0] * len(times), np.round(times * 1e9), values, [0] * len(times))
>>> events = engine.evaluate(batch, position=1)
>>> [(int(events.time_ns[i]) // 10**9, round(float(events.value[i]), 1)) for i in range(len(events))]
[(480, 7.5)]
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

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
from rules.kind import NEVER_NS, BoundRule, Fault, State, Transitions
from rules.spectral.mode_options import ModeOptions
from rules.spectral.spectra import Spectra, WindowSpectrum, find_peak_hz
from rules.statistics.rates import directions, towards


class Judge(StrEnum):
    """The judged value of a window."""

    FREQUENCY = "frequency"
    RMS = "rms"


class SpectrumOptions(ModeOptions):
    """Keys of a spectrum rule; limits are percent, or in the unit of the quantity."""

    judge: Judge
    """`frequency`: how far a mode has moved, percent; `rms`: how much it shakes, in the quantity's unit. Needed."""
    expected_hz: float | None = Field(default=None, gt=0, le=1000)
    """Of `frequency`: where the mode is looked for, Hz. Needed there."""
    agree: int = Field(default=0, ge=0, le=32)
    """So many other sensors of the rule at the same asset must find the mode in the same place; 0 by default."""
    agree_percent: float = Field(default=2.0, gt=0, le=20)
    """How far apart the same place may be, percent; 2 by default."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the change of the frequency, percent, or the root mean square of `quantity`."""
        if quantity is None:
            return None
        if self.judge is Judge.FREQUENCY:
            return self.frequency_change(quantity, self.judge)
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_{self.judge}",
            zh=f"{quantity.zh}均方根",
            en=f"root mean square of {quantity.en}",
            low=0.0,
            high=max(abs(quantity.low), abs(quantity.high)),
            max_rate=np.inf,
            accepts={},
        )

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield segments that do not fit, modes that cannot be seen, and levels that one window would raise."""
        yield from super().faults(quantity, sensors)
        if self.judge is not Judge.FREQUENCY:
            return
        if self.expected_hz is None:
            yield Fault(("expected_hz",), "a frequency", "nothing", "say where the mode is: from a test or a model")
            return
        yield from self.unseen(self.expected_hz, sensors)


class Spectrum:
    """All spectrum rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._options = [typing.cast("SpectrumOptions", each.rule.options) for each in bound]
        pairs = [
            (o, register.sensors[i]) for o, each in zip(self._options, bound, strict=True) for i in each.rule.sensors
        ]
        span_ns = np.array([round(each.span_s * SECOND_NS) for each, _ in pairs], np.int64)
        # A value comes with each window: a window without identification restarts delays over several windows.
        self._level_evaluator = LevelEvaluator(bound, register, counts, span_ns * 3 // 2)
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level
        n_segment = [min(max(round(each.segment_s / s.cadence_s), 2), MOST_SEGMENT_SAMPLES) for each, s in pairs]
        self._spectra = Spectra(span_ns, np.array(n_segment, np.int64))
        self._direction = directions([each.direction for each in self._options])
        self._others_of_asset = _others_of_asset(bound, register)
        n = len(pairs)
        self._hz, self._found_in = np.full(n, np.nan), np.full(n, NEVER_NS)
        """The newest identification of each binding, and the number of its window."""
        self._learned_sum, self._learned = np.zeros(n), np.zeros(n, np.int64)

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        row, binding = self._level_evaluator.bindings_of(admitted)
        ended = sorted(self._find_ended(admitted, row, binding), key=lambda each: each[:2])
        # In the order of the readings of all sensors: sensors are compared with each other.
        values = [self._value(b, number, window) for _, b, number, window in ended]
        known = [i for i, value in enumerate(values) if not np.isnan(value)]
        rows = np.array([ended[i][0] for i in known], np.intp)
        bindings = np.array([ended[i][1] for i in known], np.intp)
        return self._level_evaluator.evaluate(
            admitted, rows, bindings, np.array([values[i] for i in known], np.float64)
        )

    def _find_ended(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp]
    ) -> Iterator[tuple[int, int, int, WindowSpectrum]]:
        """Yield (row that ends it, binding, number, window) of windows that are known, binding by binding."""
        order = np.argsort(binding, kind="stable")
        firsts = np.flatnonzero(starts_of(binding[order]))
        clock = (admitted.quality & RECEIVED_CLOCK) != 0
        for own in np.split(order, firsts[1:]) if len(order) else ():
            b, rows = int(binding[own[0]]), row[own]
            time_ns = admitted.time_ns[rows]
            for part in np.split(rows, self._spectra.windows.cuts(b, time_ns, clock[rows])):
                is_received = bool(clock[part[0]])
                found = self._spectra.add(b, admitted.time_ns[part], admitted.value[part], clock=is_received)
                if found is not None:
                    yield int(part[0]), b, *found

    def _value(self, b: int, number: int, window: WindowSpectrum) -> float:
        """Return the judged value of a window of binding `b`, NaN where it is unknown."""
        rule = int(self._level_evaluator.rule[b])
        options = self._options[rule]
        if options.judge is Judge.RMS:
            return window.rms
        hz = find_peak_hz(window, options.expected_hz or np.nan, options.search_percent / 100, options.prominence)
        if np.isnan(hz):
            return np.nan
        self._hz[b], self._found_in[b] = hz, number
        if self._count_agreeing(b) < options.agree:
            return np.nan
        reference = self._reference(b, options, hz)
        change = np.array([100 * (hz / reference - 1)])
        return float(np.maximum(towards(change, self._direction[rule : rule + 1]), 0.0)[0])

    def _count_agreeing(self, b: int) -> int:
        """Return how many others at the same asset have found the mode there in their newest windows."""
        share = self._options[int(self._level_evaluator.rule[b])].agree_percent / 100
        others = self._others_of_asset[b]
        recent = np.abs(self._found_in[others] - self._found_in[b]) <= 1
        return int(np.count_nonzero(recent & (np.abs(self._hz[others] / self._hz[b] - 1) <= share)))

    def _reference(self, b: int, options: SpectrumOptions, hz: float) -> float:
        """Return the reference of changes, Hz; NaN while it is learned."""
        if options.reference_hz is not None:
            return options.reference_hz
        if self._learned[b] < options.learn_windows:
            self._learned_sum[b] += hz
            self._learned[b] += 1
            return np.nan
        return float(self._learned_sum[b] / self._learned[b])

    def state(self) -> State:
        """Return the columns to keep."""
        own: dict[str, NDArray[np.generic]] = {
            "hz": self._hz,
            "found_in": self._found_in,
            "learned_sum": self._learned_sum,
            "learned": self._learned,
        }
        return State({}, {**self._level_evaluator.columns(), **self._spectra.columns(), **own}, {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._spectra.rebuild()
        self._level_evaluator.rebuild()


def _others_of_asset(bound: Sequence[BoundRule], register: Register) -> list[NDArray[np.intp]]:
    """Return for each binding the others of its rule at the same asset."""
    found: list[NDArray[np.intp]] = []
    first = 0
    for each in bound:
        by_asset: dict[str, list[int]] = {}
        for i, number in enumerate(each.rule.sensors, first):
            by_asset.setdefault(register.sensors[number].asset, []).append(i)
        for i, number in enumerate(each.rule.sensors, first):
            others = [other for other in by_asset[register.sensors[number].asset] if other != i]
            found.append(np.array(others, np.intp))
        first += len(each.rule.sensors)
    return found
