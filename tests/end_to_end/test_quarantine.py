"""An unknown device speaks, is seen, registered in one step, and nothing that it said is lost."""

import json
import os
import shutil
import signal
import time

import paho.mqtt.client as mqtt
import pytest

from collector.journal.reader import JournalReader
from config.settings import packaged_district
from tests.services.http import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

DEVICE = "FT-0900"
TOPIC = f"lifeline/v1/fire/T-0001/{DEVICE}/up"


@pytest.fixture
def program(tmp_path, make_program):
    """Return the program over a copy of the demo district, running."""
    district = shutil.copytree(packaged_district(), tmp_path / "district")
    program = make_program(district=str(district))
    program.start()
    return program


def say(mosquitto, numbers, begin_ms):
    """Let the device send messages with these numbers, two seconds apart by its clock."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, DEVICE)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    for number in numbers:
        values = {"pressure_kpa": 400.0 + number, "heartbeat": number} | ({"odd": 1} if number < 6 else {})
        payload = {"v": 1, "seq": number, "ts": begin_ms + 2000 * number, "m": values}
        client.publish(TOPIC, json.dumps(payload), 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def strangers(program):
    """Return the devices in quarantine as the console has them."""
    answer = client().get(f"http://{program.host}:{program.port}/api/quarantine", timeout=30).raise_for_status()
    return {row["device"]: row for row in answer.json()["devices"]}


def stored(program):
    """Return the pressures of the device in the journal by time."""
    register = program.configuration.register
    sensor = register.sensor_index[f"{DEVICE}.pressure_kpa"]
    reader = JournalReader(program.configuration.settings.journal.path, register.sensor_ids)
    found, position = {}, 0
    while entries := reader.read(position, 1000):
        for entry in entries:
            rows = entry.batch.sensor == sensor
            found |= dict(zip(entry.batch.time_ns[rows].tolist(), entry.batch.value[rows].tolist(), strict=True))
        position = entries[-1].position
    reader.close()
    return found


def reload(program):
    """Load the district again; returns once the program says so."""
    begin = program.log_bytes()
    os.kill(program.process.pid, signal.SIGHUP)
    program.wait_until(lambda: any(event.get("event") == "reloaded" for event in program.events(begin)), 60)
    program.wait_until(program.is_ready, 60)


def test_quarantine_device_registered_in_one_step_loses_nothing(program, mosquitto):
    """The device sends, is listed with its rows, registered and loaded; a replay stores its earlier messages."""
    begin_ms = int(time.time() * 1000) - 60_000
    say(mosquitto, range(1, 6), begin_ms)
    program.wait_until(lambda: strangers(program).get(DEVICE, {}).get("messages") == 5, 30)
    listed = program.run("quarantine")
    refused = program.run("quarantine", "register", DEVICE, "--asset", "T-9999")
    registered = program.run("quarantine", "register", DEVICE, "--asset", "T-0001", "--quantity", "odd=")
    reload(program)
    say(mosquitto, range(6, 9), begin_ms)
    program.wait_until(lambda: len(stored(program)) == 3, 30)
    replayed = program.run("quarantine", "replay", DEVICE)
    program.wait_until(lambda: len(stored(program)) == 8, 30)

    assert f"{DEVICE}.pressure_kpa,T-0001,{DEVICE},pressure_kpa,fire_water_pressure,kPa," in listed.stdout
    assert (1, True) == (refused.returncode, "T-9999" in refused.stderr)
    assert (0, True) == (registered.returncode, "kill -HUP" in registered.stdout)
    assert (0, True) == (replayed.returncode, "published 5 again" in replayed.stdout)
    assert {(begin_ms + 2000 * n) * 1_000_000: pytest.approx((400.0 + n) / 1000) for n in range(1, 9)} == stored(
        program
    )
    row = client().get(f"http://{program.host}:{program.port}/api/devices/{DEVICE}").json()
    assert (8, 8) == (row["messages"], len(stored(program)))


def test_quarantine_replay_that_the_broker_refuses_says_so(tmp_path, make_mosquitto, make_program):
    """With an account that may not write there nothing is called published, and the remedy is named."""
    rules = tmp_path / "acl"
    rules.write_text(
        "topic read #\ntopic readwrite lifeline/canary/#\ntopic readwrite $SYS/#\n"
        f"user {DEVICE}\ntopic write lifeline/v1/#\n"
    )
    broker = make_mosquitto(extra=f"acl_file {rules}")
    program = make_program(mqtt={"port": broker.port, "client_id": "program"})
    program.start()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, DEVICE)
    client.username_pw_set(DEVICE)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(TOPIC, b'{"v":1,"m":{"x":1}}', 1).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()
    program.wait_until(lambda: DEVICE in strangers(program), 30)
    refused = program.run("quarantine", "replay", DEVICE)
    allowed = program.run("quarantine", "replay", DEVICE, "--username", DEVICE)

    assert 1 == refused.returncode
    assert "did not take 1 x Not authorized" in refused.stdout
    assert (0, True) == (allowed.returncode, "published 1 again" in allowed.stdout)
