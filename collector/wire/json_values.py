"""JSON of foreign senders: values from text, and the numbers in nested objects as channels.

Input: payload bytes, objects.
Output: typed values, columns.
Not responsible for: any one format.
Rejects: payloads that are no JSON, or of another shape, each with its reason.
"""

import json
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import Columns, PayloadError

T = TypeVar("T")
JSON_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
"""The errors of a decoder of JSON, on any bytes."""
MAX_DEPTH = 8
"""Objects within objects that are looked into. Source: assumed; a decoded LoRaWAN payload rarely has three."""
MAX_NAME = 256
"""Longest name of a channel made of nested keys, characters; assumed. Bounds names times readings."""


def read_json(payload: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return the result of `decoder` on `payload`.

    Raises:
        PayloadError: SYNTAX or SCHEMA. NOT_FINITE for NaN, Infinity and 1e999 (a sensor that failed).
            TIME_UNREPRESENTABLE for an integer beyond 64 bits, where the only numbers of the format are times.
    """
    try:
        return decoder.decode(payload)
    except JSON_ERRORS as error:
        raise explain_failure(payload, error) from None


def explain_failure(payload: bytes, error: Exception) -> PayloadError:
    """Return the reason for which a decoder raised one of `JSON_ERRORS` on `payload`."""
    detail = str(error)
    if "Number out of range" in detail:
        return PayloadError(DeadLetterReason.NOT_FINITE, f"expected a number within float64: {detail}")
    if "Integer value out of range" in detail:
        return PayloadError(DeadLetterReason.TIME_UNREPRESENTABLE, f"expected a time from 1678 to 2262: {detail}")
    if isinstance(error, msgspec.ValidationError):
        return PayloadError(DeadLetterReason.SCHEMA, detail)
    if _has_not_finite_word(payload):
        return PayloadError(
            DeadLetterReason.NOT_FINITE, "expected numbers, got NaN or Infinity, which JSON does not have"
        )
    return PayloadError(DeadLetterReason.SYNTAX, detail)


def _has_not_finite_word(payload: bytes) -> bool:
    """Return whether Python's laxer parser reads the payload and meets NaN or Infinity in it."""
    words: list[str] = []
    try:
        json.loads(payload, parse_constant=words.append)
    except (ValueError, RecursionError):
        return False
    return bool(words)


def number(value: object, where: str) -> float | None:
    """Return a number or boolean (0 or 1) as a float, None for anything else.

    Raises:
        PayloadError: NOT_FINITE for an integer beyond float64.
    """
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            raise PayloadError(DeadLetterReason.NOT_FINITE, f"{where[:80]}: expected a number within float64") from None
    return None


def gather(columns: Columns, values: Mapping[str, object], time_ns: int, device: str = "") -> None:
    """Add the numbers of one moment to `columns`. Nested keys are joined by dots; places of lists count from 0.

    Args:
        columns: added to, with quality 0; values that are no number are named in `left_out`.
        values: channel to number, boolean, text, null, list or object.
        time_ns: when, or `NO_TIME`.
        device: its name; empty where the topic names it.

    Raises:
        PayloadError: NOT_FINITE, or SCHEMA where nested keys make a name without bound.
    """
    _gather(columns, values, "", device)
    count = len(columns.channel) - len(columns.time_ns)
    columns.time_ns += [time_ns] * count
    columns.quality += [0] * count
    if device:
        columns.device = columns.device or []
        columns.device += [device] * count


def _gather(columns: Columns, values: Mapping[str, object], prefix: str, device: str, depth: int = 1) -> None:
    for key, value in values.items():
        name = prefix + key
        if type(value) is float:
            columns.channel.append(name)
            columns.value.append(value)
            continue
        got = number(value, name)
        if got is not None:
            columns.channel.append(name)
            columns.value.append(got)
            continue
        nested = dict(zip(map(str, range(len(value))), value, strict=True)) if isinstance(value, list) else value
        if not isinstance(nested, dict) or depth >= MAX_DEPTH:
            columns.left_out.append((device, name[:MAX_NAME]))
            continue
        if len(name) > MAX_NAME:
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"{name[:40]}: expected a name of at most {MAX_NAME} characters"
            )
        _gather(columns, nested, f"{name}.", device, depth + 1)


def check_count(columns: Columns, max_readings: int) -> Columns:
    """Return `columns` if they are neither empty nor too many.

    Raises:
        PayloadError: SCHEMA or TOO_LARGE.
    """
    count = len(columns.channel)
    if count > max_readings:
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"$: expected at most {max_readings} readings, got {count}")
    if not count and not columns.left_out:
        raise PayloadError(DeadLetterReason.SCHEMA, "$: expected at least one reading, got none")
    if not count:
        names = ", ".join(repr(channel[:80]) for _, channel in columns.left_out[:8])
        raise PayloadError(DeadLetterReason.SCHEMA, f"$: expected at least one number, got other values at {names}")
    return columns
