"""The levels of a hazard rule as they are written: the options of every kind that compares values with limits.

Input: plain values from YAML.
Output: checked options, `LevelLimit`s, faults.
Not responsible for: the compared value; each kind has `judged_quantity`.
Rejects: unknown keys, limits that no value reaches, and levels that contradict each other.
"""

import itertools
import typing
from collections.abc import Iterator, Sequence
from enum import StrEnum

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Sensor
from rules.kind import Fault
from rules.rule import LevelLimit, Side

LONGEST_S = 30 * 86_400
"""Longest delay."""
_MOST_SAMPLES = 10_000
_LONGEST_WINDOW = 32
"""Largest number of readings of which some must be beyond; a bit each."""


class OnSuspect(StrEnum):
    """The use of a reading flagged OUT_OF_RANGE."""

    HOLD = "hold"
    """It is not used."""
    JUDGE = "judge"
    """It is used like any other."""


def _level(word: object) -> object:
    levels = {level.key: level for level in WarningLevel}
    if not isinstance(word, str) or word not in levels:
        context = {"expected": f"one of {', '.join(levels)}", "remedy": "choose one of the five levels"}
        raise PydanticCustomError("level", "unknown level", context)
    return levels[word]


NamedLevel = typing.Annotated[WarningLevel, BeforeValidator(_level)]
"""A level by its colour."""


def _deadband(written: object) -> object:
    if isinstance(written, str) and written.strip().lower() == "noise":
        remedy = "write the least that it is as a number; in `threshold`, `deadband_sigmas: 3` beside it widens it"
        context = {"expected": "a number in the unit of what is judged", "remedy": remedy}
        raise PydanticCustomError("deadband", "not a number", context)
    return written


def _only_of_readings(written: object) -> object:
    if written is not None:
        expected = "nothing here: only `threshold` judges readings themselves, whose noise is known"
        context = {"expected": expected, "remedy": "remove it, and give the deadband as a number"}
        raise PydanticCustomError("noise", "no noise", context)
    return written


_OfReadings = typing.Annotated[float | None, BeforeValidator(_only_of_readings), WithJsonSchema({"type": "null"})]


class LevelOptions(BaseModel):
    """One level of a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    level: NamedLevel
    """One of the five, each once in a rule."""
    limit: float = Field(allow_inf_nan=False)
    """In the unit of the compared value."""
    deadband: typing.Annotated[float, BeforeValidator(_deadband)] = Field(gt=0, allow_inf_nan=False)
    """In the unit of the compared value; without a deadband, noise at the limit makes an alarm chatter."""
    on_delay_s: float = Field(ge=0, le=LONGEST_S, allow_inf_nan=False)
    """Time for which the condition must hold before the level is active, seconds; 0: at once."""
    off_delay_s: float = Field(default=0, ge=0, le=LONGEST_S, allow_inf_nan=False)
    """Time for which the condition must be over before the level ends, seconds."""
    on_samples: int = Field(default=1, ge=1, le=_MOST_SAMPLES)
    """Least number of consecutive readings that find the condition."""
    off_samples: int = Field(default=1, ge=1, le=_MOST_SAMPLES)
    """Least number of consecutive readings that find it over."""
    of_samples: int = Field(default=0, ge=0, le=_LONGEST_WINDOW)
    """`on_samples` of the last so many readings start the level; 0: `on_samples` consecutive readings do."""
    latch: bool = False
    """An alert that reached this level stays open until it is acknowledged."""
    source: str = Field(min_length=3)
    """The clause of the numbers, or `assumed` or `unverified` and the reason."""
    deadband_sigmas: _OfReadings = None
    """Of `threshold` alone."""
    deadband_most: _OfReadings = None
    """Of `threshold` alone."""


class LimitOptions(BaseModel):
    """The keys of a hazard rule besides those that every rule has; each kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    side: Side
    """The dangerous side of a limit."""
    live: bool = False
    """A dead device raises no level: its zero is no hazard. It also ends no level, with any value of this key."""
    on_suspect: OnSuspect = OnSuspect.HOLD
    """The use of a reading that no working instrument reports."""
    levels: tuple[LevelOptions, ...] = Field(min_length=1, max_length=5)
    """One to five levels of the same danger."""

    def limits(self) -> tuple[LevelLimit, ...]:
        """Return the levels, lowest first."""
        return tuple(sorted(self._as_written(), key=lambda each: each.level))

    def _as_written(self) -> tuple[LevelLimit, ...]:
        return tuple(LevelLimit(side=self.side, **each.model_dump()) for each in self.levels)

    def judged_quantity(self, quantity: Quantity | None) -> Quantity | None:
        """Return the quantity of the limits: the rule's quantity, or one that the kind derives from it."""
        return quantity

    def binds(self, sensor: Sensor, heartbeats: frozenset[str]) -> bool:
        """Return whether `sensor` is watched: every sensor of the rule's quantity is."""
        del sensor, heartbeats
        return True

    def window_s(self, sensor: Sensor) -> float:
        """Return the longest time before a danger changes the compared value, seconds: 0 for readings."""
        del sensor
        return 0.0

    def cadence_s(self, sensor: Sensor) -> float:
        """Return the time between two values, seconds: the cadence of `sensor`."""
        return sensor.cadence_s

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield limits that no value reaches or that contradict each other, and devices without a heartbeat."""
        judged = self.judged_quantity(quantity)
        if judged is None:
            yield Fault(("quantity",), "a quantity", "nothing", "name what is compared with the limits")
        else:
            yield from self._unreachable(judged)
        yield from self._contradictions()
        yield from self._windows()
        deaf = [sensor.id for sensor in sensors if sensor.heartbeat in {"", sensor.id}] if self.live else []
        if deaf:
            remedy = "give the device a heartbeat channel in sensors.csv, narrow `where`, or remove `live`"
            yield Fault(("live",), "a heartbeat beside every sensor", f"none for {', '.join(deaf[:3])}", remedy)

    def _unreachable(self, judged: Quantity) -> Iterator[Fault]:
        for i, (each, limit) in enumerate(zip(self.levels, self._as_written(), strict=True)):
            key = "deadband" if each.deadband_most is None else "deadband_most"
            reset = each.limit - limit.widest if self.side is Side.HIGH else each.limit + limit.widest
            expected = f"{judged.low:g} to {judged.high:g} {judged.unit} ({judged.name})"
            if not judged.low <= each.limit <= judged.high:
                remedy = f"no working instrument reports it; give the limit in {judged.unit}"
                yield Fault(("levels", i, "limit"), expected, f"{each.limit:g}", remedy)
            elif not judged.low <= reset <= judged.high:
                remedy = "choose a smaller deadband: the level could never clear"
                got = f"an end at {reset:g}"
                yield Fault(("levels", i, key), expected, got, remedy)

    def _windows(self) -> Iterator[Fault]:
        for i, each in enumerate(self.levels):
            if each.of_samples and each.of_samples <= each.on_samples:
                expected, remedy = f"more than on_samples, {each.on_samples}", "enlarge it, or remove it"
                yield Fault(("levels", i, "of_samples"), expected, str(each.of_samples), remedy)
            if each.of_samples and each.on_delay_s > 0:
                remedy = "a delay runs while the condition holds unbroken: write on_delay_s: 0, or remove of_samples"
                yield Fault(("levels", i, "on_delay_s"), "0 beside of_samples", f"{each.on_delay_s:g}", remedy)

    def _contradictions(self) -> Iterator[Fault]:
        sign = -1 if self.side is Side.LOW else 1
        places = sorted(range(len(self.levels)), key=lambda i: self.levels[i].level)
        for below, above in itertools.pairwise(places):
            low, high = self.levels[below], self.levels[above]
            if low.level == high.level:
                got, remedy = f"{high.level.key} twice", "remove one of the two"
                yield Fault(("levels", above, "level"), "each level once", got, remedy)
            elif sign * high.limit < sign * low.limit:
                word = "at or below" if self.side is Side.LOW else "at or above"
                remedy = "swap the two limits, or correct `side`"
                expected = f"{word} the limit of {low.level.key}, {low.limit:g}"
                yield Fault(("levels", above, "limit"), expected, f"{high.limit:g}", remedy)
