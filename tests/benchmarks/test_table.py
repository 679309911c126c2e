"""The table of the warning-quality benchmark: ours, others, always, never; and its page and picture."""

import dataclasses

import numpy as np
import pytest

from benchmarks.warning_quality import __main__ as program
from benchmarks.warning_quality import page, table
from benchmarks.warning_quality.episodes import Event, Matching, Score
from benchmarks.warning_quality.peers.limits import PEERS
from benchmarks.warning_quality.peers.seam import Peer, marked
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from benchmarks.warning_quality.table import Entry, Sort, Suite, entries, merit

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
"""


def _made(_):
    value = np.random.default_rng(1).normal(10.0, 0.5, (200, 2))
    value[152:158, 1] = 80.0
    sensors = [sensor("A", f"D{i}", "x", LEVEL, 60.0, 180.0) for i in range(2)]
    time_ns = np.arange(200, dtype=np.int64) * MINUTE
    events = (Event(150 * MINUTE, 160 * MINUTE, frozenset({"D1.x"})),)
    span_ns = 100 * MINUTE, int(time_ns[-1])
    return [Recording("made", register_of("site", sensors), {"level": LEVEL}, time_ns, value, events, span_ns)]


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Return a suite of one recording with one event, and one rule file that finds it."""
    (tmp_path / "site.yaml").write_text(RULE, encoding="utf-8")
    monkeypatch.setattr(table, "RULES", tmp_path)
    return Suite(_made, Matching(), ("site",), "1/1")


def _never_fit() -> Peer:
    return Peer("unfit", "", "-", lambda seen: marked(seen.value > 50), lambda _: "it never fits")


def test_entries_put_others_and_the_bounds_beside_ours(suite, tmp_path):
    """Ours, the others from the best to the worst, those that cannot judge, always, never."""
    found = entries(suite, tmp_path, (_never_fit(), *PEERS))

    ranks = [each.rank for each in found[1:-3]]
    assert ["site", "unfit", "always", "never"] == [each.name for each in (found[0], *found[-3:])]
    assert sorted(ranks, reverse=True) == ranks
    assert "fixed limits" == found[1].name


def test_entries_of_a_detector_without_a_place_find_the_event_elsewhere(suite, tmp_path):
    """Who cannot say where is not asked for it; who can, is."""
    wrong = Peer("wrong place", "", "-", lambda seen: marked(seen.value[:, ::-1] > 50))

    found = [entries(suite, tmp_path, (dataclasses.replace(wrong, anywhere=each),))[1] for each in (False, True)]

    assert [0, 1] == [each.score.found for each in found]


def test_entries_of_a_detector_are_the_better_of_held_and_not(suite, tmp_path):
    """An off-delay joins what flickers into one episode."""

    def flickers(seen):
        odd = (seen.value > 50) & (np.arange(len(seen.value)) % 2 == 0)[:, None]
        odd[170:196:3, 0] = True
        return marked(odd)

    joined = dataclasses.replace(suite, how=Matching(merge_ns=0))

    found = entries(joined, tmp_path, (Peer("flickers", "", "-", flickers),))[1]

    assert ("flickers, held", 1) == (found.name, found.score.false_episodes)


@pytest.mark.parametrize("name", ["always", "never"])
def test_merit_of_always_and_never_is_nothing(suite, tmp_path, name):
    """Neither crying always nor never is worth anything."""
    [bound] = [each for each in entries(suite, tmp_path, ()) if each.name == name]

    assert 0.0 == pytest.approx(merit(bound.score))


def test_merit_of_all_events_without_a_false_call_is_full():
    """Being told of an event again and again is neither better nor worse."""
    assert 1.0 == merit(Score(events=2, found=2, episodes=9, right=9, normal_s=10.0))


def test_calmest_leaves_out_who_always_stands():
    """Of those that find as much as ours, the one with the fewest false calls that is calm for half of the time."""
    entry = Entry("ours", Sort.OURS, Score(events=3, found=2, normal_s=10.0))
    stands = Entry("stands", Sort.PEER, Score(events=3, found=3, normal_s=10.0, standing_s=9.0))
    misses = Entry("misses", Sort.PEER, Score(events=3, found=1, normal_s=10.0))
    calls = Entry("calls", Sort.PEER, Score(events=3, found=2, episodes=9, right=2, normal_s=10.0))

    got = page.calmest([entry, stands, misses, calls])

    assert got is not None
    assert "calls" == got.name


def test_line_of_each_entry_has_all_columns(suite, tmp_path):
    """Every line is as wide as the head."""
    found = entries(suite, tmp_path, (_never_fit(), *PEERS))

    assert {page.HEAD.count("|") + 2} == {page.line(each).count("|") for each in found}


def test_program_writes_section_and_page(suite, tmp_path, monkeypatch, capsys):
    """One part writes its section; the page holds it, beside what others wrote there."""
    monkeypatch.setattr(program, "SUITES", {"made": suite})
    monkeypatch.setattr(program, "PARTS", ("published", "made"))
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "made").mkdir()
    (out / "faults.md").write_text("## Faults of devices\n", encoding="utf-8")
    monkeypatch.setattr(program, "entries", lambda suite, folder: entries(suite, folder, PEERS))

    program.main([str(tmp_path), "made", "--out", str(out)])

    text = (out / "quality.md").read_text(encoding="utf-8")
    assert "| **site** | ours | 1/1 |" in text
    assert "## Faults of devices" in text
    assert "made best peer: fixed limits" in capsys.readouterr().out


def test_program_takes_the_tables_of_other_programs(tmp_path):
    """What the program of a part prints is its section."""
    program.main([str(tmp_path), "faults", "--out", str(tmp_path / "out")])

    text = (tmp_path / "out" / "faults.md").read_text(encoding="utf-8")
    assert text.startswith("## Faults of devices\n\nMeasured ")
    assert "\n\n| data set | fault |" in text


def test_picture_of_entries_is_written(suite, tmp_path):
    """A PNG file with both halves."""
    pytest.importorskip("matplotlib")
    from benchmarks.warning_quality.plots import draw

    draw("made", "1/1", entries(suite, tmp_path, PEERS), tmp_path / "made.png")

    assert b"\x89PNG" == (tmp_path / "made.png").read_bytes()[:4]
