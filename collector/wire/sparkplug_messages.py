"""Sparkplug B payloads as bytes: the fields of its protobuf messages that carry readings and state.

Input: payload bytes, or a `Message`.
Output: a `Message`, or bytes.
Not responsible for: topics, sessions and sensors. Fields that are not named here are skipped by their length.
Rejects: bytes that are no such message, with `PayloadError` and nothing else.

Source: Eclipse Sparkplug 3.0.0, chapter 6 (field numbers), and the protobuf encoding document (wire types).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from collector.dead_letter import DeadLetterReason
from collector.payload import PayloadError

MAX_METRICS = 20_000
"""Metrics in one message; assumed: the smallest metric that says anything takes 6 bytes, a birth of 64 KiB has less."""
GOOD_QUALITY = 192
"""Property `Quality` of a good value; 0 is bad and 500 stale. Source: Sparkplug 3.0.0, Quality Codes."""
_INT_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the signed data types: their values travel as unsigned two's complement."""
_VARINT_BYTES = 10

Value = int | float | str | None


class ValueType(IntEnum):
    """Data types that this program writes; others are read by number."""

    UNKNOWN = 0
    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11


class _Field(IntEnum):
    """Field numbers of a metric that are read."""

    NAME = 1
    ALIAS = 2
    TIMESTAMP = 3
    DATATYPE = 4
    IS_HISTORICAL = 5
    IS_NULL = 7
    PROPERTIES = 9
    INT = 10
    LONG = 11
    FLOAT = 12
    DOUBLE = 13
    BOOLEAN = 14
    STRING = 15


_NAME = int(_Field.NAME)
_ALIAS = int(_Field.ALIAS)
_TIMESTAMP = int(_Field.TIMESTAMP)
_DOUBLE = int(_Field.DOUBLE)
"""Plain numbers: to compare with a member of an Enum takes a look-up more."""
_LITTLE_DOUBLE, _DOUBLE_BYTES = struct.Struct("<d"), 8
_MORE = 0x80
"""A byte from here on is not the last one of its number."""
_SIGN_BIT = 1 << 63
_VARINTS = frozenset({2, 3, 4, 5, 7, 10, 11, 14})
_TEXTS = frozenset({1, 15})
_WHOLE = frozenset({_Field.INT, _Field.LONG})


@dataclass(slots=True)
class Metric:
    """One metric of one message, as it stands there."""

    name: str = ""
    """Empty where only the alias is given."""
    alias: int | None = None
    timestamp_ms: int | None = None
    datatype: int = 0
    """0 where the message leaves it to the birth."""
    is_historical: bool = False
    is_null: bool = False
    quality: int = GOOD_QUALITY
    value: Value = None
    """A number, a text, or None when there is none that is read."""
    is_whole: bool = False
    """The value came in a field for whole numbers; only the data type tells its sign."""

    def number(self, datatype: int) -> float | None:
        """Return the value as a number of `datatype`, None when it is none."""
        if not isinstance(self.value, int | float):
            return None
        if not self.is_whole or datatype not in _INT_BITS or isinstance(self.value, float):
            return float(self.value)
        bits = _INT_BITS[datatype]
        low = self.value & ((1 << bits) - 1)
        return float(low - (1 << bits) if low >> (bits - 1) else low)


@dataclass(slots=True)
class Message:
    """One payload."""

    timestamp_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def decode_payload(payload: bytes) -> Message:
    """Return the message in `payload`.

    Raises:
        PayloadError: SYNTAX, SCHEMA or TOO_LARGE.
    """
    message = Message()
    for number, value in _fields(payload):
        if number == 1:
            message.timestamp_ms = _signed(_whole(value, "timestamp"))
        elif number == 2:
            if len(message.metrics) >= MAX_METRICS:
                raise PayloadError(DeadLetterReason.TOO_LARGE, f"metrics: expected at most {MAX_METRICS}, got more")
            message.metrics.append(_metric(_bytes(value, "metrics")))
        elif number == 3:
            message.seq = _whole(value, "seq")
    return message


def _metric(coded: bytes) -> Metric:
    metric = Metric()
    for number, value in _fields(coded):
        # What nearly every metric has comes first, without a call: a message has hundreds of these.
        if number == _NAME and type(value) is bytes:
            metric.name = _text(value)
        elif number == _DOUBLE and type(value) is bytes and len(value) == _DOUBLE_BYTES:
            [metric.value], metric.is_whole = _LITTLE_DOUBLE.unpack(value), False
        elif number in _VARINTS:
            _set_whole(metric, number, _whole(value, f"metric field {number}"))
        elif number in _TEXTS:
            text = _text(value)
            if number == _Field.NAME:
                metric.name = text
            else:
                metric.value, metric.is_whole = text, False
        elif number == _Field.FLOAT:
            metric.value, metric.is_whole = _real(value, "<f"), False
        elif number == _Field.DOUBLE:
            metric.value, metric.is_whole = _real(value, "<d"), False
        elif number == _Field.PROPERTIES:
            metric.quality = _quality(_bytes(value, "properties"))
    return metric


def _set_whole(metric: Metric, number: int, value: int) -> None:
    if number == _TIMESTAMP:
        metric.timestamp_ms = value if value < _SIGN_BIT else _signed(value)
    elif number == _ALIAS:
        metric.alias = value
    elif number == _Field.DATATYPE:
        metric.datatype = value
    elif number == _Field.IS_HISTORICAL:
        metric.is_historical = bool(value)
    elif number == _Field.IS_NULL:
        metric.is_null = bool(value)
    else:
        metric.value, metric.is_whole = (int(bool(value)), False) if number == _Field.BOOLEAN else (value, True)


def _quality(coded: bytes) -> int:
    """Return the property `Quality` of a set of properties, good where it has none."""
    keys: list[str] = []
    values: list[int] = []
    for number, value in _fields(coded):
        if number == 1:
            keys.append(_text(value))
        elif number == 2:
            inner = dict(_fields(_bytes(value, "property")))
            said = inner.get(3, inner.get(4, GOOD_QUALITY))
            values.append(said if isinstance(said, int) else GOOD_QUALITY)
    return dict(zip(keys, values, strict=False)).get("Quality", GOOD_QUALITY)


def _fields(coded: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of one protobuf message: whole numbers, or bytes of fixed or given length."""
    place, end = 0, len(coded)
    while place < end:
        # Most keys and lengths are one byte; a call for each would double the time.
        key = coded[place]
        if key < _MORE:
            place += 1
        else:
            key, place = _varint(coded, place)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0 or wire_type == 2:  # noqa: PLR1714 - a tuple of both would be slower
            if place < end and coded[place] < _MORE:
                size, place = coded[place], place + 1
            else:
                size, place = _varint(coded, place)
            if wire_type == 0:
                yield number, size
                continue
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise PayloadError(
                DeadLetterReason.SYNTAX, f"byte {place}: expected a protobuf field, got wire type {wire_type}"
            )
        if number == 0 or size > end - place:
            raise PayloadError(DeadLetterReason.SYNTAX, f"byte {place}: expected {size} bytes of field {number}")
        yield number, coded[place : place + size]
        place += size


def _varint(coded: bytes, place: int) -> tuple[int, int]:
    """Return the number that begins at `place`, at most 64 bits of it, and the place behind it."""
    value = shift = 0
    for byte in coded[place : place + _VARINT_BYTES]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < _MORE:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + shift // 7
    raise PayloadError(
        DeadLetterReason.SYNTAX, f"byte {place}: expected a whole number of at most {_VARINT_BYTES} bytes"
    )


def _whole(value: int | bytes, name: str) -> int:
    if isinstance(value, int):
        return value
    raise PayloadError(DeadLetterReason.SCHEMA, f"{name}: expected a whole number, got bytes")


def _bytes(value: int | bytes, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    raise PayloadError(DeadLetterReason.SCHEMA, f"{name}: expected bytes, got a whole number")


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value, "text").decode()
    except UnicodeDecodeError as error:
        raise PayloadError(DeadLetterReason.SYNTAX, f"text: expected UTF-8, got {error.reason}") from None


def _real(value: int | bytes, form: str) -> float:
    coded = _bytes(value, "value")
    if len(coded) != struct.calcsize(form):
        raise PayloadError(DeadLetterReason.SCHEMA, f"value: expected {struct.calcsize(form)} bytes, got {len(coded)}")
    number: float = struct.unpack(form, coded)[0]
    return number


def _signed(value: int) -> int:
    """Return a 64-bit number that may stand for one before 1970."""
    return value - (1 << 64) if value >> 63 else value


def encode_payload(message: Message) -> bytes:
    """Return `message` as bytes; a metric without a value is null."""
    parts = []
    if message.timestamp_ms is not None:
        parts.append(_number_field(1, message.timestamp_ms))
    parts += [_bytes_field(2, _encode_metric(metric)) for metric in message.metrics]
    if message.seq is not None:
        parts.append(_number_field(3, message.seq))
    return b"".join(parts)


def _encode_metric(metric: Metric) -> bytes:
    parts = [_bytes_field(_Field.NAME, metric.name.encode())] if metric.name else []
    if metric.alias is not None:
        parts.append(_number_field(_Field.ALIAS, metric.alias))
    if metric.timestamp_ms is not None:
        parts.append(_number_field(_Field.TIMESTAMP, metric.timestamp_ms))
    if metric.datatype:
        parts.append(_number_field(_Field.DATATYPE, metric.datatype))
    if metric.is_historical:
        parts.append(_number_field(_Field.IS_HISTORICAL, 1))
    if metric.is_null or metric.value is None:
        parts.append(_number_field(_Field.IS_NULL, 1))
    if metric.quality != GOOD_QUALITY:
        quality = _number_field(1, 3) + _number_field(3, metric.quality)
        parts.append(_bytes_field(_Field.PROPERTIES, _bytes_field(1, b"Quality") + _bytes_field(2, quality)))
    return b"".join([*parts, _encode_value(metric)])


def _encode_value(metric: Metric) -> bytes:
    value = metric.value
    if metric.is_null or value is None:
        return b""
    if isinstance(value, str):
        return _bytes_field(_Field.STRING, value.encode())
    if metric.datatype == ValueType.BOOLEAN:
        return _number_field(_Field.BOOLEAN, int(bool(value)))
    if metric.is_whole:
        is_long = metric.datatype in (ValueType.INT64, 8)
        return _number_field(_Field.LONG if is_long else _Field.INT, int(value) & (2 ** (64 if is_long else 32) - 1))
    return _key(_Field.DOUBLE, 1) + struct.pack("<d", value)


def _number_field(number: int, value: int) -> bytes:
    return _key(number, 0) + _encode_varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _bytes_field(number: int, coded: bytes) -> bytes:
    return _key(number, 2) + _encode_varint(len(coded)) + coded


def _key(number: int, wire_type: int) -> bytes:
    return _encode_varint(number << 3 | wire_type)


def _encode_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
