"""`DistanceEvaluator`: the distance of readings from an expectation, and the readings that may teach it.

Input: admitted readings, and the expectation of a kind.
Output: signed distances to the levels, and to the kind the readings to learn from and the expectations to forget.
Not responsible for: how a value is expected.
Rejects: nothing.

An expectation must not learn the danger that it finds. A kind learns from a reading only while its distance is behind
the reset value of the lowest level. Where the distance has been beyond for `rebaseline_s` without a gap, the kind
forgets the expectation.
"""

import dataclasses
import typing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from config.quantities import Quantity
from config.register import Register
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.continuity import Continuity, ValueStep
from rules.evaluation.per_sensor import Readings, ReferenceReadings, SequentialEvaluator
from rules.kind import BoundRule, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rates import Direction, directions, towards

_LONGEST_S = 366 * 86_400
SIGMA_OF_MEAN = 1.2533141373155003
"""Of normal numbers: standard deviation over mean absolute deviation, sqrt(pi / 2)."""
_MOST_SIGMAS = 1e6
"""No distance is larger; assumed."""
_FINEST_SIGMA = 1e-6
"""Where no quantity has decimals."""


class In(StrEnum):
    """The unit of limits, where a rule can choose."""

    SIGMA = "sigma"
    UNIT = "unit"


class DistanceOptions(LimitOptions):
    """The keys that kinds with an expectation share; limits are distances, more than 0."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse, whatever the direction: there is nothing to choose."""
    direction: Direction = Direction.EITHER
    """The dangerous direction."""
    rebaseline_s: float = Field(default=7 * 86_400, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    """Assumed: a value that has lasted for a week is normal. 0: never."""


def distance_of(quantity: Quantity, name: str, zh: str, en: str) -> Quantity:
    """Return the quantity of a distance between two values of `quantity`, in its unit."""
    return dataclasses.replace(
        quantity,
        name=f"{quantity.name}_{name}",
        zh=f"{quantity.zh}{zh}",
        en=f"{quantity.en} {en}",
        low=0.0,
        high=quantity.high - quantity.low,
        max_rate=np.inf,
        accepts={},
    )


def in_sigmas(distance: Quantity) -> Quantity:
    """Return the quantity of a distance in sigmas of its sensor."""
    return dataclasses.replace(distance, unit="σ", high=_MOST_SIGMAS, decimals=1)


def least_sigma(quantity: Quantity | None) -> float:
    """Return the smallest sigma: the last digit of `quantity`, canonical unit."""
    return 10.0**-quantity.decimals if quantity else _FINEST_SIGMA


@dataclass(frozen=True, slots=True)
class LearningMask:
    """The readings to learn from, and the expectations to forget; bool[n] each."""

    may_learn: NDArray[np.bool_]
    """The reading is good and its distance is behind the reset value."""
    must_forget: NDArray[np.bool_]
    """The expectation of the binding must be forgotten."""


class DistanceEvaluator:
    """The alarms of all rules of one kind, and the time for which each binding has been beyond."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        stale_ns: NDArray[np.int64] | None = None,
        *,
        uses_ignored: NDArray[np.bool_] | None = None,
    ) -> None:
        """Make one inactive alarm for each binding of `bound` with options `DistanceOptions`.

        Args:
            bound: the rules.
            register: the sensors.
            counts: of the engine.
            stale_ns: int64[n_bindings], as a `LevelEvaluator` takes it.
            uses_ignored: bool[n_rules], as `LevelEvaluator` takes it.
        """
        self.level_evaluator = LevelEvaluator(bound, register, counts, stale_ns, uses_ignored=uses_ignored)
        self._not_learned = np.array([each.not_learned for each in bound], np.uint16)[self.level_evaluator.rule]
        sensor, rule = self.level_evaluator.sensor, self.level_evaluator.rule
        options = [typing.cast("DistanceOptions", each.rule.options) for each in bound]
        stale_s = np.array([each.stale_after_s for each in register.sensors], np.float64)[sensor]
        cadence_s = np.array([each.cadence_s for each in register.sensors], np.float64)[sensor]
        self.cadence_ns = np.round(cadence_s * SECOND_NS).astype(np.int64)
        """int64[n_bindings]: expected time between readings."""
        self.stale_ns = np.round(stale_s * SECOND_NS).astype(np.int64)
        self._sequential = SequentialEvaluator(self.level_evaluator)
        self._continuity = Continuity(self.stale_ns)
        self._direction = directions([each.direction for each in options])[rule]
        resets = [min((level.reset for level in each.rule.levels), default=np.inf) for each in bound]
        self._normal_below = np.array(resets, np.float64)[rule]
        self._longest_ns = np.array([round(each.rebaseline_s * SECOND_NS) for each in options], np.int64)[rule]
        self._beyond_ns = np.zeros(len(sensor), np.int64)

    def evaluate(
        self, admitted: AdmittedReadings, derive: Callable[[Readings, ValueStep], NDArray[np.float64]]
    ) -> list[Transitions]:
        """Return the transitions of the distances that `derive` has for one reading of each of many bindings."""
        return self._sequential.evaluate(admitted, lambda readings: derive(readings, self.step(readings)))

    def evaluate_with_references(
        self,
        admitted: AdmittedReadings,
        references: ReferenceReadings,
        derive: Callable[[Readings], NDArray[np.float64]],
    ) -> list[Transitions]:
        """Return the same where `derive` also has `references`, and calls `step` for the other readings itself."""
        return self._sequential.evaluate(admitted, derive, references)

    def step(self, readings: Readings) -> ValueStep:
        """Return the steps to readings of distinct bindings from the readings before them, and remember them."""
        return self._continuity.step(readings.binding, readings.time_ns, readings.clock)

    def signed(self, b: NDArray[np.intp], distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: distances of bindings `b` with the sign by which more is worse."""
        return towards(distance, self._direction[b])

    def learning_mask(
        self,
        readings: Readings,
        step: ValueStep,
        distance: NDArray[np.float64],
        always: NDArray[np.bool_] | None = None,
    ) -> LearningMask:
        """Return the readings of distinct bindings to learn from.

        Args:
            readings: the readings behind the distances.
            step: to each of them.
            distance: float64[n], signed; NaN where unknown.
            always: bool[n], every reading may be learned from, with any flag and any distance; none by default.
        """
        b = readings.binding
        always = np.zeros(len(b), np.bool_) if always is None else always
        is_normal = ~(distance >= self._normal_below[b]) | always
        since = np.where(step.broken, 0, self._beyond_ns[b] + step.elapsed_ns)
        self._beyond_ns[b] = np.where(is_normal, 0, since)
        must_forget = ~is_normal & (self._longest_ns[b] > 0) & (self._beyond_ns[b] >= self._longest_ns[b])
        self._beyond_ns[b[must_forget]] = 0
        return LearningMask(is_normal & (((readings.quality & self._not_learned[b]) == 0) | always), must_forget)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {**self.level_evaluator.columns(), **self._continuity.columns(), "beyond_ns": self._beyond_ns}
