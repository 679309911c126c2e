"""`BucketEvaluator`: evaluation of kinds that compare means of equal times, at the end of each.

Input: admitted readings, and the value that a kind derives from the last means.
Output: transitions of hazard alarms.
Not responsible for: the meaning of the means.
Rejects: nothing.
"""

import typing
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from config.register import Register
from config.time_units import SECOND_NS
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.evaluation.buckets import LEAST_SHARE, Buckets, phases
from rules.evaluation.per_sensor import Readings, SequentialEvaluator
from rules.kind import BoundRule, Transitions


class BucketOptions(typing.Protocol):
    """The options that such kinds have in common."""

    step_s: float
    """Length of a bucket, seconds."""


class BucketEvaluator:
    """The alarms and the buckets of all rules of one kind."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        """Make one inactive alarm and empty buckets for each binding of `bound`; options are `BucketOptions`."""
        sensors = [register.sensors[number] for each in bound for number in each.rule.sensors]
        steps = [round(typing.cast("BucketOptions", each.rule.options).step_s * SECOND_NS) for each in bound]
        self.step_ns = np.repeat(np.array(steps, np.int64), [len(each.rule.sensors) for each in bound])
        """int64[n_bindings]: length of a bucket, nanoseconds."""
        stale_ns = np.array([round(each.stale_after_s * SECOND_NS) for each in sensors], np.int64)
        # Each bucket has a value: two buckets without one are no gap yet.
        self.level_evaluator = LevelEvaluator(bound, register, counts, stale_ns + 2 * self.step_ns)
        self.buckets = Buckets(self.step_ns, phases([each.id for each in sensors], self.step_ns))
        self._sequential = SequentialEvaluator(self.level_evaluator, runs=self.buckets)

    def evaluate(
        self, admitted: AdmittedReadings, derive: Callable[[Readings], NDArray[np.float64]]
    ) -> list[Transitions]:
        """Return the transitions of the values of `derive` for readings that close a bucket; NaN is unknown."""

        def value(readings: Readings) -> NDArray[np.float64]:
            values = np.full(len(readings.binding), np.nan)
            closes = np.flatnonzero(self.buckets.add(readings))
            if len(closes):
                values[closes] = derive(readings.take(closes))
            return values

        return self._sequential.evaluate(admitted, value)

    def known_means(
        self, b: NDArray[np.intp], points: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the rows of `b` with enough of the last `points`, and their `Buckets.means`."""
        means = self.buckets.means(b, points)
        enough = np.flatnonzero(np.count_nonzero(~np.isnan(means), axis=1) >= np.ceil(LEAST_SHARE * points))
        return enough, means[enough]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {**self.level_evaluator.columns(), **self.buckets.columns()}
