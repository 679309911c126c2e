"""The broker configuration for production runs on a real Mosquitto and lets no device write for another."""

import time

import paho.mqtt.client as mqtt
import pytest

from tests.services.production_broker import PASSWORD, ProductionBroker

pytestmark = pytest.mark.end_to_end

_SAVED_S = 2.0
"""The broker saves a change within a second (`autosave_interval`), and then some."""


@pytest.fixture
def broker(tmp_path):
    """Return the running broker with one device."""
    broker = ProductionBroker(tmp_path, "FT-0001")
    broker.start()
    yield broker
    broker.stop()


def _collector(broker) -> tuple[mqtt.Client, list[tuple[str, bytes]]]:
    """Return a subscribed client with the collector's certificate, and its messages."""
    certificates = broker.certificates
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="lifeline-intake", clean_session=False)
    client.tls_set(str(certificates.ca_file), str(certificates.client_cert), str(certificates.client_key))
    received, ready = [], []
    client.on_message = lambda _client, _userdata, message: received.append((message.topic, message.payload))
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect("127.0.0.1", broker.collector_port)
    client.subscribe([("lifeline/v1/#", 1), ("lifeline/canary/lifeline-intake", 1)])
    _loop(client, ready)
    return client, received


def _loop(client: mqtt.Client, until: list) -> None:
    """Drive `client` until the list holds something."""
    for _ in range(500):
        if until:
            return
        client.loop(0.02)
    pytest.fail("nothing came within ten seconds")


def _device(broker, user: str, password: str, client_id: str = "") -> tuple[mqtt.Client, list[bool]]:
    """Return a client with user name and password, and whether its connection failed."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or user)
    client.tls_set(str(broker.certificates.ca_file))
    client.username_pw_set(user, password)
    failures: list[bool] = []
    client.on_connect = lambda _client, _userdata, _flags, reason, _properties: failures.append(reason.is_failure)
    client.connect("127.0.0.1", broker.password_port)
    _loop(client, failures)
    return client, failures


def _publish(client: mqtt.Client, *topics: str) -> None:
    """Publish one QoS 1 message to each topic and wait until all are acknowledged."""
    acknowledged: list[int] = []
    client.on_publish = lambda *_: acknowledged.append(1)
    for topic in topics:
        client.publish(topic, topic.encode(), qos=1)
    for _ in range(500):
        if len(acknowledged) == len(topics):
            return
        client.loop(0.02)
    pytest.fail(f"{len(acknowledged)} of {len(topics)} acknowledged")


def test_production_broker_with_password_lets_a_device_speak_only_for_itself(broker):
    """A message under the name of another device never arrives; its own does."""
    collector, received = _collector(broker)
    device, failures = _device(broker, "FT-0001", PASSWORD)
    own = "lifeline/v1/fire/T-0001/FT-0001/up"
    _publish(device, "lifeline/v1/fire/T-0002/FT-0002/up", "lifeline/canary/lifeline-intake", own)
    _loop(collector, received)
    collector.loop(0.2)
    collector.disconnect()
    device.disconnect()

    assert [False] == failures
    assert [(own, own.encode())] == received


def test_production_broker_with_wrong_password_refuses(broker):
    """A device with a wrong password is not connected."""
    _, failures = _device(broker, "FT-0001", "guess")

    assert [True] == failures


def test_production_broker_hears_the_collectors_canary(broker):
    """The collector's certificate is its name, and it may talk to itself."""
    collector, received = _collector(broker)
    _publish(collector, "lifeline/canary/lifeline-intake")
    _loop(collector, received)
    collector.disconnect()

    assert ["lifeline/canary/lifeline-intake"] == [topic for topic, _ in received]


def test_production_broker_lets_no_device_take_over_the_collectors_session(broker):
    """A device that calls itself as the collector is somebody else: the session and all that waits in it stay."""
    collector, _ = _collector(broker)
    collector.disconnect()
    device, _ = _device(broker, "FT-0001", PASSWORD)
    own = "lifeline/v1/fire/T-0001/FT-0001/up"
    _publish(device, own)
    device.disconnect()
    thief, failures = _device(broker, "FT-0001", PASSWORD, client_id="lifeline-intake")
    thief.disconnect()
    collector, received = _collector(broker)
    _loop(collector, received)
    collector.disconnect()

    assert [False] == failures
    assert [(own, own.encode())] == received


def test_production_broker_with_a_device_that_listens_to_everything_tells_it_nothing(broker):
    """A wildcard subscription of a device brings nothing of others, and nothing of the collector."""
    collector, received = _collector(broker)
    spy, _ = _device(broker, "FT-0001", PASSWORD)
    heard, ready = [], []
    spy.on_message = lambda _client, _userdata, message: heard.append(message.topic)
    spy.on_subscribe = lambda *_: ready.append(True)
    spy.subscribe([("#", 1), ("$SYS/#", 1)])
    _loop(spy, ready)
    _publish(collector, "lifeline/canary/lifeline-intake")
    _loop(collector, received)
    for _ in range(20):
        spy.loop(0.02)
    spy.disconnect()
    collector.disconnect()

    assert [] == heard


def test_production_broker_killed_keeps_what_waits_for_the_collector(broker):
    """A second after it has acknowledged a message, not even kill -9 takes it."""
    collector, _ = _collector(broker)
    collector.disconnect()
    device, _ = _device(broker, "FT-0001", PASSWORD)
    own = "lifeline/v1/fire/T-0001/FT-0001"
    topics = [f"{own}/c{i}/value" for i in range(100)]
    _publish(device, *topics)
    time.sleep(_SAVED_S)
    broker.process.kill()
    broker.start()
    collector, received = _collector(broker)
    for _ in range(500):
        if len(received) == len(topics):
            break
        collector.loop(0.02)
    collector.disconnect()

    assert topics == [topic for topic, _ in received]


def test_production_broker_tells_a_device_of_mqtt_5_that_it_is_refused(broker):
    """With MQTT 3.1.1 a refused message looks delivered; with MQTT 5 its acknowledgement says why it is not."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="FT-0001", protocol=mqtt.MQTTv5)
    client.tls_set(str(broker.certificates.ca_file))
    client.username_pw_set("FT-0001", PASSWORD)
    answers: list[str] = []
    client.on_publish = lambda _client, _userdata, _mid, reason, _properties: answers.append(str(reason))
    client.connect("127.0.0.1", broker.password_port)
    client.publish("lifeline/v1/fire/T-0002/FT-0002/up", b"1", qos=1)
    _loop(client, answers)
    client.disconnect()

    assert ["Not authorized"] == answers
