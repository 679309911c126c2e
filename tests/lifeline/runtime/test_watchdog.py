import contextlib
import threading

import pytest
from prometheus_client import CollectorRegistry

from lifeline.metrics.registry import make_histograms
from lifeline.runtime import watchdog
from lifeline.runtime.supervisor import Supervisor
from lifeline.runtime.watchdog import RULES_STUCK_S, Watchdog
from lifeline.runtime.wiring import SharedServices, build_stages


class Guarded:
    """The stages of the demo district with a watchdog; only the dispatcher runs."""

    def __init__(self, desk, undo):
        around = SharedServices(desk.links, make_histograms(CollectorRegistry()), lambda: desk.now_ns)
        self.stages = build_stages(desk.configuration, desk.stores, around, undo)
        self.stages.dispatcher.start()
        undo.callback(self.stages.dispatcher.stop)
        self.journal, self.supervisor = desk.stores.journal, Supervisor()

    def look(self):
        """Return the names of the alarms after one look of a new watchdog."""
        watch = Watchdog(self.stages, self.journal, self.supervisor, lambda: 0)
        watch.look()
        return [alarm.symptom.name for alarm in watch.health().alarms]


@pytest.fixture
def guarded(desk, monkeypatch):
    """Return a watchdog over real stages that waits for no answer longer than it must."""
    monkeypatch.setattr(watchdog, "ANSWER_S", 0.05)
    with contextlib.ExitStack() as undo:
        yield Guarded(desk, undo)


def test_watchdog_of_stages_that_are_well_says_nothing(guarded):
    """Nothing wrong is no alarm and no failure."""
    assert ([], None) == (guarded.look(), guarded.supervisor.failure)


def test_watchdog_of_rules_that_do_not_turn_ends_the_program(guarded):
    """A loop that hangs in a ledger without an answer is fatal: no other check would notice."""
    guarded.stages.rules._loop_s -= RULES_STUCK_S + 1
    assert ["rules_stuck"] == guarded.look()
    assert guarded.supervisor.failure is not None
    assert guarded.supervisor.failure.reason.startswith("rules_stuck")


def test_watchdog_of_rules_that_wait_for_a_ledger_that_is_away_lets_them_wait(guarded):
    """An outage that the ledger itself reported is waited for, however long."""
    guarded.stages.rules._loop_s -= RULES_STUCK_S + 1
    guarded.stages.rules._writer.is_away = True
    assert (["ledger_unavailable"], None) == (guarded.look(), guarded.supervisor.failure)


@pytest.mark.parametrize(("part", "alarm"), [("journal", "journal_hangs"), ("dispatcher", "ledger_hangs")])
def test_watchdog_of_what_gives_no_answer_says_so_and_still_sees_the_rest(guarded, monkeypatch, part, alarm):
    """A disk or server that hangs does not blind the watchdog for anything else."""
    go_on = threading.Event()
    hanging = guarded.journal if part == "journal" else guarded.stages.dispatcher
    monkeypatch.setattr(hanging, "status", lambda: go_on.wait(10))
    guarded.stages.rules._loop_s -= RULES_STUCK_S + 1
    names = guarded.look()
    go_on.set()
    assert {alarm, "rules_stuck"} == set(names)


def test_watchdog_of_a_dead_dispatcher_ends_the_program(guarded):
    """Without the thread that sends, no warning leaves."""
    guarded.stages.dispatcher.stop()
    assert ["dispatcher_dead"] == guarded.look()
    assert guarded.supervisor.failure is not None
