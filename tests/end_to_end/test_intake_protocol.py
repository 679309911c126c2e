"""Packets of a broken or hostile broker: the intake reports them and goes on."""

import threading

import pytest

from collector.dead_letter import DeadLetterReason
from collector.intake.paho_client import MqttSession
from collector.journal import JournalBrokenError
from tests.end_to_end.intake_rig import RunningIntake, numbered, wait_until
from tests.end_to_end.scripted_broker import CONNACK_NEW, ScriptedBroker, publish

pytestmark = pytest.mark.end_to_end

GOOD = [publish(topic.encode(), payload, mid) for mid, (topic, payload) in enumerate(numbered(range(1, 6)), 1)]


@pytest.fixture
def make_broker():
    """Return a function that starts a scripted broker; all are closed after the test."""
    made = []

    def make(*scripts, **options):
        made.append(ScriptedBroker(scripts, **options))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def make_intake(tmp_path):
    """Return a function that makes an intake; all are stopped after the test."""
    made = []

    def make(broker, **options):
        made.append(RunningIntake(tmp_path / f"intake{len(made)}", broker.port, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


class GatedJournal:
    """A journal with an append that waits at a gate, or fails."""

    def __init__(self, journal):
        self.journal = journal
        self.read = journal.read
        self.open = threading.Event()
        self.waiting = threading.Event()
        self.error = None

    def append(self, batches, dead_letters=(), note=b""):
        """Wait for the gate, then fail or append."""
        self.waiting.set()
        self.open.wait(20)
        if self.error:
            raise self.error
        return self.journal.append(batches, dead_letters, note)


def test_intake_acknowledges_in_order_and_only_after_the_journal(make_broker, make_intake):
    """While the journal has not answered no PUBACK leaves; then they leave in the order of receipt."""
    broker = make_broker(b"".join(GOOD))
    one = make_intake(broker)
    gate = GatedJournal(one.journal)
    one.intake_on(gate)
    one.run()
    assert gate.waiting.wait(10)
    before = list(broker.acknowledged[0])
    gate.open.set()
    wait_until(lambda: len(broker.acknowledged[0]) >= 5)

    assert ([], [1, 2, 3, 4, 5]) == (before, [mid for mid in broker.acknowledged[0] if mid < 100][:5])


def test_intake_topic_that_is_not_utf_8_is_a_dead_letter(make_broker, make_intake):
    """A topic that paho cannot read costs nothing but itself."""
    bad = publish(b"lifeline/v1/\xff\xfe/up", b"{}", mid=9)
    one = make_intake(make_broker(GOOD[0] + bad + GOOD[1])).start()
    one.wait_for_messages(3)

    [letter] = one.journal.dead_letters(10)
    assert (DeadLetterReason.TOPIC, {1, 2}) == (letter.reason, set(one.numbers()))
    assert 1 == one.intake.status().connections


def test_intake_malformed_packet_ends_the_connection_and_nothing_else(make_broker, make_intake):
    """Bytes that are no MQTT are answered by a new connection."""
    one = make_intake(make_broker(GOOD[0] + b"\xf0\xff\xff\xff\xff\xff", b"".join(GOOD[1:])))
    one.run()
    one.wait_for_messages(5)

    assert {1, 2, 3, 4, 5} == set(one.numbers())


@pytest.mark.parametrize("granted", [0, 0x80])
def test_intake_subscription_not_granted_is_counted_and_told(make_broker, make_intake, granted):
    """A filter granted less than QoS 1 or not at all is counted, each of them."""
    one = make_intake(make_broker(granted=granted))
    one.run()
    wait_until(lambda: one.intake.counts["subscriptions_refused", ""] >= 3)

    assert one.intake.status().connected


def test_intake_subscription_granted_qos_2_is_given_up(make_broker, make_intake):
    """A broker that grants QoS 2 is left: with it a restart loses messages."""
    one = make_intake(make_broker(granted=2))
    one.run()
    wait_until(lambda: "QoS 2" in one.intake.status().outage)

    assert not one.intake.status().connected


def test_intake_exception_in_a_callback_costs_one_connection(make_broker, make_intake, monkeypatch):
    """Whatever a callback raises, the messages come again on the next connection."""
    original = MqttSession._on_message
    raised = []

    def fail_once(self, *arguments):
        if not raised:
            raised.append(1)
            raise RuntimeError("boom")
        original(self, *arguments)

    monkeypatch.setattr(MqttSession, "_on_message", fail_once)
    one = make_intake(make_broker(b"".join(GOOD), b"".join(GOOD)))
    one.run()
    one.wait_for_messages(5)

    assert (2, {1, 2, 3, 4, 5}) == (one.intake.status().connections, set(one.numbers()))


def test_intake_broker_that_answers_nothing_is_left(make_broker, make_intake, monkeypatch):
    """An open socket without CONNACK is no connection."""
    monkeypatch.setattr("collector.intake.connection._ACCEPT_S", 0.3)
    one = make_intake(make_broker(answers=False))
    one.run()
    wait_until(lambda: "does not answer" in one.intake.status().outage)

    assert not one.intake.status().connected


def test_intake_loop_that_hangs_is_reported_as_stuck(make_broker, make_intake):
    """A turn that never ends is stuck; asked at two moments, because a suspended machine only looks like it."""
    one = make_intake(make_broker(GOOD[0]))
    gate = GatedJournal(one.journal)
    intake = one.intake_on(gate)
    one.run()
    assert gate.waiting.wait(10)
    turned_s = intake._turned_s
    verdicts = [intake.is_stuck(turned_s + later_s) for later_s in (9.0, 11.0, 11.5, 12.5)]
    gate.open.set()
    one.wait_for_messages(1)

    assert ([False, False, False, True], False) == (verdicts, intake.is_stuck(turned_s + 13.0))


def test_intake_broken_journal_ends_the_thread_without_acknowledging(make_broker, make_intake):
    """After a failed sync nothing is known: the thread ends with the error, the broker keeps the message."""
    broker = make_broker(GOOD[0])
    one = make_intake(broker)
    gate = GatedJournal(one.journal)
    gate.error = JournalBrokenError("disk")
    gate.open.set()
    intake = one.intake_on(gate)

    with pytest.raises(JournalBrokenError):
        intake.run()
    assert 1 not in broker.acknowledged[0]


def test_intake_new_session_on_an_old_journal_is_a_lost_session(make_broker, make_intake):
    """A broker without our session, while our journal has entries, has lost its messages for us."""
    first = make_intake(make_broker(GOOD[0], connack=CONNACK_NEW)).start()
    first.wait_for_messages(1)
    fresh = first.intake.status().session_lost
    first.end()
    again = first.intake_on(first.journal)
    first.run()
    wait_until(lambda: again.status().session_lost)

    assert (False, 1) == (fresh, again.counts["sessions_lost", ""])
