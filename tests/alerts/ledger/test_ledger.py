import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from alerts.alert import Cursor, DecisionReason, LedgerStep, Plan, Snapshot
from alerts.ledger.ledger import FencedError, Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.store import schema
from rules.events import OF_DEADBAND, Extent
from tests.alerts import scenes
from tests.alerts.scenes import (
    BLIND_BATTERY,
    BLIND_PRESSURE,
    HAZARD,
    ORANGE,
    SECOND_HAZARD,
    YELLOW,
    blind,
    cleared,
    commit,
    heard,
    raised,
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)])
def url(request, tmp_path) -> str:
    """Return the address of an empty database, once of each sort."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url):
    """Return an empty ledger."""
    opened = open_ledger(url)
    yield opened
    opened.close()


def empty_step(cursor: Cursor, position: int, snapshot: bytes | None = None) -> LedgerStep:
    """Return a step in which nothing happened."""
    return LedgerStep(cursor, position, scenes.events([]), (), Plan(), snapshot)


def test_ledger_when_new_stands_at_the_beginning(ledger):
    """Nothing was read, nothing is open."""
    assert (0, None, ()) == (ledger.position(), ledger.snapshot(), ledger.alerts.read_open())


def test_commit_of_an_empty_step_moves_the_position(ledger):
    """A quiet second is only a position."""
    ledger.commit_step(empty_step(ledger.take_over(), 7))

    assert 7 == ledger.position()


def test_commit_with_a_snapshot_keeps_the_newest(ledger):
    """A snapshot carries its position, and the next one replaces it."""
    cursor = ledger.take_over()
    ledger.commit_step(empty_step(cursor, 3, b"three"))
    ledger.commit_step(empty_step(Cursor(3, cursor.epoch), 5, b"five\0"))

    assert Snapshot(5, b"five\0") == ledger.snapshot()


def test_commit_of_events_stores_every_line(ledger):
    """Stored transitions are byte for byte those of the engine."""
    rows = [raised(HAZARD, ORANGE), blind(BLIND_PRESSURE, 11.0), raised(SECOND_HAZARD, YELLOW, 12.0)]
    made = commit(ledger, *rows)

    assert made.events.lines(scenes.alarm_keys()) == [each.line for each in ledger.alarm_events.read()]


def test_commit_of_events_keeps_how_exactly_they_are_known(ledger):
    """An interval, a place towards another sensor, and the deadband that was in force."""
    interval = raised(HAZARD, ORANGE, low=25.0, high=70.0)
    place = raised(SECOND_HAZARD, YELLOW, 12.0, low=300.0, high=420.0, towards=HAZARD)
    made = commit(ledger, interval, place, cleared(HAZARD, ORANGE, low=0.02, high=0.05, towards=OF_DEADBAND))
    deadband = Extent(0.02, 0.05, "deadband")

    assert made.events.lines(scenes.alarm_keys()) == [each.line for each in ledger.alarm_events.read()]
    known = [Extent(25.0, 70.0), Extent(300.0, 420.0, "fire/FT-1.p"), deadband]
    assert known == [each.extent for each in ledger.alarm_events.read()]


def test_commit_of_events_numbers_them_within_their_position(ledger):
    """(position, ordinal) is the place of a transition."""
    commit(ledger, raised(HAZARD, ORANGE), blind(BLIND_PRESSURE, 11.0))
    commit(ledger, cleared(HAZARD, ORANGE))

    assert [(1, 0), (1, 1), (2, 0)] == [(each.position, each.ordinal) for each in ledger.alarm_events.read()]


def test_events_are_found_by_alert_alarm_and_position(ledger):
    """The console asks for one alert, replay for everything behind a position."""
    commit(ledger, raised(HAZARD, ORANGE), raised(SECOND_HAZARD, YELLOW))
    commit(ledger, cleared(HAZARD, ORANGE))
    [first, second, _] = ledger.alarm_events.read()

    assert [first.alert] * 2 == [each.alert for each in ledger.alarm_events.read(alert=first.alert)]
    assert [second] == ledger.alarm_events.read(alarm="fire/FT-2.p")
    assert [2] == [each.position for each in ledger.alarm_events.read(after=1)]
    assert [first] == ledger.alarm_events.read(limit=1)


def test_commit_stores_alerts_as_planned(ledger):
    """The ledger gives back the alerts of planning unchanged, so a restart goes on from the same."""
    made = commit(ledger, raised(HAZARD, ORANGE), blind(BLIND_PRESSURE, 11.0), blind(BLIND_BATTERY, 12.0))

    by_id = sorted(made.plan.open_alerts, key=lambda alert: alert.opened_ns)
    assert tuple(by_id) == ledger.alerts.read_open()
    assert by_id[0] == ledger.alerts.find(by_id[0].id)


def test_commit_of_an_end_closes_the_alert(ledger):
    """An alert that is over is still found, but is not open."""
    made = commit(ledger, raised(HAZARD, ORANGE))
    commit(ledger, cleared(HAZARD, ORANGE))

    assert () == ledger.alerts.read_open()
    assert [made.plan.alerts[0].id] == [alert.id for alert in ledger.alerts.read_recent(10, "T-1")]
    assert () == ledger.alerts.read_recent(10, "T-2")


def test_commit_keeps_the_current_state_of_each_alarm(ledger):
    """The last transition of an alarm in a step is its state."""
    commit(ledger, blind(BLIND_PRESSURE, 10.0), heard(BLIND_PRESSURE, 20.0, 10.0), raised(HAZARD, ORANGE, 21.0))

    with ledger.database.read() as connection:
        rows = connection.execute(schema.alarms.select().order_by(schema.alarms.c.id)).all()
    assert [("fire/FT-1.p", 4), ("silent/FT-1.p", 0)] == [(row.id, row.level) for row in rows]


def test_commit_stores_notifications_and_decisions(ledger):
    """Each recipient has a waiting delivery, and its reason."""
    made = commit(ledger, raised(HAZARD, ORANGE))
    [alert] = made.plan.alerts

    assert ["ann", "bob", "fix"] == [each.notification.contact for each in ledger.outbox.read_deliveries(alert.id)]
    assert {"pending"} == {each.state for each in ledger.outbox.read_deliveries(alert.id)}
    assert list(made.plan.decisions) == ledger.decisions.read(alert.id)


def test_commit_of_a_stale_step_is_fenced(ledger):
    """A step from an old position stores nothing."""
    cursor = ledger.take_over()
    ledger.commit_step(scenes.step(cursor, 1, raised(HAZARD, ORANGE)))

    with pytest.raises(FencedError):
        ledger.commit_step(scenes.step(cursor, 2, raised(SECOND_HAZARD, ORANGE)))
    assert (1, 1) == (ledger.position(), len(ledger.alarm_events.read()))


def test_commit_by_a_former_owner_is_fenced(ledger):
    """Who was replaced cannot write, even from the right position."""
    former = ledger.take_over()
    owner = ledger.take_over()

    with pytest.raises(FencedError):
        ledger.commit_step(empty_step(former, 1))
    ledger.commit_step(empty_step(owner, 1))
    assert 1 == ledger.position()


def test_commit_backwards_is_fenced(ledger):
    """A position never goes back."""
    cursor = ledger.take_over()
    ledger.commit_step(empty_step(cursor, 5))

    with pytest.raises(FencedError):
        ledger.commit_step(empty_step(Cursor(5, cursor.epoch), 4))


def test_commit_counts_what_was_stored_and_decided(ledger):
    """Events, notifications and decisions are counted by reason."""
    commit(ledger, raised(HAZARD, ORANGE), raised(SECOND_HAZARD, scenes.BLUE))

    counts = ledger.counts
    assert (2, 3) == (counts["alarm_events", ""], counts["notifications", ""])
    assert 1 == counts["decisions", DecisionReason.NO_ROUTE.value]


def test_commit_of_an_episode_seen_before_is_counted(ledger):
    """A device with a clock that stands still can repeat the identity of an episode; that is counted."""
    commit(ledger, raised(HAZARD, ORANGE))
    commit(ledger, cleared(HAZARD, ORANGE))
    commit(ledger, raised(HAZARD, ORANGE))

    assert 3 == ledger.counts["notifications_dropped", "same_id"]


def test_acknowledge_twice_changes_nothing(ledger):
    """The first acknowledgement counts; repeating it is harmless."""
    [alert] = commit(ledger, raised(HAZARD, ORANGE)).plan.alerts

    assert [True, False] == [ledger.alerts.acknowledge(alert.id, "bob", now_ns) for now_ns in (100, 200)]
    found = ledger.alerts.find(alert.id)
    assert (100, "bob") == (found.acknowledged_ns, found.acknowledged_by)


def test_acknowledge_by_several_shows_the_first_and_marks_each_delivery(ledger):
    """The alert shows who was first; each delivery whether its own contact did."""
    [alert] = commit(ledger, raised(HAZARD, ORANGE)).plan.alerts
    ledger.alerts.acknowledge(alert.id, "fix", 300)
    ledger.alerts.acknowledge(alert.id, "ann", 200)

    assert "ann" == ledger.alerts.read_open()[0].acknowledged_by
    seen = {each.notification.contact: each.acknowledged_ns for each in ledger.outbox.read_deliveries(alert.id)}
    assert {"ann": 200, "bob": None, "fix": 300} == seen


def test_acknowledge_survives_later_steps(ledger):
    """Planning writes the alert again and leaves the acknowledgement alone; the end is still announced."""
    [alert] = commit(ledger, raised(HAZARD, ORANGE)).plan.alerts
    ledger.alerts.acknowledge(alert.id, "ann", 100)
    made = commit(ledger, cleared(HAZARD, ORANGE))

    assert 100 == ledger.alerts.find(alert.id).acknowledged_ns
    assert 3 == len(made.plan.planned)


def test_open_again_goes_on_where_it_was(url):
    """Everything survives closing and opening."""
    first = open_ledger(url)
    made = commit(first, raised(HAZARD, ORANGE))
    first.close()
    second = open_ledger(url)

    assert (1, made.plan.open_alerts) == (second.position(), second.alerts.read_open())
    second.close()


def test_open_of_sqlite_is_durable_and_its_readers_cannot_write(tmp_path):
    """WAL with a full sync for the writer, query_only without checkpoints for readers."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'below' / 'ledger.db'}")

    with ledger.database.write() as connection:
        names = ("journal_mode", "synchronous")
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    with ledger.database.read() as connection:
        names = ("query_only", "wal_autocheckpoint")
        pragmas += [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    assert ["wal", 2, 1, 0] == pragmas
    ledger.close()


class Crash(Exception):  # noqa: N818 - it is what happens, not a fault of anybody
    """The program died here."""


def story() -> list[list[scenes.Row]]:
    """Return the transitions of eight steps."""
    return [
        [raised(HAZARD, YELLOW)],
        [],
        [blind(scenes.OTHER_DEVICE, 11.0), raised(SECOND_HAZARD, ORANGE, 12.0)],
        [scenes.Row(HAZARD, scenes.Transition.ESCALATED, YELLOW, ORANGE, 20.0, 10.0)],
        [blind(BLIND_PRESSURE, 21.0)],
        [blind(BLIND_BATTERY, 22.0), cleared(HAZARD, ORANGE)],
        [heard(BLIND_PRESSURE, 70.0, 21.0), heard(BLIND_BATTERY, 71.0, 22.0)],
        [cleared(SECOND_HAZARD, ORANGE, 80.0, 12.0)],
    ]


def content(ledger: Ledger) -> list[list[tuple]]:
    """Return every row of every table but the owner's epoch, in order."""
    tables = [table for table in schema.METADATA.sorted_tables if table is not schema.cursor]
    with ledger.database.read() as connection:
        return [sorted(map(str, connection.execute(table.select()))) for table in tables] + [[ledger.position()]]


def crash_at(ledger: Ledger, statement: int) -> None:
    """Let the ledger's database die at its `statement`-th statement from now; one beyond the last never comes."""
    left = [statement]

    def count(*_: object) -> None:
        """Die when it is time."""
        left[0] -= 1
        if left[0] < 0:
            raise Crash

    event.listen(ledger.database._writer, "before_cursor_execute", count)
    event.listen(ledger.database._writer, "commit", count)


def play(url: str, crashes: list[int]) -> list[list[tuple]]:
    """Return the ledger's content after the story, the program dying at each of `crashes` and starting again."""
    crashes = list(crashes)
    while True:
        ledger = open_ledger(url)
        if crashes:
            crash_at(ledger, crashes.pop(0))
        try:
            cursor = ledger.take_over()
            open_alerts = ledger.alerts.read_open()
            for i, rows in list(enumerate(story(), 1))[cursor.position :]:
                made = scenes.step(cursor, i, *scenes.at(i, rows), open_alerts=open_alerts)
                ledger.commit_step(made)
                cursor, open_alerts = made.next_cursor, made.plan.open_alerts
            found = content(ledger)
        except Crash:
            continue
        else:
            return found
        finally:
            ledger.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=6))
def test_steps_through_any_crashes_leave_the_same_ledger(tmp_path_factory, crashes):
    """Law 5: wherever the program dies, events, alerts, outbox and position are those of an undisturbed run."""
    folder = tmp_path_factory.mktemp("ledgers")

    assert play(f"sqlite:///{folder / 'calm.db'}", []) == play(f"sqlite:///{folder / 'crashed.db'}", crashes)
