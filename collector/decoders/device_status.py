"""The state of a device's connection: `{"online":true}`, retained, and `{"online":false}` as its Last Will.

Input: payload bytes.
Output: one reading of the channel `online`, 1 or 0, without a time.
Not responsible for: other keys. `firmware`, a text, is kept with the device and is no reading.
Rejects: a payload without a boolean `online`.

A will is written when the device connects, so that only its reception says when the device went away.
"""

from collections.abc import Mapping

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Decoder, Mark, PayloadError
from config.quantities import ONLINE


class _Status(msgspec.Struct, omit_defaults=True):
    online: bool
    firmware: object = ""


_DECODER = msgspec.json.Decoder(_Status)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int = 1) -> Columns:
    """Return the one reading; see `Decoder`."""
    del fields
    if max_readings < 1:
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"payload: expected at most {max_readings} readings, got 1")
    try:
        status = _DECODER.decode(payload)
    except msgspec.ValidationError as error:
        raise PayloadError(DeadLetterReason.SCHEMA, str(error)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(DeadLetterReason.SYNTAX, str(error)) from None
    firmware = status.firmware if isinstance(status.firmware, str) else ""
    return Columns([ONLINE], [NO_TIME], [float(status.online)], [0], mark=Mark(firmware=firmware) if firmware else None)


def encode(columns: Columns) -> bytes:
    """Return the payload of one reading; its time is not carried.

    Raises:
        ValueError: not exactly one reading.
    """
    (value,) = columns.value
    status = _Status(online=value != 0, firmware=columns.mark.firmware if columns.mark else "")
    return msgspec.json.encode(status)


DECODER = Decoder(decode, encode, optional_channels=frozenset({ONLINE}), tells_state=True)
