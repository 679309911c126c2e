"""The example of a rule file passes its own tests and loads in a district."""

from pathlib import Path

from typer.testing import CliRunner

from lifeline.commands.main import make_command_line

FOLDER = Path(__file__).parents[2] / "examples" / "rules"


def test_tests_of_the_rule_file_pass():
    """`lifeline rules test` finds four tests and no failure."""
    result = CliRunner().invoke(make_command_line(), ["rules", "test", str(FOLDER / "hydrants.test.yaml")])

    assert 0 == result.exit_code, result.output
    assert "4 tests, 0 failed" in result.output
