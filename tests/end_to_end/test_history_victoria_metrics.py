"""VictoriaMetrics takes our `/api/v2/write`; it is a mirror, and the log says so."""

import time

import pytest
from structlog.testing import capture_logs

from collector.history import HistoryUnavailableError
from tests.end_to_end.history_cases import influx_history, readings

pytestmark = pytest.mark.end_to_end


def test_write_through_influxdb_client_stores_every_point(victoria_metrics):
    """Points counted in the mirror equal readings written."""
    with influx_history(victoria_metrics.url) as history:
        refused = history.write([readings(3000, now_ns=time.time_ns() // 1_000_000 * 1_000_000)])
    deadline = time.monotonic() + 20
    # It answers before its own buffers are readable.
    while (stored := victoria_metrics.count('{__name__="fire_water_pressure_value"}')) < 3000:
        assert time.monotonic() < deadline, stored
        time.sleep(0.1)

    assert ([], 3000) == (refused, stored)


def test_open_says_that_it_is_a_mirror_once(victoria_metrics):
    """It answers 204 before anything is durable, so it must not be the only history."""
    with capture_logs() as logs, influx_history(victoria_metrics.url) as history:
        for _ in range(3):
            history.write([readings(1)])

    assert ["warning"] == [line["log_level"] for line in logs if line["event"] == "history_is_a_mirror"]


def test_read_is_unavailable(victoria_metrics):
    """It answers every InfluxQL query with the same stub; that is never shown as readings."""
    unavailable = pytest.raises(HistoryUnavailableError, match="does not speak InfluxQL")
    with influx_history(victoria_metrics.url) as history, unavailable:
        history.read(0, 0, 1)
