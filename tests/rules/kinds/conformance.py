"""The case of a rule kind for the conformance suite: a district, its rules, and streams that raise alarms."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.batch import ReadingBatch, tick
from config.register import Register
from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.small_district import SECOND_NS, batch

Reading = tuple[int, float, float, int]
"""Sensor, event time in seconds, value, quality bits."""


@dataclass(frozen=True)
class Case:
    """One kind under test."""

    register: Register
    rules: RuleSet
    stream: Callable[[random.Random], list[Reading]]
    """Readings in the order of event time, no two of one sensor at the same; most streams must raise and clear."""
    reference: Callable[[Sequence[Reading]], list[tuple[float, int, int]]] | None = None
    """Slow and obvious: (event time in s, level before, level after) of every transition of a stream, in order."""
    batch_s: float = 10.0
    """Event time that comes in one batch, seconds."""

    def engine(self) -> RuleEngine:
        """Return a new engine."""
        return RuleEngine(self.rules, self.register)

    def batches(self, readings: Sequence[Reading]) -> list[ReadingBatch]:
        """Return `readings` cut where event time passes a multiple of `batch_s`, received just then; with ticks."""
        found: list[ReadingBatch] = []
        end_s = (readings[0][1] // self.batch_s + 1) * self.batch_s
        rows: list[Reading] = []
        for each in readings:
            while each[1] >= end_s:
                found.append(batch(end_s, rows) if rows else tick(round(end_s * SECOND_NS)))
                rows, end_s = [], end_s + self.batch_s
            rows.append(each)
        return [*found, batch(end_s, rows)]
