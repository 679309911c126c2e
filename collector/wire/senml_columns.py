"""SenML packs of nothing but names, numbers and times, resolved column by column: the packs of nearly every gateway.

Input: records.
Output: columns, or None where the records must be read one by one, as `collector.wire.senml` does.
Not responsible for: reasons of rejections.
Rejects: nothing; doubtful and wrong packs are left to the other way. The result is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

VERSION = 10
"""Newest version of the format. Source: RFC 8428 section 4.4."""
FEW = 4
"""Fewer records are as quickly read one by one; measured."""


@dataclass(frozen=True, slots=True)
class Plain:
    """The readings of a pack as columns, and the bases in its first record."""

    name: str
    unit: str
    time_s: float
    names: Sequence[str]
    units: Sequence[str]
    values: Sequence[float]
    times_s: Sequence[float]


def plain_of(records: Sequence[msgspec.Struct]) -> Plain | None:
    """Return the columns of `records`; their fields are those of `collector.wire.senml.Record`."""
    if len(records) < FEW:
        return None
    bn, bt, bu, bv, _bs, bver, n, u, v, vs, vb, vd, s, t = zip(*map(msgspec.structs.astuple, records), strict=True)
    count = len(records)
    # A first record without a value may set bases for those behind it; without either it is a mistake.
    lead = 1 if v[0] is None and (bn[0] or bt[0] or bu[0]) else 0
    is_plain = (
        not (any(bn[1:]) or any(bt[1:]) or any(bu[1:]) or any(bv))
        and len(set(bver)) == 1 <= bver[0] <= VERSION
        and v.count(None) == lead
        and vs.count(None) == vb.count(None) == vd.count(None) == s.count(None) == count
    )
    if not is_plain:
        return None
    return Plain(bn[0], bu[0], bt[0], n[lead:], u[lead:], v[lead:], t[lead:])


def topic_channels(plain: Plain, own: str) -> list[str]:
    """Return the channels where the topic names the device; an empty one where nothing follows the device.

    Args:
        plain: the readings.
        own: device and separator, which a name may begin with.
    """
    if not plain.name:
        return [name.removeprefix(own) for name in plain.names]
    if plain.name == own:
        return list(plain.names)
    return [(plain.name + name).removeprefix(own) for name in plain.names]


Learn = Callable[[tuple[str, str]], tuple[str, str]]
"""(name, unit), bases included, to (device, channel); raises PayloadError."""


def learned(plain: Plain, learn: Learn) -> tuple[list[str], list[str]]:
    """Return devices and channels, each different name learned once."""
    keys = list(zip(plain.names, plain.units, strict=True))
    known = {key: learn((plain.name + key[0], key[1] or plain.unit)) for key in dict.fromkeys(keys)}
    return [known[key][0] for key in keys], [known[key][1] for key in keys]


def times_of(plain: Plain, time_of: Callable[[float], int]) -> list[int]:
    """Return the times; `time_of` gives nanoseconds of seconds with their base, and raises PayloadError."""
    first_s = plain.times_s[0]
    if plain.times_s.count(first_s) == len(plain.times_s):
        return [time_of(plain.time_s + first_s)] * len(plain.times_s)
    times = {time_s: time_of(plain.time_s + time_s) for time_s in dict.fromkeys(plain.times_s)}
    return [times[time_s] for time_s in plain.times_s]
