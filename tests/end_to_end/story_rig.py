"""I/O: the real program between real servers, fed by the simulated demo district."""

import re
import threading
import time

import httpx
import msgspec

from alerts.notification import NotificationKind
from collector.journal.reader import JournalReader
from config.settings import Settings
from lifeline.configuration import load_configuration
from lifeline.reports.replay import compare_with_ledger
from lifeline.runtime.app import App
from rules.events import Dimension
from simulators.district import District
from simulators.player import Player
from simulators.publisher import Publisher
from simulators.scenarios import make_scenario

LINK = re.compile(r"https?://\S+/a/[\w.~-]+")


class CountingPublisher:
    """A publisher that counts the distinct readings (device, channel, time) that it is given."""

    def __init__(self, publisher):
        self.publisher = publisher
        self.readings = set()

    def publish(self, topic, payload):
        """Publish and count."""
        body = msgspec.json.decode(payload)
        channels = [*body["m"], *(["bat"] if "bat" in body else [])]
        self.readings.update((topic, channel, body["ts"]) for channel in channels)
        self.publisher.publish(topic, payload)


class StoryRig:
    """A program, its district, and readers of both."""

    def __init__(self, folder, broker, gateway, history=None):
        sms = {"url": gateway.send_url, "username": gateway.username, "password": gateway.password, "sender": "12345"}
        self.settings = Settings.model_validate(
            {
                "data_dir": folder,
                "mqtt": {"host": broker.host, "port": broker.port},
                "history": history or {},
                "channels": [{"name": "sms", "kind": "sms", "options": sms}],
                "console": {"port": 0},
            }
        )
        self.configuration = load_configuration(self.settings)
        self.app = App(self.configuration)
        self.publisher = Publisher(broker.host, broker.port)
        self.counting = CountingPublisher(self.publisher)
        self.player = Player(
            self.counting, District(self.configuration.register, self.configuration.quantities, seed=1)
        )

    def start(self):
        """Start program and devices; return when the program is ready."""
        self.app.start()
        self.wait_for(lambda: self.app.health().is_ready, 20)
        self.publisher.start()
        self.player.start()

    def play(self, name, **options):
        """Let a scenario begin in a second."""
        scenario = make_scenario(name, self.configuration.register, time.time_ns() + 10**9, **options)
        self.player.district = self.player.district.with_scenarios(scenario)

    def wait_for(self, claim, timeout_s):
        """Return the value of `claim` as soon as it is true; fail when it is late or the program failed."""
        deadline_s = time.monotonic() + timeout_s
        pause = threading.Event()
        while not (found := claim()):
            assert self.app.failure is None, self.app.failure
            assert time.monotonic() < deadline_s, f"not within {timeout_s} s"
            pause.wait(0.1)
        return found

    def alert(self, asset, dimension=Dimension.HAZARD):
        """Return the newest alert of an asset, None when there is none."""
        alerts = self.app.stores.ledger.alerts.read_recent(10, asset)
        return next((alert for alert in alerts if alert.dimension is dimension), None)

    def deliveries(self, asset, kind, dimension=Dimension.HAZARD):
        """Return the notifications of one kind about an asset."""
        alert = self.alert(asset, dimension)
        deliveries = self.app.stores.ledger.outbox.read_deliveries(alert.id) if alert else []
        return [each for each in deliveries if each.notification.kind is NotificationKind(kind)]

    def press(self, text):
        """Open the link in a message as a phone does, and press the button; returns the page after it."""
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=10) as phone:
            link = LINK.search(text)[0]
            assert 'id="acknowledge"' in phone.get(link).text
            return phone.post(link).text

    def settle(self):
        """Stop the devices and wait until everything they sent is in history and ledger."""
        self.player.stop()
        assert self.publisher.drain(20)
        journal = self.app.stores.journal
        self.wait_for(lambda: self.app.stages.rules.status().committed >= journal.last_position() - 1, 20)
        sent = len(self.counting.readings)
        self.wait_for(lambda: self.app.stages.recorder.counts["recorded_readings", ""] >= sent, 30)

    def comparison(self):
        """Return how a replay of the journal compares with the ledger."""
        reader = JournalReader(self.settings.journal.path, self.configuration.register.sensor_ids)
        try:
            return compare_with_ledger(
                reader, self.app.stores.ledger, self.configuration.register, self.configuration.ruleset
            )
        finally:
            reader.close()

    def stop(self):
        """Stop devices and program."""
        self.player.stop()
        self.publisher.stop()
        self.app.stop()
