"""The duties of every rule kind of the table to the laws."""

import dataclasses
import json
import math
import random
from collections.abc import Iterable

import numpy as np
import pytest

from collector.batch import Quality
from rules.engine import RuleEngine
from rules.explanation import describe, fields_at
from rules.kinds import RULE_KINDS
from rules.level_options import LimitOptions
from rules.rule import RuleSet
from tests.rules.kinds.conformance import Case
from tests.rules.kinds.deadband_edge import Bench
from tests.rules.kinds.undisturbed import Undisturbed, case_of, undisturbed
from tests.rules.laws import hazards_before_and_after, history, restored, split
from tests.rules.small_district import SECOND_NS, batch

SEEDS = range(6)


def facts(engine, batches) -> list[dict]:
    """Return everything that `batches` cause as one dict a transition."""
    return parsed(history(engine, batches))


def parsed(told: Iterable[str]) -> list[dict]:
    """Return the lines of a history as one dict a transition."""
    return [json.loads(line + "}") for line in told]


@pytest.fixture(params=RULE_KINDS, name="case")
def _case(request) -> Case:
    return case_of(request.param)


@pytest.fixture(params=SEEDS, name="dice")
def _dice(request) -> random.Random:
    return random.Random(request.param)  # noqa: S311 - the same streams every time


@pytest.fixture(name="plain")
def _plain(request, dice) -> Undisturbed:
    """Return the stream of `dice`, which go on behind it, and its transitions without disturbance."""
    chosen = request.node.callspec.params
    plain = undisturbed(chosen.get("case") or chosen["kind"], chosen["dice"])
    dice.setstate(plain.dice_state)
    return plain


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_kind_over_its_streams_raises_and_clears(kind):
    """The streams of the suite make it speak, or nothing below would prove anything."""
    found = {each["transition"] for seed in SEEDS for each in parsed(undisturbed(kind, seed).history)}

    assert {"raised", "cleared"} <= found


def test_kind_of_any_split_tells_the_same_history_and_keeps_the_same_state(case, dice, plain):
    """Law 3: parts of a batch received at the same time are the batch."""
    assert (plain.history, plain.state) == split(case.engine, plain.batches, dice)


def test_kind_restored_anywhere_tells_the_same_history_and_ends_the_same(case, dice, plain):
    """Law 2: a restart in the middle of any window or delay changes nothing."""
    place = dice.randint(0, len(plain.batches))

    assert plain.ending == restored(case.engine, plain.batches, place, case.engine)


def test_kind_of_a_stream_with_repeats_and_late_readings_tells_the_same_history(case, dice, plain):
    """A reading that is not newer than the last judged one of its sensor is not judged."""
    readings, disturbed = plain.readings, []
    for i, each in enumerate(readings):
        disturbed.append(each)
        if dice.random() < 0.2:
            old = readings[dice.randint(max(0, i - 20), i)]
            disturbed.append((old[0], old[1], old[2] + dice.choice([0, 1000]), old[3]))

    assert plain.history == history(case.engine(), case.batches(disturbed))


def test_kind_of_a_stream_with_values_that_are_no_numbers_tells_the_same_history(case, dice, plain):
    """NaN and infinity disturb no rule."""
    poisoned = []
    for each in plain.readings:
        poisoned.append(each)
        if dice.random() < 0.1:
            poisoned.append((each[0], each[1] + 1e-6, dice.choice([math.nan, math.inf, -math.inf]), 0))

    assert plain.history == history(case.engine(), case.batches(poisoned))


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_kind_of_a_stream_without_a_good_clock_tells_the_same_by_received_times(kind):
    """A wrong clock, or none, costs nothing where readings arrive one by one as they are measured."""
    case, dice = case_of(kind), random.Random(0)  # noqa: S311 - the same streams every time
    readings = case.stream(dice)[:2000]
    own = [batch(time_s, [(sensor, time_s, value, bits)]) for sensor, time_s, value, bits in readings]
    received = [
        batch(time_s, [(sensor, time_s, value, bits | Quality.TIME_SERVER)]) for sensor, time_s, value, bits in readings
    ]

    assert history(case.engine(), own) == history(case.engine(), received)


CLIMBING = [kind for kind in RULE_KINDS if issubclass(RULE_KINDS[kind].options, LimitOptions)]


def beginnings(case: Case, kind: str, batches, **level: float) -> list[tuple[str, int, str]]:
    """Return (alarm, time in ns, transition) of the first rule of `kind`, left with its lowest level changed so."""
    plain = {"on_delay_s": 0.0, "on_samples": 1, "of_samples": 0, "off_delay_s": 0.0, "off_samples": 1}
    chosen = next(rule for rule in case.rules if rule.kind == kind)
    lowest = min(chosen.options.levels, key=lambda each: each.level)
    options = chosen.options.model_copy(update={"levels": (lowest.model_copy(update=plain | level),)})
    changed = dataclasses.replace(chosen, options=options, levels=options.limits())
    rules = tuple(changed if rule is chosen else rule for rule in case.rules)
    told = facts(RuleEngine(RuleSet(rules, "1"), case.register), batches)
    mine = [each for each in told if each["alarm"].startswith(f"{chosen.id}/")]
    return [(each["alarm"], each["time_ns"], each["transition"]) for each in mine]


@pytest.mark.parametrize("kind", CLIMBING)
def test_kind_with_an_on_delay_raises_exactly_when_it_is_over(kind):
    """The delay runs from the first value that is beyond, and a value that comes just then completes it."""
    case = case_of(kind)
    streams = (case.batches(case.stream(random.Random(seed))) for seed in SEEDS)  # noqa: S311 - the same every time
    found = ((delays, batches) for batches in streams for delays in [delays_of(case, kind, batches)] if delays)
    delays, batches = next(found)
    delay_s, alarm, end_ns = min(delays)
    told = [
        (alarm, end_ns, "raised") in beginnings(case, kind, batches, on_delay_s=each)
        for each in (delay_s, delay_s + 1e-6)
    ]

    assert [True, False] == told


def delays_of(case: Case, kind: str, batches) -> list[tuple[float, str, int]]:
    """Return (seconds from the first value beyond to the second in a row, alarm, time of that in ns)."""
    at_once, found = beginnings(case, kind, batches), []
    for alarm, time_ns, transition in beginnings(case, kind, batches, on_samples=2):
        before = [each for each in at_once if each[0] == alarm and each[1] < time_ns]
        if transition == "raised" and before and before[-1][2] == "raised":
            found.append(((time_ns - before[-1][1]) / SECOND_NS, alarm, time_ns))
    return found


@pytest.mark.parametrize("kind", CLIMBING)
def test_kind_clears_only_behind_the_end_of_its_deadband(kind):
    """A value that is just the limit less the deadband keeps the level; one step further back ends it."""
    case = case_of(kind)
    benches = [Bench(case, rule) for rule in case.rules if rule.kind == kind]
    tries = ((bench, bench.edge(seeds)) for seeds in (SEEDS[:3], SEEDS) for bench in benches)
    bench, edge = next((bench, edge) for bench, edge in tries if edge)
    alarm, time_ns = edge.clear[:2]
    at, behind = (
        [each for each in bench.turns(reset, edge.batches) if each[0] == alarm and each[1] <= time_ns]
        for reset in (edge.value, edge.reset)
    )

    assert behind == [*at, edge.clear]


def test_kind_in_silence_keeps_every_hazard(case, dice, plain):
    """Law 4: without a reading no hazard begins, changes or ends."""
    readings = plain.readings
    batches = case.batches(readings[: dice.randint(len(readings) // 2, len(readings))])
    before, after = hazards_before_and_after(case.engine(), batches, 300)

    assert before == after


def test_kind_after_a_long_gap_clears_nothing_with_one_reading_that_it_must_wait_for(case, plain):
    """A gap is no proof: an alarm with a delay at its end survives the first reading after it."""
    engine = case.engine()
    for each in plain.batches:
        engine.evaluate(each, 1)
        if engine.levels().max(initial=0) > 0:
            break
    delayed = np.array([_ends_late(case, key) for key in engine.alarms])
    expected = engine.levels()[delayed].tolist()
    later_s = each.received_ns / SECOND_NS + 86_400.0
    last = {row[0]: row for row in plain.readings}
    engine.evaluate(batch(later_s, [(sensor, later_s, row[2], 0) for sensor, row in last.items()]), 1)

    assert all(after >= before for before, after in zip(expected, engine.levels()[delayed].tolist(), strict=True))


def _ends_late(case: Case, key) -> bool:
    levels = case.rules.rule(key.rule).levels
    return bool(levels) and all(level.off_delay_s > 0 or level.off_samples > 1 for level in levels)


def test_kind_of_readings_out_of_range_holds_them(case, dice, plain):
    """A value that no working instrument sends changes no hazard, unless its rule judges suspects."""
    mixed = []
    for each in plain.readings:
        mixed.append(each)
        if dice.random() < 0.1:
            mixed.append((each[0], each[1] + 1e-6, dice.choice([-1e6, 1e6]), int(Quality.OUT_OF_RANGE)))

    assert plain.history == history(case.engine(), case.batches(mixed))


@pytest.mark.parametrize("kind", [kind for kind in RULE_KINDS if case_of(kind).reference])
def test_kind_of_its_streams_agrees_with_its_slow_reference(kind, plain):
    """The columnar kind agrees exactly with its obvious twin; others are compared in tests of their own."""
    reference = case_of(kind).reference
    assert reference is not None
    told = parsed(plain.history)
    actual = [(each["time_ns"] / SECOND_NS, each["level_before"], each["level_after"]) for each in told]

    assert reference(plain.readings) == actual


@pytest.mark.parametrize("language", ["zh", "en"])
def test_kind_explains_every_transition(case, plain, language):
    """There is a sentence for whatever it finds."""
    for events in plain.events:
        for i in range(len(events)):
            rule = case.rules.rule(plain.alarms[events.alarm[i]].rule)
            assert len(describe(rule, fields_at(events, i, plain.alarms), language)) > 3
