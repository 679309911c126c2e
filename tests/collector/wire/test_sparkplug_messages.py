"""Sparkplug's protobuf: whole numbers of every type, quality, and bytes that are none of it."""

import pytest

from collector.dead_letter import DeadLetterReason
from collector.payload import PayloadError
from collector.wire.sparkplug_messages import MAX_METRICS, Message, Metric, ValueType, decode_payload, encode_payload


@pytest.mark.parametrize(
    "metric",
    [
        Metric(name="a", alias=0, timestamp_ms=1, datatype=ValueType.DOUBLE, value=-0.5),
        Metric(alias=2**64 - 1, is_null=True),
        Metric(name="压力", timestamp_ms=-1, datatype=ValueType.BOOLEAN, value=1),
        Metric(name="s", datatype=12, value="text", is_historical=True, quality=500),
        Metric(name="i", datatype=3, value=2**32 - 5, is_whole=True),
        Metric(name="l", datatype=8, value=2**63, is_whole=True),
    ],
    ids=lambda metric: metric.name or "alias",
)
def test_message_of_what_it_encoded_is_the_same(metric):
    """Every field that is read is written."""
    message = Message(timestamp_ms=1486144502122, seq=255, metrics=[metric])

    assert message == decode_payload(encode_payload(message))


@pytest.mark.parametrize(
    ("datatype", "value", "number"),
    [
        (1, 0xFF, -1.0),
        (1, 0xFFFFFFFF, -1.0),
        (2, 0x8000, -32768.0),
        (3, 0xFFFFFFFF, -1.0),
        (4, 2**64 - 2, -2.0),
        (5, 0xFF, 255.0),
        (7, 0xFFFFFFFF, 4294967295.0),
        (8, 2**63, 2.0**63),
    ],
)
def test_metric_of_a_whole_number_has_the_sign_of_its_type(datatype, value, number):
    """Signed numbers travel as unsigned ones; the data type alone tells them apart."""
    assert number == Metric(value=value, is_whole=True).number(datatype)


def test_metric_of_a_text_is_no_number():
    """Names of hardware are metrics too."""
    assert Metric(value="Sony").number(12) is None


def test_decode_of_a_float_is_exact():
    """Four bytes are read as such."""
    assert 0.5 == decode_payload(bytes.fromhex("12056500 00003f".replace(" ", ""))).metrics[0].value


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x12\x05abc", DeadLetterReason.SYNTAX),
        (b"\x08", DeadLetterReason.SYNTAX),
        (b"\x08" + b"\xff" * 11, DeadLetterReason.SYNTAX),
        (b"\x0b", DeadLetterReason.SYNTAX),
        (b"\x02\x00", DeadLetterReason.SYNTAX),
        (b"\x12\x04\x0a\x02\xff\xfe", DeadLetterReason.SYNTAX),
        (b"\x0a\x01a", DeadLetterReason.SCHEMA),
        (b"\x10\x01", DeadLetterReason.SCHEMA),
        (b"\x12\x05\x69aaaa", DeadLetterReason.SYNTAX),
        (b"\x12\x06\x6a\x04aaaa", DeadLetterReason.SCHEMA),
        (b"\x12\x00" * (MAX_METRICS + 1), DeadLetterReason.TOO_LARGE),
        (b"not protobuf at all", DeadLetterReason.SYNTAX),
    ],
)
def test_decode_of_other_bytes_says_why(payload, reason):
    """Cut off, overlong, of other types, or not protobuf."""
    with pytest.raises(PayloadError) as caught:
        decode_payload(payload)

    assert reason == caught.value.reason


def test_decode_of_unknown_fields_skips_them():
    """Later versions and third parties may add fields."""
    message = decode_payload(b"\x22\x01u" + b"\x2a\x02bb" + b"\xa0\x06\x01" + b"\xa9\x06" + b"\0" * 8 + b"\x18\x07")

    assert Message(seq=7) == message
