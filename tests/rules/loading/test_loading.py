"""A rules file becomes rules bound to sensors, or every problem in it with its place and remedy."""

import dataclasses
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.levels import WarningLevel
from config.loading import load_quantities
from config.quantities import Quantity
from config.register import Register
from rules.kinds import RULE_KINDS
from rules.loading.loading import load_rules, pack_names
from rules.rule import capable_levels
from tests.rules import small_district

QUANTITIES = {
    "fire_water_pressure": Quantity(
        "fire_water_pressure", "消防管网水压", "fire-water pressure", "MPa", -0.1, 2.5, 2.0, 2, {}, "assumed"
    ),
    "methane": Quantity("methane", "甲烷浓度", "methane", "%LEL", 0.0, 100.0, 9.0, 1, {}, "assumed"),
}
GOOD = """\
rules:
  - id: tower.low
    kind: threshold
    quantity: fire_water_pressure
    where: {domain: fire}
    title: {zh: 低压, en: low}
    advice: {zh: 检查, en: check}
    side: low
    levels:
      - {level: orange, limit: 0.02, deadband: 0.02, on_delay_s: 10, off_delay_s: 10, source: assumed}
      - {level: yellow, limit: 0.07, deadband: 0.01, on_delay_s: 60, source: assumed}
"""
SILENT = """\
  - id: tower.silent
    kind: stale
    title: {zh: 失联, en: silent}
    advice: {zh: 检查, en: check}
"""


def load(tmp_path: Path, text: str, register: Register | None = None):
    """Return the rules that `text` gives."""
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path, register or small_district.register(), QUANTITIES)


def problems(tmp_path: Path, text: str) -> list[tuple]:
    """Return (line, path, got) of every problem that `text` has."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return [(each.line, each.path, each.got) for each in caught.value.problems]


def test_load_of_a_good_file_binds_each_rule_to_its_sensors(tmp_path):
    """A quantity and filters choose the sensors."""
    ruleset = load(tmp_path, GOOD + SILENT)

    assert [("tower.low", (0, 4)), ("tower.silent", (0, 2, 4))] == [(rule.id, rule.sensors) for rule in ruleset]


def test_load_of_a_folder_reads_its_rules_file(tmp_path):
    """The district's folder is enough."""
    load(tmp_path, GOOD)

    assert ["tower.low"] == [rule.id for rule in load_rules(tmp_path, small_district.register(), QUANTITIES)]


def test_load_orders_levels_and_keeps_their_numbers(tmp_path):
    """Levels are lowest first, however they are written."""
    rule = load(tmp_path, GOOD).rule("tower.low")
    expected = [(WarningLevel.YELLOW, 0.07, 60, 0), (WarningLevel.ORANGE, 0.02, 10, 10)]

    assert expected == [(each.level, each.limit, each.on_delay_s, each.off_delay_s) for each in rule.levels]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{assets: [B]}", (4,)),
        ("{sensors: [T.p]}", (0,)),
        ("{asset_kinds: [residential_tower]}", (0, 4)),
        ("{domain: fire, assets: [A]}", (0,)),
    ],
)
def test_load_with_filters_binds_what_passes_all_of_them(tmp_path, where, expected):
    """Filters are joined by and."""
    assert expected == load(tmp_path, GOOD.replace("{domain: fire}", where)).rules[0].sensors


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("limit: 0.02", "limit: high", (10, "rules[0].levels[0].limit", "'high'")),
        ("limit: 0.02", "limit: 9", (10, "rules[0].levels[0].limit", "9")),
        ("limit: 0.07", "limit: 0.01", (10, "rules[0].levels[0].limit", "0.02")),
        ("level: yellow", "level: orange", (11, "rules[0].levels[1].level", "orange twice")),
        ("level: yellow", "level: pink", (11, "rules[0].levels[1].level", "'pink'")),
        ("deadband: 0.02, ", "", (10, "rules[0].levels[0].deadband", "nothing")),
        ("deadband: 0.02", "deadband: 0", (10, "rules[0].levels[0].deadband", "0")),
        ("off_delay_s: 10, source: assumed", "off_delay_s: 10", (10, "rules[0].levels[0].source", "nothing")),
        ("side: low", "side: left", (8, "rules[0].side", "'left'")),
        ("side: low", "side: low\n    colour: red", (9, "rules[0].colour", "the unknown key colour")),
        ("side: low", "side: low\n    live: true", (9, "rules[0].live", "none for P.p")),
        ("kind: threshold", "kind: guess", (3, "rules[0].kind", "'guess'")),
        ("id: tower.low", "id: Tower low", (2, "rules[0].id", "'Tower low'")),
        ("quantity: fire_water_pressure", "quantity: weight", (4, "rules[0].quantity", "weight")),
        ("{domain: fire}", "{domain: gas}", (2, "rules[0]", "none")),
        ("{domain: fire}", "{assets: [A, Z]}", (5, "rules[0].where.assets[1]", "Z")),
        ("{domain: fire}", "{sensors: [Z.p]}", (5, "rules[0].where.sensors[0]", "Z.p")),
        ("{domain: fire}", "{city: Y}", (5, "rules[0].where.city", "the unknown key city")),
        ("{zh: 低压, en: low}", "{zh: 低压}", (6, "rules[0].title.en", "nothing")),
    ],
)
def test_load_of_a_bad_rule_names_line_path_and_value(tmp_path, before, after, expected):
    """Each mistake is found where it is written."""
    assert before in GOOD

    assert expected in problems(tmp_path, GOOD.replace(before, after))


def test_load_of_several_mistakes_tells_all_of_them(tmp_path):
    """One start of the program shows all mistakes."""
    text = GOOD.replace("limit: 0.02", "limit: 9") + SILENT.replace("kind: stale", "kind: still")

    assert {"rules[0].levels[0].limit", "rules[1].kind"} <= {path for _, path, _ in problems(tmp_path, text)}


def test_load_of_an_unknown_kind_names_the_known_ones(tmp_path):
    """The remedy is in the message."""
    with pytest.raises(ConfigError, match=f"expected one of {', '.join(sorted(RULE_KINDS))}, got"):
        load(tmp_path, GOOD.replace("kind: threshold", "kind: guess"))


def test_load_of_the_same_id_twice_names_the_first_place(tmp_path):
    """An id is the identity of alarms and cannot stand twice."""
    with pytest.raises(ConfigError, match=r"expected an id not used at .*rules\.yaml:2, got tower\.low"):
        load(tmp_path, GOOD + GOOD.removeprefix("rules:\n"))


def test_load_of_two_stale_rules_over_one_sensor_is_refused(tmp_path):
    """One sensor's health has one alarm."""
    text = "rules:\n" + SILENT + SILENT.replace("tower.silent", "again")

    assert [(6, "rules[1]", "T.p, already judged by tower.silent")] == problems(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rule: []", (1, "rule", "the unknown key rule")),
        ("rules: [7]", (1, "rules[0]", "7")),
        ("packs: [geology]", (1, "packs[0]", "geology")),
        ("- id: x", (1, "(document)", "a list")),
    ],
)
def test_load_of_a_bad_document_says_where(tmp_path, text, expected):
    """The outermost shape is checked like the rest."""
    assert [expected] == problems(tmp_path, text)


def test_load_of_an_empty_file_gives_no_rules(tmp_path):
    """A district may start without rules."""
    assert () == load(tmp_path, "# nothing yet\n").rules


def test_load_of_a_pack_that_finds_no_sensor_is_fine(tmp_path):
    """A district without a fire main may still name the pack."""
    (tmp_path / "rules.yaml").write_text("packs: [fire_water]\n", encoding="utf-8")

    assert {()} == {rule.sensors for rule in load_rules(tmp_path, Register({}, {}, [], {}, []), load_quantities())}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("低压", "失压"),
        ("limit: 0.02", "limit: 0.03"),
        ("{domain: fire}", "{assets: [A]}"),
        ("tower.low", "tower.lower"),
    ],
)
def test_version_of_changed_rules_changes(tmp_path, before, after):
    """Any word, number or binding gives the rules another version; the same file gives the same."""
    first, again, other = load(tmp_path, GOOD), load(tmp_path, GOOD), load(tmp_path, GOOD.replace(before, after))

    assert (True, False) == (first.version == again.version, first.version == other.version)


def test_version_of_a_changed_design_value_changes(tmp_path):
    """Limits may be percent of it."""
    plain = small_district.register()
    designed = dataclasses.replace(plain, sensors=[dataclasses.replace(each, design=0.3) for each in plain.sensors])

    assert load(tmp_path, GOOD, plain).version != load(tmp_path, GOOD, designed).version


def test_capable_levels_of_rules_gives_the_highest_of_each_asset(tmp_path):
    """Assets with health rules only are absent: nothing can raise a hazard there."""
    text = GOOD.replace("{domain: fire}", "{assets: [A]}") + SILENT

    assert {"A": WarningLevel.ORANGE} == capable_levels(load(tmp_path, text), small_district.register())


def test_source_of_a_rule_names_each_once(tmp_path):
    """The sources of a rule are those of its levels, highest first."""
    text = GOOD.replace("source: assumed}\n      - {level: yellow", "source: a clause}\n      - {level: yellow")

    assert "a clause; assumed" == load(tmp_path, text).rules[0].source


def test_rule_of_an_unknown_id_is_a_key_error(tmp_path):
    """There is no rule to give back."""
    with pytest.raises(KeyError):
        load(tmp_path, GOOD).rule("no.such")


def test_packs_that_ship_are_the_nine_lifelines():
    """The folder is the list."""
    first = ("bridge", "drainage", "fire_water", "gas", "septic_tank")
    second = ("slope", "tunnel", "water_supply", "weather")

    assert first + second == pack_names()
