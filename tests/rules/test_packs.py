"""The packs that ship: they load, every number has a source, and the fire-water story has its known end."""

from pathlib import Path

import numpy as np
import pytest

from config.levels import WarningLevel
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.loading.loading import load_rules, pack_names
from rules.rule import RuleSet, capable_levels
from tests.rules.packs_page import needs_of, rules_of, table_of
from tests.rules.small_district import batch, told

PAGE = Path(__file__).parents[2] / "docs/packs.md"

DOMAINS = [
    ("fire_water", "fire", "fire_water_pressure", WarningLevel.ORANGE),
    ("water_supply", "water", "water_main_pressure", WarningLevel.ORANGE),
    ("gas", "gas", "methane", WarningLevel.RED),
    ("bridge", "bridge", "strain", WarningLevel.RED),
    ("bridge", "bridge", "displacement", WarningLevel.RED),
    ("drainage", "drain", "underpass_ponding_depth", WarningLevel.RED),
    ("septic_tank", "septic", "methane", WarningLevel.RED),
    ("tunnel", "tunnel", "carbon_monoxide", WarningLevel.RED),
    ("slope", "geo", "surface_displacement", WarningLevel.RED),
]


def town(domain: str, quantity: str) -> Register:
    """Return one asset with one device: a value, sensor 0, and its heartbeat, sensor 1."""
    asset = Asset("X", "kind", domain, "X", "X", "R", 0.0, 0.0)
    value = Sensor("X.v", "X", "D", "v", quantity, 1.0, 0.0, 2.0, 6.0, "X.b")
    beat = Sensor("X.b", "X", "D", "b", "heartbeat", 1.0, 0.0, 2.0, 6.0, "")
    return Register({}, {"X": asset}, [value, beat], {}, [])


def load(tmp_path, pack: str, register: Register) -> RuleSet:
    """Return the rules of one pack over `register`."""
    (tmp_path / "rules.yaml").write_text(f"packs: [{pack}]\n", encoding="utf-8")
    return load_rules(tmp_path, register, load_quantities())


def play(tmp_path, pack: str, register: Register, values, beats=None):
    """Return (second, transition, level) of the threshold rules over a value each 2 s."""
    rules = load(tmp_path, pack, register)
    engine = RuleEngine(rules, register)
    is_limit = [rules.rule(alarm.rule).kind == "threshold" for alarm in engine.alarms]
    story = []
    for i, value in enumerate(values):
        second = 1000 + 2 * i
        beat = i if beats is None else beats[i]
        events = engine.evaluate(batch(second, [(0, second, value), (1, second, beat)]), i + 1)
        turns = told(events)
        story += [(time - 1000, transition, after) for alarm, time, transition, _, after, _ in turns if is_limit[alarm]]
    return story


@pytest.mark.parametrize(("pack", "domain", "quantity", "highest"), DOMAINS)
def test_pack_over_its_domain_can_raise_its_highest_level(tmp_path, pack, domain, quantity, highest):
    """Each pack binds its quantity and tops out where it should."""
    register = town(domain, quantity)

    assert {"X": highest} == capable_levels(load(tmp_path, pack, register), register)


@pytest.mark.parametrize(("pack", "domain", "quantity", "highest"), DOMAINS)
def test_pack_over_its_domain_watches_the_health_of_its_devices(tmp_path, pack, domain, quantity, highest):
    """A pack that judges a sensor also notices when it is silent."""
    del highest
    rules = load(tmp_path, pack, town(domain, quantity))

    assert [(0,)] == [rule.sensors for rule in rules if rule.kind == "stale"]


@pytest.mark.parametrize("pack", pack_names())
def test_pack_levels_each_have_a_source(tmp_path, pack):
    """A number comes from a clause, or says that it is assumed or unverified."""
    rules = load(tmp_path, pack, town("none", "none"))
    words = ("assumed", "unverified", "as quoted", "as published")
    sources = [limit.source for rule in rules for limit in rule.levels]

    assert [] == [source for source in sources if not any(word in source for word in words)]


def test_fire_water_at_zero_raises_orange_once_and_nothing_else(tmp_path):
    """The story: a live terminal at zero is larger risk after 10 s, and never red."""
    values = [0.42] * 5 + [0.0] * 20 + [0.42] * 20

    assert [(20, "RAISED", 4), (60, "CLEARED", 0)] == play(
        tmp_path, "fire_water", town("fire", "fire_water_pressure"), values
    )


def test_fire_water_at_zero_for_an_hour_stays_orange(tmp_path):
    """Duration does not raise the level, and the lower levels that join in stay unsaid."""
    values = [0.42] * 5 + [0.0] * 1800

    assert [(20, "RAISED", 4)] == play(tmp_path, "fire_water", town("fire", "fire_water_pressure"), values)


def test_fire_water_back_after_a_long_zero_steps_down_and_clears(tmp_path):
    """Orange ends after 10 s, the levels below it after 30 s."""
    values = [0.0] * 400 + [0.42] * 30
    expected = [(10, "RAISED", 4), (810, "LOWERED", 3), (830, "CLEARED", 0)]

    assert expected == play(tmp_path, "fire_water", town("fire", "fire_water_pressure"), values)


def test_fire_water_of_a_dead_terminal_raises_no_hazard(tmp_path):
    """A flat zero with a heartbeat that stands still is a device fault."""
    values = [0.42] * 5 + [0.0] * 300
    beats = [min(i, 4) for i in range(len(values))]

    assert [] == play(tmp_path, "fire_water", town("fire", "fire_water_pressure"), values, beats)


def test_fire_water_of_a_slow_loss_climbs_the_ladder(tmp_path):
    """Pressure that sinks over two hours is blue, then yellow, then orange."""
    values = np.linspace(0.2, 0.0, 3600)
    story = play(tmp_path, "fire_water", town("fire", "fire_water_pressure"), values)

    assert [("RAISED", 2), ("ESCALATED", 3), ("ESCALATED", 4)] == [each[1:] for each in story]


def test_gas_of_a_growing_leak_climbs_to_red(tmp_path):
    """Methane that rises over twenty minutes passes every level."""
    values = np.linspace(0.0, 60.0, 600)
    story = play(tmp_path, "gas", town("gas", "methane"), values)

    assert [2, 3, 4, 5] == [level for _, _, level in story]


def test_gas_of_a_burst_is_red_within_seconds(tmp_path):
    """The highest level has the shortest delay: danger does not wait for the ladder."""
    values = [0.5] * 5 + [80.0] * 5

    assert [(14, "RAISED", 5)] == play(tmp_path, "gas", town("gas", "methane"), values)


@pytest.mark.parametrize(
    ("pack", "domain", "quantity", "danger", "good", "level"),
    [
        ("fire_water", "fire", "fire_water_pressure", 0.0, 0.35, 4),
        ("water_supply", "water", "water_main_pressure", 0.0, 0.30, 4),
        ("gas", "gas", "methane", 80.0, 1.0, 5),
        ("bridge", "bridge", "strain", 400.0, 80.0, 5),
        ("bridge", "bridge", "displacement", 70.0, 12.0, 5),
    ],
)
def test_pack_of_a_device_that_dies_in_danger_clears_only_after_its_return(
    tmp_path, pack, domain, quantity, danger, good, level
):
    """A gateway that repeats a good value for ten minutes ends nothing; the living device that confirms it does."""
    values = [danger] * 20 + [good] * 310
    beats = [min(i, 19) if i < 320 else i for i in range(330)]
    story = play(tmp_path, pack, town(domain, quantity), values, beats)

    assert ([level, 0], 640) == ([after for _, _, after in story], story[-1][0])


@pytest.mark.parametrize(
    ("pack", "domain", "quantity", "value"),
    [
        ("fire_water", "fire", "fire_water_pressure", 0.35),
        ("water_supply", "water", "water_main_pressure", 0.30),
        ("gas", "gas", "methane", 1.0),
        ("bridge", "bridge", "strain", 80.0),
        ("bridge", "bridge", "displacement", 12.0),
    ],
)
def test_pack_of_an_ordinary_hour_says_nothing(tmp_path, pack, domain, quantity, value):
    """Ordinary values with ordinary noise raise nothing."""
    values = value * (1 + 0.05 * np.random.default_rng(1).standard_normal(1800))

    assert [] == play(tmp_path, pack, town(domain, quantity), values)


def whole_district() -> Register:
    """Return an asset for each rule of each pack, with whatever the rule asks for."""
    assets, sensors = {}, {}
    for rule in (rule for pack in pack_names() for rule in rules_of(pack)):
        where = rule.get("where", {})
        name, domain = rule["id"], where.get("domain", "geo")
        risk = "red" if where.get("watch") else ""
        kind = where.get("asset_kinds", ["place"])[0]
        assets[name] = Asset(name, kind, domain, name, name, "R", 0.0, 0.0, risk_level=risk)
        design = 8.0 if where.get("design") else None
        battery = "battery" if rule["kind"] == "battery" else None
        for quantity in [rule.get("quantity") or battery or "temperature", *where.get("beside", ())]:
            device = f"{name}.{quantity}"
            beat = f"{device}.beat"
            sensors[device] = Sensor(device, name, device, "v", quantity, 1.0, 0.0, 60.0, 180.0, beat, 0.0, design)
            sensors[beat] = Sensor(beat, name, device, "b", "heartbeat", 1.0, 0.0, 60.0, 180.0, "")
    return Register({}, assets, list(sensors.values()), {}, [])


def test_packs_all_together_load_and_each_of_their_rules_watches_something(tmp_path):
    """No two rules have one id, no device is judged twice, and no rule is written for nothing."""
    rules = load(tmp_path, ", ".join(pack_names()), whole_district())

    assert [] == [rule.id for rule in rules if not rule.sensors]


@pytest.mark.parametrize("pack", pack_names())
def test_pack_rules_of_statistics_are_early_notice_only(pack):
    """A rule without an absolute limit and a second witness is at most yellow, but the stages of slopes."""
    early = {"baseline", "trend", "compare", "deviation", "shift", "time_to_limit", "residual"}
    levels = {level["level"] for rule in rules_of(pack) if rule["kind"] in early for level in rule["levels"]}

    assert levels <= {"blue", "yellow"}


@pytest.mark.parametrize(
    ("moved", "minutes", "levels"), [(30.0, 60, [3]), (20.0, 60, [2]), (10.0, 60, []), (30.0, 10, [])]
)
def test_bridge_strain_that_moves_and_stays_is_early_notice_without_a_thermometer(tmp_path, moved, minutes, levels):
    """A support that gives way stays; a vehicle goes on, and a warm hour moves less."""
    asset = Asset("X", "kind", "bridge", "X", "X", "R", 0.0, 0.0)
    gauge = Sensor("X.e", "X", "D", "e", "strain", 1.0, 0.0, 60.0, 180.0, "")
    register = Register({}, {"X": asset}, [gauge], {}, [])
    engine = RuleEngine(load(tmp_path, "bridge", register), register)
    rows = [(0, 60 * i, 80 + i / 60 + moved * (120 <= i < 120 + minutes)) for i in range(180)]
    turns = told(engine.evaluate(batch(60 * 180, rows), 1))

    assert levels == [
        after for alarm, _, _, before, after, *_ in turns if after > before and "stays" in engine.alarms[alarm].rule
    ]


@pytest.mark.parametrize("pack", pack_names())
def test_page_of_packs_has_every_rule_and_every_sensor(pack):
    """docs/packs.md agrees with the packs; `python -m tests.rules.packs_page` makes its tables."""
    section = PAGE.read_text(encoding="utf-8").partition(f"### {pack}\n")[2].partition("\n### ")[0]

    assert table_of(pack) in section
    assert [] == [each for each in needs_of(pack) if f"`{each}`" not in section]


@pytest.mark.parametrize("pack", ["gas", "drainage", "septic_tank", "water_supply", "slope"])
def test_pack_is_tighter_on_the_watch_list(pack):
    """Each tightened rule has a lower or higher limit at its levels than the rule that all places have."""
    rules = {rule["id"]: rule for rule in rules_of(pack)}
    watched = [rule for rule in rules.values() if rule.get("where", {}).get("watch")]
    for rule in watched:
        plain = rules[rule["id"].removesuffix("_watched")]
        usual = {level["level"]: level["limit"] for level in plain["levels"]}
        sign = -1 if plain.get("side") == "low" else 1
        assert all(sign * each["limit"] < sign * usual.get(each["level"], sign * np.inf) for each in rule["levels"])
    assert watched
