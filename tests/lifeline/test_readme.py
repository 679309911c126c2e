"""The settings in both READMEs are settings that start."""

from pathlib import Path

import pytest

from config.loading import load_settings
from lifeline.configuration import load_configuration

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_settings_of_the_readme_load_without_a_problem(name, tmp_path):
    """The example of the page is a complete configuration."""
    text = (ROOT / name).read_text(encoding="utf-8")
    path = tmp_path / "lifeline.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")

    configuration = load_configuration(load_settings(path, {}))

    assert "sms" == configuration.settings.channels[0].kind
