"""The journal's time at work on real files: reminders, latched ends, restarts, and a ledger that was lost."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.ledger.sql_ledger import open_ledger
from alerts.planning.planner import Planner
from collector.batch import make_batch
from collector.journal import Entry
from lifeline.rules_stage.step_planner import StepPlanner
from lifeline.runtime.stores import open_stores
from rules.events import Transition
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, RED, SECOND_NS, START_NS, YELLOW, Row


def kinds(desk) -> list[str]:
    """Return the text of each message to the first person, in order."""
    ledger = desk.stores.ledger
    alerts = dict.fromkeys(each.alert for each in ledger.alarm_events.read() if "zero_pressure" in each.alarm)
    found = [each.notification for alert in alerts for each in ledger.outbox.read_deliveries(alert)]
    return [each.kind.value for each in found if each.contact == found[0].contact]


def ticks(desk, seconds: int, step_s: int = 2) -> None:
    """Let the journal's time pass with the pressure as bad as it is."""
    for _ in range(0, seconds, step_s):
        desk.feed(0.0, 1)
    desk.evaluate()


def test_reminder_comes_once_with_the_first_entry_of_its_time(desk):
    """Half an hour of an open, unacknowledged orange alert: one more message each, whatever restarts in between."""
    desk.orange()
    desk.now_ns += 1700 * SECOND_NS
    ticks(desk, 60)
    before = kinds(desk)
    desk.now_ns += 40 * SECOND_NS
    ticks(desk, 10)
    desk.new_stage().restore()
    ticks(desk, 10)

    assert (["raised"], ["raised", "reminded"]) == (before, kinds(desk))


def test_reminder_of_an_acknowledged_alert_does_not_come(desk):
    """Somebody has it in hand."""
    alert = desk.orange()
    desk.stores.ledger.alerts.acknowledge(alert.id, "console", desk.now_ns)
    desk.now_ns += 1800 * SECOND_NS
    ticks(desk, 60)

    assert ["raised"] == kinds(desk)


def test_end_that_settles_is_told_once_over_a_restart(desk):
    """The program dies while the end waits: the next one tells it at its time, and only then."""
    desk.orange()
    while not desk.stores.ledger.alerts.read_open()[0].is_over:
        desk.feed(0.35, 1)
        desk.evaluate()
    desk.new_stage().restore()
    before = kinds(desk)
    desk.feed(0.35, 10)
    desk.evaluate()

    assert (["raised"], ["raised", "cleared"]) == (before, kinds(desk))


HISTORY = st.lists(
    st.tuples(st.integers(1, 900), st.sampled_from([None, 0, YELLOW, ORANGE, RED]), st.booleans(), st.booleans()),
    max_size=12,
)
"""Seconds since the entry before, the level that the alarm takes, whether somebody acknowledges, whether to restart."""


def entries_of(history) -> list[tuple[Entry, list[Row], bool, bool]]:
    """Return the entries with their transitions, as an engine would make them."""
    level = 0
    episode_s = 0.0
    now_s = 0
    found = []
    for i, (gap_s, after, answers, restarts) in enumerate(history, 1):
        now_s += gap_s
        rows = []
        if after is not None and after != level:
            episode_s = episode_s if level else now_s
            rose = Transition.ESCALATED if level else Transition.RAISED
            fell = Transition.LOWERED if after else Transition.CLEARED
            rows = [Row(HAZARD, rose if after > level else fell, level, after, now_s, episode_s, 0.01, position=i)]
            level = after
        batch = make_batch(START_NS + now_s * SECOND_NS, [], [], [], [])
        found.append((Entry(i, batch), rows, answers, restarts))
    return found


def planner(settle_s: float) -> Planner:
    """Return a planner that latches orange."""
    where = scenes.district(settle_s=settle_s)
    rule, stale = where.ruleset.rules
    levels = tuple(replace(each, latch=each.level == ORANGE) for each in rule.levels)
    ruleset = replace(where.ruleset, rules=(replace(rule, levels=levels), stale))
    return Planner(replace(where, ruleset=ruleset), scenes.alarm_keys())


def told(url: str, history, settle_s: float, *, restarting: bool) -> list[tuple[str, str]]:
    """Return id and text of every message, living on one ledger with or without the restarts of `history`."""
    with contextlib.closing(open_ledger(url)) as ledger:
        step_planner, cursor = StepPlanner(planner(settle_s), ledger), ledger.take_over()
        step_planner.restore(())
        for entry, rows, answers, restarts in entries_of(history):
            part = scenes.events(rows)
            plan = step_planner.plan([entry], [part])
            if plan is not None:
                step = scenes.LedgerStep(cursor, entry.position, part, scenes.alarm_keys(), plan)
                ledger.commit_step(step)
                cursor = step.next_cursor
            for alert in ledger.alerts.read_open() if answers else ():
                ledger.alerts.acknowledge(alert.id, "ann", 1)
            if restarting and restarts:
                step_planner, cursor = StepPlanner(planner(settle_s), ledger), ledger.take_over()
                step_planner.restore(ledger.alerts.read_open())
        alerts = dict.fromkeys(each.alert for each in ledger.alarm_events.read() if each.alert)
        found = [each.notification for alert in alerts for each in ledger.outbox.read_deliveries(alert)]
        return sorted((each.id, each.text) for each in found)


@settings(max_examples=60, deadline=None)
@given(HISTORY, st.sampled_from([0.0, 700.0]))
def test_telling_through_any_restarts_says_the_same(tmp_path_factory, history, settle_s):
    """Exactly once: wherever the program is started again, the same messages with the same words follow."""
    folder = tmp_path_factory.mktemp("telling")
    once, often = (
        told(f"sqlite:///{folder / f'{restarting}.db'}", history, settle_s, restarting=restarting)
        for restarting in (False, True)
    )

    assert once == often


def lose_the_ledger(desk) -> None:
    """Open the stores of the same folder with a ledger that is new."""
    desk.undo.close()
    lost = desk.folder / "elsewhere.db"
    desk.settings = desk.settings.model_copy(
        update={"ledger": desk.settings.ledger.model_copy(update={"url": f"sqlite:///{lost}"})}
    )
    desk.undo = contextlib.ExitStack()
    desk.stores = open_stores(desk.settings, desk.configuration.register, desk.undo)


@pytest.fixture
def robbed(desk, capsys):
    """Return the desk after an orange alert, with an empty ledger beside its journal."""
    desk.orange()
    capsys.readouterr()
    lose_the_ledger(desk)
    yield desk
    desk.undo.close()


def test_new_ledger_beside_an_old_journal_tells_nothing_again(robbed, capsys):
    """It begins behind the journal's last entry, and the log says so with the remedy."""
    said = capsys.readouterr().out
    robbed.new_stage().restore()
    robbed.evaluate()

    assert ([], 11) == (robbed.stores.ledger.alarm_events.read(), robbed.stage.status().position)
    assert ("ledger_new_beside_old_journal" in said, "put it back" in said) == (True, True)


def test_new_ledger_beside_an_old_journal_tells_a_danger_that_lasts(robbed):
    """The rules have seen nothing, so the danger is raised by its next readings, also after another restart."""
    robbed.new_stage().restore()
    robbed.new_stage().restore()
    robbed.feed(0.0, 8)
    robbed.evaluate()

    assert ["raised"] == kinds(robbed)


def test_ledger_of_a_first_start_begins_at_the_beginning(desk):
    """Beside an empty journal nothing is passed over; and an old ledger never is a new one."""
    assert (False, 0) == (desk.stores.ledger.begins_behind, desk.stores.ledger.position())
    desk.feed(0.0, 8)
    with contextlib.closing(open_ledger(desk.stores.ledger.database.url, 8)) as again:
        assert (False, 0) == (again.begins_behind, again.position())
