r"""Influx line protocol: `cpu,host=pop-os,device=FT-1 value=45,test=23i 1637014942460689291`, one line a point.

Input: payload bytes.
Output: one reading a field; booleans are 0 and 1. The device is the topic's, or the tag that the options name.
Not responsible for: text fields, empty lines and lines that begin with `#`.
Rejects: the whole payload for one bad line.

Source: docs.influxdata.com, Line protocol reference.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Decoder, PayloadError
from collector.wire.json_values import check_count
from collector.wire.rows_by_time import group_by_device_and_time

_LINE = re.compile(r'((?:[^\\ ]++|\\.)++) ++((?:[^\\" ]++|"(?:[^"\\]++|\\.)*+"|\\.)++)(?: ++(-?\d{1,19}))? *+\r?')
_FIELD = re.compile(r'((?:[^\\,= ]++|\\.)++)=("(?:[^"\\]++|\\.)*+"|[^",]++)(?:,(?=.)|$)')
_TAG = re.compile(r"((?:[^\\,=]++|\\.)++)=((?:[^\\,=]++|\\.)++)(?:,|$)")
_MEASUREMENT = re.compile(r"(?:[^\\,]++|\\.)++")
_SPECIAL = re.compile(r'["\\]')
_TAG = re.compile(r"((?:\\.|[^\\,=])+)=((?:\\.|[^\\,=])+)(?:,|$)")
_MEASUREMENT = re.compile(r"(?:\\.|[^\\,])+")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)|(-?\d{1,20})[iu]", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?\d{1,17}(?:\.\d{0,17})?", re.ASCII)
"""The form of most fields: within float64, whatever its digits."""
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([,= \\])")
_WORDS: Mapping[str, float] = dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), 0.0
)
_OWN = "lifeline"
"""Measurement of encoded lines, where it is not the channel."""
_NS: Mapping[str, int] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


class Options(BaseModel):
    """The options of a subscription."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Literal["ns", "us", "ms", "s"] = "ns"
    """Unit of the times."""
    device_tag: str = ""
    """Tag that names the device; empty: the topic does."""
    channel: Literal["field", "measurement", "measurement.field"] = "field"
    """The part of the line that names the channel."""


def with_options(raw: Mapping[str, object]) -> Decoder:
    """Return the decoder as one subscription wants it.

    Raises:
        ValidationError: an option does not fit.
    """
    options = Options.model_validate(raw)

    def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        del fields
        return _decode(payload, options, max_readings)

    def encode(columns: Columns) -> bytes:
        return _encode(columns, options)

    named = bool(options.device_tag)
    fields = frozenset() if named else frozenset({"device"})
    return Decoder(decode, encode, fields, with_options=with_options, names_devices=named)


def _decode(payload: bytes, options: Options, max_readings: int) -> Columns:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(DeadLetterReason.SYNTAX, f"payload: expected UTF-8, got {error}") from None
    columns = Columns([], [], [], [], [] if options.device_tag else None)
    for place, line in enumerate(text.split("\n"), 1):
        if line and not line.startswith("#") and line != "\r":
            _take(columns, line, place, options)
            if len(columns.channel) > max_readings:
                break
    columns.quality = [0] * len(columns.channel)
    return check_count(columns, max_readings)


def _take(columns: Columns, line: str, place: int, options: Options) -> None:
    """Add the fields of one line."""
    found = _LINE.fullmatch(line)
    series = _MEASUREMENT.match(line)
    if found is None or series is None:
        raise PayloadError(
            DeadLetterReason.SYNTAX, f"line {place}: expected measurement,tag=t field=1 [time], got {line[:80]!r}"
        )
    device = _device(found[1][series.end() + 1 :], place, options.device_tag) if options.device_tag else ""
    start = len(columns.channel)
    for field, value in _pairs(_FIELD, found[2], place):
        channel = (
            field if options.channel == "field" and "\\" not in field else _channel(series[0], field, options.channel)
        )
        if _PLAIN_NUMBER.fullmatch(value):
            columns.channel.append(channel)
            columns.value.append(float(value))
        elif value.startswith('"'):
            columns.left_out.append((device, channel))
        else:
            columns.channel.append(channel)
            columns.value.append(_number(value, place))
    count = len(columns.channel) - start
    columns.time_ns += [_time_ns(found[3], options.precision)] * count
    if columns.device is not None:
        columns.device += [device] * count


def _pairs(pattern: re.Pattern[str], text: str, place: int) -> list[tuple[str, str]]:
    """Return the (key, value) pairs that `text` consists of."""
    if pattern is _FIELD and not _SPECIAL.search(text):
        simple = [(key, value) for key, _, value in (pair.partition("=") for pair in text.split(","))]
        if all(key and value and "=" not in value for key, value in simple):
            return simple
    pairs: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        found = pattern.match(text, end)
        if found is None:
            raise PayloadError(
                DeadLetterReason.SYNTAX, f"line {place}: expected key=value, got {text[end : end + 80]!r}"
            )
        pairs.append((found[1], found[2]))
        end = found.end()
    return pairs


def _device(tags: str, place: int, tag: str) -> str:
    for key, value in _pairs(_TAG, tags, place):
        if _plain(key) == tag:
            return _plain(value)
    raise PayloadError(
        DeadLetterReason.SCHEMA, f"line {place}: expected the tag {tag}, which names the device, got none"
    )


def _channel(measurement: str, field: str, form: str) -> str:
    if form == "field":
        return _plain(field)
    return _plain(measurement) if form == "measurement" else f"{_plain(measurement)}.{_plain(field)}"


def _plain(text: str) -> str:
    """Return the text without escapes."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _number(text: str, place: int) -> float:
    found = _NUMBER.fullmatch(text)
    if found is None:
        word = _WORDS.get(text)
        if word is not None:
            return word
        reason = DeadLetterReason.NOT_FINITE if _NOT_FINITE.fullmatch(text) else DeadLetterReason.SCHEMA
        raise PayloadError(reason, f"line {place}: expected a number or boolean, got {text[:40]!r}")
    value = float(found[1] or found[2])
    if math.isinf(value):
        raise PayloadError(
            DeadLetterReason.NOT_FINITE, f"line {place}: expected a number within float64, got {text[:40]!r}"
        )
    return value


def _time_ns(text: str | None, precision: str) -> int:
    if text is None:
        return NO_TIME
    time_ns = int(text) * _NS[precision]
    if -(2**63) < time_ns < 2**63:
        return time_ns
    raise PayloadError(
        DeadLetterReason.TIME_UNREPRESENTABLE, f"time: expected one from 1678 to 2262, got {text} {precision}"
    )


def _encode(columns: Columns, options: Options) -> bytes:
    """Return one line a moment, or one a reading where the measurement is the channel; times cut to the precision."""
    lines = []
    for moment in group_by_device_and_time(columns):
        tags = f",{_escaped(options.device_tag)}={_escaped(moment.device)}" if options.device_tag else ""
        when = "" if moment.time_ns == NO_TIME else f" {moment.time_ns // _NS[options.precision]}"
        if options.channel == "measurement":
            lines += [f"{_escaped(name)}{tags} value={value!r}{when}" for name, value in moment.values.items()]
            continue
        names = {name: name.removeprefix(f"{_OWN}.") for name in moment.values}
        fields = ",".join(f"{_escaped(names[name])}={value!r}" for name, value in moment.values.items())
        lines.append(f"{_OWN}{tags} {fields}{when}")
    return "\n".join(lines).encode()


def _escaped(text: str) -> str:
    return re.sub(r"([,= \\])", r"\\\1", text)


DECODER = with_options({})
"""The device from the topic, fields as channels, nanoseconds."""
