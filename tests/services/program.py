"""I/O: `lifeline run` in a process of its own: its settings on disk, its probes, numbers and log read from outside."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml

from alerts.links import SignedLinks
from config.loading import load_settings
from lifeline.configuration import Configuration, load_configuration
from tests.services.http import client
from tests.services.ports import free_port
from tests.services.process import ServerProcess

_SECRET = "whole-program-tests"
_SAMPLE = re.compile(r'(\w+)(?:\{\w+="([^"]*)"\})? (\S+)')
_PROBE_S = 0.05


def sms_channel(url: str) -> dict[str, object]:
    """Return the settings of the channel `sms` to the gateway at `url`."""
    return {"name": "sms", "kind": "sms", "options": {"url": url, "username": "none", "password": "none"}}


class Program:
    """The real command; files, console port and session stay the same over kills and restarts."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, mqtt_port: int, *, sms_url: str, **sections: object) -> None:
        """Write the settings into `folder`; `sections` of the settings file come on top. Nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        settings = {
            "data_dir": str(folder / "state"),
            "mqtt": {"port": mqtt_port, "client_id": "program"},
            "console": {"port": self.port, "secret": _SECRET},
            "log": {"format": "json"},
            "channels": [sms_channel(sms_url)],
        }
        self.settings_file = folder / "lifeline.yaml"
        self.settings_file.write_text(yaml.safe_dump(settings | sections), encoding="utf-8")
        self.process = ServerProcess(
            [self._command, "run", "--config", self.settings_file], [self.port], folder / "program.log", start_s=60
        )
        self.spawn, self.kill, self.stop = self.process.spawn, self.process.kill, self.process.stop
        self.log_tail = self.process.log_tail

    @property
    def configuration(self) -> Configuration:
        """The configuration of the program, loaded as the program loads it."""
        return load_configuration(load_settings(self.settings_file, {}))

    @property
    def links(self) -> SignedLinks:
        """The links that its messages carry."""
        return SignedLinks(f"http://{self.host}:{self.port}", _SECRET.encode())

    def start(self) -> None:
        """Start it and return once it is ready."""
        self.spawn()
        self.wait_until(self.is_ready, 60)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how another command of the program over the same settings ended."""
        command = [self._command, *arguments, "--config", self.settings_file]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def is_ready(self) -> bool:
        """Tell whether `/ready` says so."""
        return self._answers("/ready")

    def is_alive(self) -> bool:
        """Tell whether `/health` knows of no dead thread."""
        return self._answers("/health")

    def metrics(self) -> Counter[tuple[str, str]]:
        """Return every sample of `/metrics` by name without prefix and the value of its label, if it has one."""
        text = client().get(f"http://{self.host}:{self.port}/metrics", timeout=30).raise_for_status().text
        samples = (_SAMPLE.fullmatch(line) for line in text.splitlines())
        return Counter({(s[1].removeprefix("lifeline_"), s[2] or ""): float(s[3]) for s in samples if s})

    def is_idle(self) -> bool:
        """Tell whether every journal entry is judged and recorded and no message waits for a channel."""
        if not self.is_alive():
            return False
        now = self.metrics()
        stages = [now["stage_lag_entries", stage] for stage in ("recorder", "rules")]
        return not any([*stages, now["outbox_pending", "sms"]])

    def events(self, after: int = 0) -> list[dict]:
        """Return the log behind byte `after` as one dict a line."""
        lines = self.process.log.read_bytes()[after:].splitlines() if self.process.log.exists() else []
        return [json.loads(line) for line in lines]

    def log_bytes(self) -> int:
        """Return how long the log is: where the next event begins."""
        return self.process.log.stat().st_size

    def wait_until(self, claim: Callable[[], object], timeout_s: float) -> None:
        """Return once `claim` holds.

        Raises:
            TimeoutError: it never did.
            RuntimeError: the program ended meanwhile.
        """
        deadline_s = time.monotonic() + timeout_s
        while not claim():
            if not self.process.is_running():
                raise RuntimeError(f"the program has ended:\n{self.log_tail()}")
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"did not hold within {timeout_s} s:\n{self.log_tail()}")
            time.sleep(_PROBE_S)

    @property
    def _command(self) -> Path:
        return Path(sys.executable).with_name("lifeline")

    def _answers(self, path: str) -> bool:
        try:
            return client().get(f"http://{self.host}:{self.port}{path}", timeout=30).is_success
        except httpx.TransportError:
            return False
