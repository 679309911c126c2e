"""Lifeline JSON v1: one reading a channel, a list of such, or the columnar batch of a gateway.

Input: payload bytes.
Output: columns.
Not responsible for: unknown keys, so that devices may send more than is read; a `seq` that is no whole number.
Rejects: payloads of another shape, too many readings, and numbers or times that cannot be represented.

The three forms, with all fields, are in docs/devices.md: `{"v":1,"ts":T,"m":{"pressure_kpa":0.0},"q":{..},"bat":87}`,
`{"v":1,"r":[{"ts":T,"m":{..}}, ..]}` and `{"v":1,"ts":[T, ..],"m":{"strain_1":[0.1, ..]}}`. `seq` and `boot` number the
message; a reading is identified by its sensor and time, never by these. Of a key written twice the last counts.
"""

import zlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Mark, PayloadError
from collector.wire.json_values import JSON_ERRORS, explain_failure
from collector.wire.timestamps import LAST_MS, epoch_ms_to_ns, rfc3339_to_ns

BATTERY = "bat"
"""Channel of the battery level; a device may send it without having it in the register."""
_SUSPECT = int(Quality.DEVICE_SUSPECT)
_DIGITS = 18
"""Longest sequence number, digits: it fits 64 bits."""
_ABSENT = msgspec.Raw(b"")


class _Reading(msgspec.Struct, omit_defaults=True):
    """One moment: one value for each channel."""

    m: dict[str, float]
    ts: int | str | None = None
    q: dict[str, str] | None = None
    bat: float | None = None


class _Message(msgspec.Struct, omit_defaults=True):
    """Any of the three forms."""

    v: Literal[1]
    m: dict[str, float | list[float]] | None = None
    ts: int | str | list[int] | None = None
    q: dict[str, str] | None = None
    bat: float | None = None
    r: list[_Reading] | None = None
    seq: msgspec.Raw = _ABSENT
    boot: msgspec.Raw = _ABSENT


_DECODER = msgspec.json.Decoder(_Message)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`. `fields` are not needed: the device's own channels name the sensors."""
    del fields
    try:
        message = _DECODER.decode(payload)
    except JSON_ERRORS as error:
        raise explain_failure(payload, error) from None
    if (message.m is None) == (message.r is None):
        raise PayloadError(DeadLetterReason.SCHEMA, "$: expected exactly one of m and r")
    if message.m is None:
        columns = _list_form(message)
    elif isinstance(message.ts, list):
        columns = _columnar_form(message, message.m, message.ts)
    else:
        columns = _single_form(message, message.m)
    count = len(columns.channel)
    if count > max_readings:
        raise PayloadError(DeadLetterReason.TOO_LARGE, f"$: expected at most {max_readings} readings, got {count}")
    if not count:
        raise PayloadError(DeadLetterReason.SCHEMA, "$: expected at least one reading, got none")
    if message.seq is not _ABSENT:
        columns.mark = _mark(bytes(message.seq), bytes(message.boot))
    return columns


def _mark(seq: bytes, boot: bytes) -> Mark | None:
    """Return the message's number and run; None where the number is none."""
    if not seq.isdigit() or len(seq) > _DIGITS:
        return None
    return Mark(int(seq), zlib.crc32(boot))


def _single_form(message: _Message, values: Mapping[str, float | list[float]]) -> Columns:
    columns = Columns([], [], [], [])
    for channel, value in values.items():
        if isinstance(value, list):
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"$.m.{channel[:40]}: expected a number where ts is one time, got a list"
            )
        columns.value.append(value)
    columns.channel.extend(values)
    _finish_moment(columns, message)
    return columns


def _list_form(message: _Message) -> Columns:
    if message.bat is not None or message.ts is not None or message.q is not None:
        raise PayloadError(
            DeadLetterReason.SCHEMA, "$: expected ts, q and bat inside the items of r, got them beside r"
        )
    columns = Columns([], [], [], [])
    for moment in message.r or []:
        columns.channel.extend(moment.m)
        columns.value.extend(moment.m.values())
        _finish_moment(columns, moment)
    return columns


def _finish_moment(columns: Columns, moment: _Message | _Reading) -> None:
    """Add the battery, then time and quality of all readings that came with it."""
    if moment.bat is not None:
        columns.channel.append(BATTERY)
        columns.value.append(moment.bat)
    start = len(columns.time_ns)
    count = len(columns.channel) - start
    columns.time_ns.extend([_time_ns(moment.ts)] * count)
    if not moment.q:
        columns.quality.extend([0] * count)
        return
    said = moment.q
    columns.quality.extend(0 if said.get(name, "good") == "good" else _SUSPECT for name in columns.channel[start:])


def _columnar_form(message: _Message, values: Mapping[str, float | list[float]], times_ms: list[int]) -> Columns:
    count = len(times_ms)
    if message.bat is not None:
        raise PayloadError(DeadLetterReason.SCHEMA, "$.bat: expected as a list in m where ts is a list")
    if count and not -LAST_MS <= min(times_ms) <= max(times_ms) <= LAST_MS:
        epoch_ms_to_ns(max(times_ms, key=abs))
    times_ns = [time_ms * 1_000_000 for time_ms in times_ms]
    said = message.q or {}
    columns = Columns([], [], [], [])
    for channel, column in values.items():
        if not isinstance(column, list) or len(column) != count:
            got = len(column) if isinstance(column, list) else "a number"
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"$.m.{channel[:40]}: expected a list as long as ts ({count}), got {got}"
            )
        columns.channel.extend([channel] * count)
        columns.time_ns.extend(times_ns)
        columns.value.extend(column)
        columns.quality.extend([0 if said.get(channel, "good") == "good" else _SUSPECT] * count)
    return columns


def _time_ns(ts: int | str | list[int] | None) -> int:
    if isinstance(ts, int):
        return epoch_ms_to_ns(ts)
    if isinstance(ts, str):
        return rfc3339_to_ns(ts)
    if ts is None:
        return NO_TIME
    raise PayloadError(DeadLetterReason.SCHEMA, "$.ts: expected one time, got a list")


def encode(columns: Columns) -> bytes:
    """Return the shortest form that says `columns`, times cut to milliseconds; empty columns have none.

    Columns of equal length over the same times become the columnar form. Readings of one moment become the single form,
    all others the list form. `DEVICE_SUSPECT` is the only quality that a payload can carry.
    """
    moments: list[_Reading] = []
    last_ns = NO_TIME
    rows = zip(columns.channel, columns.time_ns, columns.value, columns.quality, strict=True)
    for channel, time_ns, value, quality in rows:
        if not moments or time_ns != last_ns or channel in moments[-1].m:
            moments.append(_Reading({}, None if time_ns == NO_TIME else time_ns // 1_000_000))
        last_ns = time_ns
        moment = moments[-1]
        moment.m[channel] = value
        if quality & _SUSPECT:
            moment.q = (moment.q or {}) | {channel: "suspect"}
    if len(moments) == 1:
        [only] = moments
        return msgspec.json.encode(_Message(1, dict(only.m), only.ts, only.q))
    return msgspec.json.encode(_as_columnar(columns) or _Message(1, r=moments))


def _as_columnar(columns: Columns) -> _Message | None:
    """Return the columnar form, None when `columns` do not fit it."""
    names = list(dict.fromkeys(columns.channel))
    count = len(columns.channel) // max(len(names), 1)
    times_ns = columns.time_ns[:count]
    fits = (
        columns.channel == [name for name in names for _ in range(count)]
        and columns.time_ns == times_ns * len(names)
        and NO_TIME not in times_ns
    )
    starts = [place * count for place in range(len(names))]
    quality = [set(columns.quality[start : start + count]) for start in starts]
    if not fits or any(len(kinds) > 1 for kinds in quality):
        return None
    said = {name: "suspect" for name, kinds in zip(names, quality, strict=True) if _SUSPECT in kinds}
    values: dict[str, float | list[float]] = {
        name: columns.value[start : start + count] for name, start in zip(names, starts, strict=True)
    }
    return _Message(1, values, [time_ns // 1_000_000 for time_ns in times_ns], said or None)
