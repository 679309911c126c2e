"""Broken rule files: each is refused with file, line, path, expected, got and remedy, as the table beside them says."""

import csv
from pathlib import Path

import pytest

from config.errors import ConfigError, Problem
from config.loading import load_quantities
from rules.kinds import RULE_KINDS
from rules.kinds.threshold import ThresholdOptions
from rules.level_options import LevelOptions
from rules.loading.loading import load_rules, pack_names
from rules.rule_file import RuleHead, Where
from tests.rules import small_district

FOLDER = Path(__file__).parents[1] / "broken"
TABLE = FOLDER / "problems.csv"
LISTS = {
    "{kinds}": RULE_KINDS,
    "{packs}": pack_names(),
    "{keys}": [*RuleHead.model_fields, *ThresholdOptions.model_fields],
    "{filters}": Where.model_fields,
    "{level_keys}": LevelOptions.model_fields,
}
"""Names that grow with the program."""


def _rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _written_out(expected: str) -> str:
    for word, names in LISTS.items():
        expected = expected.replace(word, ", ".join(sorted(names)))
    return expected


def _problems(name: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_rules(FOLDER / name, small_district.register(), load_quantities())
    return caught.value.problems


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.yaml")))
def test_broken_file_is_refused_as_the_table_says(name):
    """Every problem of the file, and no other, with its place and remedy."""
    expected = [
        (f"{row['file']}:{row['line']}", row["path"], _written_out(row["expected"]), row["got"], row["remedy"])
        for row in _rows()
        if row["file"] == name
    ]
    prefix = f"{FOLDER}/"
    got = [
        (
            f"{each.file}:{each.line}".removeprefix(prefix),
            each.path,
            each.expected.replace(prefix, ""),
            each.got,
            each.remedy,
        )
        for each in _problems(name)
    ]

    assert expected == got


def test_broken_files_are_fifty_and_all_in_the_table():
    """No file is forgotten, and none is only in the table."""
    named = {row["file"] for row in _rows()}

    assert {path.name for path in FOLDER.glob("*.yaml")} == named
    assert 50 <= len(named)


def test_words_of_yaml_that_look_like_truth_stay_words(tmp_path):
    """A title in Norway's code is a title, and a time of day no number."""
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - id: on.off\n    kind: stale\n"
        "    title: {zh: no, en: 22:30}\n    advice: {zh: on, en: 2025-03-24}\n"
    )
    rule = load_rules(tmp_path, small_district.register(), load_quantities()).rules[0]

    assert ("no", "22:30", "on", "2025-03-24") == (rule.title_zh, rule.title_en, rule.advice_zh, rule.advice_en)


def test_empty_file_is_no_rules_rather_than_a_problem(tmp_path):
    """A district may begin without rules of its own."""
    (tmp_path / "rules.yaml").write_text("")

    assert () == load_rules(tmp_path, small_district.register(), load_quantities()).rules
