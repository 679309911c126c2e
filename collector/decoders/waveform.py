"""Packed frames of sampled signals, such as bridge accelerometers at 50 to 200 Hz; a format of our own.

Input: payload bytes, one frame after another.
Output: arrays; no sample becomes a Python object.
Not responsible for: units; the scale of a frame makes a reading of a sample.
Rejects: frames that are cut, too long, or of another version.

A frame is 40 bytes of header, little-endian, and its samples:

| byte | type | meaning |
|---|---|---|
| 0 | 4 characters | `LLWF` |
| 4 | uint8 | version, 1 |
| 5 | uint8 | type of a sample: 1 is int16, 2 is float32 |
| 6 | uint16 | channel: its place in the option `channels`, without that option `ch0`, `ch1`, .. |
| 8 | int64 | time of the first sample, nanoseconds since 1970, UTC; the lowest int64 says that there is none |
| 16 | float64 | samples a second |
| 24 | float64 | scale: reading = sample x scale |
| 32 | uint32 | number of samples, at least 1 |
| 36 | uint32 | flags: bit 0 says that the device doubts them; the others are 0 |
| 40 | samples | little-endian |
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Blocks, Columns, Decoder, PayloadError

_HEADER = struct.Struct("<4sBBHqddII")
_MAGIC = b"LLWF"
_SAMPLES: Mapping[int, np.dtype[np.int16] | np.dtype[np.float32]] = {
    1: np.dtype("<i2"),
    2: np.dtype("<f4"),
}
_INT16, _FLOAT32 = 1, 2
_MAX_RATE_HZ = 1e9
"""One sample a nanosecond: faster samples would share their times."""
_LONGEST_STEP_NS = 10**12
"""Samples further apart are encoded as frames of their own: a rate in float64 cannot say such steps exactly."""
_SUSPECT = int(Quality.DEVICE_SUSPECT)


class Options(BaseModel):
    """The options of a subscription."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[str, ...] = ()
    """Name of each channel in the order of the device's numbers."""


def with_options(raw: Mapping[str, object]) -> Decoder:
    """Return the decoder as one subscription wants it.

    Raises:
        ValidationError: an option does not fit.
    """
    options = Options.model_validate(raw)

    def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Blocks:
        del fields
        return _decode(payload, options.channels, max_readings)

    def encode(columns: Columns) -> bytes:
        return _encode(columns, options.channels)

    return Decoder(decode, encode, with_options=with_options)


def encode_frame(
    channel: int,
    start_ns: int,
    rate_hz: float,
    samples: NDArray[np.int16] | NDArray[np.float32],
    *,
    scale: float = 1.0,
    doubtful: bool = False,
) -> bytes:
    """Return one frame of int16 or float32 samples, for simulators and devices."""
    kind = _INT16 if samples.dtype == np.int16 else _FLOAT32
    header = _HEADER.pack(_MAGIC, 1, kind, channel, start_ns, rate_hz, scale, len(samples), int(doubtful))
    return header + samples.astype(_SAMPLES[kind]).tobytes()


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame and where it ends in the payload."""

    channel: str
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: int
    end: int


def _decode(payload: bytes, names: Sequence[str], max_readings: int) -> Blocks:
    frames = [_frame(payload, 0, names, max_readings)]
    room = max_readings - len(frames[0].value)
    while frames[-1].end < len(payload):
        frames.append(_frame(payload, frames[-1].end, names, room))
        room -= len(frames[-1].value)
    channels = list(dict.fromkeys(frame.channel for frame in frames))
    lengths = [len(frame.value) for frame in frames]
    return Blocks(
        channels,
        np.repeat(np.array([channels.index(frame.channel) for frame in frames], np.intp), lengths),
        np.concatenate([frame.time_ns for frame in frames]),
        np.concatenate([frame.value for frame in frames]),
        np.repeat(np.array([frame.quality for frame in frames], np.uint16), lengths),
    )


def _frame(payload: bytes, start: int, names: Sequence[str], room: int) -> _Frame:
    if len(payload) - start < _HEADER.size:
        raise PayloadError(
            DeadLetterReason.SYNTAX, f"byte {start}: expected a header of {_HEADER.size} bytes, got fewer"
        )
    magic, version, kind, channel, start_ns, rate_hz, scale, n, flags = _HEADER.unpack_from(payload, start)
    if magic != _MAGIC or version != 1 or kind not in _SAMPLES or flags > 1:
        got = f"{magic!r}, version {version}, type {kind}, flags {flags:#x}"
        raise PayloadError(
            DeadLetterReason.SYNTAX, f"byte {start}: expected LLWF, version 1, type 1 or 2, flags 0 or 1, got {got}"
        )
    if n > room:
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"byte {start}: expected at most {room} samples more, got {n}")
    end = start + _HEADER.size + n * _SAMPLES[kind].itemsize
    if not n or end > len(payload):
        raise PayloadError(
            DeadLetterReason.SYNTAX, f"byte {start}: expected {n} samples, at least 1, got the end of the payload"
        )
    samples = np.frombuffer(payload, _SAMPLES[kind], n, start + _HEADER.size)
    with np.errstate(over="ignore", invalid="ignore"):
        value = samples.astype(np.float64) * scale
    if not np.isfinite(value).all():
        raise PayloadError(
            DeadLetterReason.NOT_FINITE, f"byte {start}: expected scale and samples within float64, got others"
        )
    return _Frame(_name(channel, names), _times(start_ns, rate_hz, n), value, flags * _SUSPECT, end)


def _name(channel: int, names: Sequence[str]) -> str:
    if not names:
        return f"ch{channel}"
    if channel < len(names):
        return names[channel]
    raise PayloadError(DeadLetterReason.SCHEMA, f"channel: expected a place among {len(names)} channels, got {channel}")


def _times(start_ns: int, rate_hz: float, n: int) -> NDArray[np.int64]:
    """Return the time of each sample; rounded from the start, so that the rate's error does not add up."""
    if start_ns == NO_TIME:
        return np.full(n, NO_TIME, np.int64)
    if not 0 < rate_hz <= _MAX_RATE_HZ:
        raise PayloadError(
            DeadLetterReason.SCHEMA, f"rate: expected more than 0 and up to {_MAX_RATE_HZ:g} Hz, got {rate_hz}"
        )
    period_ns = 1e9 / rate_hz
    if not start_ns + period_ns * (n - 1) < 2**63 - 1024:
        raise PayloadError(
            DeadLetterReason.TIME_UNREPRESENTABLE, "time: expected the last sample before 2262, got a later one"
        )
    since: NDArray[np.int64] = np.rint(np.arange(n) * period_ns).astype(np.int64)
    return since + start_ns


def _encode(columns: Columns, names: Sequence[str]) -> bytes:
    """Return one float32 frame for each evenly sampled run of a channel."""
    frames = []
    for start, end in _runs(columns):
        channel = columns.channel[start]
        number = names.index(channel) if names else int(channel.removeprefix("ch"))
        step_ns = columns.time_ns[start + 1] - columns.time_ns[start] if end - start > 1 else 0
        samples = np.array(columns.value[start:end], np.float32)
        doubtful = bool(columns.quality[start] & _SUSPECT)
        rate_hz = 1e9 / step_ns if step_ns else 1.0
        frames.append(encode_frame(number, columns.time_ns[start], rate_hz, samples, doubtful=doubtful))
    return b"".join(frames)


def _runs(columns: Columns) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of one channel, one quality and one step of time."""
    keys = list(zip(columns.channel, columns.quality, strict=True))
    time_ns = columns.time_ns
    start = 0
    for place in range(1, len(keys) + 1):
        step_ns = time_ns[start + 1] - time_ns[start] if place > start + 1 else 0
        if (
            place == len(keys)
            or keys[place] != keys[start]
            or NO_TIME in time_ns[start : place + 1 : place - start]
            or not 0 < time_ns[place] - time_ns[place - 1] <= _LONGEST_STEP_NS
            or (step_ns and time_ns[place] - time_ns[place - 1] != step_ns)
        ):
            yield start, place
            start = place


DECODER = with_options({})
"""Channels called ch0, ch1, .."""
