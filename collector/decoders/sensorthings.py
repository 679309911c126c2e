"""One Observation of the OGC SensorThings API: `{"result":21,"Datastream":{"@iot.id":999}}`.

Input: payload bytes.
Output: the result as channel `result`, of an object its members as `result.key`.
Not responsible for: the other members of an Observation.
Rejects: an Observation without a result, or without a Datastream where the topic names none.

The time is the phenomenon time (the end of an interval), else the result time. A Datastream is one sensor. Its id is
the device, from the topic `v1.1/Datastreams({device})/Observations`, from the payload, or from both if they agree.
Source: OGC 18-088, SensorThings API 1.1, part 1; FROST-Server's MQTT documentation.
"""

from collections.abc import Mapping

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError
from collector.wire.json_values import check_count, gather, read_json
from collector.wire.rows_by_time import single_row
from collector.wire.timestamps import ns_to_rfc3339, rfc3339_to_ns

RESULT = "result"
"""Channel of every Observation."""


class _Datastream(msgspec.Struct, omit_defaults=True):
    id: int | str | None = msgspec.field(default=None, name="@iot.id")


class _Observation(msgspec.Struct, rename="camel", omit_defaults=True):
    phenomenon_time: str | None = None
    result_time: str | None = None
    result: object = msgspec.UNSET
    datastream: _Datastream = msgspec.field(default_factory=_Datastream, name="Datastream")


_DECODER = msgspec.json.Decoder(_Observation)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings; see `Decoder`."""
    seen = read_json(payload, _DECODER)
    if seen.result is msgspec.UNSET:
        raise PayloadError(DeadLetterReason.SCHEMA, "$.result: expected a value, got none")
    device = "" if seen.datastream.id is None else str(seen.datastream.id)
    if not device and "device" not in fields:
        raise PayloadError(
            DeadLetterReason.SCHEMA, "$.Datastream: expected @iot.id, because the topic names no Datastream"
        )
    when = seen.phenomenon_time or seen.result_time
    columns = Columns([], [], [], [])
    gather(columns, {RESULT: seen.result}, rfc3339_to_ns(when.split("/")[-1]) if when else NO_TIME, device)
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return the Observation of one reading of the channel `result`.

    Raises:
        ValueError: several readings, or another channel.
    """
    moment = single_row(columns)
    if set(moment.values) != {RESULT}:
        raise ValueError(f"channel: expected {RESULT} only, got {sorted(moment.values)}")
    when = None if moment.time_ns == NO_TIME else ns_to_rfc3339(moment.time_ns)
    return msgspec.json.encode(_Observation(when, None, moment.values[RESULT], _Datastream(moment.device or None)))
