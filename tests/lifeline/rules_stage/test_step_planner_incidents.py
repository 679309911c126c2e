"""Incidents on real files: the same messages, left out and sent, however entries are cut and wherever it dies."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.ledger.sql_ledger import open_ledger
from alerts.planning.planner import Planner
from collector.batch import make_batch
from collector.journal import Entry
from lifeline.rules_stage.step_planner import StepPlanner, merge_plans
from rules.events import Transition
from tests.alerts import scenes
from tests.alerts.planning.test_incidents import ALONE, KEYS, N, district
from tests.alerts.scenes import BLUE, ORANGE, RED, SECOND_NS, START_NS, YELLOW, Row

LEVELS = st.sampled_from([0, BLUE, YELLOW, ORANGE, RED])
HISTORY = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.lists(st.tuples(st.integers(0, N - 1), LEVELS), max_size=4),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=12,
)
"""Seconds since the entry before, alarms with the levels that they take, who is acknowledged, whether to restart."""


def entries_of(history) -> list[tuple[Entry, list[Row], int, bool]]:
    """Return the entries with their transitions, as an engine would make them."""
    levels = [0] * N
    episodes = [0.0] * N
    now_s = 0
    found = []
    for i, (gap_s, changes, answered, restarts) in enumerate(history, 1):
        now_s += gap_s
        rows = []
        for alarm, after in dict(changes).items():
            before, levels[alarm] = levels[alarm], after
            if before == after:
                continue
            if not before:
                episodes[alarm] = now_s
            rose = Transition.ESCALATED if before else Transition.RAISED
            fell = Transition.LOWERED if after else Transition.CLEARED
            kind = rose if after > before else fell
            rows.append(Row(alarm, kind, before, after, now_s, episodes[alarm], 0.01, position=i))
        found.append((Entry(i, make_batch(START_NS + now_s * SECOND_NS, [], [], [], [])), rows, answered, restarts))
    return found


SETTLES = st.sampled_from([0.0, 700.0])


def told(url: str, history, settle_s: float, *, restarting: bool, at_once: bool = False) -> list[tuple[str, str, str]]:
    """Return id, text and first state of every message, sent or suppressed, with the decisions about its alert."""
    where = district(scenes.SERIOUS, scenes.GENERAL, ALONE, scenes.PLATFORM, settle_s=settle_s)
    planner = Planner(where, KEYS)
    with contextlib.closing(open_ledger(url)) as ledger:
        step_planner, cursor = StepPlanner(planner, ledger), ledger.take_over()
        step_planner.restore(())
        for entry, rows, answered, restarts in entries_of(history):
            parts = [scenes.events(rows)] if at_once else [scenes.events([row]) for row in rows]
            plans = [step_planner.plan([entry], [part]) for part in parts or [scenes.events([])]]
            plans = [plan for plan in plans if plan is not None]
            if plans:
                step = scenes.LedgerStep(cursor, entry.position, scenes.events(rows), KEYS, merge_plans(plans))
                ledger.commit_step(step)
                cursor = step.next_cursor
            for alert in ledger.alerts.read_open()[:answered]:
                ledger.alerts.acknowledge(alert.id, "ann", 1)
            if restarting and restarts:
                step_planner, cursor = StepPlanner(planner, ledger), ledger.take_over()
                step_planner.restore(ledger.alerts.read_open())
        alerts = dict.fromkeys(each.alert for each in ledger.alarm_events.read() if each.alert)
        reasons = {each: " ".join(d.reason for d in ledger.decisions.read(each)) for each in alerts}
        found = [each for alert in alerts for each in ledger.outbox.read_deliveries(alert)]
        return sorted(
            (each.notification.id, each.notification.text, f"{each.state} {reasons[each.notification.alert]}")
            for each in found
        )


@settings(max_examples=60, deadline=None)
@given(HISTORY, SETTLES)
def test_incidents_through_any_restarts_say_the_same(tmp_path_factory, history, settle_s):
    """Wherever the program is started again: the same messages, the same left out, decided for the same reasons."""
    folder = tmp_path_factory.mktemp("incidents")
    once, often = (
        told(f"sqlite:///{folder / f'{restarting}.db'}", history, settle_s, restarting=restarting)
        for restarting in (False, True)
    )

    assert once == often


@settings(max_examples=60, deadline=None)
@given(HISTORY, SETTLES)
def test_incidents_of_one_entry_or_of_many_say_the_same(tmp_path_factory, history, settle_s):
    """Transitions of one moment give the same messages one by one and together."""
    folder = tmp_path_factory.mktemp("incidents")
    together, apart = (
        told(f"sqlite:///{folder / f'{at_once}.db'}", history, settle_s, restarting=False, at_once=at_once)
        for at_once in (True, False)
    )

    assert together == apart
