"""I/O: intake, journal and a stale rule together: from messages of devices to blind sensors."""

import threading

from collector.decoding.pipeline import Pipeline
from collector.intake.intake import MqttIntake
from collector.journal.sqlite import SqliteJournal
from config.quantities import Quantity
from config.settings import IntakeSettings, MqttSettings
from rules.engine import RuleEngine
from rules.events import TransitionReason as Why
from rules.kinds.stale import StaleOptions
from rules.rule import Rule, RuleSet
from tests.end_to_end.intake_rig import wait_until

PRESSURE = 0
"""Dense number of the sensor that is watched."""


class Host:
    """The collector and the rules on one journal; each start is a new program."""

    def __init__(self, folder, port, register, subscriptions=None):
        quantities = {name: Quantity(name, "", "", "", -1e9, 1e9, 1.0, 0, {}, "assumed") for name in ("any", "online")}
        settings = {"port": port, "client_id": "host-under-test", "canary_interval_s": 0.3}
        settings |= {"subscriptions": subscriptions} if subscriptions else {}
        self.settings = MqttSettings.model_validate(settings)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = SqliteJournal(folder / "journal.db", register.sensor_ids, 1 << 30, 0)
        self.pipeline = Pipeline(register, quantities, self.settings.subscriptions, IntakeSettings())
        self.intake = MqttIntake(self.settings, IntakeSettings(tick_s=0.2), self.pipeline, self.journal)
        rule = Rule("silent", "stale", "失联", "silent", "", "", None, (PRESSURE,), (), StaleOptions())
        self.engine = RuleEngine(RuleSet((rule,), "1"), register)
        self.reasons, self.values, self.events = [], [], []
        self.thread = threading.Thread(target=self.intake.run)
        self.thread.start()
        wait_until(lambda: self.intake.status().canary_fresh)

    def follow(self):
        """Evaluate the new entries of the journal."""
        for entry in self.journal.read(self.engine.position, 1000):
            self.values += entry.batch.value[entry.batch.sensor == PRESSURE].round(3).tolist()
            events = self.engine.evaluate(entry.batch, entry.position)
            self.reasons += [Why(each).name for each in events.reason]
            self.events += events.lines(self.engine.alarms)

    def becomes(self, health):
        """Wait for the health of the pressure."""

        def has():
            self.follow()
            return self.engine.health()[PRESSURE] == health

        wait_until(has)

    def reads(self, value):
        """Wait for a pressure."""

        def has():
            self.follow()
            return value in self.values

        wait_until(has)

    def refused(self):
        """Return the reasons of all dead letters."""
        return [letter.reason for letter in self.journal.dead_letters(100)]

    def stop(self):
        """End the program."""
        self.intake.stop()
        self.thread.join(20)
        self.journal.close()
