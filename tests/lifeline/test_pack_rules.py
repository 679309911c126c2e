"""The rule tests of the packs, as `lifeline rules test tests/rules/packs/*.yaml` runs them."""

from pathlib import Path

import pytest

from lifeline.commands.rule_tests import load_suite

FILES = sorted((Path(__file__).parents[1] / "rules/packs").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rule_tests_of_packs_pass(path):
    """Whatever happens is expected, and whatever is expected happens."""
    suite = load_suite(path)
    outcomes = [suite.outcome(number) for number in range(len(suite.tests))]

    assert outcomes
    assert [] == [[str(line) for line in each.lines] for each in outcomes if not each.is_passed]
