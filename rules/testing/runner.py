"""Tests of rules: the engine evaluates the readings of a test, and its transitions are compared with the expected ones.

Input: rules bound to a register, and one `RuleTest`.
Output: `TestOutcome`: every transition that happened, is missing or was not expected, in words.
Not responsible for: files and the wall clock.
Rejects: nothing.

Readings with one received time are one batch. Where a rule checks silence, there is an empty batch each second.
"""

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector.batch import Quality, ReadingBatch, make_batch, tick
from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Asset, Neighbour, Register, Sensor
from config.time_units import SECOND_NS
from rules.admission.reordering import reorder_s
from rules.engine import RuleEngine
from rules.events import AlarmEvents, AlarmKey, Dimension, Transition
from rules.explanation import describe, fields_at
from rules.kinds import RULE_KINDS
from rules.loading.test_file import ExpectedTransition, GivenSeries, RuleTest, RuleTestFile
from rules.rule import Rule, RuleSet

_TICK_NS = SECOND_NS
_AFTER_NS = 3 * SECOND_NS
"""Silence is found up to about 2 s after the stale time."""


@dataclass(frozen=True, slots=True)
class Line:
    """One transition: expected and happened (` `), only expected (`-`), or only happened (`+`)."""

    mark: str
    time_ns: int
    """From the start of the test."""
    text: str

    def __str__(self) -> str:
        """Return the mark, the time and the text."""
        return f"{self.mark} {time_text(self.time_ns):>9}  {self.text}"


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The result of one test."""

    name: str
    lines: tuple[Line, ...]
    """All transitions, expected or not, by time."""

    @property
    def is_passed(self) -> bool:
        """All expected transitions happened, and no others."""
        return all(line.mark == " " for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading; times from the start of the test."""

    time_ns: int
    received_ns: int
    sensor: str
    value: float
    quality: int | None


@dataclass(frozen=True, slots=True)
class _Observed:
    time_ns: int
    alarm: str
    transition: Transition
    level: str
    words: Mapping[str, str]

    @property
    def text(self) -> str:
        """The transition, with its words in both languages."""
        return f"{self.alarm} {self.transition.name.lower()}, {self.level}: {self.words['en']} / {self.words['zh']}"


def register_of(spec: RuleTestFile) -> Register:
    """Return the register that a file of tests lists."""
    listed = {each.id: each for each in spec.assets}
    assets: dict[str, Asset] = {}
    for name in spec.asset_ids():
        given = listed.get(name)
        place = (given.latitude, given.longitude) if given else (0.0, 0.0)
        assets[name] = Asset(
            name, given.kind if given else "asset", given.domain if given else "", name, name, "R", *place
        )
    near: dict[str, list[Neighbour]] = defaultdict(list)
    for pair in spec.neighbours:
        near[pair.asset].append(Neighbour(pair.neighbour, pair.distance_m))
        near[pair.neighbour].append(Neighbour(pair.asset, pair.distance_m))
    neighbours = {name: tuple(sorted(each, key=lambda one: (one.distance_m, one.asset))) for name, each in near.items()}
    return Register({}, assets, list(_sensors(spec)), {}, [], neighbours=neighbours)


def _sensors(spec: RuleTestFile) -> Iterator[Sensor]:
    for each in spec.sensors:
        device, _, channel = each.id.rpartition(".")
        yield Sensor(
            each.id,
            each.asset,
            each.device or device or each.id,
            channel,
            each.quantity,
            1.0,
            0.0,
            each.cadence_s,
            each.stale_after_s or 3 * each.cadence_s,
            each.heartbeat,
            each.reorder_s,
            each.design,
        )


def run_test(test: RuleTest, ruleset: RuleSet, register: Register, quantities: Mapping[str, Quantity]) -> TestOutcome:
    """Return the outcome of `test`; every sensor and alarm that it names exists."""
    engine = RuleEngine(ruleset, register)
    rules = {rule.id: rule for rule in ruleset.rules if test.only is None or rule.id in test.only}
    happened: list[_Observed] = []
    for position, batch in enumerate(batches(test, ruleset, register, quantities), 1):
        events = engine.evaluate(batch, position)
        if len(events):
            happened += _list_transitions(events, engine.alarms, rules, register, test.start)
    return TestOutcome(test.name, tuple(_compare(test.expect, happened)))


def batches(
    test: RuleTest, ruleset: RuleSet, register: Register, quantities: Mapping[str, Quantity]
) -> Iterator[ReadingBatch]:
    """Yield the batches of the program: one for each received time, and empty ones."""
    by_time: dict[int, list[_Reading]] = defaultdict(list)
    for each in _list_readings(test):
        by_time[each.received_ns].append(each)
    last = max([*by_time, *(each.at for each in test.expect)], default=0)
    waits_ns = round(reorder_s(register).max(initial=0.0) * SECOND_NS)
    end = last + waits_ns + _AFTER_NS if test.until is None else test.until
    for time_ns in sorted({*by_time, *_ticks(test, ruleset, end)}):
        if time_ns <= end:
            received = sorted(by_time.get(time_ns, ()), key=lambda each: each.time_ns)
            yield _batch(test.start, time_ns, received, register, quantities)


def _ticks(test: RuleTest, ruleset: RuleSet, end_ns: int) -> Iterable[int]:
    is_heard = any(RULE_KINDS[rule.kind].dimension is Dimension.HEALTH for rule in ruleset.rules if rule.sensors)
    return (*range(0, end_ns, _TICK_NS), end_ns) if is_heard and test.listens else (end_ns,)


def _list_readings(test: RuleTest) -> Iterator[_Reading]:
    for name, series in test.series.items():
        for time_ns, value in _list_points(series):
            yield _Reading(time_ns, time_ns, name, value, series.quality)
    for each in test.readings:
        yield _Reading(
            each.at, each.at if each.received is None else each.received, each.sensor, each.value, each.quality
        )


def _list_points(series: GivenSeries) -> Iterator[tuple[int, float]]:
    dice = random.Random(series.noise.seed) if series.noise else None  # noqa: S311 - equal every time is the point
    for i, value in enumerate(series.values):
        time_ns = series.begins + i * series.every
        wave = series.wave.amplitude * math.sin(math.tau * time_ns / series.wave.period) if series.wave else 0.0
        noise = dice.gauss(0.0, series.noise.sd) if dice and series.noise else 0.0
        if value is not None:
            yield time_ns, value + wave + noise


def _batch(
    start_ns: int,
    received_ns: int,
    readings: Sequence[_Reading],
    register: Register,
    quantities: Mapping[str, Quantity],
) -> ReadingBatch:
    if not readings:
        return tick(start_ns + received_ns)
    numbers = [register.sensor_index[each.sensor] for each in readings]
    ranges = [quantities.get(register.sensors[number].quantity) for number in numbers]
    flags = [_flags(each, quantity) for each, quantity in zip(readings, ranges, strict=True)]
    times = [start_ns + each.time_ns for each in readings]
    return make_batch(start_ns + received_ns, numbers, times, [each.value for each in readings], flags)


def _flags(reading: _Reading, quantity: Quantity | None) -> int:
    if reading.quality is not None:
        return reading.quality
    is_possible = quantity is None or quantity.low <= reading.value <= quantity.high
    return int(Quality.GOOD if is_possible else Quality.OUT_OF_RANGE)


def _list_transitions(
    events: AlarmEvents, alarms: Sequence[AlarmKey], rules: Mapping[str, Rule], register: Register, start_ns: int
) -> Iterator[_Observed]:
    for i in range(len(events)):
        key = alarms[int(events.alarm[i])]
        rule = rules.get(key.rule)
        if rule is None:
            continue
        fields, stale_after_s = fields_at(events, i, alarms), register.sensors[key.sensor].stale_after_s
        words = {language: describe(rule, fields, language, stale_after_s) for language in ("en", "zh")}
        level = level_word(fields.level_after, key.dimension)
        yield _Observed(int(events.time_ns[i]) - start_ns, key.id, fields.transition, level, words)


def level_word(level: int, dimension: Dimension) -> str:
    """Return the word of tests for the level of an alarm."""
    if level == 0:
        return "none"
    return "fault" if dimension is Dimension.HEALTH else WarningLevel(level).key


def _compare(expected: Sequence[ExpectedTransition], happened: Sequence[_Observed]) -> Iterator[Line]:
    """Yield every transition by time and alarm; where two differ, the expected one first."""
    wanted: dict[tuple[int, str], list[ExpectedTransition]] = defaultdict(list)
    got: dict[tuple[int, str], list[_Observed]] = defaultdict(list)
    for each in expected:
        wanted[each.at, each.alarm].append(each)
    for one in happened:
        got[one.time_ns, one.alarm].append(one)
    for place in sorted({*wanted, *got}):
        for want, was in itertools.zip_longest(wanted.get(place, ()), got.get(place, ())):
            if want and was and _agree(want, was):
                yield Line(" ", place[0], was.text)
                continue
            if want:
                yield Line("-", place[0], _wanted_text(want))
            if was:
                yield Line("+", place[0], was.text)


def _agree(want: ExpectedTransition, was: _Observed) -> bool:
    return (
        want.level == was.level
        and want.wanted_transition in {None, was.transition}
        and want.text_en in was.words["en"]
        and want.text_zh in was.words["zh"]
    )


def _wanted_text(want: ExpectedTransition) -> str:
    turned = f" {want.transition}," if want.transition else ""
    words = " / ".join(f"...{text}..." for text in (want.text_en, want.text_zh) if text)
    return f"{want.alarm}{turned} {want.level}{f': {words}' if words else ''}"


def time_text(time_ns: int) -> str:
    """Return a time from the start of a test as people write it: `1h2m3.5s`."""
    if time_ns < 0:
        return f"-{time_text(-time_ns)}"
    text, seconds = "", time_ns / SECOND_NS
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        whole, seconds = divmod(seconds, size)
        text += f"{whole:g}{unit}" if whole else ""
    return f"{text}{seconds:g}s" if seconds or not text else text
