"""The last values that people look at."""

import pytest

from collector.batch import Quality, make_batch
from collector.journal import Entry
from lifeline.rules_stage.live_engine import LiveEngine
from rules.engine import RuleEngine

S = 1_000_000_000


@pytest.mark.parametrize(
    ("quality", "expected"), [(0, 2.0), (Quality.SPIKE, 2.0), (Quality.LATE, 1.0), (Quality.HISTORICAL, 1.0)]
)
def test_judge_shows_what_is_of_now(desk, quality, expected):
    """A value out of a buffer is not the state of now, on whatever page."""
    live_engine = LiveEngine(RuleEngine(desk.configuration.ruleset, desk.configuration.register))
    live_engine.evaluate(Entry(1, make_batch(100 * S, [0], [100 * S], [1.0], [0])))
    live_engine.evaluate(Entry(2, make_batch(200 * S, [0], [150 * S], [2.0], [int(quality)])))
    live_engine.publish()

    assert (expected, 200 * S) == (live_engine.state.values[0], live_engine.state.received_ns)
