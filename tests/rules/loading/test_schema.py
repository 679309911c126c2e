"""The schema that editors check rules files by: written down, complete, and of one mind with the program."""

import json
from pathlib import Path

import pytest

from rules.kinds import RULE_KINDS
from rules.loading.schema import rules_schema, schema_of_tests
from rules.rule_file import RuleHead

CONFIG = Path(__file__).parents[3] / "config"
SCHEMAS = {"rules.schema.json": rules_schema, "rule-tests.schema.json": schema_of_tests}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_file_is_up_to_date(name):
    """The committed file agrees with `lifeline rules schema`; write it again after changing a key."""
    assert SCHEMAS[name]() == json.loads((CONFIG / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_describes_every_key(name):
    """An editor shows the purpose of each key."""
    schema = SCHEMAS[name]()
    missing = [
        f"{place}.{key}"
        for place, each in {"": schema, **schema["$defs"]}.items()
        for key, value in each.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]

    assert [] == missing


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_schema_of_a_kind_has_its_keys_and_no_others(kind):
    """The editor accepts the same keys as the program, under the same name."""
    fields = {**RuleHead.model_fields, **RULE_KINDS[kind].options.model_fields}
    rule = rules_schema()["$defs"][f"rule_{kind}"]

    assert {field.alias or name for name, field in fields.items()} == set(rule["properties"])
    assert (kind, False) == (rule["properties"]["kind"]["const"], rule["additionalProperties"])


def test_schema_of_kinds_that_use_one_word_for_two_things_keeps_both():
    """A method of shift is no method of displacement."""
    definitions = rules_schema()["$defs"]
    words = [definitions[name]["enum"] for name in definitions if name.endswith("Method")]

    assert len(words) == len({tuple(each) for each in words})
    assert ["ewma", "cusum", "page_hinkley"] in words


def test_schema_refers_to_nothing_that_is_not_there():
    """Every reference has its definition."""
    schema = rules_schema()
    text = json.dumps(schema)
    named = {part.partition('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}

    assert set() == named - set(schema["$defs"])
