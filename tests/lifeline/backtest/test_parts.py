"""The parts of a back-test: differences, alarm load, known incidents, and sources of readings."""

from itertools import pairwise

import numpy as np
import pytest

from collector.batch import Quality
from config.city_time import CityTime
from config.errors import ConfigError
from config.loading import load_quantities
from lifeline.backtest.alarm_load import count_flood_minutes, measure_alarm_load
from lifeline.backtest.csv_files import read_csv_files
from lifeline.backtest.difference import DifferenceKind, compare_episodes
from lifeline.backtest.episodes import Episode
from lifeline.backtest.known_incidents import parse_incidents, score_episodes
from lifeline.backtest.recorded_readings import TimeSpan
from lifeline.backtest.stream import BatchStream, ReadingChunk
from lifeline.start_error import StartError
from rules.events import Dimension

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START_NS = 1_742_774_400 * SECOND
"""2025-03-24 00:00 UTC, 08:00 local."""


def _episode(*turns, alarm="r/FT-1.pressure"):
    """Return an episode of (minutes behind the start, level) turns."""
    return Episode(alarm, Dimension.HAZARD, tuple((START_NS + round(at * MINUTE), level) for at, level in turns))


DIFFERENCES = {
    "equal": ([(0, 4), (5, 0)], [(0, 4), (5, 0)], []),
    "only_tried": ([(0, 4), (5, 0)], None, [DifferenceKind.ONLY_TRIED]),
    "only_running": (None, [(0, 4), (5, 0)], [DifferenceKind.ONLY_RUNNING]),
    "later": ([(1, 4), (5, 0)], [(0, 4), (5, 0)], [DifferenceKind.OTHER_TIMES]),
    "higher": ([(0, 5), (5, 0)], [(0, 4), (5, 0)], [DifferenceKind.OTHER_LEVELS]),
    "apart": ([(6, 4), (9, 0)], [(0, 4), (5, 0)], [DifferenceKind.ONLY_RUNNING, DifferenceKind.ONLY_TRIED]),
    "both stand": ([(6, 4)], [(0, 4)], [DifferenceKind.OTHER_TIMES]),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_difference_of_two_histories_names_each_way(name):
    """Episodes of one alarm that overlap are one episode changed; those that do not are two."""
    mine, theirs, expected = DIFFERENCES[name]
    here, there = ([_episode(*turns)] if turns else [] for turns in (mine, theirs))

    assert expected == [change.kind for change in compare_episodes(here, there).changes]


def test_difference_of_one_long_and_two_short_episodes_pairs_the_first():
    """The second part of a split episode is only on its own side."""
    found = compare_episodes([_episode((0, 4), (3, 0)), _episode((4, 4), (9, 0))], [_episode((0, 4), (9, 0))])

    assert [DifferenceKind.OTHER_TIMES, DifferenceKind.ONLY_TRIED] == [change.kind for change in found.changes]


FLOODS = {
    "none": ([], 0),
    "nine in one minute": ([0] * 9, 0),
    "ten in one minute": ([0] * 10, 10),
    "ten in ten minutes": (range(10), 1),
    "ten in eleven minutes": ([*range(9), 10], 0),
    "a year between": ([0] * 10 + [525_600] * 10, 20),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_minutes_are_those_with_ten_in_ten_minutes(name):
    """A minute is flood when it and the nine before hold ten announcements."""
    minutes, expected = FLOODS[name]

    assert expected == count_flood_minutes(np.array([START_NS + minute * MINUTE for minute in minutes], np.int64))


def test_load_of_episodes_counts_levels_days_and_shifts():
    """An escalation announces again, a fall does not; days and shifts are local."""
    episodes = [_episode((0, 2), (1, 4), (2, 3), (5, 0)), _episode((13 * 60, 2), (13 * 60 + 5, 0))]
    load = measure_alarm_load(episodes, START_NS, START_NS + 1440 * MINUTE, CityTime())

    assert (2, 3, {4: 1, 2: 1}) == (load.episodes, load.announcements, load.by_level)
    assert {"day": 2, "night": 1} == load.by_shift
    assert {"2025-03-24": {4: 1, 2: 1}} == load.by_day
    assert 3.0 == load.a_day


def test_load_of_a_flickering_alarm_counts_its_chattering_once():
    """Three changes within a minute begin to chatter; later changes belong to the same chattering."""
    flicker = [_episode((i / 6, 3), (i / 6 + 0.1, 0)) for i in range(5)]
    load = measure_alarm_load(flicker, START_NS, START_NS + 60 * MINUTE, CityTime())

    assert (1, 5) == (load.chattering, load.fleeting)
    assert [("r/FT-1.pressure", 5, 1)] == [(each.alarm, each.episodes, each.chattering) for each in load.bad_actors]


def test_load_of_alarms_that_stand_for_days_counts_them_at_once():
    """Longer than a day, also when it never ended."""
    day = 1440
    episodes = [_episode((0, 3)), _episode((0, 3), (2 * day, 0), alarm="r/b"), _episode((0, 3), (day, 0), alarm="r/c")]
    load = measure_alarm_load(episodes, START_NS, START_NS + 3 * day * MINUTE, CityTime())

    assert (2, 2) == (load.standing, load.most_standing)


LABELS = """asset,sensor,from,to,level
T-1,,2025-03-24T08:10:00+08:00,2025-03-24T08:20:00+08:00,orange
,FT-2.pressure,2025-03-24T00:10:00Z,2025-03-24T00:20:00Z,
"""


def test_score_of_labels_gives_lead_time_misses_and_alarms_beside(register):
    """The level must be reached; the alarm two minutes before the beginning leads by two minutes."""
    incidents = parse_incidents(LABELS, "labels.csv", register)
    told = _episode((3, 2), (8, 4), (30, 0))
    beside = _episode((600, 4), (601, 0))
    found = score_episodes(incidents, [told, beside])

    assert [120.0, None] == [finding.lead_s for finding in found.findings]
    assert (1, 1, 1) == (found.hits, found.misses, found.beside)


def test_labels_with_wrong_cells_are_all_told_at_once(register):
    """An unknown place, a time without zone, a span that ends before it begins."""
    text = "asset,from,to\nT-9,2025-03-24T08:10:00Z,2025-03-24T08:20:00Z\nT-1,2025-03-24T08:10:00,x\n"
    text += "T-1,2025-03-24T08:20:00Z,2025-03-24T08:10:00Z\n"
    with pytest.raises(ConfigError) as caught:
        parse_incidents(text, "labels.csv", register)

    assert [(2, "asset"), (3, "from"), (4, "to")] == [(each.line, each.path) for each in caught.value.problems]


def _piece(times_s, end_s):
    n = len(times_s)
    time_ns = START_NS + np.array(times_s, np.int64) * SECOND
    columns = np.zeros(n, np.int32), time_ns, np.full(n, 0.3), np.zeros(n, np.uint16)
    return ReadingChunk(START_NS, START_NS + end_s * SECOND, *columns)


def test_stream_of_pieces_receives_nothing_before_it_was_measured(register):
    """Readings come in the order of their times, each batch at the end of its step."""
    batches = [batch for batch in BatchStream(register).batches([_piece([5, 1, 2, 9], 20)]) if len(batch)]
    seconds = [(batch.time_ns - START_NS) // SECOND for batch in batches]

    assert [1, 2, 5, 9] == np.concatenate(seconds).tolist()
    assert all(batch.received_ns > batch.time_ns.max() for batch in batches)


def test_stream_behind_the_last_reading_ticks_until_everybody_is_silent(register):
    """Listening goes on for the longest stale time and a minute, not for a year."""
    batches = list(BatchStream(register).batches([_piece([1], 31_536_000)]))
    last_s = (batches[-1].received_ns - START_NS) / SECOND

    assert all(0 < later.received_ns - earlier.received_ns <= 2 * SECOND for earlier, later in pairwise(batches))
    assert 60 < last_s < 80


def _csv(tmp_path, name, *rows):
    path = tmp_path / name
    path.write_text("\n".join(["time,sensor,value", *rows]) + "\n", encoding="utf-8")
    return path


def _read(register, *paths):
    """Return (sensor, seconds behind the start, value, quality) of everything in the files."""
    chunks = read_csv_files(paths, register, load_quantities(), TimeSpan())
    return [
        (sensor, (time_ns - START_NS) / SECOND, value, quality)
        for chunk in chunks
        for sensor, time_ns, value, quality in zip(
            chunk.sensor.tolist(), chunk.time_ns.tolist(), chunk.value.tolist(), chunk.quality.tolist(), strict=True
        )
    ]


def test_csv_files_are_merged_and_checked_for_range(register, tmp_path):
    """Both spellings of times are read; impossible values are flagged; unknown sensors are left out."""
    one = _csv(tmp_path, "a.csv", "2025-03-24T08:00:01+08:00,FT-1.pressure,0.3", "2025-03-24T00:00:04Z,nobody,1")
    two = _csv(tmp_path, "b.csv", "1742774402,FT-2.pressure,-7", "1742774403.5,FT-1.pressure,0.2")
    outside = int(Quality.OUT_OF_RANGE)

    assert [(0, 1.0, 0.3, 0), (2, 2.0, -7.0, outside), (0, 3.5, 0.2, 0)] == sorted(
        _read(register, one, two), key=lambda row: row[1]
    )


BROKEN = {
    "order": (["5,FT-1.pressure,1", "4,FT-1.pressure,1"], "a.csv:3 time"),
    "value": (["5,FT-1.pressure,1", "6,FT-1.pressure,x"], "a.csv:3"),
    "zone": (["2025-03-24T08:00:01,FT-1.pressure,1"], "a.csv:2"),
    "width": (["5,FT-1.pressure"], "a.csv:2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_csv_file_with_a_wrong_row_is_refused_with_its_line(register, tmp_path, name):
    """File and line, not a traceback."""
    rows, place = BROKEN[name]
    with pytest.raises(StartError) as caught:
        _read(register, _csv(tmp_path, "a.csv", *rows))

    assert place in str(caught.value)
