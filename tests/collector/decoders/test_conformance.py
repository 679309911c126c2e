"""What every payload format promises; a new line in `DECODERS` needs a case and is tested by it."""

import gc
import math
import random
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.decoders import DECODERS
from collector.payload import MAX_DETAIL, NO_TIME, Blocks, Columns, Decoder, PayloadError
from tests.collector.decoders.cases import CASES, Case, Example, Row, open_decoder, rows

SUSPECT, HISTORICAL = 16, 256
"""What a device may say of its reading."""
MAX_READINGS = 1000
MUTATIONS = 10_000
TOKENS = [
    *(
        b"NaN",
        b"1e999",
        b"null",
        b"true",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b"'",
        b"\\",
        b"\n",
        b" ",
        b"=",
        b",",
        b":",
        b"-",
    ),
    *(
        b"\0",
        b"\xff",
        b"\xf9\x7e\x00",
        b"\x9f",
        b"\xbf",
        b"\xfb\x7f\xf0\0\0\0\0\0\0",
        b"\xc2\x49",
        b"\xd9\xd9\xf7",
        b"\x81",
    ),
    *(b"99999999999999999999", b"9" * 400, b"-0", b"1e-999", b'"2286-11-20T17:46:40Z"', b'"0001-01-01T00:00:00Z"'),
    *(
        b"[" * 2000,
        b'{"a":' * 500,
        b"\x81" * 500,
        b'"v":"x",',
        b'"device":7,',
        b"\xed\xa0\x80",
        "压".encode(),
        b"\x7f" * 8,
    ),
]


@st.composite
def columns_for(draw, case: Case) -> Columns:
    """Return columns that one payload of the case can carry."""
    n = 1 if case.shape == "value" else draw(st.integers(1, 12))
    channels = draw(st.lists(st.sampled_from(case.channels), min_size=n, max_size=n))
    if case.shape == "moment":
        channels = list(dict.fromkeys(channels))
    n = len(channels)
    time_ns = st.just(NO_TIME) | st.integers(case.earliest_ms, 10**12).map(lambda ms: ms * 1_000_000)
    times = draw(st.lists(time_ns, min_size=n, max_size=n)) if case.times else [NO_TIME] * n
    if case.shape == "moment":
        times = times[:1] * n
    finite = st.floats(allow_nan=False, allow_infinity=False, width=case.width)
    if case.values:
        finite = st.sampled_from(case.values)
    quality = st.sampled_from([0, SUSPECT] if case.quality else [0])
    devices = draw(st.lists(st.sampled_from(case.devices), min_size=n, max_size=n)) if case.devices else None
    return Columns(
        channels,
        times,
        draw(st.lists(finite, min_size=n, max_size=n)),
        draw(st.lists(quality, min_size=n, max_size=n)),
        devices,
    )


def mutations(name: str, count: int, seed: int) -> Iterator[bytes]:
    """Return payloads of the format with up to four pieces cut out, put in, doubled, flipped or swapped."""
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    corpus = [example.payload for example in CASES[name].examples]
    for _ in range(count):
        payload = bytearray(rng.choice(corpus))
        for _ in range(rng.randint(1, 4)):
            start = rng.randint(0, len(payload))
            piece = payload[start : start + rng.randint(0, 8)]
            match rng.randint(0, 4):
                case 0:
                    del payload[start : start + len(piece)]
                case 1:
                    payload[start:start] = rng.choice(TOKENS)
                case 2:
                    payload[start : start + len(piece)] = rng.randbytes(len(piece))
                case 3:
                    payload[start:start] = piece * rng.randint(1, 50)
                case _:
                    other = rng.choice(corpus)
                    payload[start:] = other[rng.randint(0, len(other)) :]
        yield bytes(payload)


def judge(decoder: Decoder, payload: bytes, example: Example) -> None:
    """Decode or have it refused, and check that what was decoded keeps the contract."""
    try:
        readings = decoder.decode(payload, {"device": "FT-1", "channel": "c0"} | dict(example.fields), MAX_READINGS)
    except PayloadError as error:
        assert len(error.detail) <= MAX_DETAIL  # noqa: PT017  # both outcomes are right
        return
    found = rows(readings)
    columns = [readings.channel, readings.time_ns, readings.value, readings.quality]
    if isinstance(readings, Columns) and readings.device is not None:
        columns.append(readings.device)

    assert {len(found)} == {len(column) for column in columns}
    assert len(found) <= MAX_READINGS
    assert all(type(channel) is type(device) is str for device, channel, *_ in found)
    assert all(math.isfinite(value) for _, _, _, value, _ in found)
    assert all(-(2**63) <= time_ns < 2**63 for _, _, time_ns, _, _ in found)
    assert all(quality & ~(SUSPECT | HISTORICAL) == 0 for *_, quality in found)


def outcome(decoder: Decoder, payload: bytes, example: Example) -> list[Row] | str:
    """Return the readings, or why there are none."""
    try:
        return rows(decoder.decode(payload, {"device": "FT-1", "channel": "c0"} | dict(example.fields), MAX_READINGS))
    except PayloadError as error:
        return str(error)


def examples() -> list[tuple[str, Example]]:
    """Return every public example with the name of its format."""
    return [(name, example) for name, case in CASES.items() for example in case.examples]


def test_decoders_of_the_table_all_have_a_case():
    """Nothing in the table is left untested."""
    assert set(DECODERS) == set(CASES)


@pytest.mark.parametrize(("name", "example"), examples(), ids=lambda value: value if isinstance(value, str) else "")
def test_decoder_of_the_public_example_gives_its_readings(name, example):
    """The payload that the format's own documentation prints reads as it says."""
    decoder = open_decoder(name, example.options)

    assert sorted(example.rows) == rows(decoder.decode(example.payload, example.fields, MAX_READINGS))


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_decoder_of_what_it_encoded_gives_the_same(name, data):
    """Encoding and decoding again changes nothing of what the format can carry."""
    case = CASES[name]
    columns = data.draw(columns_for(case))
    decoder = open_decoder(name, case.options)

    assert rows(columns) == rows(decoder.decode(decoder.encode(columns), case.fields, MAX_READINGS))


@pytest.mark.parametrize("name", CASES)
@given(payload=st.binary(max_size=200))
def test_decoder_of_any_bytes_raises_payload_errors_only(name, payload):
    """Random bytes are read or refused, never anything else."""
    example = CASES[name].examples[0]
    judge(open_decoder(name, example.options), payload, example)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", CASES)
def test_decoder_of_ten_thousand_mutations_raises_payload_errors_only(name):
    """Damaged payloads are read or refused, never anything else, and none holds the program up."""
    example = CASES[name].examples[0]
    decoder = open_decoder(name, example.options)
    for payload in mutations(name, MUTATIONS, seed=1):
        judge(decoder, payload, example)


@pytest.mark.parametrize("name", CASES)
def test_decoder_of_a_payload_remembers_nothing_of_damaged_ones_before(name):
    """What was refused leaves nothing behind: one decoder reads each payload as a new one does."""
    example = CASES[name].examples[0]
    decoder = open_decoder(name, example.options)
    for payload in mutations(name, 500, seed=3):
        expected = outcome(open_decoder(name, example.options), payload, example)

        assert expected == outcome(decoder, payload, example)


@pytest.mark.parametrize("name", CASES)
def test_decoder_of_damaged_payloads_keeps_no_memory(name):
    """A thousand damaged payloads more leave no more behind than a thousand did, once of twice: a leak always does."""
    example = CASES[name].examples[0]
    decoder = open_decoder(name, example.options)
    payloads = list(mutations(name, 1000, seed=2))

    def run() -> int:
        for payload in payloads:
            judge(decoder, payload, example)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    run()
    tracemalloc.start()
    try:
        sizes = [run() for _ in range(3)]
    finally:
        tracemalloc.stop()

    assert min(after - before for before, after in pairwise(sizes)) < 20_000


@pytest.mark.parametrize("name", CASES)
def test_decoder_of_more_readings_than_allowed_is_too_large(name):
    """A payload with a reading more than allowed is refused whole."""
    example = CASES[name].examples[0]
    decoder = open_decoder(name, example.options)
    with pytest.raises(PayloadError) as caught:
        decoder.decode(example.payload, example.fields, len(example.rows) - 1)

    assert DeadLetterReason.TOO_LARGE == caught.value.reason


@pytest.mark.parametrize("name", CASES)
def test_decoder_names_a_device(name):
    """Where neither topic nor payload named one, nobody could say whose reading it is."""
    decoder = open_decoder(name, CASES[name].options)

    assert "device" in decoder.fields or decoder.names_devices


def test_rows_of_blocks_are_those_of_columns():
    """The two forms of the contract are compared as one."""
    decoder = DECODERS["waveform"]
    readings = decoder.decode(CASES["waveform"].examples[0].payload, {}, 10)

    assert isinstance(readings, Blocks)
    assert 3 == len(rows(readings))


@pytest.mark.parametrize("depth", [10, 500])
def test_refusal_deep_in_a_payload_is_told_within_bounds(depth):
    """The way to a number beyond float64 in nested lists is as long as the sender likes; the reason is not."""
    decoder = open_decoder("json_mapping", CASES["json_mapping"].options)
    with pytest.raises(PayloadError) as caught:
        decoder.decode(b"[" * depth + b"1e999" + b"]" * depth, {"device": "D"}, 10)

    assert DeadLetterReason.NOT_FINITE == caught.value.reason
    assert len(caught.value.detail) <= MAX_DETAIL
