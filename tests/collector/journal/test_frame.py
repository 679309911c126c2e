"""The frame keeps every bit of a batch and refuses every other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import ReadingBatch, make_batch
from collector.journal import frame

NAME = frame.dictionary_name(["a", "b", "c"])
INT64 = st.integers(-(2**63), 2**63 - 1)
ROW = st.tuples(st.integers(0, 2**31 - 1), INT64, st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 255))


@st.composite
def batches(draw):
    """Return any batch that the types allow."""
    rows = draw(st.lists(ROW, max_size=20))
    return make_batch(draw(INT64), *([row[i] for row in rows] for i in range(4)))


def _columns(batch: ReadingBatch):
    return (
        batch.received_ns,
        [(column.dtype, column.tobytes()) for column in (batch.sensor, batch.time_ns, batch.value, batch.quality)],
    )


@given(batches())
def test_frame_round_trip_gives_the_same_bits(batch):
    """What is decoded is what was encoded, -0.0 and subnormal numbers included."""
    dictionary, decoded = frame.decode_frame(frame.encode_frame(batch, NAME, 7), 7)

    assert (NAME, _columns(batch)) == (dictionary, _columns(decoded))


@given(batches(), st.randoms(use_true_random=False))
def test_frame_flipped_bit_is_refused(batch, random):
    """One flipped bit anywhere is found."""
    packed = bytearray(frame.encode_frame(batch, NAME, 7))
    packed[random.randrange(len(packed))] ^= 1 << random.randrange(8)

    with pytest.raises(frame.FrameError):
        frame.decode_frame(bytes(packed), 7)


def test_frame_each_byte_inverted_is_refused():
    """Every single byte is covered, header and columns alike."""
    packed = frame.encode_frame(make_batch(1, [0, 1], [2, 3], [4.0, 5.0], [0, 1]), NAME, 7)
    accepted = []
    for i in range(len(packed)):
        changed = packed[:i] + bytes([packed[i] ^ 0xFF]) + packed[i + 1 :]
        try:
            frame.decode_frame(changed, 7)
        except frame.FrameError:
            continue
        accepted.append(i)

    assert [] == accepted


@given(batches(), st.integers(0, 500))
def test_frame_cut_short_is_refused(batch, kept):
    """A torn frame is refused at every length."""
    packed = frame.encode_frame(batch, NAME, 7)

    with pytest.raises(frame.FrameError):
        frame.decode_frame(packed[: min(kept, len(packed) - 1)], 7)


def test_frame_at_another_position_is_refused():
    """A row that a damaged page shows under another key is not taken for that batch."""
    packed = frame.encode_frame(make_batch(1, [0], [2], [4.0], [0]), NAME, 7)

    with pytest.raises(frame.FrameError):
        frame.decode_frame(packed, 8)


def test_received_ns_reads_the_header_only():
    """The received time is there without the columns."""
    assert -5 == frame.received_ns(frame.encode_frame(make_batch(-5, [0], [2], [4.0], [0]), NAME, 7))


def test_renumber_register_changed_maps_by_id_and_drops_the_gone():
    """A batch of yesterday's register gets today's numbers; the sensor that left is not in it."""
    batch = make_batch(9, [0, 1, 2, 0], [1, 2, 3, 4], [10.0, 11.0, 12.0, 13.0], [0, 0, 0, 0])
    numbers = frame.numbers_now(["a", "b", "c"], {"c": 0, "a": 1})

    renamed = frame.renumber(batch, numbers)

    assert [(1, 10.0), (0, 12.0), (1, 13.0)] == list(zip(renamed.sensor.tolist(), renamed.value.tolist(), strict=True))


def test_renumber_every_sensor_left_keeps_the_clock():
    """A batch that lost all its readings is still a tick."""
    renamed = frame.renumber(make_batch(9, [0], [1], [1.0], [0]), np.array([-1], np.int32))

    assert (9, 0) == (renamed.received_ns, len(renamed))


@pytest.mark.parametrize("ids", [[], ["a"], ["a", "翡翠苑-1.压力"]])
def test_pack_ids_any_ids_round_trip(ids):
    """The dictionary gives back the ids, none included."""
    assert ids == frame.unpack_ids(frame.pack_ids(ids))
