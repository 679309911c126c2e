"""Admission of readings, and the small relations that the engine is built of."""

from collections import Counter

import numpy as np
import pytest

from collector.batch import Quality
from rules.admission.admission import Admission, ends_of, heartbeats_of, starts_of
from rules.fan_out import FanOut
from tests.rules.small_district import BEAT, PLAIN, PRESSURE, batch, register


def admission() -> Admission:
    """Return one that has seen nothing."""
    return Admission(register(), Counter())


def test_admit_of_a_batch_keeps_its_order_and_places():
    """Readings that are left out leave the places of the others."""
    admitted = admission().admit(batch(1, [(PLAIN, 1, 1.0), (99, 1, 1.0), (PRESSURE, 1, 2.0), (PLAIN, 1, 3.0)]))

    assert ([0, 2], [PLAIN, PRESSURE]) == (admitted.place.tolist(), admitted.sensor.tolist())


@pytest.mark.parametrize("n_parts", [1, 4, 20])
def test_admit_of_many_readings_of_one_sensor_keeps_the_running_newest(n_parts):
    """Only a reading newer than all before it is news, however the readings are cut."""
    times = np.random.default_rng(3).integers(0, 60, 40)
    once, newest = admission(), []
    for part in np.array_split(times, n_parts):
        admitted = once.admit(batch(60, [(PLAIN, int(time), 1.0) for time in part]))
        newest += (admitted.time_ns // 1_000_000_000).tolist()

    assert sorted(set(np.maximum.accumulate(times).tolist())) == newest


@pytest.mark.parametrize("flag", [Quality.TIME_SERVER, Quality.TIME_FUTURE, Quality.TIME_PAST])
def test_admit_of_received_times_goes_by_arrival(flag):
    """By any clock of the receiving machine, an arrival is new; the device's own times are compared alone."""
    door = admission()
    own, server = 0, int(flag)
    readings = [(PLAIN, 100, 1.0, own), (PLAIN, 40, 2.0, server), (PLAIN, 30, 3.0, server), (PLAIN, 9000, 4.0, server)]
    readings += [(PLAIN, 101, 5.0, own), (PLAIN, 100, 6.0, own)]

    assert [1.0, 2.0, 3.0, 4.0, 5.0] == door.admit(batch(1, readings)).value.tolist()
    assert 101 * 1_000_000_000 == door.newest_ns[PLAIN]


@pytest.mark.parametrize("flag", [Quality.LATE, Quality.HISTORICAL, Quality.LATE | Quality.TIME_PAST])
def test_admit_of_readings_that_are_not_of_now_lets_none_pass(flag):
    """They are neither judged nor remembered: not even the newest of all, or one with our own time."""
    counts = Counter()
    door = Admission(register(), counts)
    reason = "historical" if Quality.HISTORICAL in flag else "not_of_now"

    assert 0 == len(door.admit(batch(100, [(PLAIN, 100, 1.0, int(flag))])).place)
    assert [1.0] == door.admit(batch(101, [(PLAIN, 90, 1.0)])).value.tolist()
    assert {("readings_not_judged", reason): 1} == counts


@pytest.mark.parametrize("n_parts", [1, 3])
def test_admit_of_a_clock_that_was_ahead_and_is_corrected_goes_on(n_parts):
    """Four minutes ahead, then right: judged at once, in order from there on; a later arrival after it is late."""
    counts = Counter()
    door = Admission(register(), counts)
    door.admit(batch(1000, [(PLAIN, 1240, 1.0)]))
    readings = [(PLAIN, 999, 2.0), (PLAIN, 1000, 3.0), (PLAIN, 998, 4.0), (PLAIN, 1000, 5.0)]
    admitted = []
    for part in np.array_split(np.arange(4), n_parts):
        admitted += door.admit(batch(1000, [readings[i] for i in part])).value.tolist()

    assert [2.0, 3.0] == admitted
    assert {("readings_not_judged", "late"): 1, ("readings_not_judged", "duplicate"): 1} == counts


def test_admit_behind_a_clock_that_was_ahead_refuses_what_is_old():
    """Only a time of now shows that the clock was corrected; an old one is late, and a repeated one is known."""
    door = admission()
    door.admit(batch(1000, [(PLAIN, 1240, 1.0)]))

    assert [] == door.admit(batch(1002, [(PLAIN, 900, 2.0), (PLAIN, 1240, 1.0), (PLAIN, 1100, 3.0)])).value.tolist()


def test_admit_of_a_heartbeat_tells_the_first_from_the_advancing():
    """The first value is only sighted; an equal one is nothing; a different one, also a smaller one, advances."""
    readings = [(BEAT, time, value) for time, value in enumerate([7.0, 7.0, 8.0, 0.0, 0.0])]
    admitted = admission().admit(batch(1, readings))

    assert ([True] + [False] * 4, [False, False, True, True, False]) == (
        admitted.first_heartbeat.tolist(),
        admitted.heartbeat_advances.tolist(),
    )


def test_admit_of_a_heartbeat_compares_across_batches():
    """The value before may stand in an earlier batch."""
    door = admission()
    door.admit(batch(1, [(BEAT, 1, 7.0)]))

    assert [True] == door.admit(batch(2, [(BEAT, 2, 8.0)])).heartbeat_advances.tolist()


def test_admit_of_an_out_of_range_heartbeat_is_no_beat():
    """A counter that no instrument reports proves nothing and is not remembered."""
    admitted = admission().admit(batch(1, [(BEAT, 1, 7.0), (BEAT, 2, -1.0, 1), (BEAT, 3, 7.0)]))

    assert [False, False, False] == admitted.heartbeat_advances.tolist()


def test_heartbeats_of_a_register_are_those_that_sensors_name():
    """A heartbeat is a sensor that another sensor names as its heartbeat."""
    assert {"T.beat", "G.beat"} == heartbeats_of(register())


def test_starts_and_ends_of_groups_frame_each():
    """Groups of equal numbers side by side have one start and one end each."""
    grouped = np.array([3, 3, 5, 7, 7, 7])

    assert ([0, 2, 3], [1, 2, 5]) == (
        np.flatnonzero(starts_of(grouped)).tolist(),
        np.flatnonzero(ends_of(grouped)).tolist(),
    )


@pytest.mark.parametrize(
    ("sensor", "binding", "asked", "expected"),
    [
        ([0, 1, 2], [0, 1, 2], [2, 0, 2], [(0, 2), (1, 0), (2, 2)]),
        ([0, 2, 2], [0, 1, 2], [2, 1, 0], [(0, 1), (0, 2), (2, 0)]),
        ([], [], [0, 1], []),
        ([0, 1, 2], [5, 4, 3], [], []),
    ],
    ids=["one each", "none and two", "no binding", "no reading"],
)
def test_links_of_readings_reach_every_binding(sensor, binding, asked, expected):
    """Each pair names the row of the reading and the binding that it feeds."""
    links = FanOut(3, np.array(sensor, np.intp), np.array(binding, np.intp))
    row, reached = links.bindings_of(np.array(asked, np.intp))

    assert expected == list(zip(row.tolist(), reached.tolist(), strict=True))
