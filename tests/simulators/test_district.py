import dataclasses
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decoders import lifeline_json
from config.errors import ConfigError
from simulators.district import District
from simulators.scenarios import SCENARIOS, make_scenario

SECOND = 10**9
START = 1_790_000_000 * SECOND


@pytest.fixture(scope="module")
def troubled(register):
    """Return a district in which everything happens within two minutes."""
    starts = {name: START + (10 + 5 * i) * SECOND for i, name in enumerate(SCENARIOS)}
    scenarios = [make_scenario(name, register, start, duration_s=40) for name, start in starts.items()]
    return District(register, {}, 7).with_scenarios(*scenarios)


@given(cuts=st.lists(st.integers(0, 120_000), max_size=8))
def test_between_split_anywhere_gives_each_message_once(troubled, cuts):
    """Consecutive spans together are the whole span, also across outages and faults."""
    edges = [START, *(START + cut * 1_000_000 for cut in sorted(cuts)), START + 120 * SECOND]

    pieces = [message for after, until in itertools.pairwise(edges) for message in troubled.between(after, until)]

    assert troubled.between(START, START + 120 * SECOND) == pieces


def test_between_same_seed_gives_the_same_bytes(register):
    """Two districts of one seed send identical payloads; another seed sends others."""
    payloads = [
        [message.payload for message in District(register, {}, seed).between(START, START + 20 * SECOND)]
        for seed in (1, 1, 2)
    ]

    assert payloads[0] == payloads[1]
    assert payloads[0] != payloads[2]


def test_between_one_minute_gives_a_message_each_cadence(register):
    """Eight devices at 2 s speak 30 times a minute each."""
    messages = District(register, {}, 1).between(START, START + 60 * SECOND)

    devices = {message.device for message in messages}
    assert dict.fromkeys(devices, 30) == {d: sum(m.device == d for m in messages) for d in devices}


def test_between_heartbeat_counts_up_by_one(register):
    """Every message of a live device carries the next heartbeat."""
    beats = [
        message.values["heartbeat"]
        for message in District(register, {}, 1).between(START, START + 60 * SECOND)
        if message.device == "FT-0001"
    ]

    assert list(range(int(beats[0]), int(beats[0]) + 30)) == beats


def test_between_battery_drains_slowly(register):
    """A battery loses about a percent in eleven days and never gains within one."""
    district = District(register, {}, 1)
    levels = [
        next(
            m.battery
            for m in district.between(START + day * 86_400 * SECOND, START + day * 86_400 * SECOND + 2 * SECOND)
            if m.device == "FT-0001"
        )
        for day in range(0, 40, 2)
    ]

    assert sorted(levels, reverse=True) == levels
    assert 2 <= levels[0] - levels[-1] <= 5


def test_between_pressure_is_sent_in_kilopascal(register):
    """A canonical 0.3 to 0.45 MPa leaves as 300 to 450 kPa: scale and offset are inverted."""
    district = District(register, {}, 1)

    values = [m.values["pressure_kpa"] for m in district.between(START, START + 10 * SECOND) if m.device == "FT-0001"]

    assert all(280.0 < value < 450.0 for value in values)


def test_readings_now_gives_each_device_once(register):
    """Whoever asks for now gets the last message of every device."""
    messages = District(register, {}, 1).readings(START)

    assert sorted({sensor.device for sensor in register.sensors}) == sorted(message.device for message in messages)
    assert all(START - 2 * SECOND < message.measured_ns <= START for message in messages)


def test_message_payload_is_lifeline_json(register):
    """Topic and payload carry identity, time in milliseconds, number, readings and battery."""
    message = next(m for m in District(register, {}, 1).readings(START) if m.device == "FT-0001")

    body = json.loads(message.payload)

    assert message.topic == "lifeline/v1/fire/T-0001/FT-0001/up"
    assert {"v", "id", "ts", "seq", "m", "bat"} == body.keys()
    assert (1, f"FT-0001-{message.seq}", message.measured_ns // 10**6) == (body["v"], body["id"], body["ts"])
    assert {"pressure_kpa", "heartbeat"} == body["m"].keys()


def test_message_payload_is_read_by_the_real_decoder(register):
    """What a simulated device sends is what the collector's decoder understands."""
    message = next(m for m in District(register, {}, 1).readings(START) if m.device == "FT-0001")

    columns = lifeline_json.decode(message.payload, {}, 1000)

    assert dict(zip(columns.channel, columns.value, strict=True)) == {**message.values, "bat": message.battery}
    assert {message.measured_ns} == set(columns.time_ns)


def test_between_slower_sensor_is_left_out_in_between(register):
    """A battery that speaks once a minute is in one of thirty messages."""
    sensors = [
        dataclasses.replace(sensor, cadence_s=60.0) if sensor.quantity == "battery" else sensor
        for sensor in register.sensors
    ]
    district = District(dataclasses.replace(register, sensors=sensors), {}, 1)

    messages = [m for m in district.between(START, START + 600 * SECOND) if m.device == "FT-0001"]

    assert (300, 10) == (len(messages), sum(m.battery is not None for m in messages))


def test_district_unknown_quantity_is_a_config_error(register):
    """A quantity that no lifeline gives is refused with the list of those that exist."""
    odd = dataclasses.replace(register.sensors[0], quantity="radiation")
    broken = dataclasses.replace(register, sensors=(odd,))

    with pytest.raises(ConfigError, match=r"expected .*fire/fire_water_pressure.*, got fire/radiation"):
        District(broken, {}, 1)
