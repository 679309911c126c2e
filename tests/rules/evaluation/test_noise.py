"""How much the readings of a sensor scatter, known from one reading to the next."""

import math
import random

import numpy as np
import pytest

from collector.batch import Quality
from rules.admission.admission import AdmittedReadings
from rules.evaluation.noise import LEAST_RANGES, MEMORY, NoiseEstimate, NormalRange
from rules.quality_masks import NOT_NOISE
from tests.rules.small_district import SECOND_NS

LIMIT = 100.0


def noise(**changed):
    """Return the noise estimate of one sensor with two digits after the point; values below 100 are calm."""
    columns = {"wanted": [True], "sign": [1.0], "below": [LIMIT], "finest": [0.01], "stale_ns": [10 * SECOND_NS]}
    columns |= changed
    calm = NormalRange(*(np.array(each) for each in columns.values()))
    return NoiseEstimate(calm, not_learned=NOT_NOISE.flags)


def admitted(rows):
    """Return arrivals of sensor 0; each row is (time in s, value[, quality])."""
    n = len(rows)
    quality = np.array([row[2] if len(row) > 2 else 0 for row in rows], np.uint16)
    yes, no = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    places, sensors = np.arange(n), np.zeros(n, np.intp)
    times = np.array([round(row[0] * SECOND_NS) for row in rows], np.int64)
    values = np.array([row[1] for row in rows], np.float64)
    none = np.zeros(0, np.intp)
    return AdmittedReadings(
        0, places, sensors, times, values, quality, yes, no, no, no, none, has_no_flags=False, one_per_sensor=False
    )


def sigmas(of, rows):
    """Return the sigmas that `of` knew before each of `rows`."""
    came = admitted(rows)
    return of.sigmas(came, came.place, came.sensor, came.value).tolist()


def scattered(n, sd, seed=1, start_s=0.0):
    """Return `n` readings around 20, one a second."""
    dice = random.Random(seed)  # noqa: S311 - the same readings every time
    return [(start_s + i, dice.gauss(20, sd)) for i in range(n)]


@pytest.mark.parametrize("sd", [0.05, 0.5, 5.0])
def test_noise_of_normal_readings_is_their_sigma(sd):
    """In any unit; a tenth is the precision of a hundred ranges, some more where ranges are cut."""
    known = sigmas(noise(), scattered(4000, sd))[500:]

    assert math.isclose(sd, float(np.mean(known)), rel_tol=0.08)


def test_noise_of_a_value_that_wanders_slowly_is_that_of_its_readings():
    """It is short-term noise: a change of the value over an hour is none."""
    rows = [(time_s, value + 30 * math.sin(time_s / 600)) for time_s, value in scattered(4000, 1.0)]

    assert math.isclose(1.0, float(np.mean(sigmas(noise(), rows)[500:])), rel_tol=0.1)


def test_noise_is_known_after_thirty_ranges():
    """Thirty-one readings make thirty ranges; until then nothing is said."""
    known = sigmas(noise(), scattered(LEAST_RANGES + 3, 1.0))

    assert [0.0] * (LEAST_RANGES + 1) == known[: LEAST_RANGES + 1]
    assert min(known[LEAST_RANGES + 1 :]) > 0


def test_noise_of_one_leap_hardly_grows():
    """A leap to another place counts as the largest usual range, a hundredth of the mean."""
    rows = [*scattered(500, 1.0), (500.0, 80.0), (501.0, 80.0)]
    before, after = sigmas(noise(), rows)[-2:]

    assert math.isclose(1 + 2.267 / MEMORY, after / before)


def test_noise_of_a_device_that_ages_follows():
    """Ten times the scatter is known some hundreds of readings later, though each range is cut."""
    aged = [*scattered(500, 0.5), *scattered(1500, 5.0, seed=2, start_s=500)]

    assert math.isclose(5.0, float(np.mean(sigmas(noise(), aged)[-1000:])), rel_tol=0.1)


def test_noise_of_a_value_that_stood_still_can_grow():
    """A mean of 0 does not cut every range to 0: the last digit always counts."""
    still = [(float(i), 20.0) for i in range(200)]

    assert sigmas(noise(), [*still, *scattered(600, 1.0, start_s=200)])[-1] > 0.5


@pytest.mark.parametrize(
    "between",
    [
        [(100.0, 150.0)],
        [(100.0, 100.0)],
        [(100.0, 60.0, Quality.SPIKE)],
        [(100.0, 60.0, Quality.RATE)],
        [(100.0, 60.0, Quality.FLAT)],
        [(100.0, 60.0, Quality.DEVICE_SUSPECT)],
        [(100.0, 60.0, Quality.OUT_OF_RANGE)],
        [(100.0, 60.0, Quality.UNCHECKED)],
        [(130.0, 60.0)],
        [(100.0, 60.0, Quality.TIME_SERVER)],
        [(99.0 - 1e-6, 60.0)],
    ],
    ids=[
        "danger",
        "the end of the level",
        "spike",
        "rate",
        "flat",
        "device",
        "range",
        "unchecked",
        "gap",
        "other clock",
        "back in time",
    ],
)
def test_noise_of_what_is_no_noise_learns_nothing(between):
    """Danger, doubt, gaps and two clocks give no range, neither to the reading nor from it."""
    rows = scattered(100, 1.0)
    learned = noise()
    sigmas(learned, rows)
    before = float(learned.columns()["noise_range"][0])
    sigmas(learned, between)

    assert before == float(learned.columns()["noise_range"][0])


def test_noise_after_a_danger_begins_with_a_new_pair():
    """The way back from a danger is no range."""
    learned = noise()
    sigmas(learned, [*scattered(100, 1.0), (100.0, 150.0), (101.0, 20.0)])
    back = float(learned.columns()["noise_range"][0])
    sigmas(learned, [(102.0, 20.0)])

    assert math.isclose(1 - 1 / MEMORY, float(learned.columns()["noise_range"][0]) / back)


def test_noise_where_the_low_side_is_dangerous_learns_from_what_is_above():
    """Calm is on the other side; limits are mirrored."""
    learned = noise(sign=[-1.0], below=[-LIMIT])
    dangerous = sigmas(learned, scattered(200, 1.0))
    calm = sigmas(learned, [(200.0 + i, value + 200) for i, (_, value) in enumerate(scattered(200, 1.0))])

    assert ([0.0] * 200, True) == (dangerous, calm[-1] > 0.5)


def test_noise_that_nobody_asks_for_is_not_learned():
    """A rule without it pays nothing for another's."""
    learned = noise(wanted=[False])

    assert ([0.0] * 100, 0) == (sigmas(learned, scattered(100, 1.0)), int(learned.columns()["noise_ranges"][0]))


def test_noise_of_values_that_no_number_holds_stays_finite():
    """A difference of the two largest numbers is infinite and is left out."""
    learned = noise(below=[np.inf])
    rows = [(float(i), (-1.0) ** i * 1.7e308) for i in range(100)]

    assert [0.0] * 100 == sigmas(learned, rows)
