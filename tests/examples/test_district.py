"""The example of a district of five assets is accepted as it stands."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.levels import WarningLevel
from config.loading import load_settings
from lifeline.commands.main import make_command_line
from lifeline.configuration import load_configuration
from rules.rule import capable_levels

ROOT = Path(__file__).parents[2]
SETTINGS = "examples/district.yaml"


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch) -> None:
    """Start at the top folder, as the comment in the settings says."""
    monkeypatch.chdir(ROOT)


def test_check_accepts_the_district():
    """`lifeline check` ends with 0 and counts five assets."""
    result = CliRunner().invoke(make_command_line(), ["check", "--config", SETTINGS])

    assert 0 == result.exit_code, result.output
    assert result.output.startswith("assets 5 (")


def test_each_asset_has_a_hazard_rule_and_three_duties():
    """No asset is unprotected, and each that can be orange or red reaches people."""
    configuration = load_configuration(load_settings(Path(SETTINGS), {}))
    capable = capable_levels(configuration.ruleset, configuration.register)
    with (ROOT / "examples/district/duties.csv").open(encoding="utf-8") as file:
        duties = [row["asset"] for row in csv.DictReader(file)]

    assert set(configuration.register.assets) == set(capable)
    assert all(level >= WarningLevel.YELLOW for level in capable.values())
    assert [3] * 5 == [duties.count(asset) for asset in configuration.register.assets]
