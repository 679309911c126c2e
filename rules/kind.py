"""The contract of a rule kind: options of one rule, and one evaluator for all rules of the kind.

Comes in: nothing. Goes out: `RuleKind`, `KindOptions`, `Evaluator`, `State`, `Found`. Refuses to know any single kind.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from config.document import Path
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.arrivals import Arrivals
from rules.events import Dimension
from rules.rule import LevelLimit, Rule

NEVER_NS = np.iinfo(np.int64).min // 2
"""Stands for "not yet" in time columns; half of the range, so that adding a delay cannot overflow."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a rule cannot work, found after its own keys were read."""

    path: Path
    """Below the rule, e.g. `("levels", 0, "limit")`."""
    expected: str
    got: str
    remedy: str


class KindOptions(Protocol):
    """What an options model tells the loader besides being a pydantic model."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels a rule can raise, lowest first; empty for rules that judge devices."""
        ...

    def judged(self, quantity: Quantity | None) -> Quantity | None:
        """Return what is compared with the limits: `quantity` itself, or what the kind derives from it."""
        ...

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Tell whether a sensor that passed the rule's filters is watched; `heartbeats` are ids of sensors."""
        ...

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield what is wrong between the options, the quantity and the sensors they are bound to."""
        ...


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule and the dense number of its first alarm; the others follow in the order of `rule.sensors`."""

    rule: Rule
    first_alarm: int


def alarm_numbers(bound: Sequence[BoundRule]) -> NDArray[np.int32]:
    """Return int32[n_bindings]: the dense alarm numbers of all bindings of `bound`, rule by rule."""
    numbers = [np.arange(each.first_alarm, each.first_alarm + len(each.rule.sensors)) for each in bound]
    return np.concatenate([np.zeros(0, np.int32), *numbers], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Found:
    """Transitions as an evaluator finds them, in any order; columns as in `AlarmEvents`.

    `place` is the place in its batch of the reading that caused it, -1 where silence before the batch did.
    """

    place: NDArray[np.intp]
    alarm: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    episode_ns: NDArray[np.int64]
    level_before: NDArray[np.int8]
    level_after: NDArray[np.int8]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class State:
    """The columns of an evaluator that outlive a restart; the arrays are its own, filled in place on restore."""

    by_sensor: dict[str, NDArray[np.generic]]
    """First axis: sensors of the register."""
    by_alarm: dict[str, NDArray[np.generic]]
    """First axis: bindings, in the order of `Evaluator.alarm`."""
    whole: dict[str, NDArray[np.generic]]
    """Not indexed by anything that a change of register or rules could move."""


class Evaluator(Protocol):
    """Judges all rules of one kind over columns that are allocated once."""

    alarm: NDArray[np.int32]
    """Dense alarm number of each binding, ascending."""
    level: NDArray[np.int8]
    """Current level of each binding, 0 while inactive."""

    def evaluate(self, arrivals: Arrivals) -> list[Found]:
        """Return the transitions that these arrivals and the clock cause."""
        ...

    def state(self) -> State:
        """Return the columns to keep."""
        ...

    def settle(self, known: NDArray[np.bool_]) -> None:
        """Derive what is not kept, after the columns were filled; bool[n_sensors] `known` were in the snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class RuleKind:
    """One line in the table of kinds."""

    dimension: Dimension
    options: type[BaseModel]
    """A model that also satisfies `KindOptions`; unknown keys are forbidden."""
    build: Callable[[Sequence[BoundRule], Register, Counter[tuple[str, str]]], Evaluator]
    blinds: bool = True
    """Of a health kind: while its alarm stands, the sensor says nothing that can be trusted."""
