"""Readings of one sensor and one time are kept apart where they differ, and stay one where they are equal."""

import tracemalloc
from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality, make_batch
from collector.checks import equal_times as module
from collector.checks.equal_times import MOST, EqualTimes

N_SENSORS = 3
RECEIVED_NS = 100


def times(instants, *readings):
    """Return the times that (sensor, time, value) or (sensor, time, value, quality) get in one batch."""
    sensor, time_ns, value, quality = zip(*[(*each, 0)[:4] for each in readings], strict=True)
    return instants.separate(make_batch(RECEIVED_NS, sensor, time_ns, value, quality)).time_ns.tolist()


def fresh():
    """Return one that has heard nothing."""
    return EqualTimes(N_SENSORS, Counter())


def test_ten_readings_of_one_second_are_ten_and_counted():
    """However they are spread over batches, a clock of seconds costs no reading."""
    one = fresh()
    first = times(one, *((0, 5000, float(i)) for i in range(4)))
    rest = [times(one, (0, 5000, float(i)))[0] for i in range(4, 10)]

    assert [*range(5000, 5010)] == first + rest
    assert {("readings_same_time", "kept_apart"): 9} == one._counts


def test_reading_sent_again_gets_its_time_again():
    """A repeated message is the same points, also after others of the same time."""
    one = fresh()
    times(one, (0, 5000, 1.0), (0, 5000, 2.0), (0, 5000, 3.0))

    assert [5001, 5000, 5002] == times(one, (0, 5000, 2.0), (0, 5000, 1.0), (0, 5000, 3.0))


def test_older_reading_and_received_times_are_left_alone():
    """Nothing is known of older times; times of ours are apart already and say nothing of the device's clock."""
    one = fresh()
    times(one, (0, 5000, 1.0))

    assert [4000, 5000, 6000] == times(
        one, (0, 4000, 2.0), (0, 5000, 3.0, Quality.TIME_SERVER), (0, 6000, 3.0, Quality.TIME_PAST)
    )
    assert [5001] == times(one, (0, 5000, 4.0))


def test_more_than_can_be_kept_apart_share_a_time_and_are_counted():
    """Beyond the most, readings replace each other; the counter says so."""
    one = fresh()
    got = times(one, *((0, 0, float(i)) for i in range(MOST + 5)))

    assert [*range(MOST), *[MOST] * 5] == got
    assert 5 == one._counts["readings_same_time", "replaced"]


def test_sensors_that_say_everything_at_once_leave_the_memory_bounded(monkeypatch):
    """Whoever makes up values without end fills no memory."""
    monkeypatch.setattr(module, "_ROOM", 1000)
    one = EqualTimes(10_000, Counter())
    tracemalloc.start()
    for i in range(10):
        everyone = np.repeat(np.arange(10_000), 2)
        one.separate(make_batch(RECEIVED_NS, everyone, np.full(20_000, i), np.arange(20_000) + 0.5, np.zeros(20_000)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(one._places) <= 500
    assert held < 2 << 20


def slow(readings):
    """Return what each reading's time becomes, one after the other."""
    newest, said, got = {}, {}, []
    for sensor, time_ns, value in readings:
        if time_ns > newest.get(sensor, -(2**62)):
            newest[sensor], said[sensor] = time_ns, [value]
        if time_ns == newest[sensor]:
            if value not in said[sensor]:
                said[sensor].append(value)
            got.append(time_ns + said[sensor].index(value))
        else:
            got.append(time_ns)
    return got


streams = st.lists(
    st.tuples(
        st.integers(0, N_SENSORS - 1), st.integers(0, 4).map(lambda t: t * 1000), st.sampled_from([1.0, 2.0, 3.0])
    ),
    max_size=30,
)


@given(streams, st.lists(st.integers(0, 30), max_size=4))
def test_readings_cut_anywhere_get_the_times_of_one_after_the_other(readings, cuts):
    """The fast ways and the slow one agree, however a stream is cut."""
    one = fresh()
    edges = [0, *sorted(min(cut, len(readings)) for cut in cuts), len(readings)]
    got = [each for start, end in pairwise(edges) if end > start for each in times(one, *readings[start:end])]

    assert slow(readings) == got


@given(streams)
def test_room_is_counted_exactly(readings):
    """What is held is what is remembered."""
    one = fresh()
    for each in readings:
        times(one, each)

    assert one._held == sum(len(places) for _, places in one._places.values())
