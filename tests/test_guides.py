"""The pages for newcomers agree with the files: READMEs, ARCHITECTURE.md and CONTRIBUTING.md name only what exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.sources import ROOT, project_files, tree

QUESTIONS = {"README.md": "I want to know", "README.zh-CN.md": "想知道"}
HOP = re.compile(r"^\| (\d+) \| `([\w/]+\.py)` \| `([\w.]+)` \| (.+) \|$", re.MULTILINE)
PATH = re.compile(r"`([\w.-]+/[\w./*-]*|[\w.-]+\.(?:md|yaml|toml))`")
TOPS = {path.parts[0] for path in project_files()}


def _text(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def _answers(name: str) -> list[str]:
    """Return the files that the table of questions of a README names, row by row."""
    table = _text(name).split(f"| {QUESTIONS[name]} |")[1].split("\n\n")[0]
    return re.findall(r"^\| .+ \| `(\S+)` \|$", table, re.MULTILINE)


def _names(path: Path) -> set[str]:
    """Return the functions and classes of a file, and methods as `Class.method`."""
    body = tree(path).body
    named = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    return named | {f"{each.name}.{item.name}" for each in classes for item in each.body if hasattr(item, "name")}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_of_a_readme_are_answered_by_files_that_exist(name):
    """The table has twenty questions, and each answer is one file of the project."""
    answers = _answers(name)

    assert 20 == len(answers)
    assert [] == [answer for answer in answers if Path(answer) not in project_files()]


def test_questions_of_both_readmes_have_the_same_answers():
    """The Chinese table names the same files in the same order."""
    assert _answers("README.md") == _answers("README.zh-CN.md")


def test_way_of_a_reading_names_ten_hops_that_exist():
    """Each hop in ARCHITECTURE.md is a function, class or method of the file that it names."""
    hops = HOP.findall(_text("ARCHITECTURE.md"))

    assert [str(number) for number in range(1, 11)] == [number for number, *_ in hops]
    assert [] == [f"{path} {name}" for _, path, name, _ in hops if name not in _names(Path(path))]


def test_shapes_of_a_reading_are_classes_of_their_files():
    """Each shape of data in ARCHITECTURE.md is a class of the file that it names."""
    shapes = re.findall(r"^\| `(\w+)` \| `([\w/]+\.py)` \|", _text("ARCHITECTURE.md"), re.MULTILINE)

    assert len(shapes) >= 4
    assert [] == [f"{path} {name}" for name, path in shapes if name not in _names(Path(path))]


def test_architecture_is_read_in_ten_minutes():
    """ARCHITECTURE.md has at most 2,000 words and names twelve decisions."""
    text = _text("ARCHITECTURE.md")

    assert len(text.split()) <= 2000
    assert 12 == len(re.findall(r"^- \[\d{4}\]\(docs/decisions/", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_paths_of_a_guide_exist(name):
    """Every path in code style is a file or folder of the project; a `*` stands for names that a reader knows."""
    paths = [found for found in PATH.findall(_text(name)) if found.split("/")[0] in TOPS]
    missing = [path for path in paths if "*" not in path and not (ROOT / path).exists()]

    assert [] == missing
