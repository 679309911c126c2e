"""Decisions are files with one form, and the index lists each of them once."""

import re
from pathlib import Path

import pytest

from tests.prose import HIDING, sentences, words
from tests.sources import ROOT

FOLDER = ROOT / "docs" / "decisions"
FILES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
STAGES = ("whole", "collector", "rules", "alerts", "lifeline", "config")
ENTRY = re.compile(r"^- \[(\d{4})\]\((\S+)\) (.+)$", re.MULTILINE)


def _field(text: str, name: str) -> str:
    """Return a field of the head of a decision."""
    return re.findall(rf"^- {name}: (.+)$", text, re.MULTILINE)[0]


def test_decisions_are_numbered_without_gaps():
    """The numbers are 0001, 0002 and so on, each once."""
    assert [f"{number:04d}" for number in range(1, len(FILES) + 1)] == [path.name[:4] for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=[path.name[:4] for path in FILES])
def test_decision_has_its_head_and_its_three_parts(path: Path):
    """A decision has number and title, date, stage and status, and then context, decision and consequences."""
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"^## (Context|Decision|Consequences)\n", text, flags=re.MULTILINE)

    assert text.startswith(f"# {path.name[:4]}: ")
    assert re.match(r"2026-\d\d-\d\d", _field(text, "Date"))
    assert _field(text, "Stage") in STAGES
    assert re.fullmatch(r"accepted|replaced by \d{4}", _field(text, "Status"))
    assert ["Context", "Decision", "Consequences"] == parts[1::2]
    assert all(len(part.split()) >= 5 for part in parts[2::2])


@pytest.mark.parametrize("path", FILES, ids=[path.name[:4] for path in FILES])
def test_decision_is_written_in_short_sentences(path: Path):
    """No sentence has more than 20 words, and none hides the noun that it speaks of."""
    prose = path.read_text(encoding="utf-8").partition("## Context")[2].partition("\n## Old and new")[0]

    assert [] == [each for each in sentences(prose) if len(words(each)) > 20 or HIDING & set(words(each))]


def test_index_lists_each_decision_once_with_its_title():
    """The index has one line for each file: number, link and title."""
    titles = {path.name: path.read_text(encoding="utf-8").partition("\n")[0][len("# 0000: ") :] for path in FILES}
    listed = [(name, title) for number, name, title in ENTRY.findall(INDEX) if name.startswith(number)]

    assert sorted(titles.items()) == sorted(listed)


def test_index_lists_each_decision_under_its_stage():
    """A section of the index begins with the name of its stage, and lists the decisions of this stage."""
    sections = re.split(r"^## ", INDEX, flags=re.MULTILINE)[1:]
    listed = {name: _stage(section) for section in sections for _, name, _ in ENTRY.findall(section)}

    assert {path.name: _field(path.read_text(encoding="utf-8"), "Stage") for path in FILES} == listed


def test_decision_is_replaced_only_by_one_that_exists():
    """A status names an existing decision."""
    numbers = {path.name[:4] for path in FILES}
    named = {_field(path.read_text(encoding="utf-8"), "Status").removeprefix("replaced by ") for path in FILES}

    assert set() == named - numbers - {"accepted"}


def _stage(section: str) -> str:
    """Return the stage that a section of the index is about; the first speaks of the whole program."""
    title = section.partition("\n")[0]
    return "whole" if title == "The whole program" else title.partition(":")[0]
