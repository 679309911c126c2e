"""The district is loaded again while 5,000 messages a second come in: nothing is lost; a bad one changes nothing."""

import json
import os
import shutil
import signal
import threading
import time
import weakref
from collections import Counter

import pytest

from collector.journal.reader import JournalReader
from config.loading import load_settings
from config.settings import packaged_district
from lifeline.configuration import load_configuration
from lifeline.reports.ledgers import open_ledger_for_lookup
from lifeline.runtime.app import App
from lifeline.runtime.gc_tuning import freeze_loaded
from lifeline.runtime.reload import reload_program
from simulators.load import send_load

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

_MESSAGES_PER_S = 5_000
_N_MESSAGES = 40_000


@pytest.fixture
def program(tmp_path, make_program):
    """Return the program over a copy of the demo district, running."""
    district = shutil.copytree(packaged_district(), tmp_path / "district")
    program = make_program(district=str(district))
    program.start()
    return program


def _messages(begin_ms):
    """Return (topic, payload) of eight fire terminals, each with a time of its own."""
    for i in range(_N_MESSAGES):
        number = i % 8 + 1
        payload = {"v": 1, "ts": begin_ms + i, "m": {"pressure_kpa": 350.0}}
        yield f"lifeline/v1/fire/T-{number:04}/FT-{number:04}/up", json.dumps(payload).encode()


def _reload(program):
    """Ask for a reload; returns the log event of the program about it."""
    begin = program.log_bytes()
    os.kill(program.process.pid, signal.SIGHUP)
    words = {"reloaded", "reload_refused", "reload_unchanged"}
    said = []

    def has_answered():
        said[:] = [event["event"] for event in program.events(begin) if event.get("event") in words]
        return said

    program.wait_until(has_answered, 60)
    return said[0]


def _replace(path, old, new):
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def _times(program):
    """Return the (sensor, time) pairs of the pressures in the journal."""
    register = program.configuration.register
    reader = JournalReader(program.configuration.settings.journal.path, register.sensor_ids)
    position, found = 0, set()
    while entries := reader.read(position, 1000):
        for entry in entries:
            found |= set(zip(entry.batch.sensor.tolist(), entry.batch.time_ns.tolist(), strict=True))
        position = entries[-1].position
    reader.close()
    return found


def test_reload_changed_rows_under_load_lose_no_message(program, mosquitto):
    """Sensors leave and come while messages flow; each message is in the journal once the load has ended."""
    district = program.configuration.settings.district
    begin_ms = int(time.time() * 1000) - 3_600_000
    load = threading.Thread(
        target=send_load,
        args=(mosquitto.host, mosquitto.port, _messages(begin_ms)),
        kwargs={"messages_per_s": _MESSAGES_PER_S},
    )
    load.start()
    time.sleep(1)
    # The removed sensor stands before all others that speak: every dense number behind it changes.
    rows = (district / "sensors.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (district / "sensors.csv").write_text("".join(row for row in rows if not row.startswith("FT-0001.bat,")), "utf-8")
    assert load.is_alive()
    assert "reloaded" == _reload(program)
    _replace(district / "contacts.csv", "Chen Lixin", "Chen Li Xin")
    assert "reloaded" == _reload(program)
    load.join(120)
    register = program.configuration.register
    sensors = [register.channel_index[f"FT-{number:04}", "pressure_kpa"] for number in range(1, 9)]
    sent = {(sensors[i % 8], (begin_ms + i) * 1_000_000) for i in range(_N_MESSAGES)}
    program.wait_until(lambda: sent <= _times(program), 120)
    program.wait_until(program.is_idle, 60)

    assert 0 == sum(count for (name, _), count in program.metrics().items() if name == "dead_letters_total")
    assert 2 == program.metrics()["reloads_total", "applied"]


def test_reload_bad_district_is_refused_and_the_program_goes_on(program):
    """A wrong row is said and counted; the program stays ready, and the next good district is taken."""
    district = program.configuration.settings.district
    _replace(district / "contacts.csv", "+8613800000001", "13800000001")
    assert "reload_refused" == _reload(program)
    assert program.is_ready()
    _replace(district / "contacts.csv", ",13800000001", ",+8613800000001")
    assert "reload_unchanged" == _reload(program)
    _replace(district / "contacts.csv", "Chen Lixin", "Chen Li Xin")
    assert "reloaded" == _reload(program)
    program.wait_until(program.is_ready, 30)
    versions = open_ledger_for_lookup(program.configuration.settings.ledger.url).configurations.read()

    assert program.configuration.version == versions[-1].version
    assert 1 == program.metrics()["reloads_total", "refused"]


def test_reload_frees_the_program_before_it(program):
    """A district of a city is most of the memory: the old one is freed after a reload."""
    settings = load_settings(program.settings_file, {"LIFELINE_CONSOLE__PORT": "0"})
    program.stop()
    counts: Counter[tuple[str, str]] = Counter()
    first = App(load_configuration(settings), reloads=counts)
    first.start()
    freeze_loaded()
    seen = weakref.ref(first)
    _replace(settings.district / "contacts.csv", "Chen Lixin", "Chen Li Xin")
    second = reload_program(first, lambda: load_configuration(settings), counts)
    del first
    freeze_loaded()
    is_freed = seen() is None
    second.stop()

    assert (1, True) == (counts["reloads", "applied"], is_freed)
