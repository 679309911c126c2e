"""Uplink messages of The Things Stack v3, JSON: `v3/{_}/devices/{device}/up`.

Input: payload bytes.
Output: the numbers of `decoded_payload`, which the payload formatter fills.
Not responsible for: undecoded payloads and other messages than uplinks.
Rejects: a message without an uplink, and an uplink without a decoded payload.

The time is the one at which the network server received the uplink: clocks of gateways are often wrong.
Readings of a simulated uplink are marked as doubtful. `f_cnt` numbers the uplinks of the session that `session_key_id`
stands for; sensor and `received_at` name the readings. Source: thethingsindustries.com, Data formats.
"""

import zlib
from collections.abc import Mapping, Sequence

import msgspec

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Mark, PayloadError
from collector.wire.json_values import check_count, gather, read_json
from collector.wire.rows_by_time import single_row
from collector.wire.timestamps import ns_to_rfc3339, rfc3339_to_ns

RSSI, SNR = "rssi", "snr"
"""Channels of the signal of an uplink at the gateway that heard it best, dBm and dB."""
_SUSPECT = int(Quality.DEVICE_SUSPECT)


class _Device(msgspec.Struct):
    device_id: str = ""


class _Reception(msgspec.Struct):
    rssi: float | None = None
    snr: float | None = None


class _Uplink(msgspec.Struct, omit_defaults=True):
    decoded_payload: dict[str, object] | None = None
    frm_payload: str = ""
    received_at: str = ""
    session_key_id: str = ""
    f_cnt: int = 0
    """Left out by the server where it is 0."""
    rx_metadata: list[_Reception] = msgspec.field(default_factory=list)


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
        raise PayloadError(DeadLetterReason.SCHEMA, "$.uplink_message: expected an uplink; subscribe to .../up only")
    if uplink.decoded_payload is None:
        raise PayloadError(
            DeadLetterReason.SCHEMA, "$.uplink_message.decoded_payload: expected one; set a payload formatter"
        )
    received_at = uplink.received_at or message.received_at
    columns = Columns([], [], [], [])
    time_ns = rfc3339_to_ns(received_at) if received_at else NO_TIME
    gather(
        columns, {**_signal(uplink.rx_metadata), **uplink.decoded_payload}, time_ns, message.end_device_ids.device_id
    )
    if uplink.session_key_id and uplink.f_cnt >= 0:
        columns.mark = Mark(uplink.f_cnt, zlib.crc32(uplink.session_key_id.encode()))
    if message.simulated:
        columns.quality = [_SUSPECT] * len(columns.channel)
    return check_count(columns, max_readings)


def _signal(receptions: Sequence[_Reception]) -> Mapping[str, object]:
    """Return the signal at the gateway that heard the uplink best; values of the formatter go before it."""
    heard = [(each.rssi, each.snr) for each in receptions if each.rssi is not None]
    if not heard:
        return {}
    rssi, snr = max(heard, key=lambda each: each[0])
    return {RSSI: rssi} if snr is None else {RSSI: rssi, SNR: snr}


def encode(columns: Columns) -> bytes:
    """Return the uplink of one moment.

    Raises:
        ValueError: readings of several times or devices.
    """
    moment = single_row(columns)
    received_at = "" if moment.time_ns == NO_TIME else ns_to_rfc3339(moment.time_ns)
    uplink = _Uplink(dict(moment.values), received_at=received_at)
    simulated = bool(columns.quality) and all(quality & _SUSPECT for quality in columns.quality)
    return msgspec.json.encode(_Message(_Device(moment.device), received_at, uplink, simulated))
