"""Sparkplug B 3.0: births, data and deaths of edge nodes and their devices, as protobuf.

Input: payload bytes and the words of `spBv1.0/{group_id}/{message_type}/{edge_node_id}[/{device_id}]`.
Output: columns; a birth or death is a reading of the channel `online`.
Not responsible for: the session; see `collector/wire/sparkplug_session.py`.
Rejects: data that no birth has explained.

The register calls a device `group:edge:device`, an edge node `group:edge`; docs/sparkplug.md. On its own a message is
read as far as it explains itself. Opened for a register, the format keeps births and asks for missing ones.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from collector.batch import Quality
from collector.payload import NO_TIME, Columns, Decoder
from collector.wire import sparkplug_messages
from collector.wire.sparkplug_messages import Message, Metric, ValueType
from collector.wire.sparkplug_session import SparkplugSessions, speaker_of

_BAD_QUALITY = 0


def open_sessions(channels: Mapping[str, Collection[str]], counts: Counter[tuple[str, str]]) -> Decoder:
    """Return the format with a memory of its own for the devices of a register and their channels."""
    sessions = SparkplugSessions(channels, counts)

    def decode_next(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        return sessions.take(sparkplug_messages.decode_payload(payload), speaker_of(fields), max_readings)

    return replace(DECODER, decode=decode_next, open=None, requests=sessions.requests)


def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
    """Return the readings of one message that nothing came before; see `Decoder`."""
    return SparkplugSessions({}, Counter()).take(
        sparkplug_messages.decode_payload(payload), speaker_of(fields), max_readings
    )


def encode(columns: Columns) -> bytes:
    """Return the payload of a DATA message that names each metric; times are cut to milliseconds."""
    rows = zip(columns.channel, columns.time_ns, columns.value, columns.quality, strict=True)
    metrics = [
        Metric(
            name=channel,
            timestamp_ms=None if time_ns == NO_TIME else time_ns // 1_000_000,
            datatype=ValueType.DOUBLE,
            quality=_BAD_QUALITY if quality & Quality.DEVICE_SUSPECT else sparkplug_messages.GOOD_QUALITY,
            is_historical=bool(quality & Quality.HISTORICAL),
            value=value,
        )
        for channel, time_ns, value, quality in rows
    ]
    return sparkplug_messages.encode_payload(Message(metrics=metrics))


DECODER = Decoder(
    decode,
    encode,
    fields=frozenset({"group_id", "message_type", "edge_node_id"}),
    names_devices=True,
    speaks_for_topic=True,
    open=open_sessions,
)
