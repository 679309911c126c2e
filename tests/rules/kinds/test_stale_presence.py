"""Devices that are said to have gone are blind at once, and stay so until they are back and heard."""

import pytest

from collector.batch import tick
from rules.engine import ALIVE, BLIND, RuleEngine
from rules.rule import RuleSet
from tests.rules.small_district import BEAT, GAS, ONLINE, PLAIN, PRESSURE, SECOND_NS, batch, register, stale, told

GONE = (0, 102.0, "RAISED", 0, 1, "DEVICE_OFFLINE")


@pytest.fixture
def engine():
    """Return an engine that hears the terminal at 100 s and other devices at 101 s."""
    engine = RuleEngine(RuleSet((stale("silent", [PRESSURE, PLAIN]),), "1"), register())
    engine.evaluate(batch(100, [(PRESSURE, 100, 1.0), (BEAT, 100, 1.0), (PLAIN, 100, 1.0)]), 1)
    engine.evaluate(batch(101, [(BEAT, 101, 2.0), (PLAIN, 101, 1.0)]), 2)
    return engine


def hear(engine, received_s, *readings):
    """Return the transitions of a batch."""
    return told(engine.evaluate(batch(received_s, readings), 3))


def test_presence_of_a_device_that_has_gone_makes_its_sensors_blind_at_once(engine):
    """No stale time is waited for, and other devices stay alive."""
    assert [GONE] == hear(engine, 102, (ONLINE, 102, 0.0))
    assert (BLIND, ALIVE) == (engine.health()[PRESSURE], engine.health()[PLAIN])


def test_presence_of_a_device_that_is_back_but_silent_stays_blind(engine):
    """Being online proves nothing: only readings after the end and an advancing heartbeat do."""
    hear(engine, 102, (ONLINE, 102, 0.0))

    assert [] == hear(engine, 103, (ONLINE, 103, 1.0))
    assert [] == hear(engine, 104, (PRESSURE, 104, 1.0))
    assert [(0, 105.0, "CLEARED", 1, 0, "HEARD_AGAIN")] == hear(engine, 105, (BEAT, 105, 3.0))


def test_presence_of_an_offline_device_whose_readings_come_stays_blind(engine):
    """Readings do not overrule who says that the device has gone; its return does, with the readings since."""
    hear(engine, 102, (ONLINE, 102, 0.0))

    assert [] == hear(engine, 103, (PRESSURE, 103, 1.0), (BEAT, 103, 3.0))
    assert [(0, 104.0, "CLEARED", 1, 0, "HEARD_AGAIN")] == hear(engine, 104, (ONLINE, 104, 1.0))


def test_presence_of_end_and_rebirth_in_one_batch_tells_both(engine):
    """The order within a batch counts."""
    events = hear(engine, 103, (ONLINE, 102, 0.0), (ONLINE, 103, 1.0), (PRESSURE, 103, 1.0), (BEAT, 103, 3.0))

    assert [GONE, (0, 103.0, "CLEARED", 1, 0, "HEARD_AGAIN")] == events


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_presence_said_again_changes_nothing(engine, value):
    """Brokers repeat the state at every connection."""
    before = hear(engine, 102, (ONLINE, 102, value))

    assert ([GONE] if value == 0.0 else [], []) == (before, hear(engine, 103, (ONLINE, 103, value)))


def test_presence_of_a_silent_device_that_is_then_said_to_have_gone_tells_no_second_time(engine):
    """Blind is blind; the first reason stands."""
    silent = [told(engine.evaluate(tick(second * SECOND_NS), 3)) for second in range(102, 120)]

    assert "NO_READING" in {event[5] for events in silent for event in events}
    assert [] == hear(engine, 120, (ONLINE, 120, 0.0))


def test_presence_out_of_range_says_nothing(engine):
    """A flagged value is no word about the device."""
    assert [] == hear(engine, 102, (ONLINE, 102, 0.0, 1))


def test_presence_of_an_offline_device_outlives_a_snapshot(engine):
    """After a restart the device is still offline."""
    hear(engine, 102, (ONLINE, 102, 0.0))
    later = RuleEngine(RuleSet((stale("silent", [PRESSURE, PLAIN]),), "1"), register())
    later.restore(engine.snapshot())

    assert [] == hear(later, 103, (PRESSURE, 103, 1.0), (BEAT, 103, 3.0))
    assert BLIND == later.health()[PRESSURE]


def test_presence_sensor_is_never_blind_itself():
    """No device reports its presence all the time."""
    options = stale("silent", []).options

    assert [True, False] == [options.binds(register().sensors[number], frozenset()) for number in (GAS, ONLINE)]
