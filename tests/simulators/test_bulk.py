import json

import pytest

from collector.decoders import lifeline_json
from simulators.bulk import bulk_messages

START_NS = 1_790_000_000 * 10**9


@pytest.mark.parametrize("readings", [1, 2, 100, 1000])
def test_bulk_messages_decode_to_the_asked_number_of_readings(register, readings):
    """Every payload is read by the real decoder and holds exactly the readings asked for."""
    for _, payload in bulk_messages(register, 40, readings, START_NS):
        assert readings == len(lifeline_json.decode(payload, {}, 1000).value)


def test_bulk_messages_never_repeat_a_sensor_and_time(register):
    """The number of distinct points in the database can be counted against the number sent."""
    points = set()
    for topic, payload in bulk_messages(register, 200, 10, START_NS):
        body = json.loads(payload)
        points |= {(topic, channel, ts) for channel in body["m"] for ts in body["ts"]}

    assert 2000 == len(points)


def test_bulk_messages_take_turns_over_all_measuring_sensors(register):
    """Neither heartbeats nor batteries are used, every other sensor is."""
    used = {(t.split("/")[4], *json.loads(p)["m"]) for t, p in bulk_messages(register, 100, 1, START_NS)}

    measuring = {(s.device, s.channel) for s in register.sensors if s.quantity not in {"heartbeat", "battery"}}
    assert measuring == used
