import json

import pytest
import yaml
from typer.testing import CliRunner

from collector.dead_letter import DeadLetter, DeadLetterReason
from lifeline.commands.main import make_command_line


@pytest.fixture
def ask(desk, tmp_path):
    """Return a function that calls the command line with the desk's settings."""
    path = tmp_path / "lifeline.yaml"
    sms = {"url": "http://127.0.0.1:9/x", "username": "u", "password": "p"}
    content = {"data_dir": str(desk.folder), "channels": [{"name": "sms", "kind": "sms", "options": sms}]}
    path.write_text(yaml.safe_dump(content))

    def call(*arguments):
        return CliRunner().invoke(make_command_line(), [*arguments, "--config", str(path)])

    call.path = path
    return call


def test_check_good_configuration_prints_detection_times(ask):
    """A configuration that loads is summed up."""
    result = ask("check")
    assert (0, True) == (result.exit_code, "worst-case detection 12 s" in result.output)


def test_check_bad_configuration_prints_each_problem_without_traceback(ask):
    """Each problem is one line with its remedy, and the exit code is 1."""
    ask.path.write_text("data_dri: x\nmqtt: {port: 99999}\n")
    result = ask("check")
    assert (1, True, False) == (result.exit_code, "data_dri" in result.output, "Traceback" in result.output)
    assert "port" in result.output


def test_replay_prints_the_ledgers_events(ask, desk):
    """Lines of the replay are those of the ledger, byte for byte."""
    desk.orange()
    expected = [event.line for event in desk.stores.ledger.alarm_events.read()]
    assert expected == ask("replay").stdout.splitlines()


def test_replay_compare_equal_says_so(ask, desk):
    """Equal is said with the number of events."""
    desk.orange()
    result = ask("replay", "--compare", "settings")
    assert (0, True) == (result.exit_code, result.output.startswith("equal: "))


def test_replay_compare_other_ledger_shows_first_difference(ask, desk):
    """A ledger without one event is reported with both sides, and the exit code is 1."""
    desk.orange()
    with desk.stores.ledger.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alarm_events")
    result = ask("replay", "--compare", "settings")
    assert (1, True) == (result.exit_code, "ledger: (none)" in result.output)


def test_replay_no_journal_is_said_without_traceback(ask, tmp_path):
    """A journal that is not there is a line for people."""
    result = ask("replay", str(tmp_path / "nothing.db"))
    assert (1, True) == (result.exit_code, "expected a file, got none" in result.output)


@pytest.mark.parametrize(("lang", "words"), [("zh", "橙 较大风险"), ("en", "orange larger risk")])
def test_explain_prints_the_chain(ask, desk, lang, words):
    """Reading, rule, level and each person are printed in the asked language."""
    alert = desk.orange()
    text = ask("explain", alert.id, "--lang", lang).output
    assert [True] * 4 == [each in text for each in (words, "≤ 0.02 MPa", "+86138******01", "FT-0001.pressure_kpa")]


def test_explain_hides_live_links_and_numbers(ask, desk):
    """The printed text can be used neither to acknowledge nor to call."""
    alert = desk.orange()
    text = ask("explain", alert.id).output
    numbers = [each.phone for each in desk.configuration.register.contacts.values() if each.phone in text]
    assert ([], True) == (numbers, "/a/[redacted]" in text)


def test_explain_prints_inputs_state_and_rule(ask, desk):
    """The rule with its place, the readings with their journal positions, and the state of the rule then."""
    alert = desk.orange()
    text = ask("explain", alert.id, "--lang", "en").output
    wanted = [
        "fire_water.zero_pressure (threshold), ",
        "fire_water.yaml:",
        "level orange, limit 0.02, deadband 0.02, on_delay_s 10.0",
        "words  Fire-water pressure 0.00 MPa, at or below the orange limit of 0.02 MPa for 10 s",
        "FT-0001.pressure_kpa 0.00 MPa  journal 9",
        "FT-0001.heartbeat 9 count  journal 9",
        "state of the rule, journal  9 (0 + 9)",
        "  level = 4",
        "  since_ns = [",
    ]
    assert [] == [each for each in wanted if each not in text], text


def test_explain_of_an_alarm_is_that_of_its_last_alert(ask, desk):
    """Rule and sensor are enough."""
    alert = desk.orange()
    assert ask("explain", alert.id).output == ask("explain", "fire_water.zero_pressure/FT-0001.pressure_kpa").output


def test_explain_unknown_alert_is_said_without_traceback(ask):
    """An id that the ledger does not have is a line for people."""
    result = ask("explain", "nothing")
    assert (1, True) == (result.exit_code, "expected an id of the ledger" in result.output)


def test_dead_letters_lists_reason_and_payload(ask, desk):
    """A refused message is found again with its reason."""
    desk.stores.journal.record_dead_letters([DeadLetter(1, "lifeline/x", b"\xff{", DeadLetterReason.SYNTAX, "byte 0")])
    line = json.loads(ask("dead-letters").output)
    assert ("syntax", "lifeline/x", "\\xff{") == (line["reason"], line["topic"], line["payload"])


def test_command_line_without_command_shows_help():
    """Nothing starts by mistake."""
    result = CliRunner().invoke(make_command_line(), [])
    assert "dead-letters" in result.output
