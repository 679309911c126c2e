"""The page of each rule kind: every key is named, and its example happens as it says."""

import re
from pathlib import Path

import pytest

from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.events import Transition
from rules.explanation import describe, fields_at
from rules.kinds import RULE_KINDS
from rules.level_options import LevelOptions, LimitOptions
from rules.loading.loading import load_rules
from tests.rules.small_district import batch

FOLDER = Path(__file__).parents[3] / "docs/rules"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem in RULE_KINDS)
EXAMPLES = [
    name
    for name in PAGES
    if re.search(r"^\| second \| value \| what is told \|$", (FOLDER / f"{name}.md").read_text("utf-8"), re.MULTILINE)
]
SECONDS = {"s": 1, "min": 60, "h": 3600}


def page_of(kind: str) -> str:
    """Return the text of the page of `kind`."""
    return (FOLDER / f"{kind}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", PAGES)
def test_page_of_a_kind_names_every_key_of_its_own(kind):
    """The page of a kind explains each key that other kinds do not have."""
    fields = RULE_KINDS[kind].options.model_fields
    keys = {each.alias or name for name, each in fields.items()}
    own = {key for key in keys if key not in {*LimitOptions.model_fields, *LevelOptions.model_fields}}

    assert [] == [key for key in sorted(own) if f"`{key}`" not in page_of(kind)]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_page_example_of_a_kind_happens_as_it_says(kind, tmp_path):
    """Each row of the example's table agrees with the engine."""
    example = page_of(kind).partition("## Example")[2]
    written = re.search(r"```yaml\n(.*?)```", example, re.DOTALL)[1]
    (tmp_path / "rules.yaml").write_text(written, encoding="utf-8")
    number, unit = re.search(r"every (\d+) (s|min|h)\b", example).groups()
    cadence_s = float(number) * SECONDS[unit]
    asset = Asset("A", "site", "water", "A", "A", "R", 0.0, 0.0)
    quantity = re.search(r"quantity: (\w+)", written)[1]
    sensor = Sensor("A.v", "A", "D", "v", quantity, 1.0, 0.0, cadence_s, 3 * cadence_s, "")
    register = Register({}, {"A": asset}, [sensor], {}, [])
    rules = load_rules(tmp_path, register, load_quantities())
    engine = RuleEngine(rules, register)
    rows = re.findall(r"^\| (\d+) \| (-?[\d.]+) \| (.*?) ?\|$", example, re.MULTILINE)
    told = []
    for second, value, _ in rows:
        events = engine.evaluate(batch(int(second), [(0, int(second), float(value))]), 1)
        turns = [fields_at(events, i, engine.alarms) for i in range(len(events))]
        told.append(" ".join(f"{headline(turn)}: {describe(rules.rules[0], turn, 'en')}" for turn in turns))

    assert [row[2] for row in rows] == told


def headline(turn) -> str:
    """Return the first words of a row."""
    word = turn.transition.name.lower()
    names = {1: "green", 2: "blue", 3: "yellow", 4: "orange", 5: "red"}
    return word if turn.transition is Transition.CLEARED else f"{word} to {names[turn.level_after]}"
