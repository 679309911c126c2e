"""The commands about the register: coverage, import, export."""

import json

import pytest
from typer.testing import CliRunner

from config.settings import packaged_district
from lifeline.commands.main import make_command_line


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs one command line and gives (exit code, output)."""
    sms = {"name": "sms", "kind": "sms", "options": {"url": "http://h/x", "username": "u", "password": "p"}}
    monkeypatch.setenv("LIFELINE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIFELINE_CHANNELS", json.dumps([sms]))

    def run(*arguments):
        result = CliRunner().invoke(make_command_line(), list(arguments))
        return result.exit_code, result.output

    return run


def test_coverage_counts_what_the_last_snapshot_knows(desk, run):
    """A terminal that spoke is alive, everything else was never seen."""
    desk.stage.restore()
    desk.feed(0.35, 3)
    desk.evaluate()
    desk.stage._commit_position(desk.engine.snapshot())
    code, output = run("coverage", "--by", "asset")

    assert 0 == code, output
    assert "as of journal position 3" in output
    assert any(line.split()[:2] == ["2", "0"] and "T-0001" in line for line in output.splitlines())
    assert "合计 / all" in output.splitlines()[-1]


def test_coverage_without_a_ledger_says_what_to_do(run):
    """There is nothing to report before the program has run."""
    code, output = run("coverage")

    assert 1 == code
    assert "expected a database, got none" in output


def test_import_and_export_are_commands(tmp_path, run):
    """A district goes in by one command and out by another."""
    code, output = run("import", str(packaged_district()), "--into", str(tmp_path / "d"))
    assert 0 == code, output
    code, output = run("export", str(tmp_path / "d"), str(tmp_path / "assets.geojson"))

    assert 0 == code, output
    assert "21 rows" in output


def test_import_of_nonsense_prints_each_problem_and_fails(tmp_path, run):
    """Every mistake is a line, the exit code tells scripts, and no file appears."""
    (tmp_path / "contacts.csv").write_text("id,name_zh,name_en,phone,language\na,甲,A,123,zh\nb,,B,,xx\n", "utf-8")
    code, output = run("import", str(tmp_path / "contacts.csv"), "--into", str(tmp_path / "d"))

    assert 1 == code
    assert "contacts.csv:2 phone: expected an E.164 number" in output
    assert "contacts.csv:3 language: expected one of zh, en" in output
    assert not (tmp_path / "d").exists()
