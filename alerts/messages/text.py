"""Texts and payloads of all messages: fixed templates in Chinese and English, and the same facts as JSON.

Input: `MessageFacts`.
Output: one text for a person, or one JSON payload for a machine.
Not responsible for: recipients and the clock; every time in a message is an event time.
Rejects: control characters and addresses in names; both are left out. A link is never cut off.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.notification import WITH_ACKNOWLEDGE_LINK, NotificationKind
from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Asset, Sensor
from rules.events import Dimension, Extent, TransitionReason
from rules.explanation import interval_words, place_words
from rules.rule import Rule, Side

MAX_SEGMENTS = 4
"""Longest SMS, in segments; assumed: some phones and operators drop longer messages."""
SEGMENT_UNITS = 67
"""UTF-16 units in one segment of a long SMS with coding=2. Source: 3GPP TS 23.040, 9.2.3.24.1 (134 octets)."""

_TIME_FORMAT = "%m-%d %H:%M"
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S*|\bwww\.\S*|\b[a-z0-9.-]+\.(?:com|cn|net|org|io|cc|top|xyz|vip|me|co)\b\S*",
    re.IGNORECASE | re.ASCII,
)
"""Text that phones turn into a link: a scheme, www., or a name in a common top-level domain (assumed list)."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """Everything that a message may say about one transition of an alarm."""

    kind: NotificationKind
    dimension: Dimension
    alert: str
    level: int
    """`WarningLevel` value: the new level, or the level of an alarm that is over; 0 for a device."""
    rule: Rule
    asset: Asset
    sensor: Sensor
    quantity: Quantity
    value: float
    """The reading, or the value that the rule derived from it, in the unit of `quantity`; NaN after silence."""
    reason: TransitionReason
    time_ns: int
    """Event time, UTC nanoseconds."""
    time_zone: ZoneInfo
    """Local time in the message."""
    extent: Extent | None = None
    """The interval of the value or the place, where the rule gives one."""
    alarms: int = 1
    """How many alarms of one incident are over, this alarm included; `level` is their highest level."""


@dataclass(frozen=True, slots=True)
class _Language:
    """The words of all messages in one language."""

    templates: Mapping[NotificationKind, str]
    faults: Mapping[TransitionReason, str]
    other_fault: str
    reading: str
    """A value with its quantity."""
    condition: str
    """The limit behind a value."""
    limit_duration: str
    words_duration: str
    """The on-delay behind a limit, and behind the words of a rule without a limit."""
    one_alarm: str
    many_alarms: str
    """Number of alarms that are over."""
    last_reading: str
    """The reading at the end of an alarm."""
    stop: str
    """End of a sentence before the link."""
    link: str


_HAZARD_ZH = "{colour}色预警·{level}：{name} {title}，{found}，{time}。"
_HAZARD_EN = "{colour} warning, {level}: {name}, {title}: {found}, {time}. "

_CHINESE = _Language(
    templates={
        NotificationKind.RAISED: f"【Lifeline】{_HAZARD_ZH}",
        NotificationKind.ESCALATED: f"【Lifeline】升级为{_HAZARD_ZH}",
        NotificationKind.REMINDED: (
            "【Lifeline】仍未确认：{colour}色预警·{level}：{name} {title}，始于{time}，至今未解除。"
        ),
        NotificationKind.CLEARED: (
            "【Lifeline】恢复正常：{name} {title}{alarms}已解除，{last}{time}（原{colour}色预警）。"
        ),
        NotificationKind.DEVICE_FAULT: "【Lifeline】设备故障（非险情）：{name} 设备{device}{fault}，{time}。",
        NotificationKind.DEVICE_RECOVERED: "【Lifeline】设备恢复：{name} 设备{device}数据恢复，{time}。",
    },
    faults={
        TransitionReason.NO_READING: "数据中断",
        TransitionReason.NO_HEARTBEAT: "心跳停止",
        TransitionReason.DEVICE_OFFLINE: "设备离线",
        TransitionReason.FLAT_LINE: "读数长时间不变",
        TransitionReason.ATTENUATED: "读数变化远小于相邻测点",
        TransitionReason.BATTERY_LOW: "电池电量低",
        TransitionReason.SHIFTS_ALONE: "读数偏离同区其他测点",
    },
    other_fault="失效",
    reading="{quantity}{value}",
    condition="（{}）",
    limit_duration="持续{:g}秒",
    words_duration="，持续{:g}秒",
    one_alarm="",
    many_alarms="等{total}项报警均",
    last_reading="{}，",
    stop="。",
    link="确认：{}",
)
_ENGLISH = _Language(
    templates={
        NotificationKind.RAISED: f"[Lifeline] {_HAZARD_EN}",
        NotificationKind.ESCALATED: f"[Lifeline] Raised to {_HAZARD_EN}",
        NotificationKind.REMINDED: (
            "[Lifeline] Still unacknowledged: {colour} warning, {level}: {name}, {title}, since {time} and not over. "
        ),
        NotificationKind.CLEARED: (
            "[Lifeline] Back to normal: {name}, {title}{alarms} over: {last}{time} (was {colour})."
        ),
        NotificationKind.DEVICE_FAULT: (
            "[Lifeline] Device fault (no danger reported): {name}, device {device}: {fault}, {time}. "
        ),
        NotificationKind.DEVICE_RECOVERED: "[Lifeline] Device is back: {name}, device {device}, {time}.",
    },
    faults={
        TransitionReason.NO_READING: "no readings",
        TransitionReason.NO_HEARTBEAT: "its heartbeat stands still",
        TransitionReason.DEVICE_OFFLINE: "it is offline",
        TransitionReason.FLAT_LINE: "its readings stand still",
        TransitionReason.ATTENUATED: "its readings hardly move while those beside it do",
        TransitionReason.BATTERY_LOW: "its battery is low",
        TransitionReason.SHIFTS_ALONE: "its readings depart from all others of the zone",
    },
    other_fault="it cannot be trusted",
    reading="{quantity} {value}",
    condition=" ({})",
    limit_duration=" for {:g} s",
    words_duration=" for {:g} s",
    one_alarm=" is",
    many_alarms=" and {more} more alarm{s} are",
    last_reading="{}, ",
    stop=". ",
    link="Acknowledge: {}",
)
_LANGUAGES = {"zh": _CHINESE, "en": _ENGLISH}


def clean(text: str) -> str:
    """Return `text` in one line, without control characters, invisible characters and text that phones would link."""
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join(_ADDRESS.sub(" ", visible).split())


def count_units(text: str) -> int:
    """Return how many UTF-16 units `text` takes in an SMS."""
    return len(text.encode("utf-16-be")) // 2


def compose_text(facts: MessageFacts, language: str, link: str) -> str:
    """Return the whole message in `language` (zh or en) with `link` at its end, at most `MAX_SEGMENTS` long.

    A text that is too long loses its advice first, then the end of the asset's name. Level, value, time and link stay.
    An unknown language gives Chinese.
    """
    words = _LANGUAGES.get(language, _CHINESE)
    advice, ending = "", ""
    if facts.kind in WITH_ACKNOWLEDGE_LINK:
        advice = _advise(facts, words)
        ending = words.link.format(link)
    name = clean(facts.asset.name_zh if words is _CHINESE else facts.asset.name_en) or facts.asset.id
    text = _fill_template(facts, words, name) + advice + ending
    if not _fits(text):
        text = _fill_template(facts, words, name) + ending
    while not _fits(text) and len(name) > 1:
        name = name.removesuffix("…")[:-1] + "…"
        text = _fill_template(facts, words, name) + ending
    return text


def compose_payload(facts: MessageFacts, notification_id: str) -> str:
    """Return the same facts as JSON: type, timestamp and data, as Standard Webhooks recommends."""
    asset, sensor, rule = facts.asset, facts.sensor, facts.rule
    content = {
        "notification": notification_id,
        "alert": facts.alert,
        "kind": facts.kind.value,
        "dimension": facts.dimension.value,
        "level": _describe_level(facts.level),
        "asset": {
            "id": asset.id,
            "kind": asset.kind,
            "domain": asset.domain,
            "name_zh": asset.name_zh,
            "name_en": asset.name_en,
            "region": asset.region,
            "latitude": asset.latitude,
            "longitude": asset.longitude,
        },
        "device": sensor.device,
        "sensor": sensor.id,
        "quantity": facts.quantity.name,
        "unit": facts.quantity.unit,
        "value": None if math.isnan(facts.value) else facts.value,
        **_describe_extent(facts.extent),
        "rule": {"id": rule.id, "title_zh": rule.title_zh, "title_en": rule.title_en},
        "reason": facts.reason.name.lower(),
        "time_ns": facts.time_ns,
    }
    message = {"type": f"alert.{facts.kind.value}", "timestamp": _local_time(facts).isoformat(), "data": content}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _describe_extent(extent: Extent | None) -> Mapping[str, Mapping[str, str | float]]:
    """Return the interval of the value or the place along the pipe; nothing where the rule gives neither."""
    if extent is None:
        return {}
    ends = {"low": extent.low, "high": extent.high}
    if extent.is_deadband:
        return {"deadband": ends}
    towards = extent.towards.partition("/")[2]
    return {"place_m": {**ends, "towards": towards}} if towards else {"interval": ends}


def _describe_level(level: int) -> Mapping[str, str | int] | None:
    if not level:
        return None
    named = WarningLevel(level)
    return {"value": level, "key": named.key, "zh": named.zh, "colour_zh": named.colour_zh, "en": named.en}


def _local_time(facts: MessageFacts) -> datetime:
    # Whole microseconds: a float of nanoseconds since 1970 cannot hold them.
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=facts.time_ns // 1000)
    return time.astimezone(facts.time_zone)


def _fits(text: str) -> bool:
    return count_units(text) <= MAX_SEGMENTS * SEGMENT_UNITS


def _fill_template(facts: MessageFacts, words: _Language, name: str) -> str:
    is_zh = words is _CHINESE
    level = WarningLevel(facts.level) if facts.level else None
    return words.templates[facts.kind].format(
        name=name,
        title=clean(facts.rule.title_zh if is_zh else facts.rule.title_en),
        level=(level.zh if is_zh else level.en) if level else "",
        colour=(level.colour_zh if is_zh else level.name) if level else "",
        found=_describe_cause(facts, words),
        alarms=_count_alarms(facts.alarms, words),
        last="" if math.isnan(facts.value) else words.last_reading.format(_describe_reading(facts, words)),
        device=clean(facts.sensor.device),
        fault=words.faults.get(facts.reason, words.other_fault),
        time=_local_time(facts).strftime(_TIME_FORMAT),
    )


def _describe_reading(facts: MessageFacts, words: _Language) -> str:
    decimals = facts.quantity.decimals
    interval = interval_words(facts.extent, decimals)
    value = f"{facts.value:.{decimals}f} {facts.quantity.unit}".rstrip() + interval
    return words.reading.format(quantity=facts.quantity.zh if words is _CHINESE else facts.quantity.en, value=value)


def _describe_cause(facts: MessageFacts, words: _Language) -> str:
    """Return the reading with the limit that it passed, or the words of a rule without a limit."""
    is_zh = words is _CHINESE
    limit = facts.rule.limit_of(facts.level)
    if limit is not None and (because := limit.because_zh if is_zh else limit.because_en):
        return clean(because) + (words.words_duration.format(limit.on_delay_s) if limit.on_delay_s else "")
    condition = ""
    if limit is not None:
        sign = "≤" if limit.side is Side.LOW else "≥"
        duration = words.limit_duration.format(limit.on_delay_s) if limit.on_delay_s else ""
        condition = words.condition.format(f"{sign}{limit.limit:g}{duration}")
    return _describe_reading(facts, words) + condition + place_words(facts.extent, is_zh=is_zh)


def _count_alarms(alarms: int, words: _Language) -> str:
    more = alarms - 1
    if not more:
        return words.one_alarm
    return words.many_alarms.format(total=alarms, more=more, s="s" if more > 1 else "")


def _advise(facts: MessageFacts, words: _Language) -> str:
    """Return the rule's advice as one sentence before the link; empty where the rule has no advice."""
    advice = clean(facts.rule.advice_zh if words is _CHINESE else facts.rule.advice_en)
    return advice.rstrip("。. ") + words.stop if advice else ""
