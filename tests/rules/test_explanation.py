"""Every transition has its sentence in both languages."""

import dataclasses
import math

import numpy as np
import pytest

from config.quantities import Quantity
from rules.engine import RuleEngine
from rules.events import AlarmEvents, Extent, Transition, TransitionReason
from rules.explanation import TransitionFields, describe, fields_at
from rules.rule import Rule, RuleSet
from tests.rules.small_district import PLAIN, batch, register, stale, threshold

PRESSURE = Quantity("p", "水压", "pressure", "MPa", 0.0, 3.0, 1.0, 2, {}, "assumed")
GAS = Quantity("g", "甲烷浓度", "methane", "%LEL", 0.0, 100.0, 1.0, 1, {}, "assumed")


def rule(side: str, quantity: Quantity | None, levels) -> Rule:
    """Return a threshold rule that knows its quantity."""
    made = threshold("rule", [PLAIN], levels, side=side)
    fields = {name: getattr(made, name) for name in Rule.__slots__}
    return Rule(**{**fields, "quantity": quantity})


LOW = rule("low", PRESSURE, [("yellow", 0.07, 0.01, 60, 30), ("orange", 0.02, 0.02, 10, 10)])
HIGH = rule("high", GAS, [("yellow", 10.0, 2.0, 0, 5400), ("red", 50.0, 5.0, 4, 60)])
BARE = rule("high", None, [("red", 50.0, 5.0, 4, 60)])
SILENT = stale("silent", [PLAIN])


@pytest.mark.parametrize(
    ("of", "turn", "zh", "en"),
    [
        (
            LOW,
            (Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 4, -0.001),
            "水压0.00 MPa，不高于橙色限值0.02 MPa，已持续10秒",
            "Pressure 0.00 MPa, at or below the orange limit of 0.02 MPa for 10 s",
        ),
        (
            LOW,
            (Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 3, 0.075),
            "水压0.07 MPa，尚未回升到0.08 MPa，曾不高于黄色限值0.07 MPa，已持续1分钟",
            (
                "Pressure 0.07 MPa, not back above 0.08 MPa since it was "
                "at or below the yellow limit of 0.07 MPa for 1 min"
            ),
        ),
        (
            HIGH,
            (Transition.ESCALATED, TransitionReason.LIMIT_HELD, 3, 5, 63.0),
            "甲烷浓度63.0 %LEL，不低于红色限值50.0 %LEL，已持续4秒",
            "Methane 63.0 %LEL, at or above the red limit of 50.0 %LEL for 4 s",
        ),
        (
            HIGH,
            (Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 3, 11.0),
            "甲烷浓度11.0 %LEL，不低于黄色限值10.0 %LEL",
            "Methane 11.0 %LEL, at or above the yellow limit of 10.0 %LEL",
        ),
        (
            HIGH,
            (Transition.LOWERED, TransitionReason.BACK_WITHIN, 5, 3, 40.0),
            "甲烷浓度40.0 %LEL，已回落到红色解除值45.0 %LEL以下，已持续1分钟，仍为黄色",
            "Methane 40.0 %LEL, back below the red reset value of 45.0 %LEL for 1 min; still yellow",
        ),
        (
            HIGH,
            (Transition.CLEARED, TransitionReason.BACK_WITHIN, 3, 0, 1.0),
            "甲烷浓度1.0 %LEL，已回落到黄色解除值8.0 %LEL以下，已持续90分钟",
            "Methane 1.0 %LEL, back below the yellow reset value of 8.0 %LEL for 90 min",
        ),
        (
            LOW,
            (Transition.CLEARED, TransitionReason.BACK_WITHIN, 4, 0, 0.42),
            "水压0.42 MPa，已回升到橙色解除值0.04 MPa以上，已持续10秒",
            "Pressure 0.42 MPa, back above the orange reset value of 0.04 MPa for 10 s",
        ),
        (
            LOW,
            (Transition.CLEARED, TransitionReason.BACK_WITHIN, 3, 0, 0.08),
            "水压0.08 MPa，仍高于0.07 MPa，曾回升到黄色解除值0.08 MPa以上，已持续30秒",
            (
                "Pressure 0.08 MPa, still above 0.07 MPa since it was "
                "back above the yellow reset value of 0.08 MPa for 30 s"
            ),
        ),
        (
            HIGH,
            (Transition.CLEARED, TransitionReason.BACK_WITHIN, 5, 0, 46.0),
            "甲烷浓度46.0 %LEL，仍低于50.0 %LEL，曾回落到红色解除值45.0 %LEL以下，已持续1分钟",
            (
                "Methane 46.0 %LEL, still below 50.0 %LEL since it was "
                "back below the red reset value of 45.0 %LEL for 1 min"
            ),
        ),
        (
            BARE,
            (Transition.CLEARED, TransitionReason.BACK_WITHIN, 5, 0, 40.0),
            "40，已回落到红色解除值45以下，已持续1分钟",
            "40, back below the red reset value of 45 for 1 min",
        ),
        (
            BARE,
            (Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 5, 51.5),
            "51.5，不低于红色限值50，已持续4秒",
            "51.5, at or above the red limit of 50 for 4 s",
        ),
        (
            SILENT,
            (Transition.RAISED, TransitionReason.NO_READING, 0, 1, math.nan),
            "没有收到有效读数（超过6秒）",
            "No usable reading (longer than 6 s)",
        ),
        (
            SILENT,
            (Transition.RAISED, TransitionReason.NO_HEARTBEAT, 0, 1, math.nan),
            "仍有读数，但设备心跳停止（超过6秒）",
            "Readings arrive, but the device's heartbeat stands still (longer than 6 s)",
        ),
        (
            SILENT,
            (Transition.RAISED, TransitionReason.NEVER_SEEN, 0, 1, math.nan),
            "已登记，但从未收到读数（超过6秒）",
            "Registered, but never heard (longer than 6 s)",
        ),
        (
            SILENT,
            (Transition.RAISED, TransitionReason.DEVICE_OFFLINE, 0, 1, math.nan),
            "设备已离线",
            "The device has gone offline",
        ),
        (
            SILENT,
            (Transition.CLEARED, TransitionReason.HEARD_AGAIN, 1, 0, 0.4),
            "读数和心跳已恢复",
            "Readings and heartbeat are back",
        ),
    ],
)
def test_describe_of_a_turn_says_why_in_both_languages(of, turn, zh, en):
    """Value, limit, delay and the standing level are in the sentence."""
    assert (zh, en) == (
        describe(of, TransitionFields(*turn), "zh", 6.0),
        describe(of, TransitionFields(*turn), "en", 6.0),
    )


def test_describe_of_silence_without_stale_time_leaves_it_out():
    """Who does not know the sensor still gets a sentence."""
    assert "No usable reading" == describe(
        SILENT, TransitionFields(Transition.RAISED, TransitionReason.NO_READING, 0, 1, math.nan), "en"
    )


def test_describe_of_a_level_that_the_rule_no_longer_has_names_the_value():
    """The rules of today describe an old event without failing."""
    gone = TransitionFields(Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 2, 0.1)
    back = TransitionFields(Transition.CLEARED, TransitionReason.BACK_WITHIN, 2, 0, 0.3)

    assert ("Pressure 0.10 MPa", "Pressure 0.30 MPa") == (describe(LOW, gone, "en"), describe(LOW, back, "en"))


@pytest.mark.parametrize("reason", list(TransitionReason))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_describe_of_every_reason_has_words(reason, language):
    """No reason of the bounded set is without a sentence."""
    assert describe(LOW, TransitionFields(Transition.RAISED, reason, 0, 3, 0.05), language)


def words(levels, values) -> list[str]:
    """Return the descriptions of a pressure each 2 s, in English."""
    of = rule("low", PRESSURE, levels)
    engine = RuleEngine(RuleSet((of,), "1"), register())
    events = engine.evaluate(batch(0, [(PLAIN, 2 * i, value) for i, value in enumerate(values)]), 1)
    return [describe(of, fields_at(events, i, engine.alarms), "en") for i in range(len(events))]


def test_describe_of_a_clear_names_the_level_that_ended_not_one_that_never_began():
    """Orange that ends after its own 10 s says 10 s; yellow, with its 30 s, was never active."""
    levels = [("yellow", 0.07, 0.01, 60, 30), ("orange", 0.02, 0.02, 10, 10)]
    expected = [
        "Pressure 0.00 MPa, at or below the orange limit of 0.02 MPa for 10 s",
        "Pressure 0.42 MPa, back above the orange reset value of 0.04 MPa for 10 s",
    ]

    assert expected == words(levels, [0.0] * 6 + [0.42] * 10)


def test_describe_of_levels_that_end_one_after_another_names_each_in_turn():
    """The clear at the end has the numbers of the level that ended last."""
    levels = [("yellow", 0.07, 0.01, 4, 30), ("orange", 0.02, 0.02, 4, 10)]
    expected = [
        "Pressure 0.42 MPa, back above the orange reset value of 0.04 MPa for 10 s; still yellow",
        "Pressure 0.42 MPa, back above the yellow reset value of 0.08 MPa for 30 s",
    ]

    assert expected == words(levels, [0.0] * 6 + [0.42] * 20)[1:]


def test_describe_of_a_lower_level_that_ended_unsaid_names_the_higher():
    """The clear does not wait for a yellow that is over while orange stands."""
    levels = [("yellow", 0.07, 0.01, 4, 10), ("orange", 0.02, 0.02, 4, 30)]
    expected = ["Pressure 0.42 MPa, back above the orange reset value of 0.04 MPa for 30 s"]

    assert expected == words(levels, [0.0] * 6 + [0.42] * 20)[1:]


def test_turn_at_of_events_takes_the_fields_of_that_row():
    """The row of an engine's events becomes the fields of an explanation."""
    engine = RuleEngine(RuleSet((threshold("rule", [PLAIN], [("red", 1.0, 0.5, 0, 0)], side="low"),), "1"), register())
    events = engine.evaluate(batch(1, [(PLAIN, 1, 0.5), (PLAIN, 2, 9.0)]), 1)

    assert TransitionFields(Transition.CLEARED, TransitionReason.BACK_WITHIN, 5, 0, 9.0) == fields_at(
        events, 1, engine.alarms
    )


def test_lines_of_events_are_canonical():
    """The text of a history is fixed to the byte."""
    columns = [np.array([each]) for each in (0, 5, 4, 1, 0, 5, np.nan, 3, 9, np.nan, np.nan, -1)]
    engine = RuleEngine(RuleSet((stale("silent", [PLAIN]),), "1"), register())
    expected = (
        '{"alarm":"silent/P.p","time_ns":5,"episode_ns":4,"transition":"raised","level_before":0,"level_after":5,'
        '"value":null,"reason":"no_reading","position":9}'
    )

    assert [expected] == AlarmEvents(*columns).lines(engine.alarms)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", "水压0.05 MPa，不高于橙色限值0.07 MPa，位置在本测点向B.p方向300–420米处"),
        ("en", "Pressure 0.05 MPa, at or below the orange limit of 0.07 MPa; it began 300–420 m from here towards B.p"),
    ],
)
def test_describe_of_a_place_names_metres_and_sensor(language, expected):
    """Where to send the crew."""
    of = rule("low", PRESSURE, [("orange", 0.07, 0.01, 0, 0)])
    turn = TransitionFields(
        Transition.RAISED, TransitionReason.LIMIT_HELD, 0, 4, 0.05, Extent(300.0, 420.0, "burst/B.p")
    )

    assert expected == describe(of, turn, language)


NOISY = {"deadband_sigmas": 3, "deadband_most": 4.0}
"""Beside a deadband of 0.5; a sensor with readings that are all 1 apart has a sigma of 0.89."""


@pytest.mark.parametrize(
    ("language", "n_calm", "expected"),
    [
        (
            "en",
            40,
            [
                "Reading 10.00 MPa, at or above the yellow limit of 10.00 MPa (deadband 2.66 MPa)",
                "Reading 7.00 MPa, back below the yellow reset value of 7.34 MPa (deadband 2.66 MPa)",
            ],
        ),
        (
            "zh",
            40,
            [
                "读数10.00 MPa，不低于黄色限值10.00 MPa，回差2.66 MPa",
                "读数7.00 MPa，已回落到黄色解除值7.34 MPa以下，回差2.66 MPa",
            ],
        ),
        (
            "en",
            20,
            [
                "Reading 10.00 MPa, at or above the yellow limit of 10.00 MPa (deadband 0.50 MPa)",
                "Reading 7.00 MPa, back below the yellow reset value of 9.50 MPa (deadband 0.50 MPa)",
            ],
        ),
    ],
    ids=["English", "Chinese", "not known yet"],
)
def test_describe_of_a_deadband_by_noise_says_which_was_in_force(language, n_calm, expected):
    """Why the alarm ended here, and not where another sensor's does."""
    plain = threshold("rule", [PLAIN], [("yellow", 10.0, 0.5, 0, 0)], NOISY, side="high")
    quantity = Quantity("p", "读数", "reading", "MPa", 0.0, 100.0, 1.0, 2, {}, "assumed")
    of = dataclasses.replace(plain, quantity=quantity)
    engine = RuleEngine(RuleSet((of,), "1"), register())
    values = [5.0 + i % 2 for i in range(n_calm)]
    events = engine.evaluate(batch(0, [(PLAIN, i, value) for i, value in enumerate([*values, 10.0, 7.0])]), 1)
    turns = [fields_at(events, i, engine.alarms) for i in range(len(events))]

    assert expected == [describe(of, turn, language) for turn in turns]


def test_describe_of_what_still_lies_within_a_deadband_by_noise_uses_its_reset_value():
    """An off-delay that ends within the deadband says where the value had been."""
    of = threshold("rule", [PLAIN], [("yellow", 10.0, 0.5, 0, 2)], NOISY, side="high")
    engine = RuleEngine(RuleSet((of,), "1"), register())
    values = [*(5.0 + i % 2 for i in range(40)), 10.0, 7.0, 7.0, 8.0]
    events = engine.evaluate(batch(0, [(PLAIN, i, value) for i, value in enumerate(values)]), 1)
    expected = "8, still below 10 since it was back below the yellow reset value of 7.34043 for 2 s (deadband 2.65957)"

    assert expected == describe(of, fields_at(events, len(events) - 1, engine.alarms), "en")
