"""An attribute value of OpenRemote's clients: `{_}/{_}/writeattributevalue/{channel}/{device}`.

Input: payload bytes, any JSON value, and the topic's fields: the attribute is the channel, the asset id the device.
Output: one number or boolean without a time; of an object its numbers, as channels `attribute.key`.
Not responsible for: texts and nulls; they are named as left out.
Rejects: a payload without any number.

Source: docs.openremote.io, Manager APIs, MQTT.
"""

from collections.abc import Mapping

import msgspec

from collector.payload import NO_TIME, Columns
from collector.wire.json_values import check_count, gather, read_json

_DECODER: "msgspec.json.Decoder[object]" = msgspec.json.Decoder(object)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`."""
    columns = Columns([], [], [], [])
    gather(columns, {fields["channel"]: read_json(payload, _DECODER)}, NO_TIME)
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return the payload of one reading; its channel belongs into the topic, its time is not carried.

    Raises:
        ValueError: not exactly one reading.
    """
    (value,) = columns.value
    return msgspec.json.encode(value)
