import json

import pytest

from collector.dead_letter import DeadLetterReason
from collector.decoders.lifeline_json import decode, encode
from collector.payload import NO_TIME, Columns, Mark, PayloadError

T_MS = 1_742_774_462_120
T_NS = T_MS * 1_000_000


def read(payload: object, max_readings: int = 1000) -> Columns:
    """Return the columns of a payload given as bytes or as what JSON is made of."""
    octets = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode(octets, {"device": "D"}, max_readings)


def test_decode_single_form_gives_one_reading_a_channel():
    """The documented example is read with time zone, quality and battery."""
    payload = (
        b'{"v":1,"id":"01J","ts":"2025-03-24T08:01:02.120+08:00","seq":4711,'
        b'"m":{"pressure_kpa":0.0,"heartbeat":17},"q":{"pressure_kpa":"suspect","heartbeat":"good"},"bat":87}'
    )

    channels = ["pressure_kpa", "heartbeat", "bat"]
    assert Columns(channels, [T_NS] * 3, [0.0, 17.0, 87.0], [16, 0, 0], mark=Mark(4711)) == read(payload)


def test_decode_list_form_gives_each_moment_its_own_time():
    """Items of r have time, quality and battery of their own."""
    items = [{"ts": T_MS, "m": {"a": 1, "b": 2}}, {"m": {"a": 3}, "q": {"a": "bad"}, "bat": 50}]

    expected = Columns(["a", "b", "a", "bat"], [T_NS, T_NS, NO_TIME, NO_TIME], [1.0, 2.0, 3.0, 50.0], [0, 0, 16, 0])
    assert expected == read({"v": 1, "r": items})


def test_decode_columnar_form_gives_all_times_to_each_channel():
    """A list of times goes with lists as long of values; quality holds for the whole channel."""
    payload = {"v": 1, "ts": [T_MS, T_MS + 1], "m": {"a": [1, 2.5], "b": [3, 4]}, "q": {"b": "doubtful"}}

    times = [T_NS, T_NS + 1_000_000] * 2
    assert Columns(["a", "a", "b", "b"], times, [1.0, 2.5, 3.0, 4.0], [0, 0, 16, 16]) == read(payload)


def test_decode_key_written_twice_counts_the_last():
    """Of a duplicate key the last value is taken, as most JSON parsers do."""
    assert [2.0] == read(b'{"v":1,"m":{"a":1,"a":2}}').value


def test_decode_unknown_keys_are_left_alone():
    """A device may say more than we read."""
    assert [1.0] == read({"v": 1, "m": {"a": 1}, "rssi": -71, "gps": {"lat": 29.5}, "id": 5}).value


BAD = [
    (b"", DeadLetterReason.SYNTAX),
    (b"{", DeadLetterReason.SYNTAX),
    (b'{"v":1,"m":{"a":1}', DeadLetterReason.SYNTAX),
    (b'{"v":1,"m":{"a":1}}x', DeadLetterReason.SYNTAX),
    (b"\x00\x01\x02", DeadLetterReason.SYNTAX),
    (b"\xef\xbb\xbf{}", DeadLetterReason.SYNTAX),
    (b'{"v":1,"m":{"\xff":1}}', DeadLetterReason.SYNTAX),
    (b"[" * 100_000, DeadLetterReason.SCHEMA),
    (b'{"v":1,"m":{"a":1},"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", DeadLetterReason.SYNTAX),
    (b'{"v":1,"m":{"a":01}}', DeadLetterReason.SYNTAX),
    (b'{"v":1,"m":{"a":NaN}}', DeadLetterReason.NOT_FINITE),
    (b'{"v":1,"m":{"a":-Infinity}}', DeadLetterReason.NOT_FINITE),
    (b'{"v":1,"m":{"a":1e999}}', DeadLetterReason.NOT_FINITE),
    (b'{"v":1,"m":{"a":' + b"9" * 400 + b"}}", DeadLetterReason.NOT_FINITE),
    (b"null", DeadLetterReason.SCHEMA),
    (b"[]", DeadLetterReason.SCHEMA),
    (b"1", DeadLetterReason.SCHEMA),
    ({"m": {"a": 1}}, DeadLetterReason.SCHEMA),
    ({"v": 2, "m": {"a": 1}}, DeadLetterReason.SCHEMA),
    ({"v": "1", "m": {"a": 1}}, DeadLetterReason.SCHEMA),
    ({"v": True, "m": {"a": 1}}, DeadLetterReason.SCHEMA),
    ({"v": 1}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "r": []}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "r": [{"m": {"a": 1}}]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": True}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": "1"}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": "NaN"}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": None}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": [1]}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": {"value": 1}}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": [1]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "q": {"a": 0}}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "bat": "full"}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": 1.5}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": True}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": "soon"}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": "2025-03-24T08:01:02"}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": [T_MS]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": [1, 2]}, "ts": [T_MS]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": [1]}, "ts": [T_MS], "bat": 80}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": [1]}, "ts": ["2025-03-24T08:01:02Z"]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": []}, "ts": []}, DeadLetterReason.SCHEMA),
    ({"v": 1, "r": [{"ts": T_MS}]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "ts": T_MS, "r": [{"m": {"a": 1}}]}, DeadLetterReason.SCHEMA),
    ({"v": 1, "m": {"a": 1}, "ts": "0001-01-01T00:00:00Z"}, DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {"a": 1}, "ts": "2286-11-20T17:46:40Z"}, DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {"a": 1}, "ts": 10_000_000_000_000}, DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {"a": 1}, "ts": 10**30}, DeadLetterReason.TIME_UNREPRESENTABLE),
    (b'{"v":1,"m":{"a":1},"ts":' + b"9" * 5000 + b"}", DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {"a": [1, 2]}, "ts": [T_MS, 10**19]}, DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {"a": [1, 2]}, "ts": [T_MS, -(10**19)]}, DeadLetterReason.TIME_UNREPRESENTABLE),
    ({"v": 1, "m": {f"c{i}": 1 for i in range(1001)}}, DeadLetterReason.TOO_LARGE),
    ({"v": 1, "m": {f"c{i}": 1 for i in range(1000)}, "bat": 1}, DeadLetterReason.TOO_LARGE),
    ({"v": 1, "r": [{"m": {"a": 1}}] * 1001}, DeadLetterReason.TOO_LARGE),
    ({"v": 1, "r": [{"m": {}}] * 1001}, DeadLetterReason.SCHEMA),
    ({"v": 1, "r": [{"m": {"a": 1}, "bat": 1}] * 501}, DeadLetterReason.TOO_LARGE),
    ({"v": 1, "ts": [T_MS] * 501, "m": {"a": [1] * 501, "b": [1] * 501}}, DeadLetterReason.TOO_LARGE),
]


@pytest.mark.parametrize(("payload", "reason"), BAD, ids=lambda value: str(value)[:40])
def test_decode_bad_payload_says_why(payload, reason):
    """Each way of being wrong has its own reason."""
    with pytest.raises(PayloadError) as caught:
        read(payload)

    assert reason == caught.value.reason


def test_decode_exactly_the_limit_is_taken():
    """A message of 1,000 readings is the largest that is read, in each form."""
    counts = [
        len(read({"v": 1, "m": {f"c{i}": 1 for i in range(1000)}}).value),
        len(read({"v": 1, "r": [{"m": {"a": 1}}] * 1000}).value),
        len(read({"v": 1, "ts": [T_MS] * 500, "m": {"a": [1] * 500, "b": [1] * 500}}).value),
    ]

    assert [1000] * 3 == counts


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (Columns(["a", "b"], [T_NS, T_NS], [1.0, 2.0], [0, 16]), {"v", "ts", "m", "q"}),
        (Columns(["a"], [NO_TIME], [1.0], [0]), {"v", "m"}),
        (Columns(["a", "a"], [T_NS, T_NS + 10**6], [1.0, 2.0], [0, 0]), {"v", "ts", "m"}),
        (Columns(["a", "a"], [T_NS, T_NS + 10**6], [1.0, 2.0], [0, 16]), {"v", "r"}),
        (Columns(["a", "a"], [NO_TIME, NO_TIME], [1.0, 2.0], [0, 0]), {"v", "r"}),
        (Columns(["a", "b"], [T_NS, T_NS + 10**6], [1.0, 2.0], [0, 0]), {"v", "r"}),
    ],
)
def test_encode_chooses_the_shortest_form(columns, keys):
    """Single form for one moment, columnar for equal channels, list for the rest; each reads back the same."""
    payload = encode(columns)

    assert keys == json.loads(payload).keys()
    assert columns == read(payload)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("4711", 4711),
        ("0", 0),
        ("-1", None),
        ("1.5", None),
        ('"7"', None),
        ("null", None),
        ('{"a":1}', None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 400, None),
    ],
)
def test_decode_sequence_number_is_a_whole_number_or_left_alone(said, number):
    """What is no number that can be counted refuses nothing."""
    mark = read(b'{"v":1,"seq":' + said.encode() + b',"m":{"a":1}}').mark

    assert number == (mark.number if mark else None)


@pytest.mark.parametrize(("one", "other", "is_same"), [("7", "7", True), ("7", "8", False), ('"a"', '"b"', False)])
def test_decode_boot_tells_runs_apart(one, other, is_same):
    """Any value stands for a run of the device; absent is no run."""
    marks = [read(f'{{"v":1,"seq":1,"boot":{boot},"m":{{"a":1}}}}'.encode()).mark for boot in (one, other)]

    assert is_same == (marks[0].boot == marks[1].boot)
    assert 0 == read({"v": 1, "seq": 1, "m": {"a": 1}}).mark.boot
