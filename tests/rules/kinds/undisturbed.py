"""The transitions of a new engine over each stream of the conformance suite, found once for all comparing tests."""

import importlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from collector.batch import ReadingBatch
from rules.events import AlarmEvents, AlarmKey
from tests.rules.kinds.conformance import Case, Reading
from tests.rules.laws import Ending
from tests.rules.small_district import without_position


@dataclass(frozen=True)
class Undisturbed:
    """One stream of a kind, and how an engine over it ends."""

    readings: Sequence[Reading]
    batches: Sequence[ReadingBatch]
    dice_state: tuple
    """Of the dice that made the stream."""
    alarms: Sequence[AlarmKey]
    events: Sequence[AlarmEvents]
    """Of those batches that cause any."""
    ending: Ending
    history: list[str]
    """Lines without positions."""
    state: bytes
    """Snapshot without the position."""


def case_of(kind: str) -> Case:
    """Return the case that a kind must bring: `case_<kind>.py` beside this file."""
    case: Case = importlib.import_module(f"tests.rules.kinds.case_{kind}").CASE
    return case


@cache
def undisturbed(kind: str, seed: int) -> Undisturbed:
    """Return the stream that `kind` has of `seed` and the transitions of a new engine over it."""
    case, dice = case_of(kind), random.Random(seed)  # noqa: S311 - the same streams every time
    readings = case.stream(dice)
    batches, engine = case.batches(readings), case.engine()
    events = [engine.evaluate(each, i) for i, each in enumerate(batches, 1)]
    told = [line for each in events for line in each.lines(engine.alarms)]
    ending = told, engine.snapshot()
    engine.position = 0
    spoken, plain = [each for each in events if len(each)], without_position(told)
    return Undisturbed(readings, batches, dice.getstate(), engine.alarms, spoken, ending, plain, engine.snapshot())
