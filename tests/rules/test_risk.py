"""The risk level of an asset: the alarms that raise it, those that never do, and the reasons in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.levels import WarningLevel
from config.register import Asset
from rules.risk import ActiveAlarm, Risk, RiskReason, RiskReasonCode, describe_reason, listed_level, risk_of

BLUE = WarningLevel.BLUE
YELLOW = WarningLevel.YELLOW
ORANGE = WarningLevel.ORANGE
RED = WarningLevel.RED
standings = st.lists(
    st.builds(
        ActiveAlarm, st.sampled_from("ab"), st.sampled_from("123456"), st.sampled_from(WarningLevel), st.booleans()
    ),
    max_size=8,
)
listed = st.none() | st.sampled_from(WarningLevel)


def alarms(*levels: WarningLevel, blind: bool = False) -> list[ActiveAlarm]:
    """Return an alarm of each level, each of a device of its own."""
    return [ActiveAlarm("gas", f"D{i}", level, is_blind=blind) for i, level in enumerate(levels)]


@pytest.mark.parametrize(
    ("standing", "n_heard", "on_list", "expected"),
    [
        ([], 2, None, (WarningLevel.GREEN, ["calm"])),
        ([], 0, RED, (None, ["never_heard"])),
        ([], 2, RED, (WarningLevel.GREEN, ["calm"])),
        (alarms(BLUE, YELLOW), 2, None, (YELLOW, ["stands"])),
        (alarms(YELLOW, YELLOW, YELLOW), 3, None, (ORANGE, ["stands", "many_devices"])),
        (alarms(BLUE), 1, ORANGE, (YELLOW, ["stands", "watch_list"])),
        (alarms(BLUE), 1, YELLOW, (BLUE, ["stands"])),
        (alarms(ORANGE, ORANGE, ORANGE), 3, RED, (ORANGE, ["stands"])),
        (alarms(RED), 1, None, (RED, ["stands"])),
        (alarms(YELLOW, blind=True), 1, None, (YELLOW, ["stands", "last_known"])),
    ],
    ids=["calm", "unknown", "listed and calm", "highest", "three", "listed", "listed low", "cap", "red", "silent"],
)
def test_risk_of_an_asset_has_a_level_and_its_reasons(standing, n_heard, on_list, expected):
    """Each row of the page."""
    risk = risk_of(standing, n_heard, on_list)

    assert expected == (risk.level, [each.code.value for each in risk.why])


@given(standings, listed)
def test_risk_is_never_below_an_alarm_and_red_only_by_a_rule(standing, on_list):
    """Reasons raise; nothing but a rule makes red."""
    highest = max((each.level for each in standing), default=WarningLevel.GREEN)
    level = risk_of(standing, 1, on_list).level

    assert (True, highest is RED) == (level >= highest, level is RED)


@given(standings, listed)
def test_risk_does_not_depend_on_who_has_fallen_silent(standing, on_list):
    """Data health never changes the level."""
    deaf = [ActiveAlarm(each.rule, each.device, each.level, is_blind=True) for each in standing]

    assert risk_of(standing, 1, on_list).level == risk_of(deaf, 1, on_list).level


@given(standings, listed, st.randoms(use_true_random=False))
def test_risk_does_not_depend_on_the_order_of_alarms(standing, on_list, dice):
    """It is a function of the standing alarms."""
    shuffled = list(standing)
    dice.shuffle(shuffled)

    assert risk_of(standing, 1, on_list) == risk_of(shuffled, 1, on_list)


@given(standings, listed)
def test_risk_has_a_sentence_for_every_reason_in_both_languages(standing, on_list):
    """Why is data, and can be read."""
    risk: Risk = risk_of(standing, 0, on_list)

    assert all(len(describe_reason(each, "甲烷", language)) > 5 for each in risk.why for language in ("zh", "en"))


@pytest.mark.parametrize(
    ("language", "expected"), [("zh", "甲烷：黄色，2台设备"), ("en", "甲烷: yellow, 2 device(s)")], ids=["zh", "en"]
)
def test_words_of_a_rule_name_its_title_level_and_devices(language, expected):
    """A person reads colours, not numbers."""
    assert expected == describe_reason(RiskReason(RiskReasonCode.STANDS, (3, 2), "gas"), "甲烷", language)


@pytest.mark.parametrize(("written", "expected"), [("", None), ("orange", ORANGE)])
def test_listed_level_of_an_asset_is_that_of_the_list(written, expected):
    """An asset that is no listed point has none."""
    assert expected is listed_level(Asset("A", "k", "gas", "", "", "R", 0.0, 0.0, risk_level=written))
