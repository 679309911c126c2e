"""The Last Will of a device over a real broker: a lost device is blind, a returned one is not."""

import json
import time

import paho.mqtt.client as mqtt
import pytest

from config.register import Asset, Register, Sensor
from rules.engine import ALIVE, BLIND
from tests.end_to_end.presence_rig import Host

pytestmark = pytest.mark.end_to_end

PREFIX = "lifeline/v1/fire/T/FT"


def register():
    """Return one terminal that says who it is, patient enough that silence is nobody's fault here."""
    sensors = [
        Sensor("FT.p", "T", "FT", "p", "any", 1.0, 0.0, 600.0, 1800.0, ""),
        Sensor("FT.online", "T", "FT", "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
    ]
    return Register({}, {"T": Asset("T", "tower", "fire", "楼", "tower", "G", 0.0, 0.0)}, sensors, {}, [])


class Terminal:
    """A device that follows docs/sparkplug.md."""

    def __init__(self, port):
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "FT", reconnect_on_failure=False)
        self.client.will_set(f"{PREFIX}/status", b'{"online":false}', 1, retain=True)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.publish(f"{PREFIX}/status", b'{"online":true}', 1, retain=True).wait_for_publish(5)

    def measure(self):
        """Send a reading."""
        payload = json.dumps({"v": 1, "ts": time.time_ns() // 1_000_000, "m": {"p": 0.4}})
        self.client.publish(f"{PREFIX}/up", payload, 1).wait_for_publish(5)

    def vanish(self):
        """Break the connection without a goodbye; twice is harmless."""
        self.client.loop_stop()
        if self.client.socket() is not None:
            self.client.socket().close()


@pytest.fixture
def start_host(tmp_path, mosquitto):
    """Return a function that starts a host with a journal of its own in place of the one before."""
    started = []

    def start():
        if started:
            started[-1].stop()
        started.append(Host(tmp_path / f"host{len(started)}", mosquitto.port, register()))
        return started[-1]

    yield start
    started[-1].stop()


@pytest.fixture
def start_terminal(mosquitto):
    """Return a function that starts a terminal; all vanish after the test."""
    started = []

    def start():
        started.append(Terminal(mosquitto.port))
        return started[-1]

    yield start
    for terminal in started:
        terminal.vanish()


def test_status_of_a_terminal_that_vanishes_is_told_by_the_broker(start_host, start_terminal):
    """Its will makes it blind at once; the retained state tells the same to a host that comes later."""
    host, terminal = start_host(), start_terminal()
    terminal.measure()
    host.becomes(ALIVE)
    terminal.vanish()
    host.becomes(BLIND)
    later = start_host()
    later.becomes(BLIND)
    start_terminal().measure()
    later.becomes(ALIVE)

    assert ["DEVICE_OFFLINE", "HEARD_AGAIN"] == later.reasons
    assert [] == later.refused()
