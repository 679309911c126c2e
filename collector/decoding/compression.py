"""`inflate`: unpacks a packed payload, never beyond the size that an unpacked one may have.

Input: packed bytes.
Output: the payload.
Not responsible for: the kind of packing; the subscription names it.
Rejects: bytes that are not whole or not so packed, and bombs; at most the limit and one byte is ever unpacked.
"""

import zlib
from collections.abc import Mapping

from collector.dead_letter import DeadLetterReason
from collector.payload import PayloadError

_WINDOW_BITS: Mapping[str, int] = {"gzip": 31, "zlib": 15}
"""zlib's numbers of the containers. Source: zlib manual, inflateInit2: 15 is the largest window, 16 more reads gzip."""


def inflate(payload: bytes, compression: str, max_bytes: int) -> bytes:
    """Return the unpacked payload; gzip may have several members, as RFC 1952 allows.

    Raises:
        PayloadError: SYNTAX when it is not whole or not so packed, TOO_LARGE above `max_bytes`.
    """
    unpacked = bytearray()
    rest = payload
    while rest or not unpacked:
        packer = zlib.decompressobj(_WINDOW_BITS[compression])
        try:
            unpacked += packer.decompress(rest, max_bytes - len(unpacked) + 1)
        except zlib.error as error:
            raise PayloadError(DeadLetterReason.SYNTAX, f"payload: expected {compression}, got {error}") from None
        if len(unpacked) > max_bytes:
            raise PayloadError(
                DeadLetterReason.TOO_LARGE, f"payload: expected at most {max_bytes} bytes unpacked, got more"
            )
        if not packer.eof:
            raise PayloadError(DeadLetterReason.SYNTAX, f"payload: expected whole {compression}, got its beginning")
        rest = packer.unused_data
        if not rest:
            break
        if compression != "gzip":
            raise PayloadError(
                DeadLetterReason.SYNTAX, f"payload: expected nothing behind {compression}, got {len(rest)} bytes"
            )
    return bytes(unpacked)
