"""Readers and own scores of the data sets, on small files made up here."""

import json

import numpy as np
import pytest

from benchmarks.warning_quality import batadal, methane, nab, skab
from benchmarks.warning_quality.episodes import Alarm, always
from benchmarks.warning_quality.replay import RULES, replay
from benchmarks.warning_quality.table import SUITES

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@pytest.fixture
def pump(tmp_path):
    """Return a folder with one run of 600 s, anomalous from 500 s to 549 s."""
    folder = tmp_path / "data" / "valve1"
    folder.mkdir(parents=True)
    rows = ["datetime;a;b;anomaly;changepoint"]
    rows += [
        f"2020-03-09 10:{i // 60:02}:{i % 60:02};{i % 7};1.0;{float(500 <= i < 550)};{float(i == 500)}"
        for i in range(600)
    ]
    (folder / "1.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


@pytest.fixture
def machines(tmp_path):
    """Return a folder with two series of 1,000 rows, each with a window from row 400 to 499."""
    names = ["a/x.csv", "a/y.csv"]
    stamps = [f"2015-09-{1 + i // 288:02} {i % 288 // 12:02}:{i % 12 * 5:02}:00" for i in range(1000)]
    (tmp_path / "data" / "a").mkdir(parents=True)
    for name in names:
        rows = ["timestamp,value", *(f"{stamp},{i % 5}" for i, stamp in enumerate(stamps))]
        (tmp_path / "data" / name).write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "labels").mkdir()
    windows = {name: [[f"{stamps[400]}.000000", f"{stamps[499]}.000000"]] for name in names}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows), encoding="utf-8")
    return tmp_path


def _at(recording, place: int) -> Alarm:
    begin = int(recording.time_ns[place])
    return Alarm("S1", begin, begin + HOUR, ((begin, 2), (begin + HOUR, 0)))


def test_read_skab_makes_one_event_of_the_marked_rows(pump):
    """The event is where the rows are marked, the score begins after 400 rows."""
    [run] = skab.read(pump)

    places = [
        int(np.searchsorted(run.time_ns, t)) for t in (run.scored_ns[0], run.events[0].begin_ns, run.events[0].end_ns)
    ]
    assert [400, 500, 549] == places


def test_skab_own_score_of_always_has_no_missing_alarm(pump):
    """Always: every normal row is a false alarm, no anomalous one is missed."""
    [run] = skab.read(pump)

    got = skab.own_score([(run, always(run.events, run.scored_ns))])

    assert "FAR 100.0, MAR 0.0" in got


def test_nab_own_score_of_one_alarm_as_each_window_begins_is_full(machines):
    """100 in both profiles and both halves."""
    said = [(each, [_at(each, 400)]) for each in nab.read(machines)]

    assert "all 100.0 / 100.0; chosen on 100.0 / 100.0; held back 100.0 / 100.0" == nab.own_score(said)


def test_nab_own_score_of_silence_is_nothing(machines):
    """0 everywhere."""
    got = nab.own_score([(each, []) for each in nab.read(machines)])

    assert "all 0.0 / 0.0; chosen on 0.0 / 0.0; held back 0.0 / 0.0" == got


@pytest.fixture
def plant(tmp_path):
    """Return a folder with 48 clean hours and 48 of which ten are an attack."""
    for i, month in ((3, "01/14"), (4, "07/16")):
        rows = [f"{1 + h // 24:02}/{month} {h % 24:02},{h % 3},1.0,0" for h in range(48)]
        (tmp_path / f"BATADAL_dataset0{i}.csv").write_text(
            "\n".join(["DATETIME,L_T1, F_PU1,ATT_FLAG", *rows]), encoding="utf-8"
        )
    attack = "start,end\n2016-07-01T10:00:00,2016-07-01T20:00:00\n"
    (tmp_path / "attacks_dataset04.csv").write_text(attack, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("first", "last", "wanted"), [(10, 20, "S 1.000"), (15, 20, "S 0.636")])
def test_batadal_own_score_takes_time_and_hours(plant, first, last, wanted):
    """Told at once and for the whole attack is 1; half of its time later costs half of both."""
    [recording] = batadal.read(plant)
    begin = recording.events[0].begin_ns - 10 * HOUR
    alarm = Alarm("x", begin + first * HOUR, begin + last * HOUR)

    assert wanted == batadal.own_score([(recording, [alarm])])


def test_batadal_own_score_of_silence_is_a_quarter(plant):
    """Half of the hours are told right, nothing is found."""
    [recording] = batadal.read(plant)

    assert "S 0.250" == batadal.own_score([(recording, [])])


def test_read_methane_leaves_out_what_ends_while_it_learns(tmp_path):
    """Of two releases one ends within the first six hours."""
    import gzip

    head = "tc_ExpEndDatetime,tc_ExpStartDatetime\n"
    releases = "2022-05-09 02:00:00,2022-05-09 01:00:00\n2022-05-09 09:00:00,2022-05-09 08:00:00\n"
    (tmp_path / "controlled_releases_in_window.csv").write_text(head + releases, encoding="utf-8")
    rows = [f"2022-05-09 {m // 60:02}:{m % 60:02}:00,2.0,{'NA' if m == 5 else 1.9}" for m in range(600)]
    with gzip.open(tmp_path / "ch4_1min.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(["time_utc,ch4_ppm_E,ch4_ppm_N", *rows]))

    [recording] = methane.read(tmp_path)

    assert (1, 2, 1) == (len(recording.events), len(recording.register.sensors), int(np.isnan(recording.value).sum()))


@pytest.mark.parametrize(
    "reader", [("skab", "pump"), ("nab", "machines"), ("batadal", "plant")], ids=lambda pair: pair[0]
)
def test_rule_files_of_a_data_set_are_valid_and_replayed(reader, request):
    """Every rule file binds to what the reader makes, and nothing becomes a dead letter."""
    name, folder = reader
    suite = SUITES[name]
    recording = suite.read(request.getfixturevalue(folder))[0]

    counts = [replay(recording, RULES / f"{rules}.yaml").counts for rules in suite.rules]

    assert all(each["dead_letters", "schema"] == 0 for each in counts)
