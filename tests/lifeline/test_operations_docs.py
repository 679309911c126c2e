import re
from pathlib import Path

from lifeline.commands.main import make_command_line

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/operations.md").read_text()


def test_operations_explains_every_self_alarm():
    """Each alarm of the watchdog has a row with the action."""
    raised = set(re.findall(r'Symptom\(\s*f?"([a-z_]+)', (ROOT / "lifeline/runtime/watchdog.py").read_text()))
    assert raised == {
        name.removesuffix("<name>") for name in re.findall(r"^\| `([a-z_]+(?:<name>)?)` \| ", TEXT, re.MULTILINE)
    }


def test_operations_lists_every_command():
    """Each command of the program is in the table of commands."""
    line = make_command_line()
    names = {command.name or command.callback.__name__ for command in line.registered_commands}
    names |= {group.name for group in line.registered_groups}
    assert names == set(re.findall(r"^\| `lifeline ([a-z-]+)", TEXT, re.MULTILINE))
