"""A bare number such as `0.42`; the topic names the channel: `lifeline/v1/{domain}/{asset}/{device}/{channel}/value`.

Input: payload bytes and the topic's fields.
Output: one reading without a time.
Not responsible for: units.
Rejects: anything but one finite decimal number.

Source: the habit of PLC gateways and of Telegraf's "Field pivoting" example.
"""

import math
import re
from collections.abc import Mapping

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError

_NUMBER = re.compile(rb"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_NOT_FINITE = re.compile(rb"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)
_MAX_BYTES = 64
"""Longest number. Source: assumed, 17 digits with sign, point, exponent and blanks need 32."""


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int = 1) -> Columns:
    """Return the one reading; see `Decoder`."""
    if len(payload) > _MAX_BYTES or max_readings < 1:
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"payload: expected a number of at most {_MAX_BYTES} bytes")
    if _NUMBER.fullmatch(payload) is None:
        reason = DeadLetterReason.NOT_FINITE if _NOT_FINITE.fullmatch(payload) else DeadLetterReason.SYNTAX
        raise PayloadError(reason, f"payload: expected one decimal number, got {payload!r}")
    value = float(payload)
    if not math.isfinite(value):
        raise PayloadError(DeadLetterReason.NOT_FINITE, f"payload: expected a number within float64, got {payload!r}")
    return Columns([fields["channel"]], [NO_TIME], [value], [0])


def encode(columns: Columns) -> bytes:
    """Return the payload of one reading; its channel belongs into the topic, its time is not carried.

    Raises:
        ValueError: not exactly one reading.
    """
    (value,) = columns.value
    return repr(value).encode()
