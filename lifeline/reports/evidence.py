"""I/O: the evidence of an alert at its highest level: the whole rule, its inputs, its state, its words.

Input: an `AlertChain`, the configuration, ledger and journal.
Output: lines for a terminal.
Not responsible for: writing anything.
Rejects: nothing; a state that the journal no longer reaches is reported as unknown.

The state is found again by a replay of the journal, from the last kept state before the alert.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from alerts.alert import Snapshot, StoredEvent
from alerts.ledger.ledger import Ledger
from collector.batch import Quality, ReadingBatch
from collector.journal.reader import JournalReader
from config.levels import WarningLevel
from config.register import Register
from lifeline.configuration import Configuration
from lifeline.reports.alert_chain import AlertChain
from lifeline.text.formats import clock_text
from lifeline.text.words import Language
from rules.engine import RuleEngine
from rules.explanation import TransitionFields, describe
from rules.kind import NEVER_NS
from rules.references import references_of
from rules.rule import Rule
from rules.snapshot import SnapshotError

_READINGS = 12
"""Of each input, the last so many."""
_MOST_INPUTS = 12
_MOST_ENTRIES = 50_000
"""Of the journal, judged again; assumed: some minutes of the clock, less than a minute of work."""
_ROUND = 500
_MOST_NUMBERS = 8
_FIRST_CLOCK_NS = 10**17
"""A larger number of nanoseconds is a time of day, since 1973."""


@dataclass(slots=True)
class _Past:
    """The engine and the inputs as they were at one journal position."""

    engine: RuleEngine
    start: Snapshot
    is_whole: bool
    """Everything from `start` to the position was in the journal."""
    readings: dict[int, deque[tuple[int, float, int, int]]] = field(default_factory=dict)
    """Time, value, quality and journal position of the last readings of each input."""


def describe_evidence(
    chain: AlertChain, configuration: Configuration, ledger: Ledger, journal: JournalReader | None, lang: Language
) -> Iterator[str]:
    """Yield the evidence of the first transition to the highest level of the alert of `chain`."""
    if not chain.events:
        return
    event = max(chain.events, key=lambda each: (each.level_after, -each.position))
    rule = next((each for each in configuration.ruleset.rules if each.id == chain.alert.rule), None)
    number = configuration.register.sensor_index.get(event.alarm.partition("/")[2])
    if rule is None or number is None:
        return
    yield _format_heading("rule", f"{rule.id} ({rule.kind}), {rule.written_at}, {configuration.ruleset.version}", lang)
    yield from (f"  {text}" for text in _list_options(rule))
    yield _format_heading(
        "words", _describe_event(rule, event, configuration.register.sensors[number].stale_after_s, lang), lang
    )
    if journal is None:
        return
    past = _replay_past(event, configuration, ledger, journal, _list_inputs(number, rule, configuration.register))
    yield _format_heading("readings", f"<= {event.position}", lang)
    yield from _list_readings(past, configuration)
    if not past.is_whole:
        yield _format_heading("no_state", "", lang)
        return
    yield _format_heading(
        "state", f"{event.position} ({past.start.position} + {event.position - past.start.position})", lang
    )
    alarms = [key.id for key in past.engine.alarms]
    columns = past.engine.columns_of(alarms.index(event.alarm)) if event.alarm in alarms else {}
    yield from (f"  {name} = {text}" for name, text in _list_columns(columns, configuration.register.city.zone))
    yield from _list_other_alarms(past.engine, rule, number, configuration.register, lang)


_WORDS = {
    "rule": ("规则", "rule"),
    "words": ("说明", "words"),
    "readings": ("输入读数，日志位置", "inputs, journal"),
    "state": ("规则状态，日志位置", "state of the rule, journal"),
    "others": ("同一设施当时的其他告警", "other alarms at the asset then"),
    "no_state": (
        "日志或已存状态不足，无法还原规则状态",
        "the journal and the kept states do not reach back: the state of the rule is not known any more",
    ),
}


def _format_heading(key: str, text: str, lang: Language) -> str:
    return f"{_WORDS[key][0 if lang == 'zh' else 1]}  {text}".rstrip()


def _list_options(rule: Rule) -> Iterator[str]:
    """Yield the keys of the rule, and each level with all its numbers."""
    written = rule.options.model_dump(mode="json", by_alias=True)
    levels = written.pop("levels", [])
    yield ", ".join(f"{key} {value}" for key, value in written.items() if value is not None) or "-"
    for level in levels:
        named = {**level, "level": WarningLevel(level["level"]).key}
        yield ", ".join(f"{key} {value}" for key, value in named.items() if value is not None)


def _describe_event(rule: Rule, event: StoredEvent, stale_after_s: float, lang: Language) -> str:
    turn = TransitionFields(
        event.transition, event.reason, event.level_before, event.level_after, event.value, event.extent
    )
    return describe(rule, turn, lang, stale_after_s)


def _list_inputs(number: int, rule: Rule, register: Register) -> list[int]:
    """Return the sensor itself, its heartbeat, and the others of its asset that rules may look at beside it."""
    sensor = register.sensors[number]
    beat = register.sensor_index.get(sensor.heartbeat)
    beside = [i for i, each in enumerate(register.sensors) if each.asset == sensor.asset]
    first = [number, *([] if beat is None else [beat])]
    # The rule's own sensors first: a zone is judged whole.
    own = set(rule.sensors)
    return list(dict.fromkeys([*first, *sorted(beside, key=lambda i: (i not in own, i))]))[:_MOST_INPUTS]


def _replay_past(
    event: StoredEvent,
    configuration: Configuration,
    ledger: Ledger,
    journal: JournalReader,
    inputs: Sequence[int],
) -> _Past:
    engine = RuleEngine(configuration.ruleset, configuration.register)
    start = _restore_engine(engine, event, ledger)
    first = journal.first_position()
    is_whole = 0 < first <= start.position + 1 and event.position - start.position <= _MOST_ENTRIES
    past = _Past(engine, start, is_whole, {number: deque(maxlen=_READINGS) for number in inputs})
    position = start.position if is_whole else max(event.position - _MOST_ENTRIES // 10, 0)
    while position < event.position and (entries := journal.read(position, _ROUND)):
        for entry in entries:
            if entry.position > event.position:
                return past
            _record_readings(past, entry.batch, entry.position)
            if is_whole:
                engine.evaluate(entry.batch, entry.position)
        position = entries[-1].position
    return past


def _restore_engine(engine: RuleEngine, event: StoredEvent, ledger: Ledger) -> Snapshot:
    """Let `engine` go on from the last kept state before `event`, or from nothing; returns from which."""
    for kept in reversed([each for each in ledger.replay_snapshots.read(0) if each.position < event.position]):
        try:
            engine.restore(kept.blob)
        except SnapshotError:
            continue
        return kept
    return Snapshot(0, b"")


def _record_readings(past: _Past, batch: ReadingBatch, position: int) -> None:
    for row in np.flatnonzero(np.isin(batch.sensor, list(past.readings))).tolist():
        reading = (int(batch.time_ns[row]), float(batch.value[row]), int(batch.quality[row]), position)
        past.readings[int(batch.sensor[row])].append(reading)


def _list_readings(past: _Past, configuration: Configuration) -> Iterator[str]:
    for i, (number, readings) in enumerate(past.readings.items()):
        sensor = configuration.register.sensors[number]
        quantity = configuration.quantities.get(sensor.quantity)
        unit, decimals = (quantity.unit, quantity.decimals) if quantity else ("", 3)
        # Of the sensor itself all that is known, of those beside it what they last said.
        for time_ns, value, quality, position in list(readings)[0 if i == 0 else -1 :]:
            flags = "|".join(flag.name.lower() for flag in Quality if flag.name and flag & quality)
            text = f"{sensor.id} {value:.{decimals}f} {unit}".rstrip()
            clock = _format_time(time_ns, configuration.register.city.zone)
            yield f"  {clock}  {text}{f' [{flags}]' if flags else ''}  journal {position}"


def _list_columns(columns: Mapping[str, NDArray[np.generic]], zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Yield the columns that were ever written, in words."""
    for name, column in columns.items():
        values = np.atleast_1d(np.asarray(column))
        if values.dtype.names or values.dtype.kind not in "biuf":
            continue
        numbers = values.astype(np.float64)
        is_empty = ~np.isfinite(numbers) | (numbers <= NEVER_NS)
        if not is_empty.all():
            yield name, _format_numbers(values, zone, is_time=name.endswith("_ns"))


def _format_numbers(values: NDArray[np.generic], zone: tzinfo, *, is_time: bool) -> str:
    flat = values.ravel()
    if len(flat) > _MOST_NUMBERS:
        known = flat[np.isfinite(flat.astype(np.float64))].astype(np.float64)
        return f"{len(flat)} numbers, {known.min():g} to {known.max():g}"
    words = [_format_number(each, zone, is_time=is_time) for each in flat.tolist()]
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _format_number(value: float, zone: tzinfo, *, is_time: bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not np.isfinite(value) or value <= NEVER_NS:
        return "-"
    if is_time and abs(value) > _FIRST_CLOCK_NS:
        return _format_time(int(value), zone)
    return f"{value / 1e9:g} s" if is_time else f"{value:g}"


def _list_other_alarms(
    engine: RuleEngine, rule: Rule, number: int, register: Register, lang: Language
) -> Iterator[str]:
    """Yield the alarms that stood at the asset, and those of the rules that `rule` follows."""
    levels, asset = engine.levels(), register.sensors[number].asset
    followed = {each.rule for each in references_of(rule)}
    standing = [
        f"  {key.id} {int(levels[i])}"
        for i, key in enumerate(engine.alarms)
        if levels[i] > 0
        and (key.rule, key.sensor) != (rule.id, number)
        and (register.sensors[key.sensor].asset == asset or key.rule in followed)
    ]
    if standing:
        yield _format_heading("others", "", lang)
        yield from standing[: 2 * _MOST_INPUTS]


def _format_time(time_ns: int, zone: tzinfo) -> str:
    return clock_text(time_ns, zone, millis=True)


def find_alert_id(ledger: Ledger, name: str) -> str:
    """Return the id of the alert that `name` means: itself, or the last one of the alarm `rule/sensor`."""
    events = ledger.alarm_events.read(alarm=name) if "/" in name else []
    return events[-1].alert if events else name
