"""A file of rule tests: pydantic models of sensors, readings and expected alarms.

Input: plain values from YAML.
Output: checked models with times in nanoseconds.
Not responsible for: the evaluation of tests.
Rejects: unknown keys, and values outside their ranges.

>>> expand_values("0.30x2 0.30-0.01x3 _x2 (1 2)x2")
(0.3, 0.3, 0.3, 0.3, 0.29, 0.28, 0.27, None, None, 1.0, 2.0, 1.0, 2.0)
"""

import datetime as dt
import re
import typing
from collections.abc import Iterator
from decimal import Decimal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from collector.batch import Quality
from config.levels import WarningLevel
from config.time_units import SECOND_NS
from rules.events import Transition

MOST_VALUES = 200_000
"""Readings of one series; assumed: nineteen weeks of one a minute."""

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
_RUN = re.compile(rf"({_NUMBER})(?:([+-])({_NUMBER}))?(?:x([0-9]{{1,9}}))?")
_GAP = re.compile(r"_(?:x([0-9]{1,9}))?")
_GROUP = re.compile(r"\(([^()]*)\)x([0-9]{1,9})")
_UNITS_S = {
    unit: Decimal(seconds)
    for unit, seconds in {"w": "604800", "d": "86400", "h": "3600", "m": "60", "s": "1", "ms": "0.001"}.items()
}
_SPAN = r"([0-9]+(?:\.[0-9]+)?)(ms|w|d|h|m|s)"
_LONGEST_S = 400 * 86_400


def span_ns(written: object) -> int:
    """Return a span of time such as `90s`, `1h30m` or `2.5s` in nanoseconds; `0` needs no unit.

    Raises:
        PydanticCustomError: it is no span, or longer than 400 days.
    """
    text = "0s" if isinstance(written, int | str) and str(written) == "0" else written
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_SPAN})+", text):
        raise _wrong("a time with its unit, such as 90s, 10m or 1h30m", "write the unit: ms, s, m, h, d or w")
    seconds = sum((Decimal(number) * _UNITS_S[unit] for number, unit in re.findall(_SPAN, text)), Decimal(0))
    if seconds > _LONGEST_S:
        raise _wrong("at most 400d", "shorten it")
    return int(seconds * SECOND_NS)


def expand_values(written: object) -> tuple[float | None, ...]:
    """Return the values of `written`; None where there is no reading.

    `a` is one value; `axN` is a and N more of it; `a+bxN` and `a-bxN` are a and N more, each b further. `_` is no
    reading and `_xN` is N times no reading: all as in the unit tests of Prometheus. `(...)xN` is N times the group.

    Raises:
        PydanticCustomError: it is none of these, or more than `MOST_VALUES`.
    """
    if isinstance(written, list):
        return tuple(None if each is None else _number(each) for each in written)
    values: list[float | None] = []
    for part in _parts(str(written)):
        group = _GROUP.fullmatch(part)
        inner = [value for each in group[1].split() for value in _run(each)] if group else _run(part)
        values += _times(inner, int(group[2])) if group else inner
        if len(values) > MOST_VALUES:
            raise _too_many()
    return tuple(values)


def _parts(text: str) -> list[str]:
    found: list[str] = re.findall(r"\([^()]*\)\S*|\S+", text)
    return found


def _run(part: str) -> list[float | None]:
    gap = _GAP.fullmatch(part)
    if gap:
        return _times([None], int(gap[1] or 1))
    run = _RUN.fullmatch(part)
    if run is None:
        raise _wrong("values such as 0.3, 0.3x5, 0.3-0.01x10, _x3 or (1 2)x4", f"correct {part:.40}")
    first, step = Decimal(run[1]), Decimal(run[3] or 0) * (-1 if run[2] == "-" else 1)
    n = int(run[4] or 0)
    if n >= MOST_VALUES:
        raise _too_many()
    return [float(first + step * i) for i in range(n + 1)]


def _times(values: list[float | None], n: int) -> list[float | None]:
    if len(values) * n > MOST_VALUES:
        raise _too_many()
    return values * n


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("a list of numbers, null where no reading comes", "correct the values")
    return float(value)


def _wrong(expected: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("rule_test", "expected {expected}", {"expected": expected, "remedy": remedy})


def _too_many() -> PydanticCustomError:
    return _wrong(f"at most {MOST_VALUES} values", "split the test, or let readings come more rarely")


def _start_ns(written: object) -> int:
    try:
        moment = dt.datetime.fromisoformat(str(written))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 2000 <= moment.year <= 2200:
        raise _wrong("a time with its zone, such as 2026-01-05T00:00:00Z", "write year, month, day, time and zone")
    past = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (past.days * 86_400 + past.seconds) * SECOND_NS + past.microseconds * 1000


def _qualities(written: object) -> object:
    flags = {flag.name.lower(): flag for flag in Quality if flag.name}
    words = written if isinstance(written, list) else [written]
    if not all(isinstance(word, str) and word in flags for word in words):
        raise _wrong(f"a list of {', '.join(flags)}", "correct the words")
    return sum(int(flags[str(word)]) for word in set(words))


def _level(written: object) -> object:
    words = {"none": 0, "fault": 1, **{level.key: int(level) for level in WarningLevel}}
    if not isinstance(written, str) or written not in words:
        raise _wrong(f"one of {', '.join(words)}", "choose one; fault is for rules that judge devices")
    return written


Span = typing.Annotated[
    int, BeforeValidator(span_ns), WithJsonSchema({"type": "string", "pattern": f"^(0|({_SPAN})+)$"})
]
"""Nanoseconds; written as `90s`, `10m`, `1h30m`."""
Values = typing.Annotated[
    tuple[float | None, ...],
    BeforeValidator(expand_values),
    WithJsonSchema(
        {"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["number", "null"]}}]}
    ),
]
Flags = typing.Annotated[
    int,
    BeforeValidator(_qualities),
    WithJsonSchema({"type": ["array", "string"], "items": {"enum": [f.name.lower() for f in Quality if f.name]}}),
]
LevelWord = typing.Annotated[
    str,
    BeforeValidator(_level),
    WithJsonSchema({"enum": ["none", "fault", *(level.key for level in WarningLevel)]}),
]
_Name = typing.Annotated[str, Field(min_length=1, max_length=200)]
_DEFAULT_START_NS = 1_767_571_200 * SECOND_NS


class GivenAsset(BaseModel):
    """An asset of a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    id: _Name
    """The id that sensors name."""
    kind: str = "asset"
    """The kind, for `asset_kinds` of a rule."""
    domain: str = ""
    """The domain, for `domain` of a rule."""
    latitude: float = Field(default=0.0, ge=-90, le=90)
    """Degrees, WGS84; for rules that use distances."""
    longitude: float = Field(default=0.0, ge=-180, le=180)
    """Degrees, WGS84."""


class GivenNeighbour(BaseModel):
    """Two assets that follow each other along a pipe or a span."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    asset: _Name
    """One of the two."""
    neighbour: _Name
    """The other."""
    distance_m: float = Field(gt=0, allow_inf_nan=False)
    """Distance between the two."""


class GivenSensor(BaseModel):
    """A sensor of a test; keys that are left out have usual values."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    id: _Name
    """Usually device.channel."""
    quantity: _Name
    """Name in the catalogue of quantities."""
    asset: _Name = "A"
    """Id of its asset; an asset that is not listed has no kind and no domain."""
    device: str = ""
    """By default the id up to its last dot."""
    cadence_s: float = Field(default=60.0, gt=0, le=2_592_000)
    """Expected time between readings, seconds."""
    stale_after_s: float | None = Field(default=None, gt=0, le=31_536_000)
    """Silence after which it is blind, seconds; by default three cadences."""
    heartbeat: str = ""
    """Id of the sensor of the same device that counts up while the device lives."""
    reorder_s: float = Field(default=0.0, ge=0, le=3600)
    """Time for which readings wait for older ones, seconds."""
    design: float | None = Field(default=None, allow_inf_nan=False)
    """The value that the asset is designed for, canonical unit."""


class GivenNoise(BaseModel):
    """Random numbers that are equal in every run."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    sd: float = Field(gt=0, allow_inf_nan=False)
    """Standard deviation of the normal distribution, canonical unit."""
    seed: int = 1
    """The same seed gives the same numbers."""


class GivenWave(BaseModel):
    """A sine over the day, or over anything else."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    amplitude: float = Field(allow_inf_nan=False)
    """Half of the distance from lowest to highest, canonical unit."""
    period: Span
    """Time between two maxima; the sine starts with the test, rising."""


class GivenSeries(BaseModel):
    """Readings of one sensor at even intervals."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)

    every: Span = Field(gt=0)
    """Time between readings."""
    begins: Span = Field(default=0, alias="from")
    """Time of the first reading, from the start of the test."""
    values: Values
    """Canonical unit: a list, or text such as `0.30x5 0.30-0.01x10 _x3 0.02`."""
    noise: GivenNoise | None = None
    """Added to each value."""
    wave: GivenWave | None = None
    """Added to each value."""
    quality: Flags | None = None
    """Flags of each reading; by default out_of_range where the value is, and nothing else."""


class GivenReading(BaseModel):
    """One reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: Span
    """Time of measurement, from the start of the test."""
    sensor: _Name
    """Id."""
    value: float = Field(allow_inf_nan=False)
    """Canonical unit."""
    received: Span | None = None
    """Received time, from the start of the test; by default the time of measurement."""
    quality: Flags | None = None
    """Flags; by default out_of_range where the value is, and nothing else."""


class ExpectedTransition(BaseModel):
    """One transition of an alarm."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: Span
    """Event time, from the start of the test."""
    alarm: _Name
    """Rule id, a slash, sensor id."""
    level: LevelWord
    """The level after it: a level, `none` for inactive, `fault` for a rule about devices."""
    transition: typing.Literal["raised", "escalated", "lowered", "cleared"] | None = None
    """The transition, where the test checks it."""
    text_en: str = ""
    """A part of the English words."""
    text_zh: str = ""
    """A part of the Chinese words."""

    @property
    def wanted_transition(self) -> Transition | None:
        """The transition to check, None for any."""
        return Transition[self.transition.upper()] if self.transition else None


class RuleTest(BaseModel):
    """One test: readings, and all alarm transitions that must follow."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: _Name
    """A sentence about the expected behaviour."""
    start: typing.Annotated[
        int, BeforeValidator(_start_ns), WithJsonSchema({"type": "string", "format": "date-time"})
    ] = _DEFAULT_START_NS
    """Time zero; by default 2026-01-05T00:00:00Z, a Monday."""
    series: dict[str, GivenSeries] = Field(default_factory=dict)
    """Readings at even intervals, by sensor id."""
    readings: tuple[GivenReading, ...] = ()
    """Readings one by one."""
    until: Span | None = None
    """End of the test; by default 3 s after the last reading or expected transition."""
    listens: bool = True
    """The program listens between readings, so that silence counts; false for long tests without it."""
    only: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Rules with transitions that count; by default those of the file's `only`."""
    expect: tuple[ExpectedTransition, ...]
    """Every transition that happens until the end, in any order; an empty list: nothing may happen."""


class RuleTestFile(BaseModel):
    """A file of rule tests."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    district: str | None = None
    """Folder of a district, from this file. Its quantities count. Its rules count unless others are named, and its
    register unless sensors are listed."""
    packs: tuple[_Name, ...] = ()
    """Packs under test."""
    rules_file: str | None = None
    """File of rules under test, from this file."""
    rules: tuple[object, ...] = ()
    """Rules under test, written here."""
    assets: tuple[GivenAsset, ...] = ()
    """Assets, where their kind, domain or place matters."""
    neighbours: tuple[GivenNeighbour, ...] = ()
    """Pairs of assets that follow each other."""
    sensors: tuple[GivenSensor, ...] = ()
    """The register of these tests."""
    only: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Rules with transitions that count; by default all."""
    tests: tuple[RuleTest, ...] = Field(min_length=1)
    """The tests; each starts with a new engine."""

    def asset_ids(self) -> Iterator[str]:
        """Yield the id of every asset, listed or only named."""
        yield from dict.fromkeys([*(each.id for each in self.assets), *(each.asset for each in self.sensors)])
