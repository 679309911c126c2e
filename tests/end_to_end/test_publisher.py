import threading
import time

import pytest

from config.loading import load_quantities, load_register
from config.settings import TlsSettings, packaged_district
from simulators.bulk import bulk_messages
from simulators.district import District
from simulators.load import LoadError, send_load
from simulators.player import Player
from simulators.publisher import Publisher
from simulators.scenarios import make_scenario
from simulators.send_queue import PublishError
from tests.services.listener import Listener
from tests.services.ports import free_port

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def make_publisher():
    """Return a function that starts a publisher; all are stopped after the test."""
    started = []

    def make(port, **options):
        publisher = Publisher("127.0.0.1", port, **options)
        started.append(publisher)
        publisher.start()
        return publisher

    yield make
    for publisher in started:
        publisher.stop(drain_s=0.0)


@pytest.fixture
def make_listener():
    """Return a function that starts a subscriber; all are closed after the test."""
    started = []

    def make(port, **options):
        started.append(Listener(port, **options))
        return started[-1]

    yield make
    for listener in started:
        listener.close()


@pytest.fixture(scope="module")
def register():
    """Return the register of the demo district."""
    return load_register(packaged_district(), load_quantities())


def _numbers(count):
    return [str(i).encode() for i in range(count)]


def _first_of_each(payloads):
    return list(dict.fromkeys(payloads))


def test_publish_many_messages_arrive_once_and_in_order(mosquitto, make_publisher, make_listener):
    """Undisturbed, the subscriber sees the published messages, and every message is acknowledged."""
    listener, publisher = make_listener(mosquitto.port), make_publisher(mosquitto.port)

    for number in _numbers(3000):
        publisher.publish("a/b", number)

    assert publisher.drain(30.0)
    assert _numbers(3000) == listener.wait_for(3000)
    assert 3000 == publisher.counts["messages_published", ""] == publisher.counts["messages_acknowledged", ""]


def test_publish_across_broker_restart_loses_nothing(mosquitto, make_publisher, make_listener):
    """Messages taken while the broker is away arrive when it is back, in the order of the calls."""
    listener, publisher = make_listener(mosquitto.port), make_publisher(mosquitto.port)

    for number in _numbers(1000):
        publisher.publish("a/b", number)
    mosquitto.stop()
    for number in _numbers(2000)[1000:]:
        publisher.publish("a/b", number)
    mosquitto.start()

    assert publisher.drain(60.0)
    assert _numbers(2000) == _first_of_each(listener.wait_for(2000))
    assert 1 == publisher.counts["connections_lost", ""]


def test_publish_across_cut_connections_loses_nothing(mosquitto, chaos_proxy, make_publisher, make_listener):
    """Cut five times in the middle of the stream, everything arrives; only unacknowledged messages come twice."""
    proxy = chaos_proxy(mosquitto.port)
    listener, publisher = make_listener(mosquitto.port), make_publisher(proxy.port)

    for part in range(5):
        for number in _numbers(2500)[part * 500 : (part + 1) * 500]:
            publisher.publish("a/b", number)
        proxy.cut()

    assert publisher.drain(60.0)
    assert _numbers(2500) == _first_of_each(listener.wait_for(2500))
    assert 2500 == publisher.counts["messages_acknowledged", ""]


def test_publish_more_than_may_be_pending_waits_for_the_broker(mosquitto, make_publisher):
    """With the broker paused the giver is held at the limit, and goes on when the broker does."""
    publisher = make_publisher(mosquitto.port, max_pending=50)
    mosquitto.pause()
    giver = threading.Thread(target=lambda: [publisher.publish("a/b", number) for number in _numbers(200)])
    giver.start()
    giver.join(0.5)

    assert giver.is_alive()
    assert 50 == publisher.pending
    mosquitto.resume()
    giver.join(30.0)
    assert publisher.drain(30.0)


def test_start_without_broker_is_a_publish_error():
    """No server listens: the error names the address, the answer of the system and the remedy."""
    port = free_port()
    publisher = Publisher("127.0.0.1", port)

    with pytest.raises(PublishError, match=rf"mqtt 127.0.0.1:{port}: expected an accepted connection .* got .*refused"):
        publisher.start(timeout_s=0.5)


def test_start_with_wrong_password_is_a_publish_error(make_mosquitto):
    """A rejected login is reported at once, not retried for ever."""
    broker = make_mosquitto(passwords=(("device", "right"),))

    with pytest.raises(PublishError, match=r"got .*[Nn]ot authori[sz]ed|got .*user name or password"):
        Publisher("127.0.0.1", broker.port, username="device", password="wrong").start()


def test_publish_with_password_and_client_certificate_is_acknowledged(make_mosquitto, certificates, make_publisher):
    """User name, password, authority and client certificate reach the broker."""
    broker = make_mosquitto(certificates=certificates, client_certificate=True)
    tls = TlsSettings(
        ca_file=certificates.ca_file, cert_file=certificates.client_cert, key_file=certificates.client_key
    )
    publisher = make_publisher(broker.port, tls=tls)

    publisher.publish("a/b", b"x")

    assert publisher.drain(10.0)


def test_publish_after_stop_is_a_publish_error(mosquitto, make_publisher):
    """A publication after the stop raises an error and is not ignored."""
    publisher = make_publisher(mosquitto.port)
    publisher.stop()

    with pytest.raises(PublishError, match="expected a running publisher"):
        publisher.publish("a/b", b"x")


def test_send_load_as_fast_as_possible_is_received_completely(mosquitto, make_listener, register):
    """The subscriber gets each of 5,000 packets built by hand, with its topic."""
    messages = list(bulk_messages(register, 5000, 2, 1_790_000_000 * 10**9))
    listener = make_listener(mosquitto.port)

    report = send_load("127.0.0.1", mosquitto.port, messages)

    assert (5000, 5000) == (report.messages, report.acknowledged)
    listener.wait_for(5000)
    assert messages == [(message.topic, message.payload) for message in listener.messages]


def test_send_load_at_a_rate_takes_its_time(mosquitto):
    """Five hundred messages at 1,000 a second take at least half a second, less the first."""
    report = send_load("127.0.0.1", mosquitto.port, [("a/b", b"x")] * 500, messages_per_s=1000.0)

    assert report.elapsed_s >= 0.499


def test_send_load_broker_hangs_up_is_a_load_error(mosquitto, chaos_proxy):
    """A lost connection ends the load with the messages acknowledged so far."""
    proxy = chaos_proxy(mosquitto.port)
    messages = (proxy.cut() or ("a/b", b"x") if i == 1000 else ("a/b", b"x") for i in range(10**9))

    with pytest.raises((LoadError, ConnectionError)):
        send_load("127.0.0.1", proxy.port, messages, messages_per_s=5000.0)


def test_player_real_time_sends_what_the_district_says(mosquitto, make_publisher, make_listener, register):
    """Played live for three seconds, the payloads are those of the same span of the district."""
    listener, publisher = make_listener(mosquitto.port), make_publisher(mosquitto.port)
    district = District(register, {}, 5)
    begin_ns = time.time_ns()
    player = Player(publisher, district)
    player.start()
    player.district = district.with_scenarios(make_scenario("zero_pressure", register, begin_ns + 10**12))
    time.sleep(3.0)
    player.stop()

    assert publisher.drain(10.0)
    assert player.failure is None
    expected = [message.payload for message in district.between(begin_ns, time.time_ns())]
    received = listener.wait_for(publisher.counts["messages_acknowledged", ""])
    assert len(received) >= 8
    assert "".join(map(repr, received)) in "".join(map(repr, expected))
