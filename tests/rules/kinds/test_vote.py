"""Votes: near devices, the alarms that count and for how long, and gas that crosses three manholes."""

import math
import re
from pathlib import Path

import pytest

from config.loading import load_quantities
from config.register import Asset
from rules.engine import RuleEngine
from rules.explanation import describe, fields_at
from rules.kinds.vote import VoteOptions
from rules.loading.loading import load_rules
from rules.neighbourhood import Places, along_m, distance_m, within_hops
from rules.rule import RuleSet
from tests.rules.kinds.case_vote import GAS, register, vote
from tests.rules.small_district import batch, stale, told

THREE = [("orange", 3, 1, 0, 0)]


def engine_of(levels=THREE, **options) -> RuleEngine:
    """Return an engine of gas alarms and their votes, which stand for all near within two manholes by default."""
    reach = options if {"hops", "along_m", "around_m"} & options.keys() else {"hops": 2, **options}
    return RuleEngine(RuleSet((GAS, vote("crossing", levels, **reach)), "1"), register())


def votes(engine: RuleEngine, readings: list[tuple]) -> list[tuple]:
    """Return (manhole, second, level after) of the votes over `readings`."""
    events = engine.evaluate(batch(readings[-1][1], readings), 1)
    return [(row[0] - 5, row[1], row[4]) for row in told(events) if row[0] >= 5]


def test_vote_of_gas_that_crosses_three_manholes_raises_with_the_third():
    """One leak shows in one place after the other; the third raises its own alarm at once, the others follow."""
    readings = [(0, 0, 2.0), (1, 600, 2.0), (0, 601, 2.0), (2, 1200, 2.0), (1, 1201, 2.0), (0, 1202, 2.0)]

    assert [(2, 1200.0, 4), (1, 1201.0, 4), (0, 1202.0, 4)] == votes(engine_of(), readings)


def test_vote_of_alarms_far_apart_raises_nothing():
    """Three leaks in a city are no crossing."""
    assert [] == votes(engine_of(hops=1), [(0, 0, 2.0), (2, 1, 2.0), (4, 2, 2.0), (0, 3, 2.0), (4, 4, 2.0)])


def test_vote_without_an_alarm_of_its_own_raises_nothing():
    """The neighbours of a clean manhole do not make it dangerous."""
    assert [] == votes(engine_of([("yellow", 2, 1, 0, 0)], hops=1), [(0, 0, 2.0), (2, 1, 2.0), (1, 2, 0.1)])


@pytest.mark.parametrize(("second", "expected"), [(41.0, [(1, 41.0, 3)]), (41.5, [])], ids=["within", "too late"])
def test_vote_of_an_alarm_that_has_ended_counts_for_a_while(second, expected):
    """Gas moves on: the first manhole may be clean when the second is reached."""
    engine = engine_of([("yellow", 2, 1, 0, 0)], hops=1)

    assert expected == votes(engine, [(0, 0, 2.0), (0, 1, 0.1), (1, second, 2.0)])


def test_vote_of_a_neighbour_that_fell_silent_in_alarm_still_counts():
    """Silence is no all-clear."""
    rules = RuleSet((GAS, vote("crossing", [("yellow", 2, 1, 0, 0)], hops=1), stale("silent", range(5))), "1")
    engine = RuleEngine(rules, register())
    engine.evaluate(batch(1, [(0, 1, 2.0)]), 1)
    for second in range(1, 2000, 5):
        engine.evaluate(batch(second, [(1, second, 0.1)]), 1)

    assert [(1, 2001.0, 3)] == [each for each in votes(engine, [(1, 2001, 2.0)]) if each[0] < 5]


def test_vote_of_two_channels_of_one_device_counts_once():
    """A device that is broken does not outvote itself."""
    where = register()
    for i in (0, 1):
        object.__setattr__(where.sensors[i], "device", "same")
    rules = RuleSet((GAS, vote("crossing", [("yellow", 2, 1, 0, 0)], hops=1)), "1")

    assert [] == votes(RuleEngine(rules, where), [(0, 0, 2.0), (1, 1, 2.0), (0, 2, 2.0)])


def test_vote_lower_at_least_level_does_not_count():
    """Blue alarms are no votes where yellow ones are asked for."""
    engine = engine_of([("yellow", 2, 1, 0, 0)], hops=1, at_least="yellow")

    assert [] == votes(engine, [(0, 0, 2.0), (1, 1, 2.0)])


def test_vote_added_to_a_running_district_counts_what_stands():
    """Alarms that a snapshot brings along vote."""
    before = RuleEngine(RuleSet((GAS,), "1"), register())
    before.evaluate(batch(1, [(0, 1, 2.0), (1, 1, 2.0)]), 1)
    engine = engine_of([("yellow", 2, 1, 0, 0)], hops=1)
    engine.restore(before.snapshot())

    assert [(0, 2.0, 3)] == votes(engine, [(0, 2, 2.0)])


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", "相邻报警设备数3，不低于橙色限值3"),
        ("en", "Devices in alarm near each other 3, at or above the orange limit of 3"),
    ],
)
def test_vote_is_explained_with_its_count(language, expected):
    """The number of devices is the value."""
    engine = RuleEngine(RuleSet((GAS, vote("crossing", THREE, hops=2)), "1"), register())
    rule = vote("crossing", THREE, hops=2)
    object.__setattr__(rule, "derived", rule.options.judged_quantity(None))
    events = engine.evaluate(batch(3, [(0, 1, 2.0), (1, 2, 2.0), (2, 3, 2.0)]), 1)

    assert expected == describe(rule, fields_at(events, len(events) - 1, engine.alarms), language)


@pytest.mark.parametrize(
    ("reach", "path"),
    [({}, ()), ({"hops": 1, "along_m": 5}, ()), ({"hops": 1, "side": "low"}, ("side",))],
    ids=["no reach", "two", "few are dangerous"],
)
def test_vote_whose_reach_is_not_said_once_is_refused(reach, path):
    """Who is near must be clear."""
    options = vote("crossing", **reach).options

    assert path in [fault.path for fault in options.faults(None, [])]


def test_nearby_by_hops_goes_in_all_directions():
    """Two steps from the middle reach everybody."""
    assert {"A", "B", "D", "E"} == set(within_hops(register(), "C", 2))


def test_nearby_along_the_pipe_adds_up_the_way():
    """The limit is the length of pipe, not of one step."""
    assert {"A": 0.0, "B": 50.0, "C": 100.0} == along_m(register(), "A", 100)


def test_nearby_around_agrees_with_looking_at_everybody():
    """Squares leave out no asset, at any latitude."""
    points = [(29.5 + i * 0.0004, 106.5 + j * 0.0004) for i in range(-6, 7) for j in range(-6, 7)]
    points += [(69.0 + i * 0.0004, 0.0005 * j) for i in range(5) for j in range(-6, 7)]
    assets = {str(i): Asset(str(i), "k", "gas", "", "", "R", *each) for i, each in enumerate(points)}
    places = Places(assets, 120.0)
    for one in assets.values():
        expected = {each.id for each in assets.values() if distance_m(one, each) <= 120.0}

        assert expected == set(places.around(one))


def test_nearby_distance_of_a_degree_of_latitude_is_known():
    """A degree is the 360th part of the circumference."""
    here, there = (Asset("a", "k", "gas", "", "", "R", latitude, 0.0) for latitude in (29.0, 30.0))

    assert math.isclose(6_371_008.8 * math.pi / 180, distance_m(here, there), rel_tol=1e-9)


PAGE = Path(__file__).parents[3].joinpath("docs/rules/vote.md").read_text(encoding="utf-8")


def test_page_of_votes_names_every_key():
    """Whatever a vote may say is explained."""
    assert [] == [name for name in VoteOptions.model_fields if f"`{name}`" not in PAGE]


def test_page_example_of_votes_happens_as_it_says(tmp_path):
    """Each row of the example's table agrees with the engine."""
    (tmp_path / "rules.yaml").write_text(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1], encoding="utf-8")
    engine = RuleEngine(load_rules(tmp_path, register(), load_quantities()), register())
    found = []
    rows = re.findall(r"^\| (\d+) \| ([A-E]) \| ([\d.]+) \| (.*?) ?\|$", PAGE, re.MULTILINE)
    for minute, well, value, _ in rows:
        moment = 60 * int(minute)
        events = engine.evaluate(batch(moment, [("ABCDE".index(well), moment, float(value))]), 1)
        names = {0: "cleared", 2: "to blue", 4: "to orange"}
        found.append(", ".join(f"{engine.alarms[row[0]].id} {names[row[4]]}" for row in told(events)))

    assert [row[3] for row in rows] == found
