import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.decoders.waveform import encode_frame
from collector.decoding.pipeline import Pipeline, RawMessage
from config.errors import ConfigError
from config.settings import IntakeSettings, Subscription, default_subscriptions
from tests.collector.registers import NOW_MS, NOW_NS, TOPIC, VALUE_TOPIC, message, pipeline, quantities, register

BRIDGE = "lifeline/v1/bridge/B-1/BR-1/up"


def decode(*messages: RawMessage, **limits: float) -> tuple[ReadingBatch, list[DeadLetter]]:
    """Return what a fresh pipeline makes of `messages` received NOW."""
    return pipeline(**limits).decode(messages, NOW_NS)


def reasons(dead_letters: list[DeadLetter]) -> list[DeadLetterReason]:
    """Return why, in order."""
    return [letter.reason for letter in dead_letters]


def test_decode_known_channels_gives_scaled_columns():
    """Values arrive in the canonical unit under the sensor's dense number, at the device's time."""
    batch, dead = decode(message({"pressure_kpa": 450.0, "heartbeat": 17}))

    assert ([], [0, 1], [0.45, 17.0]) == (dead, batch.sensor.tolist(), batch.value.tolist())
    assert ([NOW_NS] * 2, [0, 0]) == (batch.time_ns.tolist(), batch.quality.tolist())


def test_decode_columns_have_the_types_of_the_batch():
    """int32, int64, float64 and uint16, also for no message at all."""
    for batch, _ in (decode(message({"heartbeat": 1})), decode()):
        kinds = [str(column.dtype) for column in (batch.sensor, batch.time_ns, batch.value, batch.quality)]

        assert ["int32", "int64", "float64", "uint16"] == kinds


def test_decode_plain_value_gets_the_received_time():
    """A bare number is a reading of the topic's channel with the server's time."""
    batch, dead = decode(RawMessage(VALUE_TOPIC.format("heartbeat"), b"12"))

    assert ([], [1], [12.0]) == (dead, batch.sensor.tolist(), batch.value.tolist())
    assert ([NOW_NS], [Quality.TIME_SERVER]) == (batch.time_ns.tolist(), batch.quality.tolist())


def test_decode_flags_add_up():
    """Range, time and the device's own doubt are kept side by side."""
    batch, _ = decode(message({"heartbeat": -1}, ts=0, q={"heartbeat": "bad"}))

    assert [Quality.OUT_OF_RANGE | Quality.TIME_PAST | Quality.DEVICE_SUSPECT] == batch.quality.tolist()


def test_decode_partly_unknown_message_keeps_what_is_known():
    """Known channels are stored; the rest is one dead letter that names them."""
    batch, dead = decode(message({"pressure_kpa": 1, "colour": 2, "smell": 3}))

    assert ([0], [DeadLetterReason.UNKNOWN_SENSOR]) == (batch.sensor.tolist(), reasons(dead))
    assert "'colour', 'smell'" in dead[0].detail


def test_decode_battery_outside_the_register_is_left_out_quietly():
    """The battery is part of the format: without a sensor for it, it is no error."""
    batch, dead = decode(message({"heartbeat": 1}, bat=80))

    assert ([1], []) == (batch.sensor.tolist(), dead)


def test_decode_battery_in_the_register_is_a_reading():
    """With a sensor for it, the battery is a reading like any other."""
    batch, dead = decode(message({"pressure_kpa": 1}, "lifeline/v1/fire/T-2/FT-2/up", bat=80))

    assert ([2, 3], []) == (batch.sensor.tolist(), dead)


def test_decode_value_overflowing_in_the_canonical_unit_is_dead():
    """A value that the scale makes infinite is refused; its neighbour is stored."""
    batch, dead = decode(message({"strain": 1.0}, BRIDGE), message({"strain": 2.0, "huge": 1e300}, BRIDGE))

    assert ([4, 4], [DeadLetterReason.NOT_FINITE]) == (batch.sensor.tolist(), reasons(dead))
    assert b"1e+300" in dead[0].payload


REFUSED = [
    (RawMessage("other/topic", b"1"), DeadLetterReason.TOPIC),
    (RawMessage("", b"1"), DeadLetterReason.TOPIC),
    (RawMessage("lifeline/v1/fire//FT-1/up", b"{}"), DeadLetterReason.TOPIC),
    (RawMessage(b"lifeline/v1/fire/T-1/\xff/up".decode(errors="surrogateescape"), b"{}"), DeadLetterReason.TOPIC),
    (RawMessage("lifeline/v1/fire/T-1/" + "x" * 2000 + "/up", b"{}"), DeadLetterReason.TOPIC),
    (message({"heartbeat": 1}, "lifeline/v1/fire/T-1/FT-9/up"), DeadLetterReason.UNKNOWN_SENSOR),
    (message({"heartbeat": 1}, "lifeline/v1/fire/T-2/FT-1/up"), DeadLetterReason.IDENTITY),
    (message({"heartbeat": 1}, "lifeline/v1/gas/T-1/FT-1/up"), DeadLetterReason.IDENTITY),
    (message({"heartbeat": 1}, "lifeline/v1/fire/T-9/FT-1/up"), DeadLetterReason.IDENTITY),
    (RawMessage(VALUE_TOPIC.format("colour"), b"1"), DeadLetterReason.UNKNOWN_SENSOR),
    (RawMessage("lifeline/v1/fire/T-2/FT-1/heartbeat/value", b"1"), DeadLetterReason.IDENTITY),
    (RawMessage(TOPIC, message({"heartbeat": 1}).payload, retain=True), DeadLetterReason.RETAINED),
    (RawMessage(TOPIC, b" " * 65_537), DeadLetterReason.TOO_LARGE),
    (RawMessage(TOPIC, b""), DeadLetterReason.SYNTAX),
    (message({"nothing": 1}), DeadLetterReason.UNKNOWN_SENSOR),
]


@pytest.mark.parametrize(("bad", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_decode_refused_message_is_kept_with_its_reason(bad, reason):
    """A message that cannot be used is one dead letter as received, and leaves no reading."""
    batch, dead = decode(bad)

    assert (0, [reason], [bad.payload]) == (len(batch), reasons(dead), [letter.payload for letter in dead])
    assert (NOW_NS, True) == (dead[0].received_ns, bool(dead[0].detail))


def test_decode_topic_of_dead_letter_is_always_utf_8():
    """A topic that is not UTF-8 is kept in a form that every store takes."""
    _, [letter] = decode(RawMessage(b"a/\xff".decode(errors="surrogateescape"), b""))

    assert b"a/\\udcff" == letter.topic.encode()


@pytest.mark.parametrize(
    ("stale_after_s", "age_s", "expected"),
    [(6.0, 900, 0), (6.0, 901, Quality.LATE), (7200.0, 7200, 0), (7200.0, 7201, Quality.LATE)],
)
def test_decode_is_late_when_older_than_the_intake_and_the_sensor_allow(stale_after_s, age_s, expected):
    """What is young enough not to make its sensor silent is the state of now."""
    sensors = [dataclasses.replace(each, stale_after_s=stale_after_s) for each in register().sensors]
    known = dataclasses.replace(register(), sensors=sensors)
    one = Pipeline(known, quantities(), default_subscriptions(), IntakeSettings())
    batch, _ = one.decode([message({"heartbeat": 1}, ts=NOW_MS - age_s * 1000)], NOW_NS)

    assert ([expected], [NOW_NS - age_s * 10**9]) == (batch.quality.tolist(), batch.time_ns.tolist())


def test_decode_newest_first_gives_the_order_of_times_and_keeps_messages_apart():
    """Each message in its own order of times, the messages as they came; a problem is still told of its own message."""
    later = message(None, r=[{"ts": NOW_MS - 1000 * i, "m": {"heartbeat": i}} for i in range(3)], ts=None)
    huge = message(None, BRIDGE, r=[{"ts": NOW_MS - i, "m": {"huge": 1e300, "strain": 1.0}} for i in range(2)], ts=None)
    batch, dead = decode(later, huge)

    assert ([1, 1, 1, 4, 4], [2.0, 1.0, 0.0, 1.0, 1.0]) == (batch.sensor.tolist(), batch.value.tolist())
    assert [(DeadLetterReason.NOT_FINITE, huge.payload)] == [(letter.reason, letter.payload) for letter in dead]


def test_decode_received_times_in_one_commit_stay_apart():
    """Two bare values of one sensor in one commit keep two times, else the history would keep one."""
    value = RawMessage(VALUE_TOPIC.format("heartbeat"), b"1")
    batch, _ = decode(value, value, value)

    assert [NOW_NS, NOW_NS + 1, NOW_NS + 2] == batch.time_ns.tolist()


@pytest.mark.parametrize(
    ("subscription", "path"),
    [
        (Subscription(filter="a/+", template="a/{device}", decoder="morse"), "mqtt.subscriptions[0].decoder"),
        (Subscription(filter="a/+", template="a//{device}", decoder="lifeline_json"), "mqtt.subscriptions[0].template"),
        (Subscription(filter="a/+", template="a/{asset}", decoder="lifeline_json"), "mqtt.subscriptions[0].template"),
        (Subscription(filter="a/+", template="a/{device}", decoder="plain_value"), "mqtt.subscriptions[0].template"),
    ],
)
def test_pipeline_subscription_that_does_not_fit_is_a_configuration_error(subscription, path):
    """An unknown decoder, a malformed template and a missing level are found before anything runs."""
    with pytest.raises(ConfigError) as caught:
        Pipeline(register(), {}, [subscription], IntakeSettings())

    assert [path] == [problem.path for problem in caught.value.problems]


good = st.builds(
    message,
    st.dictionaries(st.sampled_from(["pressure_kpa", "heartbeat", "colour"]), st.floats(-10, 2e6), min_size=1),
    ts=st.integers(NOW_MS - 10**11, NOW_MS + 10**6) | st.none(),
)
bad = st.sampled_from([each for each, _ in REFUSED])
noise = st.builds(RawMessage, st.text(max_size=30) | st.just(TOPIC), st.binary(max_size=60), st.booleans())


def rows(batch: ReadingBatch) -> list[tuple[int, int, float, int]]:
    """Return the readings; a time that the server gave counts as the received one, whatever its last digits."""
    given_by_server = batch.quality & (Quality.TIME_SERVER | Quality.TIME_FUTURE | Quality.TIME_PAST) > 0
    times = np.where(given_by_server, batch.received_ns, batch.time_ns)
    return list(zip(batch.sensor.tolist(), times.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True))


@given(messages=st.lists(good | bad | noise, max_size=12), cuts=st.lists(st.integers(0, 12), max_size=3))
def test_decode_split_over_calls_gives_the_same(messages, cuts):
    """However messages fall into commits, the readings and the dead letters are the same, and nothing is raised."""
    whole, whole_dead = decode(*messages)
    fresh = pipeline()
    edges = [0, *sorted(cuts), len(messages)]
    parts = [fresh.decode(messages[start:end], NOW_NS) for start, end in pairwise(edges)]

    assert rows(whole) == [row for batch, _ in parts for row in rows(batch)]
    assert whole_dead == [letter for _, dead in parts for letter in dead]


@given(st.lists(good | bad | noise, max_size=12))
def test_decode_any_messages_accounts_for_each(messages):
    """Every message has readings in the batch or a dead letter, or both."""
    for each in messages:
        batch, dead = decode(each)

        assert len(batch) or dead


@given(st.lists(good, min_size=1, max_size=8))
def test_decode_values_are_finite_and_times_believable(messages):
    """What comes out keeps the promises of `ReadingBatch`."""
    batch, _ = decode(*messages)

    assert np.isfinite(batch.value).all()
    assert np.all(batch.time_ns <= NOW_NS + 300 * 10**9)


def test_decode_made_up_topics_leave_the_memory_flat():
    """Only topics of the register are remembered, however many others come."""
    one = pipeline()
    one.decode([RawMessage(f"lifeline/v1/fire/T-1/FT-1/c{i}/value", b"1") for i in range(1000)], NOW_NS)
    one.decode([message({"heartbeat": 1}, f"lifeline/v1/fire/T-1/D-{i}/up") for i in range(1000)], NOW_NS)
    one.decode([message({"heartbeat": 1})], NOW_NS)

    assert [TOPIC] == list(one._routes._known)


def test_decode_detail_of_a_large_message_stays_short():
    """The detail names a few unknown channels and counts the others."""
    payload = json.dumps({"v": 1, "m": {f"c{i:04d}" * 20: 1 for i in range(500)}}).encode()
    _, [letter] = decode(RawMessage(TOPIC, payload))

    assert "and 492 more" in letter.detail
    assert 1000 > len(letter.detail)


@pytest.mark.parametrize(("allowed", "n_readings"), [(None, 0), (2000, 2000), (1999, 0)])
def test_decode_of_a_subscription_that_allows_more_takes_long_frames(allowed, n_readings):
    """Ten seconds at 200 Hz are more than the intake allows to all; one subscription may allow them, and no more."""
    subscription = Subscription(
        filter="wave/+",
        template="wave/{device}",
        decoder="waveform",
        options={"channels": ["strain"]},
        max_readings=allowed,
    )
    frame = encode_frame(0, NOW_NS - 10 * 10**9, 200.0, np.arange(2000, dtype=np.int16))
    found = Pipeline(register(), quantities(), [subscription], IntakeSettings())
    batch, dead = found.decode([RawMessage("wave/BR-1", frame)], NOW_NS)

    assert (n_readings, [] if n_readings else [DeadLetterReason.TOO_LARGE]) == (len(batch), reasons(dead))
