"""Seven dangers from beginning to end, through decoding, checks, rules and planning, with their exact messages."""

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from alerts.links import SignedLinks
from alerts.notification import NotificationKind
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import plan_step
from alerts.routing.loading import load_routes
from collector.decoding.pipeline import Pipeline, RawMessage
from config.loading import load_quantities
from config.settings import IntakeSettings, default_subscriptions, packaged_district
from rules.engine import RuleEngine
from rules.loading.loading import load_rules
from simulators.stories import make_story

MINUTE_NS = 60_000_000_000


@dataclass
class Told:
    """The result of a story."""

    story: object
    alarms: list = field(default_factory=list)
    """(minutes since the danger began, rule, sensor, level); times are rounded down."""
    messages: list = field(default_factory=list)
    """(minutes since the danger began, kind, contact)."""


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """Return a function that plays a story with a pack, a commit for each time at which messages leave."""
    quantities = load_quantities()
    routes = replace(load_routes(packaged_district() / "routes.yaml", ["sms"]), settle_s=0)
    kept = {}

    def once(name, pack, seed):
        folder = tmp_path_factory.mktemp(name)
        (folder / "rules.yaml").write_text(f"packs: [{pack}]\n", encoding="utf-8")
        story = make_story(name, quantities, seed)
        register = story.register
        ruleset = load_rules(folder, register, quantities)
        people = PlanningConfig(register, quantities, ruleset, routes, SignedLinks("http://127.0.0.1", b"k" * 32))
        pipeline = Pipeline(register, quantities, default_subscriptions(), IntakeSettings())
        engine, told, alerts = RuleEngine(ruleset, register), Told(story), {}
        messages = story.district.between(story.begins_ns, story.ends_ns)
        for place, (now_ns, group) in enumerate(itertools.groupby(messages, key=lambda m: m.sent_ns), 1):
            raw = [RawMessage(m.topic, m.payload, retain=False) for m in group]
            batch, dead = pipeline.decode(raw, now_ns)
            assert not dead
            events = engine.evaluate(batch, place)
            plan = plan_step(events, engine.alarms, now_ns, [a for a in alerts.values() if a.is_open], people)
            alerts |= {alert.id: alert for alert in plan.alerts}
            note(told, events, engine, register)
            told.messages += [
                (minute(story, now_ns), each.notification.kind, each.notification.contact) for each in plan.planned
            ]
        return told

    def play(name, pack, seed=7):
        if (name, seed) not in kept:
            kept[name, seed] = once(name, pack, seed)
        return kept[name, seed]

    return play


def minute(story, time_ns):
    """Return whole minutes since the danger began."""
    return int((time_ns - story.danger_ns) // MINUTE_NS)


def note(told, events, engine, register):
    """Add the transitions of one step."""
    for i in range(len(events)):
        key = engine.alarms[events.alarm[i]]
        when = minute(told.story, int(events.time_ns[i]))
        told.alarms.append((when, key.rule, register.sensors[key.sensor].id, int(events.level_after[i])))


def levels(told):
    """Return every change of a hazard as "minute rule sensor level", without the pack's name."""
    return [
        f"{when:5d} {rule.partition('.')[2]} {sensor.rpartition('.')[0]} {LEVELS[level]}"
        for when, rule, sensor, level in told.alarms
    ]


LEVELS = ("clear", "green", "blue", "yellow", "orange", "red")
ALL = {"responsible", "manager", "maintenance"}


def people(told, level_minute):
    """Return the recipients of hazard messages in this minute."""
    return {who for minute, kind, who in told.messages if minute == level_minute and kind in _OF_DANGER}


_OF_DANGER = {NotificationKind.RAISED, NotificationKind.ESCALATED}


def test_story_of_zero_fire_pressure_is_orange_and_never_red(play):
    """The three roles of the tower get a message in the same step, and one more when water is back."""
    told = play("fire_water", "fire_water")

    assert [
        "    0 zero_pressure T-1.D0 orange",
        "    5 zero_pressure T-1.D0 yellow",
        "    5 zero_pressure T-1.D0 clear",
    ] == levels(told)
    assert ALL == people(told, 0)
    assert ALL == {who for minute, kind, who in told.messages if kind == NotificationKind.CLEARED and minute == 5}


def test_story_of_septic_methane_climbs_to_red_and_is_foreseen(play):
    """An hour before half of the explosive limit, people know; red comes 54 min after it was foreseen."""
    told = play("septic_methane", "septic_tank")

    assert [
        "   11 methane S-1.D0 blue",
        "   15 methane S-1.D0 yellow",
        "   19 methane_rising S-1.D0 blue",
        "   21 methane_rising S-1.D0 yellow",
        "   38 methane S-1.D0 orange",
        "   75 methane S-1.D0 red",
        "  160 methane S-1.D0 orange",
        "  167 methane_rising S-1.D0 clear",
        "  167 methane S-1.D0 yellow",
        "  172 methane S-1.D0 blue",
        "  178 methane S-1.D0 clear",
    ] == levels(told)
    assert (ALL, ALL) == (people(told, 38), people(told, 75))


def test_story_of_a_bridge_support_is_told_by_two_gauges_and_not_by_the_sun(play):
    """Three days of temperature say nothing; 30 um/m that it does not explain are orange where two gauges agree."""
    told = play("bridge_support", "bridge")

    assert [
        "   28 strain_unexplained B-1.D0 blue",
        "   28 strain_unexplained B-1.D1 blue",
        "   33 strain_unexplained B-1.D0 yellow",
        "   33 strain_unexplained B-1.D1 yellow",
        "   43 support B-1.D1 orange",
        "   48 support B-1.D0 orange",
    ] == levels(told)
    assert ALL == people(told, 43)


def test_story_of_gas_that_crosses_three_manholes_is_orange_with_the_third(play):
    """No manhole alone is above yellow; the third in a row makes it a leaking main."""
    told = play("gas_manholes", "gas")

    assert [
        "    5 methane G-2.D0 blue",
        "    9 methane G-2.D0 yellow",
        "   26 methane G-3.D0 blue",
        "   27 crossing G-3.D0 yellow",
        "   27 crossing G-2.D0 yellow",
        "   31 methane G-3.D0 yellow",
        "   50 methane G-4.D0 blue",
        "   51 crossing G-4.D0 orange",
        "   51 crossing G-3.D0 orange",
        "   51 crossing G-2.D0 orange",
        "  133 methane G-3.D0 blue",
        "  136 methane G-2.D0 blue",
        "  137 methane G-4.D0 clear",
        "  143 methane G-3.D0 clear",
        "  144 methane G-2.D0 clear",
        "  147 crossing G-4.D0 clear",
        "  153 crossing G-3.D0 clear",
        "  154 crossing G-2.D0 clear",
    ] == levels(told)
    assert ALL == people(told, 51)


def test_story_of_a_burst_main_is_orange_within_a_minute(play):
    """The fall tells before the pressure is low: two points of the main say so together."""
    told = play("burst_main", "water_supply")

    assert [
        "    0 pressure_fall W-2.D0 yellow",
        "    0 pressure_fall W-1.D0 yellow",
        "    0 bursting W-1.D0 orange",
        "    0 bursting W-2.D0 orange",
        "    2 low_pressure W-1.D0 yellow",
        "    6 pressure_fall W-1.D0 clear",
        "    6 pressure_fall W-2.D0 clear",
        "   16 bursting W-1.D0 clear",
        "   16 bursting W-2.D0 clear",
        "  123 low_pressure W-1.D0 blue",
        "  127 low_pressure W-1.D0 clear",
    ] == levels(told)
    assert ALL == people(told, 0)


def test_story_of_a_burst_main_tells_each_person_once_a_place(play):
    """Two places, eleven transitions: each recipient hears of each higher level, and once of the end of all."""
    told = play("burst_main", "water_supply")

    everybody = [("maintenance", 1), ("manager", 1), ("responsible", 1)]
    assert {
        (0, "raised"): [("maintenance", 4), ("manager", 2), ("responsible", 2)],
        (16, "cleared"): everybody,
        (127, "cleared"): everybody,
    } == {
        when: sorted(Counter(who for *at, who in told.messages if tuple(at) == when).items())
        for when in dict.fromkeys((minute, kind) for minute, kind, _ in told.messages)
    }


def test_story_of_a_creeping_slope_leaves_time_to_evacuate(play):
    """Blue within a day, orange three days and red 28 h before the failure: there is time to leave."""
    told = play("creeping_slope", "slope")

    assert [
        " 1416 rate L-1.D0 blue",
        " 2856 tangent_angle L-1.D0 yellow",
        "12816 tangent_angle L-1.D0 orange",
        "15576 tangent_angle L-1.D0 red",
        "15996 failure_time L-1.D0 yellow",
        "16236 failure_time L-1.D0 orange",
    ] == levels(told)
    assert (ALL, ALL) == (people(told, 12816), people(told, 15576))
    failure = minute(told.story, told.story.failure_ns)
    assert (74, 28) == ((failure - 12816) // 60, (failure - 15576) // 60)


def test_story_of_a_tunnel_whose_fans_stand_is_orange_in_one_section(play):
    """It is foreseen, climbs, is orange where cars stand, and ends when the fans run; ordinary jams say nothing."""
    told = play("tunnel_air", "tunnel")

    assert [
        "    9 carbon_monoxide_rising U-2.D0 blue",
        "   10 carbon_monoxide U-2.D0 blue",
        "   18 carbon_monoxide U-2.D0 yellow",
        "   22 carbon_monoxide U-3.D0 blue",
        "   25 carbon_monoxide U-1.D0 blue",
        "   26 carbon_monoxide U-2.D0 orange",
        "   53 carbon_monoxide U-2.D0 yellow",
        "   54 carbon_monoxide_rising U-2.D0 clear",
        "   58 carbon_monoxide U-2.D0 blue",
        "   59 carbon_monoxide U-1.D0 clear",
        "   60 carbon_monoxide U-3.D0 clear",
        "   66 carbon_monoxide U-2.D0 clear",
    ] == levels(told)
    assert ALL == people(told, 26)


@pytest.mark.parametrize(("name", "pack"), [("fire_water", "fire_water"), ("septic_methane", "septic_tank")])
def test_story_with_another_seed_reaches_the_same_levels(play, name, pack):
    """The order of the levels is the danger's, not the noise's."""
    one, other = play(name, pack, 7), play(name, pack, 11)

    assert [row[1:] for row in one.alarms] == [row[1:] for row in other.alarms]
