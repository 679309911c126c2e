"""The page that says how every kind is tested names each kind, and only tests that are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from rules.kinds import RULE_KINDS
from tests.rules.kinds.test_conformance import case_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/rule-kinds.md").read_text(encoding="utf-8")
GENERIC = dict(re.findall(r"^\| `([\w ]+)` \| `(test_kind\w+)` \|$", PAGE, re.MULTILINE))
PROOFS = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the names of the test functions in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def rows(heading: str) -> dict[str, list[str]]:
    """Return the cells of a table by the kind in the first."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [[each.strip() for each in line.strip("|").split("|")] for line in part.splitlines() if line[:3] == "| `"]
    return {each[0].strip("`"): each[1:] for each in cells}


def test_page_of_proofs_names_tests_that_exist():
    """Neither those of all kinds nor those of one have gone."""
    generic = [("tests/rules/kinds/test_conformance.py", name) for name in GENERIC.values()]

    assert [] == [f"{path}::{name}" for path, name in [*generic, *PROOFS] if name not in functions_in(path)]


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_page_of_proofs_has_a_proof_in_every_cell_of_a_kind(kind):
    """A cell names a proof, or says why there is nothing to prove."""
    cells = rows("Kind by kind")[kind]
    empty = [each for each in cells if not re.search(r"`|^none", each)]
    unknown = [name for each in cells for name in re.findall(r"`([\w ]+)`", each) if name not in GENERIC]

    assert (4, [], []) == (len(cells), empty, unknown)


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_page_of_proofs_names_the_slow_reference_of_a_kind(kind):
    """Each kind has one, or the page names its substitute."""
    [reference] = rows("Slow references")[kind]

    assert (case_of(kind).reference is None) == reference.startswith("none")
