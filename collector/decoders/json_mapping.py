"""JSON of any shape; the options of the subscription name the paths of the time, the device and each channel.

Input: payload bytes.
Output: the values at the paths. Without `values` every number of the object is a channel.
Not responsible for: keys that no option names.
Rejects: a text with another unit than the options name, because a wrong unit is a wrong value.

A value may be text with its unit, `"23.42 °C"`, if the options name the unit. A payload, or the value at `records`, may
be a list of such objects.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Decoder, PayloadError
from collector.wire.json_path import MISSING, compile_path, follow, put
from collector.wire.json_values import check_count, gather, number, read_json
from collector.wire.rows_by_time import group_by_device_and_time
from collector.wire.timestamps import ns_to_rfc3339, rfc3339_to_ns, seconds_to_ns

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*(.*?)\s*", re.ASCII | re.DOTALL)
_NS: Mapping[str, int] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_DECODER = msgspec.json.Decoder(dict[str, object] | list[object])


def _checked(text: str) -> str:
    compile_path(text)
    return text


_Path = Annotated[str, AfterValidator(_checked)]


class Options(BaseModel):
    """The options of a subscription."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    records: _Path = "$"
    """Where the object of readings is, or the list of such objects."""
    time: _Path | None = None
    """Where each object has its time; none: the time of reception."""
    time_unit: Literal["rfc3339", "s", "ms", "us", "ns"] = "rfc3339"
    """How the time is written: text, or a number of these since 1970."""
    device: _Path | None = None
    """Where each object has its device; none: the topic names it."""
    values: dict[str, _Path] = Field(default_factory=dict)
    """Channel to path of its value; none: every number of the object is a channel."""
    units: dict[str, str] = Field(default_factory=dict)
    """Channel to the unit behind the number in its text."""


class _Mapping:
    """The paths of `Options`, read once."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.records = compile_path(options.records)
        self.time = None if options.time is None else compile_path(options.time)
        self.device = None if options.device is None else compile_path(options.device)
        self.values = {channel: compile_path(path) for channel, path in options.values.items()}

    def decode(self, payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        """Return the readings; see `Decoder`."""
        del fields
        found = follow(read_json(payload, _DECODER), self.records)
        columns = Columns([], [], [], [], [] if self.device is not None else None)
        for place, record in enumerate(found if isinstance(found, list) else [found]):
            if not isinstance(record, dict):
                got = "nothing" if record is MISSING else type(record).__name__
                raise PayloadError(
                    DeadLetterReason.SCHEMA, f"{self.options.records}[{place}]: expected an object, got {got}"
                )
            gather(columns, self._values(record), self._time_ns(record), self._device(record))
        return check_count(columns, max_readings)

    def encode(self, columns: Columns) -> bytes:
        """Return the list of objects that reads as `columns`, times cut to their unit."""
        records = []
        for moment in group_by_device_and_time(columns):
            record: dict[str, object] = {}
            if self.time is not None and moment.time_ns != NO_TIME:
                put(record, self.time, self._written(moment.time_ns))
            if self.device is not None:
                put(record, self.device, moment.device)
            for channel, value in moment.values.items():
                unit = self.options.units.get(channel)
                put(record, self.values.get(channel, (channel,)), value if unit is None else f"{value!r} {unit}")
            records.append(record)
        if not self.records:
            return msgspec.json.encode(records)
        root: dict[str, object] = {}
        put(root, self.records, records)
        return msgspec.json.encode(root)

    def _values(self, record: dict[str, object]) -> dict[str, object]:
        """Return the value of each channel that the record has; text with the right unit as a number."""
        if self.values:
            found = {channel: follow(record, path) for channel, path in self.values.items()}
            values = {channel: value for channel, value in found.items() if value is not MISSING}
        else:
            used = {path[0] for path in (self.time, self.device) if path is not None and len(path) == 1}
            values = {key: value for key, value in record.items() if key not in used}
        for channel, unit in self.options.units.items():
            text = values.get(channel)
            if isinstance(text, str):
                values[channel] = _without_unit(text, unit, channel)
        return values

    def _time_ns(self, record: dict[str, object]) -> int:
        value = MISSING if self.time is None else follow(record, self.time)
        if value is MISSING or value is None:
            return NO_TIME
        unit = self.options.time_unit
        if unit == "rfc3339" and isinstance(value, str):
            return rfc3339_to_ns(value)
        since = None if isinstance(value, bool) or unit == "rfc3339" else number(value, str(self.options.time))
        if since is None:
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"{self.options.time}: expected a time as {unit}, got {str(value)[:40]!r}"
            )
        time_ns = value * _NS[unit] if isinstance(value, int) else seconds_to_ns(since * _NS[unit] / 1e9)
        if -(2**63) < time_ns < 2**63:
            return time_ns
        raise PayloadError(
            DeadLetterReason.TIME_UNREPRESENTABLE, f"{self.options.time}: expected a time from 1678 to 2262"
        )

    def _device(self, record: dict[str, object]) -> str:
        if self.device is None:
            return ""
        value = follow(record, self.device)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"{self.options.device}: expected the device's id, got {str(value)[:40]!r}"
            )
        return str(value)

    def _written(self, time_ns: int) -> str | int:
        unit = self.options.time_unit
        return ns_to_rfc3339(time_ns) if unit == "rfc3339" else time_ns // _NS[unit]


def _without_unit(text: str, unit: str, channel: str) -> float:
    found = _NUMBER.fullmatch(text)
    if found is None or found[2] != unit:
        raise PayloadError(
            DeadLetterReason.SCHEMA, f"{channel[:80]}: expected a number and {unit!r}, got {text[:40]!r}"
        )
    value = float(found[1])
    if math.isinf(value):
        raise PayloadError(
            DeadLetterReason.NOT_FINITE, f"{channel[:80]}: expected a number within float64, got {text[:40]!r}"
        )
    return value


def with_options(raw: Mapping[str, object]) -> Decoder:
    """Return the decoder as one subscription wants it.

    Raises:
        ValidationError: an option does not fit.
    """
    mapping = _Mapping(Options.model_validate(raw))
    named = mapping.device is not None
    fields = frozenset() if named else frozenset({"device"})
    return Decoder(mapping.decode, mapping.encode, fields, with_options=with_options, names_devices=named)


DECODER = with_options({})
"""Every number of the object, at the time of reception."""
