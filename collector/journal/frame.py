"""One `ReadingBatch` as bytes: fixed little-endian header, CRC-32, then the four columns.

Input: a batch, and the name of the dictionary of sensor ids that its dense numbers belong to.
Output: a frame; and back.
Not responsible for: files and the register.
Rejects: a frame with changed bytes or at another place; it is never half read.

Layout (40 bytes of header, then n of each column, so that the wide columns stay aligned):

    magic 4s | crc32 u32 of position and all that follows | dictionary 16s | received_ns i64 | n u32 | zero u32
    time_ns i64[n] | value f64[n] | sensor i32[n] | quality u16[n]
"""

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch

_MAGIC = b"LLB2"
_HEADER = struct.Struct("<4sI16sqI4x")
_CRC_START = 8
_READING_BYTES = 8 + 8 + 4 + 2


class FrameError(ValueError):
    """The bytes are not an intact frame."""


def dictionary_name(sensor_ids: Sequence[str]) -> bytes:
    """Return the 16 bytes that name this sequence of sensor ids."""
    return hashlib.blake2b(pack_ids(sensor_ids), digest_size=16).digest()


def pack_ids(sensor_ids: Sequence[str]) -> bytes:
    """Return the ids as bytes, for the `dictionaries` table; ids hold no line feed."""
    return "\n".join(sensor_ids).encode()


def unpack_ids(packed: bytes) -> list[str]:
    """Return the ids that `pack_ids` packed."""
    return packed.decode().split("\n") if packed else []


def encode_frame(batch: ReadingBatch, dictionary: bytes, position: int) -> bytes:
    """Return `batch` as the frame that stands at `position`."""
    body = b"".join(
        (
            np.asarray(batch.time_ns, "<i8").tobytes(),
            np.asarray(batch.value, "<f8").tobytes(),
            np.asarray(batch.sensor, "<i4").tobytes(),
            np.asarray(batch.quality, "<u2").tobytes(),
        )
    )
    header = _HEADER.pack(_MAGIC, 0, dictionary, batch.received_ns, len(batch))
    crc = zlib.crc32(body, zlib.crc32(header[_CRC_START:], _seed(position)))
    return header[:4] + crc.to_bytes(4, "little") + header[_CRC_START:] + body


def _seed(position: int) -> int:
    return zlib.crc32(position.to_bytes(8, "little"))


def decode_frame(frame: bytes, position: int) -> tuple[bytes, ReadingBatch]:
    """Return the name of the dictionary and the batch in `frame`, without copying its columns; they are read-only.

    The batch still carries the dense numbers of its own dictionary.

    Raises:
        FrameError: magic, length or CRC is wrong, or the frame does not belong at `position`.
    """
    if len(frame) < _HEADER.size or frame[:4] != _MAGIC:
        message = f"frame: expected {_MAGIC!r} and at least {_HEADER.size} bytes, got {frame[:4]!r} and {len(frame)}"
        raise FrameError(message)
    _, crc, dictionary, received_ns, n = _HEADER.unpack_from(frame)
    actual = zlib.crc32(memoryview(frame)[_CRC_START:], _seed(position))
    if crc != actual or len(frame) != _HEADER.size + n * _READING_BYTES:
        message = f"frame of {len(frame)} bytes at {position}: expected CRC {crc:08x}, got {actual:08x}"
        raise FrameError(message)
    return dictionary, _columns(frame, received_ns, n)


def received_ns(frame: bytes) -> int:
    """Return when the batch in `frame` was received, unchecked."""
    found: int = _HEADER.unpack_from(frame.ljust(_HEADER.size, b"\0"))[3]
    return found


def _columns(frame: bytes, received_ns: int, n: int) -> ReadingBatch:
    time_at = _HEADER.size
    value_at = time_at + 8 * n
    sensor_at = value_at + 8 * n
    return ReadingBatch(
        received_ns,
        np.frombuffer(frame, "<i4", n, sensor_at),
        np.frombuffer(frame, "<i8", n, time_at),
        np.frombuffer(frame, "<f8", n, value_at),
        np.frombuffer(frame, "<u2", n, sensor_at + 4 * n),
    )


def numbers_now(sensor_ids: Sequence[str], sensor_index: Mapping[str, int]) -> NDArray[np.int32]:
    """Return, for each old dense number, today's number of the same sensor id, -1 for a sensor that left.

    Args:
        sensor_ids: the dictionary that old numbers point into.
        sensor_index: sensor id to dense number now.
    """
    return np.fromiter((sensor_index.get(id_, -1) for id_ in sensor_ids), np.int32, len(sensor_ids))


def renumber(batch: ReadingBatch, numbers: NDArray[np.int32]) -> ReadingBatch:
    """Return `batch` with today's numbers, without the readings of sensors that left the register.

    Args:
        batch: carries old numbers.
        numbers: from `numbers_now`.
    """
    sensor = numbers[batch.sensor]
    renamed = ReadingBatch(batch.received_ns, sensor, batch.time_ns, batch.value, batch.quality)
    return renamed if not len(batch) or sensor.min() >= 0 else renamed.take(sensor >= 0)
