"""Readings as lines of InfluxDB line protocol, and names quoted for InfluxQL.

Input: the register once, then columns.
Output: text.
Not responsible for: servers and their answers.
Rejects: names in the register that line protocol cannot hold.

Measurement = quantity; tags asset, domain, sensor; fields `value` (float) and `quality` (integer); nanoseconds.
A field never changes its type, so a reading of ours cannot start a type conflict.
Source: the line protocol and InfluxQL references of InfluxDB 1.8, 2 and 3.
"""

from collections.abc import Sequence

from collector.history.blocks import RawReadings
from config.register import Register, Sensor

_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ "})
_TAG = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})


def escape_measurement(name: str) -> str:
    """Return `name` as line protocol writes a measurement."""
    return name.translate(_MEASUREMENT)


def escape_tag(value: str) -> str:
    """Return `value` as line protocol writes a tag value."""
    return value.translate(_TAG)


def prefixes(register: Register) -> list[str]:
    """Return the beginning of each sensor's lines, in dense order.

    Raises:
        ValueError: a name is empty, has a control character or ends with a backslash.
    """
    return [_prefix(sensor, register.assets[sensor.asset].domain) for sensor in register.sensors]


def _prefix(sensor: Sensor, domain: str) -> str:
    for name in (sensor.quantity, sensor.asset, domain, sensor.id):
        if not name or not name.isprintable() or name.endswith("\\"):
            message = f"sensor {sensor.id!r}: expected printable names without a backslash at the end, got {name!r}"
            raise ValueError(message)
    tags = f"asset={escape_tag(sensor.asset)},domain={escape_tag(domain)},sensor={escape_tag(sensor.id)}"
    return f"{escape_measurement(sensor.quantity)},{tags} value="


def lines(series_prefixes: Sequence[str], readings: RawReadings) -> list[str]:
    """Return one line for each reading.

    Args:
        series_prefixes: from `prefixes`.
        readings: records with sensor, time_ns, value, quality.
    """
    rows = zip(
        readings["sensor"].tolist(),
        readings["value"].tolist(),
        readings["quality"].tolist(),
        readings["time_ns"].tolist(),
        strict=True,
    )
    return [
        f"{series_prefixes[sensor]}{value!r},quality={quality}i {time_ns}" for sensor, value, quality, time_ns in rows
    ]


def quote_identifier(name: str) -> str:
    """Return `name` as an InfluxQL identifier: nothing in it can end the quotes."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def quote_text(text: str) -> str:
    """Return `text` as an InfluxQL string: nothing in it can end the quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
