import numpy as np
import pytest

from config.levels import WarningLevel
from config.register import Role
from rules.events import Dimension
from tests.end_to_end.story_rig import StoryRig

pytestmark = pytest.mark.end_to_end

TOWER, DEAD_TOWER = "T-0001", "T-0003"


@pytest.fixture
def start_rig(tmp_path, mosquitto, kannel):
    """Return a function that starts the program with a history; everything is stopped after the test."""
    started = []

    def start(history=None):
        rig = StoryRig(tmp_path / "program", mosquitto, kannel, history)
        started.append(rig)
        rig.start()
        return rig

    yield start
    for rig in started:
        rig.stop()


def _play_story(rig, kannel):
    """Play zero pressure and a dead terminal to their end; the message centre delivers, one person acknowledges."""
    rig.wait_for(lambda: (rig.app.live_state.health == 1).sum() > 50, 20)
    rig.play("zero_pressure", asset=TOWER, duration_s=20)
    rig.play("dead_terminal", asset=DEAD_TOWER, duration_s=20)
    rig.wait_for(lambda: len(_hazard_messages(kannel)) >= 3, 40)
    for message in _hazard_messages(kannel):
        kannel.report(message, 1)
    rig.wait_for(lambda: _delivered(rig) >= 3, 15)
    rig.press(_hazard_messages(kannel)[0].text)
    rig.wait_for(lambda: sum(each.first_sent_ns is not None for each in rig.deliveries(TOWER, "cleared")) >= 3, 60)
    rig.wait_for(lambda: rig.deliveries(DEAD_TOWER, "device_recovered", Dimension.HEALTH), 60)
    rig.settle()


def _hazard_messages(kannel):
    return [message for message in kannel.received if "橙色预警·" in message.text]


def _delivered(rig):
    return sum(any(code == 1 for code, _ in each.receipts) for each in rig.deliveries(TOWER, "raised"))


def _on_delay_end_ns(rig):
    register, ruleset = rig.configuration.register, rig.configuration.ruleset
    rule = ruleset.rule("fire_water.zero_pressure")
    number = register.sensor_index["FT-0001.pressure_kpa"]
    limit = rule.limit_of(WarningLevel.ORANGE)
    for entry in rig.app.stores.journal.read(0, 1_000_000):
        rows = np.flatnonzero((entry.batch.sensor == number) & (entry.batch.value <= limit.limit))
        if len(rows):
            return int(entry.batch.time_ns[rows[0]]) + int(limit.on_delay_s * 1e9)
    raise AssertionError("no zero reading")


def _assert_story(rig, kannel):
    """Every claim of the story, after it was played."""
    register, alert = rig.configuration.register, rig.alert(TOWER)
    raised = rig.deliveries(TOWER, "raised")
    times = [each.first_sent_ns for each in raised]
    roles = (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE)
    phones = {contact.phone for role in roles for contact in register.contacts_for(TOWER, role)}
    assert alert.peak == WarningLevel.ORANGE
    assert sorted(phones) == sorted(message.to for message in _hazard_messages(kannel))
    assert max(times) - min(times) <= 2e9
    assert max(times) - _on_delay_end_ns(rig) <= 5e9
    assert 3 == _delivered(rig)
    assert alert.acknowledged_ns is not None
    assert {each.notification.contact for each in raised} == {
        each.notification.contact for each in rig.deliveries(TOWER, "cleared")
    }
    assert rig.alert(DEAD_TOWER) is None
    faults = rig.deliveries(DEAD_TOWER, "device_fault", Dimension.HEALTH)
    maintenance = [contact.id for contact in register.contacts_for(DEAD_TOWER, Role.MAINTENANCE)]
    assert maintenance == [each.notification.contact for each in faults]
    assert rig.comparison().difference is None


def test_story_mosquitto_influxdb_kannel_tells_three_and_loses_no_point(start_rig, influxdb, kannel):
    """The published story on real servers: orange exactly, three at once, receipts, return to normal, every point."""
    rig = start_rig({"kind": "influxdb", "url": influxdb.url, "database": influxdb.database})
    _play_story(rig, kannel)
    _assert_story(rig, kannel)
    assert len(rig.counting.readings) == influxdb.count()


def test_story_victoria_metrics_stores_every_point(start_rig, victoria_metrics, kannel):
    """The same story with the database that takes /api/v2/write."""
    history = {"kind": "influxdb", "url": victoria_metrics.url, "dialect": "v2", "bucket": "lifeline", "org": "city"}
    rig = start_rig(history)
    _play_story(rig, kannel)
    _assert_story(rig, kannel)
    # What it has taken is not found at once.
    rig.wait_for(lambda: len(rig.counting.readings) == victoria_metrics.count(), 10)
