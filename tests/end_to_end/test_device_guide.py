"""The device of docs/devices.md: killed and cut off at random, it loses no reading and leaves no gap."""

import json
import random
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.end_to_end.intake_rig import RunningIntake, wait_until
from tests.services.http import client
from tests.sources import ROOT

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

DEVICE = ROOT / "docs" / "examples" / "durable_device.py"
N_READINGS = 400


def start(folder, port, readings=N_READINGS):
    """Start the device in a process of its own, on the store in `folder`."""
    where = ["--port", str(port), "--asset", "T", "--device", "D0", "--channel", "n", "--store", folder / "device.db"]
    command = [sys.executable, DEVICE, *where, "--interval", "0.02", "--readings", str(readings)]
    with (folder / "device.log").open("a") as log:
        return subprocess.Popen(command, stderr=log)


def times(journal):
    """Return the distinct times of the device's readings in the journal."""
    found, position = set(), 0
    while entries := journal.read(position, 1000):
        for entry in entries:
            found |= set(entry.batch.time_ns[entry.batch.sensor == 0].tolist())
        position = entries[-1].position
    return found


def counted(intake):
    """Return missing for good, restarts and the newest number of the device."""
    book = intake.book
    columns = book.sequences.counted
    place = book.place["D0"]
    return tuple(int(each[place]) for each in (columns.missing - columns.filled, columns.restarts, columns.last))


@pytest.fixture
def intake(tmp_path, mosquitto):
    """Return a running intake."""
    one = RunningIntake(tmp_path / "intake", mosquitto.port)
    one.start()
    yield one
    one.stop()


def test_device_killed_and_cut_off_loses_no_reading(tmp_path, intake, mosquitto, chaos_proxy):
    """Kill -9 of the device, resets in mid-message and lost replies: every reading comes, no number is missing."""
    proxy = chaos_proxy(mosquitto.port)
    rng = random.Random(7)  # noqa: S311  # when to strike
    device = start(tmp_path, proxy.port)
    faults = 0
    while device.poll() is None:
        time.sleep(rng.uniform(0.3, 0.8))
        match faults % 4:
            case 0:
                device.kill()
                device.wait(10)
                device = start(tmp_path, proxy.port)
            case 1:
                proxy.drop_after_bytes = rng.randint(1, 700)
            case 2:
                proxy.drop_replies = True
                time.sleep(0.3)
                proxy.drop_replies = False
                proxy.cut()
            case _:
                proxy.cut()
        faults += 1

    assert 0 == device.returncode
    assert faults >= 8
    wait_until(lambda: len(times(intake.journal)) == N_READINGS)
    assert (0, 0, N_READINGS) == counted(intake)
    assert "example-1.0" == intake.book.firmware[intake.book.place["D0"]]


def test_device_that_loses_its_store_is_seen_to_begin_anew(tmp_path, intake, mosquitto):
    """A new store has a new name for its counter: one restart, no gap."""
    assert 0 == start(tmp_path, mosquitto.port, 30).wait(60)
    for path in tmp_path.glob("device.db*"):
        path.unlink()
    assert 0 == start(tmp_path, mosquitto.port, 10).wait(60)

    wait_until(lambda: counted(intake) == (0, 1, 10))


def test_device_refused_by_the_broker_keeps_its_readings(tmp_path, make_mosquitto):
    """Over MQTT 5 a broker reports a rejected message, and the device keeps its readings."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    broker = make_mosquitto(extra=f"acl_file {rules}")
    device = start(tmp_path, broker.port, 5)
    wait_until(lambda: "not taken: Not authorized" in (tmp_path / "device.log").read_text())
    device.kill()
    device.wait(10)

    with closing(sqlite3.connect(tmp_path / "device.db")) as store:
        assert [(1,)] == store.execute("SELECT min(seq) FROM messages").fetchall()


def test_collector_killed_counts_no_gap_and_hides_none(tmp_path, make_program, mosquitto):
    """Kill -9 of the collector while numbered messages flow: none is missing, and one that never came is found."""
    program = make_program()
    program.start()
    command = ["--port", str(mosquitto.port), "--asset", "T-0001", "--device", "FT-0001", "--channel", "pressure_kpa"]
    more = ["--store", tmp_path / "device.db", "--interval", "0.02", "--readings", "600"]
    with (tmp_path / "device.log").open("a") as log:
        device = subprocess.Popen([sys.executable, DEVICE, *command, *more], stderr=log)
    for _ in range(3):
        time.sleep(1.5)
        program.kill()
        program.start()

    def row():
        return client().get(f"http://{program.host}:{program.port}/api/devices/FT-0001").json()

    assert 0 == device.wait(120)
    program.wait_until(lambda: publish_ahead(mosquitto, tmp_path, 2) and row()["missing"] == 1, 30)

    assert (1, 0, "example-1.0") == (row()["passed_over"], row()["restarts"], row()["firmware"])


def publish_ahead(mosquitto, folder, ahead):
    """Publish the message that is `ahead` of the newest of the device's store; returns whether it went out."""
    with closing(sqlite3.connect(folder / "device.db")) as store:
        [(newest,), (boot,)] = (
            store.execute("SELECT seq FROM sqlite_sequence").fetchone(),
            store.execute("SELECT boot FROM counter").fetchone(),
        )
    payload = json.dumps({"v": 1, "boot": boot, "seq": newest + ahead, "m": {"pressure_kpa": 400}})
    topic = ["-t", "lifeline/v1/fire/T-0001/FT-0001/up", "-q", "1", "-p", str(mosquitto.port)]
    return subprocess.run(["mosquitto_pub", *topic, "-m", payload], check=True).returncode == 0


def checks():
    """Return the messages that the guide's checklist lets one publish, as arguments of mosquitto_pub, in order."""
    guide = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    command = shlex.split(re.search(r"`(mosquitto_pub -V [^`]*)`", guide)[1])
    for change in ["", '"seq":4', '"seq":2', '"seq":3', '"boot":"b","seq":1']:
        assert change in guide
        said = json.loads("{" + change + "}")
        yield [*command[:-1], json.dumps(json.loads(command[-1]) | said)]


def test_checklist_of_the_guide_shows_what_it_says(make_program, mosquitto):
    """The commands of the checklist, one after the other, and the expected console after each."""
    program = make_program()
    program.start()

    def counts():
        row = client().get(f"http://{program.host}:{program.port}/api/devices/FT-0001").json()
        return tuple(row[key] for key in ("messages", "missing", "passed_over", "repeated", "restarts"))

    expected = [(1, 0, 0, 0, 0), (2, 2, 2, 0, 0), (3, 1, 2, 0, 0), (4, 0, 2, 0, 0), (5, 0, 2, 0, 1)]
    for command, after in zip(checks(), expected, strict=True):
        subprocess.run([*command, "-p", str(mosquitto.port)], check=True)
        program.wait_until(lambda after=after: counts() == after, 20)
