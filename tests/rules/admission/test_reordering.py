"""Readings that wait for older ones: whatever their order within the allowed lateness, the history is the same."""

import dataclasses
import io
import zipfile
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch, make_batch, tick
from config.register import Register
from rules.admission.reordering import Reordering, reorder_s
from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules import small_district
from tests.rules.laws import history, undisturbed_and_restored, whole_and_split
from tests.rules.small_district import (
    BEAT,
    GAS,
    OTHER_BEAT,
    PLAIN,
    PRESSURE,
    SECOND_NS,
    batch,
    rules,
)
from tests.rules.streams import streams, values

WAIT_S = 5


def register(*waiting: str, wait_s: float = WAIT_S) -> Register:
    """Return the small district, in which one sensor of each of the devices `waiting` has a time to wait."""
    sensors, left = [], set(waiting)
    for sensor in small_district.register().sensors:
        waits = sensor.device in left
        left.discard(sensor.device)
        sensors.append(dataclasses.replace(sensor, reorder_s=wait_s if waits else 0.0))
    return dataclasses.replace(small_district.register(), sensors=sensors)


def engine(*waiting: str) -> RuleEngine:
    """Return a new engine over `register`."""
    return RuleEngine(rules(), register(*(waiting or ("T", "G", "P"))))


@st.composite
def moved_streams(draw) -> tuple[list[ReadingBatch], list[ReadingBatch]]:
    """Return a stream of device messages, and the same with each late by up to `WAIT_S` and some repeated."""
    n_seconds = draw(st.integers(4, 30))
    clean: list[list[tuple]] = [[] for _ in range(n_seconds + 2 * WAIT_S)]
    moved: list[list[tuple]] = [[] for _ in range(n_seconds + 2 * WAIT_S)]
    beats = {PRESSURE: BEAT, GAS: OTHER_BEAT}
    for second in range(n_seconds):
        for sensor in draw(st.sets(st.sampled_from([PRESSURE, GAS, PLAIN]))):
            rows = [(sensor, second, draw(values))]
            if sensor in beats:
                rows.append((beats[sensor], second, float(draw(st.integers(0, 3)))))
            clean[second] += rows
            for late in draw(st.lists(st.integers(0, WAIT_S), min_size=1, max_size=2)):
                place = draw(st.integers(0, len(moved[second + late])))
                moved[second + late][place:place] = rows
    return [batch(i, rows) for i, rows in enumerate(clean)], [batch(i, rows) for i, rows in enumerate(moved)]


@settings(max_examples=150)
@given(moved_streams())
def test_engine_of_a_stream_shuffled_within_the_lateness_and_repeated_tells_the_same_history(pair):
    """Everything is judged once and in the order of measurement: the same events, the same levels at the end."""
    clean, moved = engine(), engine()
    expected = history(clean, pair[0])

    assert expected == history(moved, pair[1])
    assert clean.levels().tolist() == moved.levels().tolist()


@settings(max_examples=60)
@given(moved_streams())
def test_engine_that_waits_tells_of_an_orderly_stream_what_one_that_does_not_wait_tells(pair):
    """Hazards of an orderly stream are the same with their event times, only later in the journal."""
    hazards = RuleSet(tuple(rule for rule in rules().rules if rule.kind == "threshold"), "1")
    at_once, waits = RuleEngine(hazards, register()), RuleEngine(hazards, register("T", "G", "P"))
    expected, actual = (history(judge, pair[0]) for judge in (at_once, waits))

    assert sorted(expected) == sorted(actual)


@settings(max_examples=80)
@given(streams(), st.randoms(use_true_random=False))
def test_engine_that_waits_of_any_split_tells_the_same_history_and_keeps_the_same_state(batches, dice):
    """Law 3 holds with readings that wait."""
    whole, split = whole_and_split(lambda: engine("T", "P"), batches, dice)

    assert whole == split


@settings(max_examples=80)
@given(streams(), st.data())
def test_engine_that_waits_restored_anywhere_tells_byte_identical_history(batches, data):
    """Law 2 holds with readings that wait: they are part of the snapshot."""
    place = data.draw(st.integers(0, len(batches)))
    undisturbed, restored = undisturbed_and_restored(lambda: engine("T", "P"), batches, place)

    assert undisturbed == restored


@settings(max_examples=60)
@given(streams())
def test_order_of_any_stream_loses_and_doubles_nothing(batches):
    """Law 7: every reading leaves once, whatever came before it."""
    waits = Reordering(register("T", "P"), Counter())
    came = sum(map(len, batches))
    left = [waits.reorder(each) for each in batches] + [waits.reorder(tick(10**15))]

    assert came == sum(map(len, left))


def ordered(waits: Reordering, *batches: ReadingBatch) -> list[list[float]]:
    """Return the values that leave with each of `batches`."""
    return [waits.reorder(each).value.tolist() for each in batches]


def test_order_lets_readings_leave_in_time_order_after_their_wait():
    """With the first moment that is later than time and wait, by sensor where times are equal."""
    waits = Reordering(register("T", "P"), Counter())
    first = batch(2, [(PLAIN, 2, 4.0), (PLAIN, 1, 2.0), (PRESSURE, 1, 1.0), (PLAIN, 0, 0.0)])
    at_its_end = tick(6 * SECOND_NS)

    assert [[], [0.0], [], [1.0, 2.0, 4.0]] == ordered(waits, first, at_its_end, at_its_end, tick(8 * SECOND_NS))


def test_order_of_what_need_not_wait_leaves_it_in_the_batch():
    """Other devices, received times, old readings, readings that have waited already, and unknown sensors."""
    waits = Reordering(register("P"), Counter())
    at_once = [(GAS, 9, 1.0), (PLAIN, 9, 2.0, int(Quality.TIME_SERVER)), (PLAIN, 1, 3.0, int(Quality.LATE))]
    at_once += [(PLAIN, 3, 4.0), (99, 9, 5.0), (-1, 9, 6.0), (PLAIN, 2, 7.0, int(Quality.HISTORICAL))]

    assert [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]] == ordered(waits, batch(9, at_once))


def test_order_of_a_time_ahead_waits_from_its_arrival():
    """A clock that is minutes ahead holds its readings no longer than any other."""
    waits = Reordering(register("P"), Counter())

    assert [[], [1.0]] == ordered(waits, batch(0, [(PLAIN, 240, 1.0)]), tick((WAIT_S + 1) * SECOND_NS))


def test_order_when_our_clock_is_set_back_lets_all_leave_in_order():
    """Nothing waits for an hour that has been before."""
    counts = Counter()
    waits = Reordering(register("P"), counts)

    assert [[], [1.0, 2.0]] == ordered(waits, batch(3600, [(PLAIN, 3600, 2.0), (PLAIN, 3599, 1.0)]), tick(1))
    assert {("readings_released_early", "clock_set_back"): 2} == counts


def test_order_of_too_many_lets_the_earliest_leave_early():
    """Memory is bounded; who leaves early is counted, in time order, and judged."""
    counts = Counter()
    waits = Reordering(register("P"), counts, max_waiting=3)
    many = batch(5, [(PLAIN, time, float(time)) for time in (4, 2, 5, 1, 3)])

    soon, later = tick(6 * SECOND_NS - 1), tick(99 * SECOND_NS)

    assert [[], [1.0, 2.0], [], [3.0, 4.0, 5.0]] == ordered(waits, many, soon, soon, later)
    assert {("readings_released_early", "too_many"): 2} == counts


def test_reorder_of_a_device_is_the_longest_of_its_sensors():
    """A heartbeat must not overtake the readings that it proves."""
    found = dict(zip(register().sensor_ids, reorder_s(register("T")).tolist(), strict=True))

    assert {"T.p": 5.0, "T.beat": 5.0, "T.online": 5.0, "G.ch4": 0.0, "G.beat": 0.0, "P.p": 0.0} == found


def test_snapshot_of_a_changed_register_lets_wait_on_who_is_still_there():
    """Numbers are matched by id; who has left the register waits no more, who need not wait any more leaves."""
    old = engine()
    old.evaluate(batch(10, [(PLAIN, 10, 0.0), (PRESSURE, 10, 9.0)]), 1)
    fewer = dataclasses.replace(register(), sensors=register().sensors[4:])
    now = RuleEngine(dataclasses.replace(rules(), rules=()), fewer)
    now.restore(old.snapshot())
    now.evaluate(tick(60 * SECOND_NS), 2)

    assert [True, False] == now.seen().tolist()


def test_engine_restored_from_a_snapshot_of_before_anything_could_wait_goes_on():
    """An older program has written no such columns: nothing waits."""
    judge = RuleEngine(rules(), small_district.register())
    judge.evaluate(batch(10, [(PLAIN, 10, 0.0)]), 1)
    old, without = zipfile.ZipFile(io.BytesIO(judge.snapshot()[4:])), io.BytesIO()
    with zipfile.ZipFile(without, "w") as archive:
        for name in old.namelist():
            if not name.startswith("reordering."):
                archive.writestr(name, old.read(name))
    now = engine()
    now.restore(zlib.crc32(without.getvalue()).to_bytes(4, "little") + without.getvalue())

    assert judge.levels().tolist() == now.levels().tolist()


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.OUT_OF_RANGE])
def test_engine_position_of_an_event_is_that_of_the_entry_that_let_it_happen(quality):
    """An event of a reading that waited has the place in the journal at which it left."""
    judge = engine()
    readings = make_batch(10 * SECOND_NS, [GAS], [10 * SECOND_NS], [9.0], [int(quality)])
    found = [judge.evaluate(readings, 1), judge.evaluate(tick(16 * SECOND_NS), 2)]

    assert (0, {2}, [10]) == (
        len(found[0]),
        set(found[1].position.tolist()),
        np.unique(found[1].time_ns // SECOND_NS).tolist(),
    )
