import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.alert import Plan
from alerts.ledger.ledger import FencedError
from alerts.store.errors import LedgerUnavailableError
from collector.journal.reader import JournalReader
from lifeline.reports.replay import compare_with_ledger
from lifeline.rules_stage.stage import JournalMismatchError
from lifeline.rules_stage.step_planner import merge_plans
from rules.events import join_events


def _lines(desk):
    return [event.line for event in desk.stores.ledger.alarm_events.read() if "zero_pressure" in event.alarm]


def _comparison(desk):
    reader = JournalReader(desk.settings.journal.path, desk.configuration.register.sensor_ids)
    try:
        return compare_with_ledger(reader, desk.stores.ledger, desk.configuration.register, desk.configuration.ruleset)
    finally:
        reader.close()


def test_rules_stage_zero_pressure_commits_event_and_notifications_at_once(desk):
    """One step stores the alarm event, the position and three notifications, and says so once."""
    alert = desk.orange()
    kinds = [each.notification.kind.value for each in desk.stores.ledger.outbox.read_deliveries(alert.id)]
    assert (["raised"] * 3, 1) == (kinds, desk.events)


def test_rules_stage_restart_emits_nothing_again(desk):
    """A restart judges up to the committed position without a word."""
    desk.orange()
    before = _lines(desk)
    desk.new_stage().restore()
    desk.evaluate()
    assert before == _lines(desk)


def test_rules_stage_restart_keeps_running_delays(desk):
    """An on-delay that was under way at the restart ends when it would have ended."""
    desk.stage.restore()
    desk.feed(0.35, 2)
    desk.feed(0.0, 4)
    desk.evaluate()
    desk.new_stage().restore()
    desk.feed(0.0, 2)
    desk.evaluate()
    assert [1, None] == [len(_lines(desk)), _comparison(desk).difference]


def test_rules_stage_without_events_commits_no_position_at_once(desk):
    """A position without events may wait for the next second: it is judged again after a crash."""
    desk.stage.restore()
    desk.feed(0.35, 1)
    desk.evaluate()
    assert (1, 0) == (desk.stage.status().position, desk.stores.ledger.position())


def test_rules_stage_without_events_commits_position_each_second(desk):
    """A second later the position is stored, events or not."""
    desk.stage.restore()
    desk.feed(0.35, 1)
    desk.monotonic_s += 1.0
    desk.evaluate()
    assert 1 == desk.stores.ledger.position()


def test_rules_stage_snapshot_due_goes_with_the_step(desk):
    """The engine's state is stored with the position that it belongs to."""
    desk.new_stage(snapshot_s=60.0).restore()
    desk.feed(0.35, 2)
    desk.monotonic_s += 60.0
    desk.evaluate()
    assert (2, 2) == (desk.stores.ledger.snapshot().position, desk.stage.status().snapshot)


def test_rules_stage_restored_behind_its_snapshot_takes_one_with_the_first_step(desk):
    """A program that is killed again and again does not judge the same entries at every start."""
    desk.orange()
    desk.new_stage().restore()
    desk.feed(0.0, 1)
    desk.monotonic_s += 1.0
    desk.evaluate()
    assert 12 == desk.stores.ledger.snapshot().position


def test_rules_stage_second_owner_fences_first(desk):
    """After a takeover the old owner can store nothing more."""
    desk.stage.restore()
    old = desk.stage
    desk.new_stage().restore()
    desk.feed(0.0, 8)
    with pytest.raises(FencedError):
        old.evaluate_round()


def test_rules_stage_shorter_journal_is_refused(desk, tmp_path_factory):
    """A ledger ahead of the journal belongs to another journal: going on would skip new readings."""
    desk.orange()
    other = type(desk)(tmp_path_factory.mktemp("other"))
    with other.undo:
        other.stores = type(desk.stores)(other.stores.journal, other.stores.history, desk.stores.ledger)
        with pytest.raises(JournalMismatchError, match="do not belong together"):
            other.new_stage().restore()


def test_rules_stage_ledger_away_retries_until_back(desk, monkeypatch):
    """A ledger that refuses for a moment delays a step and loses nothing."""
    desk.stage.restore()
    desk.feed(0.0, 8)
    commit, failures = desk.stores.ledger.commit_step, iter([True, True])

    def sometimes(step):
        if next(failures, False):
            raise _operational_error()
        commit(step)

    monkeypatch.setattr(desk.stores.ledger, "commit_step", sometimes)
    desk.evaluate()
    assert (1, False) == (len(_lines(desk)), desk.stage.status().is_ledger_away)


def test_rules_stage_answer_of_commit_lost_stores_once(desk, monkeypatch):
    """A commit with a lost answer is recognised by its position, and not repeated."""
    desk.stage.restore()
    desk.feed(0.0, 8)
    commit, failures = desk.stores.ledger.commit_step, iter([True])

    def without_answer(step):
        commit(step)
        if next(failures, False):
            raise _operational_error()

    monkeypatch.setattr(desk.stores.ledger, "commit_step", without_answer)
    desk.evaluate()
    assert 1 == len(_lines(desk))


def test_rules_stage_stop_while_ledger_away_keeps_events_for_the_restart(desk, monkeypatch):
    """Events that could not be committed before the stop are judged again: their position is not passed over."""
    desk.stage.restore()
    desk.feed(0.0, 8)
    commit, failures = desk.stores.ledger.commit_step, iter([True])

    def away_once(step):
        if next(failures, False):
            desk.stage.stop()
            raise _operational_error()
        commit(step)

    monkeypatch.setattr(desk.stores.ledger, "commit_step", away_once)
    desk.stage.run()
    desk.new_stage().restore()
    desk.evaluate()
    assert 1 == len(_lines(desk))


def test_rules_stage_clean_stop_stores_position_and_snapshot(desk):
    """After a clean stop a restart has nothing to judge again."""
    desk.stage.restore()
    desk.feed(0.35, 3)
    desk.evaluate()
    desk.stage.stop()
    desk.stage.run()
    assert (3, 3) == (desk.stores.ledger.position(), desk.stores.ledger.snapshot().position)


def test_rules_stage_board_shows_unseen_sensor_as_unseen(desk):
    """A sensor that never sent is unseen in the live state, after any time."""
    desk.stage.restore()
    desk.feed(0.35, 60)
    desk.evaluate()
    desk.new_stage().restore()
    index = desk.configuration.register.sensor_index
    health = desk.stage.live_engine.state.health
    assert (1, 0) == (health[index["FT-0001.pressure_kpa"]], health[index["FT-0002.pressure_kpa"]])


@given(plan=st.lists(st.tuples(st.sampled_from([0.0, 0.35]), st.integers(1, 9), st.booleans()), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rules_stage_restarts_anywhere_equal_one_replay(plan, desk, tmp_path_factory):
    """Whatever the pressure does and wherever the stage restarts, the ledger equals a replay of the journal."""
    fresh = type(desk)(tmp_path_factory.mktemp("restarts"))
    with fresh.undo:
        fresh.stage.restore()
        for pressure, messages, restarts in plan:
            fresh.feed(pressure, messages)
            fresh.evaluate()
            if restarts:
                fresh.new_stage(snapshot_s=0.0).restore()
        assert _comparison(fresh).difference is None


def test_joined_no_parts_has_no_events():
    """Nothing joined is nothing, with the right column types."""
    assert (0, "float64") == (len(join_events([])), join_events([]).value.dtype.name)


def test_merged_alert_changed_twice_keeps_last_state(desk):
    """Of an alert that several batches of a round changed, the last state is stored."""
    alert = desk.orange()
    desk.feed(0.35, 20)
    desk.evaluate()
    closed = desk.stores.ledger.alerts.find(alert.id)
    plans = [Plan(alerts=(alert,)), Plan(alerts=(closed,))]
    assert (closed,) == merge_plans(plans).alerts


def _operational_error():
    return LedgerUnavailableError("database is locked", "OperationalError")
