"""Properties of every rule kind in the table, and the page that explains them."""

import importlib
import re
from pathlib import Path

import pytest

from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.events import Transition
from rules.explanation import describe, fields_at
from rules.kinds import RULE_KINDS
from rules.kinds.threshold import ThresholdOptions
from rules.level_options import LevelOptions
from rules.loading.loading import load_rules, pack_names
from rules.rule_file import RuleHead, Where
from tests.rules.small_district import batch

PAGE = Path(__file__).parents[3].joinpath("docs/rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RULE_KINDS)
def test_kind_of_the_table_has_its_file_and_its_section(name):
    """The word in `kind` is the file's name and a heading of the page."""
    module = importlib.import_module(f"rules.kinds.{name}")

    assert (True, True) == (">>> " in (module.__doc__ or ""), f"\n## {name}\n" in PAGE)


@pytest.mark.parametrize("name", RULE_KINDS)
def test_kind_of_the_table_forbids_unknown_keys(name):
    """A misspelt option never passes unread."""
    assert "forbid" == RULE_KINDS[name].options.model_config["extra"]


@pytest.mark.parametrize(
    "key", [key for model in (RuleHead, Where, ThresholdOptions, LevelOptions) for key in model.model_fields]
)
def test_page_of_rules_names_every_key(key):
    """Whatever a rule may say is explained."""
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("name", pack_names())
def test_page_of_rules_names_every_pack(name):
    """Whatever ships is listed."""
    assert f"\n| `{name}` |" in PAGE


def test_page_example_happens_as_it_says(tmp_path):
    """Each row of the example's table agrees with the engine."""
    example = PAGE[PAGE.index("### Example") :]
    (tmp_path / "rules.yaml").write_text(re.search(r"```yaml\n(.*?)```", example, re.DOTALL)[1], encoding="utf-8")
    asset = Asset("T", "residential_tower", "fire", "T", "T", "R", 0.0, 0.0)
    pressure = Sensor("T.p", "T", "D", "p", "fire_water_pressure", 1.0, 0.0, 2.0, 6.0, "T.b")
    beat = Sensor("T.b", "T", "D", "b", "heartbeat", 1.0, 0.0, 2.0, 6.0, "")
    register = Register({}, {"T": asset}, [pressure, beat], {}, [])
    rules = load_rules(tmp_path, register, load_quantities())
    engine = RuleEngine(rules, register)
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| (\d+) \| (.*?) ?\|$", example, re.MULTILINE)
    told = []
    for second, value, count, _ in rows:
        readings = [(0, int(second), float(value)), (1, int(second), int(count))]
        events = engine.evaluate(batch(int(second), readings), 1)
        turns = [fields_at(events, i, engine.alarms) for i in range(len(events))]
        told.append(" ".join(f"{headline(turn)}: {describe(rules.rules[0], turn, 'en')}" for turn in turns))

    assert [row[3] for row in rows] == told


def headline(turn) -> str:
    """Return the first words of a row."""
    word = turn.transition.name.lower()
    names = {3: "yellow", 4: "orange"}
    return word if turn.transition is Transition.CLEARED else f"{word} to {names[turn.level_after]}"
