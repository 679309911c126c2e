"""I/O: an intake with a real journal, in a thread or in a process of its own, and its counts."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from collector.batch import make_batch
from collector.decoding.pipeline import Pipeline
from collector.devices.device_state import DeviceStates
from collector.intake.intake import MqttIntake
from collector.journal import Journal, JournalFullError
from collector.journal.reader import JournalReader
from collector.journal.sqlite import SqliteJournal
from config.quantities import Quantity
from config.register import Asset, Register, Sensor
from config.settings import IntakeSettings, MqttSettings

N_DEVICES = 50
CHILD = """
import signal, sys
from contextlib import suppress
from pathlib import Path
from tests.end_to_end.intake_rig import RunningIntake

one = RunningIntake(Path(sys.argv[1]), int(sys.argv[2]))
signal.signal(signal.SIGTERM, lambda *_: one.intake.stop())
one.intake.run()
one.journal.close()
"""


def register() -> Register:
    """Return one tower with `N_DEVICES` devices of one channel `n`; the second one has a channel `result` too."""
    assets = {"T": Asset("T", "tower", "fire", "楼", "tower", "G", 0.0, 0.0)}
    devices = [f"D{i}" for i in range(N_DEVICES)]
    channels = [*((device, "n") for device in devices), ("D1", "result")]
    sensors = [Sensor(f"{d}.{channel}", "T", d, channel, "any", 1.0, 0.0, 2.0, 6.0, "") for d, channel in channels]
    return Register({}, assets, sensors, {}, [])


def topic(i: int) -> str:
    """Return the topic of device number `i` modulo `N_DEVICES`."""
    return f"lifeline/v1/fire/T/D{i % N_DEVICES}/up"


def numbered(numbers: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Return one message a number, which is its value."""
    now_ms = time.time_ns() // 1_000_000
    for i in numbers:
        yield topic(i), json.dumps({"v": 1, "ts": now_ms, "m": {"n": i}}).encode()


def wait_until(claim: Callable[[], object], timeout_s: float = 15.0) -> None:
    """Return once `claim` holds.

    Raises:
        TimeoutError: it never did.
    """
    deadline = time.monotonic() + timeout_s
    while not claim():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not hold within {timeout_s} s")
        time.sleep(0.01)


class RunningIntake:
    """An intake on a journal in `folder`; `start` runs it in a thread."""

    def __init__(self, folder: Path, port: int, max_bytes: int = 1 << 30, **mqtt: object) -> None:
        """Open the journal; `mqtt` overrides settings."""
        known = register()
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = SqliteJournal(folder / "journal.db", known.sensor_ids, max_bytes, 0)
        settings = {"port": port, "client_id": "intake-under-test", "canary_interval_s": 0.3, "keepalive_s": 5} | mqtt
        quantity = Quantity("any", "", "", "", -1e12, 1e12, 1.0, 0, {}, "assumed")
        self._settings = MqttSettings.model_validate(settings)
        self._pipeline = Pipeline(known, {"any": quantity}, self._settings.subscriptions, IntakeSettings())
        self.intake = self.intake_on(self.journal)
        self._thread: threading.Thread | None = None
        self._closed = False

    def intake_on(self, journal: Journal) -> MqttIntake:
        """Make `journal` the one that the intake writes to; returns the new intake."""
        self.intake = MqttIntake(self._settings, IntakeSettings(tick_s=0.2), self._pipeline, journal)
        return self.intake

    @property
    def book(self) -> DeviceStates:
        """The states of the devices in the intake."""
        return self._pipeline.devices

    def start(self) -> "RunningIntake":
        """Run, and return once messages are known to pass."""
        self.run()
        wait_until(lambda: self.intake.status().canary_fresh)
        return self

    def run(self) -> None:
        """Run without waiting for anything."""
        self._thread = threading.Thread(target=self.intake.run)
        self._thread.start()

    def end(self) -> None:
        """End the thread; the journal stays open."""
        self.intake.stop()
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()
            self._thread = None

    def stop(self) -> None:
        """End the thread and close the journal; twice is harmless."""
        self.end()
        if not self._closed:
            self._closed = True
            self.journal.close()

    def wait_for_messages(self, count: int, timeout_s: float = 15.0) -> None:
        """Return once `count` messages have been made durable."""
        wait_until(lambda: self.intake.counts["messages", ""] >= count, timeout_s)

    def numbers(self) -> Counter[int]:
        """Return each number in the journal and how often it is there."""
        return stored_numbers(self.journal)


def stored_numbers(journal: SqliteJournal) -> Counter[int]:
    """Return each value in the journal and how often it is there."""
    found: Counter[int] = Counter()
    position = 0
    while entries := journal.read(position, 1000):
        for entry in entries:
            found.update(int(value) for value in entry.batch.value)
        position = entries[-1].position
    return found


def wait_for_number(folder: Path, number: int, timeout_s: float) -> None:
    """Return once `number` is in the journal in `folder`, which another process writes."""
    wait_until_running(folder, timeout_s)
    reader = JournalReader(folder / "journal.db", register().sensor_ids)
    position = 0
    deadline = time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline:
            for entry in reader.read(position, 1000):
                position = entry.position
                if number in entry.batch.value:
                    return
            time.sleep(0.02)
    finally:
        reader.close()
    raise TimeoutError(f"{number} did not come within {timeout_s} s")


def wait_until_running(folder: Path, timeout_s: float = 20.0) -> None:
    """Return once the intake of another process has written its first tick: it is subscribed and hears itself."""
    wait_until(lambda: _has_entries(folder / "journal.db"), timeout_s)


def _has_entries(path: Path) -> bool:
    """Return whether another process has created this journal and written to it."""
    if not path.exists():
        return False
    reader = JournalReader(path, register().sensor_ids)
    try:
        return reader.last_position() > 0
    except sqlite3.OperationalError:
        return False
    finally:
        reader.close()


def fill(journal: SqliteJournal) -> None:
    """Append until not even one reading more is taken."""
    for n_readings in (10_000, 1000, 100, 10, 1):
        batch = make_batch(1, [0] * n_readings, range(n_readings), [0.0] * n_readings, [0] * n_readings)
        with suppress(JournalFullError):
            while True:
                journal.append([batch])


def start_child(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start an intake in a process of its own, on the journal in `folder`."""
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder), str(port)], stdout=subprocess.DEVNULL)


def memory_mb(process: subprocess.Popen[bytes], name: str = "VmRSS") -> float:
    """Return the resident memory of `process` in MiB; VmHWM for the most it ever was."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    [line] = [line for line in status.splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024
