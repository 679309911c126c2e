"""The contract of a rule kind: the options of one rule, and one evaluator for all rules of the kind.

Input: nothing.
Output: `RuleKind`, `KindOptions`, `Evaluator`, `State`, `Transitions`.
Not responsible for: any single kind.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from config.document import Path
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.admission.admission import AdmittedReadings
from rules.events import AlarmKey, Dimension
from rules.quality_masks import NOTHING, QualityMask
from rules.rule import LevelLimit, Rule

NEVER_NS = np.iinfo(np.int64).min // 2
"""The value of "not yet" in time columns; half of the range, so that adding a delay cannot overflow."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason why a rule cannot work, found after its own keys were read."""

    path: Path
    """Below the rule, e.g. `("levels", 0, "limit")`."""
    expected: str
    got: str
    remedy: str


class KindOptions(Protocol):
    """The methods of an options model for the loader, besides those of a pydantic model."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels that a rule can raise, lowest first; empty for rules about devices."""
        ...

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity of the limits: `quantity` itself, or one that the kind derives from it."""
        ...

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether a sensor that passed the rule's filters is watched; `heartbeats` are ids of sensors."""
        ...

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield faults between the options, the quantity and the bound sensors."""
        ...


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule and the dense number of its first alarm; the others follow in the order of `rule.sensors`."""

    rule: Rule
    first_alarm: int
    order: int = 0
    """0 where readings are evaluated; a rule that names other rules has a higher number than all of them."""
    ignored: int = 0
    """`Quality` bits of readings that the rule does not use."""
    not_learned: int = 0
    """`Quality` bits of readings that the rule uses and does not learn from."""


def alarm_numbers(bound: Sequence[BoundRule]) -> NDArray[np.int32]:
    """Return int32[n_bindings]: the dense alarm numbers of all bindings of `bound`, rule by rule."""
    numbers = [np.arange(each.first_alarm, each.first_alarm + len(each.rule.sensors)) for each in bound]
    return np.concatenate([np.zeros(0, np.int32), *numbers], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Transitions:
    """Transitions of an evaluator, in any order; columns as in `AlarmEvents`.

    `place` is the place in the batch of the reading that caused the transition; -1 where silence before the batch did.
    """

    place: NDArray[np.intp]
    alarm: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    episode_ns: NDArray[np.int64]
    level_before: NDArray[np.int8]
    level_after: NDArray[np.int8]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    towards: NDArray[np.int32] | None = None
    """None stands for NaN, NaN and -1 everywhere."""


@dataclass(frozen=True, slots=True)
class State:
    """The columns of an evaluator that outlive a restart; the arrays are its own and are filled in place on restore."""

    by_sensor: dict[str, NDArray[np.generic]]
    """First axis: sensors of the register."""
    by_alarm: dict[str, NDArray[np.generic]]
    """First axis: bindings, in the order of `Evaluator.alarm`."""
    whole: dict[str, NDArray[np.generic]]
    """Not indexed by sensors or alarms, so a change of register or rules moves nothing."""
    optional: frozenset[str] = frozenset()
    """Columns that a snapshot of other rules may lack: they then stay new."""


class Evaluator(Protocol):
    """Evaluates all rules of one kind over columns that are allocated once."""

    alarm: NDArray[np.int32]
    """Dense alarm number of each binding, ascending."""
    level: NDArray[np.int8]
    """Current level of each binding, 0 while inactive."""

    def evaluate(self, admitted: AdmittedReadings) -> list[Transitions]:
        """Return the transitions that these readings and the clock cause."""
        ...

    def state(self) -> State:
        """Return the columns to keep."""
        ...

    def rebuild(self, known: NDArray[np.bool_]) -> None:
        """Derive the other columns after a restore; bool[n_sensors] `known` were in the snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class UpstreamTransitions:
    """Transitions of other rules in one batch, in the order of place, then alarm; columns as in `Transitions`."""

    place: NDArray[np.intp]
    alarm: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    level_after: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class AlarmCatalogue:
    """The alarms of all rules, for rules that name other rules."""

    alarms: Sequence[AlarmKey]
    """By dense alarm number."""
    blinding: NDArray[np.bool_]
    """bool[n_alarms]: while the alarm is active, readings of its sensor prove nothing."""


class DerivedEvaluator(Protocol):
    """Evaluates all rules of one kind that uses the alarms of other rules."""

    alarm: NDArray[np.int32]
    """Dense alarm number of each binding, ascending."""
    level: NDArray[np.int8]
    """Current level of each binding, 0 while inactive."""

    def evaluate(self, admitted: AdmittedReadings, upstream: UpstreamTransitions, order: int) -> list[Transitions]:
        """Return the transitions of rules of `order` after these readings and the transitions of all rules before them.

        Places of both are of one batch; nothing else of the batch may matter.
        """
        ...

    def state(self) -> State:
        """Return the columns to keep."""
        ...

    def rebuild(self, levels: NDArray[np.int8], seen: NDArray[np.bool_]) -> None:
        """Derive the other columns after a restore.

        Args:
            levels: int8[n_alarms], the restored levels of all alarms.
            seen: bool[n_sensors], a reading was admitted.
        """
        ...


@dataclass(frozen=True, slots=True)
class RuleKind:
    """One line in the table of kinds."""

    dimension: Dimension
    options: type[BaseModel]
    """A model that also satisfies `KindOptions`; unknown keys are forbidden."""
    build: Callable[[Sequence[BoundRule], Register, Counter[tuple[str, str]]], Evaluator] | None
    """None for kinds that use the alarms of other rules."""
    ignores: QualityMask = NOTHING
    """Readings with one of these flags are not used. Hazard kinds hold OUT_OF_RANGE by `on_suspect` of each rule."""
    does_not_learn: QualityMask = NOTHING
    """Readings with one of these flags are used and not learned from."""
    _: KW_ONLY
    blinds: bool = True
    """Of a health kind: while its alarm is active, readings of the sensor prove nothing."""
    build_derived: (
        Callable[[Sequence[BoundRule], Register, Counter[tuple[str, str]], AlarmCatalogue], DerivedEvaluator] | None
    ) = None
    """Of a kind that uses the alarms of other rules; its options are also `rules.references.ReferencingOptions`."""
    among: Callable[[BaseModel, Sequence[Sensor], Register], Iterator[Fault]] | None = None
    """Faults between the options of a rule, its bound sensors, and the other sensors of the register."""
    one_for: Callable[[BaseModel, Sensor], str] | None = None
    """Of sensors of a rule with an equal result, only the first of the register is bound."""
