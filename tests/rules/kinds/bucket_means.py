"""Buckets again, slow and obvious: one reading at a time, in dictionaries."""

import zlib
from collections.abc import Iterator, Sequence

from collector.batch import RECEIVED_CLOCK
from tests.rules.kinds.conformance import Reading


def bucket_means(
    readings: Sequence[Reading], sensor_id: str, step_s: float
) -> Iterator[tuple[Reading, int, dict[int, float]]]:
    """Yield (reading, its bucket, means of all closed buckets by number) for each reading that closes one."""
    step_ns = round(step_s * 1e9)
    phase_ns = zlib.crc32(sensor_id.encode()) * step_ns // 2**32
    closed: dict[int, float] = {}
    number, values, clock = None, [], False
    for each in readings:
        now = (round(each[1] * 1e9) - phase_ns) // step_ns
        is_received = bool(each[3] & RECEIVED_CLOCK)
        if number is not None and now == number - 1:
            now = number
        if number is not None and (now < number or is_received != clock):
            number, values, closed = None, [], {}
        closes = number is not None and now > number
        if closes:
            closed[number] = sum(values) / len(values)
            values = []
        number, clock = now, is_received
        values.append(each[2])
        if closes:
            yield each, now, closed
