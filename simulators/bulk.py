"""Bulk messages for benchmarks: n messages with m readings each, over every device of a register.

Input: register, sizes, start.
Output: (topic, payload).
Not responsible for: clocks, sockets, and values of real lifelines: a benchmark counts readings.
Rejects: nothing.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from config.register import Register, Sensor
from config.time_units import MILLISECOND_NS
from simulators.noise import white


def bulk_messages(
    register: Register, n_messages: int, readings_per_message: int, start_ns: int, *, seed: int = 1
) -> Iterator[tuple[str, bytes]]:
    """Return `n_messages` Lifeline JSON messages of `readings_per_message` readings each, all distinct.

    One reading is the single form; more are the columnar form of one sensor, one millisecond apart, as a gateway sends
    what it gathered. Sensors take turns. No sensor has the same time twice. The last time is
    n_messages * readings_per_message / sensors milliseconds after `start_ns`: choose it in the past.
    """
    sensors = [sensor for sensor in register.sensors if sensor.quantity not in {"heartbeat", "battery"}]
    values = _values(sensors, seed)
    start_ms = start_ns // MILLISECOND_NS
    for i in range(n_messages):
        turn, place = divmod(i, len(sensors))
        sensor = sensors[place]
        first_ms = start_ms + turn * readings_per_message
        yield _topic(register, sensor), _payload(sensor, i, first_ms, values[place][turn % 1024], readings_per_message)


def _values(sensors: Sequence[Sensor], seed: int) -> list[list[float]]:
    """Return 1,024 payload values for each sensor: small positive numbers with three decimals."""
    return [
        [round(abs(value), 3) for value in (1.0 + 0.1 * white(seed, sensor.id, np.arange(1024))).tolist()]
        for sensor in sensors
    ]


def _topic(register: Register, sensor: Sensor) -> str:
    return f"lifeline/v1/{register.assets[sensor.asset].domain}/{sensor.asset}/{sensor.device}/up"


def _payload(sensor: Sensor, number: int, first_ms: int, value: float, n_readings: int) -> bytes:
    body: dict[str, object] = {"v": 1, "id": f"bulk-{number}"}
    if n_readings == 1:
        return msgspec.json.encode({**body, "ts": first_ms, "m": {sensor.channel: value}})
    times = list(range(first_ms, first_ms + n_readings))
    values = [round(value + 0.001 * (k % 7), 3) for k in range(n_readings)]
    return msgspec.json.encode({**body, "ts": times, "m": {sensor.channel: values}})
