"""Delivered messages end in the journal or among the dead letters, over every kind of connection."""

import json
import time

import paho.mqtt.client as mqtt
import pytest

from collector.dead_letter import DeadLetterReason
from simulators.load import send_load
from tests.end_to_end.intake_rig import RunningIntake, numbered, topic, wait_until
from tests.services.certificates import Certificates

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def make_intake(tmp_path):
    """Return a function that makes an intake; all are stopped after the test."""
    made = []

    def make(port, **options):
        made.append(RunningIntake(tmp_path / f"intake{len(made)}", port, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def _client(port, client_id="", **options):
    """Return a connected paho client with its loop running."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, **options)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _close(client):
    client.disconnect()
    client.loop_stop()


def test_intake_messages_of_a_publisher_are_all_in_the_journal(mosquitto, make_intake):
    """Ten thousand messages arrive once each, in commits of many."""
    one = make_intake(mosquitto.port).start()
    send_load("127.0.0.1", mosquitto.port, numbered(range(10_000)))
    one.wait_for_messages(10_000)

    assert dict.fromkeys(range(10_000), 1) == one.numbers()
    assert 5_000 > one.intake.counts["commits", ""]


def test_intake_every_input_is_stored_or_dead(mosquitto, make_intake):
    """Good and bad together are all received messages, each bad one with its reason."""
    # 50 MB may hold up the canary: a connection that is given up for that would rightly get some of them twice
    one = make_intake(mosquitto.port, canary_interval_s=3).start()
    bad = [
        (topic(0), b""),
        (topic(0), b'{"v":1,"m":{"n":'),
        (topic(0), bytes(range(256))),
        (topic(0), b"[" * 60_000),
        (topic(0), b'{"v":1,"m":{"n":1' + b" " * 70_000 + b"}}"),
        (topic(0), b"x" * 50_000_000),
        (topic(0), b'{"v":1,"m":{"n":"1"}}'),
        (topic(0), b'{"v":1,"m":{"n":NaN}}'),
        (topic(0), b'{"v":1,"m":{"n":1},"ts":"0001-01-01T00:00:00Z"}'),
        (topic(0), b'{"v":1,"m":{"n":1},"ts":"2286-11-20T17:46:40Z"}'),
        ("lifeline/v1/fire/T/D9999/up", b'{"v":1,"m":{"n":1}}'),
        ("lifeline/v1/gas/T/D0/up", b'{"v":1,"m":{"n":1}}'),
    ]
    expected = [
        *[DeadLetterReason.SYNTAX] * 3,
        DeadLetterReason.SCHEMA,
        *[DeadLetterReason.TOO_LARGE] * 2,
        DeadLetterReason.SCHEMA,
        DeadLetterReason.NOT_FINITE,
        *[DeadLetterReason.TIME_UNREPRESENTABLE] * 2,
        DeadLetterReason.UNKNOWN_SENSOR,
        DeadLetterReason.IDENTITY,
    ]
    good = list(numbered(range(1000)))
    mixed = [each for i, message in enumerate(good) for each in ([message, bad[i]] if i < len(bad) else [message])]
    send_load("127.0.0.1", mosquitto.port, mixed)
    one.wait_for_messages(len(mixed))

    assert expected == [letter.reason for letter in reversed(one.journal.dead_letters(100))]
    assert len(mixed) == one.numbers().total() + len(one.journal.dead_letters(100))


def test_intake_retained_message_is_never_read_as_live(mosquitto, make_intake):
    """A planted retained value goes to the dead letters, at every connection."""
    client = _client(mosquitto.port)
    client.publish(topic(0), b'{"v":1,"m":{"n":666}}', 1, retain=True).wait_for_publish(5)
    _close(client)
    one = make_intake(mosquitto.port).start()
    one.wait_for_messages(1)

    assert [DeadLetterReason.RETAINED] == [letter.reason for letter in one.journal.dead_letters(10)]
    assert {} == one.numbers()


def test_intake_plain_values_and_batches_arrive(mosquitto, make_intake):
    """A bare number and a columnar batch end in the same journal."""
    one = make_intake(mosquitto.port).start()
    now_ms = time.time_ns() // 1_000_000
    batch = {"v": 1, "ts": [now_ms + i for i in range(100)], "m": {"n": list(range(1, 101))}}
    send_load(
        "127.0.0.1",
        mosquitto.port,
        [("lifeline/v1/fire/T/D1/n/value", b"500"), (topic(2), json.dumps(batch).encode())],
    )
    one.wait_for_messages(2)

    assert {500, *range(1, 101)} == set(one.numbers())


def test_intake_quiet_connection_ticks(mosquitto, make_intake):
    """While nothing comes but the canary, empty batches move the clock of the rules."""
    one = make_intake(mosquitto.port).start()
    wait_until(lambda: one.intake.counts["ticks", ""] >= 3)

    assert {0} == {len(entry.batch) for entry in one.journal.read(0, 100)}
    assert 0 == one.intake.counts["messages", ""]


def test_intake_old_subscription_with_qos_2_is_refused_and_does_not_wedge(mosquitto, make_intake):
    """Messages that an old session brings with QoS 2 go to the dead letters, and the good ones keep coming."""
    old = _client(mosquitto.port, "intake-under-test", clean_session=False)
    subscribed = []
    old.on_subscribe = lambda *_: subscribed.append(1)
    old.subscribe("old/#", 2)
    wait_until(lambda: subscribed)
    _close(old)
    one = make_intake(mosquitto.port).start()
    client = _client(mosquitto.port)
    for i in range(50):
        client.publish("old/topic", str(i).encode(), 2).wait_for_publish(5)
    _close(client)
    send_load("127.0.0.1", mosquitto.port, numbered(range(2000)))
    one.wait_for_messages(2050)

    assert (50, 2000) == (one.intake.counts["messages_refused", "qos_2"], len(one.numbers()))


def test_intake_with_password_connects_and_without_says_why(make_mosquitto, make_intake):
    """The user name and password of the settings are used; without them the refusal is the status."""
    broker = make_mosquitto(passwords=(("collector", "open sesame"),))
    stranger = make_intake(broker.port)
    stranger.run()
    wait_until(lambda: "refused" in stranger.intake.status().outage)
    known = make_intake(broker.port, username="collector", password="open sesame", client_id="known").start()

    assert (True, False) == (known.intake.status().connected, stranger.intake.status().connected)


def test_intake_over_tls_with_client_certificate_receives(make_mosquitto, make_intake, certificates: Certificates):
    """Messages pass over TLS with a certificate on both sides, in more bytes than one TLS record holds."""
    broker = make_mosquitto(certificates=certificates, client_certificate=True)
    files = {
        "ca_file": certificates.ca_file,
        "cert_file": certificates.client_cert,
        "key_file": certificates.client_key,
    }
    one = make_intake(broker.port, tls=files).start()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.tls_set(str(certificates.ca_file), str(certificates.client_cert), str(certificates.client_key))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for each, payload in numbered(range(500)):
        last = client.publish(each, payload + b" " * 1000, 1)
    last.wait_for_publish(10)
    _close(client)
    one.wait_for_messages(500)

    assert set(range(500)) == set(one.numbers())


# paho leaves the socket of a failed TLS handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_intake_of_a_broker_with_a_foreign_certificate_stays_away(make_mosquitto, make_intake, certificates):
    """A broker with an untrusted certificate gets no connection, and the status says so."""
    broker = make_mosquitto(certificates=certificates)
    one = make_intake(broker.port, tls={})
    one.run()
    wait_until(lambda: "certificate" in one.intake.status().outage.lower())

    assert not one.intake.status().connected
