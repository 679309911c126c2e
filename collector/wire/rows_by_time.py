"""`TimedRow`: the values of one device at one time, as the payloads of most formats hold them.

Input: columns to encode.
Output: rows in their order.
Not responsible for: any one format.
Rejects: several rows where a format has one payload each.
"""

from dataclasses import dataclass

from collector.payload import Columns


@dataclass(slots=True)
class TimedRow:
    """The values of one device at one time."""

    device: str
    """Empty where the topic names it."""
    time_ns: int
    values: dict[str, float]


def group_by_device_and_time(columns: Columns) -> list[TimedRow]:
    """Return the readings in their order; those that follow each other at one time of one device together."""
    found: list[TimedRow] = []
    devices = columns.device or [""] * len(columns.channel)
    for device, channel, time_ns, value in zip(devices, columns.channel, columns.time_ns, columns.value, strict=True):
        last = found[-1] if found else None
        if last is None or last.device != device or last.time_ns != time_ns or channel in last.values:
            last = TimedRow(device, time_ns, {})
            found.append(last)
        last.values[channel] = value
    return found


def single_row(columns: Columns) -> TimedRow:
    """Return the one moment of `columns`.

    Raises:
        ValueError: there is none, or more than one: this format has one payload each.
    """
    (moment,) = group_by_device_and_time(columns)
    return moment
