"""Rules are written while the real program runs: broken files are rejected, and unchanged alarms stay."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from config.settings import packaged_district
from lifeline.reports.ledgers import open_ledger_for_lookup
from simulators.load import send_load

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

BROKEN = Path(__file__).parents[1] / "rules/broken"
OWN = """\
packs: [fire_water]
rules:
  - id: main.low
    kind: threshold
    quantity: water_main_pressure
    title: {zh: 低压, en: low}
    advice: {zh: 检查, en: check}
    side: low
    levels:
      - {level: blue, limit: LIMIT, deadband: 0.01, on_delay_s: 0, source: assumed}
"""


@pytest.fixture
def program(tmp_path, make_program):
    """Return the program over a district with rules of its own, running."""
    district = shutil.copytree(packaged_district(), tmp_path / "district")
    (district / "rules.yaml").write_text(OWN.replace("LIMIT", "0.1"), encoding="utf-8")
    program = make_program(district=str(district))
    program.start()
    return program


def _reload(program):
    """Ask for a reload; returns the log event of the program about it."""
    begin = program.log_bytes()
    os.kill(program.process.pid, signal.SIGHUP)
    words = {"reloaded", "reload_refused", "reload_unchanged"}
    said = []

    def has_answered():
        said[:] = [event for event in program.events(begin) if event.get("event") in words]
        return said

    program.wait_until(has_answered, 60)
    return said[0]


def _send(program, mosquitto, seconds):
    """Let tower T-0001 report no pressure, its heart beating, once for each of `seconds`."""
    payloads = [{"v": 1, "ts": at * 1000, "m": {"pressure_kpa": 0.0, "heartbeat": at % 10_000}} for at in seconds]
    messages = [("lifeline/v1/fire/T-0001/FT-0001/up", json.dumps(each).encode()) for each in payloads]
    send_load(mosquitto.host, mosquitto.port, messages, messages_per_s=50)
    program.wait_until(program.is_idle, 60)


def _open_alerts(program):
    """Return the open alerts of the pressure; while a slow machine reloads, a device may become silent."""
    alerts = open_ledger_for_lookup(program.configuration.settings.ledger.url).alerts.read_open()
    return [alert for alert in alerts if alert.rule == "fire_water.zero_pressure"]


def _events(program):
    events = open_ledger_for_lookup(program.configuration.settings.ledger.url).alarm_events.read()
    return [event.line for event in events if "fire_water.zero_pressure/FT-0001" in event.line]


def test_reload_of_rules_keeps_alarms_and_refuses_broken_files(program, mosquitto):
    """The alarm of an unchanged rule stands through five refused files and one accepted change."""
    rules = program.configuration.settings.district / "rules.yaml"
    now = int(time.time())
    _send(program, mosquitto, range(now - 30, now - 10, 2))
    alerts, events = [alert.id for alert in _open_alerts(program)], _events(program)
    assert (1, True) == (len(events), '"level_after":4' in events[0])
    for name in ("wrong_indentation", "unknown_kind", "unreachable_limit", "composite_cycle", "not_utf8"):
        rules.write_bytes((BROKEN / f"{name}.yaml").read_bytes())
        said = _reload(program)
        assert ("reload_refused", True) == (said["event"], f"{rules}:" in said["problems"][0])
        assert program.is_ready()
    assert 5 == program.metrics()["reloads_total", "refused"]

    rules.write_text(OWN.replace("LIMIT", "0.12"), encoding="utf-8")
    assert "reloaded" == _reload(program)["event"]
    program.wait_until(program.is_ready, 30)
    _send(program, mosquitto, range(now - 8, now, 2))

    assert (alerts, events) == ([alert.id for alert in _open_alerts(program)], _events(program))
