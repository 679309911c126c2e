"""`DistanceEvaluator`: how far readings are from what their own sensor's past, or others, let expect.

Comes in: arrivals, and from a kind what is expected. Goes out: to the kind, which readings it may learn from and for
whom its expectation has become useless; to the ladder, distances turned so that more is worse. Refuses to know how
anything is expected.

What tells a danger must not learn it: nothing is learned from a reading whose distance has not fallen behind the reset
value of the lowest level. Where that has lasted for `rebaseline_s` without a gap, the kind forgets what it knows.
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
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.continuity import Continuity, ValueStep
from rules.evaluation.per_sensor import Readings, ReferenceReadings, SequentialEvaluator
from rules.kind import BoundRule, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rates import Direction, directions, towards

SECOND_NS = 1_000_000_000
_LONGEST_S = 366 * 86_400
SIGMA_OF_MEAN = 1.2533141373155003
"""Of normal numbers: standard deviation over mean absolute deviation, sqrt(pi / 2)."""
_MOST_SIGMAS = 1e6
"""Nothing measures so far; assumed."""
_FINEST_SIGMA = 1e-6
"""Where no quantity says how fine it is told."""


class In(StrEnum):
    """What limits are counted in, where a rule can choose."""

    SIGMA = "sigma"
    UNIT = "unit"


class DistanceOptions(LimitOptions):
    """The keys that kinds with an expectation share; limits are distances, more than 0."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse, whatever the direction: there is nothing to choose."""
    direction: Direction = Direction.EITHER
    """Which way is dangerous."""
    rebaseline_s: float = Field(default=7 * 86_400, ge=0, le=_LONGEST_S, allow_inf_nan=False)
    """Assumed: what has been so for a week is how it is now. 0: never."""


def distance_of(quantity: Quantity, name: str, zh: str, en: str) -> Quantity:
    """Return what a distance between two values of `quantity` is, in its unit."""
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
    """Return what a distance is that is told in sigmas of its sensor."""
    return dataclasses.replace(distance, unit="σ", high=_MOST_SIGMAS, decimals=1)


def least_sigma(quantity: Quantity | None) -> float:
    """Return the smallest sigma that is believed: the last digit that `quantity` is told with, canonical unit."""
    return 10.0**-quantity.decimals if quantity else _FINEST_SIGMA


@dataclass(frozen=True, slots=True)
class LearningMask:
    """What a kind may do after its readings were compared with what it expected; bool[n] each."""

    may_learn: NDArray[np.bool_]
    """The reading is good and calm."""
    must_forget: NDArray[np.bool_]
    """What was expected here is to be forgotten."""


class DistanceEvaluator:
    """The alarms of all rules of one kind, and how long each binding has been beyond."""

    def __init__(
        self,
        bound: Sequence[BoundRule],
        register: Register,
        counts: Counter[tuple[str, str]],
        stale_ns: NDArray[np.int64] | None = None,
        *,
        uses_ignored: NDArray[np.bool_] | None = None,
    ) -> None:
        """Make one inactive alarm for each binding of `bound`, whose options are `DistanceOptions`.

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
        self._calm_below = np.array(resets, np.float64)[rule]
        self._longest_ns = np.array([round(each.rebaseline_s * SECOND_NS) for each in options], np.int64)[rule]
        self._beyond_ns = np.zeros(len(sensor), np.int64)

    def evaluate(
        self, admitted: AdmittedReadings, derive: Callable[[Readings, ValueStep], NDArray[np.float64]]
    ) -> list[Transitions]:
        """Return the transitions of the distances that `derive` gives for one reading of each of many bindings."""
        return self._sequential.evaluate(admitted, lambda readings: derive(readings, self.step(readings)))

    def evaluate_with_references(
        self,
        admitted: AdmittedReadings,
        references: ReferenceReadings,
        derive: Callable[[Readings], NDArray[np.float64]],
    ) -> list[Transitions]:
        """Return the same where `derive` also sees `references`; it takes each `step` of the judged itself."""
        return self._sequential.evaluate(admitted, derive, references)

    def step(self, readings: Readings) -> ValueStep:
        """Return the steps to readings of distinct bindings from those before them, and remember them."""
        return self._continuity.step(readings.binding, readings.time_ns, readings.clock)

    def signed(self, b: NDArray[np.intp], distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: signed distances of bindings `b` turned so that more is worse."""
        return towards(distance, self._direction[b])

    def learning_mask(
        self,
        readings: Readings,
        step: ValueStep,
        distance: NDArray[np.float64],
        always: NDArray[np.bool_] | None = None,
    ) -> LearningMask:
        """Return what may be learned from readings of distinct bindings.

        Args:
            readings: what was judged.
            step: to each of them.
            distance: float64[n], turned; NaN where none is known.
            always: bool[n], whatever was judged teaches, also what is odd; nobody's by default.
        """
        b = readings.binding
        always = np.zeros(len(b), np.bool_) if always is None else always
        calm = ~(distance >= self._calm_below[b]) | always
        since = np.where(step.broken, 0, self._beyond_ns[b] + step.elapsed_ns)
        self._beyond_ns[b] = np.where(calm, 0, since)
        must_forget = ~calm & (self._longest_ns[b] > 0) & (self._beyond_ns[b] >= self._longest_ns[b])
        self._beyond_ns[b[must_forget]] = 0
        return LearningMask(calm & (((readings.quality & self._not_learned[b]) == 0) | always), must_forget)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart; first axis: bindings."""
        return {**self.level_evaluator.columns(), **self._continuity.columns(), "beyond_ns": self._beyond_ns}
