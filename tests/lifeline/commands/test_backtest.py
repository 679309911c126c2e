"""A back-test over the embedded history equals live runs of the same stream, alarm by alarm."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import rules
from collector.batch import make_batch
from collector.journal.reader import JournalReader
from config.city_time import CityTime
from lifeline.backtest.difference import DifferenceKind, compare_episodes
from lifeline.backtest.episodes import LevelTransition, build_episodes
from lifeline.backtest.recorded_readings import TimeSpan, read_history, read_journal_batches
from lifeline.backtest.report_tables import format_episode
from lifeline.backtest.run import run_backtest
from lifeline.backtest.stream import BatchStream
from lifeline.backtest.trial import Trial
from lifeline.commands.backtest import with_other_rules
from lifeline.commands.main import make_command_line
from lifeline.configuration import load_configuration
from lifeline.runtime.stores import open_stores
from rules.events import Dimension
from tests.lifeline.conftest import Desk

SECOND = 1_000_000_000
ROUNDS = 900
DEVICES = tuple(f"FT-{number:04}" for number in range(1, 9))


def _changed_rules() -> str:
    """Return the demo's rules with one limit of one pack changed: orange at 0.05 MPa instead of 0.02."""
    pack = (Path(rules.__file__).parent / "packs" / "fire_water.yaml").read_text(encoding="utf-8")
    changed = pack.replace("limit: 0.02\n", "limit: 0.05\n", 1)
    assert changed != pack
    return yaml.safe_dump(
        {"packs": ["water_supply", "gas", "bridge"], "rules": yaml.safe_load(changed)["rules"][:4]}, allow_unicode=True
    )


def _stream(register, start_ns):
    """Return batches as an intake makes them: each device at its own offset, received up to 0.9 s later."""
    rng = np.random.default_rng(7)
    pressure = [register.sensor_index[f"{device}.pressure_kpa"] for device in DEVICES]
    beat = [register.sensor_index[f"{device}.heartbeat"] for device in DEVICES]
    level = np.full(len(DEVICES), 0.3)
    batches = []
    for number in range(1, ROUNDS + 1):
        # Slow swings through every limit, and noise that lets some alarms come and go.
        level = 0.09 + 0.1 * np.sin(number / 60 + np.arange(len(DEVICES))) + 0.004 * rng.standard_normal(len(DEVICES))
        # Two devices fall for 20 s: one between the two limits, one below both.
        level[-2:] = (0.04, 0.01) if number % 100 < 10 else (0.3, 0.3)
        base_ns = start_ns + number * 2 * SECOND
        time_ns = base_ns + np.arange(len(DEVICES)) * 37_000_000
        received_ns = base_ns + int(rng.integers(300_000_000, 900_000_000))
        value = [*np.maximum(level, 0.0), *[float(number)] * len(DEVICES)]
        batches.append(make_batch(received_ns, pressure + beat, [*time_ns, *time_ns], value, np.zeros(len(value))))
    return batches


def _live(desk, batches):
    """Let the desk's program hear `batches` as they come; returns the transitions of hazards in its ledger."""
    desk.stage.restore()
    for start in range(0, len(batches), 50):
        part = batches[start : start + 50]
        desk.stores.history.write(part)
        desk.stores.journal.append(part)
        desk.evaluate()
    keys = {key.id: key for key in desk.engine.alarms}
    return [
        event for event in desk.stores.ledger.alarm_events.read() if keys[event.alarm].dimension is Dimension.HAZARD
    ]


def _episodes(events):
    turns = [LevelTransition(event.alarm, event.time_ns, event.level_after) for event in events]
    return build_episodes(turns, Dimension.HAZARD)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Return the desk after a live run, with its events and those of a second program with another limit."""
    folder = tmp_path_factory.mktemp("lived")
    desk = Desk(folder / "running")
    start_ns = desk.now_ns
    batches = _stream(desk.configuration.register, start_ns)
    desk.running = _live(desk, batches)
    district = shutil.copytree(desk.settings.district, folder / "district")
    (district / "rules.yaml").write_text(_changed_rules(), encoding="utf-8")
    other = Desk(folder / "other")
    other.undo.close()
    other.settings = other.settings.model_copy(update={"district": district})
    other.configuration = load_configuration(other.settings)
    other.stores = open_stores(other.settings, other.configuration.register, other.undo)
    other.new_stage()
    with other.undo:
        desk.changed = _live(other, batches)
        desk.changed_ruleset = other.configuration.ruleset
    desk.rules_file = district / "rules.yaml"
    desk.span = TimeSpan(start_ns, start_ns + (ROUNDS * 2 + 10) * SECOND)
    with desk.undo:
        yield desk


def _past(desk):
    register = desk.configuration.register
    return BatchStream(register).batches(read_history(desk.stores.history, register, desk.span))


def _result(desk):
    tried, running = (
        with_other_rules(desk.configuration, each) for each in (desk.changed_ruleset, desk.configuration.ruleset)
    )
    return run_backtest(tried, running, _past(desk))


def _line(event):
    value = None if math.isnan(event.value) else event.value
    return event.alarm, event.time_ns, event.episode_ns, event.level_before, event.level_after, value


def _lines(trial):
    """Return the transitions of hazards of a trial in the form of `_line`."""
    found = []
    for part in (*trial._events, *trial._recent):
        for i in range(len(part)):
            key = trial.alarms[part.alarm[i]]
            if key.dimension is Dimension.HAZARD:
                value = None if math.isnan(part.value[i]) else float(part.value[i])
                row = part.time_ns[i], part.episode_ns[i], part.level_before[i], part.level_after[i]
                found.append((key.id, *(int(each) for each in row), value))
    return found


def test_backtest_over_the_history_equals_the_live_alarm_history(lived):
    """Every transition of every hazard alarm: alarm, time, episode, levels and value."""
    trial = Trial(with_other_rules(lived.configuration, lived.configuration.ruleset))
    for batch in _past(lived):
        trial.take(batch)

    assert len(lived.running) > 30
    assert sorted(map(_line, lived.running)) == sorted(_lines(trial))


def test_backtest_over_the_journal_equals_the_live_alarm_history_in_order(lived):
    """The journal knows when each reading was received: device health included, in the ledger's order."""
    trial = Trial(with_other_rules(lived.configuration, lived.configuration.ruleset))
    reader = JournalReader(lived.settings.journal.path, lived.configuration.register.sensor_ids)
    events = []
    for batch in read_journal_batches(reader, TimeSpan()):
        events += trial.take(batch).lines(trial.alarms)
    reader.close()

    assert [event.line for event in lived.stores.ledger.alarm_events.read()] == events


def test_difference_of_a_backtest_equals_the_difference_of_two_live_runs(lived):
    """Alarm by alarm, with every time and level: some equal, some on one side only, some changed."""
    result = _result(lived)

    assert compare_episodes(_episodes(lived.changed), _episodes(lived.running)) == result.difference
    assert result.difference.same
    assert {DifferenceKind.ONLY_TRIED, DifferenceKind.OTHER_TIMES} <= {
        change.kind for change in result.difference.changes
    }


def test_difference_of_a_backtest_holds_every_transition_that_one_live_run_alone_made(lived):
    """Counted without the pairing: transitions of one ledger alone are in the changes, and no others."""
    mine = {(event.alarm, event.time_ns, event.level_after) for event in lived.changed}
    theirs = {(event.alarm, event.time_ns, event.level_after) for event in lived.running}
    changes = _result(lived).difference.changes
    here = {(each.tried.alarm, *turn) for each in changes if each.tried for turn in each.tried.transitions}
    there = {(each.running.alarm, *turn) for each in changes if each.running for turn in each.running.transitions}

    assert mine - theirs
    assert (mine - theirs, theirs - mine) == (here - there, there - here)


def test_difference_that_the_command_prints_is_that_of_two_live_runs(lived, tmp_path):
    """Each changed alarm of the live runs is a line of the output, with both its ways; no other line is."""
    settings = tmp_path / "lifeline.yaml"
    sms = {"url": "http://127.0.0.1:9/x", "username": "u", "password": "p"}
    content = {"data_dir": str(lived.folder), "channels": [{"name": "sms", "kind": "sms", "options": sms}]}
    settings.write_text(yaml.safe_dump(content))
    span = ["--from", "2025-03-24T00:00:00Z", "--to", "2025-03-24T01:00:00Z"]
    page = tmp_path / "out.html"
    arguments = ["backtest", str(lived.rules_file), *span, "--config", str(settings), "--lang", "en"]
    result = CliRunner().invoke(make_command_line(), [*arguments, "--report", str(page)])
    expected = compare_episodes(_episodes(lived.changed), _episodes(lived.running)).changes
    printed = result.stdout.partition("Every difference, alarm by alarm:")[2].partition("\n\n")[0].splitlines()[2:]

    assert 0 == result.exit_code, result.output
    assert len(expected) == len(printed)
    for change, line in zip(expected, printed, strict=True):
        assert line.split()[0] == change.episode.alarm
        assert format_episode(change.tried, CityTime().zone, "en") in line
        assert format_episode(change.running, CityTime().zone, "en") in line
    assert "<svg" in page.read_text(encoding="utf-8")
