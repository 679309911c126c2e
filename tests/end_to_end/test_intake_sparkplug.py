"""A foreign Sparkplug B edge node, a real broker, and the rules through births, deaths and restarts."""

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from collector.dead_letter import DeadLetterReason
from config.register import Asset, Register, Sensor
from rules.engine import ALIVE, BLIND
from tests.end_to_end.presence_rig import PRESSURE, Host

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv/sparkplug_edge"
PUMP = "Plant_A:Edge_1:Pump_1"


def register():
    """Return one pump below one edge node, patient enough that silence is nobody's fault here."""
    sensors = [
        Sensor("pump.pressure", "W", PUMP, "Water.Pressure", "any", 0.001, 0.0, 600.0, 1800.0, ""),
        Sensor("pump.online", "W", PUMP, "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("edge.online", "W", "Plant_A:Edge_1", "online", "online", 1.0, 0.0, 60.0, 180.0, ""),
    ]
    return Register({}, {"W": Asset("W", "water_main", "water", "管", "main", "G", 0.0, 0.0)}, sensors, {}, [])


def subscriptions():
    """Return those of docs/sparkplug.md."""
    kinds = {f"spBv1.0/+/N{kind}/+": "" for kind in ("BIRTH", "DATA", "DEATH")}
    kinds |= {f"spBv1.0/+/D{kind}/+/+": "/{device_id}" for kind in ("BIRTH", "DATA", "DEATH")}
    template = "spBv1.0/{group_id}/{message_type}/{edge_node_id}"
    return [{"filter": each, "template": template + below, "decoder": "sparkplug_b"} for each, below in kinds.items()]


class Edge:
    """The edge node's process."""

    def __init__(self, port):
        command = [sys.executable, ROOT / "tests/end_to_end/sparkplug_edge.py", str(port)]
        environment = os.environ | {"PYTHONPATH": str(CLIENT)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.said.put(line.strip())

    def tell(self, command):
        """Let it do a command; returns once it has."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.wait_for("done")

    def wait_for(self, word):
        """Return once it says `word`."""
        deadline = time.monotonic() + 15
        while self.said.get(timeout=max(0.1, deadline - time.monotonic())) != word:
            pass

    def kill(self):
        """Let it vanish; twice is harmless."""
        self.process.kill()
        self.process.wait(10)
        self.reader.join(10)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start_host(tmp_path, mosquitto):
    """Return a function that starts a host on the same journal and session; the last one is stopped after the test."""
    started = []

    def start():
        if started:
            started[-1].stop()
        started.append(Host(tmp_path, mosquitto.port, register(), subscriptions()))
        return started[-1]

    yield start
    started[-1].stop()


@pytest.fixture
def start_edge(mosquitto):
    """Return a function that starts an edge node; all are killed after the test."""
    if not CLIENT.exists():
        missing = f"expected pysparkplug in {CLIENT}; `make test` installs it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    started = []

    def start():
        started.append(Edge(mosquitto.port))
        return started[-1]

    yield start
    for edge in started:
        edge.kill()


def test_sparkplug_birth_and_data_by_name_and_alias_are_read(start_host, start_edge):
    """The birth's value, one by name and one by alias are stored in canonical units; nothing is refused."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    edge.tell("named 310")
    edge.tell("by_alias 320")
    host.reads(0.32)

    assert ([0.3, 0.31, 0.32], []) == (host.values, host.refused())


def test_sparkplug_edge_that_vanishes_makes_its_sensors_blind_until_its_birth(start_host, start_edge):
    """The broker's will for it is death at once; the next birth ends the blindness."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    edge.kill()
    host.becomes(BLIND)
    start_edge()
    host.becomes(ALIVE)

    assert ["DEVICE_OFFLINE", "HEARD_AGAIN"] == host.reasons


def test_sparkplug_device_that_leaves_is_blind_until_it_is_back(start_host, start_edge):
    """The edge node reports the death of one device, and goes on."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    edge.tell("part")
    host.becomes(BLIND)
    edge.tell("join 250")
    host.becomes(ALIVE)

    assert (["DEVICE_OFFLINE", "HEARD_AGAIN"], 0.25) == (host.reasons, host.values[-1])


def test_sparkplug_lost_message_is_answered_by_a_rebirth(start_host, start_edge):
    """A gap in the sequence asks the edge node for its births."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    edge.tell("skip")
    edge.tell("named 310")
    edge.wait_for("reborn")

    assert 1 == host.intake.counts["sparkplug_sessions", "sequence_gap"]


def test_sparkplug_restarted_host_refuses_aliases_until_the_rebirth_that_it_asks_for(start_host, start_edge):
    """Without the birth an alias means nothing: a dead letter with the reason, then the same alias is read."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    later = start_host()
    edge.tell("by_alias 330")
    edge.wait_for("reborn")
    edge.tell("by_alias 340")
    later.reads(0.34)

    assert [DeadLetterReason.SESSION] == later.refused()
    assert 0.33 not in later.values


def test_sparkplug_death_outlives_a_restart_of_the_host(start_host, start_edge):
    """Who has gone stands in the journal; a replay of it tells the same history."""
    host, edge = start_host(), start_edge()
    host.becomes(ALIVE)
    edge.kill()
    host.becomes(BLIND)
    later = start_host()
    later.follow()

    assert BLIND == later.engine.health()[PRESSURE]
    assert host.events == later.events
