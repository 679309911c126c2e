"""Every block of the documents that is headed `# rule test` is a file of rule tests, and passes."""

import re
from pathlib import Path

import pytest

from lifeline.commands.rule_tests import load_suite

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```yaml\n(# rule test\n.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    (f"{path.relative_to(DOCS)}#{number}", body)
    for path in sorted(DOCS.rglob("*.md"))
    for number, body in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), 1)
]


@pytest.mark.parametrize("body", [body for _, body in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_documented_rule_test_passes(body, tmp_path):
    """The example is a test that anybody can copy and run."""
    path = tmp_path / "example.yaml"
    path.write_text(body, encoding="utf-8")
    suite = load_suite(path)
    outcomes = [suite.outcome(number) for number in range(len(suite.tests))]
    failed = ["\n".join(map(str, outcome.lines)) for outcome in outcomes if not outcome.is_passed]

    assert [] == failed


def test_documents_have_rule_tests():
    """The pattern finds the examples."""
    assert EXAMPLES
