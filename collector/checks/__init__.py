"""Quality checks: one file each, with its bit, its source and an example that runs; one line in `CHECKS`."""

from collections.abc import Mapping

from collector.check_state.check import BatchCheck, SensorCheck
from collector.checks import (
    climatology,
    device_time,
    equal_times,
    flat,
    gap,
    neighbour,
    out_of_range,
    rate,
    spike,
)

CHECKS: Mapping[str, BatchCheck | SensorCheck] = {
    "device_time": device_time.CHECK,
    "out_of_range": out_of_range.CHECK,
    "climatology": climatology.CHECK,
    "gap": gap.CHECK,
    "rate": rate.CHECK,
    "spike": spike.CHECK,
    "flat": flat.CHECK,
    "neighbour": neighbour.CHECK,
    "equal_times": equal_times.CHECK,
}
"""Name of the check, as docs/quality.md heads it, in the order of running. Sensor checks run one behind the other."""
