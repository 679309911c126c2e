"""The register of a whole city: import, start of the real program with a broker, and a reload under load.

usage: python -m benchmarks.register FOLDER   imports FOLDER/source; prints {"elapsed_s", "cpu_s", "rss_mb"} as JSON
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import Progress

from benchmarks.city import BUILDINGS, write_city
from benchmarks.figures import Figure
from collector.journal.reader import JournalReader
from config.loading import load_settings, load_table
from config.settings import packaged_district
from lifeline.district.importing import import_into
from simulators.load import send_load
from tests.services.mosquitto import Mosquitto
from tests.services.program import Program

MESSAGES_PER_S = 5_000
_N_MESSAGES = 300_000
"""A minute of load: the reload lies within."""
_BEFORE_S = 5.0
"""Load before the reload, seconds."""
_NOWHERE = "http://127.0.0.1:9/"


def measure() -> Iterator[Figure]:
    """Yield the cost of an import, then of a start with it, then of one changed row while messages flow."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_city(folder / "source")
        imported = _child(folder)
        yield Figure("register_import", imported["elapsed_s"], "s", "< 60: 40,000 buildings, 120,000 sensors")
        yield Figure("register_import_cpu", imported["cpu_s"], "s")
        yield Figure("register_import_memory", imported["rss_mb"], "MiB", "< 1024")
        broker = Mosquitto(folder / "mosquitto")
        broker.start()
        program = Program(folder / "program", broker.port, sms_url=_NOWHERE, district=str(folder / "district"))
        try:
            yield from _start(program)
            yield from _reload(program, broker)
        finally:
            program.kill()
            broker.kill()
        yield Figure("machine_load", os.getloadavg()[0], "processes", "below 2: the figures are of a quiet machine")


def _start(program: Program) -> Iterator[Figure]:
    begin = time.monotonic()
    program.spawn()
    program.wait_until(program.is_ready, 120)
    yield Figure("register_start", time.monotonic() - begin, "s", "< 20: from the command to /ready")
    yield Figure("register_start_cpu", _cpu_s(program), "s")
    yield Figure("register_start_memory", _memory_mb(program, "VmHWM"), "MiB")


def _reload(program: Program, broker: Mosquitto) -> Iterator[Figure]:
    """Yield the time of a change of one row, the pause of the intake for it, and the lost readings."""
    begin_ms = int(time.time() * 1000) - 3_600_000
    sender = threading.Thread(
        target=send_load,
        args=(broker.host, broker.port, _messages(begin_ms)),
        kwargs={"messages_per_s": MESSAGES_PER_S},
    )
    sender.start()
    time.sleep(_BEFORE_S)
    asked_ns = time.time_ns()
    elapsed_s = _change_one_row(program)
    swapped_ns = time.time_ns()
    still_sending = sender.is_alive()
    sender.join()
    reached = _stored(program)
    while reached.n_readings < _N_MESSAGES:
        time.sleep(1)
        before, reached = reached, _stored(program)
        if reached.n_readings == before.n_readings:
            break
    yield Figure("register_reload", elapsed_s, "s", f"one row while {MESSAGES_PER_S} messages a second come")
    yield Figure("register_reload_pause", reached.longest_s(asked_ns, swapped_ns), "s", "< 10")
    yield Figure("register_reload_lost", float(_N_MESSAGES - reached.n_readings), "messages", "0")
    yield Figure("register_reload_under_load", float(still_sending), "1: load outlasted the reload", "1")
    yield Figure("register_reload_memory", _memory_mb(program, "VmHWM"), "MiB")


def _change_one_row(program: Program) -> float:
    """Return how long the program took from the signal to its word that it goes on with the changed row."""
    path = load_settings(program.settings_file, {}).district / "contacts.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Person 7,", "Person Seven,", 1), encoding="utf-8")
    begin_bytes, begin = program.log_bytes(), time.monotonic()
    os.kill(program.process.pid, signal.SIGHUP)
    program.wait_until(lambda: any(each.get("event") == "reloaded" for each in program.events(begin_bytes)), 120)
    program.wait_until(program.is_ready, 120)
    return time.monotonic() - begin


def _messages(begin_ms: int) -> Iterator[tuple[str, bytes]]:
    """Yield one good pressure a message, the buildings in turn, each with a time of its own."""
    for i in range(_N_MESSAGES):
        number = i % BUILDINGS
        body = f'{{"v":1,"ts":{begin_ms + i},"m":{{"pressure_kpa":{350 + i % 7}}}}}'
        yield f"lifeline/v1/fire/T-{number:05}/FT-{number:05}/up", body.encode()


class _Stored:
    """The part of the load that is in the journal."""

    def __init__(self, received_ns: list[int], times_ns: list[np.ndarray]) -> None:
        self._received_ns = np.array(received_ns, np.int64)
        self.n_readings = len(np.unique(np.concatenate([np.zeros(0, np.int64), *times_ns])))
        """Different readings: every message has a time of its own."""

    def longest_s(self, begin_ns: int, end_ns: int) -> float:
        """Return the longest time without an entry that began or ended between both times, seconds."""
        gaps = np.diff(self._received_ns)
        touched = (self._received_ns[1:] >= begin_ns) & (self._received_ns[:-1] <= end_ns)
        return float(gaps[touched].max(initial=0)) / 1e9


def _stored(program: Program) -> _Stored:
    settings = load_settings(program.settings_file, {})
    sensor_ids = [row["id"] for row in load_table(settings.district / "sensors.csv", "sensors").rows]
    reader = JournalReader(settings.journal.path, sensor_ids)
    position, received_ns, times_ns = 0, [], []
    while entries := reader.read(position, 1000):
        received_ns += [entry.batch.received_ns for entry in entries]
        times_ns += [entry.batch.time_ns for entry in entries]
        position = entries[-1].position
    reader.close()
    return _Stored(received_ns, times_ns)


def _memory_mb(program: Program, name: str) -> float:
    """Return the figure `name` of the process' status, MiB."""
    lines = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _cpu_s(program: Program) -> float:
    """Return the processor time that the process has used, seconds."""
    words = Path(f"/proc/{program.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    # Source: proc(5), fields 14 and 15; the first of these words is field 3.
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _child(folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.register", str(folder)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    report: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return report


def main() -> None:
    """Import the city and print the cost."""
    folder = Path(sys.argv[1])
    begin, begin_cpu = time.monotonic(), time.process_time()
    import_into(folder / "district", [folder / "source"], Progress(disable=True), dry_run=False)
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"elapsed_s": time.monotonic() - begin, "cpu_s": time.process_time() - begin_cpu, "rss_mb": rss_mb}
    for name in ("rules.yaml", "routes.yaml"):
        (folder / "district" / name).write_bytes((packaged_district() / name).read_bytes())
    print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    main()
