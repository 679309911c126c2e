"""Recorded readings as the rules would have received them: batches with a received time, and ticks between.

Input: chunks of readings; within a chunk the order of time does not matter.
Output: `ReadingBatch` by event time.
Not responsible for: the origin of the readings.
Rejects: nothing.

A history keeps the time of measurement, not the time of receipt. Each step of time becomes one batch; its received time
is the end of its step. Where a step has no readings, empty batches let listening time pass, as the ticks of the intake.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch, tick
from config.register import Register

SECOND_NS = 1_000_000_000
_TICK_NS = 5 * SECOND_NS
"""The longest step between two batches that silence rules count in full, see `rules.kinds.stale`."""
_SHORTEST_S, _LONGEST_S = 2.0, 60.0
"""Of a step. Up to the shorter listening counts as uninterrupted; the longer is assumed."""
_STEPS_OF_SILENCE = 6
"""Steps in the shortest stale time of the register; assumed: silence is then at most a sixth too early or late."""
_AFTER_NS = 60 * SECOND_NS
"""Ticks go on for so long after the longest stale time of the register; assumed. No sensor can fall silent later."""


@dataclass(frozen=True, slots=True)
class ReadingChunk:
    """Readings of one span of time.

    Attributes:
        start_ns, end_ns: the span; no reading lies outside.
        sensor: int32[n], dense number in the register.
        time_ns: int64[n], when measured.
        value: float64[n], canonical unit.
        quality: uint16[n], `Quality` bits.
    """

    start_ns: int
    end_ns: int
    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]


class BatchStream:
    """Turns chunks into batches; remembers only the time of the last batch."""

    def __init__(self, register: Register) -> None:
        """Cut time into steps that are short beside the stale times of `register`."""
        shortest_s = min((each.stale_after_s for each in register.sensors), default=0.0)
        self._step_ns = int(min(max(shortest_s / _STEPS_OF_SILENCE, _SHORTEST_S), _LONGEST_S)) * SECOND_NS
        self._tick_ns = min(self._step_ns, _TICK_NS)
        longest_s = max((each.stale_after_s for each in register.sensors), default=0.0)
        self._patience_ns = round(longest_s * SECOND_NS) + _AFTER_NS
        self._last_ns = 0
        self._heard_ns = 0

    def batches(self, chunks: Iterable[ReadingChunk]) -> Iterator[ReadingBatch]:
        """Yield the readings of `chunks`, which follow each other in time, step by step, with ticks in between."""
        for chunk in chunks:
            order = np.lexsort((chunk.sensor, chunk.time_ns))
            sensor, time_ns = chunk.sensor[order], chunk.time_ns[order]
            value, quality = chunk.value[order], chunk.quality[order]
            steps = time_ns // self._step_ns
            edges = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
            for low, high in pairwise(edges if len(steps) else []):
                received_ns = (int(steps[low]) + 1) * self._step_ns
                yield from self._make_ticks(received_ns)
                self._last_ns = self._heard_ns = received_ns
                part = slice(low, high)
                yield ReadingBatch(received_ns, sensor[part], time_ns[part], value[part], quality[part])
            yield from self._make_ticks(chunk.end_ns)

    def _make_ticks(self, until_ns: int) -> Iterator[ReadingBatch]:
        """Yield ticks behind the last batch up to before `until_ns`, as long as somebody can still fall silent."""
        if not self._last_ns:
            return
        last_ns = min(until_ns, self._heard_ns + self._patience_ns)
        while self._last_ns + self._tick_ns < last_ns:
            self._last_ns += self._tick_ns
            yield tick(self._last_ns)


def chunk_length_ns(register: Register, most_readings: int) -> int:
    """Return how long a chunk that holds about `most_readings` is: between a minute and an hour."""
    rate = sum(1.0 / each.cadence_s for each in register.sensors if each.cadence_s > 0)
    seconds = most_readings / rate if rate else 3600.0
    return int(min(max(seconds, 60.0), 3600.0)) * SECOND_NS
