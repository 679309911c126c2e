"""Made-up recordings through the path that the warning-quality benchmark takes."""

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Event
from benchmarks.warning_quality.replay import Recording, commits, quantity, register_of, replay, sensor

MINUTE = 60_000_000_000
LEVEL = quantity("level", 0.0, 100.0, 1)
RULE = """
rules:
  - id: site.high
    kind: threshold
    quantity: level
    title: {zh: 高, en: High}
    advice: {zh: 看, en: Look}
    side: high
    levels:
      - {level: blue, limit: 50, deadband: 5, on_delay_s: 0, source: assumed for this test}
  - {id: site.silent, kind: stale, title: {zh: 失联, en: Silent}, advice: {zh: 看, en: Look}}
"""


@pytest.fixture
def rules(tmp_path):
    """Return a file with one limit."""
    path = tmp_path / "site.yaml"
    path.write_text(RULE, encoding="utf-8")
    return path


def _recording(value, *, begin: int = 0) -> Recording:
    sensors = [sensor("A", f"D{i}", "x", LEVEL, 60.0, 180.0) for i in range(value.shape[1])]
    time_ns = begin + np.arange(len(value), dtype=np.int64) * MINUTE
    register = register_of("site", sensors)
    events = (Event(begin + 50 * MINUTE, begin + 60 * MINUTE),)
    return Recording("made", register, {"level": LEVEL}, time_ns, value, events, (begin, int(time_ns[-1])))


def _plateau(n: int = 100):
    value = np.full((n, 2), 10.0)
    value[52:58, 1] = 80.0
    return value


def test_replay_of_a_plateau_tells_one_alarm_in_event_time(rules):
    """The alarm begins and ends with the readings of the recording, years ago."""
    begin = 1_500_000_000 * 10**9

    [alarm] = replay(_recording(_plateau(), begin=begin), rules).alarms

    assert ("D1.x", begin + 52 * MINUTE, begin + 58 * MINUTE) == (alarm.sensor, alarm.begin_ns, alarm.end_ns)


def test_replay_of_an_alarm_that_stands_ends_it_with_the_recording(rules):
    """What never clears lasts to the last row."""
    value = _plateau()
    value[52:, 1] = 80.0

    [alarm] = replay(_recording(value), rules).alarms

    assert 99 * MINUTE == alarm.end_ns


def test_replay_of_missing_values_says_nothing(rules):
    """A channel without a number is not in the message."""
    value = _plateau()
    value[52:58, 1] = np.nan

    assert () == replay(_recording(value), rules).alarms


def test_commits_keep_every_number_and_are_never_late():
    """Each number is sent once, and is received within the time that the intake calls now."""
    recording = _recording(_plateau(1000))

    received = list(commits(recording))

    assert 2000 == sum(len(messages) for _, messages in received)
    assert max(np.diff([at for at, _ in received])) <= 15 * MINUTE
