"""Labels of alerts: set on the command line, kept with their history, and scored by a back-test."""

from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from alerts.alert import LedgerStep, Plan
from alerts.ledger.ledger import Disposition, Label
from lifeline.backtest.episodes import Episode
from lifeline.backtest.known_incidents import IncidentKind, score_episodes
from lifeline.backtest.ledger_labels import read_labelled_incidents
from lifeline.commands.main import make_command_line
from rules.events import join_events
from tests.lifeline.conftest import START_NS

MINUTE = 60_000_000_000


@pytest.fixture
def ask(desk, tmp_path):
    """Return a function that calls the command line with the desk's settings."""
    path = tmp_path / "settings.yaml"
    options = {"url": "http://127.0.0.1:9/x", "username": "u", "password": "p"}
    content = {"data_dir": str(desk.folder), "channels": [{"name": "sms", "kind": "sms", "options": options}]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(make_command_line(), [*arguments, "--config", str(path)])


def test_label_of_an_alert_is_kept_and_shown(ask, desk):
    """Given by rule/sensor, it is in the ledger, in the list and in the explanation, in either language."""
    alert = desk.orange()
    said = ask("alerts", "label", alert.subject, "--as", "false", "--cause", "valve test", "--by", "Zhao")

    assert (0, f"{alert.id} {alert.subject}: false\n") == (said.exit_code, said.output)
    assert "误报 · valve test · Zhao" in ask("alerts", "labels").output
    assert "false alarm · valve test · Zhao" in ask("explain", alert.id, "--lang", "en").output


def test_label_that_changes_keeps_what_was_said_before(ask, desk):
    """The last word counts; repeating it adds nothing."""
    alert = desk.orange()
    for word in ("false", "maintenance", "maintenance"):
        ask("alerts", "label", alert.id, "--as", word, "--by", "Zhao")

    labels = desk.stores.ledger.labels
    assert ["false", "maintenance"] == [each.disposition.value for each in labels.read(alert.id)]
    assert [Disposition.MAINTENANCE] == [label.disposition for _, label in labels.read_labelled_alerts()]


@pytest.mark.parametrize(
    "arguments",
    [("none", "--as", "true", "--by", "Zhao"), ("none", "--as", "perhaps", "--by", "Zhao"), ("none", "--as", "true")],
)
def test_label_of_nothing_or_without_a_name_is_refused(ask, desk, arguments):
    """An unknown alert, an unknown label or no name: no traceback, nothing stored."""
    desk.orange()
    said = ask("alerts", "label", *arguments)

    assert (False, False, []) == (
        said.exit_code == 0,
        "Traceback" in said.output,
        desk.stores.ledger.labels.read_labelled_alerts(),
    )


@pytest.fixture
def labelled(desk):
    """Return a function that labels an alert of the desk as over and gives the incidents of the ledger."""
    alert = replace(desk.orange(), is_open=False, changed_ns=START_NS + 30 * MINUTE, opened_ns=START_NS + 20 * MINUTE)
    ledger = desk.stores.ledger
    cursor = ledger.take_over()
    ledger.commit_step(LedgerStep(cursor, cursor.position, join_events([]), (), Plan(alerts=(alert,))))

    def label(disposition):
        ledger.labels.add(Label(alert.id, disposition, "", "Zhao", 1))
        found, gone = read_labelled_incidents(ledger.labels, desk.configuration.register, START_NS)
        assert 0 == gone
        return found

    label.alert = alert
    return label


def episode(alert, level: int, minute: int, sensor: str = "") -> Episode:
    """Return ten minutes of an alarm at the sensor of `alert`, or another."""
    sensor = sensor or alert.subject.partition("/")[2]
    start_ns = START_NS + minute * MINUTE
    return Episode(f"any/{sensor}", sensor, ((start_ns, level), (start_ns + 10 * MINUTE, 0)))


def test_backtest_scores_a_true_alert_as_an_incident(labelled):
    """An alarm at its level or above is a hit, a lower one a miss; alarms beside it get no score."""
    incidents, alert = labelled(Disposition.TRUE), labelled.alert
    told, low = episode(alert, alert.peak, 18), episode(alert, alert.peak - 1, 18)
    beside = episode(alert, alert.peak, 600)

    assert (1, 0, 0) == (
        score_episodes(incidents, [told, beside]).hits,
        *_misses(score_episodes(incidents, [told, beside])),
    )
    assert (0, 1, 0) == (score_episodes(incidents, [low]).hits, *_misses(score_episodes(incidents, [low])))
    assert [120.0] == [each.lead_s for each in score_episodes(incidents, [told]).findings]


def _misses(found) -> tuple[int, int]:
    return found.misses, found.beside


def test_backtest_counts_false_alarms_that_are_told_again_and_that_are_not(labelled):
    """A false alarm is no incident: it is repeated, or avoided."""
    incidents, alert = labelled(Disposition.FALSE), labelled.alert
    again, never = score_episodes(incidents, [episode(alert, alert.peak, 20)]), score_episodes(incidents, [])

    assert ((), 1, 0) == (again.findings, again.repeated, again.avoided)
    assert ((), 0, 1) == (never.findings, never.repeated, never.avoided)


@pytest.mark.parametrize("disposition", [Disposition.TEST, Disposition.MAINTENANCE])
def test_backtest_excuses_tests_and_maintenance(labelled, disposition):
    """They are neither right nor wrong, also where a file labels the place completely."""
    [excused], alert = labelled(disposition), labelled.alert
    complete = replace(excused, truth=IncidentKind.DANGER, start_ns=0, end_ns=0, is_complete=True)
    found = score_episodes([excused, complete], [episode(alert, alert.peak, 20), episode(alert, alert.peak, 600)])

    assert (1, 0, 0, 1) == (found.beside, found.repeated, found.avoided, found.misses)


def test_backtest_leaves_out_alerts_whose_place_has_left_the_register(labelled, desk):
    """They are counted, because the alarms of other rules there are unknown."""
    labelled(Disposition.FALSE)
    register = replace(desk.configuration.register, sensors=())

    assert ([], 1) == read_labelled_incidents(desk.stores.ledger.labels, register, START_NS)


def test_backtest_command_scores_by_the_ledger(ask, desk):
    """`--labels ledger` stands beside a file; both rule sets are scored."""
    alert = desk.orange()
    ask("alerts", "label", alert.id, "--as", "true", "--by", "Zhao")
    table = desk.folder / "labels.csv"
    table.write_text("asset,from,to\nT-0002,2025-03-24T08:00:00+08:00,2025-03-24T08:10:00+08:00\n", encoding="utf-8")
    rules = str(desk.settings.district / "rules.yaml")
    said = ask("backtest", rules, "--journal", "--labels", "ledger", "--labels", str(table), "--lang", "en")

    lines = [" ".join(line.split()) for line in said.output.splitlines()]
    assert (0, True) == (said.exit_code, "Told 1 1" in lines)
