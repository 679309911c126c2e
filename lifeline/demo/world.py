"""I/O: the demonstration in one process: broker, devices, SMS gateway with inbox, and the real program.

Input: a folder and ports.
Output: a running world; no part of the program is a fake.
Not responsible for: the story.
Rejects: a port in use, as `StartError`.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings
from lifeline.configuration import load_configuration
from lifeline.runtime.app import App
from simulators.broker import EmbeddedBroker
from simulators.district import District
from simulators.player import Player
from simulators.publisher import Publisher
from simulators.scenarios import Scenario, make_scenario
from simulators.sms_gateway import SmsGateway

SEED = 20250324
"""The same district each time; the date of the published story."""


class DemoWorld:
    """Starts in the order in which things need each other, stops in the opposite one."""

    def __init__(
        self,
        folder: Path,
        host: str,
        *,
        console_port: int = 0,
        inbox_port: int = 0,
        stopping: threading.Event | None = None,
    ) -> None:
        """Start everything; a part that cannot start stops the others. Nothing is waited for once `stopping` is set.

        Raises:
            ConfigError: the packaged district is broken.
            StartError: a port is taken.
        """
        self.stopping = threading.Event() if stopping is None else stopping
        with contextlib.ExitStack() as undo:
            self.gateway = SmsGateway(host, inbox_port)
            self.gateway.start()
            undo.callback(self.gateway.stop)
            self.broker = EmbeddedBroker("127.0.0.1", 0)
            self.broker.start()
            undo.callback(self.broker.stop)
            self.configuration = load_configuration(self._make_settings(folder, host, console_port))
            self.app = App(self.configuration)
            undo.callback(self.app.stop)
            self.app.start()
            self.publisher = Publisher(self.broker.host, self.broker.port)
            self.publisher.start()
            undo.callback(self.publisher.stop)
            district = District(self.configuration.register, self.configuration.quantities, SEED)
            self.player = Player(self.publisher, district)
            self.player.start()
            undo.callback(self.player.stop)
            self._undo = undo.pop_all()

    @property
    def inbox_url(self) -> str:
        """Where the SMS inbox can be read in a browser."""
        return f"{self.gateway.url}/inbox"

    def stop(self) -> None:
        """Stop devices, program, broker and gateway."""
        self._undo.close()

    def play(self, name: str, *, duration_s: float, asset: str | None = None, variant: str | None = None) -> Scenario:
        """Let scenario `name` begin in a second; returns it with its ground truth."""
        scenario = make_scenario(
            name,
            self.configuration.register,
            time.time_ns() + 1_000_000_000,
            duration_s=duration_s,
            asset=asset,
            variant=variant,
        )
        self.player.district = self.player.district.with_scenarios(scenario)
        return scenario

    def wait_for(self, claim: Callable[[], bool], timeout_s: float, pause: Callable[[], None]) -> bool:
        """Return whether `claim` came true within `timeout_s`; between looks, `pause` waits a little."""
        deadline_s = time.monotonic() + timeout_s
        while not claim():
            if time.monotonic() > deadline_s or self.app.failure is not None or self.stopping.is_set():
                return False
            pause()
        return True

    def _make_settings(self, folder: Path, host: str, console_port: int) -> Settings:
        login = {"username": "lifeline", "password": "demo"}
        return Settings.model_validate(
            {
                "data_dir": folder,
                "mqtt": {"host": self.broker.host, "port": self.broker.port, "client_id": "lifeline-demo"},
                "channels": [{"name": "sms", "kind": "sms", "options": {"url": self.gateway.send_url, **login}}],
                "console": {"host": host, "port": console_port},
            }
        )
