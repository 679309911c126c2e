"""The data directory of 0.1.0 under the program of today: each file is read, and the program goes on where it was."""

import contextlib
import hashlib
import threading
import time
from collections import Counter

import pytest
from structlog.testing import capture_logs

from collector.checkpoints import CheckCheckpoint, CheckpointFile, DeviceCheckpoint
from collector.journal.sqlite import DEVICES
from config.settings import Settings
from lifeline.configuration import load_configuration
from lifeline.reports.ledgers import open_ledger_for_lookup
from lifeline.rules_stage.live_engine import LiveEngine
from lifeline.runtime.app import App
from lifeline.runtime.stores import open_stores
from lifeline.runtime.wiring import build_pipeline
from lifeline.start_error import StartError
from rules.engine import RuleEngine
from tests.services.program import sms_channel

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)]


def settings_of(data, **sections) -> Settings:
    """Return the settings of a program on the data directory."""
    plain = {"data_dir": data, "district": data / "district", "channels": [sms_channel("http://127.0.0.1:1/x")]}
    return Settings.model_validate(plain | sections)


def digest(*arrays) -> str:
    """Return one digest of all arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()


@pytest.fixture
def data(tmp_path, old_files):
    """Return a copy of the data directory of 0.1.0."""
    return old_files.data(tmp_path / "data")


@pytest.fixture
def expected(old_files):
    """Return the records that 0.1.0 read from its files."""
    return old_files.records("program")


@pytest.fixture
def configuration(data):
    """Return the configuration of the district of 0.1.0."""
    return load_configuration(settings_of(data))


@pytest.fixture
def stores(configuration):
    """Return the open stores."""
    with contextlib.ExitStack() as undo:
        yield open_stores(configuration.settings, configuration.register, undo)


def test_journal_of_0_1_0_is_read(stores, expected):
    """Each entry, cursor and dead letter is there, readings bit by bit."""
    journal, entries = stores.journal, []
    while found := journal.read(entries[-1].position if entries else 0, 256):
        entries += found
    batches = [entry.batch for entry in entries]
    columns = [column for each in batches for column in (each.sensor, each.time_ns, each.value, each.quality)]

    assert expected["journal"] == {
        "first": entries[0].position,
        "last": journal.last_position(),
        "entries": len(entries),
        "readings": sum(map(len, batches)),
        "received_ns": [batches[0].received_ns, batches[-1].received_ns],
        "sha256": digest(*columns),
        "cursors": {name: journal.cursor(name) for name in ("recorder", DEVICES)},
        "dead_letters": [[str(each.reason), each.topic, each.received_ns] for each in journal.dead_letters(100)],
    }


def test_history_of_0_1_0_is_read(stores, configuration, expected):
    """Each point is there, under the sensors of today's register."""
    sensor, series = stores.history.read_all(0, 1 << 62)
    ids = configuration.register.sensor_ids

    assert expected["history"] == {
        "readings": len(sensor),
        "sha256": digest(series.time_ns, series.value, series.quality),
        "sensors": sorted({ids[i] for i in sensor.tolist()}),
    }


def test_engine_state_of_0_1_0_is_restored(stores, configuration, expected):
    """The snapshot is of use: levels, health and every column are those of before, and nothing is replayed."""
    engine = RuleEngine(configuration.ruleset, configuration.register)
    snapshot = stores.ledger.snapshot()
    with capture_logs() as logs:
        position = LiveEngine(engine).restore(snapshot)
    levels = {key.id: int(level) for key, level in zip(engine.alarms, engine.levels(), strict=True) if level}

    assert ([], expected["engine"]["position"]) == (logs, position)
    assert expected["engine"] == {
        "position": position,
        "levels": levels,
        "seen": int(engine.seen().sum()),
        "health": engine.health().tolist(),
    }
    assert snapshot.blob == engine.snapshot()


def test_checkpoints_of_0_1_0_are_restored(data, stores, configuration, expected):
    """The files of the intake are of use: none is set aside, and each state is the one that was saved."""
    last, pipeline, found = stores.journal.last_position(), build_pipeline(configuration), {}
    parts = {
        "checks.bin": pipeline.checks.memory,
        "clocks.bin": pipeline.checks.clocks,
        "devices.bin": pipeline.devices,
    }
    for name, part in parts.items():
        position, blob = CheckpointFile(data / name).read(last)
        part.restore(blob)
        found[name] = {"position": position, "sha256": hashlib.sha256(part.snapshot()).hexdigest()}
    checks = CheckCheckpoint(data / "checks.bin", pipeline.checks, pipeline.checks.clocks)
    devices = DeviceCheckpoint(data / "devices.bin", pipeline.devices, stores.journal)
    positions = (checks.load(stores.journal), devices.load())

    assert expected["checkpoints"] == found
    assert (found["checks.bin"]["position"], found["devices.bin"]["position"]) == positions
    assert Counter() == checks.counts + devices.counts


def test_upgrade_at_the_start_is_logged_with_its_copy(data, configuration):
    """The log names the ledger, the revision before, and the file to restore."""
    with contextlib.ExitStack() as undo, capture_logs() as logs:
        open_stores(configuration.settings, configuration.register, undo)

    [line] = [each for each in logs if each["event"] == "ledger_upgraded"]
    assert ("0001", str(data / "ledger.db.revision-0001")) == (line["from_revision"], line["copy"])


def test_command_before_the_first_start_says_that_the_program_upgrades(configuration):
    """A command never upgrades the ledger of a program that may be running."""
    with pytest.raises(StartError, match=r"revision 0002, got 0001; start this version"):
        open_ledger_for_lookup(configuration.settings.ledger.url)


class Run:
    """One run of the program on a data directory, with a real broker and an SMS gateway."""

    def __init__(self, data, broker, gateway, ledger_url):
        """Open everything; nothing runs yet."""
        settings = settings_of(
            data,
            ledger={"url": ledger_url},
            mqtt={"host": broker.host, "port": broker.port, "client_id": "upgrade"},
            channels=[sms_channel(gateway.send_url)],
            console={"port": 0},
        )
        self.app = App(load_configuration(settings))
        self.ledger, self.journal = self.app.stores.ledger, self.app.stores.journal

    def wait_for(self, claim, timeout_s=30.0):
        """Return once `claim` is true."""
        deadline_s, pause = time.monotonic() + timeout_s, threading.Event()
        while not claim():
            assert self.app.failure is None, self.app.failure
            assert time.monotonic() < deadline_s, "not in time"
            pause.wait(0.05)

    def go_on(self):
        """Run until three entries of now are evaluated and nothing waits to be sent, then stop."""
        behind = self.journal.last_position() + 3
        with contextlib.ExitStack() as undo:
            undo.callback(self.app.stop)
            self.app.start()
            self.wait_for(lambda: self.app.stages.rules.status().committed >= behind)
            self.wait_for(lambda: not self.ledger.outbox.measure_queues())


@pytest.mark.end_to_end
@pytest.mark.parametrize("database", DATABASES)
def test_program_on_the_files_of_0_1_0_goes_on_and_sends_nothing_twice(
    request, data, old_files, mosquitto, sms_gateway, database
):
    """It begins at the position of before, sends each pending message once, and no message that was sent before."""
    url = f"sqlite:///{data / 'ledger.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_url")
        old_files.postgresql_ledger("ledger", url)
    records, last = old_files.records("ledger"), old_files.records("program")["journal"]["last"]
    deliveries = [each for found in records["deliveries"].values() for each in found]
    messages = [((each["notification"]["address"], each["notification"]["text"]), each) for each in deliveries]
    pending = {message for message, each in messages if each["state"] == "pending"}
    sent = {message for message, each in messages if each["first_sent_ns"]}

    first = Run(data, mosquitto, sms_gateway, url)
    assert (last, last) == (first.ledger.position(), first.journal.last_position())
    with capture_logs() as logs:
        first.go_on()
    [restored] = [each for each in logs if each["event"] == "rules_restored"]
    assert (last, last) == (restored["snapshot"], restored["position"])
    assert [] == [each for each in logs if "unusable" in each["event"]]
    got = [(each.to, each.text) for each in sms_gateway.inbox()]
    # A higher level of the same alert waits for the same phone: the lower one is withdrawn, as it would have been.
    assert (7, 6, 6) == (len(pending), len(pending & set(got)), sum(each in pending for each in got))
    assert (set(), len(got)) == (sent & set(got), len(set(got)))

    second = Run(data, mosquitto, sms_gateway, url)
    stored = second.ledger.alarm_events.read()
    assert [each["line"] for each in records["alarm_events"]] == [each.line for each in stored if each.position <= last]
    second.go_on()
    again = [(each.to, each.text) for each in sms_gateway.inbox()]
    assert len(again) == len(set(again))
