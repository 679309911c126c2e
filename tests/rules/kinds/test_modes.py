"""Modes of frames that soften, swing otherwise or are not heard well, one at a time."""

import dataclasses
import doctest
import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from pyoma2.functions.fdd import FDD_mpe, SD_est, SD_svalsvec
from pyoma2.functions.gen import MAC
from scipy import linalg, signal

from collector.batch import Quality, make_batch
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import modes as module
from rules.kinds.modes import ModesOptions
from rules.loading.loading import load_rules
from rules.rule import RuleSet
from rules.spectral.mode_shapes import first_density, mac
from rules.spectral.spectra import find_peak, transform
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import told

STEP_S = 0.05
PAGE = Path(__file__).parents[3] / "docs/rules/modes.md"
SENSORS = [Sensor(f"F.{i}", "F", "D", f"a{i}", "acceleration", 1.0, 0.0, STEP_S, 5.0, "") for i in range(3)]
REGISTER = Register({}, {"F": Asset("F", "frame", "bridge", "F", "F", "R", 0.0, 0.0)}, SENSORS, {}, [])
FIRST, SECOND = np.array([0.328, 0.591, 0.737]), np.array([-0.737, -0.328, 0.591])
OPTIONS = {
    "span_s": 20,
    "segment_s": 10,
    "expected_hz": 2.0,
    "reference_hz": 2.0,
    "reference_shape": {each.id: float(a) for each, a in zip(SENSORS, FIRST, strict=True)},
    "levels": levels([("yellow", 5, 2, 0, 0, 3, 1)]),
}


def swing(hz, until_s, start_s=0.0, shape=FIRST, size=2.0, quality=0, late_s=(0.0, 0.0, 0.0)):
    """Return samples of three floors that swing at `hz` in some noise."""
    times = np.arange(round(start_s / STEP_S), round(until_s / STEP_S)) * STEP_S
    dice = np.random.default_rng(round(until_s))
    values = size * np.outer(np.sin(2 * np.pi * hz * times), shape) + 0.3 * dice.normal(size=(len(times), 3))
    return [(k, t + late_s[k], values[i, k], quality) for i, t in enumerate(times) for k in range(3)]


def played(*parts, engine=None, **options):
    """Return (engine, its events) of samples in the order of their times."""
    rows = sorted((row for part in parts for row in part), key=lambda row: row[1])
    engine = engine or RuleEngine(
        RuleSet((rule_of("modes", "rule", [0, 1, 2], {**OPTIONS, **options}),), "1"), REGISTER
    )
    sensor, time, value, quality = zip(*rows, strict=True)
    times = np.round((np.array(time) + 1000) * 1e9)
    events = engine.evaluate(make_batch(10**13, sensor, times, value, [int(each) for each in quality]), 1)
    return engine, [(sensor, round(time - 1000, 6), turn) for sensor, time, turn, *_ in told(events)]


def play(*parts, **options):
    """Return (sensor, time, transition) of the rule."""
    return played(*parts, **options)[1]


def held(*parts, **options):
    """Return how many windows were left out, by reason."""
    counts = played(*parts, **options)[0].counts
    return {reason: n for (name, reason), n in counts.items() if name == "readings_held" and n}


def frame(stiffness, n=60_000, step_s=0.01, damping=0.01, seed=1):
    """Return (samples, natural frequencies, shapes) of a shear frame of one tonne a floor in white noise."""
    k, floors = np.array(stiffness, np.float64), len(stiffness)
    stiff = np.diag(k + np.append(k[1:], 0)) - np.diag(k[1:], 1) - np.diag(k[1:], -1)
    square, shapes = linalg.eigh(stiff)
    omega = np.sqrt(square)
    loss = shapes @ np.diag(2 * damping * omega) @ shapes.T
    still, one = np.zeros((floors, floors)), np.eye(floors)
    system = np.block([[still, one], [-stiff, -loss]])
    out, through = np.hstack([-stiff, -loss]), one
    force = np.random.default_rng(seed).normal(size=(n, floors))
    discrete = signal.cont2discrete((system, np.vstack([still, one]), out, through), step_s)
    _, heard, _ = signal.dlsim((*discrete[:4], step_s), force)
    return heard, omega / (2 * np.pi), shapes


def segments_of(samples, n_segment):
    """Return complex128[m, n_segments, n_lines] of float64[n, m], as a window would."""
    starts = range(0, len(samples) - n_segment + 1, n_segment - n_segment // 2)
    return np.array([[transform(part[i : i + n_segment]) for i in starts] for part in samples.T])


def identified(samples, rate_hz, n_segment, expected_hz):
    """Return (Hz, shape) of the mode near `expected_hz`."""
    hz, density, shapes = first_density(segments_of(samples, n_segment), rate_hz, n_segment, 0)
    found = find_peak(hz, density, expected_hz, 0.15, 5.0)
    assert found is not None
    return found.hz, shapes[found.line]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(("m", "n", "n_segment"), [(2, 500, 64), (3, 1010, 101), (5, 3000, 512), (16, 2000, 128)])
def test_decomposed_of_any_samples_is_that_of_scipy(m, n, n_segment):
    """Cross-spectra pair by pair, and a decomposition line by line."""
    samples = np.random.default_rng(n).normal(size=(n, m)).cumsum(axis=0) + 100
    hz, cross = signal.csd(samples.T[:, np.newaxis], samples.T[np.newaxis], 100.0, nperseg=n_segment)
    split = [np.linalg.svd(cross[:, :, i]) for i in range(len(hz))]
    own_hz, density, shapes = first_density(segments_of(samples, n_segment), 100.0, n_segment, 0)
    alike = [mac(shape, vectors[:, 0].conj()) for shape, (vectors, _, _) in zip(shapes, split, strict=True)]

    np.testing.assert_allclose(own_hz, hz)
    np.testing.assert_allclose(density[1:], [values[0] for _, values, _ in split][1:], rtol=1e-8)
    np.testing.assert_allclose(alike[1:], 1.0, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stiffness", [[900.0, 700.0], [1000.0, 1000.0, 1000.0]])
def test_modes_of_a_shear_frame_are_those_of_another_program(stiffness, seed):
    """pyOMA2 takes the line of the largest first singular value over the second: one of ours, or the next."""
    samples, natural, _ = frame(stiffness, seed=seed)
    hz, cross = SD_est(samples.T, samples.T, 0.01, 2048, method="per")
    values, vectors = SD_svalsvec(cross)
    theirs_hz, theirs = FDD_mpe(values, vectors, hz, list(natural), DF=0.15)
    own_hz, density, shapes = first_density(segments_of(samples, 2048), 100.0, 2048, 0)
    found = [own for each in natural if (own := find_peak(own_hz, density, each, 0.15, 5.0))]

    np.testing.assert_allclose(density[1:], values[0, 0, 1:] ** 2, rtol=1e-8)
    np.testing.assert_allclose([each.hz for each in found], theirs_hz, atol=2 * hz[1])
    assert all(MAC(shapes[each.line], theirs[:, i]) > 0.99 for i, each in enumerate(found))


@pytest.mark.parametrize("stiffness", [[900.0, 700.0], [1000.0, 1000.0, 1000.0], [1500.0, 900.0, 400.0]])
def test_modes_of_a_shear_frame_are_found_to_a_percent_with_their_shapes(stiffness):
    """Ten minutes at 100 Hz, one percent of damping: each mode of two or three floors."""
    samples, natural, shapes = frame(stiffness)
    found = [identified(samples, 100.0, 2048, hz) for hz in natural]

    np.testing.assert_allclose([hz for hz, _ in found], natural, rtol=0.01)
    assert all(mac(shape, true) > 0.95 for (_, shape), true in zip(found, shapes.T, strict=True))


def test_mac_tells_modes_apart_whatever_their_size_and_phase():
    """Half of the shapes are turned by a quarter of a swing."""
    assert mac(FIRST.astype(complex), 3j * FIRST) == pytest.approx(1.0)
    assert mac(FIRST.astype(complex), SECOND.astype(complex)) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("hz", "is_found"), [(1.88, True), (1.92, False), (2.2, False)])
def test_modes_of_a_mode_that_moved_raise_with_the_third_window(hz, is_found):
    """Five percent of 2 Hz is 1.9 Hz; the alarm is the first sensor's."""
    assert ([(0, 60.0, "RAISED")] if is_found else []) == play(swing(hz, 75))


@pytest.mark.parametrize(
    ("direction", "hz", "is_found"), [("rise", 2.2, True), ("rise", 1.8, False), ("either", 2.2, True)]
)
def test_modes_in_their_direction_count(direction, hz, is_found):
    """Ice makes a bridge stiffer."""
    assert is_found == bool(play(swing(hz, 75), direction=direction))


@pytest.mark.parametrize(("hz", "clears"), [(1.93, False), (1.95, True)])
def test_modes_within_the_deadband_stay(hz, clears):
    """It ends below three percent."""
    assert clears == ((0, 100.0, "CLEARED") in play(swing(1.85, 80), swing(hz, 105, 80)))


def test_modes_of_two_that_change_places_are_not_judged():
    """Another mode, six percent lower, shakes more: its shape gives it away, as its frequency alone would not."""
    first, second = swing(2.0, 200), swing(1.88, 200, shape=SECOND, size=6.0)
    both = [(k, t, a + b, 0) for (k, t, a, _), (_, _, b, _) in zip(first, second, strict=True)]

    assert ([], {"another_mode": 9}) == (play(both), held(both))
    assert [(0, 60.0, "RAISED")] == play(
        both, least_mac=0.5, reference_shape=dict(zip(OPTIONS["reference_shape"], SECOND, strict=True))
    )


def test_modes_of_noise_are_not_identified():
    """No line stands out: there is no alarm."""
    assert {"no_mode": 9} == held(swing(1.8, 200, size=0.0), prominence=20)


def test_modes_of_a_window_that_is_not_identified_begin_the_count_anew():
    """Three in a row are three in a row."""
    found = play(swing(1.85, 40), swing(1.85, 60, 40, shape=SECOND), swing(1.85, 130, 60))

    assert [(0, 120.0, "RAISED")] == found


def test_modes_learn_frequency_and_shape_from_the_first_windows():
    """Two windows at 1.9 Hz: 1.85 Hz is 2.6 percent below, 1.78 is six; the other shape is another mode."""
    options = {"reference_hz": None, "reference_shape": None, "learn_windows": 2}

    assert [] == play(swing(1.9, 40), swing(1.85, 120, 40), **options)
    assert [(0, 100.0, "RAISED")] == play(swing(1.9, 40), swing(1.78, 120, 40), **options)
    assert {"another_mode": 3} == held(swing(1.9, 40), swing(1.78, 110, 40, shape=SECOND), **options)


def test_modes_that_learn_learn_only_the_written_shape():
    """A frequency of another mode is no reference."""
    options = {"reference_hz": None, "learn_windows": 2}

    assert [(0, 120.0, "RAISED")] == play(
        swing(1.7, 20, shape=SECOND), swing(1.9, 60, 20), swing(1.78, 140, 60), **options
    )


def test_modes_that_have_learned_two_modes_for_one_learn_anew():
    """A window of each, then two of the first."""
    options = {"reference_hz": None, "reference_shape": None, "learn_windows": 2}
    mixed = [swing(1.9, 20, shape=SECOND), swing(1.9, 80, 20), swing(1.78, 145, 80)]

    assert [(0, 140.0, "RAISED")] == play(*mixed, **options)


@pytest.mark.parametrize("lost", [1, 3, 600])
def test_modes_of_a_window_with_lost_samples_are_not_judged(lost):
    """One sensor, or all of them, in the second of three."""
    readings = swing(1.85, 105)
    del readings[1500 : 1500 + lost]

    assert [(0, 100.0, "RAISED")] == play(readings)


@pytest.mark.parametrize(("late_s", "is_found"), [(0.004, True), (0.01, False)])
def test_modes_of_sensors_that_did_not_sample_together_are_not_judged(late_s, is_found):
    """A tenth of a step is 5 ms."""
    readings = swing(1.85, 75, late_s=(0.0, 0.0, late_s))

    assert is_found == bool(play(readings))
    assert ({} if is_found else {"not_together": 3}) == held(readings)


def test_modes_of_a_silent_sensor_are_not_judged_and_counted():
    """Two of three go on."""
    readings = [each for each in swing(1.85, 105) if each[0] < 2 or each[1] < 30]

    assert ([], "not_together" in held(readings)) == (play(readings), True)


def test_modes_of_blocks_of_channels_are_those_of_samples_in_turn():
    """A logger sends half a window of each channel at once."""
    readings = swing(1.85, 75)
    engine = None
    told = []
    for begin in range(0, 80, 10):
        for k in range(3):
            block = [each for each in readings if each[0] == k and begin <= each[1] < begin + 10]
            if block:
                engine, found = played(block, engine=engine)
                told += found

    assert [(0, 60.0, "RAISED")] == told


def test_modes_across_a_long_gap_say_nothing_new():
    """The frequency before the gap does not stand for the one after it."""
    assert [(0, 60.0, "RAISED")] == play(swing(1.85, 75), swing(2.0, 1010, 1000))


def test_modes_across_two_clocks_begin_anew():
    """Samples of two clocks are not evenly spaced."""
    assert [] == play(swing(1.85, 50), swing(1.85, 75, 50, quality=Quality.TIME_SERVER))


@pytest.mark.parametrize(("quality", "is_found"), [(Quality.SPIKE, True), (Quality.DEVICE_SUSPECT, False)])
def test_modes_judge_blows_and_not_what_the_device_doubts(quality, is_found):
    """One sample of the second window."""
    readings = swing(1.85, 75)
    readings[1500] = (*readings[1500][:3], quality)

    assert is_found == bool(play(readings))


@pytest.mark.parametrize(("keys", "is_kept"), [({}, True), ({"segment_s": 8}, False), ({"expected_hz": 2.1}, False)])
def test_modes_of_a_changed_rule_begin_anew(keys, is_kept):
    """A snapshot of other segments, or of another mode, fits into the same columns."""
    learned = {"reference_shape": None, "learn_windows": 1}
    rules = [
        RuleSet((rule_of("modes", "rule", [0, 1, 2], {**OPTIONS, **learned, **each}),), "1") for each in ({}, keys)
    ]
    engine, changed = (RuleEngine(each, REGISTER) for each in rules)
    played(swing(2.0, 30), engine=engine)
    changed.restore(engine.snapshot())
    state = changed._parts.evaluators["modes"].state().by_alarm

    assert is_kept == bool(state["window_count"][0])
    assert ("expected_hz" not in keys) == bool(state["learned"][0])


@pytest.mark.parametrize(
    "keys", [{"expected_hz": None}, {"least_mac": 0.4}, {"least_mac": 1.1}, {"search_percent": 50}, {"span_s": 1}]
)
def test_modes_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a mode are rejected."""
    with pytest.raises(ValidationError):
        ModesOptions.model_validate({**OPTIONS, **keys})


@pytest.mark.parametrize(
    ("keys", "path", "sensors"),
    [
        ({}, ("quantity",), SENSORS[:1]),
        ({"segment_s": 15}, ("segment_s",), SENSORS),
        ({"expected_hz": 9.5}, ("expected_hz",), SENSORS),
        ({"expected_hz": 0.5}, ("search_percent",), SENSORS),
        ({"span_s": 3600}, ("span_s",), SENSORS),
        ({"reference_shape": {"F.0": 1.0}}, ("reference_shape",), SENSORS),
        ({"reference_shape": {"F.0": 0.0, "F.1": 0.0, "F.2": 0.0}}, ("reference_shape",), SENSORS),
        ({"levels": levels([("yellow", 5, 2, 0, 0, 2)])}, ("levels", 0, "on_samples"), SENSORS),
    ],
)
def test_modes_rules_that_cannot_work_say_where(keys, path, sensors):
    """Each fault names the key."""
    options = ModesOptions.model_validate({**OPTIONS, **keys})

    assert path in [each.path for each in options.faults(load_quantities()["acceleration"], sensors)]


def test_modes_rule_that_works_has_no_fault():
    """The one that all of the above change."""
    assert [] == list(ModesOptions.model_validate(OPTIONS).faults(load_quantities()["acceleration"], SENSORS))


def test_modes_judge_percent():
    """Messages say it."""
    judged = ModesOptions.model_validate(OPTIONS).judged_quantity(load_quantities()["acceleration"])
    assert judged is not None

    assert "%" == judged.unit


def test_modes_page_example_raises_with_the_third_window(tmp_path):
    """Ten minutes each: 1.9 Hz says nothing, 1.78 Hz is six percent lower."""
    example = PAGE.read_text(encoding="utf-8").partition("## Example")[2]
    (tmp_path / "rules.yaml").write_text(re.search(r"```yaml\n(.*?)```", example, re.DOTALL)[1], encoding="utf-8")
    floors = [dataclasses.replace(each, id=f"F.{i}") for i, each in enumerate(SENSORS, 1)]
    register = Register({}, dict(REGISTER.assets), floors, {}, [])
    engine = RuleEngine(load_rules(tmp_path, register, load_quantities()), register)
    readings = [*swing(1.9, 1400), *swing(1.78, 3300, 1400)]

    assert [(0, 3200.0, "RAISED")] == played(readings, engine=engine)[1]
