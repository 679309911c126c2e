"""`hex_frame`: a level gauge that sends eight hexadecimal digits, such as `07D0552C`.

Input: payload bytes of one message.
Output: two readings without a time, on the channels `level` and `battery`.
Not responsible for: units, sensors and topics; the register knows them.
Rejects: other lengths, other characters, a wrong checksum.

The frame is an example of this project; no vendor uses it. Digits 1 to 4 are the level in mm, 5 and 6 the battery in
percent, 7 and 8 the checksum: the sum of the three bytes before it, modulo 256.

>>> columns = decode(b"07D0552C", {}, 10)
>>> columns.channel, columns.value
(['level', 'battery'], [2000.0, 85.0])
>>> encode(columns)
b'07D0552C'
"""

import re
from collections.abc import Mapping

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Decoder, PayloadError

CHANNELS = ["level", "battery"]
_DIGITS = 8
_FRAME = re.compile(rb"[0-9A-Fa-f]{8}")


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the two readings of a frame.

    Raises:
        PayloadError: the payload is no frame. A decoder raises nothing else, on any bytes.
    """
    del fields  # the topic names the device; this format needs nothing else from it
    if len(payload) > _DIGITS or max_readings < len(CHANNELS):
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"payload: expected {_DIGITS} digits, got {len(payload)} bytes")
    if _FRAME.fullmatch(payload) is None:
        raise PayloadError(DeadLetterReason.SYNTAX, f"payload: expected {_DIGITS} hexadecimal digits, got {payload!r}")
    *content, checksum = bytes.fromhex(payload.decode("ascii"))
    if sum(content) % 256 != checksum:
        raise PayloadError(DeadLetterReason.SCHEMA, f"checksum: expected {sum(content) % 256:02X}, got {checksum:02X}")
    level_mm = content[0] * 256 + content[1]
    # NO_TIME: the frame has no time, so Lifeline uses the received time and flags the readings
    return Columns(list(CHANNELS), [NO_TIME, NO_TIME], [float(level_mm), float(content[2])], [0, 0])


def encode(columns: Columns) -> bytes:
    """Return the frame of two readings: the inverse of `decode`, for simulators and tests."""
    value = dict(zip(columns.channel, columns.value, strict=True))
    level_mm, battery = int(value["level"]), int(value["battery"])
    content = [level_mm // 256, level_mm % 256, battery]
    return bytes([*content, sum(content) % 256]).hex().upper().encode()


DECODER = Decoder(decode, encode)
"""What the entry point names."""
