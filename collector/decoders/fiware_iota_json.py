"""Measures of a FIWARE IoT Agent for JSON: `/json/{_}/{device}/attrs`, or `.../attrs/{channel}` for one measure.

Input: payload bytes and the topic's fields.
Output: the numbers and booleans of the object, or of each object of a list, at its `TimeInstant`.
Not responsible for: texts and nulls; they are named as left out.
Rejects: payloads of another shape, and times that are no ISO 8601 text.

Source: fiware-iotagent-json, User manual, and its time stamp processing.
"""

from collections.abc import Mapping

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError
from collector.wire.json_values import check_count, gather, read_json
from collector.wire.rows_by_time import group_by_device_and_time
from collector.wire.timestamps import ns_to_rfc3339, rfc3339_to_ns

_TIME = "TimeInstant"
_DECODER: "msgspec.json.Decoder[object]" = msgspec.json.Decoder(object)
_MANY = msgspec.json.Decoder(dict[str, object] | list[dict[str, object]])


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`. Where the topic names the channel the payload is its value."""
    columns = Columns([], [], [], [])
    channel = fields.get("channel")
    if channel is not None:
        gather(columns, {channel: read_json(payload, _DECODER)}, NO_TIME)
        return check_count(columns, max_readings)
    message = read_json(payload, _MANY)
    for measures in message if isinstance(message, list) else [message]:
        instant = measures.pop(_TIME, None)
        if instant is not None and not isinstance(instant, str):
            raise PayloadError(
                DeadLetterReason.SCHEMA, f"$.{_TIME}: expected ISO 8601 text, got {type(instant).__name__}"
            )
        gather(columns, measures, rfc3339_to_ns(instant) if instant else NO_TIME)
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return the object of one moment, or a list of several."""
    objects = [
        moment.values if moment.time_ns == NO_TIME else moment.values | {_TIME: ns_to_rfc3339(moment.time_ns)}
        for moment in group_by_device_and_time(columns)
    ]
    return msgspec.json.encode(objects[0] if len(objects) == 1 else objects)
