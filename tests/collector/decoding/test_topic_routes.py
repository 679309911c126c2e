import gzip
import json
import struct

import numpy as np
import pytest

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.decoders.waveform import encode_frame
from collector.decoding.pipeline import Pipeline, RawMessage
from config.errors import ConfigError
from config.settings import IntakeSettings, Subscription
from tests.collector.registers import NOW_MS, NOW_NS, message, quantities, register

GATEWAY = Subscription(
    filter="gw/+/telemetry",
    template="gw/{gateway}/telemetry",
    decoder="thingsboard_gateway",
    devices=("FT-1", "{gateway}-*"),
)
DOMAIN = Subscription(filter="d/+/t", template="d/{domain}/t", decoder="thingsboard_gateway", devices=("*",))
LORA = Subscription(
    filter="application/#", template="application/_/device/{device}/event/{event}", decoder="chirpstack_v4"
)
PACKED = Subscription(
    filter="p/#", template="p/{domain}/{asset}/{device}/up", decoder="lifeline_json", compression="gzip"
)
SAMPLES = Subscription(
    filter="w/+", template="w/{device}", decoder="waveform", options={"channels": ["strain", "huge", "nothing"]}
)
SENML = Subscription(filter="s/+", template="s/{device}", decoder="senml_json")


def decode(subscription, *messages, known=None, **limits):
    """Return what a pipeline of one subscription makes of messages."""
    known = known or register()
    one = Pipeline(known, quantities(), [subscription], IntakeSettings(**limits))
    return one.decode([RawMessage(topic, payload) for topic, payload in messages], NOW_NS)


def telemetry(**devices):
    """Return a ThingsBoard gateway payload; `_` in names stands for `-`."""
    return json.dumps(
        {name.replace("_", "-"): [{"ts": NOW_MS, "values": values}] for name, values in devices.items()}
    ).encode()


def reasons(dead):
    """Return why, in order."""
    return [letter.reason for letter in dead]


def test_gateway_speaking_for_its_devices_is_stored():
    """Each reading goes to the sensor of the device that the payload names."""
    batch, dead = decode(GATEWAY, ("gw/FT/telemetry", telemetry(FT_1={"heartbeat": 1}, FT_2={"bat": 80})))

    assert ([1, 3], [1.0, 80.0], []) == (batch.sensor.tolist(), batch.value.tolist(), dead)


def test_gateway_speaking_for_a_foreign_device_is_refused_for_that():
    """The device that is not the gateway's is quarantined, its neighbour stored."""
    batch, [letter] = decode(GATEWAY, ("gw/XX/telemetry", telemetry(FT_1={"heartbeat": 1}, FT_2={"bat": 80})))

    assert ([1], DeadLetterReason.IDENTITY) == (batch.sensor.tolist(), letter.reason)
    assert "XX" not in letter.detail
    assert "'FT-2'" in letter.detail


def test_gateway_called_star_speaks_for_nobody_else():
    """A wildcard in a topic is no wildcard in the pattern."""
    _, dead = decode(GATEWAY, ("gw/[F]T/telemetry", telemetry(FT_2={"bat": 80})))

    assert [DeadLetterReason.IDENTITY] == reasons(dead)


def test_gateway_naming_unknown_devices_and_channels_gives_one_letter_each():
    """However many are unknown: one dead letter a reason, short."""
    devices = {f"FT_{i}": {"bat": 1} for i in range(10, 500)} | {"FT_1": {"heartbeat": 1, "smell": 2}}
    batch, dead = decode(GATEWAY, ("gw/FT/telemetry", telemetry(**devices)))

    assert ([1], [DeadLetterReason.UNKNOWN_SENSOR] * 2) == (batch.sensor.tolist(), reasons(dead))
    assert all(len(letter.detail) < 1000 for letter in dead)
    assert "and 482 more" in dead[0].detail
    assert "FT-1: no channel 'smell'" in dead[1].detail


def test_gateway_of_a_domain_speaks_for_that_domain_only():
    """What the topic says of place holds for devices that the payload names."""
    batch, dead = decode(DOMAIN, ("d/fire/t", telemetry(FT_1={"heartbeat": 1}, BR_1={"strain": 1})))

    assert ([1], [DeadLetterReason.IDENTITY]) == (batch.sensor.tolist(), reasons(dead))


def test_gateway_over_an_empty_register_leaves_dead_letters():
    """Nothing is known, nothing is raised."""
    empty = type(register())({}, {}, [], {}, [])
    batch, dead = decode(GATEWAY, ("gw/FT/telemetry", telemetry(FT_1={"heartbeat": 1})), known=empty)

    assert (0, [DeadLetterReason.UNKNOWN_SENSOR]) == (len(batch), reasons(dead))


def test_payload_naming_another_device_than_its_topic_is_quarantined():
    """The topic is what the broker's access list ties to the sender; the payload is only a claim."""
    payload = json.dumps({"deviceInfo": {"devEui": "FT-2"}, "object": {"bat": 1}}).encode()
    batch, dead = decode(LORA, ("application/a/device/FT-1/event/up", payload))

    assert (0, [DeadLetterReason.IDENTITY]) == (len(batch), reasons(dead))


@pytest.mark.parametrize(
    ("event", "payload", "sensors", "expected"),
    [
        ("up", {"object": {"bat": 1}, "time": "2025-06-15T15:06:40Z"}, [3], []),
        ("up", {"object": {"bat": "low"}}, [], [DeadLetterReason.SCHEMA]),
        ("up", {"object": {"firmware": "1.2", "bat": 1}}, [3], []),
        ("up", {"object": {"bat": None, "pressure_kpa": 1}}, [2], [DeadLetterReason.SCHEMA]),
        ("up", {"data": "qg=="}, [], [DeadLetterReason.SCHEMA]),
        ("up", {"fPort": 0}, [], []),
        ("status", {"margin": 10, "batteryLevel": 75.5}, [3], []),
        ("status", {"margin": 10, "batteryLevelUnavailable": True, "batteryLevel": 0}, [], []),
        ("status", {"externalPowerSource": True}, [], []),
        ("join", {"devAddr": "00189440"}, [], []),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC"}, [], []),
        ("odd", {}, [], [DeadLetterReason.TOPIC]),
    ],
)
def test_lora_event_gives_what_it_holds(event, payload, sensors, expected):
    """Uplinks give their numbers, status the battery, the others nothing; what a sensor lost is told."""
    body = json.dumps({"deviceInfo": {"devEui": "FT-2"}} | payload).encode()
    batch, dead = decode(LORA, (f"application/a/device/FT-2/event/{event}", body))

    assert (sensors, expected) == (batch.sensor.tolist(), reasons(dead))


def test_packed_payload_is_read_and_a_bomb_is_too_large():
    """The limit holds for what is unpacked, too; the dead letter keeps what came."""
    good = message({"heartbeat": 7}).payload
    bomb = gzip.compress(b'{"v":1,"m":{"heartbeat":1' + b" " * 100_000 + b"}}")
    topic = "p/fire/T-1/FT-1/up"
    batch, dead = decode(PACKED, (topic, gzip.compress(good)), (topic, bomb), (topic, good))

    assert ([7.0], [DeadLetterReason.TOO_LARGE, DeadLetterReason.SYNTAX]) == (batch.value.tolist(), reasons(dead))
    assert bomb == dead[0].payload


def test_sampled_signals_stand_among_other_readings_in_their_order():
    """Blocks and columns of one commit come out as one batch in the order of the messages."""
    known = register()
    subscriptions = [SAMPLES, SENML]
    one = Pipeline(known, quantities(), subscriptions, IntakeSettings())
    frame = encode_frame(0, NOW_NS, 100.0, np.array([1, 2, 3], np.int16), scale=0.5)
    doubtful = encode_frame(0, NOW_NS, 1.0, np.array([4], np.float32), doubtful=True)
    value = RawMessage("s/FT-1", b'[{"n":"heartbeat","v":9,"t":1750000000}]')
    batch, dead = one.decode([value, RawMessage("w/BR-1", frame), value, RawMessage("w/BR-1", doubtful)], NOW_NS)
    doubted = batch.quality & Quality.DEVICE_SUSPECT > 0

    assert [9.0, 0.5, 1.0, 1.5, 9.0, 4.0] == batch.value.tolist()
    assert [1, 4, 4, 4, 1, 4] == batch.sensor.tolist()
    assert [0, 0, 10_000_000, 20_000_000, 0, 0] == (batch.time_ns - NOW_NS).tolist()
    assert ([False] * 5 + [True], []) == (doubted.tolist(), dead)


def test_sampled_signal_of_an_unknown_channel_is_one_dead_letter():
    """Known channels of the same payload are stored."""
    ones = np.ones(50, np.float32)
    payload = encode_frame(2, NOW_NS, 50.0, ones) + encode_frame(0, NOW_NS, 50.0, ones)
    batch, dead = decode(SAMPLES, ("w/BR-1", payload))

    assert (50, [DeadLetterReason.UNKNOWN_SENSOR]) == (len(batch), reasons(dead))


def test_sampled_signal_overflowing_in_the_canonical_unit_is_one_dead_letter():
    """Samples that the scale makes infinite are refused, the message is named once."""
    samples = np.array([1.0, 1e30, 1e30], np.float32)
    batch, dead = decode(SAMPLES, ("w/BR-1", encode_frame(1, NOW_NS, 50.0, samples)))

    assert (1, [DeadLetterReason.NOT_FINITE]) == (len(batch), reasons(dead))


def test_time_counted_from_now_rests_on_our_clock():
    """Records of a device without a clock keep their distances and say whose clock it was."""
    payload = b'[{"n":"heartbeat","v":1,"t":-5},{"n":"heartbeat","v":2,"t":-1.5},{"n":"heartbeat","v":3}]'
    batch, dead = decode(SENML, ("s/FT-1", payload))

    assert [-5_000_000_000, -1_500_000_000, 2] == (batch.time_ns - NOW_NS).tolist()
    assert ([Quality.TIME_SERVER] * 3, []) == ((batch.quality & Quality.TIME_SERVER).tolist(), dead)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"decoder": "thingsboard_gateway", "template": "a/{gateway}"}, "devices"),
        ({"decoder": "thingsboard_gateway", "template": "a/{g}", "devices": ("{gateway}-*",)}, "devices"),
        ({"decoder": "thingsboard_device", "template": "a/{gateway}", "devices": ("*",)}, "template"),
        ({"decoder": "openremote_attribute"}, "template"),
        ({"options": {"x": 1}}, "options"),
        ({"decoder": "json_mapping", "options": {"values": {"c": "a[*]"}}}, "options.values.c"),
        ({"decoder": "json_mapping", "options": {"time_unit": "h"}}, "options.time_unit"),
        ({"decoder": "influx_line", "options": {"colour": 1}}, "options.colour"),
    ],
)
def test_subscription_that_does_not_fit_its_format_is_a_configuration_error(change, path):
    """Options, devices and levels are checked before anything runs."""
    subscription = Subscription(**{"filter": "a/+", "template": "a/{device}", "decoder": "lifeline_json"} | change)
    with pytest.raises(ConfigError) as caught:
        Pipeline(register(), quantities(), [subscription], IntakeSettings())

    assert [f"mqtt.subscriptions[0].{path}"] == [problem.path for problem in caught.value.problems]


def test_made_up_levels_of_one_device_leave_the_memory_bounded():
    """A level that means nothing may have any word without filling the memory."""
    one = Pipeline(register(), quantities(), [LORA], IntakeSettings())
    for i in range(5000):
        one.decode([RawMessage(f"application/{i}/device/FT-1/event/join", b"")], NOW_NS)

    assert len(one._routes._known) <= 1024 + len(register().sensors)


def test_header_of_the_frame_is_forty_bytes():
    """The document and the code agree on the size."""
    assert 40 == struct.calcsize("<4sBBHqddII") == len(encode_frame(0, 0, 1.0, np.zeros(0, np.int16)))
