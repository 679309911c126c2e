"""What every payload format promises; a new line in `DECODERS` is tested by its presence."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.decoders import DECODERS
from collector.payload import NO_TIME, Columns, PayloadError

FIELDS = {"domain": "fire", "asset": "T-1", "device": "FT-1", "channel": "c0"}
SUSPECT = 16

finite = st.floats(allow_nan=False, allow_infinity=False)
time_ns = st.just(NO_TIME) | st.integers(-(10**12), 10**12).map(lambda ms: ms * 1_000_000)


@st.composite
def columns_strategy(draw):
    """Return columns whose first reading alone fits a format of one value."""
    channels = draw(st.lists(st.sampled_from(["c0", "c1", "压力"]), min_size=1, max_size=12))
    n = len(channels)
    times = draw(st.lists(time_ns, min_size=n, max_size=n))
    values = draw(st.lists(finite, min_size=n, max_size=n))
    return Columns(channels, times, values, draw(st.lists(st.sampled_from([0, SUSPECT]), min_size=n, max_size=n)))


def rows(columns: Columns) -> list[tuple[str, int, float, int]]:
    """Return the readings as a sorted list."""
    return sorted(zip(columns.channel, columns.time_ns, columns.value, columns.quality, strict=True))


@pytest.mark.parametrize("name", DECODERS)
@given(columns=columns_strategy())
def test_decoder_of_what_it_encoded_gives_the_same(name, columns):
    """Encoding and decoding again changes nothing; a format of bare values carries the first value only."""
    decoder = DECODERS[name]
    if "channel" in decoder.fields:
        columns = Columns(["c0"], [NO_TIME], columns.value[:1], [0])

    assert rows(columns) == rows(decoder.decode(decoder.encode(columns), FIELDS, 1000))


@pytest.mark.parametrize("name", DECODERS)
@given(payload=st.binary(max_size=200))
def test_decoder_of_any_bytes_raises_payload_errors_only(name, payload):
    """Random bytes are read or refused, never anything else."""
    assert_decoded_or_refused(name, payload)


@pytest.mark.parametrize("name", DECODERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    columns=columns_strategy(),
    place=st.integers(0, 10_000),
    removed=st.integers(0, 6),
    inserted=st.binary(max_size=6) | st.sampled_from([b"NaN", b"1e999", b"null", b"[", b'"', b"99999999999999999999"]),
)
def test_decoder_of_mutated_payload_raises_payload_errors_only(name, columns, place, removed, inserted):
    """A valid payload with a piece cut out and another put in is read or refused, never anything else."""
    decoder = DECODERS[name]
    columns = columns if "channel" not in decoder.fields else Columns(["c0"], [NO_TIME], columns.value[:1], [0])
    payload = decoder.encode(columns)
    start = place % (len(payload) + 1)

    assert_decoded_or_refused(name, payload[:start] + inserted + payload[start + removed :])


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_names_a_device(name):
    """Without a device in the topic nobody could say whose reading it is."""
    assert "device" in DECODERS[name].fields


def assert_decoded_or_refused(name: str, payload: bytes) -> None:
    """Check that what was decoded keeps the contract of `Columns`."""
    try:
        columns = DECODERS[name].decode(payload, FIELDS, 1000)
    except PayloadError:
        return

    lengths = {len(column) for column in (columns.channel, columns.time_ns, columns.value, columns.quality)}
    assert 1 == len(lengths)
    assert 1 <= len(columns.channel) <= 1000
    assert all(math.isfinite(value) for value in columns.value)
    assert all(-(2**63) <= each < 2**63 for each in columns.time_ns)
    assert {0, SUSPECT} >= set(columns.quality)
