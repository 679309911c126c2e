"""SenML packs without their encoding: base fields, relative times, names and units. Source: RFC 8428, section 4.

Input: records of JSON or CBOR.
Output: columns; and records back.
Not responsible for: the encoding and the clock; a time that counts from now stays so, for the pipeline to resolve.
Rejects: packs that break the RFC, with the place of the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError
from collector.wire.json_values import check_count
from collector.wire.senml_columns import VERSION, Plain, learned, plain_of, times_of, topic_channels
from collector.wire.timestamps import seconds_to_ns

RELATIVE_S = 2.0**28
"""Smaller times count from now, seconds. Source: RFC 8428 section 4.5.3."""


class Options(BaseModel):
    """The options of a subscription."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Literal["topic", "name"] = "topic"
    """Whether the topic has the device, or the name up to its last separator is the device."""
    separator: str = Field(":", min_length=1)
    """Stands between device and channel in a name."""
    units: dict[str, str] = Field(default_factory=dict)
    """Channel to the unit that its records must have; others are passed on as they are."""


class Record(msgspec.Struct, omit_defaults=True):
    """One record with the labels of RFC 8428, section 4; other labels are left alone unless they end in `_`."""

    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bv: float = 0.0
    bs: float = 0.0
    bver: int = VERSION
    n: str = ""
    u: str = ""
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: object = None
    s: float | None = None
    t: float = 0.0


@dataclass(slots=True)
class _Pack:
    """The state of a pack while it is read."""

    options: Options
    own: str
    """Device of the topic and separator, as a name may begin."""
    columns: Columns
    base: Record = field(default_factory=Record)
    names: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(name, unit) to (device, channel)."""
    times: dict[float, int] = field(default_factory=dict)
    """Seconds to nanoseconds: most records of a pack share theirs."""


def resolve(records: Sequence[Record], options: Options, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings of a pack; a sum is a channel of its own, `name.sum`.

    Raises:
        PayloadError: SCHEMA, TOO_LARGE, NOT_FINITE or TIME_UNREPRESENTABLE.
    """
    plain = plain_of(records)
    columns = None if plain is None else resolve_plain(plain, options, fields, max_readings)
    return resolve_each(records, options, fields, max_readings) if columns is None else columns


def resolve_plain(plain: Plain, options: Options, fields: Mapping[str, str], max_readings: int) -> Columns | None:
    """Return the readings of a pack given as columns; None where it is wrong, for `resolve_each` to say why."""
    pack = _pack(options, fields)
    columns = pack.columns
    try:
        if columns.device is None and not options.units:
            columns.channel = topic_channels(plain, pack.own)
        else:
            devices, columns.channel = learned(plain, lambda name: _learn(pack, name, 0))
            columns.device = None if columns.device is None else devices
        columns.time_ns = times_of(plain, lambda time_s: _time_ns(pack, time_s, 0))
        columns.value = list(plain.values)
        columns.quality = [0] * len(columns.value)
        is_whole = all(columns.channel) and all(map(isfinite, columns.value))
        return check_count(columns, max_readings) if is_whole else None
    except PayloadError:
        return None


def _pack(options: Options, fields: Mapping[str, str]) -> _Pack:
    columns = Columns([], [], [], [], [] if options.device == "name" else None)
    return _Pack(options, fields.get("device", "") + options.separator, columns)


def resolve_each(records: Sequence[Record], options: Options, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the same, read one by one.

    Raises:
        PayloadError: SCHEMA, TOO_LARGE, NOT_FINITE or TIME_UNREPRESENTABLE.
    """
    pack = _pack(options, fields)
    columns = pack.columns
    base = pack.base
    for place, record in enumerate(records):
        if record.bn or record.bt or record.bu or record.bv or record.bs or record.bver != VERSION:
            _rebase(base, record, place)
        value = record.v
        plain = record.vb is None and record.s is None and record.vs is None and record.vd is None
        if value is None and plain:
            _check_is_base(record, place)
            continue
        name = base.bn + record.n, record.u or base.bu
        who = pack.names.get(name) or _learn(pack, name, place)
        time_s = base.bt + record.t
        time_ns = pack.times.get(time_s) or _time_ns(pack, time_s, place)
        if value is not None and plain:
            columns.channel.append(who[1])
            columns.value.append(value + base.bv)
            columns.time_ns.append(time_ns)
        else:
            _take(columns, record, base, who, place)
            columns.time_ns += [time_ns] * (len(columns.channel) - len(columns.time_ns))
        if columns.device is not None:
            columns.device += [who[0]] * (len(columns.channel) - len(columns.device))
    if not all(map(isfinite, columns.value)):
        raise PayloadError(DeadLetterReason.NOT_FINITE, "v: expected numbers within float64, got another")
    columns.quality = [0] * len(columns.channel)
    return check_count(columns, max_readings)


def _rebase(base: Record, record: Record, place: int) -> None:
    """Keep the base fields of `record` for those behind it."""
    if not 1 <= record.bver <= VERSION:
        raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}].bver: expected a version up to {VERSION}, got another")
    base.bn = record.bn or base.bn
    base.bt = record.bt or base.bt
    base.bu = record.bu or base.bu
    base.bv = record.bv or base.bv
    base.bs = record.bs or base.bs


def _learn(pack: _Pack, name: tuple[str, str], place: int) -> tuple[str, str]:
    """Return (device, channel) of a name that is new to the pack, its unit checked."""
    who = _who(*name, place, pack)
    expected = pack.options.units.get(who[1])
    if expected is not None and name[1] != expected:
        detail = f"$[{place}].u: expected {expected!r} for {who[1][:80]}, got {name[1][:40]!r}"
        raise PayloadError(DeadLetterReason.SCHEMA, detail)
    pack.names[name] = who
    return who


def _who(name: str, unit: str, place: int, pack: _Pack) -> tuple[str, str]:
    """Return device (empty: the topic's) and channel; where the name ends at the device, the unit is the channel."""
    if pack.options.device == "name":
        device, _, channel = name.rpartition(pack.options.separator)
        if not device:
            expected = f"a name such as device{pack.options.separator}channel"
            raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}].n: expected {expected}, got {name[:80]!r}")
    else:
        device, channel = "", name.removeprefix(pack.own)
    if not channel and not unit:
        raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}].n: expected a name or a unit, got neither")
    return device, channel or unit


def _check_is_base(record: Record, place: int) -> None:
    """A record without a value may set bases for those behind it."""
    if not (record.bn or record.bt or record.bv or record.bu or record.bs):
        raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}]: expected a value, a sum or base fields, got none")


def _take(columns: Columns, record: Record, base: Record, who: tuple[str, str], place: int) -> None:
    """Add value and sum of a record that has more or other than a number."""
    given = [each for each in (record.v, record.vb, record.vs, record.vd) if each is not None]
    if len(given) > 1:
        raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}]: expected one of v, vb, vs and vd, got several")
    if record.v is not None or record.vb is not None:
        columns.channel.append(who[1])
        columns.value.append(record.v + base.bv if record.v is not None else float(bool(record.vb)))
    elif given:
        columns.left_out.append(who)
    if record.s is not None:
        columns.channel.append(f"{who[1]}.sum")
        columns.value.append(record.s + base.bs)


def _time_ns(pack: _Pack, time_s: float, place: int) -> int:
    """Return the time and remember it; of the first that counts from now, say so in the columns."""
    if time_s == 0.0:
        return NO_TIME
    relative = abs(time_s) < RELATIVE_S
    if pack.times and relative != pack.columns.relative:
        raise PayloadError(
            DeadLetterReason.SCHEMA, f"$[{place}].t: expected all times absolute or all from now, got both"
        )
    pack.columns.relative = relative
    pack.times[time_s] = time_ns = seconds_to_ns(time_s)
    return time_ns


def records_of(columns: Columns, options: Options) -> list[Record]:
    """Return the records of `columns`, times rounded to microseconds; the device is the base name."""
    devices = columns.device or [""] * len(columns.channel)
    records = []
    last = ""
    for device, channel, time_ns, value in zip(devices, columns.channel, columns.time_ns, columns.value, strict=True):
        record = Record(n=channel, v=value, t=0.0 if time_ns == NO_TIME else time_ns / 1e9)
        if device != last:
            record.bn = device + options.separator
            last = device
        record.u = options.units.get(channel, "")
        records.append(record)
    return records
