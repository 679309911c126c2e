"""One item of telemetry, which ThingsBoard's device and gateway payloads have in common.

Input: decoded JSON.
Output: readings added to columns; and the inverse.
Not responsible for: the kind of the payload.
Rejects: items of another shape.

Source: thingsboard.io, MQTT Device API and MQTT Gateway API, telemetry upload.
"""

from collections.abc import Mapping

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, Columns, PayloadError
from collector.wire.json_values import gather
from collector.wire.rows_by_time import TimedRow
from collector.wire.timestamps import epoch_ms_to_ns


def gather_item(columns: Columns, item: object, where: str, device: str = "") -> None:
    """Add the readings of `{"ts":T,"values":{..}}`, or of plain values, which have no time.

    Raises:
        PayloadError: SCHEMA, NOT_FINITE or TIME_UNREPRESENTABLE.
    """
    if not isinstance(item, dict):
        raise PayloadError(DeadLetterReason.SCHEMA, f"{where[:80]}: expected an object, got {type(item).__name__}")
    if "values" not in item or "ts" not in item:
        gather(columns, item, NO_TIME, device)
        return
    time_ms, values = item["ts"], item["values"]
    if type(time_ms) is not int or not isinstance(values, dict):
        raise PayloadError(
            DeadLetterReason.SCHEMA, f"{where[:80]}: expected ts in milliseconds and values as an object"
        )
    gather(columns, values, epoch_ms_to_ns(time_ms), device)


def item_of(moment: TimedRow) -> Mapping[str, object]:
    """Return the item of one moment, the time cut to milliseconds."""
    if moment.time_ns == NO_TIME:
        return dict(moment.values)
    return {"ts": moment.time_ns // 1_000_000, "values": moment.values}
