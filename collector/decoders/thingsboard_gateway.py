"""Telemetry that a ThingsBoard gateway sends for its devices: `{"Device A":[{"ts":T,"values":{..}}, ..], ..}`.

Input: payload bytes.
Output: numbers and booleans of several devices, each with its name.
Not responsible for: the devices that a gateway may name; the subscription lists them.
Rejects: payloads of another shape, and devices without a name.

Source: thingsboard.io, MQTT Gateway API.
"""

from collections.abc import Mapping

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import Columns, PayloadError
from collector.wire.json_values import check_count, read_json
from collector.wire.rows_by_time import group_by_device_and_time
from collector.wire.thingsboard import gather_item, item_of

_DECODER = msgspec.json.Decoder(dict[str, list[object]])


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`."""
    del fields
    columns = Columns([], [], [], [], [])
    for device, items in read_json(payload, _DECODER).items():
        if not device:
            raise PayloadError(DeadLetterReason.SCHEMA, "$: expected a name for each device, got an empty one")
        for place, item in enumerate(items):
            gather_item(columns, item, f"$[{device[:40]!r}][{place}]", device)
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return the items by device; times are cut to milliseconds.

    Raises:
        ValueError: readings without a device.
    """
    if columns.device is None:
        raise ValueError("device: expected one for each reading, got none")
    items: dict[str, list[Mapping[str, object]]] = {}
    for moment in group_by_device_and_time(columns):
        items.setdefault(moment.device, []).append(item_of(moment))
    return msgspec.json.encode(items)
