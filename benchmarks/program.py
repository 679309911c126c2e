"""The whole program in a child process, with a broker beside it: for the figures of intake and latency.

usage: python -m benchmarks.program SETTINGS N_MESSAGES      prints {"elapsed_s", "readings", "rss_mb"} as JSON
       python -m benchmarks.program SETTINGS 0               runs until its standard input ends
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as paho
import yaml

from benchmarks.town import write_district
from config.loading import load_settings
from lifeline.configuration import load_configuration
from lifeline.logs import configure_logs
from lifeline.runtime.app import App

CLIENT_ID = "bench"


def write_settings(folder: Path, mqtt_port: int, n_sensors: int, sms_url: str, hook_url: str) -> Path:
    """Return a settings file for `n_sensors` sensors, with embedded stores below `folder`."""
    write_district(folder / "district", n_sensors)
    settings = {
        "data_dir": str(folder / "state"),
        "district": str(folder / "district"),
        "mqtt": {"port": mqtt_port, "client_id": CLIENT_ID},
        "console": {"port": 0},
        "log": {"level": "warning"},
        "channels": [
            {
                "name": "sms",
                "kind": "sms",
                "options": {"url": sms_url, "username": "none", "password": "none"},
            },
            {
                "name": "hook",
                "kind": "webhook",
                "options": {"url": hook_url, "secret": "whsec_" + "A" * 32, "allow_private": True},
            },
        ],
    }
    path = folder / "lifeline.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def open_session(port: int, client_id: str, filters: list[str]) -> None:
    """Leave a persistent session with QoS 1 subscriptions at the broker, so that it queues for it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    subscribed: list[int] = []
    client.on_subscribe = lambda *_arguments: subscribed.append(1)
    client.connect("127.0.0.1", port)
    client.subscribe([(each, 1) for each in filters])
    while not subscribed:
        client.loop(0.1)
    client.disconnect()
    client.loop(0.1)


def run_child(settings: Path, n_messages: int) -> dict[str, float]:
    """Return the figures of the child while it took `n_messages` out of its session."""
    command = [sys.executable, "-m", "benchmarks.program", str(settings), str(n_messages)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    report: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return report


def main() -> None:
    """Run the program over N_MESSAGES waiting messages, or until the end of standard input."""
    configuration = load_configuration(load_settings(Path(sys.argv[1]), os.environ))
    n_messages = int(sys.argv[2])
    configure_logs("console", configuration.settings.log.level, sys.stderr)
    app = App(configuration)
    app.start()
    if n_messages:
        print(json.dumps(_drain(app, n_messages)), flush=True)
    else:
        print("started", flush=True)
        sys.stdin.read()
    app.stop()


def _drain(app: App, n_messages: int) -> dict[str, float]:
    """Return how long it took until the last of the waiting messages was journalled, judged and in the history."""
    stages, journal = app.stages, app.stores.journal
    while not stages.intake.counts["messages", ""]:
        time.sleep(0.0005)
    begin = time.monotonic()
    while stages.intake.counts["messages", ""] < n_messages:
        time.sleep(0.002)
    last = journal.last_position()
    while stages.recorder.status().position < last or stages.rules.status().position < last:
        time.sleep(0.002)
    elapsed_s = time.monotonic() - begin
    return {
        "elapsed_s": elapsed_s,
        "readings": app.stores.history.count(),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
