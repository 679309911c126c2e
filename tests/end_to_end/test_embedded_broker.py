import threading
import time
import warnings

import pytest

from simulators.broker import EmbeddedBroker
from simulators.publisher import Publisher
from tests.services.listener import Listener
from tests.services.ports import free_port

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def broker():
    """Return an embedded broker on a free port."""
    embedded = EmbeddedBroker()
    embedded.start()
    yield embedded
    embedded.stop()


@pytest.fixture
def publisher(broker):
    """Return a publisher connected to it."""
    connected = Publisher("127.0.0.1", broker.port)
    connected.start()
    yield connected
    connected.stop(drain_s=0.0)


def _numbers(count):
    return [str(i).encode() for i in range(count)]


def test_embedded_broker_steady_stream_loses_nothing(broker, publisher):
    """At 200 messages a second a persistent, manually acknowledging client gets each once and in order."""
    listener = Listener(broker.port)
    begin = time.monotonic()
    for i, number in enumerate(_numbers(2000)):
        publisher.publish("lifeline/v1/fire/T/F/up", number)
        time.sleep(max(0.0, begin + i / 200 - time.monotonic()))

    assert publisher.drain(10.0)
    received = listener.wait_for(2000)
    listener.close()

    assert _numbers(2000) == received


def test_embedded_broker_burst_loses_nothing(broker, publisher):
    """Two thousand messages at once arrive at QoS 1, once and in order."""
    listener = Listener(broker.port)
    for number in _numbers(2000):
        publisher.publish("a/b", number)

    assert publisher.drain(30.0)
    received = listener.wait_for(2000)
    listener.close()

    assert _numbers(2000) == received
    assert {1} == {message.qos for message in listener.messages}


def test_embedded_broker_persistent_session_outlives_its_connection(broker, publisher):
    """A client with clean_session=False that was away for seconds finds its session and the messages meanwhile."""
    Listener(broker.port).close()
    for number in _numbers(100):
        publisher.publish("a/b", number)
    assert publisher.drain(10.0)
    # The broker looks for sessions to forget once a second.
    time.sleep(2.5)

    back = Listener(broker.port)
    received = back.wait_for(100)
    back.close()

    assert back.session_present
    assert _numbers(100) == received


def test_embedded_broker_stop_frees_port_and_thread(broker):
    """After the stop no thread of it runs and the port can be taken again."""
    port = broker.port
    broker.stop()

    assert not [thread for thread in threading.enumerate() if thread.name == "embedded-broker"]
    again = EmbeddedBroker(port=port)
    again.start()
    again.stop()


def test_embedded_broker_port_taken_tells_the_address(broker):
    """A second broker at the same port does not start and says which address it wanted."""
    with pytest.raises(RuntimeError, match=rf"embedded broker on 127.0.0.1:{broker.port} did not start"):
        EmbeddedBroker(port=broker.port).start()


def test_embedded_broker_twice_in_one_process_are_independent():
    """Two brokers run side by side and know nothing of each other's messages."""
    brokers = [EmbeddedBroker(), EmbeddedBroker()]
    for each in brokers:
        each.start()
    listeners = [Listener(each.port) for each in brokers]
    publisher = Publisher("127.0.0.1", brokers[0].port)
    publisher.start()

    publisher.publish("a/b", b"x")
    publisher.drain(10.0)

    assert [b"x"] == listeners[0].wait_for(1)
    assert [] == listeners[1].payloads
    for each in [publisher, *brokers]:
        each.stop()
    for listener in listeners:
        listener.close()


def test_embedded_broker_life_is_without_warnings_and_noise(capfd):
    """Start, a connection and stop leave no warning and no line on the terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        embedded = EmbeddedBroker(port=free_port())
        embedded.start()
        publisher = Publisher("127.0.0.1", embedded.port)
        publisher.start()
        publisher.publish("a/b", b"x")
        publisher.stop()
        embedded.stop()

    assert [] == [str(warning.message) for warning in caught if "amqtt" in warning.filename]
    assert ("", "") == tuple(capfd.readouterr())
