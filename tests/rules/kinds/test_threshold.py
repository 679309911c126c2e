"""Limits, deadbands, delays, gaps, doubtful readings and dead devices, one at a time."""

import doctest

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.quantities import Quantity
from rules.engine import RuleEngine
from rules.kinds import threshold as module
from rules.kinds.threshold import ThresholdOptions
from rules.rule import RuleSet
from tests.rules.small_district import BEAT, GAS, LADDER, PLAIN, PRESSURE, batch, register, stale, threshold, told

LOW = {"side": "low", "levels": [("yellow", 2.0, 1.0, 4, 3)]}
"""Stale time of the plain sensor: 4 s."""


def play(readings, *, levels, sensor=PLAIN, **options):
    """Return what one rule says of `readings`, each (time in s, value[, quality]), as (time, transition, level)."""
    engine = RuleEngine(RuleSet((threshold("rule", [sensor], levels, **options),), "1"), register())
    events = engine.evaluate(batch(0, [(sensor, *reading) for reading in readings]), 1)
    return [(time, transition, after) for _, time, transition, _, after, _ in told(events)]


def play_device(readings, *, levels=(("orange", 1.0, 1.0, 4, 0),), parts=1):
    """Return what a live rule says of (sensor, time in s, value), cut into batches of `parts` readings."""
    engine = RuleEngine(RuleSet((threshold("rule", [PRESSURE], levels, side="low", live=True),), "1"), register())
    batches = [batch(0, readings[i : i + parts]) for i in range(0, len(readings), parts)]
    return [event for each in batches for event in told(engine.evaluate(each, 1))]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 2.0), (2, 1.0), (3, 1.0)], []),
        ([(0, 2.0), (2, 1.0), (4, 1.0)], [(4.0, "RAISED", 3)]),
        ([(0, 2.0), (2, 1.0), (3.999999999, 1.0)], []),
        ([(0, 2.0), (2, 1.0), (4.000000001, 1.0)], [(4.000000001, "RAISED", 3)]),
        ([(0, 2.0), (2, 3.1), (4, 2.0), (6, 2.0)], []),
        ([(0, 2.0), (2, 3.1), (4, 2.0), (6, 2.0), (8, 2.0)], [(8.0, "RAISED", 3)]),
    ],
    ids=["too short", "exactly the delay", "1 ns before", "1 ns after", "interrupted", "from the new onset"],
)
def test_threshold_with_on_delay_raises_with_the_reading_that_completes_it(readings, expected):
    """The condition must hold from its onset to a reading at least the on-delay later."""
    assert expected == play(readings, **LOW)


@pytest.mark.parametrize(
    ("value", "is_beyond"),
    [(2.0, True), (np.nextafter(2.0, 9), False), (1.0, True)],
    ids=["at the limit", "just within", "beyond"],
)
def test_threshold_at_the_limit_begins_with_the_limit_itself(value, is_beyond):
    """A value equal to the limit is beyond it."""
    expected = [(0.0, "RAISED", 3)] if is_beyond else []

    assert expected == play([(0, value)], side="low", levels=[("yellow", 2.0, 1.0, 0, 0)])


@pytest.mark.parametrize(
    ("side", "value", "clears"),
    [
        ("low", 3.0, False),
        ("low", np.nextafter(3.0, 9), True),
        ("high", 1.0, False),
        ("high", np.nextafter(1.0, -9), True),
    ],
)
def test_threshold_at_the_end_of_the_deadband_clears_only_behind_it(side, value, clears):
    """A value exactly one deadband back within the limit still holds the alarm."""
    expected = [(0.0, "RAISED", 3)] + ([(1.0, "CLEARED", 0)] if clears else [])

    assert expected == play([(0, 2.0), (1, value)], side=side, levels=[("yellow", 2.0, 1.0, 0, 0)])


def test_threshold_within_the_deadband_keeps_a_delay_running():
    """A value between limit and deadband neither begins nor ends the condition."""
    assert [(4.0, "RAISED", 3)] == play([(0, 2.0), (2, 2.9), (4, 2.9)], **LOW)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(6, 3.1), (8, 3.1)], []),
        ([(6, 3.1), (9, 3.1)], [(9.0, "CLEARED", 0)]),
        ([(6, 3.1), (8, 2.0), (9, 3.1), (11, 3.1)], []),
    ],
    ids=["too short", "exactly the delay", "interrupted"],
)
def test_threshold_with_off_delay_clears_with_the_reading_that_completes_it(readings, expected):
    """The value must stay back within from its return to a reading at least the off-delay later."""
    onset = [(0, 2.0), (2, 2.0), (4, 2.0)]

    assert [(4.0, "RAISED", 3), *expected] == play(onset + readings, **LOW)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 2.0), (4, 2.0)], [(4.0, "RAISED", 3)]),
        ([(0, 2.0), (4.1, 2.0)], []),
        ([(0, 2.0), (4.1, 2.0), (8.1, 2.0)], [(8.1, "RAISED", 3)]),
        ([(0, 2.0), (4, 2.0), (5, 9.0), (9.5, 9.0)], [(4.0, "RAISED", 3)]),
        ([(0, 2.0), (4, 2.0), (900, 9.0), (903, 9.0)], [(4.0, "RAISED", 3), (903.0, "CLEARED", 0)]),
        ([(0, 2.0), (4, 2.0), (900, 1.0)], [(4.0, "RAISED", 3)]),
    ],
    ids=["stale time itself", "longer", "from behind the gap", "off-delay", "cleared by readings", "never by the gap"],
)
def test_threshold_over_a_gap_restarts_running_delays_and_clears_nothing(readings, expected):
    """Two readings further apart than the stale time say nothing about the time between them."""
    assert expected == play(readings, **LOW)


def test_threshold_without_delay_raises_behind_a_gap_at_once():
    """A gap restarts a delay; no delay is none to restart."""
    assert [(900.0, "RAISED", 3)] == play([(0, 9.0), (900, 1.0)], side="low", levels=[("yellow", 2.0, 1.0, 0, 0)])


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
def test_threshold_of_split_batches_says_the_same(n_parts):
    """However a stream of many readings of one sensor is cut, its transitions are the same."""
    times = np.arange(0, 60, 1.0)
    readings = [(PLAIN, time, 1.0 if 10 <= time % 30 < 20 else 9.0) for time in times]
    engine = RuleEngine(RuleSet((threshold("rule", [PLAIN], **LOW),), "1"), register())
    cuts = np.array_split(np.arange(len(readings)), n_parts)
    events = [event for cut in cuts for event in told(engine.evaluate(batch(0, [readings[i] for i in cut]), 1))]

    assert [(14.0, "RAISED"), (23.0, "CLEARED"), (44.0, "RAISED"), (53.0, "CLEARED")] == [each[1:3] for each in events]


def test_threshold_of_a_ladder_climbs_and_steps_down():
    """The alarm stands at the highest active level, and each change says where from and where to."""
    readings = [(0, 9.0), (1, 3.0), (3, 2.5), (4, 1.0), (6, 1.0), (8, 1.0), (10, 2.5), (12, 2.5), (14, 9.0), (17, 9.0)]
    expected = [(6.0, "RAISED", 4), (12.0, "LOWERED", 3), (17.0, "CLEARED", 0)]

    assert expected == play(readings, side="low", levels=LADDER)


def test_threshold_of_a_slow_loss_escalates_level_by_level():
    """Levels that become due one after the other raise once and then escalate."""
    levels = [("blue", 3.0, 0.5, 0, 0), ("yellow", 2.0, 0.5, 0, 0), ("orange", 1.0, 0.5, 0, 0)]
    expected = [(1.0, "RAISED", 2), (2.0, "ESCALATED", 3), (3.0, "ESCALATED", 4)]

    assert expected == play([(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)], side="low", levels=levels)


def test_threshold_events_of_one_episode_share_its_time():
    """Whatever happens between raise and clear belongs to the episode that the raise began."""
    levels = [("blue", 3.0, 0.5, 0, 0), ("orange", 1.0, 0.5, 0, 0)]
    engine = RuleEngine(RuleSet((threshold("rule", [PLAIN], levels, side="low"),), "1"), register())
    readings = [(PLAIN, time, value) for time, value in [(1, 3.0), (2, 1.0), (3, 9.0), (4, 3.0)]]
    events = engine.evaluate(batch(0, readings), 1)

    assert [1e9, 1e9, 1e9, 4e9] == events.episode_ns.tolist()


@pytest.mark.parametrize(("on_suspect", "expected"), [("hold", [(6.0, "RAISED", 3)]), ("judge", [(4.0, "RAISED", 3)])])
def test_threshold_of_an_out_of_range_reading_holds_or_judges(on_suspect, expected):
    """`hold` treats it as not there; `judge` lets it complete a delay."""
    readings = [(2, 1.0), (3, -9.0, Quality.OUT_OF_RANGE), (4, -9.0, Quality.OUT_OF_RANGE), (6, 1.0)]
    levels = [("yellow", 2.0, 1.0, 2 if on_suspect == "judge" else 4, 0)]

    assert expected == play(readings, side="low", levels=levels, on_suspect=on_suspect)


def test_threshold_of_a_doubtful_device_reading_judges_it():
    """A reading that the device itself doubts may still be the danger."""
    readings = [(0, 1.0, Quality.DEVICE_SUSPECT)]

    assert [(0.0, "RAISED", 3)] == play(readings, side="low", levels=[("yellow", 2.0, 1.0, 0, 0)])


@pytest.mark.parametrize(
    ("qualities", "expected"),
    [
        ((0, 0, 0, 0), [(4.0, "RAISED", 3)]),
        ((4, 4, 4, 4), [(4.0, "RAISED", 3)]),
        ((2, 8, 4, 2), [(4.0, "RAISED", 3)]),
        ((0, 0, 4, 4), []),
        ((8, 0, 0, 0), [(6.0, "RAISED", 3)]),
    ],
    ids=["device clock", "received clock", "received clock, other reasons", "device then received", "and back"],
)
def test_threshold_over_two_clocks_never_measures_a_delay(qualities, expected):
    """A time that stands in for the device's own runs delays too, but none across the change of clocks."""
    readings = [(time, 1.0, quality) for time, quality in zip((0, 2, 4, 6), qualities, strict=True)]

    assert expected == play(readings, **LOW)


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


RAISED = (0, 4.0, "RAISED", 0, 4, "LIMIT_HELD")
IN_DANGER = [reading for time in (0, 2, 4) for reading in ((PRESSURE, time, 0.0), (BEAT, time, float(time)))]
"""Raises orange at 4 s; the heartbeat stands at 4."""


@pytest.mark.parametrize("off_delay_s", [0, 2, 3, 4])
@pytest.mark.parametrize("beat_first", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3, 100])
def test_threshold_live_of_return_and_beats_clears_once_whatever_the_order(off_delay_s, beat_first, parts):
    """An off-delay ends like an on-delay: with the delay, and not before the message after the return."""
    readings = list(IN_DANGER)
    for time in range(6, 20, 2):
        pair = [(PRESSURE, time, 9.0), (BEAT, time, float(time))]
        readings += reversed(pair) if beat_first else pair
    cleared = (0, 8.0 if off_delay_s <= 2 else 10.0, "CLEARED", 4, 0, "BACK_WITHIN")

    assert [RAISED, cleared] == play_device(readings, levels=(("orange", 1.0, 1.0, 4, off_delay_s),), parts=parts)


@pytest.mark.parametrize("off_delay_s", [0, 4])
@pytest.mark.parametrize("beat", [4.0, 6.0], ids=["dead before the return", "dead with its message"])
def test_threshold_live_of_a_frozen_good_value_clears_nothing(off_delay_s, beat):
    """A dead device's good value is no all-clear, however long its gateway repeats it."""
    frozen = [reading for time in range(6, 60, 2) for reading in ((PRESSURE, time, 9.0), (BEAT, time, beat))]

    assert [RAISED] == play_device(IN_DANGER + frozen, levels=(("orange", 1.0, 1.0, 4, off_delay_s),))


def test_threshold_live_of_a_frozen_lesser_value_lowers_nothing():
    """Down to a lower level takes the same sign of life as down to none."""
    frozen = [(PRESSURE, time, 2.5) for time in range(6, 60, 2)]
    levels = (("yellow", 3.0, 1.0, 4, 0), ("orange", 1.0, 1.0, 4, 0))

    assert [RAISED] == play_device(IN_DANGER + frozen, levels=levels)


def test_threshold_live_with_a_late_beat_clears_with_it():
    """The level stays until the heartbeat advances, then ends with the first value that is not older."""
    readings = [*IN_DANGER, *((PRESSURE, time, 9.0) for time in range(6, 20, 2)), (BEAT, 20, 5.0), (PRESSURE, 20, 9.0)]

    assert [RAISED, (0, 20.0, "CLEARED", 4, 0, "BACK_WITHIN")] == play_device(readings)


def test_threshold_live_back_over_a_gap_needs_a_new_sign_of_life():
    """A gap forgets the proof of an off-delay too."""
    readings = [*IN_DANGER, (PRESSURE, 6, 9.0), (BEAT, 8, 8.0), *((PRESSURE, time, 9.0) for time in range(20, 40, 2))]

    assert [RAISED] == play_device(readings, levels=(("orange", 1.0, 1.0, 4, 4),))


def test_threshold_live_of_a_device_that_dies_in_danger_stays_and_is_blind():
    """Silence is never all-clear: the hazard stands beside the reason why nobody knows more."""
    live = threshold("low", [PRESSURE], [("orange", 1.0, 1.0, 4, 4)], side="low", live=True)
    engine = RuleEngine(RuleSet((live, stale("silent", [PRESSURE])), "1"), register())
    events = []
    for second in range(0, 60, 2):
        readings = [(PRESSURE, second, 0.0 if second <= 4 else 9.0), (BEAT, second, min(second, 4))]
        events += told(engine.evaluate(batch(second, readings), 1))

    assert [RAISED, (1, 10.0, "RAISED", 0, 1, "NO_HEARTBEAT")] == events


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"side": "low", "levels": []}, "levels"),
        ({"side": "middle", "levels": [{}]}, "side"),
        (
            {
                "side": "low",
                "levels": [{"level": "purple", "limit": 1, "deadband": 1, "on_delay_s": 0, "source": "assumed"}],
            },
            "level",
        ),
        (
            {
                "side": "low",
                "levels": [{"level": "red", "limit": 1, "deadband": 0, "on_delay_s": 0, "source": "assumed"}],
            },
            "deadband",
        ),
        (
            {
                "side": "low",
                "levels": [{"level": "red", "limit": 1, "deadband": 1, "on_delay_s": -1, "source": "assumed"}],
            },
            "on_delay_s",
        ),
        (
            {
                "side": "low",
                "levels": [
                    {"level": "red", "limit": float("nan"), "deadband": 1, "on_delay_s": 0, "source": "assumed"}
                ],
            },
            "limit",
        ),
        ({"side": "low", "levels": [{"level": "red", "limit": 1, "deadband": 1, "on_delay_s": 0}]}, "source"),
        ({"side": "low", "levels": [{"level": "red", "limit": 1, "deadband": 1, "source": "assumed"}]}, "on_delay_s"),
    ],
)
def test_options_of_a_bad_level_are_refused(entry, place):
    """What makes no sense by itself is refused before any sensor is known."""
    with pytest.raises(ValidationError) as caught:
        ThresholdOptions.model_validate(entry)

    assert place in {error["loc"][-1] for error in caught.value.errors()}


PRESSURES = Quantity("p", "压力", "pressure", "MPa", 0.0, 10.0, 1.0, 2, {}, "assumed")


@pytest.mark.parametrize(
    ("levels", "side", "path", "got"),
    [
        ([("red", 11.0, 1.0, 0, 0)], "high", ("levels", 0, "limit"), "11"),
        ([("red", 0.5, 0.6, 0, 0)], "high", ("levels", 0, "deadband"), "an end at -0.1"),
        ([("red", 9.5, 0.6, 0, 0)], "low", ("levels", 0, "deadband"), "an end at 10.1"),
        ([("red", 3.0, 1.0, 0, 0), ("blue", 2.0, 1.0, 0, 0)], "low", ("levels", 0, "limit"), "3"),
        ([("blue", 3.0, 1.0, 0, 0), ("red", 2.0, 1.0, 0, 0)], "high", ("levels", 1, "limit"), "2"),
        ([("blue", 3.0, 1.0, 0, 0), ("blue", 2.0, 1.0, 0, 0)], "low", ("levels", 1, "level"), "blue twice"),
    ],
)
def test_options_that_contradict_name_the_place(levels, side, path, got):
    """Limits out of reach, in the wrong order or given twice are found with their place in the rule."""
    faults = list(threshold("rule", [PLAIN], levels, side=side).options.faults(PRESSURES, []))

    assert [(path, got)] == [(fault.path, fault.got) for fault in faults]


def test_options_live_without_heartbeat_name_the_sensors():
    """A live rule cannot watch a device that has no heartbeat."""
    sensors = register().sensors
    rule = threshold("rule", [PRESSURE, PLAIN], LADDER, side="low", live=True)
    faults = list(rule.options.faults(PRESSURES, [sensors[PRESSURE], sensors[PLAIN]]))

    assert [(("live",), "none for P.p")] == [(fault.path, fault.got) for fault in faults]


def test_options_without_quantity_say_so():
    """Limits need something to be compared with."""
    faults = list(threshold("rule", [GAS], LADDER, side="low").options.faults(None, []))

    assert [("quantity",)] == [fault.path for fault in faults]
