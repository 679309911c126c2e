"""The scorers of the warning-quality benchmark on rows and alarms made up by hand."""

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Alarm, Event, Matching, Score, always, score
from benchmarks.warning_quality.nab_score import NEVER, PROFILES, Scored, best_threshold, corpus_of, score_at
from benchmarks.warning_quality.published import windowed_gaussian
from benchmarks.warning_quality.skab_score import score_changes, score_points

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE


def _marks(n: int, *places: int):
    marks = np.zeros(n, np.bool_)
    marks[list(places)] = True
    return marks


def test_score_points_of_always_misses_nothing_and_is_always_false():
    """Always alarm: no missing alarms, 100 % false ones."""
    got = score_points([_marks(10, 4, 5)], [np.ones(10, np.bool_)])

    assert (100.0, 0.0, pytest.approx(1 / 3)) == (got.far_percent, got.mar_percent, got.f1)


@pytest.mark.parametrize(("place", "wanted"), [(40, 100.0), (None, 0.0)])
def test_score_changes_at_the_begin_of_the_window_is_full_and_silence_is_nothing(place, wanted):
    """The window of 60 s ends at the change point."""
    said = _marks(200, *([] if place is None else [place]))

    got = score_changes([np.arange(200.0)], [_marks(200, 100)], [said], 60.0)

    assert wanted == pytest.approx(got["standard"])


def test_score_changes_outside_costs_a_wrong_detection():
    """One wrong detection costs 0.11 of the range of 2."""
    got = score_changes([np.arange(200.0)], [_marks(200, 100)], [_marks(200, 150)], 60.0)

    assert -5.5 == pytest.approx(got["standard"])


@pytest.mark.parametrize("profile", list(PROFILES))
def test_nab_score_of_the_first_row_of_a_window_is_full(profile):
    """A detector that speaks once as the window begins has 100."""
    corpus = corpus_of([Scored(_marks(1000, 400).astype(float), [(400, 499)])])

    assert 100.0 == pytest.approx(score_at(corpus, 0.5, profile))


def test_nab_score_of_silence_is_nothing():
    """A detector that never speaks has 0."""
    corpus = corpus_of([Scored(np.zeros(1000), [(400, 499)])])

    assert 0.0 == score_at(corpus, NEVER, "standard")


def test_nab_score_in_probation_counts_nothing():
    """What is said in the first 15 % costs nothing."""
    corpus = corpus_of([Scored(_marks(1000, 10, 400).astype(float), [(400, 499)])])

    assert 100.0 == pytest.approx(score_at(corpus, 0.5, "low_fp"))


@pytest.mark.parametrize("profile", list(PROFILES))
def test_best_threshold_is_no_worse_than_any_other(profile):
    """The optimiser finds what trying all thresholds finds."""
    rng = np.random.default_rng(3)
    series = [Scored(np.round(rng.random(600), 2), [(200, 260), (400, 420)]) for _ in range(3)]
    corpus = corpus_of(series)

    threshold, best = best_threshold(corpus, profile)

    tried = [score_at(corpus, each, profile) for each in [NEVER, *np.unique(corpus.score)]]
    assert (max(tried), max(tried)) == pytest.approx((best, score_at(corpus, threshold, profile)))


def test_windowed_gaussian_after_a_level_marks_the_jump():
    """A value far from all before it has the highest score."""
    value = np.concatenate((np.random.default_rng(1).normal(0, 1, 300), [9.0], np.zeros(10)))

    assert 290 == int(np.argmax(windowed_gaussian(value)[10:]))


def _score(alarms, events, **how) -> Score:
    return score(alarms, events, (0, DAY), 2, Matching(**how))


def _alarm(begin: int, end: int, sensor: str = "a", level: int = 2) -> Alarm:
    return Alarm(sensor, begin * MINUTE, end * MINUTE, ((begin * MINUTE, level), (end * MINUTE, 0)))


def test_score_of_an_alarm_in_an_event_finds_it_with_its_delay():
    """Five minutes after the begin is a delay of 300 s."""
    got = _score([_alarm(105, 110)], [Event(100 * MINUTE, 160 * MINUTE)])

    assert (1, 1, 0, 300.0) == (got.found, got.episodes, got.false_episodes, got.delay_s(0.5))


def test_score_of_alarms_near_each_other_is_one_episode():
    """Two false alarms ten minutes apart are one call; two hours apart, two."""
    got = [_score([_alarm(0, 5), _alarm(5 + gap, 10 + gap)], []).false_episodes for gap in (10, 120)]

    assert [1, 2] == got


def test_score_projects_false_episodes_to_a_city():
    """One false episode of two sensors in a day is 50,000 of 100,000 sensors."""
    got = _score([_alarm(0, 5)], [])

    assert (50_000.0, 50_000 / 150) == pytest.approx((got.city_per_day, got.operators))


def test_score_with_onset_does_not_count_an_alarm_that_stood_before():
    """An alarm that stands since before proves nothing about a long event."""
    got = [_score([_alarm(90, 200)], [Event(100 * MINUTE, 160 * MINUTE)], onset=onset).found for onset in (0, 1)]

    assert [1, 0] == got


def test_score_of_a_far_sensor_is_false():
    """An alarm of a sensor that cannot see the event is a false one."""
    got = _score([_alarm(105, 110, "far")], [Event(100 * MINUTE, 160 * MINUTE, frozenset({"near"}))])

    assert (0, 1) == (got.found, got.false_episodes)


@pytest.mark.parametrize(("level", "begin", "wanted"), [(4, 101, 1), (3, 101, 0), (4, 130, 0)])
def test_score_of_levels_wants_the_level_in_time(level, begin, wanted):
    """Orange within ten minutes is asked."""
    event = Event(100 * MINUTE, 160 * MINUTE, level=4, within_s=600)

    got = _score([_alarm(begin, 150, level=level)], [event])

    assert (1, wanted) == (got.level_asked, got.level_right)


def test_score_of_an_alarm_that_comes_and_goes_within_a_minute_chatters():
    """Three transitions of one alarm in a minute are chatter."""
    quick = Alarm("a", 0, MINUTE, ((0, 2), (MINUTE // 3, 0)), "r/a")
    again = Alarm("a", MINUTE // 2, DAY, ((MINUTE // 2, 2),), "r/a")

    assert 1 == _score([quick, again], []).chatter


def test_score_of_many_alarms_at_once_is_a_flood():
    """Ten alarms at one minute flood until fewer than five were told in the last ten."""
    got = _score([_alarm(20, 25, str(i)) for i in range(10)], [])

    assert (10, 600.0) == (got.annunciations, got.flood_s)


def test_always_finds_everything_and_stands_all_the_time():
    """Crying always has a share of 1 of the normal time."""
    events = [Event(100 * MINUTE, 160 * MINUTE)]

    got = _score(always(events, (0, DAY)), events)

    assert (1, got.normal_s) == (got.found, got.standing_s)


def test_score_of_never_is_empty():
    """Crying never finds nothing."""
    got = _score([], [Event(100 * MINUTE, 160 * MINUTE)])

    assert (0, 0, 0.0) == (got.found, got.episodes, got.standing_s)
