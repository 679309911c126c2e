"""A register of two towers, small enough to hold in the head, and the demo district on real files."""

import contextlib
import dataclasses
from functools import cache, cached_property

import pytest

from alerts.links import SignedLinks
from collector.batch import make_batch
from config.register import Asset, Contact, Duty, Region, RegionKind, Register, Role, Sensor
from config.settings import Settings
from lifeline.configuration import Configuration, load_configuration
from lifeline.rules_stage.live_engine import LiveEngine
from lifeline.rules_stage.stage import RulesStage
from lifeline.runtime.stores import open_stores
from lifeline.runtime.wiring import build_pipeline, make_planner
from rules.engine import RuleEngine


def _sensor(asset: str, device: str, channel: str, quantity: str) -> Sensor:
    heartbeat = "" if channel == "heartbeat" else f"{device}.heartbeat"
    return Sensor(f"{device}.{channel}", asset, device, channel, quantity, 1.0, 0.0, 2.0, 6.0, heartbeat)


@pytest.fixture
def register() -> Register:
    """Two towers with pressure and heartbeat each; one contact in each role at the first."""
    regions = {"C": Region("C", RegionKind.CITY, "", "重庆", "Chongqing")}
    assets = {
        key: Asset(key, "residential_tower", "fire", f"{key}号楼", f"Tower {key}", "C", 29.5, 106.5)
        for key in ("T-1", "T-2")
    }
    sensors = [
        _sensor(asset, device, channel, quantity)
        for asset, device in (("T-1", "FT-1"), ("T-2", "FT-2"))
        for channel, quantity in (("pressure", "fire_water_pressure"), ("heartbeat", "heartbeat"))
    ]
    people = [("c1", Role.RESPONSIBLE), ("c2", Role.MANAGER), ("c3", Role.MAINTENANCE)]
    contacts = {key: Contact(key, f"王{key}", f"Wang {key}", f"+86138000000{key[1]}1", "zh") for key, _ in people}
    return Register(regions, assets, sensors, contacts, [Duty("T-1", role, key) for key, role in people])


SECOND = 1_000_000_000
START_NS = 1_742_774_400 * SECOND
"""2025-03-24 00:00 UTC."""


CHANNELS = [{"name": "sms", "kind": "sms", "options": {"url": "http://h/x", "username": "u", "password": "p"}}]


@cache
def demo_district() -> Configuration:
    """Return the demo district as it is loaded."""
    return load_configuration(Settings.model_validate({"channels": CHANNELS}))


class Desk:
    """Real journal, rules, ledger and history of the demo district below one folder; a test is its intake and clock."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = Settings.model_validate({"data_dir": folder, "channels": CHANNELS})
        self.configuration = dataclasses.replace(demo_district(), settings=self.settings)
        self.undo = contextlib.ExitStack()
        self.stores = open_stores(self.settings, self.configuration.register, self.undo)
        self.links = SignedLinks("http://console", b"0123456789abcdef")
        self.now_ns = START_NS
        self.monotonic_s = 0.0
        self.beat = 0
        self.events = 0
        self.stage = self.new_stage()

    @cached_property
    def pipeline(self):
        """The intake of this desk, before its first message."""
        return build_pipeline(self.configuration)

    def new_stage(self, snapshot_s=3600.0):
        """Return a rules stage as after a restart of the program."""
        engine = RuleEngine(self.configuration.ruleset, self.configuration.register)
        planner = make_planner(self.configuration, engine, self.links)
        self.engine = engine
        self.stage = RulesStage(
            self.stores.journal,
            LiveEngine(engine),
            self.stores.ledger,
            planner,
            snapshot_s=snapshot_s,
            on_events=self._note,
            version=self.configuration.version,
            clock_s=lambda: self.monotonic_s,
        )
        return self.stage

    def _note(self):
        self.events += 1

    def batch(self, pressure_mpa, device="FT-0001"):
        """Return one message of a fire terminal, two seconds after the one before, its heartbeat advancing."""
        self.now_ns += 2 * SECOND
        self.beat += 1
        index = self.configuration.register.sensor_index
        sensors = [index[f"{device}.pressure_kpa"], index[f"{device}.heartbeat"]]
        return make_batch(self.now_ns, sensors, [self.now_ns] * 2, [pressure_mpa, float(self.beat)], [0, 0])

    def feed(self, pressure_mpa, messages):
        """Append `messages` messages to the journal and to the history."""
        batches = [self.batch(pressure_mpa) for _ in range(messages)]
        self.stores.history.write(batches)
        for batch in batches:
            self.stores.journal.append([batch])

    def evaluate(self):
        """Let the stage judge everything that is in the journal."""
        while self.stage.evaluate_round():
            pass

    def orange(self):
        """Let tower T-0001 lose its pressure until its alert is open; returns the alert."""
        self.stage.restore()
        self.feed(0.35, 3)
        self.feed(0.0, 8)
        self.evaluate()
        return self.stores.ledger.alerts.read_open()[0]


@pytest.fixture
def desk(tmp_path):
    """The demo district on real files, without threads, network and clock."""
    desk = Desk(tmp_path)
    with desk.undo:
        yield desk
