"""Proof of life: levels that a dead device may not raise where the rule is live, and never end."""

import pytest

from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.small_district import BEAT, PRESSURE, batch, register, stale, threshold, told

RAISED = (0, 4.0, "RAISED", 0, 4, "LIMIT_HELD")
IN_DANGER = [reading for time in (0, 2, 4) for reading in ((PRESSURE, time, 0.0), (BEAT, time, float(time)))]
"""Raises orange at 4 s; the heartbeat stands at 4."""


def play_device(readings, *, levels=(("orange", 1.0, 1.0, 4, 0),), parts=1, live=True):
    """Return the transitions of a rule over (sensor, time in s, value), cut into batches of `parts` readings."""
    engine = RuleEngine(RuleSet((threshold("rule", [PRESSURE], levels, side="low", live=live),), "1"), register())
    batches = [batch(0, readings[i : i + parts]) for i in range(0, len(readings), parts)]
    return [event for each in batches for event in told(engine.evaluate(each, 1))]


@pytest.mark.parametrize("beat_first", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3, 100])
def test_threshold_live_of_zero_and_beats_raises_once_whatever_the_order(beat_first, parts):
    """Pressure and heartbeat of one message may come in either order and in different batches."""
    readings = []
    for time in range(0, 12, 2):
        pair = [(PRESSURE, time, 0.0), (BEAT, time, float(time))]
        readings += reversed(pair) if beat_first else pair

    assert [(0, 4.0, "RAISED", 0, 4, "LIMIT_HELD")] == play_device(readings, parts=parts)


def test_threshold_live_of_zero_from_a_stuck_device_raises_nothing():
    """A dead device's flat zero is no hazard, however long it lasts."""
    readings = [reading for time in range(0, 60, 2) for reading in ((PRESSURE, time, 0.0), (BEAT, time, 7.0))]

    assert [] == play_device(readings)


def test_threshold_not_live_of_danger_from_a_stuck_device_raises():
    """An absolute danger is judged at once: without `live` raising waits for no sign of life."""
    readings = [reading for time in range(0, 6, 2) for reading in ((PRESSURE, time, 0.0), (BEAT, time, 7.0))]

    assert [RAISED] == play_device(readings, live=False)


def test_threshold_live_with_a_beat_only_at_the_onset_raises_nothing():
    """The beat in the message of the first zero proves nothing about the time after it."""
    beats = [(BEAT, -2, 1.0), (BEAT, 0, 2.0)]
    readings = [(PRESSURE, -2, 9.0), beats[0], (PRESSURE, 0, 0.0), beats[1]]
    readings += [reading for time in range(2, 20, 2) for reading in ((PRESSURE, time, 0.0), (BEAT, time, 2.0))]

    assert [] == play_device(readings)


def test_threshold_live_with_a_late_beat_raises_with_it():
    """The level stays pending until the heartbeat advances, then rises with the first value that is not older."""
    readings = [reading for time in range(0, 10, 2) for reading in ((PRESSURE, time, 0.0), (BEAT, time, 7.0))]
    readings += [(BEAT, 10, 8.0), (PRESSURE, 10, 0.0)]

    assert [(0, 10.0, "RAISED", 0, 4, "LIMIT_HELD")] == play_device(readings)


def test_threshold_live_without_delay_raises_with_the_next_message():
    """Even with no on-delay a live level waits for one sign of life after its onset."""
    readings = [(PRESSURE, 0, 0.0), (BEAT, 0, 1.0), (BEAT, 2, 2.0), (PRESSURE, 2, 0.0)]
    events = play_device(readings, levels=(("orange", 1.0, 1.0, 0, 0),))

    assert [(0, 2.0, "RAISED", 0, 4, "LIMIT_HELD")] == events


def test_threshold_live_over_a_gap_needs_a_new_sign_of_life():
    """A gap restarts the delay and forgets the proof."""
    readings = [(PRESSURE, 0, 0.0), (BEAT, 0, 1.0), (PRESSURE, 2, 0.0), (BEAT, 2, 2.0)]
    readings += [(PRESSURE, time, 0.0) for time in range(20, 40, 2)]

    assert [] == play_device(readings)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("off_delay_s", [0, 2, 3, 4])
@pytest.mark.parametrize("beat_first", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3, 100])
def test_threshold_of_return_and_beats_clears_once_whatever_the_order(off_delay_s, beat_first, parts, live):
    """An off-delay ends like an on-delay: with the delay, and not before the message after the return."""
    readings = list(IN_DANGER)
    for time in range(6, 20, 2):
        pair = [(PRESSURE, time, 9.0), (BEAT, time, float(time))]
        readings += reversed(pair) if beat_first else pair
    cleared = (0, 8.0 if off_delay_s <= 2 else 10.0, "CLEARED", 4, 0, "BACK_WITHIN")
    levels = (("orange", 1.0, 1.0, 4, off_delay_s),)

    assert [RAISED, cleared] == play_device(readings, levels=levels, parts=parts, live=live)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("off_delay_s", [0, 4])
@pytest.mark.parametrize("beat", [4.0, 6.0], ids=["dead before the return", "dead with its message"])
def test_threshold_of_a_frozen_good_value_clears_nothing(off_delay_s, beat, live):
    """A dead device's good value is no all-clear, however long its gateway repeats it."""
    frozen = [reading for time in range(6, 60, 2) for reading in ((PRESSURE, time, 9.0), (BEAT, time, beat))]

    assert [RAISED] == play_device(IN_DANGER + frozen, levels=(("orange", 1.0, 1.0, 4, off_delay_s),), live=live)


@pytest.mark.parametrize("live", [False, True])
def test_threshold_of_a_frozen_lesser_value_lowers_nothing(live):
    """Down to a lower level takes the same sign of life as down to none."""
    frozen = [(PRESSURE, time, 2.5) for time in range(6, 60, 2)]
    levels = (("yellow", 3.0, 1.0, 4, 0), ("orange", 1.0, 1.0, 4, 0))

    assert [RAISED] == play_device(IN_DANGER + frozen, levels=levels, live=live)


@pytest.mark.parametrize("live", [False, True])
def test_threshold_with_a_late_beat_clears_with_it(live):
    """The level stays until the heartbeat advances, then ends with the first value that is not older."""
    readings = [*IN_DANGER, *((PRESSURE, time, 9.0) for time in range(6, 20, 2)), (BEAT, 20, 5.0), (PRESSURE, 20, 9.0)]

    assert [RAISED, (0, 20.0, "CLEARED", 4, 0, "BACK_WITHIN")] == play_device(readings, live=live)


@pytest.mark.parametrize("live", [False, True])
def test_threshold_back_over_a_gap_needs_a_new_sign_of_life(live):
    """A gap forgets the proof of an off-delay too."""
    readings = [*IN_DANGER, (PRESSURE, 6, 9.0), (BEAT, 8, 8.0), *((PRESSURE, time, 9.0) for time in range(20, 40, 2))]

    assert [RAISED] == play_device(readings, levels=(("orange", 1.0, 1.0, 4, 4),), live=live)


def test_threshold_not_live_lowered_and_in_danger_again_raises_without_a_beat():
    """A level that waits for a sign of life to end needs none to rise again."""
    levels = (("yellow", 3.0, 1.0, 0, 0), ("orange", 1.0, 1.0, 4, 0))
    readings = [*IN_DANGER, (PRESSURE, 6, 2.5), (BEAT, 8, 8.0), (PRESSURE, 8, 2.5)]
    readings += [(PRESSURE, time, 0.0) for time in (10, 12, 14)]
    expected = [(8.0, "LOWERED", 3), (14.0, "ESCALATED", 4)]

    assert expected == [(each[1], each[2], each[4]) for each in play_device(readings, levels=levels, live=False)[2:]]


@pytest.mark.parametrize("live", [False, True])
def test_threshold_of_a_device_that_dies_in_danger_stays_and_is_blind(live):
    """Silence is never all-clear: the hazard stands beside the reason for the missing knowledge."""
    low = threshold("low", [PRESSURE], [("orange", 1.0, 1.0, 4, 4)], side="low", live=live)
    engine = RuleEngine(RuleSet((low, stale("silent", [PRESSURE])), "1"), register())
    events = []
    for second in range(0, 60, 2):
        readings = [(PRESSURE, second, 0.0 if second <= 4 else 9.0), (BEAT, second, min(second, 4))]
        events += told(engine.evaluate(batch(second, readings), 1))

    assert [RAISED, (1, 10.0, "RAISED", 0, 1, "NO_HEARTBEAT")] == events
