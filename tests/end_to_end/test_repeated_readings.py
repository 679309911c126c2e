"""Readings that come twice, or under one time: each is stored once, and none in place of another.

The numbers are those of the rows in docs/reliability.md.
"""

import time

import pytest

from simulators.load import send_load
from tests.end_to_end.attack_rig import UP, payload
from tests.end_to_end.city import embedded_points, write_district

pytestmark = pytest.mark.end_to_end

_SENSOR = "FT-0001.pressure_kpa"
_PATIENCE_S = 60.0
_ROUNDS, _N_MESSAGES = 3, 300


def _stored(program) -> dict[int, float]:
    """Return time in ns and kPa of the readings of the sensor in the history of the stopped program."""
    configuration = program.configuration
    points = embedded_points(configuration.settings, configuration.register)
    return {time_ns: round(mpa * 1000, 6) for (sensor, time_ns), (mpa, _) in points.items() if sensor == _SENSOR}


def _not_judged(metrics) -> float:
    """Return how many readings no rule looked at."""
    return sum(value for (name, _), value in metrics.items() if name == "readings_not_judged_total")


def test_program_given_ten_readings_in_a_second_of_a_clock_of_seconds_has_ten(make_program, mosquitto, tmp_path):
    """6: all are in the history, all are evaluated, and the counter has the number of equal times."""
    program = make_program(district=str(write_district(tmp_path / "district")))
    program.start()
    second_ms = time.time_ns() // 10**9 * 1000
    messages = [(UP, payload(400 + i, ts=second_ms)) for i in range(10)]

    for message in messages:
        send_load(mosquitto.host, mosquitto.port, [message])
    program.wait_until(lambda: program.metrics()["readings_judged_total", ""] >= 10, _PATIENCE_S)
    program.wait_until(program.is_idle, _PATIENCE_S)
    metrics = program.metrics()
    assert 0 == program.stop()

    assert {second_ms * 1_000_000 + i: 400.0 + i for i in range(10)} == _stored(program)
    assert (9, 0) == (metrics["readings_same_time_total", "kept_apart"], _not_judged(metrics))


def test_program_whose_every_acknowledgement_is_lost_once_has_each_reading_once(
    make_program, mosquitto, chaos_proxy, tmp_path
):
    """7: the broker brings everything again, the device sends everything again, and nothing is there twice."""
    proxy = chaos_proxy(mosquitto.port)
    mqtt = {"port": proxy.port, "client_id": "program"}
    program = make_program(district=str(write_district(tmp_path / "district")), mqtt=mqtt)
    program.start()
    begin_ms = time.time_ns() // 1_000_000 - _ROUNDS * _N_MESSAGES
    readings = {begin_ms + i: 400.0 + i % 7 for i in range(_ROUNDS * _N_MESSAGES)}
    messages = [(UP, payload(kpa, ts=ts)) for ts, kpa in readings.items()]

    def has_received(count: int) -> None:
        program.wait_until(lambda: program.metrics()["messages_total", ""] >= count, _PATIENCE_S)

    for i in range(0, len(messages), _N_MESSAGES):
        proxy.drop_requests = True
        send_load(mosquitto.host, mosquitto.port, messages[i : i + _N_MESSAGES])
        has_received(2 * i + _N_MESSAGES)
        proxy.drop_requests = False
        proxy.cut()
        has_received(2 * i + 2 * _N_MESSAGES)
    send_load(mosquitto.host, mosquitto.port, messages)
    has_received(3 * len(messages))
    program.wait_until(program.is_idle, _PATIENCE_S)
    metrics = program.metrics()
    assert 0 == program.stop()

    assert {ts * 1_000_000: kpa for ts, kpa in readings.items()} == _stored(program)
    assert 2 * len(readings) == _not_judged(metrics)
    assert 0 == metrics["readings_same_time_total", "kept_apart"]
