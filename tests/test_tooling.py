"""The files that the workshop reads: hooks, the build of each change, security notes."""

import re
from pathlib import Path

import yaml

from tests.sources import PACKAGES, ROOT, pyproject


def _yaml(name: str) -> dict:
    """Return the content of a YAML file of the project."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_hooks_are_local_and_run_the_projects_programs():
    """No hook is fetched from anywhere: each runs a program of .venv."""
    repos = _yaml(".pre-commit-config.yaml")["repos"]

    assert ["local"] == [repo["repo"] for repo in repos]
    assert [] == [hook["id"] for hook in repos[0]["hooks"] if not hook["entry"].startswith(".venv/bin/")]
    assert ["ruff-check", "ruff-format", "mypy"] == [hook["id"] for hook in repos[0]["hooks"]]


def test_workflow_runs_the_gate_that_a_contributor_runs():
    """The build of a change is `.ci/run`, on the branch main and on each proposed change."""
    workflow = _yaml(".github/workflows/test.yml")
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]

    assert ".ci/run" in steps
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    # YAML 1.1 reads the key `on` as true
    assert {"push", "pull_request"} == set(workflow[True])


def test_security_notes_support_the_version_of_the_project():
    """The minor version of pyproject.toml gets security fixes."""
    minor = pyproject()["project"]["version"].rpartition(".")[0]

    assert re.search(
        rf"^\| {re.escape(minor)}\.x \| yes \|$", Path(ROOT / "SECURITY.md").read_text("utf-8"), re.MULTILINE
    )


def test_packages_say_that_they_are_typed():
    """Each package at the top has the marker file by which type checkers of others read its annotations."""
    assert [] == [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()]
