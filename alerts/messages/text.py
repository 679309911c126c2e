"""The words of every message: fixed templates in Chinese and English, and the same facts as JSON for machines.

Comes in: an `Incident`. Goes out: text and payload. Refuses to pass on control characters or addresses from names, to
cut a link off, and to know the clock: every time is the event's.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from alerts.notification import NotificationKind
from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Asset, Sensor
from rules.events import Dimension, Extent, Reason
from rules.explanation import interval_words, place_words
from rules.rule import Rule, Side

MAX_SEGMENTS = 4
"""Longest SMS, in segments; assumed: some phones and operators drop longer ones."""
SEGMENT_UNITS = 67
"""UTF-16 units in one segment of a long SMS with coding=2. Source: 3GPP TS 23.040, 9.2.3.24.1 (134 octets)."""

CITY_OFFSET_S = 8 * 3600
"""Local time of Chongqing, UTC+08:00, all year."""

_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S*|\bwww\.\S*|\b[a-z0-9.-]+\.(?:com|cn|net|org|io|cc|top|xyz|vip|me|co)\b\S*",
    re.IGNORECASE | re.ASCII,
)
"""What phones turn into a link: a scheme, www., or a name in a common top-level domain (assumed list)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that a message may say about one transition."""

    kind: NotificationKind
    dimension: Dimension
    alert: str
    level: int
    """`WarningLevel` value: the new level, or the one that is over; 0 for a device."""
    rule: Rule
    asset: Asset
    sensor: Sensor
    quantity: Quantity
    value: float
    """The reading, or what the rule derived from it, in the unit of `quantity`; NaN where silence caused it."""
    reason: Reason
    time_ns: int
    """Event time."""
    extent: Extent | None = None
    """How exactly value or place are known, where the rule says so."""
    offset_s: int = CITY_OFFSET_S
    """Local time minus UTC."""
    alarms: int = 1
    """How many alarms of one incident are over with this one, itself included; `level` is their highest."""


def clean(text: str) -> str:
    """Return `text` on one line without control and invisible characters and without anything a phone would link."""
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join(_ADDRESS.sub(" ", visible).split())


def units(text: str) -> int:
    """Return how many UTF-16 units `text` takes in an SMS."""
    return len(text.encode("utf-16-be")) // 2


def message_text(incident: Incident, language: str, link: str) -> str:
    """Return the whole message in `language` (zh or en) with `link` at its end, at most `MAX_SEGMENTS` long.

    Too long loses its advice first, then the end of the asset's name; never level, value, time or link.
    """
    language = language if language in _ENDINGS else "zh"
    template = _TEMPLATES[language, incident.kind]
    ending = _ENDINGS[language].format(link) if incident.kind in _ASKS_FOR_ACTION else ""
    name = clean(incident.asset.name_zh if language == "zh" else incident.asset.name_en) or incident.asset.id
    text = template(incident, name) + _advice(incident, language) + ending
    if units(text) > MAX_SEGMENTS * SEGMENT_UNITS:
        text = template(incident, name) + ending
    while units(text) > MAX_SEGMENTS * SEGMENT_UNITS and len(name) > 1:
        name = name.removesuffix("…")[:-1] + "…"
        text = template(incident, name) + ending
    return text


def message_payload(incident: Incident, notification: str) -> str:
    """Return the same facts as JSON: type, timestamp and data, as Standard Webhooks recommends."""
    asset, sensor, rule = incident.asset, incident.sensor, incident.rule
    facts = {
        "notification": notification,
        "alert": incident.alert,
        "kind": incident.kind.value,
        "dimension": incident.dimension.value,
        "level": _level_facts(incident.level),
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
        "quantity": incident.quantity.name,
        "unit": incident.quantity.unit,
        "value": None if math.isnan(incident.value) else incident.value,
        **_extent_facts(incident.extent),
        "rule": {"id": rule.id, "title_zh": rule.title_zh, "title_en": rule.title_en},
        "reason": incident.reason.name.lower(),
        "time_ns": incident.time_ns,
    }
    content = {"type": f"alert.{incident.kind.value}", "timestamp": _local(incident).isoformat(), "data": facts}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _extent_facts(extent: Extent | None) -> Mapping[str, str | float | Mapping[str, str | float]]:
    """Return the interval of the value or the place along the pipe; nothing where neither is known."""
    if extent is None:
        return {}
    ends = {"low": extent.low, "high": extent.high}
    if extent.is_deadband:
        return {"deadband": ends}
    towards = extent.towards.partition("/")[2]
    return {"place_m": {**ends, "towards": towards}} if towards else {"interval": ends}


def _level_facts(level: int) -> Mapping[str, str | int] | None:
    if not level:
        return None
    named = WarningLevel(level)
    return {"value": level, "key": named.key, "zh": named.zh, "colour_zh": named.colour_zh, "en": named.en}


def _local(incident: Incident) -> datetime:
    # Whole microseconds: a float of nanoseconds since 1970 would not hold them.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=incident.time_ns // 1000)
    return moment.astimezone(timezone(timedelta(seconds=incident.offset_s)))


def _when(incident: Incident) -> str:
    return _local(incident).strftime("%m-%d %H:%M")


def _value(incident: Incident) -> str:
    decimals = incident.quantity.decimals
    interval = interval_words(incident.extent, decimals)
    return f"{incident.value:.{decimals}f} {incident.quantity.unit}".rstrip() + interval


def _condition(incident: Incident, seconds: str) -> str:
    """Return the limit that was passed and for how long, `≤0.02持续10秒`; empty where the rule has none."""
    limit = incident.rule.limit_of(incident.level)
    if limit is None:
        return ""
    sign = "≤" if limit.side is Side.LOW else "≥"
    held = seconds.format(f"{limit.on_delay_s:g}") if limit.on_delay_s else ""
    return f"{sign}{limit.limit:g}{held}"


def _found_zh(incident: Incident) -> str:
    """Return what was found: the reading and the limit that it passed, or the words of a rule that judges none."""
    limit = incident.rule.limit_of(incident.level)
    if limit is not None and limit.because_zh:
        return clean(limit.because_zh) + (f"，持续{limit.on_delay_s:g}秒" if limit.on_delay_s else "")
    condition = _condition(incident, "持续{}秒")
    return f"{incident.quantity.zh}{_value(incident)}{f'（{condition}）' if condition else ''}" + place_words(
        incident.extent, is_zh=True
    )


def _found_en(incident: Incident) -> str:
    limit = incident.rule.limit_of(incident.level)
    if limit is not None and limit.because_en:
        return clean(limit.because_en) + (f" for {limit.on_delay_s:g} s" if limit.on_delay_s else "")
    condition = _condition(incident, " for {} s")
    return f"{incident.quantity.en} {_value(incident)}{f' ({condition})' if condition else ''}" + place_words(
        incident.extent, is_zh=False
    )


def _hazard_zh(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    rise = "升级为" if incident.kind is NotificationKind.ESCALATED else ""
    return (
        f"【Lifeline】{rise}{level.colour_zh}色预警·{level.zh}：{name} {clean(incident.rule.title_zh)}，"
        f"{_found_zh(incident)}，{_when(incident)}。"
    )


def _hazard_en(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    rise = "Raised to " if incident.kind is NotificationKind.ESCALATED else ""
    return (
        f"[Lifeline] {rise}{level.name} warning, {level.en}: {name}, {clean(incident.rule.title_en)}: "
        f"{_found_en(incident)}, {_when(incident)}. "
    )


def _reminder_zh(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    return (
        f"【Lifeline】仍未确认：{level.colour_zh}色预警·{level.zh}：{name} {clean(incident.rule.title_zh)}，"
        f"始于{_when(incident)}，至今未解除。"
    )


def _reminder_en(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    return (
        f"[Lifeline] Still unacknowledged: {level.name} warning, {level.en}: {name}, "
        f"{clean(incident.rule.title_en)}, since {_when(incident)} and not over. "
    )


def _cleared_zh(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    return (
        f"【Lifeline】恢复正常：{name} {clean(incident.rule.title_zh)}"
        f"{f'等{incident.alarms}项报警均' if incident.alarms > 1 else ''}已解除，"
        f"{'' if math.isnan(incident.value) else f'{incident.quantity.zh}{_value(incident)}，'}"
        f"{_when(incident)}（原{level.colour_zh}色预警）。"
    )


def _cleared_en(incident: Incident, name: str) -> str:
    level = WarningLevel(incident.level)
    rest = incident.alarms - 1
    more = f" and {rest} more alarm{'s' if rest > 1 else ''}" if rest else ""
    return (
        f"[Lifeline] Back to normal: {name}, {clean(incident.rule.title_en)}{more} {'are' if rest else 'is'} over: "
        f"{'' if math.isnan(incident.value) else f'{incident.quantity.en} {_value(incident)}, '}"
        f"{_when(incident)} (was {level.name})."
    )


_FAULTS_ZH = {
    Reason.NO_READING: "数据中断",
    Reason.NO_HEARTBEAT: "心跳停止",
    Reason.DEVICE_OFFLINE: "设备离线",
    Reason.FLAT_LINE: "读数长时间不变",
    Reason.ATTENUATED: "读数变化远小于相邻测点",
    Reason.BATTERY_LOW: "电池电量低",
    Reason.SHIFTS_ALONE: "读数偏离同区其他测点",
}
_FAULTS_EN = {
    Reason.NO_READING: "no readings",
    Reason.NO_HEARTBEAT: "its heartbeat stands still",
    Reason.DEVICE_OFFLINE: "it is offline",
    Reason.FLAT_LINE: "its readings stand still",
    Reason.ATTENUATED: "its readings hardly move while those beside it do",
    Reason.BATTERY_LOW: "its battery is low",
    Reason.SHIFTS_ALONE: "its readings depart from all others of the zone",
}


def _fault_zh(incident: Incident, name: str) -> str:
    fault = _FAULTS_ZH.get(incident.reason, "失效")
    return f"【Lifeline】设备故障（非险情）：{name} 设备{clean(incident.sensor.device)}{fault}，{_when(incident)}。"


def _fault_en(incident: Incident, name: str) -> str:
    fault = _FAULTS_EN.get(incident.reason, "it cannot be trusted")
    device = clean(incident.sensor.device)
    return f"[Lifeline] Device fault (no danger reported): {name}, device {device}: {fault}, {_when(incident)}. "


def _recovered_zh(incident: Incident, name: str) -> str:
    return f"【Lifeline】设备恢复：{name} 设备{clean(incident.sensor.device)}数据恢复，{_when(incident)}。"


def _recovered_en(incident: Incident, name: str) -> str:
    return f"[Lifeline] Device is back: {name}, device {clean(incident.sensor.device)}, {_when(incident)}."


_TEMPLATES: Mapping[tuple[str, NotificationKind], Callable[[Incident, str], str]] = {
    ("zh", NotificationKind.RAISED): _hazard_zh,
    ("zh", NotificationKind.ESCALATED): _hazard_zh,
    ("zh", NotificationKind.REMINDED): _reminder_zh,
    ("zh", NotificationKind.CLEARED): _cleared_zh,
    ("zh", NotificationKind.DEVICE_FAULT): _fault_zh,
    ("zh", NotificationKind.DEVICE_RECOVERED): _recovered_zh,
    ("en", NotificationKind.RAISED): _hazard_en,
    ("en", NotificationKind.ESCALATED): _hazard_en,
    ("en", NotificationKind.REMINDED): _reminder_en,
    ("en", NotificationKind.CLEARED): _cleared_en,
    ("en", NotificationKind.DEVICE_FAULT): _fault_en,
    ("en", NotificationKind.DEVICE_RECOVERED): _recovered_en,
}

_ENDINGS = {"zh": "确认：{}", "en": "Acknowledge: {}"}
_ASKS_FOR_ACTION = (
    NotificationKind.RAISED,
    NotificationKind.ESCALATED,
    NotificationKind.REMINDED,
    NotificationKind.DEVICE_FAULT,
)


def _advice(incident: Incident, language: str) -> str:
    """Return what to do as one sentence, ready to be followed by the link; empty where nothing is asked for."""
    if incident.kind not in _ASKS_FOR_ACTION:
        return ""
    advice = clean(incident.rule.advice_zh if language == "zh" else incident.rule.advice_en)
    if not advice:
        return ""
    stop = "。" if language == "zh" else ". "
    return advice.rstrip("。. ") + stop
