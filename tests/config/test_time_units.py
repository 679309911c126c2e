"""Lengths of time stand in one place."""

import ast
import itertools

import pytest

from config import time_units
from tests.sources import PACKAGES, python_files, tree

UNITS = {name: value for name, value in vars(time_units).items() if name.isupper()}


@pytest.mark.parametrize("base", ["NS", "S"])
def test_units_are_multiples_of_the_smaller_ones(base):
    """Each unit is a whole number of the next smaller one."""
    values = sorted(value for name, value in UNITS.items() if name.endswith(f"_{base}"))

    assert all(larger % smaller == 0 for smaller, larger in itertools.pairwise(values))


def test_no_other_module_writes_a_second_in_nanoseconds():
    """Every module of the program imports `SECOND_NS`; none writes 10**9 as a whole number."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files(*PACKAGES)
        if path.name != "time_units.py"
        for node in ast.walk(tree(path))
        if _is_second(node)
    ]

    assert [] == wrong


def _is_second(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return ast.unparse(node) == "10 ** 9"
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == time_units.SECOND_NS
