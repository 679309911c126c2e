"""The dispatcher with its threads against receivers that are slow, broken, gone, or die with it."""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import standardwebhooks
import structlog

from alerts.channels.loading import open_channels
from alerts.dispatch.dispatcher import Dispatcher
from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from config.settings import ChannelSettings
from rules.events import Dimension
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, LINKS, ORANGE, SECOND_HAZARD, YELLOW, cleared, commit, raised
from tests.services.receiver import Receiver

pytestmark = pytest.mark.end_to_end

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def wait_until(is_true: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Return when `is_true`; fail with `what` when it takes too long."""
    end_s = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)


@pytest.fixture
def make_receiver():
    """Return a function that starts receivers; all are stopped after the test."""
    with contextlib.ExitStack() as stack:

        def make(*answer) -> Receiver:
            """Return a receiver that listens."""
            receiver = Receiver(*answer)
            stack.callback(receiver.close)
            return receiver

        yield make


@pytest.fixture
def ledger(tmp_path):
    """Return an empty ledger."""
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def dispatch(ledger):
    """Return a function that starts a dispatcher to receivers by channel name."""
    with contextlib.ExitStack() as stack:

        def start(clock_ns=time.time_ns, **receivers: Receiver) -> Dispatcher:
            """Return a dispatcher that runs."""
            settings = [webhook_settings(name, each.url) for name, each in receivers.items()]
            dispatcher = Dispatcher(ledger, open_channels(settings, LINKS), clock_ns)
            stack.callback(dispatcher.stop)
            dispatcher.start()
            return dispatcher

        yield start


def webhook_settings(name: str, url: str) -> ChannelSettings:
    """Return the settings of a webhook on loopback."""
    options = {"url": url, "secret": SECRET, "allow_private": True}
    return ChannelSettings(name=name, kind="webhook", options=options)


def to(*targets: str, fallback: tuple[str, ...] = ()) -> scenes.PlanningConfig:
    """Return a district that sends warnings from yellow up to webhooks."""
    levels = frozenset({YELLOW, ORANGE, scenes.RED})
    return scenes.district(scenes.Route("hooks", Dimension.HAZARD, levels, frozenset(), (), (), targets, fallback))


def episodes(count: int, level: int) -> list[scenes.Row]:
    """Return `count` short episodes of one alarm, two messages each, too far apart to chatter."""
    return [
        row
        for begin_s in range(10, 10 + 300 * count, 300)
        for row in (raised(HAZARD, level, begin_s), cleared(HAZARD, level, begin_s + 30, begin_s))
    ]


def states(ledger: Ledger) -> Counter[tuple[str, str]]:
    """Return how many notifications of each (channel, state) there are."""
    alerts = {each.alert for each in ledger.alarm_events.read()}
    return Counter((n.notification.channel, n.state) for alert in alerts for n in ledger.outbox.read_deliveries(alert))


def test_warning_arrives_signed_and_once(ledger, dispatch, make_receiver):
    """The receiver's own library believes it, and it is recorded as sent."""
    receiver = make_receiver()
    dispatcher = dispatch(webhook=receiver)
    made = commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
    dispatcher.wake()
    wait_until(lambda: states(ledger)["webhook", "sent"] == 1, "sent")

    [arrival] = receiver.arrivals
    content = standardwebhooks.Webhook(SECRET).verify(arrival.body, arrival.headers)
    assert (made.plan.planned[0].notification.id, "alert.raised") == (arrival.id, content["type"])


def test_receiver_that_fails_gets_it_once_when_it_is_back(ledger, dispatch, make_receiver):
    """Row 53: through rejections, errors and a busy sign the same id is repeated until it is taken."""
    answers = itertools.chain([(500, {}, b""), (503, {"retry-after": "0"}, b"busy"), (302, {"location": "/x"}, b"")])
    receiver = make_receiver(lambda _: next(answers, (200, {}, b"ok")))
    dispatch(webhook=receiver)
    made = commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
    wait_until(lambda: states(ledger)["webhook", "sent"] == 1, "sent")
    [delivery] = ledger.outbox.read_deliveries(made.plan.alerts[0].id)

    assert (4, {made.plan.planned[0].notification.id}) == (delivery.attempts, set(receiver.ids))


def test_outage_is_logged_once_at_its_start_and_once_at_its_end(ledger, dispatch, make_receiver):
    """Ten failures are two lines."""
    answers = iter([(500, {}, b"")] * 3)
    receiver = make_receiver(lambda _: next(answers, (200, {}, b"")))
    with structlog.testing.capture_logs() as lines:
        dispatcher = dispatch(webhook=receiver)
        commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
        wait_until(lambda: dispatcher.status().channels["webhook"].down_since_ns is not None, "down")
        wait_until(lambda: states(ledger)["webhook", "sent"] == 1, "sent")

    assert ["outage_started", "outage_ended"] == [line["event"] for line in lines if line.get("what") == "webhook"]
    assert dispatcher.status().channels["webhook"].down_since_ns is None


def test_receiver_that_is_gone_hands_over_to_the_next(ledger, dispatch, make_receiver):
    """Row 54: 410 is not taken for delivery: the other channel is used."""
    gone, other = make_receiver(lambda _: (410, {}, b"gone")), make_receiver()
    dispatch(webhook=gone, backup=other)
    commit(ledger, raised(HAZARD, ORANGE), where=to("webhook", fallback=("backup",)))
    wait_until(lambda: states(ledger)["backup", "sent"] == 1, "sent by the other")

    assert 1 == states(ledger)["webhook", "refused"]


def test_target_that_hangs_delays_no_other(ledger, dispatch, make_receiver):
    """Row 52: while every slot of one target hangs, all of another's messages arrive."""
    release = threading.Event()

    def hang(_) -> tuple:
        """Answer when the test is over."""
        release.wait(30)
        return 200, {}, b""

    slow, quick = make_receiver(hang), make_receiver()
    dispatch(slow=slow, quick=quick)
    rows = episodes(20, ORANGE)
    commit(ledger, *rows, where=to("slow", "quick"))
    wait_until(lambda: states(ledger)["quick", "sent"] == 40, "all of the quick one")

    assert 0 == states(ledger)["slow", "sent"]
    release.set()


def test_end_arrives_behind_its_beginning(ledger, dispatch, make_receiver):
    """Row 56: although the beginning fails at first, the end never arrives before it was taken."""
    taken: list[str] = []
    failures = iter(range(2))

    def answer(arrival) -> tuple:
        """Fail twice, then take."""
        if next(failures, None) is not None:
            return 500, {}, b""
        taken.append(arrival.content["data"]["kind"])
        return 200, {}, b""

    dispatch(webhook=make_receiver(answer))
    commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
    commit(ledger, cleared(HAZARD, ORANGE), where=to("webhook"))
    wait_until(lambda: len(taken) == 2, "both")

    assert ["raised", "cleared"] == taken


def test_red_overtakes_everything_that_waits(ledger, dispatch, make_receiver):
    """Row 55: a red notification that was decided last goes before hundreds of yellow ones."""
    receiver = make_receiver()
    rows = episodes(100, YELLOW)
    commit(ledger, *rows, where=to("webhook"))
    commit(ledger, raised(SECOND_HAZARD, scenes.RED), where=to("webhook"))
    dispatch(webhook=receiver)
    wait_until(lambda: states(ledger)["webhook", "sent"] == 201, "all", 60)

    levels = [each.content["data"]["level"]["key"] for each in receiver.arrivals]
    assert "red" in levels[:8]


def test_ledger_that_goes_away_stops_nothing(ledger, dispatch, make_receiver):
    """The dispatcher outlives its database: it waits, says so once, and goes on."""
    receiver = make_receiver()
    dispatcher = dispatch(webhook=receiver)
    engine = ledger.database._reader
    ledger.database._reader = None
    wait_until(lambda: dispatcher.status().is_ledger_away, "away")
    ledger.database._reader = engine
    commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
    wait_until(lambda: states(ledger)["webhook", "sent"] == 1, "sent")

    status = dispatcher.status()
    assert (True, False) == (status.is_alive, status.is_ledger_away)


def test_stop_lets_attempts_end_and_records_them(ledger, dispatch, make_receiver):
    """Notifications that were handed over before the stop are stored as sent."""
    began, release = threading.Event(), threading.Event()

    def answer(_) -> tuple:
        """Answer when the test says so."""
        began.set()
        release.wait(10)
        return 200, {}, b""

    dispatcher = dispatch(webhook=make_receiver(answer))
    commit(ledger, raised(HAZARD, ORANGE), where=to("webhook"))
    assert began.wait(10)
    threading.Timer(0.2, release.set).start()
    dispatcher.stop()

    assert 1 == states(ledger)["webhook", "sent"]


DISPATCHER = """
import sys, time
from alerts.links import SignedLinks
from alerts.dispatch.dispatcher import Dispatcher
from alerts.ledger.sql_ledger import open_ledger
from alerts.channels.loading import open_channels
from config.settings import ChannelSettings
options = {"url": sys.argv[2], "secret": sys.argv[3], "allow_private": True}
settings = [ChannelSettings(name="webhook", kind="webhook", options=options)]
channels = open_channels(settings, SignedLinks("http://x", b"s"))
Dispatcher(open_ledger(sys.argv[1]), channels, time.time_ns).start()
print("started", flush=True)
time.sleep(600)
"""


def test_kill_nine_misses_nothing_and_doubles_only_the_same_id(tmp_path, make_receiver):
    """Row 49: killed at random instants, a program tells everybody; a receiver that knows ids sees each once."""
    chance = random.Random(4242)  # noqa: S311 - instants, not secrets
    receiver = make_receiver(lambda _: time.sleep(0.02) or (200, {}, b""))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = open_ledger(url)
    rows = episodes(200, ORANGE)
    made = commit(ledger, *rows, where=to("webhook"))
    expected = {each.notification.id for each in made.plan.planned}
    for _ in range(6):
        child = start_child(url, receiver.url)
        time.sleep(chance.uniform(0.05, 0.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    child = start_child(url, receiver.url)
    wait_until(lambda: states(ledger)["webhook", "sent"] == 400, "all sent", 120)
    child.kill()
    child.wait()
    child.stdout.close()
    ledger.close()

    assert expected == set(receiver.ids)
    # At most what was under way at each kill can be repeated: the slots of one channel.
    assert len(receiver.ids) - len(expected) <= 6 * 8


def start_child(url: str, receiver_url: str) -> subprocess.Popen:
    """Return a program that dispatches, once it has started."""
    command = [sys.executable, "-c", DISPATCHER, url, receiver_url, SECRET]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert child.stdout.readline() == b"started\n"
    return child


def test_four_dispatchers_on_one_ledger_send_each_once(ledger, dispatch, make_receiver):
    """Row 50: side by side they share the work and double nothing."""
    receiver = make_receiver()
    for _ in range(4):
        dispatch(webhook=receiver)
    rows = episodes(50, ORANGE)
    commit(ledger, *rows, where=to("webhook"))
    wait_until(lambda: states(ledger)["webhook", "sent"] == 100, "all", 60)

    assert {1} == set(Counter(receiver.ids).values())


def test_unconfigured_channel_is_reported(ledger, dispatch):
    """Notifications without a channel are named in the log and in the status."""
    commit(ledger, raised(HAZARD, ORANGE), where=to("pager"))
    with structlog.testing.capture_logs() as lines:
        dispatcher = dispatch()

    assert [("channel_not_configured", "pager")] == [(line["event"], line["channel"]) for line in lines]
    assert "not configured" == dispatcher.status().channels["pager"].reason
