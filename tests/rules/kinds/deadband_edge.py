"""Where the end of a deadband lies exactly at a value that a kind derives from its streams.

No stream can be written with a learned or fitted value that is a chosen number to the last bit. But any value of a
stream can be made the end of the deadband. The next test takes the next number towards the limit.
"""

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.batch import ReadingBatch
from rules.engine import RuleEngine
from rules.rule import Rule, RuleSet
from tests.rules.kinds.conformance import Case
from tests.rules.small_district import SECOND_NS

_MOST_STEPS = 12
PLAIN = {"on_delay_s": 0.0, "on_samples": 1, "of_samples": 0, "off_delay_s": 0.0, "off_samples": 1}

Turn = tuple[str, int, str, float]
"""Alarm, time in ns, transition, value."""


@dataclass(frozen=True)
class Edge:
    """A value that ends a level where the end of its deadband is one step nearer to the limit."""

    reset: float
    """One step nearer to the limit than `value`."""
    value: float
    clear: Turn
    batches: Sequence[ReadingBatch]


class Bench:
    """A rule of a case, left with its lowest level, over the streams of the case."""

    def __init__(self, case: Case, rule: Rule) -> None:
        self._case = case
        self._chosen = rule
        self._lowest = min(self._chosen.options.levels, key=lambda each: each.level)
        self.limit = self._lowest.limit

    def edge(self, seeds: Sequence[int]) -> Edge | None:
        """Return the first edge that a stream gives, if any; a whole number only if there is no other."""
        candidates = [each for seed in seeds for each in self._candidates(seed)]
        candidates.sort(key=lambda each: each[0][3].is_integer())
        return next((edge for each in candidates[:6] if (edge := self._settled(*each))), None)

    def _candidates(self, seed: int) -> Iterator[tuple[Turn, Sequence[ReadingBatch]]]:
        """Yield ends by the first value within the limit, each with the stream up to it."""
        batches = self._case.batches(self._case.stream(random.Random(seed)))  # noqa: S311 - the same every time
        side = 1.0 if self._low else -1.0
        for clear in self._clears(self.limit + side * 1e-6 * abs(self.limit), batches):
            if abs(self.limit - clear[3]) <= abs(self.limit) and self._is_exact(clear[3]):
                until_ns = clear[1] + round(2 * self._case.batch_s * SECOND_NS)
                yield clear, [each for each in batches if each.received_ns <= until_ns]

    def turns(self, reset: float, batches: Sequence[ReadingBatch]) -> list[Turn]:
        """Return the transitions of the rule where its level ends behind `reset`."""
        rule = self._rule(reset)
        rules = tuple(rule if each is self._chosen else each for each in self._case.rules)
        # What other rules of the kind tell is not looked at, and costs time.
        kept = tuple(each for each in rules if each is rule or each.kind != rule.kind)
        engine = RuleEngine(RuleSet(kept, "1"), self._case.register)
        found: list[Turn] = []
        for position, batch in enumerate(batches, 1):
            events = engine.evaluate(batch, position)
            for i in range(len(events)):
                key = engine.alarms[events.alarm[i]]
                if key.rule == rule.id:
                    word = "raised" if events.level_after[i] else "cleared"
                    found.append((key.id, int(events.time_ns[i]), word, float(events.value[i])))
        return found

    def _is_exact(self, value: float) -> bool:
        """Tell whether there are deadbands by which the level ends at just this number, and at the next one."""
        levels = {reset: self._rule(reset).levels[0] for reset in (value, math.nextafter(value, self.limit))}
        return all(level.reset == reset and level.deadband > 0 for reset, level in levels.items())

    @property
    def _low(self) -> bool:
        return self._chosen.levels[0].side == "low"

    def _rule(self, reset: float) -> Rule:
        level = self._lowest.model_copy(update=PLAIN | {"deadband": abs(self.limit - reset)})
        options = self._chosen.options.model_copy(update={"levels": (level,)})
        return dataclasses.replace(self._chosen, options=options, levels=options.limits())

    def _clears(self, reset: float, batches: Sequence[ReadingBatch]) -> list[Turn]:
        return [each for each in self.turns(reset, batches) if each[2] == "cleared"]

    def _settled(self, clear: Turn, batches: Sequence[ReadingBatch]) -> Edge | None:
        """Return the edge at `clear`, once learning with this end of the level gives the same value again."""
        for _ in range(_MOST_STEPS):
            reset = math.nextafter(clear[3], self.limit)
            if not self._is_exact(clear[3]):
                return None
            again = [each for each in self._clears(reset, batches) if each[:2] == clear[:2]]
            if not again:
                return None
            if again[0][3] == clear[3]:
                return Edge(reset, clear[3], clear, batches)
            clear = again[0]
        return None
