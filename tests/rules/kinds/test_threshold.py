"""Limits, deadbands, delays, gaps and doubtful readings, one at a time."""

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
from tests.rules.small_district import GAS, LADDER, PLAIN, PRESSURE, batch, register, threshold, told

LOW = {"side": "low", "levels": [("yellow", 2.0, 1.0, 4, 3)]}
"""Stale time of the plain sensor: 4 s."""


def play(readings, *, levels, sensor=PLAIN, **options):
    """Return (time, transition, level) of one rule over `readings`, each (time in s, value[, quality])."""
    engine = RuleEngine(RuleSet((threshold("rule", [sensor], levels, **options),), "1"), register())
    events = engine.evaluate(batch(0, [(sensor, *reading) for reading in readings]), 1)
    return [(time, transition, after) for _, time, transition, _, after, _ in told(events)]


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


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 2.0), (4, 2.0)], []),
        ([(0, 2.0), (2, 2.0), (4, 2.0)], [(4.0, "RAISED", 3)]),
        ([(0, 2.0), (1, 2.0), (2, 2.0)], []),
        ([(0, 2.0), (1, 2.0), (2, 2.0), (4, 2.9)], [(4.0, "RAISED", 3)]),
        ([(0, 2.0), (1, 3.1), (2, 2.0), (4, 2.0), (6, 2.0)], [(6.0, "RAISED", 3)]),
        ([(0, 2.0), (2, 2.0), (7, 2.0), (9, 2.0), (11, 2.0)], [(11.0, "RAISED", 3)]),
    ],
    ids=["too few", "both hold", "too short", "deadband counts", "interrupted", "gap"],
)
def test_threshold_with_on_samples_waits_for_seconds_and_readings(readings, expected):
    """Three readings in a row, and 4 s: the later of both decides."""
    assert expected == play(readings, side="low", levels=[("yellow", 2.0, 1.0, 4, 0, 3)])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0, 4.0, 4.0, 4.0, 2.0], [(4.0, "RAISED", 3)]),
        ([2.0, 4.0, 4.0, 4.0, 4.0, 2.0], []),
        ([2.0, 2.9, 4.0, 4.0], [(1.0, "RAISED", 3), (2.0, "CLEARED", 0)]),
        (
            [2.0, 4.0, 2.0, 4.0, 2.0],
            [
                (2.0, "RAISED", 3),
                (3.0, "CLEARED", 0),
            ],
        ),
    ],
    ids=["two of five", "fallen out", "deadband counts", "begins anew after its end"],
)
def test_threshold_with_of_samples_counts_readings_beyond_among_the_last(values, expected):
    """Two of five readings: those between may be good."""
    readings = list(enumerate(values))

    assert expected == play(readings, side="low", levels=[("yellow", 2.0, 1.0, 0, 0, 2, 1, 5)])


def test_threshold_with_of_samples_after_a_gap_counts_anew():
    """The values between them are unknown."""
    readings = [(0, 2.0), (5, 2.0), (6, 4.0), (7, 2.0)]

    assert [(7.0, "RAISED", 3)] == play(readings, side="low", levels=[("yellow", 2.0, 1.0, 0, 0, 2, 1, 5)])


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ({"on_samples": 3, "of_samples": 3, "on_delay_s": 0}, "of_samples"),
        ({"on_samples": 3, "of_samples": 5, "on_delay_s": 4}, "on_delay_s"),
    ],
)
def test_threshold_with_of_samples_that_mean_nothing_says_which_key_is_wrong(level, path):
    """A window must be larger than the number it must hold, and has no delay."""
    written = {"level": "blue", "limit": 2, "deadband": 1, "source": "assumed", **level}
    options = ThresholdOptions.model_validate({"side": "low", "levels": [written]})
    pressure = Quantity("p", "p", "p", "MPa", 0.0, 10.0, np.inf, 2, {}, "assumed")

    assert [("levels", 0, path)] == [fault.path for fault in options.faults(pressure, [])]


def test_threshold_with_off_samples_ends_with_the_reading_that_completes_them():
    """Two good readings in a row end it; one does not."""
    readings = [(0, 2.0), (1, 3.1), (2, 2.0), (3, 3.1), (4, 3.1)]
    expected = [(0.0, "RAISED", 3), (4.0, "CLEARED", 0)]

    assert expected == play(readings, side="low", levels=[("yellow", 2.0, 1.0, 0, 0, 1, 2)])


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
    """Options without meaning are rejected before any sensor is known."""
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
