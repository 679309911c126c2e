"""I/O: vmalert and VictoriaMetrics on the limits of the water main, by replay; their cost in seconds of a core.

Data come a second at a time, as a rule set would see them at 1 Hz. There are 1,000 series, three limits with their
delays, and one evaluation a second. Both processes count, because vmalert asks the database for every evaluation.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np

from benchmarks.figures import Figure
from tests.services.victoria_metrics import VictoriaMetrics

_SERIES, _SECONDS = 1_000, 60
_START_S = 1_790_000_000
_RULES = """
groups:
  - name: water
    interval: 1s
    rules:
      - {alert: blue, expr: "water_main_pressure <= 0.16", for: 300s}
      - {alert: yellow, expr: "water_main_pressure <= 0.14", for: 120s}
      - {alert: orange, expr: "water_main_pressure <= 0.05", for: 30s}
"""


def measure() -> Iterator[Figure]:
    """Yield readings a second of a core, or nothing where Debian's package victoria-metrics is not installed."""
    program = shutil.which("vmalert")
    if program is None or shutil.which("victoria-metrics") is None:
        print("# vmalert is not installed: apt-get install victoria-metrics", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        server = VictoriaMetrics(Path(folder))
        server.start()
        try:
            _write(server)
            before_s = _cpu_s(server.process.pid)
            own_s = _replay(program, server.url, Path(folder))
            spent_s = own_s + _cpu_s(server.process.pid) - before_s
        finally:
            server.stop()
    yield Figure("peer.vmalert_readings", _SERIES * _SECONDS / spent_s, "1/s of a core")
    yield Figure("peer.vmalert_core_share_at_100000_sensors_1Hz", 100 * spent_s / _SECONDS * 100_000 / _SERIES, "%")


def _write(server: VictoriaMetrics) -> None:
    rng = np.random.default_rng(1)
    lines = [
        f"water_main_pressure{{sensor={f'W{series}'!r}}} {value:.4f} {(_START_S + second) * 1000}".replace("'", '"')
        for second in range(_SECONDS)
        for series, value in enumerate(0.35 * (1 + 0.02 * rng.standard_normal(_SERIES)))
    ]
    answer = httpx.post(f"{server.url}/api/v1/import/prometheus", content="\n".join(lines) + "\n", timeout=60)
    answer.raise_for_status()
    httpx.get(f"{server.url}/internal/force_flush", timeout=30).raise_for_status()


def _replay(program: str, url: str, folder: Path) -> float:
    """Return the seconds of a core that vmalert needed to judge every second of the data."""
    rules = folder / "rules.yml"
    rules.write_text(_RULES, encoding="utf-8")
    begin = os.times()
    command = [
        program,
        f"-rule={rules}",
        f"-datasource.url={url}",
        f"-remoteWrite.url={url}",
        f"-replay.timeFrom={_moment(0)}",
        f"-replay.timeTo={_moment(_SECONDS - 1)}",
        "-replay.maxDatapointsPerQuery=1",
        "-replay.rulesDelay=0s",
        "-httpListenAddr=127.0.0.1:0",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    end = os.times()
    return end.children_user + end.children_system - begin.children_user - begin.children_system


def _moment(second: int) -> str:
    return f"{np.datetime64(_START_S + second, 's')}Z"


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
