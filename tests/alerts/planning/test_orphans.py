import pytest

from alerts.alert import Alert, DecisionReason, Plan
from alerts.planning.orphans import HeldAlarms, plan_orphans
from config.levels import NO_LEVEL
from tests.alerts import scenes
from tests.alerts.scenes import BLIND_BATTERY, BLIND_PRESSURE, HAZARD, ORANGE, SECOND_HAZARD, START_NS, blind, raised

KNOWN = {key.id for key in scenes.alarm_keys()}
BLIND = {"silent/FT-1.p": "FT-1", "silent/FT-1.bat": "FT-1"}


def close_orphans(open_alerts: tuple[Alert, ...], active: dict[str, str], known: set[str] = KNOWN) -> Plan:
    """Return the plan for `open_alerts` at position 7."""
    return plan_orphans(open_alerts, HeldAlarms(known, active, 7, START_NS))


def hazards() -> tuple[Alert, ...]:
    """Return the alerts of both towers, orange."""
    return scenes.plan(raised(HAZARD, ORANGE), raised(SECOND_HAZARD, ORANGE)).open_alerts


def fault() -> tuple[Alert, ...]:
    """Return the alert of a device of which two sensors are blind."""
    return scenes.plan(blind(BLIND_PRESSURE, 10.0), blind(BLIND_BATTERY, 11.0)).open_alerts


def test_orphans_of_active_alarms_are_none():
    """While the rules hold every alarm, nothing is planned and nothing changes."""
    active = {"fire/FT-1.p": "fire/FT-1.p", "fire/FT-2.p": "fire/FT-2.p"}

    assert Plan(open_alerts=hazards()) == close_orphans(hazards(), active)


@pytest.mark.parametrize(
    ("active", "known", "reason"),
    [
        ({}, KNOWN - {"fire/FT-1.p"}, DecisionReason.CONFIGURATION_CHANGED),
        ({"fire/FT-1.p": "another subject"}, KNOWN, DecisionReason.CONFIGURATION_CHANGED),
        ({}, KNOWN, DecisionReason.STATE_LOST),
    ],
)
def test_orphan_hazard_is_closed_with_its_reason(active, known, reason):
    """Gone, moved or forgotten: the alert is over, and the decision says why."""
    first, second = hazards()
    result = close_orphans((first, second), active | {"fire/FT-2.p": "fire/FT-2.p"}, known)

    assert (second,) == result.open_alerts
    assert [(first.id, False, NO_LEVEL, ORANGE)] == [(a.id, a.is_open, a.level, a.peak) for a in result.alerts]
    assert [(first.id, "fire/FT-1.p", 7, START_NS, "skip", reason)] == [
        (d.alert, d.subject, d.position, d.time_ns, d.verdict.value, d.reason) for d in result.decisions
    ]


def test_orphan_hazard_sends_no_message_and_names_its_recipients():
    """The end of the danger was not seen, so there is no message; the decision names the contacts to call."""
    result = close_orphans(hazards(), {"fire/FT-2.p": "fire/FT-2.p"})

    assert () == result.planned
    assert "fire/FT-1.p: its end was not seen; not told: ann, bob, fix" == result.decisions[0].detail


def test_orphan_sensor_of_a_device_leaves_the_fault_open():
    """A device with another blind sensor stays a fault."""
    result = close_orphans(fault(), {"silent/FT-1.p": "FT-1"})

    assert [("silent/FT-1.p",)] == [alert.alarms for alert in result.open_alerts]
    assert result.alerts == result.open_alerts
    assert ["silent/FT-1.bat"] == [decision.subject for decision in result.decisions]


def test_orphan_device_is_closed_with_one_decision_a_sensor():
    """A device without its sensors is no fault any more, and every sensor has its reason."""
    result = close_orphans(fault(), {}, KNOWN - BLIND.keys())

    assert ((), [False]) == (result.open_alerts, [alert.is_open for alert in result.alerts])
    assert list(BLIND) == [decision.subject for decision in result.decisions]


def test_orphans_closed_before_are_none():
    """A closed alert is not decided again."""
    active = {"silent/FT-1.p": "FT-1"}

    assert () == close_orphans(close_orphans(fault(), active).open_alerts, active).decisions
