"""The results that the laws compare: all events of an engine, and all that it remembers at the end."""

import random
from collections.abc import Callable, Sequence

import numpy as np

from collector.batch import ReadingBatch, tick
from rules.engine import RuleEngine
from rules.events import Dimension
from tests.rules.small_district import SECOND_NS, without_position

Ending = tuple[list[str], bytes]
"""Canonical lines of all transitions, and a snapshot of the state after them."""


def lines(engine: RuleEngine, batches: Sequence[ReadingBatch], first: int = 1) -> list[str]:
    """Return the canonical lines of everything that `batches` cause, the first of which stands at `first`."""
    return [line for i, each in enumerate(batches, first) for line in engine.evaluate(each, i).lines(engine.alarms)]


def history(engine: RuleEngine, batches: Sequence[ReadingBatch], first: int = 1) -> list[str]:
    """Return the canonical lines without positions."""
    return without_position(lines(engine, batches, first))


def cut(batch: ReadingBatch, dice: random.Random) -> list[ReadingBatch]:
    """Return `batch` in consecutive parts, received at the same time; some of them may be empty."""
    places = sorted(dice.randint(0, len(batch)) for _ in range(dice.randint(0, 4)))
    return [batch.take(slice(start, stop)) for start, stop in zip([0, *places], [*places, len(batch)], strict=True)]


def whole_and_split(
    engine: Callable[[], RuleEngine], batches: Sequence[ReadingBatch], dice: random.Random
) -> tuple[Ending, Ending]:
    """Return how a new engine ends after `batches`, and another after the same in parts, but for the position."""
    whole = engine()
    expected = history(whole, batches)
    whole.position = 0
    return (expected, whole.snapshot()), split(engine, batches, dice)


def split(engine: Callable[[], RuleEngine], batches: Sequence[ReadingBatch], dice: random.Random) -> Ending:
    """Return how a new engine ends after `batches` in parts, but for the position."""
    judge = engine()
    told = history(judge, [part for each in batches for part in cut(each, dice)])
    judge.position = 0
    return told, judge.snapshot()


def undisturbed_and_restored(
    engine: Callable[[], RuleEngine],
    batches: Sequence[ReadingBatch],
    place: int,
    fresh: Callable[[], RuleEngine] | None = None,
) -> tuple[Ending, Ending]:
    """Return the end of a new engine after `batches`, and of one that `fresh` continues from a snapshot."""
    undisturbed = engine()
    expected = lines(undisturbed, batches)
    return (expected, undisturbed.snapshot()), restored(engine, batches, place, fresh or engine)


def restored(
    engine: Callable[[], RuleEngine],
    batches: Sequence[ReadingBatch],
    place: int,
    fresh: Callable[[], RuleEngine],
) -> Ending:
    """Return how a chain of two new engines ends after `batches`, of which `fresh` goes on at `place`."""
    before, after = engine(), fresh()
    told = lines(before, batches[:place])
    after.restore(before.snapshot())
    told += lines(after, batches[place:], first=place + 1)
    return told, after.snapshot()


def hazards(engine: RuleEngine) -> list[int]:
    """Return the levels of all hazard alarms, in the order of alarms."""
    is_hazard = np.array([key.dimension is Dimension.HAZARD for key in engine.alarms], np.bool_)
    return engine.levels()[is_hazard].tolist()


def hazards_before_and_after(
    engine: RuleEngine, batches: Sequence[ReadingBatch], step_s: int
) -> tuple[list[int], list[int]]:
    """Return the hazard levels after `batches`, and those after forty ticks more, `step_s` apart."""
    history(engine, batches)
    before = hazards(engine)
    now_ns = max([each.received_ns for each in batches], default=0)
    history(engine, [tick(now_ns + i * step_s * SECOND_NS) for i in range(1, 41)])
    return before, hazards(engine)
