"""Attacks on the broker and the session: the sender is thrown out or heard for nothing, and readings go on.

The numbers are those of the table in docs/reliability.md. The broker is a real Mosquitto, where it matters with the
configuration that ships.
"""

import socket
import time
from contextlib import ExitStack, suppress

import pytest

from simulators.publisher import Publisher
from tests.end_to_end.attack_rig import UP, Target, payload, subscriptions_of_target
from tests.end_to_end.city import write_district
from tests.services.listener import Listener
from tests.services.production_broker import PASSWORD, ProductionBroker

pytestmark = pytest.mark.end_to_end

_HALF_OPEN = 300
_SOON_S = 10.0


@pytest.fixture
def target(make_program, mosquitto, tmp_path):
    """Return a running program on an open broker."""
    district = str(write_district(tmp_path / "district"))
    mqtt = {"port": mosquitto.port, "client_id": "program", **subscriptions_of_target()}
    program = make_program(district=district, mqtt=mqtt)
    program.start()
    target = Target(program, mosquitto.port)
    yield target
    target.close()


def _connected(mosquitto) -> socket.socket:
    """Return a socket on which the broker has accepted a client."""
    stranger = socket.create_connection((mosquitto.host, mosquitto.port), timeout=_SOON_S)
    stranger.sendall(b"\x10\x14\x00\x04MQTT\x04\x02\x00\x3c\x00\x08stranger")
    assert b"\x20\x02\x00\x00" == stranger.recv(4)
    return stranger


def _publish_packet(topic: bytes, body: bytes, *, retain: bool = False) -> bytes:
    """Return one PUBLISH of QoS 1 with packet id 1, of 128 bytes at least."""
    rest = len(topic).to_bytes(2, "big") + topic + b"\x00\x01" + body.ljust(128)
    return bytes([0x32 | retain, len(rest) % 128 | 128, len(rest) // 128]) + rest


def test_attack_with_a_topic_that_is_none_is_thrown_out_by_the_broker(target, mosquitto):
    """3, 15: the sender loses its connection; the program never hears of it and goes on."""
    for level in (b"+", b"#", b"\0", b"new\nline", b"no text \xff"):
        topic = b"lifeline/v1/fire/T-0001/" + level + b"/up"
        with _connected(mosquitto) as stranger, suppress(ConnectionError):
            stranger.sendall(_publish_packet(topic, payload(666)))
            assert b"" == stranger.recv(4), level
        effect = target.strike()

        assert ((), (), 0) == (effect.refused, effect.stored, effect.lost_connections), level


def test_attack_by_planted_retained_values_never_raises_an_alarm(target, mosquitto, sms_gateway):
    """19: a retained message on the broker is a dead letter at each start, and no message is sent."""
    program = target.program
    with _connected(mosquitto) as stranger:
        stranger.sendall(_publish_packet(UP.encode(), payload(0), retain=True))
        assert b"\x40\x02\x00\x01" == stranger.recv(4)
    # to the program that runs it is a message like any other: the broker says "retained" only to who comes later
    assert [0.0] == [each.value for each in target.strike().stored]
    before = len(target.reader.dead_letters(99))
    for start in (1, 2):
        assert 0 == program.stop()
        program.start()
        program.wait_until(lambda start=start: len(target.reader.dead_letters(99)) == before + start, _SOON_S)

    assert ["retained"] * 2 == [str(letter.reason) for letter in target.reader.dead_letters(2)]
    assert [] == sms_gateway.inbox()


def test_attack_by_half_open_connections_holds_up_no_reading(target, mosquitto):
    """21: hundreds of connections that say nothing, or the beginning of CONNECT byte by byte."""
    with ExitStack() as half_open:
        for i in range(_HALF_OPEN):
            stranger = half_open.enter_context(socket.create_connection((mosquitto.host, mosquitto.port)))
            stranger.sendall(b"\x10\xff\xff\xff\x7f"[: i % 6])
        begin_s = time.monotonic()
        effect = target.strike((UP, payload(512)))
        took_s = time.monotonic() - begin_s

    assert ([0.512], 0) == ([each.value for each in effect.stored], effect.lost_connections)
    assert _SOON_S > took_s


def test_attack_by_a_stranger_with_the_programs_client_id_is_an_alarm_and_loses_nothing(target, mosquitto):
    """20: on a broker without access control the program is disconnected, reports it, and has every message later."""
    program = target.program
    begin = program.log_bytes()
    thief = Listener(mosquitto.port, "lifeline/nothing", client_id="program")
    program.wait_until(lambda: any(each["event"] == "client_id_taken_over" for each in program.events(begin)), 60)
    thief.close()
    program.wait_until(program.is_ready, 60)
    effect = target.strike((UP, payload(512)))

    assert [0.512] == [each.value for each in effect.stored]
    assert program.metrics()["takeovers_suspected_total", ""] >= 1


def test_attack_on_the_broker_that_ships_never_reaches_the_program(make_program, tmp_path):
    """16, 20, 21: over TLS, a device with a password writes only for itself, with any topic or client id."""
    broker = ProductionBroker(tmp_path / "broker", "FT-0001")
    broker.start()
    files = broker.certificates
    tls = {"ca_file": str(files.ca_file), "cert_file": str(files.client_cert), "key_file": str(files.client_key)}
    mqtt = {"port": broker.collector_port, "client_id": "program", "tls": tls}
    program = make_program(district=str(write_district(tmp_path / "district")), mqtt=mqtt)
    program.start()
    device = Publisher(
        broker.host,
        broker.password_port,
        client_id="program",
        username="FT-0001",
        password=PASSWORD,
        tls=program.configuration.settings.mqtt.tls.model_copy(update={"cert_file": None, "key_file": None}),
    )
    device.start()
    for topic in ("lifeline/v1/fire/T-0002/FT-0002/up", "lifeline/canary/program", "spBv1.0/G/NDEATH/EDGE", UP):
        device.publish(topic, payload(512))
    assert device.drain(_SOON_S)
    program.wait_until(lambda: program.metrics()["readings_total", ""] >= 1, _SOON_S)
    device.stop()
    metrics = program.metrics()
    broker.stop()

    assert (1, 1) == (metrics["messages_total", ""], metrics["readings_total", ""])
    assert (1, 0) == (metrics["connections_total", ""], metrics["takeovers_suspected_total", ""])
