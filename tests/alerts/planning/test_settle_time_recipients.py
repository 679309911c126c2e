"""Recipients of a return within the settle time: new shifts and phones, undelivered messages, devices."""

import contextlib
from dataclasses import replace

import pytest

from alerts.alert import DecisionReason, Ending
from alerts.ledger.sql_ledger import open_ledger
from alerts.notification import Verdict
from alerts.planning.orphans import HeldAlarms, plan_orphans
from alerts.planning.planner import NEVER_DUE_NS, due_ns
from alerts.state import AlarmState, state_of
from config.register import Contact
from rules.events import Extent, Transition, TransitionReason
from tests.alerts import scenes
from tests.alerts.outbox.test_suppressed import LedgerDesk
from tests.alerts.planning import test_incidents
from tests.alerts.planning.test_settle_time import ALL, WAIT_S, Life, everybody, reasons, sent
from tests.alerts.scenes import (
    BLIND_BATTERY,
    BLIND_PRESSURE,
    HAZARD,
    ORANGE,
    YELLOW,
    Row,
    blind,
    cleared,
    heard,
    raised,
)


def test_device_that_flaps_is_announced_once_and_its_recovery_once():
    """One fault, and one recovery after the settle time."""
    life = Life()
    plans = [
        life.at(10, blind(BLIND_PRESSURE, 10.0)),
        life.at(300, heard(BLIND_PRESSURE, 300.0, 10.0)),
        life.at(600, blind(BLIND_BATTERY, 600.0)),
        life.at(700, heard(BLIND_BATTERY, 700.0, 600.0)),
        life.at(300 + WAIT_S),
        life.at(700 + WAIT_S),
    ]

    assert [["device_fault fix"], [], [], [], [], ["device_recovered fix"]] == [sent(each) for each in plans]
    assert "2025-03-24T08:11:40+08:00" in plans[-1].planned[0].notification.payload
    assert () == life.alerts


def test_device_that_is_back_counts_as_settling_and_names_no_sensor_as_blind():
    """A sensor that goes blind then is the first of its alert again."""
    life = Life()
    life.at(10, blind(BLIND_PRESSURE, 10.0))
    life.at(300, heard(BLIND_PRESSURE, 300.0, 10.0))
    assert [AlarmState.SETTLING] == [state_of(each) for each in life.alerts]
    life.at(600, blind(BLIND_BATTERY, 600.0))

    assert [(("silent/FT-1.bat",), AlarmState.UNACKNOWLEDGED)] == [
        (each.alarms, state_of(each)) for each in life.alerts
    ]
    assert [NEVER_DUE_NS] == [due_ns(each, life.where) for each in life.alerts]


def test_device_that_is_held_and_leaves_the_register_is_closed_with_its_reason():
    """Its fault could never end by itself."""
    life = Life()
    life.at(10, blind(BLIND_PRESSURE, 10.0))
    life.at(300, heard(BLIND_PRESSURE, 300.0, 10.0))
    stays, leaves = (plan_orphans(life.alerts, HeldAlarms(known, {}, 1, 1)) for known in ({"silent/FT-1.p"}, set()))

    assert (1, [DecisionReason.CONFIGURATION_CHANGED]) == (len(stays.open_alerts), reasons(leaves))


def newcomer(life: Life, **phones: str) -> None:
    """Let cat take over from ann, or give contacts other numbers."""
    register = life.where.register
    duties = [
        replace(each, contact="cat") if each.contact == "ann" and not phones else each for each in register.duties
    ]
    contacts = {
        name: replace(each, phone=phones.get(name, each.phone))
        for name, each in ({**register.contacts, "cat": Contact("cat", "cat", "cat", "+8613800000077", "zh")}).items()
    }
    changed = scenes.Register({}, register.assets, register.sensors, contacts, duties)
    life.where = replace(life.where, register=changed)


def handed_over() -> Life:
    """Return a danger that was announced and is over; cat took over from ann and knows nothing of it."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE))
    life.at(300, cleared(HAZARD, ORANGE, 300.0))
    newcomer(life)
    return life


def test_return_goes_to_the_new_shift_and_so_does_its_end():
    """The new shift has no earlier message; the old shift still gets the end."""
    life = handed_over()
    again = life.at(600, raised(HAZARD, ORANGE, 600.0))
    life.at(700, cleared(HAZARD, ORANGE, 700.0, 600.0))

    assert ["raised cat"] == sent(again)
    assert sorted([*everybody("cleared"), "cleared cat"]) == sorted(sent(life.at(700 + WAIT_S)))


def test_return_that_rises_goes_to_the_new_shift():
    """Back as yellow, known to its recipients; then orange, unknown to the new contact."""
    life = handed_over()
    again = life.at(600, raised(HAZARD, YELLOW, 600.0))
    rise = life.at(650, Row(HAZARD, Transition.ESCALATED, YELLOW, ORANGE, 650.0, 600.0))

    assert [[], ["escalated cat"]] == [sent(again), sent(rise)]


def test_return_goes_to_a_new_phone():
    """The old phone's message does not count for the new phone, and the new message has its own id."""
    life = Life()
    first = life.at(10, raised(HAZARD, ORANGE))
    life.at(300, cleared(HAZARD, ORANGE, 300.0))
    newcomer(life, ann="+8613900000088")
    again = life.at(600, raised(HAZARD, ORANGE, 600.0))

    assert ["raised ann"] == sent(again)
    assert 4 == len({each.notification.id for each in (*first.planned, *again.planned)})


def test_device_back_and_gone_goes_to_the_new_shift():
    """Device faults follow the same rule as hazards."""
    life = Life()
    life.at(10, blind(BLIND_PRESSURE, 10.0))
    life.at(300, heard(BLIND_PRESSURE, 300.0, 10.0))
    life.where = replace(life.where, register=scenes.register(fix="+8613900000099"))

    assert ["device_fault fix"] == sent(life.at(600, blind(BLIND_PRESSURE, 600.0)))


def test_return_plans_no_new_standby():
    """The recipients on standby were planned with the first message."""
    life = Life()
    line = replace(scenes.SERIOUS, roles=(scenes.Role.RESPONSIBLE,), next_roles=(scenes.Role.MANAGER,))
    life.where = scenes.district(line, settle_s=WAIT_S)
    first, _, again = life.flap()

    assert (2, 0) == (len(first.planned), len(again.planned))


@pytest.fixture
def desk(tmp_path):
    """Return a desk of one incident with a ledger, where ends settle."""
    desk = LedgerDesk(f"sqlite:///{tmp_path / 'ledger.db'}")
    desk.where = test_incidents.district(scenes.SERIOUS, scenes.GENERAL, settle_s=WAIT_S)
    with contextlib.closing(desk.ledger):
        yield desk


def test_return_reaches_recipients_without_the_first_message(desk):
    """Every channel rejected the first message; the return sends it after all."""
    desk.set(0, ORANGE)
    desk.deliver(Verdict.REFUSED)
    desk.set(0, 0)
    over = desk.deliver()
    desk.set(0, ORANGE)

    assert ([], [f"reminded 4 {each}" for each in ALL]) == (over, desk.deliver())


def test_return_sends_nothing_to_recipients_of_the_first_message(desk):
    """The suppressed message stays in the outbox."""
    desk.set(0, ORANGE)
    desk.deliver()
    desk.set(0, 0)
    desk.set(0, ORANGE)

    assert [] == desk.deliver()


def test_return_of_many_rounds_reaches_recipients_without_a_message_once(desk):
    """Only the newest suppressed message is sent."""
    desk.set(0, ORANGE)
    for _ in range(3):
        desk.set(0, 0)
        desk.set(0, ORANGE)
    desk.deliver(Verdict.REFUSED)

    assert [f"reminded 4 {each}" for each in ALL] == desk.deliver()


def test_message_under_way_when_the_alarm_ends_still_goes(desk):
    """No end takes its place during the settle time; the end follows it."""
    desk.set(0, ORANGE)
    desk.set(0, 0)

    assert [f"raised 4 {each}" for each in ALL] == desk.deliver()
    desk.wait(WAIT_S)
    assert [f"cleared 4 {each}" for each in ALL] == desk.deliver()


def test_ending_that_waits_outlives_a_restart(tmp_path):
    """The ledger keeps the facts of a held end."""
    where = scenes.district(settle_s=WAIT_S)
    with contextlib.closing(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger:
        scenes.commit(ledger, raised(HAZARD, ORANGE), where=where)
        scenes.commit(
            ledger, cleared(HAZARD, ORANGE, low=0.3, high=0.4, reason=TransitionReason.CONDITIONS_END), where=where
        )
        [alert] = ledger.alerts.read_open()

    assert Ending(TransitionReason.CONDITIONS_END, Extent(0.3, 0.4)) == alert.ending
