"""Incidents: alarms that share messages, alarms that never do, and the law that every recipient learns every level."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.alert import Alert, Plan
from alerts.messages.text import MessageFacts, compose_text
from alerts.notification import NotificationKind
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.incidents import hazard_of
from alerts.planning.planner import JournalTime, plan_due, plan_step
from config.register import Sensor
from rules.events import AlarmKey, Dimension, Transition
from rules.rule import RuleSet, Side
from tests.alerts import scenes
from tests.alerts.scenes import BLUE, ORANGE, RED, SECOND_NS, START_NS, YELLOW, Row

N = 4
"""Alarms at one place: 0 to 2 are of low pressure, 3 of high pressure."""
ALONE = replace(scenes.SERIOUS, name="alone", roles=(scenes.Role.GRID_WORKER,), group=False)


def rule(rule_id: str, side: Side, sensors: tuple[int, ...]):
    """Return a rule with four levels on one side."""
    base = scenes.hazard_rule()
    return replace(base, id=rule_id, sensors=sensors, levels=tuple(replace(each, side=side) for each in base.levels))


def district(*routes, settle_s: float = 0.0) -> PlanningConfig:
    """Return one tower with several sensors, and somebody who wants each alarm on its own."""
    where = scenes.district(*(routes or (scenes.SERIOUS, scenes.GENERAL, scenes.PLATFORM)), settle_s=settle_s)
    sensors = [
        Sensor(f"P-{i}", "T-1", f"D-{i}", "p", "fire_water_pressure", 0.001, 0.0, 2.0, 6.0, "") for i in range(N)
    ]
    people = {
        **where.register.contacts,
        "eve": replace(where.register.contacts["fix"], id="eve", phone="+8613900000000"),
    }
    duties = [*where.register.duties, scenes.Duty("T-1", scenes.Role.GRID_WORKER, "eve")]
    register = scenes.Register({}, where.register.assets, sensors, people, duties)
    ruleset = RuleSet((rule("low", Side.LOW, (0, 1, 2)), rule("high", Side.HIGH, (3,))), "1")
    return replace(where, register=register, ruleset=ruleset)


KEYS = tuple(
    AlarmKey(name, i, Dimension.HAZARD, f"{name}/P-{i}") for i, name in enumerate(["low", "low", "low", "high"])
)


class Desk:
    """Plans one change after another and remembers the plans."""

    def __init__(self, *routes, settle_s: float = 0.0) -> None:
        """Begin with nothing open."""
        self.where = district(*routes, settle_s=settle_s)
        self.alerts: tuple[Alert, ...] = ()
        self.levels, self.episodes, self.now_s = [0] * N, [0.0] * N, 0.0
        self.plans: list[Plan] = []

    def set(self, alarm: int, level: int, after_s: float = 100.0) -> Plan:
        """Let `alarm` take `level`."""
        self.now_s += after_s
        before, self.levels[alarm] = self.levels[alarm], level
        if not before:
            self.episodes[alarm] = self.now_s
        rose = Transition.ESCALATED if before else Transition.RAISED
        fell = Transition.LOWERED if level else Transition.CLEARED
        row = Row(alarm, rose if level > before else fell, before, level, self.now_s, self.episodes[alarm], 0.01)
        now_ns = START_NS + round(self.now_s * SECOND_NS)
        return self._keep(plan_step(scenes.events([row]), KEYS, now_ns, self.alerts, self.where))

    def wait(self, seconds: float, *acknowledged: str) -> Plan:
        """Let time pass."""
        self.now_s += seconds
        now_ns = START_NS + round(self.now_s * SECOND_NS)
        return self._keep(plan_due(self.alerts, JournalTime(9, now_ns, now_ns), acknowledged, self.where))

    def _keep(self, plan: Plan) -> Plan:
        self.alerts = plan.open_alerts
        self.plans.append(plan)
        return plan


def sent(plan: Plan, but: str = "webhook") -> list[str]:
    """Return kind and contact of each message to people."""
    messages = [each.notification for each in plan.planned]
    return [f"{each.kind.value} {each.contact}" for each in messages if each.contact != but]


ALL = ["ann", "bob", "fix"]


def test_incident_of_one_asset_announces_a_level_once():
    """A second alarm, as high or lower, sends no message; its decisions name the alert of the first message."""
    desk = Desk()
    first = desk.set(0, ORANGE)
    second, third = desk.set(1, ORANGE), desk.set(2, YELLOW)

    assert ([f"raised {each}" for each in ALL], [], []) == (sent(first), sent(second), sent(third))
    grouped = [each for each in (*second.decisions, *third.decisions) if each.reason == "grouped"]
    assert [("group", f"told under alert {first.planned[0].notification.alert}")] * 4 == [
        (each.verdict.value, each.detail.partition(": ")[2]) for each in grouped
    ]


def test_incident_that_rises_is_announced_at_once_and_covers_lower_alarms():
    """Red goes to every recipient; a lower alarm raised after it sends no message."""
    desk = Desk()
    desk.set(0, ORANGE)
    red, behind = desk.set(1, RED), desk.set(2, ORANGE)

    assert ([f"raised {each}" for each in ALL], []) == (sent(red), sent(behind))
    assert {f"told under alert {red.planned[0].notification.alert}"} == {
        each.detail.partition(": ")[2] for each in behind.decisions if each.reason == "grouped"
    }


def test_incident_of_another_danger_is_announced_at_once():
    """Too high is another danger than too low."""
    desk = Desk()
    desk.set(0, ORANGE)

    assert [f"raised {each}" for each in ALL] == sent(desk.set(3, ORANGE))


def test_incident_informs_recipients_without_a_message():
    """Yellow went to maintenance alone: orange of another alarm goes to all three recipients."""
    desk = Desk()
    desk.set(0, YELLOW)

    assert [f"raised {each}" for each in ALL] == sent(desk.set(1, ORANGE))


def test_incident_ends_once_after_its_last_alarm():
    """Each recipient gets one return to normal, with the number of alarms and their highest level."""
    desk = Desk()
    desk.set(0, RED)
    desk.set(1, YELLOW)
    middle, last = desk.set(0, 0), desk.set(1, 0)

    assert ([], [f"cleared {each}" for each in ALL]) == (sent(middle), sorted(sent(last)))
    assert ["grouped"] == [each.reason.value for each in middle.decisions if each.detail.startswith("its end")]
    assert ("等2项报警均已解除" in last.planned[0].notification.text, 5) == (True, last.planned[0].notification.level)


def test_incident_without_recipients_ends_without_a_message():
    """Blue has no recipients, at its start and at its end."""
    desk = Desk()
    desk.set(0, BLUE)
    desk.set(1, BLUE)

    assert [[], []] == [sent(desk.set(0, 0)), sent(desk.set(1, 0))]


def test_incident_announces_a_level_again_after_its_alarm_ended():
    """A yellow alarm that lasts for weeks hides no new orange, although an orange ended on its first day."""
    desk = Desk()
    desk.set(0, YELLOW)
    desk.set(1, ORANGE)
    desk.set(1, 0)

    assert [f"raised {each}" for each in ALL] == sent(desk.set(2, ORANGE, 86_400))


def test_incident_announces_a_level_again_after_its_alarm_fell():
    """An orange alarm that fell to blue covers no new orange alarm."""
    desk = Desk()
    desk.set(0, ORANGE)
    desk.set(0, BLUE)

    assert [f"raised {each}" for each in ALL] == sent(desk.set(1, ORANGE))


def test_incident_covers_no_level_above_the_message_of_each_recipient():
    """Maintenance received yellow only and joins the route of orange later: the next orange alarm sends a message."""
    few = replace(scenes.SERIOUS, roles=(scenes.Role.RESPONSIBLE,))
    desk = Desk(few, scenes.GENERAL)
    desk.set(0, YELLOW)
    desk.set(0, ORANGE)
    desk.where = district(scenes.SERIOUS, scenes.GENERAL)

    assert ["raised bob", "raised fix"] == sent(desk.set(1, ORANGE))


def test_incident_is_unknown_to_recipients_on_standby():
    """A recipient on standby has received no message."""
    line = replace(scenes.SERIOUS, roles=(scenes.Role.RESPONSIBLE,), next_roles=(scenes.Role.MAINTENANCE,))
    desk = Desk(replace(line, levels=frozenset({RED})), scenes.GENERAL)
    desk.set(0, YELLOW)
    desk.set(0, RED)
    assert [3, 5] == sorted(each.level for each in desk.alerts[0].recipients)
    desk.where = district(scenes.SERIOUS)

    assert ["raised bob", "raised fix"] == sent(desk.set(1, RED))


def test_incident_lasts_over_alarms_that_follow_each_other():
    """The second alarm covers the third, although its own recipients were informed by the first, which is over."""
    desk = Desk()
    first = desk.set(0, ORANGE).planned[0].notification.alert
    desk.set(1, ORANGE)
    desk.set(0, 0)
    third = desk.set(2, ORANGE)

    assert [] == sent(third)
    assert {f"told under alert {first}"} == {
        each.detail.partition(": ")[2] for each in third.decisions if each.reason == "grouped"
    }


def test_route_without_grouping_announces_each_alarm_from_start_to_end():
    """An ungrouped recipient gets each alarm, and no message to others is left out because of it."""
    desk = Desk(scenes.SERIOUS, ALONE)
    messages = [sent(plan) for plan in (desk.set(0, ORANGE), desk.set(1, ORANGE), desk.set(0, 0), desk.set(1, 0))]

    assert [["raised eve"], ["cleared eve"]] == messages[1:3]
    assert [[f"{kind} {each}" for each in (*ALL[:2], "eve", "fix")] for kind in ("raised", "cleared")] == [
        sorted(each) for each in messages[::3]
    ]


def test_route_to_a_target_announces_each_alarm_unless_grouped():
    """A machine distinguishes alerts by their ids."""

    def webhooks(*routes):
        desk = Desk(*routes)
        plans = desk.set(0, ORANGE), desk.set(1, ORANGE), desk.set(0, 0), desk.set(1, 0)
        return [len(plan.planned) for plan in plans]

    assert [[1, 1, 1, 1], [1, 0, 0, 1]] == [webhooks(scenes.PLATFORM), webhooks(replace(scenes.PLATFORM, group=True))]


def test_reminder_of_an_incident_comes_from_one_of_its_alarms():
    """The first alarm reminds; after its end the second alarm does."""
    desk = Desk(scenes.SERIOUS)
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)

    assert [f"reminded {each}" for each in ALL] == sent(desk.wait(1800))
    desk.set(0, 0)
    assert [f"reminded {each}" for each in ALL] == sent(desk.wait(1800))
    assert [] == sent(desk.wait(1799))


def test_reminder_after_an_acknowledgement_of_the_informing_alert_does_not_come():
    """An acknowledged message needs no reminder for the alarm behind it, also after the first alarm is over."""
    desk = Desk(scenes.SERIOUS)
    first = desk.set(0, ORANGE).planned[0].notification.alert
    desk.set(1, ORANGE)
    desk.set(0, 0)

    assert [] == sent(desk.wait(7200, first))


def test_reminder_of_a_red_comes_though_the_orange_before_was_acknowledged():
    """An acknowledgement counts for the messages of its alert, never for more."""
    desk = Desk(scenes.SERIOUS)
    first = desk.set(0, ORANGE).planned[0].notification.alert
    desk.set(1, RED)

    assert [f"reminded {each}" for each in ALL] == sent(desk.wait(3600, first))


def test_reminder_of_a_lower_alarm_does_not_come_beside_the_higher():
    """The red alarm reminds; its acknowledgement covers the lower alarm too."""
    desk = Desk(scenes.SERIOUS)
    desk.set(0, ORANGE)
    red = desk.set(1, RED).planned[0].notification.alert

    assert {5} == {each.notification.level for each in desk.wait(3600).planned}
    assert [] == sent(desk.wait(3600, red))


def test_latched_alert_of_an_incident_ends_with_the_acknowledgement_of_its_message():
    """The second alert sent no link: the acknowledgement of the first message ends its latch."""
    desk = Desk(scenes.SERIOUS)
    rules = desk.where.ruleset.rules
    latched = tuple(replace(each, levels=tuple(replace(level, latch=True) for level in each.levels)) for each in rules)
    desk.where = replace(desk.where, ruleset=RuleSet(latched, "1"))
    first = desk.set(0, ORANGE).planned[0].notification.alert
    desk.set(1, ORANGE)
    desk.set(0, 0)
    desk.set(1, 0)

    assert [] == sent(desk.wait(60))
    assert ([f"cleared {each}" for each in ALL], ()) == (sent(desk.wait(60, first)), desk.alerts)


def test_hazard_of_rules_is_the_side_of_the_danger():
    """Limits count by side, directions by direction; a rule without either, or with a forecast, is its own kind."""
    low = rule("low", Side.LOW, (0,))
    options = type("Options", (), {"direction": "fall"})()
    falling = replace(rule("fall", Side.HIGH, (0,)), options=options, derived=scenes.PRESSURE)
    soon = replace(falling, id="soon", derived=replace(scenes.PRESSURE, unit="min"))
    vote = replace(falling, id="vote", options=type("Vote", (), {"rule": "fall"})())
    either = replace(falling, id="any", options=type("Options", (), {"direction": "either"})())
    ruleset = RuleSet((low, falling, soon, vote, either), "1")

    assert ["p/low", "p/low", "p/soon", "p/low", "p/any"] == [hazard_of(each, "p", ruleset) for each in ruleset]


@pytest.mark.parametrize(("language", "words"), [("zh", "等3项报警均已解除"), ("en", "and 2 more alarms are over")])
def test_message_of_an_incidents_end_counts_its_alarms(language, words):
    """The text of the end names the number of alarms."""
    desk = Desk()
    event = desk.set(0, ORANGE).planned[0].notification
    where = desk.where
    facts = MessageFacts(
        kind=NotificationKind.CLEARED,
        dimension=Dimension.HAZARD,
        alert=event.alert,
        level=ORANGE,
        rule=where.ruleset.rules[0],
        asset=where.register.assets["T-1"],
        sensor=where.register.sensors[0],
        quantity=scenes.PRESSURE,
        value=0.3,
        reason=scenes.TransitionReason.BACK_WITHIN,
        time_ns=START_NS,
        time_zone=where.register.city.zone,
        alarms=3,
    )

    assert words in compose_text(facts, language, "")


CHANGES = st.lists(
    st.tuples(
        st.integers(0, N - 1), st.sampled_from([0, BLUE, YELLOW, ORANGE, RED]), st.sampled_from([1, 20, 700, 2000])
    ),
    max_size=25,
)
"""An alarm, the level that it takes, seconds since the change before."""


SETTLES = st.sampled_from([0.0, 600.0])


@settings(max_examples=300, deadline=None)
@given(CHANGES, SETTLES)
def test_incidents_of_any_history_inform_each_recipient_of_each_level(changes, settle_s):
    """Each active level, and each message left out, is covered by a message as high to the same contact."""
    desk = Desk(settle_s=settle_s)
    heard: defaultdict[tuple[str, str], int] = defaultdict(int)
    incidents: dict[str, str] = {}
    for alarm, level, after_s in changes:
        if level == desk.levels[alarm]:
            continue
        for plan in (desk.wait(after_s), desk.set(alarm, level, 0.0)):
            incidents |= {each.id: each.incident for each in plan.alerts}
            for each in plan.planned:
                message = each.notification
                if message.kind in ("raised", "escalated", "reminded"):
                    place = (incidents[message.alert], message.contact)
                    heard[place] = max(heard[place], message.level)
            for each in plan.suppressed:
                assert heard[each.incident, each.notification.contact] >= each.notification.level
        for alert in desk.alerts:
            for contact in _wanted(alert):
                assert heard[alert.incident, contact] >= alert.peak


def _wanted(alert: Alert) -> list[str]:
    return {YELLOW: ["fix"], ORANGE: [*ALL, "webhook"], RED: [*ALL, "webhook"]}.get(alert.peak, [])


@settings(max_examples=300, deadline=None)
@given(CHANGES, SETTLES)
def test_incidents_of_any_history_end_once_and_never_during_an_active_alarm(changes, settle_s):
    """Each recipient of a danger gets its end once, and only when all its alarms are over."""
    desk = Desk(scenes.SERIOUS, scenes.GENERAL, settle_s=settle_s)
    open_for: set[tuple[str, str]] = set()
    for alarm, level, after_s in [*changes, *((i, 0, 100) for i in range(N)), *((0, 0, 600) for _ in range(3))]:
        plans = [desk.wait(after_s)]
        if level != desk.levels[alarm]:
            plans.append(desk.set(alarm, level, 0.0))
        for plan in plans:
            hazards = {each.id: each.hazard for each in plan.alerts}
            for each in plan.planned:
                place = (hazards[each.notification.alert], each.notification.contact)
                if each.notification.kind == "cleared":
                    assert place in open_for
                    assert place[0] not in {alert.hazard for alert in plan.open_alerts if alert.level}
                    open_for.discard(place)
                else:
                    open_for.add(place)

    assert (set(), ()) == (open_for, desk.alerts)
