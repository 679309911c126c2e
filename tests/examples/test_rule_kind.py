"""The example of a rule kind: one file and one line in the table."""

import doctest
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from examples.rule_kind import magnitude
from rules.engine import RuleEngine
from rules.kinds import RULE_KINDS
from rules.loading.loading import load_rules
from tests.rules.small_district import SECOND_NS, batch

RULES = """
rules:
  - id: hydrant.tilted
    kind: magnitude
    quantity: hydrant_tilt
    title: {zh: 消火栓倾斜, en: Hydrant is tilted}
    advice: {zh: 请到现场检查, en: Look at the place}
    levels:
      - {level: yellow, limit: 15, deadband: 5, on_delay_s: 60, source: assumed for this test}
      - {level: orange, limit: 45, deadband: 5, on_delay_s: 60, source: assumed for this test}
"""
REGISTER = Register(
    {},
    {"H": Asset("H", "hydrant", "fire", "H", "H", "R", 0.0, 0.0)},
    [Sensor("H.tilt", "H", "D", "tilt", "hydrant_tilt", 1.0, 0.0, 60.0, 180.0, "")],
    {},
    [],
)


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch) -> Path:
    """Put the kind into the table, as its one line would, and return a district folder with a rule of it."""
    monkeypatch.setitem(RULE_KINDS, "magnitude", magnitude.KIND)
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def play(engine: RuleEngine, values: list[float], *, per_batch: int = 1, first: int = 0) -> list[tuple[int, int]]:
    """Return (minute, level) of each transition that one value a minute causes."""
    story = []
    rows = [(0, 60 * (first + i), value) for i, value in enumerate(values)]
    for start in range(0, len(rows), per_batch):
        part = rows[start : start + per_batch]
        events = engine.evaluate(batch(part[-1][1], part), start + 1)
        minutes = (events.time_ns // (60 * SECOND_NS)).tolist()
        story += list(zip(minutes, events.level_after.tolist(), strict=True))
    return story


def test_examples_in_the_docstring_print_as_they_say():
    """A reader who types the example sees the same."""
    result = doctest.testmod(magnitude)

    assert (0, True) == (result.failed, result.attempted > 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_value_far_from_zero_on_either_side_raises_and_clears(folder, sign):
    """Yellow after a minute, orange a minute after its limit, and an end behind the deadband."""
    engine = RuleEngine(load_rules(folder, REGISTER, load_quantities()), REGISTER)
    values = [sign * value for value in (1.0, 20.0, 20.0, 50.0, 50.0, 12.0, 9.0)]

    assert [(2, 3), (4, 4), (5, 3), (6, 0)] == play(engine, values)


def test_values_cut_into_any_batches_give_the_same_levels(folder):
    """The law of splitting holds for a kind that leaves delays to the level evaluator."""
    ruleset = load_rules(folder, REGISTER, load_quantities())
    values = [0.0, 20.0, -20.0, -60.0, 50.0, 0.0, 20.0, 20.0, 0.0]
    stories = [play(RuleEngine(ruleset, REGISTER), values, per_batch=size) for size in (1, 2, 4, 9)]

    assert [stories[0]] * 4 == stories
    assert len(stories[0]) >= 4


def test_state_that_is_restored_goes_on_with_its_delay(folder):
    """A restart between two readings changes nothing."""
    ruleset = load_rules(folder, REGISTER, load_quantities())
    before, after = RuleEngine(ruleset, REGISTER), RuleEngine(ruleset, REGISTER)
    play(before, [0.0, -20.0])
    after.restore(before.snapshot())

    assert [(2, 3)] == play(after, [-20.0], first=2)


def test_rule_with_a_low_side_is_rejected(folder):
    """A value near zero is no danger for this kind."""
    (folder / "rules.yaml").write_text(RULES.replace("    levels:", "    side: low\n    levels:"), encoding="utf-8")

    with pytest.raises(ConfigError, match="side"):
        load_rules(folder, REGISTER, load_quantities())
