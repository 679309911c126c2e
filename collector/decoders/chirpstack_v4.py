"""Events of a ChirpStack v4 network server, JSON: `application/{_}/device/{device}/event/{event}`.

Input: payload bytes and the topic's fields.
Output: the numbers of `object`, which the codec of the device profile fills; of a status event the battery.
Not responsible for: join, acknowledgement, log and location events; they hold no reading and give none.
Rejects: other events, and an uplink that has bytes but no decoded object.

The time of a reading is the one at which the first gateway heard the frame. A frame that several gateways heard, or
that is delivered again, has the same `deduplicationId` and the same `time`: sensor and time make it one reading. `fCnt`
numbers the uplinks since the join that `devAddr` stands for. Source: chirpstack.io, Integrations, Event types.
"""

import zlib
from collections.abc import Mapping, Sequence

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, Mark, PayloadError
from collector.wire.json_values import check_count, gather, read_json
from collector.wire.rows_by_time import single_row
from collector.wire.timestamps import ns_to_rfc3339, rfc3339_to_ns

BATTERY = "bat"
"""Channel of the battery level in a status event, percent."""
MARGIN = "margin"
"""Channel of the link margin in a status event, dB."""
RSSI, SNR = "rssi", "snr"
"""Channels of the signal of an uplink at the gateway that heard it best, dBm and dB."""
_EVENTS_WITHOUT_READINGS = frozenset({"join", "ack", "txack", "log", "location", "integration"})


class _Device(msgspec.Struct, rename="camel"):
    dev_eui: str = ""


class _Reception(msgspec.Struct):
    rssi: float | None = None
    snr: float | None = None


class _Event(msgspec.Struct, rename="camel", omit_defaults=True):
    """The fields that we read of any event; the others are left alone."""

    device: _Device = msgspec.field(default_factory=_Device, name="deviceInfo")
    time: str = ""
    deduplication_id: str = ""
    undecoded: str = msgspec.field(default="", name="data")
    decoded: dict[str, object] | None = msgspec.field(default=None, name="object")
    margin: float | None = None
    battery_level: float | None = None
    external_power_source: bool = False
    battery_level_unavailable: bool = False
    dev_addr: str = ""
    f_cnt: int = 0
    """Left out by the server where it is 0."""
    receptions: list[_Reception] = msgspec.field(default_factory=list, name="rxInfo")


_DECODER = msgspec.json.Decoder(_Event)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings of one event; see `Decoder`. Without a level `{event}` the topic is taken for `up`."""
    kind = fields.get("event", "up")
    if kind in _EVENTS_WITHOUT_READINGS:
        return Columns([], [], [], [])
    if kind not in ("up", "status"):
        raise PayloadError(DeadLetterReason.TOPIC, f"event: expected an event of ChirpStack v4, got {kind[:40]!r}")
    event = read_json(payload, _DECODER)
    columns = Columns([], [], [], [])
    time_ns = rfc3339_to_ns(event.time) if event.time else NO_TIME
    gather(columns, _of_status(event) if kind == "status" else _of_uplink(event), time_ns, event.device.dev_eui)
    if kind == "up" and event.dev_addr and event.f_cnt >= 0:
        columns.mark = Mark(event.f_cnt, zlib.crc32(event.dev_addr.encode()))
    is_empty = kind == "status" or not event.undecoded
    return columns if is_empty and not columns.channel and not columns.left_out else check_count(columns, max_readings)


def _of_uplink(event: _Event) -> Mapping[str, object]:
    if event.decoded is None and event.undecoded:
        raise PayloadError(
            DeadLetterReason.SCHEMA, "$.object: expected the decoded payload; set a codec in the device profile"
        )
    return {**_signal(event.receptions), **(event.decoded or {})}


def _signal(receptions: Sequence[_Reception]) -> Mapping[str, object]:
    """Return the signal at the gateway that heard the uplink best; values of the codec go before it."""
    heard = [(each.rssi, each.snr) for each in receptions if each.rssi is not None]
    if not heard:
        return {}
    rssi, snr = max(heard, key=lambda each: each[0])
    return {RSSI: rssi} if snr is None else {RSSI: rssi, SNR: snr}


def _of_status(event: _Event) -> Mapping[str, object]:
    values: dict[str, object] = {}
    if event.battery_level is not None and not (event.external_power_source or event.battery_level_unavailable):
        values[BATTERY] = event.battery_level
    if event.margin is not None:
        values[MARGIN] = event.margin
    return values


def encode(columns: Columns) -> bytes:
    """Return the `up` event of one moment.

    Raises:
        ValueError: readings of several times or devices.
    """
    moment = single_row(columns)
    event = _Event(_Device(moment.device), decoded=dict(moment.values))
    if moment.time_ns != NO_TIME:
        event.time = ns_to_rfc3339(moment.time_ns)
        event.deduplication_id = f"{moment.device}-{moment.time_ns}"
    return msgspec.json.encode(event)
