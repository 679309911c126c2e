"""The broker configuration for production runs on a real Mosquitto and lets nobody speak for somebody else."""

import os
import shutil
import subprocess

import paho.mqtt.client as mqtt
import pytest

from tests.services.certificates import make_certificates
from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs
from tests.sources import ROOT

pytestmark = pytest.mark.end_to_end

FOLDER = ROOT / "deploy" / "mosquitto"


@pytest.fixture
def broker(tmp_path):
    """Return a running broker with the production files: paths, ports and owner are this machine's."""
    [program, passwd] = find_programs("mosquitto", "mosquitto_passwd")
    etc, var = tmp_path / "etc", tmp_path / "var"
    etc.mkdir()
    var.mkdir()
    certificates = make_certificates(etc, client_name="lifeline")
    shutil.copy(FOLDER / "acl", etc / "acl")
    (etc / "passwords").touch(mode=0o600)
    subprocess.run([passwd, "-b", etc / "passwords", "FT-0001", "device-secret"], check=True, capture_output=True)
    ports = {"8883": free_port(), "8884": free_port()}
    text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    for old, new in {"/etc/mosquitto/lifeline": etc, "/var/lib/mosquitto": var}.items():
        text = text.replace(old, str(new))
    for old, port in ports.items():
        text = text.replace(f"listener {old}", f"listener {port} 127.0.0.1")
    user = "user root\n" if os.geteuid() == 0 else ""
    (etc / "mosquitto.conf").write_text(user + text, encoding="utf-8")
    process = ServerProcess([program, "-c", etc / "mosquitto.conf"], list(ports.values()), tmp_path / "log")
    process.certificates, process.certificate_port, process.password_port = certificates, *ports.values()
    process.start()
    yield process
    process.stop()


def _collector(broker) -> tuple[mqtt.Client, list[tuple[str, bytes]]]:
    """Return a client with the collector's certificate that has subscribed, and what it receives."""
    certificates = broker.certificates
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="lifeline-intake", clean_session=False)
    client.tls_set(str(certificates.ca_file), str(certificates.client_cert), str(certificates.client_key))
    received, ready = [], []
    client.on_message = lambda _client, _userdata, message: received.append((message.topic, message.payload))
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect("127.0.0.1", broker.certificate_port)
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


def _device(broker, user: str, password: str) -> tuple[mqtt.Client, list[bool]]:
    """Return a client with user name and password, and whether its connection failed."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=user)
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
    """What a device writes under another's name never arrives; its own does."""
    collector, received = _collector(broker)
    device, failures = _device(broker, "FT-0001", "device-secret")
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
