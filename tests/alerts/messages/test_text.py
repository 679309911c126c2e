import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from alerts.messages.text import (
    MAX_SEGMENTS,
    SEGMENT_UNITS,
    MessageFacts,
    clean,
    compose_payload,
    compose_text,
    count_units,
)
from alerts.notification import NotificationKind
from config.levels import WarningLevel
from rules.events import Dimension, Extent, TransitionReason
from tests.alerts import scenes

LINK = "http://127.0.0.1:8080/a/" + "x" * 38


def facts_of(kind: NotificationKind = NotificationKind.RAISED, **changes) -> MessageFacts:
    """Return an orange pressure loss at 08:01:02 local time."""
    where = scenes.district()
    first = MessageFacts(
        kind=kind,
        dimension=Dimension.HAZARD,
        alert="a1",
        level=WarningLevel.ORANGE,
        rule=scenes.hazard_rule(),
        asset=where.register.assets["T-1"],
        sensor=where.register.sensors[0],
        quantity=scenes.PRESSURE,
        value=0.0,
        reason=TransitionReason.LIMIT_HELD,
        time_ns=scenes.START_NS + 62 * scenes.SECOND_NS,
        time_zone=where.register.city.zone,
    )
    return replace(first, **changes)


def fault(kind: NotificationKind) -> MessageFacts:
    """Return a device that fell silent, or is back."""
    nan = float("nan")
    return facts_of(
        kind,
        dimension=Dimension.HEALTH,
        level=0,
        rule=scenes.stale_rule(),
        value=nan,
        reason=TransitionReason.NO_READING,
    )


TEXTS = [
    (
        "zh",
        facts_of(NotificationKind.REMINDED, level=WarningLevel.RED),
        (
            "【Lifeline】仍未确认：红色预警·重大风险：翡翠苑1号楼 消防管网失压，始于03-24 08:01，至今未解除。"
            f"请立即核查。确认：{LINK}"
        ),
    ),
    (
        "en",
        facts_of(NotificationKind.REMINDED),
        (
            "[Lifeline] Still unacknowledged: ORANGE warning, larger risk: Feicui Court 1, "
            f"Fire main has lost pressure, since 03-24 08:01 and not over. Check at once. Acknowledge: {LINK}"
        ),
    ),
    (
        "zh",
        facts_of(),
        (
            "【Lifeline】橙色预警·较大风险：翡翠苑1号楼 消防管网失压，水压0.00 MPa（≤0.02持续10秒），03-24 08:01。"
            f"请立即核查。确认：{LINK}"
        ),
    ),
    (
        "en",
        facts_of(),
        (
            "[Lifeline] ORANGE warning, larger risk: Feicui Court 1, Fire main has lost pressure: "
            f"water pressure 0.00 MPa (≤0.02 for 10 s), 03-24 08:01. Check at once. Acknowledge: {LINK}"
        ),
    ),
    (
        "zh",
        facts_of(NotificationKind.ESCALATED, level=WarningLevel.RED, value=-0.06),
        (
            "【Lifeline】升级为红色预警·重大风险：翡翠苑1号楼 消防管网失压，水压-0.06 MPa（≤-0.05），03-24 08:01。"
            f"请立即核查。确认：{LINK}"
        ),
    ),
    (
        "zh",
        facts_of(NotificationKind.CLEARED, value=0.35),
        "【Lifeline】恢复正常：翡翠苑1号楼 消防管网失压已解除，水压0.35 MPa，03-24 08:01（原橙色预警）。",
    ),
    (
        "en",
        facts_of(NotificationKind.CLEARED, value=0.35),
        (
            "[Lifeline] Back to normal: Feicui Court 1, Fire main has lost pressure is over: water pressure 0.35 MPa, "
            "03-24 08:01 (was ORANGE)."
        ),
    ),
    (
        "zh",
        fault(NotificationKind.DEVICE_FAULT),
        f"【Lifeline】设备故障（非险情）：翡翠苑1号楼 设备FT-1数据中断，03-24 08:01。请检查终端。确认：{LINK}",
    ),
    (
        "en",
        fault(NotificationKind.DEVICE_FAULT),
        (
            "[Lifeline] Device fault (no danger reported): Feicui Court 1, device FT-1: no readings, 03-24 08:01. "
            f"Check the terminal. Acknowledge: {LINK}"
        ),
    ),
    (
        "zh",
        fault(NotificationKind.DEVICE_RECOVERED),
        "【Lifeline】设备恢复：翡翠苑1号楼 设备FT-1数据恢复，03-24 08:01。",
    ),
    (
        "en",
        fault(NotificationKind.DEVICE_RECOVERED),
        "[Lifeline] Device is back: Feicui Court 1, device FT-1, 03-24 08:01.",
    ),
]


@pytest.mark.parametrize(("language", "facts", "text"), TEXTS, ids=[f"{t[0]}-{t[1].kind}" for t in TEXTS])
def test_text_of_each_kind_reads_as_written_here(language, facts, text):
    """Every template, word for word."""
    assert text == compose_text(facts, language, LINK)


@pytest.mark.parametrize("level", [level for level in WarningLevel if level > WarningLevel.GREEN])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_text_of_every_level_uses_the_words_of_the_table(level, language):
    """Colour and risk in a message are those of `WarningLevel`."""
    text = compose_text(facts_of(level=level), language, LINK)

    words = (f"{level.colour_zh}色预警", level.zh) if language == "zh" else (level.name, level.en)
    assert all(word in text for word in words)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", NotificationKind)
def test_text_with_an_endless_name_fits_and_keeps_the_link(kind, language):
    """A name of any length is cut before level, value, time and link."""
    facts = facts_of(kind) if kind.value in ("raised", "escalated", "reminded", "cleared") else fault(kind)
    name = "很长的楼名😀" * 100
    text = compose_text(replace(facts, asset=replace(facts.asset, name_zh=name, name_en=name)), language, LINK)

    assert count_units(text) <= MAX_SEGMENTS * SEGMENT_UNITS
    assert "08:01" in text
    assert (LINK in text) == (kind.value in ("raised", "escalated", "reminded", "device_fault"))


def test_text_too_long_loses_its_advice_first():
    """A long advice goes before the name is touched."""
    facts = facts_of(rule=replace(scenes.hazard_rule(), advice_zh="检查。" * 200))

    assert "翡翠苑1号楼" in compose_text(facts, "zh", LINK)
    assert "检查" not in compose_text(facts, "zh", LINK)


def test_text_in_an_unknown_language_is_chinese():
    """A contact with another language still understands the city's."""
    assert compose_text(facts_of(), "zh", LINK) == compose_text(facts_of(), "fr", LINK)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("一号楼", "一号楼"),
        ("一号\n楼\t\x00", "一号 楼"),
        ("tower\u202eevil\u200b", "tower evil"),
        ("塔 http://evil.example/x 楼", "塔 楼"),
        ("go to www.evil.example now", "go to now"),
        ("pay at evil.com/pay now", "pay at now"),
        ("No.5 Block A.1", "No.5 Block A.1"),
        ("", ""),
    ],
)
def test_clean_name_holds_nothing_that_misleads(name, cleaned):
    """Control and direction characters and addresses are gone, everything else stays."""
    assert cleaned == clean(name)


def test_text_of_a_nameless_asset_shows_its_id():
    """An asset with nothing but an address as its name shows its id."""
    facts = facts_of()
    text = compose_text(replace(facts, asset=replace(facts.asset, name_zh="http://evil.com")), "zh", LINK)

    assert "：T-1 消防" in text


@pytest.mark.parametrize(
    ("name", "days", "text", "timestamp"),
    [
        ("UTC", 0, "03-24 00:01", "2025-03-24T00:01:02+00:00"),
        ("Europe/Berlin", 0, "03-24 01:01", "2025-03-24T01:01:02+01:00"),
        ("Europe/Berlin", 7, "03-31 02:01", "2025-03-31T02:01:02+02:00"),
        ("America/New_York", 0, "03-23 20:01", "2025-03-23T20:01:02-04:00"),
        ("America/New_York", -21, "03-02 19:01", "2025-03-02T19:01:02-05:00"),
    ],
)
def test_time_of_a_message_is_local_also_in_summer_time(name, days, text, timestamp):
    """Text and payload use the time zone of the city, with its summer time."""
    time_ns = scenes.START_NS + (62 + days * 86_400) * scenes.SECOND_NS
    facts = facts_of(time_zone=ZoneInfo(name), time_ns=time_ns)

    assert text in compose_text(facts, "zh", LINK)
    assert timestamp == json.loads(compose_payload(facts, "n1"))["timestamp"]


def test_payload_of_a_warning_has_type_time_and_facts():
    """Machines get the same facts, with the event's local time."""
    content = json.loads(compose_payload(facts_of(), "n1"))

    assert ("alert.raised", "2025-03-24T08:01:02+08:00") == (content["type"], content["timestamp"])
    facts = content["data"]
    assert ("n1", "a1", "orange", 0.0) == (facts["notification"], facts["alert"], facts["level"]["key"], facts["value"])


def test_payload_of_silence_has_no_value_and_no_level():
    """NaN is no JSON: silence has null."""
    facts = json.loads(compose_payload(fault(NotificationKind.DEVICE_FAULT), "n1"))["data"]

    assert (None, None) == (facts["value"], facts["level"])


def conditions_rule():
    """Return the hazard rule with words instead of a limit, as rules that follow others have."""
    rule = scenes.hazard_rule()
    levels = [replace(each, because_zh="有火无水", because_en="fire without water") for each in rule.levels]
    return replace(rule, levels=tuple(levels))


@pytest.mark.parametrize(
    ("language", "expected"), [("zh", "有火无水，持续10秒，"), ("en", "fire without water for 10 s, ")]
)
def test_message_of_conditions_has_their_words_and_no_value(language, expected):
    """A rule of conditions has no value."""
    text = compose_text(facts_of(rule=conditions_rule(), value=float("nan")), language, LINK)

    assert (True, False) == (expected in text, "nan" in text)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_message_of_the_end_of_conditions_has_no_value(language):
    """The end of conditions has no value either."""
    ended = facts_of(NotificationKind.CLEARED, rule=conditions_rule(), value=float("nan"))

    assert "nan" not in compose_text(ended, language, LINK)


@pytest.mark.parametrize(
    ("language", "extent", "words"),
    [
        ("zh", Extent(0.011, 0.042), "0.00 MPa (0.01–0.04)（≤0.02持续10秒）"),
        ("en", Extent(0.011, 0.042), "0.00 MPa (0.01–0.04) (≤0.02 for 10 s)"),
        ("zh", Extent(300.0, 420.0, "burst/B.p"), "，位置在本测点向B.p方向300–420米处，"),
        ("en", Extent(300.0, 420.0, "burst/B.p"), "; it began 300–420 m from here towards B.p, "),
    ],
)
def test_message_of_an_extent_shows_the_interval_or_the_place(language, extent, words):
    """The interval of a value, or the place along the pipe."""
    assert words in compose_text(facts_of(extent=extent), language, LINK)


def test_payload_of_a_place_has_metres_and_sensor():
    """Machines get the place along the pipe in metres."""
    facts = json.loads(compose_payload(facts_of(extent=Extent(300.0, 420.0, "burst/B.p")), "n1"))["data"]

    assert {"low": 300.0, "high": 420.0, "towards": "B.p"} == facts["place_m"]


def test_payload_of_a_deadband_has_its_ends_and_the_text_has_none():
    """Machines may show the reset value in force; a phone shows only the reading."""
    told = facts_of(extent=Extent(0.02, 0.05, "deadband"))
    facts = json.loads(compose_payload(told, "n1"))["data"]

    assert {"low": 0.02, "high": 0.05} == facts["deadband"]
    assert compose_text(facts_of(), "en", LINK) == compose_text(told, "en", LINK)
