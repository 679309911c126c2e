"""`magnitude`: a value too far from zero on either side, such as the tilt of a hydrant.

Input: admitted readings.
Output: transitions of hazard alarms.
Not responsible for: delays, deadbands and heartbeats; `LevelEvaluator` knows them.
Rejects: `side: low`, because a value near zero is no danger here.

The kind compares the magnitude of each value with the limits. This file is all that a kind needs when each reading is
judged by itself. To ship it: move the file to `rules/kinds/` and add one line to `RULE_KINDS`.

>>> options = MagnitudeOptions.model_validate({"levels": [
...     {"level": "yellow", "limit": 15, "deadband": 5, "on_delay_s": 60, "source": "assumed for this example"}]})
>>> [(limit.level.key, limit.limit) for limit in options.limits()]
[('yellow', 15.0)]
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.quantities import Quantity
from config.register import Register
from rules.admission.admission import AdmittedReadings
from rules.alarms.level_evaluator import LevelEvaluator
from rules.events import Dimension
from rules.kind import BoundRule, RuleKind, State, Transitions
from rules.level_options import LimitOptions
from rules.rule import Side


class MagnitudeOptions(LimitOptions):
    """The keys of a magnitude rule: those of every hazard rule; the side needs not be written."""

    side: Literal[Side.HIGH] = Side.HIGH
    """Always high: the danger is far from zero."""

    def judged(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity of the magnitudes, from zero to the larger end of the range."""
        if quantity is None:
            return None
        high = max(abs(quantity.low), abs(quantity.high))
        return dataclasses.replace(
            quantity, zh=f"{quantity.zh}绝对值", en=f"magnitude of {quantity.en}", low=0.0, high=high
        )


class Magnitude:
    """All magnitude rules over all their sensors; the state is columns, one place for each alarm."""

    def __init__(self, bound: Sequence[BoundRule], register: Register, counts: Counter[tuple[str, str]]) -> None:
        self._levels = LevelEvaluator(bound, register, counts)
        self.alarm: NDArray[np.int32] = self._levels.alarm
        self.level: NDArray[np.int8] = self._levels.level

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that `admitted` readings cause."""
        row, binding = self._levels.bindings_of(admitted)
        return self._levels.evaluate(admitted, row, binding, np.abs(admitted.value[row]))

    def state(self) -> State:
        """Return the columns that outlive a restart."""
        return State({}, self._levels.columns(), {})

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the rest after the columns were restored."""
        del known
        self._levels.rebuild()


KIND = RuleKind(Dimension.HAZARD, MagnitudeOptions, Magnitude)
"""The line of the table: `"magnitude": RuleKind(Dimension.HAZARD, MagnitudeOptions, Magnitude)`."""
