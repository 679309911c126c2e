"""The history on servers that answer as InfluxDB 2.x and 3.x do, through influxdb-client."""

import threading
import time

import pytest

from collector.batch import make_batch
from collector.history import HistoryUnavailableError
from collector.journal.sqlite import SqliteJournal
from collector.recorder import Recorder
from tests.end_to_end.history_cases import influx_history, readings, register
from tests.services.influx_contract import Fault, InfluxContract

pytestmark = pytest.mark.end_to_end


@pytest.fixture(params=["2.7.11", "3.2.0"])
def server(request):
    """Return a running server of each version."""
    server = InfluxContract(request.param)
    server.start()
    yield server
    server.stop()


def test_write_stores_every_point_in_one_request(server):
    """5,000 readings, one request, one point each, nanoseconds kept."""
    batch = readings(5000)
    with influx_history(server.url) as history:
        refused = history.write([batch])

    assert ([], [5000]) == (refused, server.requests)
    assert batch.time_ns.tolist() == [time_ns for _, time_ns in server.points]
    assert {"fire_water_pressure,asset=T-1,domain=fire,sensor=FT-1.p"} == {series for series, _ in server.points}


@pytest.mark.parametrize("bad", [[0], [2500], [4999], [7, 8, 3000]])
def test_write_bad_points_among_5000_costs_only_them(server, bad):
    """2.x stores nothing of a bad batch, 3.x its good points: the result is equal, in at most 26 requests."""
    with influx_history(server.url) as history:
        refused = history.write([readings(5000, bad=bad)])

    assert (len(bad), 5000 - len(bad)) == (len(refused), len(server.points))
    assert all(b"value=nan" in letter.payload for letter in refused)
    assert len(server.requests) <= 26


@pytest.mark.parametrize("known", ["integer", "string", "boolean"])
def test_write_type_conflict_costs_that_measurement_alone(server, known):
    """The points of the measurement that has another type are refused, each with the reason; the others are stored."""
    server.types["fire_water_pressure", "value"] = known
    with influx_history(server.url) as history:
        refused = history.write([readings(90, sensor=0), readings(90, sensor=1)])

    assert (90, 90) == (len(refused), len(server.points))
    assert all("field type conflict" in letter.detail for letter in refused)


def test_write_beyond_retention_costs_the_old_points(server):
    """Points that are too old come back with that reason."""
    now = time.time_ns()
    server.oldest_ns = now - 1000
    times = [now - 2000 + 100 * i for i in range(20)]
    with influx_history(server.url) as history:
        refused = history.write([make_batch(now, [0] * 20, times, [1.0] * 20, [0] * 20)])

    assert (10, 10) == (len(refused), len(server.points))
    assert all("beyond retention" in letter.detail for letter in refused)


def test_write_too_large_is_split(server):
    """413 halves the request until it passes."""
    server.max_body_bytes = 60_000
    with influx_history(server.url) as history:
        refused = history.write([readings(5000)])

    assert ([], 5000) == (refused, len(server.points))


@pytest.mark.parametrize("status", [429, 503])
def test_write_overload_is_unavailable_for_as_long_as_it_says(server, status):
    """`Retry-After` reaches the caller; the repeat is byte for byte the same."""
    server.faults.append(Fault(status, '{"code":"unavailable"}', {"Retry-After": "7"}))
    batch = readings(100)
    with influx_history(server.url) as history:
        with pytest.raises(HistoryUnavailableError, match=str(status)) as caught:
            history.write([batch])
        history.write([batch])

    assert 7.0 == caught.value.retry_after_s
    assert (100, server.bodies[0]) == (len(server.points), server.bodies[1])


def test_write_without_the_bucket_says_what_to_do(server):
    """A missing bucket costs no reading."""
    with (
        influx_history(server.url, bucket="nope") as history,
        pytest.raises(HistoryUnavailableError, match=r'bucket "nope" not found.*check history\.url'),
    ):
        history.write([readings(1)])


def test_write_answer_that_blames_no_point_gives_none_up(server):
    """A 400 of unknown meaning is an outage, not 100 dead letters."""
    server.faults.append(Fault(400, "the moon is full"))
    with influx_history(server.url) as history:
        with pytest.raises(HistoryUnavailableError, match="moon"):
            history.write([readings(100)])

        assert ([], 0) == (history.write([]), len(server.points))


def test_write_server_that_never_answers_is_unavailable_after_the_timeout(server, chaos_proxy):
    """A hung server costs one timeout; the batch is stored when it wakes."""
    proxy = chaos_proxy(server.port)
    with influx_history(f"http://127.0.0.1:{proxy.port}", timeout_s=0.5) as history:
        history.write([readings(1, sensor=1)])
        proxy.stall()
        with pytest.raises(HistoryUnavailableError):
            history.write([readings(100)])
        proxy.resume()
        history.write([readings(100)])

    assert 101 <= len(server.points)


def test_recorder_server_overloaded_for_a_while_loses_nothing(server, tmp_path):
    """Whatever number of 503, 429, 500 and cut answers come first, every reading is stored once."""
    server.faults.extend(Fault(status, "later", {"Retry-After": "0"}) for status in (503, 429, 500))
    journal = SqliteJournal(tmp_path / "journal.db", register().sensor_ids, 64 << 20, 0)
    base = time.time_ns()
    for i in range(50):
        journal.append([readings(100, now_ns=base + i * 1_000_000_000)])
    with influx_history(server.url) as history:
        recorder = Recorder(journal, history, 5000)
        thread = threading.Thread(target=recorder.run)
        thread.start()
        deadline = time.monotonic() + 60
        while recorder.status().lag and time.monotonic() < deadline:
            time.sleep(0.05)
        recorder.stop()
        thread.join(30)
    journal.close()

    assert (5000, 3, 50) == (len(server.points), recorder.counts["history_retries", ""], recorder.status().position)
    assert 1 == len(set(server.bodies))
