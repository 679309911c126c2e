import pytest

from collector.dead_letter import DeadLetterReason
from collector.decoders.influx_line import DECODER, with_options
from collector.payload import NO_TIME, PayloadError


def readings(payload: bytes, **options: object) -> list[tuple[str, int, float]]:
    """Return (channel, time, value) of what `payload` says."""
    columns = with_options(options).decode(payload, {"device": "D"}, 100)
    return list(zip(columns.channel, columns.time_ns, columns.value, strict=True))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"m a=1", [("a", NO_TIME, 1.0)]),
        (b"m a=1 5\nm a=2 6\n", [("a", 5, 1.0), ("a", 6, 2.0)]),
        (b"# note\r\n\r\nm,t=x a=-1.5e3,b=3i,c=4u 7\r\n", [("a", 7, -1500.0), ("b", 7, 3.0), ("c", 7, 4.0)]),
        (
            b"m a=t,b=TRUE,c=false,d=F",
            [("a", NO_TIME, 1.0), ("b", NO_TIME, 1.0), ("c", NO_TIME, 0.0), ("d", NO_TIME, 0.0)],
        ),
        (rb"m\ 1\,2,t\ =\=x a\ b\=c=1", [("a b=c", NO_TIME, 1.0)]),
        (rb'm s="a b, \"c\"=1",a=1', [("a", NO_TIME, 1.0)]),
        ("m 压力=0.5".encode(), [("压力", NO_TIME, 0.5)]),
    ],
)
def test_decode_lines_gives_their_fields(payload, expected):
    """Fields, escapes, comments and line ends are those of the reference."""
    assert expected == readings(payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", DeadLetterReason.SCHEMA),
        (b"m", DeadLetterReason.SYNTAX),
        (b"m a", DeadLetterReason.SYNTAX),
        (b"m a=", DeadLetterReason.SYNTAX),
        (b"m a=1,", DeadLetterReason.SYNTAX),
        (b"m a=1 1 1", DeadLetterReason.SYNTAX),
        (b"m a=1 x", DeadLetterReason.SYNTAX),
        (b"m a=1\nm a", DeadLetterReason.SYNTAX),
        (b"\xff", DeadLetterReason.SYNTAX),
        (b"m a=1_000", DeadLetterReason.SCHEMA),
        (b"m a=0x1", DeadLetterReason.SCHEMA),
        ("m a=٣".encode(), DeadLetterReason.SCHEMA),
        (b'm a="text"', DeadLetterReason.SCHEMA),
        (b"m a=nan", DeadLetterReason.NOT_FINITE),
        (b"m a=-Inf", DeadLetterReason.NOT_FINITE),
        (b"m a=1e999", DeadLetterReason.NOT_FINITE),
        (b"m a=1 9999999999999999999", DeadLetterReason.TIME_UNREPRESENTABLE),
        (b"m a=1\n" * 101, DeadLetterReason.TOO_LARGE),
    ],
)
def test_decode_anything_else_says_why(payload, reason):
    """One bad line refuses the payload, with its reason."""
    with pytest.raises(PayloadError) as caught:
        readings(payload)

    assert reason == caught.value.reason


def test_decode_with_options_reads_tag_precision_and_measurement():
    """The device may be a tag, the time milliseconds, the channel the measurement."""
    decoder = with_options({"device_tag": "id", "precision": "ms", "channel": "measurement.field"})
    columns = decoder.decode(b"level,site=x,id=W-1 mean=1,max=2 5", {}, 10)

    assert (["W-1"] * 2, ["level.mean", "level.max"]) == (columns.device, columns.channel)
    assert [5_000_000] * 2 == columns.time_ns


def test_decode_line_without_the_device_tag_is_refused():
    """A reading of nobody cannot be stored."""
    with pytest.raises(PayloadError, match="the tag id"):
        with_options({"device_tag": "id"}).decode(b"level,site=x mean=1", {}, 10)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"\\", b"a\\ ", b'a="', b"a=b,", b" ", b"=", b",", b'"\\"'])
def test_decode_long_repetition_ends_soon(piece):
    """No payload makes the patterns try again and again."""
    with pytest.raises(PayloadError):
        DECODER.decode(b"m " + piece * (60_000 // len(piece)), {}, 10)
