"""A replay compares only events of the same configuration, and names the events that it leaves out."""

import shutil

import pytest

from alerts.alert import Snapshot
from alerts.ledger.configurations import STATE_EVERY_NS
from collector.journal.reader import JournalReader
from lifeline.configuration import load_configuration
from lifeline.reports.alert_chain import read_chain
from lifeline.reports.explain import format_explanation
from lifeline.reports.replay import compare_with_ledger, find_replay_start
from lifeline.runtime.stores import open_stores
from lifeline.start_error import StartError


def _restart(desk, old, new):
    """Start again with `old` replaced by `new` in a copy of its sensors."""
    folder = shutil.copytree(desk.settings.district, desk.folder / "changed")
    sensors = folder / "sensors.csv"
    sensors.write_text(sensors.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    desk.undo.close()
    desk.settings = desk.settings.model_copy(update={"district": folder})
    desk.configuration = load_configuration(desk.settings)
    desk.stores = open_stores(desk.settings, desk.configuration.register, desk.undo)
    desk.new_stage().restore()


def _result(desk, configuration=None):
    """Return the comparison of the journal with the ledger, each event judged as `configuration` would."""
    configuration = configuration or desk.configuration
    reader = JournalReader(desk.settings.journal.path, configuration.register.sensor_ids)
    try:
        start = find_replay_start(reader, desk.stores.ledger, configuration.version)
        return compare_with_ledger(reader, desk.stores.ledger, configuration.register, configuration.ruleset, start)
    finally:
        reader.close()


@pytest.fixture
def changed(desk):
    """Return a desk after a change of its district with an open alert, so that the change matters."""
    desk.before = desk.configuration
    desk.alert = desk.orange()
    _restart(desk, ",kPa,", ",Pa,")
    desk.feed(0.35, 20)
    desk.evaluate()
    return desk


def test_compare_behind_a_change_begins_with_the_state_there(changed):
    """The end of an alert that another configuration raised is replayed from the state that it left."""
    result = _result(changed)
    events = changed.stores.ledger.alarm_events.read()
    behind = [event for event in events if event.position > result.after]

    assert result.difference is None
    assert 0 < len(behind) == result.events < len(events)


def test_compare_with_a_configuration_of_the_past_is_refused(changed):
    """Events of another configuration cannot be expected of this one."""
    with pytest.raises(StartError) as caught:
        _result(changed, changed.before)

    assert changed.configuration.version in str(caught.value)


def test_compare_after_a_trimmed_journal_begins_at_a_kept_state(desk):
    """Where the beginning of the journal is gone, the part behind the next kept state is compared."""
    desk.orange()
    middle = desk.stores.journal.last_position()
    desk.stores.ledger.replay_snapshots.keep(Snapshot(middle, desk.engine.snapshot()), desk.now_ns)
    desk.feed(0.35, 20)
    desk.evaluate()
    desk.stores.journal.trim(middle)
    result = _result(desk)

    assert (middle, None) == (result.after, result.difference)
    assert result.events


def test_compare_without_any_state_to_begin_from_is_refused(desk):
    """A journal that begins behind every kept state proves nothing."""
    desk.orange()
    desk.stores.journal.trim(desk.stores.journal.last_position() - 1)
    with pytest.raises(StartError) as caught:
        _result(desk)

    assert "retention_h" in str(caught.value)


def test_explain_says_that_another_configuration_judged(changed):
    """The limits shown are those of now, and the text says that they were not those of then."""
    chain = read_chain(changed.stores.ledger, changed.alert.id)
    text = format_explanation(chain, changed.configuration.register, changed.configuration.ruleset, "en")

    assert "judged by a configuration before that of" in text


def test_explain_of_the_same_configuration_says_nothing_of_it(desk):
    """Nothing is added where nothing changed."""
    alert = desk.orange()
    chain = read_chain(desk.stores.ledger, alert.id)

    assert chain.later is None


def test_stage_keeps_a_state_once_a_day(desk):
    """A program that runs on leaves a state to replay from with the first snapshot of each day."""
    desk.stage = desk.new_stage(snapshot_s=0.0)
    desk.stage._clock_ns = lambda: desk.now_ns
    desk.stage.restore()
    for _ in range(3):
        desk.now_ns += STATE_EVERY_NS // 2
        desk.monotonic_s += 60.0
        desk.feed(0.35, 1)
        desk.evaluate()
        desk.stage._idle()
    kept = [each.position for each in desk.stores.ledger.replay_snapshots.read(0)]

    assert [0, 2] == kept
