"""Slopes and p-values of many series at once against a slow twin, and against chance itself."""

import numpy as np
import pytest
from scipy import stats

from rules.statistics.mann_kendall import sen_slopes
from tests.rules.kinds.case_trend import sen_slope


def noise(n_series, n_points, correlation, seed=1):
    """Return float64[n_series, n_points] of unit variance without a trend."""
    dice = np.random.default_rng(seed)
    steps = dice.normal(size=(n_series, n_points + 50)) * np.sqrt(1 - correlation**2)
    for i in range(1, steps.shape[1]):
        steps[:, i] += correlation * steps[:, i - 1]
    return steps[:, 50:]


@pytest.mark.parametrize("seed", range(5))
def test_sen_slopes_of_random_series_agree_with_their_slow_twin(seed):
    """Holes, ties and autocorrelation included; the slopes are scipy's."""
    dice = np.random.default_rng(seed)
    series = noise(40, 24, 0.4, seed) + dice.normal(size=(40, 1)) * 0.1 * np.arange(24)
    series[::2] = np.round(series[::2], 1)
    series[dice.random(series.shape) < 0.15] = np.nan
    slope, p_value = sen_slopes(series)
    expected = np.array([sen_slope(each) for each in series])

    np.testing.assert_allclose(np.stack((slope, p_value), axis=1), expected, rtol=1e-9)


def test_sen_slopes_of_independent_points_agree_with_kendall_of_scipy():
    """Where nothing is correlated the score is that of Kendall's tau."""
    series = noise(50, 24, 0.0)
    slope, p_value = sen_slopes(series)
    tau = np.array([stats.kendalltau(np.arange(24), each).statistic for each in series])

    assert (np.sign(slope) * np.sign(tau) >= 0).all()
    assert stats.spearmanr(np.abs(tau), -p_value).statistic > 0.85


def test_sen_slopes_of_a_straight_line_are_certain():
    """The rest of rounding is no autocorrelation."""
    slope, p_value = sen_slopes(np.arange(24)[np.newaxis, :] * 0.1 + 7.3)

    assert (pytest.approx(0.1), True) == (slope[0], bool(p_value[0] < 1e-6))


def test_sen_slopes_of_a_constant_are_chance():
    """Nothing but ties has no trend, and divides nothing by zero."""
    slope, p_value = sen_slopes(np.full((1, 24), 5.0))

    assert (0.0, 1.0) == (slope[0], p_value[0])


def test_sen_slopes_of_too_few_points_are_not_known():
    """Fourteen points or none tell nothing."""
    series = np.full((2, 24), np.nan)
    series[0, :14] = range(14)
    slope, p_value = sen_slopes(series)

    assert np.isnan([*slope, *p_value]).all()


@pytest.mark.parametrize("bad", range(7))
def test_sen_slopes_with_bad_points_stay_near(bad):
    """Theil-Sen breaks down at 29 % of the points: six wild ones of 24 leave the sign and most slope."""
    dice = np.random.default_rng(bad)
    series = np.arange(24) * 1.0 + dice.normal(size=24) * 0.1
    series[dice.choice(24, bad, replace=False)] = dice.choice([-1e6, 1e6], bad)

    assert pytest.approx(1.0, abs=0.7) == sen_slopes(series[np.newaxis, :])[0][0]


@pytest.mark.parametrize(("correlation", "at_most"), [(0.0, 0.06), (0.3, 0.09), (0.6, 0.14), (0.8, 0.17)])
def test_sen_slopes_of_autocorrelated_noise_rarely_find_a_trend(correlation, at_most):
    """At 5 %, where without a correction 5, 12, 29 and 46 % of such series seem to have one."""
    _, p_value = sen_slopes(noise(2000, 24, correlation))

    assert float(np.mean(p_value < 0.05)) < at_most


@pytest.mark.parametrize("power", [1, 2, 3])
def test_sen_slopes_of_a_trend_that_speeds_up_find_it(power):
    """A creeping slope is a trend, although it is no straight line."""
    creep = 40 * (np.arange(24) / 24) ** power
    _, p_value = sen_slopes(noise(500, 24, 0.3) + creep)

    assert float(np.mean(p_value < 0.01)) > 0.85


def test_sen_slopes_of_a_clear_trend_in_noise_find_it():
    """A rise of four sigma over the window is found nearly always in independent noise."""
    _, p_value = sen_slopes(noise(500, 24, 0.0) + np.arange(24) * 4 / 24)

    assert float(np.mean(p_value < 0.05)) > 0.95
