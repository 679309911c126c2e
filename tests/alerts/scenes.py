"""A small district and transitions written as rows; shared by the tests of this folder."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alerts.alert import Alert, Cursor, LedgerStep, Plan
from alerts.chatter import TransitionCounts
from alerts.ledger.ledger import Ledger
from alerts.links import SignedLinks
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import plan_step
from alerts.routing.routes import Route, Routes
from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import Asset, Contact, Duty, Register, Role, Sensor
from rules.events import AlarmEvents, AlarmKey, Dimension, Transition, TransitionReason
from rules.kinds.stale import StaleOptions
from rules.rule import LevelLimit, Rule, RuleSet, Side

SECOND_NS = 10**9
START_NS = 1_742_774_400 * SECOND_NS
"""2025-03-24 08:00:00 in Chongqing."""

SECRET = b"an unguessable secret of tests"
LINKS = SignedLinks("http://127.0.0.1:8080", SECRET)

PRESSURE = Quantity("fire_water_pressure", "水压", "water pressure", "MPa", -0.1, 2.5, 2.0, 2, {}, "assumed")
BATTERY = Quantity("battery", "电量", "battery", "%", 0, 100, 1, 0, {}, "assumed")

HAZARD, SECOND_HAZARD = 0, 1
BLIND_PRESSURE, BLIND_BATTERY, OTHER_DEVICE = 2, 3, 4
"""Alarm numbers."""

RED, ORANGE = WarningLevel.RED, WarningLevel.ORANGE
YELLOW, BLUE = WarningLevel.YELLOW, WarningLevel.BLUE


def register(**phones: str) -> Register:
    """Return two towers with three roles each; `phones` replaces the number of a contact."""
    sensors = [
        Sensor("FT-1.p", "T-1", "FT-1", "p", "fire_water_pressure", 0.001, 0.0, 2.0, 6.0, ""),
        Sensor("FT-1.bat", "T-1", "FT-1", "bat", "battery", 1.0, 0.0, 60.0, 180.0, ""),
        Sensor("FT-2.p", "T-2", "FT-2", "p", "fire_water_pressure", 0.001, 0.0, 2.0, 6.0, ""),
    ]
    assets = {
        "T-1": Asset("T-1", "residential_tower", "fire", "翡翠苑1号楼", "Feicui Court 1", "G1", 29.7, 107.4),
        "T-2": Asset("T-2", "residential_tower", "fire", "翡翠苑2号楼", "Feicui Court 2", "G1", 29.7, 107.4),
    }
    people = [("ann", "zh"), ("bob", "en"), ("fix", "zh"), ("cat", "zh")]
    contacts = {
        name: Contact(name, name, name, phones.get(name, f"+86138000000{i:02}"), language)
        for i, (name, language) in enumerate(people)
    }
    roles = (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE)
    duties = [Duty("T-1", role, who) for role, who in zip(roles, ("ann", "bob", "fix"), strict=True)]
    duties += [Duty("T-2", role, who) for role, who in zip(roles, ("cat", "cat", "fix"), strict=True)]
    return Register({}, assets, sensors, contacts, duties)


def hazard_rule() -> Rule:
    """Return a rule with levels from blue to red on the low side."""
    rungs = [(BLUE, 0.1, 60.0), (YELLOW, 0.07, 30.0), (ORANGE, 0.02, 10.0), (RED, -0.05, 0.0)]
    levels = tuple(LevelLimit(level, Side.LOW, limit, 0.01, delay, 10.0, "assumed") for level, limit, delay in rungs)
    words = ("消防管网失压", "Fire main has lost pressure", "请立即核查。", "Check at once.")
    return Rule("fire", "threshold", *words, PRESSURE, (0, 2), levels, StaleOptions())


def stale_rule() -> Rule:
    """Return a rule for devices."""
    words = ("终端失联", "Terminal is not heard", "请检查终端。", "Check the terminal.")
    return Rule("silent", "stale", *words, None, (0, 1, 2), (), StaleOptions())


def alarm_keys() -> tuple[AlarmKey, ...]:
    """Return two hazard alarms, and the health alarms of one device with two sensors and of another with one."""
    hazards = [AlarmKey("fire", i, Dimension.HAZARD, f"fire/FT-{n}.p") for i, n in ((0, 1), (2, 2))]
    names = ((0, "FT-1.p"), (1, "FT-1.bat"), (2, "FT-2.p"))
    return (*hazards, *(AlarmKey("silent", i, Dimension.HEALTH, f"silent/{name}") for i, name in names))


SERIOUS = Route(
    "serious",
    Dimension.HAZARD,
    frozenset({ORANGE, RED}),
    frozenset(),
    (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE),
    ("sms",),
    (),
)
GENERAL = Route("general", Dimension.HAZARD, frozenset({YELLOW}), frozenset(), (Role.MAINTENANCE,), ("sms",), ())
DEVICES = Route("devices", Dimension.HEALTH, frozenset(), frozenset(), (Role.MAINTENANCE,), ("sms",), ())
PLATFORM = Route("platform", Dimension.HAZARD, frozenset({ORANGE, RED}), frozenset(), (), (), ("webhook",))


def district(*routes: Route, settle_s: float = 0.0, **phones: str) -> PlanningConfig:
    """Return the configuration with `routes`, by default those for people; the settle time is zero."""
    ruleset = RuleSet((hazard_rule(), stale_rule()), "1")
    quantities = {each.name: each for each in (PRESSURE, BATTERY)}
    ways = Routes(routes or (SERIOUS, GENERAL, DEVICES), settle_s)
    return PlanningConfig(register(**phones), quantities, ruleset, ways, LINKS)


@dataclass(frozen=True)
class Row:
    """One transition, short to write."""

    alarm: int
    transition: Transition
    before: int
    after: int
    at_s: float
    episode_s: float = 0.0
    value: float = 0.0
    reason: TransitionReason = TransitionReason.LIMIT_HELD
    position: int = 1
    low: float = math.nan
    high: float = math.nan
    towards: int = -1


def raised(alarm: int, level: int, at_s: float = 10.0, **more) -> Row:
    """Return the beginning of a hazard episode at its own time."""
    return Row(alarm, Transition.RAISED, 0, level, at_s, at_s, **more)


def cleared(alarm: int, level: int, at_s: float = 60.0, episode_s: float = 10.0, **more) -> Row:
    """Return the end of the hazard episode that began at `episode_s`."""
    return Row(
        alarm,
        Transition.CLEARED,
        level,
        0,
        at_s,
        episode_s,
        **{"value": 0.35, "reason": TransitionReason.BACK_WITHIN} | more,
    )


def blind(alarm: int, at_s: float, reason: TransitionReason = TransitionReason.NO_READING, **more) -> Row:
    """Return the beginning of a sensor's blindness."""
    return Row(alarm, Transition.RAISED, 0, 1, at_s, at_s, float("nan"), reason, **more)


def heard(alarm: int, at_s: float, episode_s: float, **more) -> Row:
    """Return the end of the blindness that began at `episode_s`."""
    return Row(alarm, Transition.CLEARED, 1, 0, at_s, episode_s, 0.35, TransitionReason.HEARD_AGAIN, **more)


def events(rows: Iterable[Row]) -> AlarmEvents:
    """Return the columns of `rows`."""
    rows = list(rows)

    def ns(seconds: float) -> int:
        """Return nanoseconds after the start."""
        return START_NS + round(seconds * SECOND_NS)

    return AlarmEvents(
        np.array([row.alarm for row in rows], np.int32),
        np.array([ns(row.at_s) for row in rows], np.int64),
        np.array([ns(row.episode_s) for row in rows], np.int64),
        np.array([row.transition for row in rows], np.uint8),
        np.array([row.before for row in rows], np.int8),
        np.array([row.after for row in rows], np.int8),
        np.array([row.value for row in rows], np.float64),
        np.array([row.reason for row in rows], np.uint8),
        np.array([row.position for row in rows], np.int64),
        np.array([row.low for row in rows], np.float64),
        np.array([row.high for row in rows], np.float64),
        np.array([row.towards for row in rows], np.int32),
    )


def plan(
    *rows: Row,
    open_alerts: Sequence[Alert] = (),
    where: PlanningConfig | None = None,
    counts: Mapping[str, TransitionCounts] | None = None,
    received_ns: int = START_NS,
) -> Plan:
    """Return the changes that `rows` cause for people."""
    return plan_step(events(rows), alarm_keys(), received_ns, open_alerts, where or district(), counts=counts)


def step(
    cursor: Cursor, position: int, *rows: Row, open_alerts: Sequence[Alert] = (), where: PlanningConfig | None = None
) -> LedgerStep:
    """Return the step from `cursor` to `position` with `rows`."""
    planned = plan(*rows, open_alerts=open_alerts, where=where)
    return LedgerStep(cursor, position, events(rows), alarm_keys(), planned)


def commit(ledger: Ledger, *rows: Row, where: PlanningConfig | None = None) -> LedgerStep:
    """Commit `rows` as the next step of `ledger` and return it."""
    cursor = ledger.take_over()
    position = cursor.position + 1
    made = step(cursor, position, *at(position, rows), open_alerts=ledger.alerts.read_open(), where=where)
    ledger.commit_step(made)
    return made


def at(position: int, rows: Iterable[Row]) -> list[Row]:
    """Return `rows` as caused by the batch at `position`."""
    return [replace(row, position=position) for row in rows]
