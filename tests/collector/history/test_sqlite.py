"""The embedded history answers like a dictionary of (sensor, time)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import make_batch, tick
from collector.history import blocks
from collector.history.sqlite import SqliteHistory

SENSORS = ("a", "b", "c")
MINUTE = blocks.MINUTE_NS
DAY = 1440 * MINUTE


@pytest.fixture
def history(tmp_path):
    """Return an open, empty history."""
    history = SqliteHistory(tmp_path / "history.db", SENSORS, retention_days=1e6)
    yield history
    history.close()


def _batch(received_ns, *readings):
    """Return a batch of (sensor, time_ns, value) readings."""
    sensors, times, values = zip(*readings, strict=True)
    return make_batch(received_ns, sensors, times, values, [0] * len(readings))


def _points(series):
    return list(zip(series.time_ns.tolist(), series.value.tolist(), strict=True))


def test_read_raw_log_only_gives_readings_of_the_sensor_in_time_order(history):
    """Before any fold a query reads the raw log."""
    history.write([_batch(5, (0, 3, 1.0), (1, 2, 9.0), (0, 1, 2.0))])

    assert [(1, 2.0), (3, 1.0)] == _points(history.read(0, 0, 10))


def test_read_blocks_and_raw_log_are_one_series(history):
    """A folded minute and the raw log behind it are joined."""
    history.write([_batch(0, (0, 1, 1.0))])
    history.write([_batch(2 * MINUTE, (0, 2 * MINUTE, 2.0))])

    assert [(1, 1.0), (2 * MINUTE, 2.0)] == _points(history.read(0, 0, DAY))


def test_read_bounds_take_the_start_and_leave_the_end(history):
    """start_ns <= time < end_ns, inside one minute too."""
    history.write([_batch(0, *((0, time, float(time)) for time in range(5)))])
    history.write([tick(2 * MINUTE)])

    assert [(1, 1.0), (2, 2.0)] == _points(history.read(0, 1, 3))


def test_write_same_sensor_and_time_again_replaces(history):
    """The value written last stands, before and after the fold."""
    history.write([_batch(0, (0, 1, 1.0))])
    history.write([_batch(0, (0, 1, 2.0))])
    before = _points(history.read(0, 0, 10))
    history.write([tick(2 * MINUTE)])

    assert [[(1, 2.0)]] * 2 == [before, _points(history.read(0, 0, 10))]


def test_write_late_into_a_folded_minute_merges(history):
    """A late reading joins its minute, a corrected one replaces."""
    history.write([_batch(0, (0, 1, 1.0), (0, 2, 2.0))])
    history.write([_batch(2 * MINUTE, (0, 2, 7.0), (0, 3, 3.0))])
    history.write([tick(4 * MINUTE)])

    assert [(1, 1.0), (2, 7.0), (3, 3.0)] == _points(history.read(0, 0, 10))


def test_write_one_minute_in_more_parts_than_a_key_holds_merges_them(history):
    """A device with a stuck clock fills one minute for ever: parts are merged, the last value stands."""
    rounds = blocks.MAX_PARTS + 3
    for i in range(rounds):
        history.write([_batch(i * MINUTE, (0, 7, float(i)), (0, 100 + i, 1.0))])
    history.write([tick(rounds * MINUTE)])

    assert (rounds + 1, float(rounds - 1)) == (history.count(), history.read(0, 7, 8).value[0])


def test_read_steps_gives_mean_and_worst_quality(history):
    """A step has the mean of its values and the highest of its qualities; empty steps are left out."""
    history.write([make_batch(0, [0, 0, 0], [0, 5, 20], [1.0, 3.0, 8.0], [0, 4, 0])])

    series = history.read(0, 0, 100, step_ns=10)

    assert [(0, 2.0, 4), (20, 8.0, 0)] == list(
        zip(series.time_ns.tolist(), series.value.tolist(), series.quality.tolist(), strict=True)
    )


def test_write_older_than_retention_is_forgotten(tmp_path):
    """Minutes older than the retention go; the count of them says so."""
    history = SqliteHistory(tmp_path / "history.db", SENSORS, retention_days=1)
    history.write([_batch(0, (0, 1, 1.0))])
    history.write([_batch(2 * DAY, (0, 2 * DAY, 2.0))])
    remaining = history.count()
    history.close()

    assert (1, 1) == (remaining, history.counts["history_minutes_expired", "retention"])


def test_open_again_with_another_register_keeps_each_sensors_past(tmp_path):
    """Readings belong to sensor ids, not to today's numbers."""
    first = SqliteHistory(tmp_path / "history.db", ["a", "b"], 1e6)
    first.write([_batch(0, (0, 1, 1.0), (1, 1, 2.0))])
    first.close()
    second = SqliteHistory(tmp_path / "history.db", ["new", "b"], 1e6)
    found = [_points(second.read(sensor, 0, 10)) for sensor in (0, 1)]
    second.close()

    assert [[], [(1, 2.0)]] == found


def test_open_file_that_is_no_database_sets_it_aside(tmp_path):
    """A destroyed file is kept under another name and a new history begins."""
    path = tmp_path / "history.db"
    path.write_bytes(b"not a database" * 1000)
    SqliteHistory(path, SENSORS, 1).close()

    assert b"not a" == (tmp_path / "history.db.corrupt-1").read_bytes()[:5]


READING = st.tuples(
    st.integers(0, 2),
    st.one_of(st.integers(0, 5 * MINUTE), st.sampled_from([-(2**63), 2**63 - 1, -1, 0, MINUTE])),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.lists(READING, min_size=1, max_size=8)), max_size=12))
def test_history_any_writes_equals_a_dictionary(tmp_path_factory, writes):
    """Whatever is folded when: the last value of each (sensor, time) is what is read, also after reopening."""
    path = tmp_path_factory.mktemp("history") / "history.db"
    history = SqliteHistory(path, SENSORS, 1e9)
    model = {}
    for minute, readings in writes:
        history.write([_batch(minute * MINUTE, *readings)])
        model.update({(sensor, time): value for sensor, time, value in readings})
    history.close()
    history = SqliteHistory(path, SENSORS, 1e9)
    found = {
        (sensor, time): value
        for sensor in range(3)
        for time, value in _points(history.read(sensor, -(2**63), 2**63 - 1))
    }
    counted = history.count()
    history.close()

    # The last nanosecond of int64 cannot lie before any int64 end.
    readable = {key: value for key, value in model.items() if key[1] < 2**63 - 1}
    assert (readable, len(model)) == (found, counted)


def test_fold_gives_keys_in_order_and_each_reading_once():
    """Blocks come sorted, so that the table is appended; equal points are folded to the last."""
    readings = blocks.raw_readings(
        np.array([2, 1, 2], np.int32), np.array([0, MINUTE, 0]), np.array([1.0, 2.0, 3.0]), np.zeros(3, np.uint16)
    )
    folded = [(key, bytes(block)) for key, block in blocks.fold(readings, {0: 5, 1: 0})]

    assert [2 * blocks.MAX_PARTS + 5, blocks.KEYS_PER_MINUTE + blocks.MAX_PARTS] == [key for key, _ in folded]
    assert [3.0, 2.0] == blocks.unfold(folded)["value"].tolist()


@given(
    writes=st.lists(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 3 * MINUTE // 10**9), st.floats(-9, 9)), min_size=1, max_size=6
        ),
        min_size=1,
        max_size=6,
    ),
    span=st.tuples(st.integers(0, 200), st.integers(0, 200)),
)
@settings(max_examples=25, deadline=None)
def test_read_all_gives_what_reading_each_sensor_gives(tmp_path_factory, writes, span):
    """Whatever was folded, written twice or still in the raw log: one query of all is the queries of each."""
    history = SqliteHistory(tmp_path_factory.mktemp("all") / "history.db", SENSORS, retention_days=1e6)
    for number, rows in enumerate(writes):
        history.write([_batch(number * MINUTE, *((sensor, second * 10**9, value) for sensor, second, value in rows))])
    start_ns, end_ns = min(span) * 10**9, max(span) * 10**9
    sensor, series = history.read_all(start_ns, end_ns)
    found = list(zip(sensor.tolist(), _points(series), strict=True))
    expected = [(each, point) for each in range(3) for point in _points(history.read(each, start_ns, end_ns))]
    history.close()

    assert expected == found


def test_read_all_leaves_out_sensors_that_the_register_lost(tmp_path):
    """What today's register does not have is not judged."""
    for sensors in (SENSORS, ("c", "d")):
        history = SqliteHistory(tmp_path / "history.db", sensors, retention_days=1e6)
        if sensors == SENSORS:
            history.write([_batch(0, (0, 1, 1.0), (2, 2, 3.0))])
            history.close()
    sensor, series = history.read_all(0, 10)
    history.close()

    assert ([0], [(2, 3.0)]) == (sensor.tolist(), _points(series))
