"""Zero or dead? Messages through pipeline, checks, rules and planning; the table below has the expected messages."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from alerts.links import SignedLinks
from alerts.notification import NotificationKind
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import plan_step
from alerts.routing.loading import load_routes
from collector.batch import Quality, tick
from collector.decoding.pipeline import Pipeline, RawMessage
from config.levels import WarningLevel
from config.loading import load_quantities
from config.register import Asset, Contact, Duty, Register, Role, Sensor
from config.settings import IntakeSettings, default_subscriptions, packaged_district
from rules.engine import RuleEngine
from rules.events import Dimension, TransitionReason
from rules.loading.loading import load_rules

S = 1_000_000_000
START = 1_790_000_000 * S
USUAL = 150
"""Messages of an ordinary day before the case; one every 2 s."""
CASE = 150
WARNED = {"responsible", "manager", "maintenance"}


@dataclass(frozen=True)
class Case:
    """The messages of the device in one case, and the expected result."""

    name: str
    pressure: float | None
    """kPa; None when nothing is sent."""
    hazard: bool
    faults: frozenset[TransitionReason]
    noise: float = 0.0
    elsewhere: bool = True
    """The temperature beside it goes on moving."""
    beats: bool = True
    battery: float = 87.0
    alone: bool = False
    """The device has no other measured value."""


def case(name, pressure, *faults, hazard=False, **rest) -> Case:
    """Return a case with a device that raises `faults`."""
    return Case(name, pressure, hazard, frozenset(faults), **rest)


FLAT = TransitionReason.FLAT_LINE
LOW = TransitionReason.BATTERY_LOW
NO_BEAT = TransitionReason.NO_HEARTBEAT
SILENT = TransitionReason.NO_READING
CASES = [
    case("zero that still trembles", 0.0, hazard=True, noise=1.0, elsewhere=False),
    case("zero beside a living temperature", 0.0, hazard=True),
    case("zero beside a living temperature, battery low", 0.0, LOW, hazard=True, battery=18.0),
    case("trembling zero, battery failing", 0.0, LOW, hazard=True, noise=1.0, battery=6.0),
    case("zero from a device of one channel that counts on", 0.0, FLAT, hazard=True, alone=True),
    case("zero, everything frozen, battery failing", 0.0, LOW, FLAT, elsewhere=False, battery=6.0),
    case("zero, everything frozen, heartbeat stopped", 0.0, NO_BEAT, FLAT, elsewhere=False, beats=False),
    case("zero that trembles, heartbeat stopped", 0.0, NO_BEAT, noise=1.0, beats=False),
    case("normal pressure, everything frozen, heartbeat on", 450.0, FLAT, elsewhere=False),
    case("normal pressure standing still beside a living temperature", 450.0, FLAT),
    case("-9999", -9999.0, SILENT),
    case("nothing at all", None, SILENT),
]


def district_register(*, alone: bool) -> Register:
    """Return one tower with one terminal, and a contact for each role."""
    kinds = [("pressure_kpa", "fire_water_pressure", 0.001), ("temperature", "temperature", 1.0)][: 1 if alone else 2]
    sensors = [
        Sensor(f"F.{name}", "T", "F", name, quantity, scale, 0.0, 2.0, 6.0, "F.heartbeat")
        for name, quantity, scale in kinds
    ]
    sensors += [
        Sensor("F.heartbeat", "T", "F", "heartbeat", "heartbeat", 1.0, 0.0, 2.0, 6.0, ""),
        Sensor("F.bat", "T", "F", "bat", "battery", 1.0, 0.0, 2.0, 6.0, ""),
    ]
    asset = Asset("T", "residential_tower", "fire", "一号楼", "tower 1", "G", 0.0, 0.0)
    roles = [Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE]
    contacts = {role.value: Contact(role.value, role.value, role.value, "+8613800000001", "zh") for role in roles}
    return Register({}, {"T": asset}, sensors, contacts, [Duty("T", role, role.value) for role in roles])


def message(each: Case, i: int, rng: np.random.Generator) -> RawMessage | None:
    """Return message `i`; the first USUAL are those of an ordinary day."""
    usual = i < USUAL
    pressure, noise = (450.0, 2.0) if usual else (each.pressure, each.noise)
    if pressure is None:
        return None
    values = {"pressure_kpa": pressure + noise * float(rng.standard_normal())}
    if not each.alone:
        values["temperature"] = 20.0 + 0.05 * float(rng.standard_normal()) if usual or each.elsewhere else 20.0
    values["heartbeat"] = i if usual or each.beats else USUAL
    body = {"v": 1, "ts": (START + 2 * i * S) // 1_000_000, "m": values, "bat": 87.0 if usual else each.battery}
    return RawMessage("lifeline/v1/fire/T/F/up", json.dumps(body).encode())


@dataclass
class Told:
    """The result of a case."""

    hazards: set
    faults: set
    warned: set
    noticed: set
    bits: int


def play(each: Case, tmp_path: Path) -> Told:
    """Play the ordinary day and the case, a message and a commit every 2 s."""
    quantities, register = load_quantities(), district_register(alone=each.alone)
    (tmp_path / "rules.yaml").write_text("packs: [fire_water]\n", encoding="utf-8")
    ruleset = load_rules(tmp_path, register, quantities)
    routes = load_routes(packaged_district() / "routes.yaml", ["sms"])
    district = PlanningConfig(register, quantities, ruleset, routes, SignedLinks("http://127.0.0.1", b"k" * 32))
    pipeline = Pipeline(register, quantities, default_subscriptions(), IntakeSettings())
    engine = RuleEngine(ruleset, register)
    rng = np.random.default_rng(1)
    told = Told(set(), set(), set(), set(), 0)
    alerts = {}
    for i in range(USUAL + CASE):
        now_ns = START + 2 * i * S
        sent = message(each, i, rng)
        batch = pipeline.decode([sent], now_ns)[0] if sent else tick(now_ns)
        told.bits |= int(np.bitwise_or.reduce(batch.quality, initial=0))
        events = engine.evaluate(batch, i + 1)
        plan = plan_step(events, engine.alarms, now_ns, [a for a in alerts.values() if a.is_open], district)
        alerts |= {alert.id: alert for alert in plan.alerts}
        note(told, events, engine, plan)
    return told


def note(told: Told, events, engine: RuleEngine, plan) -> None:
    """Add the alarms of one step, and the recipients."""
    for i in range(len(events)):
        if events.level_after[i] > events.level_before[i]:
            is_hazard = engine.alarms[events.alarm[i]].dimension is Dimension.HAZARD
            raised = WarningLevel(events.level_after[i]) if is_hazard else TransitionReason(events.reason[i])
            (told.hazards if is_hazard else told.faults).add(raised)
    for planned in plan.planned:
        notification = planned.notification
        is_fault = notification.kind == NotificationKind.DEVICE_FAULT
        (told.noticed if is_fault else told.warned).add(notification.contact)


@pytest.mark.parametrize("each", CASES, ids=lambda each: each.name)
def test_zero_or_dead(each, tmp_path):
    """A value from a living device is judged; a dead device is a notice to maintenance and never a warning."""
    told = play(each, tmp_path)

    assert ({WarningLevel.ORANGE} if each.hazard else set()) == told.hazards
    assert each.faults == told.faults
    assert (WARNED if each.hazard else set()) == told.warned
    assert ({"maintenance"} if each.faults else set()) == told.noticed


def test_zero_standing_still_is_flagged_even_where_it_is_a_value(tmp_path):
    """Whether the device is dead is for the rules to say; that it stands still is a fact of the data."""
    assert play(CASES[1], tmp_path).bits & Quality.FLAT
