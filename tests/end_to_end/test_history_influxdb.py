"""The history on a real InfluxDB 1.x: bits, bad points, conflicts, outages."""

import threading
import time

import httpx
import pytest
from structlog.testing import capture_logs

from collector.batch import make_batch
from collector.dead_letter import DeadLetterReason
from collector.history import HistoryUnavailableError
from collector.journal.sqlite import SqliteJournal
from collector.recorder import Recorder
from tests.end_to_end.history_cases import columns, influx_history, readings, register

pytestmark = pytest.mark.end_to_end
SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def test_write_and_read_give_the_same_bits_back(influxdb):
    """Time, value and quality survive the server exactly."""
    batch = readings(1000)
    with influx_history(influxdb.url) as history:
        refused = history.write([batch])
        series = history.read(0, batch.time_ns[0], batch.time_ns[-1] + 1)

    assert ([], columns(batch)) == (refused, columns(series))


def test_read_all_gives_what_reading_each_sensor_gives(influxdb):
    """One query for each quantity: every sensor's readings, by sensor and time; nothing from outside the span."""
    first = readings(100)
    second = readings(50, sensor=1)
    start_ns, end_ns = int(first.time_ns[20]), int(first.time_ns[-1])
    with influx_history(influxdb.url) as history:
        history.write([first, second])
        sensor, series = history.read_all(start_ns, end_ns)
        each = [history.read(number, start_ns, end_ns) for number in (0, 1)]

    assert [len(found.time_ns) for found in each] == [int((sensor == number).sum()) for number in (0, 1)]
    assert [columns(found) for found in each] == [
        [column[sensor == number].tolist() for column in (series.time_ns, series.value, series.quality)]
        for number in (0, 1)
    ]


def test_write_again_counts_once(influxdb):
    """The same batch twice is stored once."""
    batch = readings(100)
    with influx_history(influxdb.url) as history:
        history.write([batch])
        history.write([batch])
        counts = (history.count(), history.count(0), history.count(1))

    assert (100, 100, 0) == counts


def test_write_equal_times_in_one_batch_keeps_the_last(influxdb):
    """Of two values for one sensor and time only the later is sent."""
    now = time.time_ns()
    with influx_history(influxdb.url) as history:
        history.write([make_batch(now, [0, 0], [now, now], [1.0, 2.0], [0, 0])])

        assert [2.0] == history.read(0, now, now + 1).value.tolist()


def test_read_steps_gives_means(influxdb):
    """A step is the mean of its values, the worst of its qualities, at the step's start."""
    start = time.time_ns() // (10 * SECOND) * 10 * SECOND
    times = [start, start + SECOND, start + 20 * SECOND]
    with influx_history(influxdb.url) as history:
        history.write([make_batch(start, [0] * 3, times, [1.0, 3.0, 8.0], [0, 4, 0])])
        series = history.read(0, start, start + 60 * SECOND, 10 * SECOND)

    assert [[start, start + 20 * SECOND], [2.0, 8.0], [4, 0]] == columns(series)


def test_names_that_attack_line_protocol_and_influxql_stay_names(influxdb):
    """Quotes, spaces, commas, equal signs and backslashes in an id reach the server and come back, and do nothing."""
    ids = ("a b,c=d", "x' OR 'y'='y", 'q"; DROP MEASUREMENT temperature', "b\\ack", "压力,一号 楼")
    batches = [readings(3, sensor=i) for i in range(len(ids))]
    with influx_history(influxdb.url, register(ids)) as history:
        history.write(batches)
        found = [columns(history.read(i, 0, 2**62)) for i in range(len(ids))]

    assert [columns(batch) for batch in batches] == found


@pytest.mark.parametrize("bad", [[0], [2500], [4999], [7, 8, 3000]])
def test_write_bad_points_among_5000_costs_only_them(influxdb, bad):
    """All others are stored; each bad one comes back with the server's reason; at most 26 requests."""
    with influx_history(influxdb.url) as history:
        refused = history.write([readings(5000, bad=bad)])
        counts = (history.count(0), history.counts["history_requests", ""])

    assert [DeadLetterReason.HISTORY_REJECTED] * len(bad) == [letter.reason for letter in refused]
    assert all("invalid number" in letter.detail and b"value=nan" in letter.payload for letter in refused)
    assert 5000 - len(bad) == counts[0]
    assert counts[1] <= 26


@pytest.mark.parametrize("foreign", ["1i", '"text"', "true"], ids=["integer", "string", "boolean"])
def test_write_type_conflict_costs_that_measurement_alone(influxdb, foreign):
    """Another program made `value` a different type: those points are dead letters, the other quantity is stored."""
    now = time.time_ns()
    influxdb.write(f"fire_water_pressure,sensor=other value={foreign} {now}")
    with influx_history(influxdb.url) as history:
        refused = history.write([readings(300, sensor=0), readings(300, sensor=1)])
        stored = history.count(1)
        requests = history.counts["history_requests", ""]

    assert (300, 300) == (len(refused), stored)
    assert all("field type conflict" in letter.detail for letter in refused)
    assert requests <= 26


def test_write_beyond_retention_is_refused_and_far_future_is_stored(influxdb):
    """Points that the retention of the server drops are named, not lost in silence."""
    influxdb.query(f'ALTER RETENTION POLICY "autogen" ON "{influxdb.database}" DURATION 1h SHARD DURATION 1h')
    now = time.time_ns()
    batch = make_batch(now, [0] * 4, [now - 3 * HOUR, now - 2 * HOUR, now, now + 24 * HOUR], [1.0] * 4, [0] * 4)
    with influx_history(influxdb.url) as history:
        refused = history.write([batch])
        stored = history.count(0)

    assert ["points beyond retention policy"] * 2 == [x.detail.split(": ")[1].split(" dropped")[0] for x in refused]
    assert 2 == stored


def test_write_without_the_database_says_what_to_do(influxdb):
    """A missing database costs no reading: the history counts as unavailable until it exists."""
    batch = readings(10)
    with influx_history(influxdb.url, database="later") as history:
        with pytest.raises(HistoryUnavailableError, match=r'database not found: "later".*check history\.url, database'):
            history.write([batch])
        influxdb.query('CREATE DATABASE "later"')

        assert ([], 10) == (history.write([batch]), history.count())


def test_write_answer_lost_on_the_way_counts_each_point_once(influxdb, chaos_proxy):
    """The server stored the batch, but its answer was lost: the repeat changes nothing."""
    proxy = chaos_proxy(influxdb.port)
    batch = readings(5000)
    with influx_history(f"http://127.0.0.1:{proxy.port}", timeout_s=1) as history:
        history.write([readings(1, sensor=1)])
        proxy.drop_replies = True
        with pytest.raises(HistoryUnavailableError):
            history.write([batch])
        stored_unheard = influxdb.count("fire_water_pressure")
        proxy.cut()
        proxy.resume()
        history.write([batch])
        stored = history.count(0)

    assert (5000, 5000) == (stored_unheard, stored)


def test_write_connection_cut_in_the_middle_counts_each_point_once(influxdb, chaos_proxy):
    """Half a body is an error and not half a batch; the repeat stores it all."""
    proxy = chaos_proxy(influxdb.port)
    batch = readings(5000)
    with influx_history(f"http://127.0.0.1:{proxy.port}", timeout_s=5) as history:
        history.write([readings(1, sensor=1)])
        proxy.cut()
        proxy.drop_after_bytes = 100_000
        with pytest.raises(HistoryUnavailableError):
            history.write([batch])
        history.write([batch])

        assert 5000 == history.count(0)


@pytest.fixture
def recording(influxdb, tmp_path):
    """Return a journal and a recorder that runs into the server; both are stopped after the test."""
    journal = SqliteJournal(tmp_path / "journal.db", register().sensor_ids, 64 << 20, 0)
    with influx_history(influxdb.url, timeout_s=1) as history:
        recorder = Recorder(journal, history, 5000)
        thread = threading.Thread(target=recorder.run)
        thread.start()
        yield journal, recorder
        recorder.stop()
        thread.join(30)
    journal.close()


def _append(journal, n, first):
    """Append `n` batches of 100 readings, each its own commit; returns how many readings."""
    base = time.time_ns() // HOUR * HOUR
    for i in range(first, first + n):
        journal.append([readings(100, now_ns=base + i * SECOND)])
    return n * 100


def _await(condition, timeout_s=40):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize("outage", ["pause", "kill", "stop"])
def test_recorder_server_hung_or_dead_loses_nothing_and_the_journal_goes_on(influxdb, recording, outage):
    """SIGSTOP, kill -9 and stop: every append of the outage is taken at once, and stored after it; two log lines."""
    journal, recorder = recording
    with capture_logs() as logs:
        appended = _append(journal, 20, 0)
        _await(lambda: recorder.status().lag == 0)
        getattr(influxdb, outage)()
        appended += _append(journal, 100, 20)
        _await(lambda: recorder.status().outage)
        taken_in_outage = journal.last_position()
        (influxdb.resume if outage == "pause" else influxdb.start)()
        appended += _append(journal, 20, 120)
        _await(lambda: recorder.status().lag == 0)

    assert (120, appended) == (taken_in_outage, influxdb.count())
    assert ["history_unavailable", "history_available"] == [x["event"] for x in logs if "available" in x["event"]]


def test_write_more_sensors_than_the_server_takes_is_said_and_named(influxdb):
    """1.x takes 100,000 values of a tag by default: the point of sensor 100,001 is a logged dead letter."""
    n = 100_001
    now = time.time_ns()
    large = register([f"S-{i:06d}" for i in range(n)], quantities=["temperature"])
    with influx_history(influxdb.url, large, timeout_s=60) as history, capture_logs() as logs:
        refused = [
            letter
            for start in range(0, n, 5000)
            for letter in history.write([_at_once(now, range(start, min(start + 5000, n)))])
        ]

    warned = [line for line in logs if line["event"] == "history_limit_too_low"]
    assert ["max-values-per-tag"] == [line["limit"] for line in warned]
    assert (1, n - 1) == (len(refused), influxdb.count())
    assert "max-values-per-tag limit exceeded" in refused[0].detail


def _at_once(now_ns, sensors):
    """Return one reading of each sensor."""
    n = len(sensors)
    return make_batch(now_ns, list(sensors), [now_ns] * n, [1.0] * n, [0] * n)


def test_query_of_a_server_that_refuses_is_unavailable(influxdb):
    """An answer with an error is no empty series."""
    unavailable = pytest.raises(HistoryUnavailableError, match="database not found")
    with influx_history(influxdb.url, database="nope") as history, unavailable:
        history.read(0, 0, 1)


def test_dialect_v2_on_a_1x_server_says_what_to_do(influxdb):
    """1.6 has no /api/v2/write: that is a wrong setting, not a bad point."""
    unavailable = pytest.raises(HistoryUnavailableError, match=r"check history\.url")
    with influx_history(influxdb.url, dialect="v2") as history, unavailable:
        history.write([readings(1)])


def test_write_with_user_and_password_reaches_a_server_that_asks_for_them(tmp_path):
    """Basic authentication at `/write` and `/query`; a wrong password costs no reading."""
    from tests.services.influxdb import InfluxDB

    server = InfluxDB(tmp_path / "influxdb", extra_http="auth-enabled = true")
    server.process.start()
    try:
        query = {"q": "CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES"}
        httpx.post(f"{server.url}/query", params=query).raise_for_status()
        httpx.post(f"{server.url}/query", params={"q": "CREATE DATABASE lifeline"}, auth=("root", "secret"))
        with (
            influx_history(server.url, username="root", password="wrong") as wrong,
            pytest.raises(HistoryUnavailableError, match="HTTP 401"),
        ):
            wrong.write([readings(10)])
        with influx_history(server.url, username="root", password="secret") as history:
            history.write([readings(10)])

            assert 10 == history.count()
    finally:
        server.stop()
