import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Decision, DecisionReason, DecisionVerdict, Plan, stable_id
from alerts.notification import NotificationKind
from config.city_time import CityTime
from config.register import Role
from rules.events import Dimension, Transition, TransitionReason
from tests.alerts import scenes
from tests.alerts.scenes import (
    BLIND_BATTERY,
    BLIND_PRESSURE,
    BLUE,
    HAZARD,
    ORANGE,
    OTHER_DEVICE,
    RED,
    SECOND_HAZARD,
    START_NS,
    YELLOW,
    Row,
    blind,
    cleared,
    heard,
    plan,
    raised,
)

KIND = NotificationKind


def sent(result: Plan) -> list[tuple[str, str, str]]:
    """Return (kind, channel, contact) of each notification."""
    notifications = [planned.notification for planned in result.planned]
    return [(each.kind.value, each.channel, each.contact) for each in notifications]


def reasons(result: Plan) -> list[tuple[str, str]]:
    """Return (verdict, reason) of each decision."""
    return [(each.verdict.value, each.reason.value) for each in result.decisions]


def lowered(before: int, after: int, at_s: float = 30.0) -> Row:
    """Return a fall of the level within the episode that began at 10 s."""
    return Row(HAZARD, Transition.LOWERED, before, after, at_s, 10.0, 0.06, TransitionReason.BACK_WITHIN)


def escalated(before: int, after: int, at_s: float = 20.0) -> Row:
    """Return a rise of the level within the episode that began at 10 s."""
    return Row(HAZARD, Transition.ESCALATED, before, after, at_s, 10.0)


def test_plan_orange_raised_informs_all_three_roles():
    """An orange warning goes to the responsible person, the manager and maintenance."""
    result = plan(raised(HAZARD, ORANGE))

    assert [("raised", "sms", "ann"), ("raised", "sms", "bob"), ("raised", "sms", "fix")] == sent(result)


def test_plan_raised_gives_the_alert_its_episode_as_identity():
    """The alert's id depends only on rule, sensor and the start of the episode."""
    [alert] = plan(raised(HAZARD, ORANGE)).alerts

    assert stable_id("fire", "FT-1.p", START_NS + 10 * scenes.SECOND_NS) == alert.id


def test_plan_yellow_raised_informs_maintenance_only():
    """A yellow warning goes to maintenance."""
    assert [("raised", "sms", "fix")] == sent(plan(raised(HAZARD, YELLOW)))


def test_plan_blue_raised_sends_nothing_and_gives_the_reason():
    """No route names blue: there is no message, and the decision says so."""
    result = plan(raised(HAZARD, BLUE))

    assert [] == sent(result)
    [decision] = result.decisions
    assert (DecisionReason.NO_ROUTE, "blue in fire") == (decision.reason, decision.detail)


def test_plan_two_roles_of_one_contact_makes_one_message():
    """A contact who is responsible and manager gets one message, and the decision names both roles."""
    result = plan(raised(SECOND_HAZARD, ORANGE))

    assert [("raised", "sms", "cat"), ("raised", "sms", "fix")] == sent(result)
    [grouped] = [each for each in result.decisions if each.reason is DecisionReason.SAME_CONTACT]
    assert "serious manager cat: as serious responsible" == grouped.detail


def test_plan_missing_contact_and_unusable_number_are_decisions():
    """A role without a contact and a contact without a number are skipped, each with its reason."""
    route = scenes.Route(
        "grid", Dimension.HAZARD, frozenset({ORANGE}), frozenset(), (Role.GRID_WORKER, Role.MANAGER), ("sms",), ()
    )
    result = plan(raised(HAZARD, ORANGE), where=scenes.district(route, bob=""))

    assert [] == sent(result)
    assert [("skip", "no_contact"), ("skip", "no_address")] == reasons(result)


def test_plan_escalated_informs_all_roles_of_the_new_level():
    """From yellow to orange, maintenance gets a second message and the others their first."""
    result = plan(raised(HAZARD, YELLOW), escalated(YELLOW, ORANGE))

    expected = [("raised", "sms", "fix"), ("escalated", "sms", "ann"), ("escalated", "sms", "bob")]
    assert [*expected, ("escalated", "sms", "fix")] == sent(result)


def test_plan_lowered_sends_nothing_and_gives_the_reason():
    """A level that falls without clearing sends no message."""
    result = plan(raised(HAZARD, ORANGE), lowered(ORANGE, YELLOW))

    assert 3 == len(result.planned)
    assert ("skip", "lowered") == reasons(result)[-1]


def test_plan_level_announced_before_sends_nothing_again():
    """A level that comes back within one episode was already announced."""
    result = plan(raised(HAZARD, ORANGE), lowered(ORANGE, YELLOW), escalated(YELLOW, ORANGE, 40.0))

    assert 3 == len(result.planned)
    assert ("skip", "level_told") == reasons(result)[-1]


def test_plan_cleared_informs_exactly_the_earlier_recipients():
    """The return to normal goes to every recipient of the warning and to no other contact."""
    result = plan(raised(HAZARD, YELLOW), cleared(HAZARD, YELLOW))

    assert [("raised", "sms", "fix"), ("cleared", "sms", "fix")] == sent(result)


def test_plan_cleared_after_blue_sends_nothing():
    """An alarm without recipients ends without a message."""
    result = plan(raised(HAZARD, BLUE), cleared(HAZARD, BLUE))

    assert [] == sent(result)
    assert ("skip", "nobody_told") == reasons(result)[-1]


def test_plan_cleared_closes_the_alert():
    """After the end no alert is open."""
    result = plan(raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE))

    assert () == result.open_alerts
    assert [False] == [alert.is_open for alert in result.alerts]


def test_plan_cleared_without_alert_is_a_decision_only():
    """The end of an alarm without an alert sends no message."""
    result = plan(cleared(HAZARD, ORANGE))

    assert ([("skip", "nobody_told")], ()) == (reasons(result), result.alerts)


def test_plan_cleared_carries_the_highest_announced_level():
    """The return to normal names the highest level that was announced."""
    result = plan(raised(HAZARD, ORANGE), lowered(ORANGE, BLUE), cleared(HAZARD, BLUE))

    assert {ORANGE} == {each.notification.level for each in result.planned if each.notification.kind is KIND.CLEARED}


def test_plan_target_channel_is_its_own_contact():
    """A webhook in a route needs no contact: the channel is the target."""
    [planned] = plan(raised(HAZARD, ORANGE), where=scenes.district(scenes.PLATFORM)).planned

    notification = planned.notification
    assert ("webhook", "webhook", "webhook") == (notification.channel, notification.contact, notification.address)


def test_plan_next_episode_is_another_alert():
    """Raised again after its end, an alarm opens a new alert with new notifications."""
    first = plan(raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE))
    second = plan(raised(HAZARD, ORANGE, 90.0), open_alerts=first.open_alerts)

    ids = {each.notification.id for each in (*first.planned, *second.planned)}
    assert 9 == len(ids)


@pytest.mark.parametrize(("name", "text"), [("Asia/Shanghai", "03-24 08:00"), ("Europe/Berlin", "03-24 01:00")])
def test_plan_message_has_the_time_zone_of_the_city(name, text):
    """The time in a message follows the time zone of the register's city."""
    where = scenes.district()
    where = replace(where, register=replace(where.register, city=CityTime(name)))

    assert text in plan(raised(HAZARD, ORANGE), where=where).planned[0].notification.text


def test_plan_device_blind_informs_maintenance_once():
    """Blind sensors of one device are one notice, and the second decision names the device."""
    result = plan(blind(BLIND_PRESSURE, 10.0), blind(BLIND_BATTERY, 11.0))

    assert [("device_fault", "sms", "fix")] == sent(result)
    assert ("group", "same_device") == reasons(result)[-1]


def test_plan_two_devices_blind_are_two_notices():
    """Devices are not grouped with each other."""
    result = plan(blind(BLIND_PRESSURE, 10.0), blind(OTHER_DEVICE, 10.0))

    assert 2 == len({each.notification.alert for each in result.planned})


def test_plan_device_recovers_with_its_last_sensor():
    """The first recovered sensor of two sends no message; the last one ends the fault for its recipients."""
    rows = [blind(BLIND_PRESSURE, 10.0), blind(BLIND_BATTERY, 11.0)]
    result = plan(*rows, heard(BLIND_PRESSURE, 20.0, 10.0), heard(BLIND_BATTERY, 21.0, 11.0))

    assert [("device_fault", "sms", "fix"), ("device_recovered", "sms", "fix")] == sent(result)
    assert ("skip", "still_blind") in reasons(result)


def test_plan_never_seen_sends_nothing_and_gives_the_reason():
    """A device without any reading is a gap on the console, not a message; nor is its first reading."""
    result = plan(blind(BLIND_PRESSURE, 10.0, TransitionReason.NEVER_SEEN), heard(BLIND_PRESSURE, 20.0, 10.0))

    assert ([("skip", "never_seen"), ("skip", "nobody_told")], (), ("", "")) == (
        reasons(result),
        result.alerts,
        result.alert_of,
    )


@pytest.mark.parametrize(
    "reason", [TransitionReason.NO_READING, TransitionReason.NO_HEARTBEAT, TransitionReason.DEVICE_OFFLINE]
)
def test_plan_health_never_makes_a_hazard_message(reason):
    """The notice of a dead device is never a warning."""
    [planned] = plan(blind(BLIND_PRESSURE, 10.0, reason)).planned

    assert (KIND.DEVICE_FAULT, 0) == (planned.notification.kind, planned.notification.level)
    assert "非险情" in planned.notification.text


def test_plan_priorities_follow_the_level():
    """Red before orange before yellow before the end before devices."""
    rows = [raised(HAZARD, YELLOW), escalated(YELLOW, ORANGE), escalated(ORANGE, RED, 25.0), cleared(HAZARD, RED)]
    result = plan(*rows, blind(BLIND_PRESSURE, 70.0))

    seen = {each.notification.kind.value + str(each.notification.level): each.priority for each in result.planned}
    assert {"raised3": 3, "escalated4": 4, "escalated5": 5, "cleared5": 1, "device_fault0": 0} == seen


def test_plan_sequence_counts_the_rounds_of_an_alert():
    """Each round of messages of one alert has the next number."""
    result = plan(raised(HAZARD, ORANGE), escalated(ORANGE, RED), cleared(HAZARD, RED))

    assert [1, 1, 1, 2, 2, 2, 3, 3, 3] == [each.sequence for each in result.planned]


def test_plan_every_transition_has_a_decision():
    """Each transition has a decision with a reason."""
    rows = [raised(HAZARD, BLUE), escalated(BLUE, ORANGE), lowered(ORANGE, BLUE), cleared(HAZARD, BLUE)]
    result = plan(*rows, blind(OTHER_DEVICE, 70.0), heard(OTHER_DEVICE, 80.0, 70.0))

    assert {(each.subject, each.time_ns) for each in result.decisions} == {
        (scenes.alarm_keys()[row.alarm].id, START_NS + round(row.at_s * 1e9))
        for row in [*rows, blind(OTHER_DEVICE, 70.0), heard(OTHER_DEVICE, 80.0, 70.0)]
    }


def test_plan_decision_of_a_notification_names_route_role_and_channel():
    """The reason of a message can be read."""
    first = plan(raised(HAZARD, ORANGE)).decisions[0]

    expected = (DecisionVerdict.NOTIFY, DecisionReason.ROUTED, "serious responsible by sms")
    assert expected == (first.verdict, first.reason, first.detail)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Return transitions of all alarms as an engine would make them: each alarm in a legal order."""
    levels = dict.fromkeys(range(5), 0)
    episodes = dict.fromkeys(range(5), 0.0)
    rows = []
    for i in range(draw(st.integers(0, 25))):
        alarm, at_s = draw(st.integers(0, 4)), float(i + 1)
        before = levels[alarm]
        highest = 1 if alarm >= BLIND_PRESSURE else 5
        others = [level for level in ([0, 1] if highest == 1 else [0, 2, 3, 4, 5]) if level != before]
        after = draw(st.sampled_from(others))
        if before == 0:
            episodes[alarm] = at_s
        transition = (
            Transition.RAISED
            if before == 0
            else Transition.CLEARED
            if after == 0
            else Transition.ESCALATED
            if after > before
            else Transition.LOWERED
        )
        reason = (
            draw(st.sampled_from([TransitionReason.NO_READING, TransitionReason.NEVER_SEEN]))
            if highest == 1
            else TransitionReason.LIMIT_HELD
        )
        rows.append(Row(alarm, transition, before, after, at_s, episodes[alarm], 0.01, reason, position=i + 1))
        levels[alarm] = after
    return rows


def planned_in_parts(rows: list[Row], cuts: set[int]) -> tuple[list[str], list[Decision], tuple]:
    """Return notification ids and decisions in order, and the alerts open at the end, of steps cut at `cuts`."""
    ids, decisions = [], []
    open_alerts, counts = (), {}
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut <= len(rows))})
    for start, end in itertools.pairwise(edges):
        result = plan(*rows[start:end], open_alerts=open_alerts, counts=counts)
        ids += [each.notification.id for each in result.planned]
        decisions += result.decisions
        open_alerts = result.open_alerts
        counts |= {each.alarm: each for each in result.transition_counts}
    return ids, decisions, open_alerts


@given(histories(), st.sets(st.integers(0, 25)))
def test_plan_in_one_step_or_many_is_the_same(rows, cuts):
    """Law 3 for people: the same messages and decisions follow, however transitions are grouped into steps."""
    assert planned_in_parts(rows, set()) == planned_in_parts(rows, cuts)


@given(histories())
def test_plan_of_any_history_never_repeats_an_id(rows):
    """Law 6: a notification id is given once."""
    ids, _, _ = planned_in_parts(rows, set())

    assert len(ids) == len(set(ids))


@given(histories())
def test_plan_of_any_history_ends_only_announced_alerts(rows):
    """A return to normal goes once, to a recipient of the start of the same alert."""
    begun: set[tuple[str, str]] = set()
    for each in plan(*rows).planned:
        target = (each.notification.alert, each.notification.contact)
        if each.notification.kind in (KIND.CLEARED, KIND.DEVICE_RECOVERED):
            assert target in begun
            begun.remove(target)
        else:
            begun.add(target)


@given(histories())
def test_plan_of_any_history_keeps_hazard_and_health_apart(rows):
    """Law 4: a health transition never makes a hazard message, nor the other way round."""
    result = plan(*rows)
    hazards = {alert.id for alert in result.alerts if alert.dimension is Dimension.HAZARD}

    for each in result.planned:
        is_warning = each.notification.kind in (KIND.RAISED, KIND.ESCALATED, KIND.CLEARED)
        assert is_warning == (each.notification.alert in hazards)
