import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in TEXT.splitlines() if re.match(r"^\| (\d+|[A-Z]|attack [\d, ]+) ", line)]
REQUIRED = {*range(1, 13), *range(14, 57)}
"""Every way to lose or double something; 13 is the disk of the broker."""
ATTACKS = {*range(1, 30)}


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the names of the test functions in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def named(cell: str) -> list[tuple[str, str]]:
    """Return (path, name) of each test in a cell."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", cell)


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip() for row in ROWS])
def test_row_of_the_table_names_tests_that_exist(row):
    """Each way to lose or double something has a test, and the test is there."""
    proofs = named(row[-1])

    assert proofs
    assert row[-1].count("::") == len(proofs)
    assert [] == [f"{path}::{name}" for path, name in proofs if name not in functions_in(path)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip() for row in ROWS])
def test_row_of_the_table_names_modules_that_exist(row):
    """What is said to prevent it is in the program."""
    modules = re.findall(r"`([a-z_/]+/[a-z_/]+\.py)`", row[-2])

    assert [] == [module for module in modules if not (ROOT / module).is_file()]


def test_table_has_every_row_once():
    """No number is missing, and none stands twice."""
    numbers = [int(found[1]) for row in ROWS if (found := re.match(r"^ (\d+) $", row[0]))]

    assert REQUIRED <= set(numbers)
    assert len(numbers) == len(set(numbers))


def test_table_has_every_attack_once():
    """No number is missing, and none stands twice."""
    cells = [row[0].removeprefix(" attack ") for row in ROWS if row[0].startswith(" attack ")]
    numbers = [int(number) for cell in cells for number in cell.split(",")]

    assert sorted(ATTACKS) == sorted(numbers)


@pytest.mark.parametrize("law", range(1, 8))
def test_law_has_a_property_test(law):
    """The laws that can be tested on random input are."""
    [row] = [row for row in ROWS if re.match(rf"^ {law} [a-z]", row[0])]

    assert named(row[-1])
