"""Detectors of others behind the benchmark's seam, on random readings; those that are not installed are left out."""

import dataclasses

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Event, Matching, score
from benchmarks.warning_quality.peers.all import PEERS, version_of
from benchmarks.warning_quality.peers.limits import fixed, rolling_sigma, running_sigma, sigmas
from benchmarks.warning_quality.peers.outliers import tail_scores
from benchmarks.warning_quality.peers.seam import (
    THINNED,
    Seen,
    alarms_of,
    by_sensor,
    filled,
    marked,
    seen_of,
    thinned,
)
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor

MINUTE = 60_000_000_000
LEVEL = quantity("level", -100.0, 100.0, 3)
AIR = quantity("air_temperature", -100.0, 100.0, 3)
LEARNED = 250


def _recording(value, events=(), *, learned: int = LEARNED, air: bool = False) -> Recording:
    quantities = [AIR if air and i == 0 else LEVEL for i in range(value.shape[1])]
    sensors = [sensor("A", f"D{i}", "x", each, 60.0) for i, each in enumerate(quantities)]
    time_ns = np.arange(len(value), dtype=np.int64) * MINUTE
    span_ns = int(time_ns[learned]), int(time_ns[-1])
    register = register_of("site", sensors)
    return Recording("made", register, {each.name: each for each in (LEVEL, AIR)}, time_ns, value, events, span_ns)


def _random(seed: int, n: int = 700):
    """Return readings with gaps, jumps and shapes that change, so that every detector has something to say."""
    rng = np.random.default_rng(seed)
    value = rng.normal(0.0, 1.0, (n, 3)).cumsum(axis=0) * 0.05 + rng.normal(0.0, 1.0, (n, 3))
    value[LEARNED + 100 : LEARNED + 140] += 8.0
    value[LEARNED + 250 :, 1] -= 5.0
    value[rng.random((n, 3)) < 0.02] = np.nan
    return value


@pytest.fixture(params=PEERS, ids=[each.name for each in PEERS])
def peer(request):
    """Return each detector that is installed."""
    if not version_of(request.param):
        pytest.skip(f"{request.param.package} is not installed")
    return request.param


@pytest.mark.filterwarnings("ignore")
def test_peer_given_other_later_readings_says_the_same_before_them(peer):
    """What comes later, other or not at all, changes no alarm before it."""
    value, cut = _random(5), 520
    flow = np.abs(np.nan_to_num(value).sum(axis=1)) + 10.0
    later, later_flow = value.copy(), flow.copy()
    later[cut:] = np.random.default_rng(6).normal(30.0, 9.0, later[cut:].shape)
    later_flow[cut:] *= 7.0
    seen = Seen(np.arange(len(value)) * 9 * MINUTE, value, LEARNED, air=0, flow=flow)

    said = peer.judge(seen)
    other = peer.judge(dataclasses.replace(seen, value=later, flow=later_flow))
    short = peer.judge(Seen(seen.time_ns[:cut], value[:cut], LEARNED, air=0, flow=flow[:cut]))

    assert (said[:cut] == other[:cut]).all()
    assert (said[:cut] == short).all()


@pytest.mark.filterwarnings("ignore")
def test_peer_that_learns_is_silent(peer):
    """No detector speaks in the rows for learning."""
    value = _random(7)
    value[100:120] += 40.0

    said = peer.judge(Seen(np.arange(len(value)) * MINUTE, value, LEARNED, air=0, flow=np.full(len(value), 9.0)))

    assert 0 == int(said[:LEARNED].max())
    assert said.shape in {value.shape, (len(value), 1)}


def test_seen_holds_nothing_of_events():
    """Two recordings with other events look alike."""
    value = _random(1)
    events = (Event(300 * MINUTE, 310 * MINUTE, frozenset({"D0.x"}), 4, 60.0),)

    with_events, without = seen_of(_recording(value, events)), seen_of(_recording(value))

    assert {"time_ns", "value", "learned", "air", "flow"} == {each.name for each in dataclasses.fields(Seen)}
    assert (with_events.learned, with_events.air) == (without.learned, without.air) == (LEARNED, -1)


def test_seen_of_a_recording_scored_from_its_first_row_learns_a_tenth():
    """Where nothing is left out of the score, the first tenth is for learning."""
    assert 70 == seen_of(_recording(_random(1), learned=0)).learned


def test_filled_repeats_the_last_value_and_begins_with_the_median():
    """A gap is filled with what was said before it."""
    value = np.array([[np.nan], [3.0], [np.nan], [5.0], [np.nan]])

    assert [4.0, 3.0, 3.0, 5.0, 5.0] == filled(Seen(np.arange(5), value, 4))[:, 0].tolist()


def test_by_sensor_without_a_reading_keeps_the_level():
    """Silence clears nothing."""
    value = np.array([[0.0], [1.0], [9.0], [np.nan], [np.nan], [0.0]])

    said = by_sensor(Seen(np.arange(6), value, 2), lambda _, x, __: marked(x > 5))

    assert [0, 0, 3, 3, 3, 0] == said[:, 0].tolist()


@pytest.mark.parametrize(("hold", "spans"), [(0, [(400, 405), (408, 410)]), (5, [(400, 415)])])
def test_alarms_of_levels_begin_and_end_with_them(hold, spans):
    """An off-delay of five rows joins what is three rows apart, and lasts five rows longer."""
    recording = _recording(_random(2))
    levels = np.zeros((700, 3), np.int8)
    levels[400:405, 1] = 3
    levels[408:410, 1] = 4

    alarms = alarms_of(recording, seen_of(recording), levels, hold)

    assert spans == [(each.begin_ns // MINUTE, each.end_ns // MINUTE) for each in alarms]
    assert {"D1.x"} == {each.sensor for each in alarms}
    assert [3, 4] == [level for each in alarms for _, level in each.steps if level]


def test_alarms_of_a_site_name_the_sensor_that_is_furthest():
    """Who judges a site as a whole points to what is furthest from what was learned."""
    value = np.random.default_rng(3).normal(0.0, 1.0, (700, 3))
    value[500, 2] = 40.0
    recording = _recording(value)
    levels = np.zeros((700, 1), np.int8)
    levels[500] = 3

    [alarm] = alarms_of(recording, seen_of(recording), levels)

    assert ("D2.x", 500 * MINUTE) == (alarm.sensor, alarm.begin_ns)


def test_alarms_of_a_jump_are_scored_as_ours_are():
    """The scorer is given alarms, and finds the event by them."""
    value = np.random.default_rng(4).normal(0.0, 1.0, (700, 2))
    value[500:520] += 30.0
    recording = _recording(value, (Event(500 * MINUTE, 519 * MINUTE),))
    seen = seen_of(recording)

    got = score(alarms_of(recording, seen, fixed(seen)), recording.events, recording.scored_ns, 2, Matching())

    assert (1, 1, 0.0) == (got.found, got.episodes, got.delay_s(0.5))


def test_sigmas_are_those_of_kapacitor():
    """The running formula and the one in arrays agree."""
    value = np.random.default_rng(8).normal(900.0, 2.0, 50)
    mean = m2 = 0.0
    wanted = []
    for n, x in enumerate(value, 1):
        before, mean = mean, mean + (x - mean) / n
        m2 += (x - before) * (x - mean)
        wanted.append(abs(x - mean) / np.sqrt(m2 / (n - 1)) if n > 1 and m2 > 0 else 0.0)

    assert wanted == pytest.approx(sigmas(value).tolist())


@pytest.mark.parametrize("judge", [running_sigma, rolling_sigma])
def test_sigma_of_a_jump_is_told_at_once(judge):
    """Ten deviations are more than three."""
    value = np.random.default_rng(9).normal(0.0, 1.0, (700, 1))
    value[600] = 12.0

    assert 3 == judge(seen_of(_recording(value)))[600, 0]


def test_thinned_judge_is_given_means_and_speaks_after_them():
    """What half an hour says is told at the first reading behind it."""
    value = np.zeros(30_000)
    value[29_400:29_430] = 7.0
    time_ns = np.arange(30_000) * MINUTE

    said = thinned(lambda _, mean, __: marked(mean > 6.9))(time_ns, value, 100)

    assert list(range(29_430, 29_460)) == np.flatnonzero(said).tolist()
    assert "30 min" in THINNED


@pytest.mark.filterwarnings("ignore")
def test_tail_scores_are_those_of_pyod_asked_row_by_row():
    """PyOD's ECOD, asked about one row at a time, says the same."""
    ecod = pytest.importorskip("pyod.models.ecod")
    rng = np.random.default_rng(10)
    learned, rows = rng.gamma(2.0, 1.0, (200, 3)), rng.gamma(2.0, 3.0, (20, 3))
    fitted = ecod.ECOD().fit(learned)

    wanted = [float(fitted.decision_function(row[None])[0]) for row in rows]

    assert wanted == pytest.approx(tail_scores(learned, rows).tolist())
