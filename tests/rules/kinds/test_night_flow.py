"""Nights that flow more than they should, and disturbances, one at a time."""

import doctest

import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import night_flow as module
from rules.kinds.night_flow import NightFlowOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

HOUR_S = 3600
OPTIONS = {
    "in": "flow",
    "utc_offset_h": 0,
    "nights": 4,
    "fewest_nights": 2,
    "levels": levels([("blue", 2.0, 0.5, 0, 0)]),
}
SENSOR = Sensor("Z.q", "Z", "D", "q", "water_flow", 1.0, 0.0, 1800.0, 5400.0, "")


def night(day, flow, quality=0):
    """Return the readings of one night every half hour, and one at noon."""
    hours = [0.5, 1.5, 2, 2.5, 3, 3.5, 4.5, 12]
    return [((day * 24 + each) * HOUR_S, flow if 2 <= each < 4 else 50.0, quality) for each in hours]


def nights(*flows, first=0):
    """Return the readings of nights one after the other."""
    return [row for day, flow in enumerate(flows, first) for row in night(day, flow)]


def play(readings, **options):
    """Return (day, hour, transition) of one rule."""
    rule = rule_of("night_flow", "rule", [0], {**OPTIONS, **options})
    engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [SENSOR], {}, []))
    found = told(engine.evaluate(batch(1e6, [(0, *row) for row in readings]), 1))
    return [(int(time // 86_400), time % 86_400 / HOUR_S, turn) for _, time, turn, *_ in found]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(("flow", "is_found"), [(12.0, True), (11.99, False), (8.0, False)])
def test_night_flow_at_the_limit_raises_with_the_first_reading_after_the_hours(flow, is_found):
    """Ten was the lowest of the nights before."""
    assert ([(3, 4.5, "RAISED")] if is_found else []) == play(nights(10, 10.5, 10.5, flow))


@pytest.mark.parametrize(("flow", "clears"), [(11.5, False), (11.49, True)])
def test_night_flow_within_the_deadband_stays(flow, clears):
    """A level ends below limit and deadband."""
    assert clears == ((4, 4.5, "CLEARED") in play(nights(10, 10, 10, 13, flow)))


def test_night_flow_with_on_samples_waits_for_so_many_nights():
    """A value a night."""
    written = levels([("blue", 2.0, 0.5, 0, 0, 2)])

    assert [(4, 4.5, "RAISED")] == play(nights(10, 10, 10, 13, 13), levels=written)


def test_night_flow_in_percent_is_a_share_of_the_usual_night():
    """A quarter more."""
    written = levels([("blue", 25, 5, 0, 0)])

    assert [(3, 4.5, "RAISED")] == play(nights(8, 8, 8, 10), levels=written, **{"in": "percent", "least_flow": 1})


def test_night_flow_in_percent_of_nearly_dry_nights_is_a_share_of_the_least_flow():
    """Twice as much of nearly nothing is nearly nothing."""
    written = levels([("blue", 25, 5, 0, 0)])

    assert [] == play(nights(0.1, 0.1, 0.2), levels=written, **{"in": "percent", "least_flow": 1})


@pytest.mark.parametrize(("quantile", "is_found"), [(0.0, True), (0.5, False)])
def test_night_flow_against_a_quantile_is_not_ruled_by_one_dry_night(quantile, is_found):
    """Five of 5, 10, 10, 10 is the lowest, ten the middle."""
    found = play(nights(10, 5, 10, 10, 11), quantile=quantile, levels=levels([("blue", 5.5, 0.4, 0, 0)]))

    assert is_found == bool(found)


def test_night_flow_of_too_few_nights_is_not_known():
    """Two are needed."""
    assert [] == play(nights(10, 30))


def test_night_flow_does_not_learn_the_leak_that_it_tells_of():
    """It stays for as long as it leaks, and ends when it is mended."""
    assert [(3, 4.5, "RAISED"), (9, 4.5, "CLEARED")] == play(nights(10, 10, 10, 15, 15, 15, 15, 15, 15, 10))


def test_night_flow_that_lasts_for_the_nights_of_rebaseline_becomes_usual():
    """The next nights are compared with its own level."""
    found = play(nights(10, 10, 10, 15, 15, 15, 15, 15, 15), rebaseline_nights=3)

    assert [(3, 4.5, "RAISED"), (7, 4.5, "CLEARED")] == found


def test_night_flow_rises_slowly_with_the_season_and_is_not_told():
    """The window moves along."""
    assert [] == play(nights(*(10 + 0.3 * day for day in range(30))))


def test_night_flow_of_a_night_with_holes_is_not_known():
    """Three of four readings are needed; two are no night."""
    holed = [row for row in night(3, 20) if row[0] % 86_400 not in {2 * HOUR_S, 3 * HOUR_S}]

    assert [] == play([*nights(10, 10, 10), *holed])


def test_night_flow_after_missing_nights_goes_on():
    """A gap does not make the rule forget the usual night."""
    assert [(20, 4.5, "RAISED")] == play([*nights(10, 10, 10), *nights(13, first=20)])


def test_night_flow_across_a_gap_restarts_a_running_delay():
    """The flow in the nights between is unknown."""
    written = levels([("blue", 2.0, 0.5, 86_400, 0)])
    readings = [*nights(10, 10, 10, 13), *nights(13, first=6)]

    assert [] == play(readings, levels=written)
    assert [(7, 4.5, "RAISED")] == play([*readings, *nights(13, first=7)], levels=written)


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_night_flow_leaves_doubted_readings_out(quality):
    """They are in no mean."""
    wild = [(row[0] + 60, 1e6, quality) for row in night(3, 0)]

    assert [] == play(sorted([*nights(10, 10, 10, 10), *wild]))


def test_night_flow_does_not_learn_from_a_frozen_meter():
    """Its low night would make every other a leak."""
    frozen = [row for day in (3, 4) for row in night(day, 2.0, Quality.FLAT)]

    assert [] == play([*nights(10, 10, 10), *frozen, *nights(10, first=5)])


def test_night_flow_of_two_clocks_in_one_night_is_not_known():
    """Half of it may be another half."""
    mixed = [(*row[:2], Quality.TIME_SERVER if row[0] % 86_400 >= 3 * HOUR_S else 0) for row in night(3, 20)]

    assert [] == play([*nights(10, 10, 10), *mixed])


def test_night_flow_of_received_times_set_back_a_moment_at_the_beginning_goes_on():
    """The night before is not opened again."""
    readings = [(*row[:2], Quality.TIME_SERVER) for row in nights(10, 10, 10, 13)]
    readings.insert(27, ((3 * 24 + 2) * HOUR_S - 1, 50.0, Quality.TIME_SERVER))

    assert [(3, 4.5, "RAISED")] == play(readings)


@pytest.mark.parametrize("offset_h", [-5, 0, 5.75, 8])
def test_night_flow_lies_in_the_night_of_the_place(offset_h):
    """The hours are local."""
    readings = [(time - offset_h * HOUR_S, *rest) for time, *rest in nights(10, 10, 10, 13, first=1)]
    expected_s = 4 * 86_400 + 4.5 * HOUR_S - offset_h * HOUR_S

    assert [(int(expected_s // 86_400), expected_s % 86_400 / HOUR_S, "RAISED")] == play(
        readings, utc_offset_h=offset_h
    )


@pytest.mark.parametrize(
    "keys",
    [{"nights": 1}, {"nights": 61}, {"quantile": 0.6}, {"least_flow": 0}, {"utc_offset_h": 15}, {"from_hour": 24}],
)
def test_night_flow_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a night are rejected."""
    with pytest.raises(ValidationError):
        NightFlowOptions.model_validate({**OPTIONS, **keys})


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"until_hour": 2}, ("until_hour",)),
        ({"fewest_nights": 5}, ("fewest_nights",)),
        ({"in": "percent"}, ("least_flow",)),
        ({"until_hour": 2.25}, ("from_hour",)),
    ],
)
def test_night_flow_rules_that_cannot_work_say_where(keys, path):
    """Each fault names the key."""
    options = NightFlowOptions.model_validate({**OPTIONS, **keys})

    assert path in [each.path for each in options.faults(load_quantities()["water_flow"], [SENSOR])]


@pytest.mark.parametrize(("unit", "expected"), [("percent", "%"), ("flow", "m3/h")])
def test_night_flow_judges_percent_or_flow(unit, expected):
    """Messages say the unit."""
    judged = NightFlowOptions.model_validate({**OPTIONS, "in": unit}).judged_quantity(load_quantities()["water_flow"])
    assert judged is not None

    assert expected == judged.unit
