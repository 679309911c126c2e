"""The rule author's guide, walked as a new user would: each file written, each command typed, each output compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/rule-authors-guide.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(yaml|console)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def typed(command: str, folder: Path) -> str:
    """Return the output of `command` in `folder`."""
    programs = Path(sys.executable).parent
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LIFELINE": str(ROOT)}
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return result.stdout


def pattern(printed: str) -> str:
    """Return the expression that output must match: a line `...` is any lines."""
    lines = [r"(?:.*\n)*" if line == "..." else f"{_within(line)}\n" for line in printed.splitlines()]
    return "".join(lines)


def _within(line: str) -> str:
    return re.escape(line).replace(re.escape("version ..."), r"version\ \w+")


def steps(body: str) -> list[tuple[str, str]]:
    """Return (command, output) of a console block."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def test_guide_walked_from_top_to_bottom_prints_what_it_says(tmp_path):
    """Nothing but the guide is needed, and no Python."""
    n_commands = 0
    for language, name, body in BLOCK.findall(GUIDE):
        if language == "yaml" and name:
            (tmp_path / name).write_text(body, encoding="utf-8")
        for command, printed in steps(body) if language == "console" else []:
            said = typed(command, tmp_path)
            assert re.fullmatch(pattern(printed), said), f"$ {command}\n{said}"
            n_commands += 1

    assert n_commands >= 10


@pytest.mark.parametrize("name", ["rules.schema.json", "rule-tests.schema.json"])
def test_guide_names_the_schemas(name):
    """Whoever writes rules learns how an editor helps."""
    assert name in GUIDE


def test_guide_names_every_key_of_a_test():
    """The format is documented whole."""
    from rules.loading import test_file as spec

    models = [each for each in vars(spec).values() if hasattr(each, "model_fields") and each is not spec.BaseModel]
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}

    assert [] == sorted(key for key in keys if not re.search(rf"`(?:\w+: \{{.*)?{key}\b", GUIDE) and key not in GUIDE)
