"""Modes that move and structures that shake, and disturbances, one at a time."""

import doctest

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import signal

from collector.batch import Quality, make_batch
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import spectrum as module
from rules.kinds.spectrum import SpectrumOptions
from rules.rule import RuleSet
from rules.spectral.spectra import Spectra, find_peak_hz
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import told

STEP_S = 0.02
SENSORS = [Sensor(f"B.{i}", "B", f"D{i}", "a", "acceleration", 1.0, 0.0, STEP_S, 5.0, "") for i in range(3)]
REGISTER = Register({}, {"B": Asset("B", "bridge", "bridge", "B", "B", "R", 0.0, 0.0)}, SENSORS, {}, [])
FREQUENCY = {
    "judge": "frequency",
    "span_s": 20,
    "segment_s": 10,
    "expected_hz": 2.0,
    "reference_hz": 2.0,
    "levels": levels([("yellow", 5, 2, 0, 0, 3, 1)]),
}
RMS = {"judge": "rms", "span_s": 20, "segment_s": 5, "levels": levels([("blue", 1.0, 0.2, 0, 0)])}


def swing(hz, until_s, start_s=0.0, size=1.0, sensor=0, quality=0):
    """Return samples that swing at `hz` in some noise."""
    times = np.arange(round(start_s / STEP_S), round(until_s / STEP_S)) * STEP_S
    dice = np.random.default_rng(sensor)
    values = size * np.sin(2 * np.pi * hz * times) + dice.normal(size=len(times)) * 0.3
    return [(sensor, time, value, quality) for time, value in zip(times, values, strict=True)]


def play(*parts, **options):
    """Return (sensor, time, transition) of the rule over samples in the order of their times."""
    rows = sorted((row for part in parts for row in part), key=lambda row: row[1])
    engine = RuleEngine(RuleSet((rule_of("spectrum", "rule", [0, 1, 2], {**FREQUENCY, **options}),), "1"), REGISTER)
    sensor, time, value, quality = zip(*rows, strict=True)
    times = np.round((np.array(time) + 1000) * 1e9)
    events = engine.evaluate(make_batch(10**13, sensor, times, value, [int(each) for each in quality]), 1)
    return [(sensor, round(time - 1000, 6), turn) for sensor, time, turn, *_ in told(events)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(("n_segment", "n"), [(64, 500), (101, 1010), (4096, 9000), (50, 50), (333, 1000)])
@pytest.mark.parametrize("pieces", [1, 7])
def test_spectra_of_any_samples_are_those_of_scipy(n_segment, n, pieces):
    """However many come at a time."""
    dice = np.random.default_rng(n)
    values, rate_hz = dice.normal(size=n).cumsum() + 1000, 100.0
    spectra = Spectra(np.array([10 * n * 10**7]), np.array([n_segment]))
    times = np.arange(n) * 10**7
    for part in np.array_split(np.arange(n), pieces):
        spectra.add(0, times[part], values[part], clock=False)
    spectra.windows._span_ns[0] = n * 10**7
    window = spectra.window(0, spectra.windows.cover(0))
    hz, density = signal.welch(values, rate_hz, nperseg=n_segment)
    assert window is not None

    np.testing.assert_allclose(window.density, density, rtol=1e-9, atol=1e-12 * density.max())
    np.testing.assert_allclose(np.arange(len(hz)) * window.rate_hz / n_segment, hz, rtol=1e-12)
    assert float(np.std(values)) == pytest.approx(window.rms)


@pytest.mark.parametrize("hz", [1.8, 1.93, 2.0, 2.017, 2.2])
def test_peak_lies_between_the_lines_of_the_spectrum(hz):
    """A tenth of a hertz between lines, a hundredth of them off."""
    times = np.arange(6000)
    spectra = Spectra(np.array([60 * 10**9]), np.array([1000]))
    spectra.add(0, times * 10**7, np.sin(2 * np.pi * hz * times / 100) + 1e-3, clock=False)
    window = spectra.window(0, spectra.windows.cover(0))
    assert window is not None

    assert hz == pytest.approx(find_peak_hz(window, 2.0, 0.2, 5.0), abs=0.005)


@pytest.mark.parametrize(("hz", "is_found"), [(1.88, True), (1.92, False), (2.2, False)])
def test_spectrum_of_a_mode_that_moved_raises_with_the_third_window(hz, is_found):
    """Five percent of 2 Hz is 1.9 Hz."""
    assert ([(0, 60.0, "RAISED")] if is_found else []) == play(swing(hz, 75))


@pytest.mark.parametrize(
    ("direction", "hz", "is_found"), [("rise", 2.2, True), ("rise", 1.8, False), ("either", 2.2, True)]
)
def test_spectrum_in_its_direction_counts(direction, hz, is_found):
    """Ice makes a bridge stiffer."""
    assert is_found == bool(play(swing(hz, 75), direction=direction))


@pytest.mark.parametrize(("hz", "clears"), [(1.93, False), (1.95, True)])
def test_spectrum_within_the_deadband_stays(hz, clears):
    """It ends below three percent."""
    assert clears == ((0, 100.0, "CLEARED") in play(swing(1.85, 80), swing(hz, 105, 80)))


def test_spectrum_of_noise_is_not_identified():
    """No line stands out: there is no alarm."""
    assert [] == play(swing(1.8, 200, size=0.0), prominence=20)


def test_spectrum_of_a_mode_outside_the_search_is_another():
    """A peak at 1.5 Hz is not the mode near 2 Hz."""
    assert [] == play(swing(1.5, 200))


def test_spectrum_of_a_window_that_is_not_identified_begins_the_count_anew():
    """Three in a row are three in a row."""
    found = play(swing(1.85, 40), swing(1.85, 60, 40, size=0.0), swing(1.85, 130, 60), prominence=20)

    assert [(0, 120.0, "RAISED")] == found


def test_spectrum_learns_its_reference_from_the_first_windows():
    """Two windows at 1.9 Hz: 1.85 Hz is 2.6 percent below, 1.78 is six."""
    options = {"reference_hz": None, "learn_windows": 2}

    assert [] == play(swing(1.9, 40), swing(1.85, 120, 40), **options)
    assert [(0, 100.0, "RAISED")] == play(swing(1.9, 40), swing(1.78, 120, 40), **options)


@pytest.mark.parametrize(("other_hz", "is_found"), [(1.85, True), (1.7, False)])
def test_spectrum_that_must_agree_asks_the_others_of_the_asset(other_hz, is_found):
    """Where another sensor finds another mode, one of them is wrong."""
    found = play(swing(1.85, 90), swing(other_hz, 90, sensor=1), agree=1)

    assert is_found == any(sensor == 0 for sensor, *_ in found)


def test_spectrum_that_must_agree_alone_says_nothing():
    """No other sensor is there to agree."""
    assert [] == play(swing(1.85, 90), agree=1)


@pytest.mark.parametrize("lost", [1, 5, 500])
def test_spectrum_of_a_window_with_lost_samples_is_not_judged(lost):
    """It is the second of three."""
    readings = swing(1.85, 105)
    del readings[1200 : 1200 + lost]

    assert [(0, 100.0, "RAISED")] == play(readings)


def test_spectrum_across_a_long_gap_says_nothing_new():
    """The frequency before the gap does not stand for the one after it."""
    assert [(0, 60.0, "RAISED")] == play(swing(1.85, 75), swing(2.0, 1010, 1000))


def test_spectrum_across_two_clocks_begins_anew():
    """Samples of two clocks are not evenly spaced."""
    assert [] == play(swing(1.85, 50), swing(1.85, 75, 50, quality=Quality.TIME_SERVER))


@pytest.mark.parametrize(("quality", "is_found"), [(Quality.SPIKE, True), (Quality.DEVICE_SUSPECT, False)])
def test_spectrum_judges_blows_and_not_what_the_device_doubts(quality, is_found):
    """One sample of the second window."""
    readings = swing(1.85, 75)
    readings[1200] = (*readings[1200][:3], quality)

    assert is_found == bool(play(readings))


def test_spectrum_of_rms_raises_and_ends_with_the_first_sample_after_a_window():
    """A swing of 2 has an rms of 1.41."""
    found = play(swing(2.0, 40), swing(2.0, 60, 40, size=2.0), swing(2.0, 85, 60), **RMS)

    assert [(0, 60.0, "RAISED"), (0, 80.0, "CLEARED")] == found


def test_spectrum_of_a_changed_segment_begins_anew():
    """A snapshot of other segments fits into the same columns."""
    rules = [RuleSet((rule_of("spectrum", "rule", [0], {**RMS, "segment_s": s}),), "1") for s in (5, 8)]
    engine, changed = (RuleEngine(each, REGISTER) for each in rules)
    rows = swing(2.0, 30)
    times = np.round([1e9 * row[1] for row in rows])
    engine.evaluate(make_batch(10**12, [0] * len(rows), times, [row[2] for row in rows], [0] * len(rows)), 1)
    changed.restore(engine.snapshot())

    assert 0 == changed._parts.evaluators["spectrum"].state().by_alarm["window_count"][0]


@pytest.mark.parametrize(
    "keys",
    [{"judge": "phase"}, {"span_s": 1}, {"segment_s": 0}, {"expected_hz": -1}, {"search_percent": 50}, {"agree": -1}],
)
def test_spectrum_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a mode are rejected."""
    with pytest.raises(ValidationError):
        SpectrumOptions.model_validate({**FREQUENCY, **keys})


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"segment_s": 15}, ("segment_s",)),
        ({"span_s": 600, "segment_s": 200}, ("segment_s",)),
        ({"expected_hz": None}, ("expected_hz",)),
        ({"expected_hz": 24}, ("expected_hz",)),
        ({"expected_hz": 0.5}, ("search_percent",)),
        ({"levels": levels([("yellow", 5, 2, 0, 0, 2)])}, ("levels", 0, "on_samples")),
    ],
)
def test_spectrum_rules_that_cannot_work_say_where(keys, path):
    """Each fault names the key."""
    options = SpectrumOptions.model_validate({**FREQUENCY, **keys})

    assert path in [each.path for each in options.faults(load_quantities()["acceleration"], SENSORS)]


@pytest.mark.parametrize(("options", "unit"), [(FREQUENCY, "%"), (RMS, "m/s2")])
def test_spectrum_judges_percent_or_the_unit_of_the_samples(options, unit):
    """Messages say it."""
    judged = SpectrumOptions.model_validate(options).judged_quantity(load_quantities()["acceleration"])
    assert judged is not None

    assert unit == judged.unit
