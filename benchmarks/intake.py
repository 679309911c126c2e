"""MQTT -> journal -> rules -> history, against a bare paho loop that acknowledges by itself and does nothing.

Both take the same messages out of a persistent session. The broker filled it before, so no publisher competes for the
two cores. The runs alternate; the figure is the median.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.program import CLIENT_ID, open_session, run_child, write_settings
from benchmarks.town import make_register
from config.time_units import SECOND_NS
from simulators.bulk import bulk_messages
from simulators.load import send_load
from tests.services.mosquitto import Mosquitto

_FILTER = "lifeline/v1/+/+/+/up"
_NOWHERE = "http://127.0.0.1:9/"
"""No SMS is sent: no reading of this load is in danger."""
_ROUNDS = 3
_N_SENSORS = 1000
_BACK_NS = 300 * SECOND_NS
"""No time is in the future, and none is too old to be judged while this runs."""


def measure() -> Iterator[Figure]:
    """Yield the figures for messages of one reading and of a hundred."""
    yield from _compare("single", n_messages=60_000, per_message=1)
    yield from _compare("batched", n_messages=20_000, per_message=100)


def _compare(name: str, n_messages: int, per_message: int) -> Iterator[Figure]:
    """Yield rates of the program, of the bare loop, and their ratio."""
    program_s, bare_s = [], []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            broker = Mosquitto(Path(folder) / "mosquitto")
            broker.start()
            try:
                bare_s.append(_bare(broker.port, n_messages, per_message))
                program_s.append(_program(Path(folder), broker.port, n_messages, per_message))
            finally:
                broker.kill()
    program, bare = n_messages / statistics.median(program_s), n_messages / statistics.median(bare_s)
    target = ">= 0.5" if per_message == 1 else ""
    yield Figure(f"intake.{name}.messages", program, "1/s")
    yield Figure(f"intake.{name}.readings", program * per_message, "1/s", "" if per_message == 1 else ">= 3e5")
    yield Figure(f"intake.{name}.bare_paho_messages", bare, "1/s")
    yield Figure(f"intake.{name}.ratio_to_bare_paho", program / bare, "ratio", target)


def _fill(port: int, client_id: str, n_messages: int, per_message: int) -> None:
    """Let the broker queue the messages for `client_id`."""
    open_session(port, client_id, [_FILTER])
    start_ns = time.time_ns() - _BACK_NS
    send_load("127.0.0.1", port, bulk_messages(make_register(_N_SENSORS), n_messages, per_message, start_ns))


def _bare(port: int, n_messages: int, per_message: int) -> float:
    _fill(port, "bare", n_messages, per_message)
    command = [sys.executable, "-m", "benchmarks.bare_paho", "127.0.0.1", str(port), "bare", str(n_messages)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout)


def _program(folder: Path, port: int, n_messages: int, per_message: int) -> float:
    settings = write_settings(folder, port, _N_SENSORS, _NOWHERE, _NOWHERE)
    _fill(port, CLIENT_ID, n_messages, per_message)
    report = run_child(settings, n_messages)
    expected = n_messages * per_message
    if report["readings"] != expected:
        raise RuntimeError(f"history: expected {expected} readings, got {report['readings']}")
    return report["elapsed_s"]
