import pytest

from alerts.alert import LedgerStep, Plan, Snapshot
from alerts.ledger.configurations import KEPT_STATES, STATE_EVERY_NS
from alerts.ledger.ledger import in_force_at
from alerts.ledger.sql_ledger import open_ledger
from rules.events import join_events


@pytest.fixture
def ledger(tmp_path):
    """Return an empty ledger."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    ledger.close()


def _advance(ledger, position):
    ledger.commit_step(LedgerStep(ledger.take_over(), position, join_events([]), (), Plan(), None))


def test_configuration_is_in_force_from_the_position_of_its_start(ledger):
    """An entry before a reload stays with the configuration that judged it."""
    ledger.configurations.record("one", 1, lambda: b"1")
    _advance(ledger, 7)
    ledger.configurations.record("one", 2, lambda: b"2")
    ledger.configurations.record("two", 3, lambda: b"3")
    ledger.configurations.record("three", 4, lambda: b"4")
    found = [(each.position, each.version, each.started_ns) for each in ledger.configurations.read()]

    assert [(0, "one", 1), (7, "three", 4)] == found
    assert [Snapshot(0, b"1"), Snapshot(7, b"4")] == ledger.replay_snapshots.read(0)


def test_configuration_in_force_at_an_entry_is_the_last_that_began_before_it(ledger):
    """The entry at the position of a change was still judged by the configuration before."""
    ledger.configurations.record("one", 1, bytes)
    _advance(ledger, 7)
    ledger.configurations.record("two", 2, bytes)
    history = ledger.configurations.read()

    assert ["one", "one", "two"] == [in_force_at(history, position).version for position in (1, 7, 8)]
    assert in_force_at(history, 0) is None


def test_configuration_unchanged_keeps_a_state_once_a_day(ledger):
    """A program that never changes can still be replayed from a recent position."""
    ledger.configurations.record("one", 0, lambda: b"1")
    _advance(ledger, 7)
    ledger.configurations.record("one", STATE_EVERY_NS - 1, lambda: b"2")
    _advance(ledger, 9)
    ledger.configurations.record("one", STATE_EVERY_NS, lambda: b"3")

    assert [Snapshot(0, b"1"), Snapshot(9, b"3")] == ledger.replay_snapshots.read(0)


def test_kept_states_are_the_newest(ledger):
    """States do not pile up."""
    for position in range(1, 20):
        ledger.replay_snapshots.keep(Snapshot(position, b"x"), position)

    assert list(range(20 - KEPT_STATES, 20)) == [each.position for each in ledger.replay_snapshots.read(0)]
