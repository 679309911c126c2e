"""Scenarios against the shipped packs: the rules decide the truth of the simulators."""

from dataclasses import dataclass

import pytest

from collector.decoding.pipeline import Pipeline, RawMessage
from config.levels import WarningLevel
from config.loading import load_quantities, load_register
from config.settings import IntakeSettings, default_subscriptions, packaged_district
from rules.engine import RuleEngine
from rules.events import Dimension, Transition
from rules.loading.loading import load_rules
from simulators.district import District
from simulators.scenarios import SCENARIOS, make_scenario
from simulators.truth import TruthKind

SECOND = 10**9
START = 1_790_000_000 * SECOND
MIDNIGHT = 1_790_006_400 * SECOND
"""Local time."""
CASES = [(name, variant) for name, recipe in SCENARIOS.items() for variant in recipe.levels]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of the rules for one scenario."""

    scenario: object
    rows: list
    """(dimension, sensor id, transition, level after, event time)."""
    last_levels: list

    def of(self, dimension):
        """Return the rows of one dimension."""
        return [row for row in self.rows if row[0] is dimension]


@pytest.fixture(scope="module")
def packaged():
    """Return register and quantities of the demo district."""
    quantities = load_quantities()
    return load_register(packaged_district(), quantities), quantities


@pytest.fixture(scope="module")
def judge(packaged):
    """Return a function that plays a span of a district through pipeline and rules, a second at a time."""
    register, quantities = packaged
    ruleset = load_rules(packaged_district() / "rules.yaml", register, quantities)

    def judge(district, start_ns, end_ns):
        pipeline = Pipeline(register, quantities, default_subscriptions(), IntakeSettings())
        engine = RuleEngine(ruleset, register)
        rows = []
        for position, now_ns in enumerate(range(start_ns, end_ns, SECOND), 1):
            messages = [RawMessage(m.topic, m.payload, retain=False) for m in district.between(now_ns - SECOND, now_ns)]
            batch, dead = pipeline.decode(messages, now_ns)
            assert [] == dead
            events = engine.evaluate(batch, position)
            for i in range(len(events)):
                key = engine.alarms[events.alarm[i]]
                sensor = register.sensors[key.sensor].id
                rows.append(
                    (key.dimension, sensor, Transition(events.transition[i]), events.level_after[i], events.time_ns[i])
                )
        return rows, engine.levels().tolist()

    return judge


@pytest.fixture(scope="module")
def decide(packaged, judge):
    """Return a function that plays a scenario; outcomes are kept."""
    register, quantities = packaged
    kept = {}

    def play(name, variant, seed):
        scenario = make_scenario(name, register, START, variant=variant)
        district = District(register, quantities, seed).with_scenarios(scenario)
        return Outcome(scenario, *judge(district, START - 30 * SECOND, scenario.span.end_ns + 120 * SECOND))

    def remember(name, variant, seed=7):
        if (name, variant, seed) not in kept:
            kept[name, variant, seed] = play(name, variant, seed)
        return kept[name, variant, seed]

    return remember


@pytest.mark.parametrize(("name", "variant"), CASES)
@pytest.mark.parametrize("seed", [7, 8])
def test_rules_on_a_scenario_reach_exactly_the_level_of_its_truth(decide, name, variant, seed):
    """A hazard reaches its level and none above it, at its sensors only; a fault never becomes a hazard."""
    outcome = decide(name, variant, seed)

    expected = {
        truth.sensor: truth.expected_level for truth in outcome.scenario.truth() if truth.kind is TruthKind.HAZARD
    }
    reached = {}
    for _, sensor, _, level, _ in outcome.of(Dimension.HAZARD):
        reached[sensor] = max(reached.get(sensor, 0), level)
    assert expected == reached


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_rules_after_a_scenario_are_quiet_again(decide, name, variant):
    """Two minutes after the end no alarm is active."""
    assert {0} == set(decide(name, variant).last_levels)


@pytest.mark.parametrize(("name", "variant"), [case for case in CASES if SCENARIOS[case[0]].kind is TruthKind.FAULT])
def test_rules_on_a_fault_find_its_devices_blind(decide, name, variant):
    """Each sensor of a fault's truth becomes blind while it lasts, and no other."""
    outcome = decide(name, variant)
    span = outcome.scenario.span

    blind = {sensor for _, sensor, transition, _, _ in outcome.of(Dimension.HEALTH) if transition is Transition.RAISED}
    times = [
        time_ns for _, _, transition, _, time_ns in outcome.of(Dimension.HEALTH) if transition is Transition.RAISED
    ]
    assert {truth.sensor for truth in outcome.scenario.truth()} == blind
    assert all(span.start_ns < time_ns <= span.end_ns for time_ns in times)


def test_rules_on_slow_loss_climb_the_ladder(decide):
    """A leak is yellow before it is orange."""
    levels = [level for _, _, _, level, _ in decide("slow_loss", "leak").of(Dimension.HAZARD)]

    assert [WarningLevel.YELLOW, WarningLevel.ORANGE] == levels[:2]


def test_rules_on_zero_pressure_are_orange_at_once(decide):
    """A sudden zero is orange at the end of its on-delay, rounded up to the cadence, and cleared once."""
    outcome = decide("zero_pressure", "sudden")
    rows = outcome.of(Dimension.HAZARD)

    assert [(Transition.RAISED, WarningLevel.ORANGE), (Transition.CLEARED, 0)] == [(row[2], row[3]) for row in rows]
    assert 10.0 <= (rows[0][4] - START) / 1e9 <= 14.0


@pytest.mark.parametrize("hour", [3, 8, 15, 20])
def test_rules_on_an_undisturbed_district_stay_quiet(packaged, judge, hour):
    """Five minutes of everyday life, at the hours where each lifeline is nearest to its limits, raise nothing."""
    register, quantities = packaged
    start_ns = MIDNIGHT + hour * 3600 * SECOND

    rows, levels = judge(District(register, quantities, 11), start_ns, start_ns + 300 * SECOND)

    assert [] == rows
    assert {0} == set(levels)
