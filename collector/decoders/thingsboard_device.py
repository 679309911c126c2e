"""Telemetry of a ThingsBoard device: `{"ts":T,"values":{..}}`, plain values, or a list of these.

Input: payload bytes.
Output: numbers and booleans at their time.
Not responsible for: the name of the device.
Rejects: payloads of another shape.

Devices write to `v1/devices/me/telemetry`, which does not name the device. Give each a prefix in its topic, such as
`tb/{device}/v1/devices/me/telemetry`. Source: thingsboard.io, MQTT Device API.
"""

from collections.abc import Mapping

import msgspec

from collector.payload import Columns
from collector.wire.json_values import check_count, read_json
from collector.wire.rows_by_time import group_by_device_and_time
from collector.wire.thingsboard import gather_item, item_of

_DECODER = msgspec.json.Decoder(dict[str, object] | list[object])


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`."""
    del fields
    message = read_json(payload, _DECODER)
    columns = Columns([], [], [], [])
    for place, item in enumerate(message if isinstance(message, list) else [message]):
        gather_item(columns, item, f"$[{place}]")
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return one item, or the list of several; times are cut to milliseconds."""
    items = [item_of(moment) for moment in group_by_device_and_time(columns)]
    return msgspec.json.encode(items[0] if len(items) == 1 else items)
