"""SenML packs without their encoding: base fields, relative times, names and units. Source: RFC 8428, section 4.

Comes in: records as JSON or CBOR gave them. Goes out: columns, and records back. Refuses to know the encoding, and the
clock: a time that counts from now stays so, for the pipeline to resolve.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from collector.dead_letter import Reason
from collector.json_values import check_count
from collector.payload import NO_TIME, Columns, PayloadError
from collector.times import seconds_to_ns

RELATIVE_S = 2.0**28
"""Smaller times count from now, seconds. Source: RFC 8428 section 4.5.3."""
_VERSION = 10
"""Source: RFC 8428 section 4.4."""


class Options(BaseModel):
    """What a subscription chooses."""

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
    bver: int = _VERSION
    n: str = ""
    u: str = ""
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: object = None
    s: float | None = None
    t: float = 0.0


def resolve(pack: Sequence[Record], options: Options, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings of a pack; a sum is a channel of its own, `name.sum`.

    Raises:
        PayloadError: SCHEMA, TOO_LARGE, NOT_FINITE or TIME_UNREPRESENTABLE.
    """
    columns = Columns([], [], [], [], [] if options.device == "name" else None)
    own = fields.get("device", "") + options.separator
    base = Record()
    for place, record in enumerate(pack):
        if record.bver > _VERSION or record.bver < 1:
            raise PayloadError(Reason.SCHEMA, f"$[{place}].bver: expected a version up to {_VERSION}, got another")
        _rebase(base, record)
        device, channel = _who(base.bn + record.n, record.u or base.bu, place, own, options)
        start = len(columns.channel)
        _take(columns, record, base, (device, channel), place)
        added = len(columns.channel) - start
        if added:
            _check_unit(channel, record.u or base.bu, options)
            columns.time_ns += [_time_ns(columns, base.bt + record.t, place)] * added
            if columns.device is not None:
                columns.device += [device] * added
    columns.quality = [0] * len(columns.channel)
    return check_count(columns, max_readings)


def _rebase(base: Record, record: Record) -> None:
    """Keep the base fields of `record` for those behind it."""
    base.bn = record.bn or base.bn
    base.bt = record.bt or base.bt
    base.bu = record.bu or base.bu
    base.bv = record.bv or base.bv
    base.bs = record.bs or base.bs


def _who(name: str, unit: str, place: int, own: str, options: Options) -> tuple[str, str]:
    """Return device (empty: the topic's) and channel; where the name ends at the device, the unit is the channel."""
    if options.device == "name":
        device, _, channel = name.rpartition(options.separator)
        if not device:
            expected = f"a name such as device{options.separator}channel"
            raise PayloadError(Reason.SCHEMA, f"$[{place}].n: expected {expected}, got {name[:80]!r}")
    else:
        device, channel = "", name.removeprefix(own)
    if not channel and not unit:
        raise PayloadError(Reason.SCHEMA, f"$[{place}].n: expected a name or a unit, got neither")
    return device, channel or unit


def _take(columns: Columns, record: Record, base: Record, who: tuple[str, str], place: int) -> None:
    """Add value and sum of one record, without time and device."""
    _, channel = who
    value = float(record.vb) if record.vb is not None else record.v
    if (record.vb is not None) + (record.v is not None) + (record.vs is not None) + (record.vd is not None) > 1:
        raise PayloadError(Reason.SCHEMA, f"$[{place}]: expected one of v, vb, vs and vd, got several")
    if value is not None:
        columns.channel.append(channel)
        columns.value.append(_finite(value + base.bv if record.vb is None else value, place))
    elif record.vs is not None or record.vd is not None:
        columns.left_out.append(who)
    if record.s is not None:
        columns.channel.append(f"{channel}.sum")
        columns.value.append(_finite(record.s + base.bs, place))
    elif value is None and record.vs is None and record.vd is None and not (record.bn or record.bt or record.bv):
        raise PayloadError(Reason.SCHEMA, f"$[{place}]: expected a value, a sum or base fields, got none")


def _finite(value: float, place: int) -> float:
    if value - value == 0.0:
        return value
    raise PayloadError(Reason.NOT_FINITE, f"$[{place}]: expected a number within float64, got {value}")


def _check_unit(channel: str, unit: str, options: Options) -> None:
    expected = options.units.get(channel)
    if expected is not None and unit != expected:
        raise PayloadError(Reason.SCHEMA, f"u: expected {expected!r} for {channel[:80]}, got {unit[:40]!r}")


def _time_ns(columns: Columns, time_s: float, place: int) -> int:
    """Return the time; of the first that counts from now, say so in `columns`."""
    if time_s == 0.0:
        return NO_TIME
    relative = abs(time_s) < RELATIVE_S
    if relative and not columns.relative and any(each != NO_TIME for each in columns.time_ns):
        raise PayloadError(Reason.SCHEMA, f"$[{place}].t: expected all times absolute or all from now, got both")
    if columns.relative and not relative:
        raise PayloadError(Reason.SCHEMA, f"$[{place}].t: expected all times absolute or all from now, got both")
    columns.relative = relative
    return seconds_to_ns(time_s)


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
