import pytest

from collector.dead_letter import DeadLetterReason
from collector.decoders.plain_value import decode, encode
from collector.payload import NO_TIME, Columns, PayloadError

FIELDS = {"device": "D", "channel": "level"}


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"0.42", 0.42),
        (b" 17\r\n", 17.0),
        (b"-0.0", -0.0),
        (b"+1e3", 1000.0),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"1e-320", 1e-320),
        (b"9007199254740993", 9007199254740992.0),
    ],
)
def test_decode_number_gives_one_reading_without_time(payload, value):
    """A number becomes one reading of the topic's channel; the pipeline sets its time."""
    assert Columns(["level"], [NO_TIME], [value], [0]) == decode(payload, FIELDS)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", DeadLetterReason.SYNTAX),
        (b"on", DeadLetterReason.SYNTAX),
        (b"true", DeadLetterReason.SYNTAX),
        (b"1,5", DeadLetterReason.SYNTAX),
        (b"1_000", DeadLetterReason.SYNTAX),
        (b"0x10", DeadLetterReason.SYNTAX),
        (b"23.4 C", DeadLetterReason.SYNTAX),
        (b"1 2", DeadLetterReason.SYNTAX),
        (b"\xff\xfe", DeadLetterReason.SYNTAX),
        ("٣".encode(), DeadLetterReason.SYNTAX),
        (b"nan", DeadLetterReason.NOT_FINITE),
        (b"-Infinity", DeadLetterReason.NOT_FINITE),
        (b"1e999", DeadLetterReason.NOT_FINITE),
        (b"9" * 65, DeadLetterReason.TOO_LARGE),
    ],
)
def test_decode_anything_else_says_why(payload, reason):
    """What is no finite decimal number is refused with its reason."""
    with pytest.raises(PayloadError) as caught:
        decode(payload, FIELDS)

    assert reason == caught.value.reason


def test_encode_two_readings_is_an_error():
    """One payload carries one value."""
    with pytest.raises(ValueError, match="values"):
        encode(Columns(["a", "b"], [0, 0], [1.0, 2.0], [0, 0]))
