"""Uplink messages of The Things Stack v3, JSON: `v3/{_}/devices/{device}/up`.

Comes in: payload bytes. Goes out: the numbers of `decoded_payload`, which the payload formatter fills, at the time at
which the network server received them: the clocks of gateways are often wrong. Readings of a simulated uplink are
marked as doubtful. Source: thethingsindustries.com, Data formats. `session_key_id` and `f_cnt` name an uplink; sensor
and `received_at` name its readings just as well.
"""

from collections.abc import Mapping

import msgspec

from collector.batch import Quality
from collector.dead_letter import Reason
from collector.json_values import check_count, gather, read_json
from collector.moments import only_moment
from collector.payload import NO_TIME, Columns, PayloadError
from collector.times import ns_to_rfc3339, rfc3339_to_ns

_SUSPECT = int(Quality.DEVICE_SUSPECT)


class _Device(msgspec.Struct):
    device_id: str = ""


class _Uplink(msgspec.Struct, omit_defaults=True):
    decoded_payload: dict[str, object] | None = None
    frm_payload: str = ""
    received_at: str = ""


class _Message(msgspec.Struct, omit_defaults=True):
    end_device_ids: _Device = msgspec.field(default_factory=_Device)
    received_at: str = ""
    uplink_message: _Uplink | None = None
    simulated: bool = False


_DECODER = msgspec.json.Decoder(_Message)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings of one uplink; see `Decoder`."""
    del fields
    message = read_json(payload, _DECODER)
    uplink = message.uplink_message
    if uplink is None:
        raise PayloadError(Reason.SCHEMA, "$.uplink_message: expected an uplink; subscribe to .../up only")
    if uplink.decoded_payload is None:
        raise PayloadError(Reason.SCHEMA, "$.uplink_message.decoded_payload: expected one; set a payload formatter")
    received_at = uplink.received_at or message.received_at
    columns = Columns([], [], [], [])
    time_ns = rfc3339_to_ns(received_at) if received_at else NO_TIME
    gather(columns, uplink.decoded_payload, time_ns, message.end_device_ids.device_id)
    if message.simulated:
        columns.quality = [_SUSPECT] * len(columns.channel)
    return check_count(columns, max_readings)


def encode(columns: Columns) -> bytes:
    """Return the uplink of one moment.

    Raises:
        ValueError: readings of several times or devices.
    """
    moment = only_moment(columns)
    received_at = "" if moment.time_ns == NO_TIME else ns_to_rfc3339(moment.time_ns)
    uplink = _Uplink(dict(moment.values), received_at=received_at)
    simulated = bool(columns.quality) and all(quality & _SUSPECT for quality in columns.quality)
    return msgspec.json.encode(_Message(_Device(moment.device), received_at, uplink, simulated))
