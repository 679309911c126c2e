"""`threshold`: a value beyond a limit for a time, with up to five levels in one rule.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: the wall clock; every delay is a difference of event times of one sensor.
Rejects: sensors without a design value where they need one, and faulty levels.

Each level of each binding has a *condition*. It begins with a value at or beyond the limit and ends with one back
beyond limit and deadband. A level becomes active with a reading if the condition is unbroken since a reading at least
`on_delay_s` older. It becomes inactive likewise after `off_delay_s`. The alarm stands at its highest active level. With
`relative_to: design` the judged value is the reading in percent of the sensor's design value in the register. Where the
device has a heartbeat, becoming inactive also takes a heartbeat that advances after that older reading. A good value
from a dead device is no all-clear. Where the rule is `live`, becoming active takes one too. `docs/rules.md` says how
gaps, doubtful readings and doubtful clocks count.

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

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register, Sensor
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.noise import NoiseEstimate, NormalRange
from rules.kind import BoundRule, Fault, State, Transitions
from rules.level_options import LevelOptions, LimitOptions
from rules.rule import Side

_MOST_SIGMAS = 20.0
"""Assumed: more is not noise."""
_ROUNDING = 1e-9
"""A deadband of 0.02 is two times 0.01."""
_FINEST = 1e-6
"""The last digit of a value if no quantity says it."""
_MOST_PERCENT = 1000.0
"""Of a design value; assumed: a larger reading is no instrument at its place."""


class RelativeTo(StrEnum):
    """The reference of limits."""

    ABSOLUTE = "absolute"
    """No reference: they are in the unit of the quantity."""
    DESIGN = "design"
    """They are percent of each sensor's design value."""


class ThresholdLevel(LevelOptions):
    """One level of a threshold rule."""

    deadband_sigmas: float | None = Field(default=None, gt=0, le=_MOST_SIGMAS, allow_inf_nan=False)
    """The deadband is at least so many sigmas of each sensor's own short-term noise, 3 is usual; left out: it is as
    given. Until the noise is known it is as given as well."""
    deadband_most: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The widest that noise makes the deadband, same unit; left out: three times `deadband`, assumed."""


class ThresholdOptions(LimitOptions):
    """The keys of a threshold rule."""

    levels: tuple[ThresholdLevel, ...] = Field(min_length=1, max_length=5)
    """One to five levels of the same danger."""
    relative_to: RelativeTo = RelativeTo.ABSOLUTE
    """`absolute`, the default: limits are in the unit of the quantity. `design`: limits and deadbands are percent of
    each sensor's design value."""

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the rule's quantity itself, or its share of the design value, percent."""
        if quantity is None or self.relative_to is RelativeTo.ABSOLUTE:
            return quantity
        return dataclasses.replace(
            quantity,
            zh=f"{quantity.zh}占设计值比例",
            en=f"{quantity.en}, share of its design value,",
            unit="%",
            low=-_MOST_PERCENT,
            high=_MOST_PERCENT,
            decimals=1,
        )

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults of the levels, and sensors without a design value where they need one."""
        yield from super().faults(quantity, sensors)
        yield from self._noise_faults(self.judged_quantity(quantity))
        if self.relative_to is RelativeTo.ABSOLUTE or quantity is None:
            return
        without = [each.id for each in sensors if not each.design]
        if without:
            remedy = "write it in the column design of sensors.csv, or narrow `where`"
            got = f"none for {', '.join(without[:3])}"
            yield Fault(("relative_to",), f"a design value in {quantity.unit} for every sensor", got, remedy)
        for i, each in enumerate(self.levels):
            beyond = [s for s in sensors if s.design and not _is_reachable(each.limit * s.design / 100, quantity)]
            for sensor in beyond[:1]:
                expected = f"{quantity.low:g} to {quantity.high:g} {quantity.unit} ({quantity.name})"
                got = f"{each.limit * (sensor.design or 0) / 100:g} {quantity.unit} at {sensor.id}"
                yield Fault(("levels", i, "limit"), expected, got, "no working instrument reports it; lower the limit")

    def _noise_faults(self, judged: Quantity | None) -> Iterator[Fault]:
        finest = 0.0 if judged is None else 2 * 10.0**-judged.decimals
        for i, each in enumerate(self.levels):
            if each.deadband_sigmas is None:
                if each.deadband_most is not None:
                    remedy = "add deadband_sigmas: 3, or remove it"
                    yield Fault(("levels", i, "deadband_most"), "deadband_sigmas beside it", "none", remedy)
                continue
            if each.deadband < finest * (1 - _ROUNDING):
                unit = judged.unit if judged else ""
                expected = f"at least {finest:g} {unit}, two of its last digits".replace(" ,", ",")
                remedy = "enlarge it: it is the least, and what counts until the noise is known"
                yield Fault(("levels", i, "deadband"), expected, f"{each.deadband:g}", remedy)
            if each.deadband_most is not None and each.deadband_most < each.deadband:
                expected, remedy = f"at least the deadband, {each.deadband:g}", "enlarge it, or remove it"
                yield Fault(("levels", i, "deadband_most"), expected, f"{each.deadband_most:g}", remedy)


def _is_reachable(limit: float, quantity: Quantity) -> bool:
    return quantity.low <= limit <= quantity.high


class Threshold:
    """All threshold rules over all their sensors."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._level_evaluator = LevelEvaluator(bound, register, counts)
        self._unit = _units(bound, register)
        self._noise = _noise(bound, register, self._level_evaluator)
        """None where no rule asks for it."""
        self.alarm: NDArray[np.int32] = self._level_evaluator.alarm
        self.level: NDArray[np.int8] = self._level_evaluator.level

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` cause."""
        row, binding = self._level_evaluator.bindings_of(admitted)
        value = admitted.value[row] / self._unit[binding]
        sigma = None if self._noise is None else self._noise.sigmas(admitted, row, binding, value)
        return self._level_evaluator.evaluate(admitted, row, binding, value, sigma)

    def state(self) -> State:
        """Return the columns to keep."""
        noise = {} if self._noise is None else self._noise.columns()
        return State({}, self._level_evaluator.columns() | noise, {}, frozenset(noise) | {"sigma"})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the columns that are not kept."""
        del known
        self._level_evaluator.rebuild()


def _units(bound: Sequence[BoundRule], register: Register) -> NDArray[np.float64]:
    """Return float64[n_bindings]: the unit of each limit in canonical units; a percent of a design value, or 1."""
    units = [
        (register.sensors[number].design or np.nan) / 100 if _is_share(each) else 1.0
        for each in bound
        for number in each.rule.sensors
    ]
    return np.array(units, np.float64)


def _is_share(each: BoundRule) -> bool:
    options = each.rule.options
    return isinstance(options, ThresholdOptions) and options.relative_to is RelativeTo.DESIGN


def _noise(bound: Sequence[BoundRule], register: Register, level_evaluator: LevelEvaluator) -> NoiseEstimate | None:
    """Return the noise estimate of bindings with a deadband that follows it; None if there are none."""
    follows = [any(level.deadband_sigmas for level in each.rule.levels) for each in bound]
    if not any(follows):
        return None
    sign = [-1.0 if each.rule.levels[0].side is Side.LOW else 1.0 for each in bound]
    below = [min(way * level.reset for level in each.rule.levels) for way, each in zip(sign, bound, strict=True)]
    finest = [
        _FINEST if each.rule.judged_quantity is None else 10.0**-each.rule.judged_quantity.decimals for each in bound
    ]
    stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)[level_evaluator.sensor]
    rule = level_evaluator.rule
    return NoiseEstimate(
        NormalRange(
            np.array(follows, np.bool_)[rule],
            np.array(sign)[rule],
            np.array(below)[rule],
            np.array(finest)[rule],
            np.round(stale_s * 1e9).astype(np.int64),
        ),
        not_learned=bound[0].not_learned,
    )
